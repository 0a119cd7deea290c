"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sealwire.testing import Network
from tests.vectors.people import person

PEOPLE = {name: person(name) for name in ("alice", "bob", "mallory")}


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Network]:
    """A broker without sockets; peers come with ``net.peer(name)``."""
    with Network(tmp_path, PEOPLE) as network:
        yield network
