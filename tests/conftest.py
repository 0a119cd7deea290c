"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sealwire.testing import Network
from tests.vectors.people import person

_STATUS = pytest.StashKey[int]()
PEOPLE = {name: person(name) for name in ("alice", "bob", "mallory")}


@pytest.fixture
def net(tmp_path: Path) -> Network:
    """A broker without sockets; peers come with ``net.peer(name)``."""
    return Network(tmp_path, PEOPLE)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember how it went for the very end."""
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End without Python's own end, after everything was reported.

    Peers and brokers of a story die as by SIGKILL, so their databases and threads are still there, some of them over
    the recording file system, which is Python itself: SQLite must not call into it while the interpreter goes down.
    """
    status = config.stash.get(_STATUS, None)
    if status is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
