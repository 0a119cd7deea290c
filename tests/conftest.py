"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealwire.testing import Network
from tests.vectors.people import person

PEOPLE = {name: person(name) for name in ("alice", "bob", "mallory")}


@pytest.fixture
def net(tmp_path: Path) -> Network:
    """A broker without sockets; peers come with ``net.peer(name)``."""
    return Network(tmp_path, PEOPLE)
