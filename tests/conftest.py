"""Fixtures shared by all tests."""

from __future__ import annotations

import contextlib
import gc
from pathlib import Path

import apsw
import pytest

from sealwire.testing import Network
from tests.vectors.people import person

PEOPLE = {name: person(name) for name in ("alice", "bob", "mallory")}


@pytest.fixture
def net(tmp_path: Path) -> Network:
    """A broker without sockets; peers come with ``net.peer(name)``."""
    return Network(tmp_path, PEOPLE)


def pytest_unconfigure() -> None:
    """Close what tests left open while Python is still whole.

    Peers and brokers of a story die as by SIGKILL, so their databases stay open, some of them over the recording file
    system. That one is Python itself: SQLite must not call into it after the interpreter has taken it down.
    """
    gc.collect()
    for connection in apsw.connections():
        with contextlib.suppress(apsw.Error):
            connection.close(True)
