"""A peer's database in memory, and alice's profile without a broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sealwire.peer.client import Client
from sealwire.peer.store import Store
from tests.unit.peer.profile_of_alice import opened


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store(None, bytes(32))
    yield made
    made.close()


@pytest.fixture
async def alice(tmp_path: Path) -> AsyncIterator[Client]:
    client = await opened(tmp_path)
    yield client
    await client.close()
