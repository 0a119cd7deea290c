"""Fixtures shared by all tests."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, Generator, Iterator
from datetime import date
from pathlib import Path

import pytest

os.environ["SEALWIRE_LANG"] = "en"  # sentences are compared in English, whatever language the machine speaks

from sealwire import i18n
from sealwire.cli import GARBAGE_AFTER
from sealwire.testing import Network
from tests.vectors.people import person

# Under nohup, or in the background of a script, these would be ignored here and by every program that is started.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("SEALWIRE_TEST_DAY", str(date.today().toordinal()))  # one for all processes, at midnight as well

for size in ("COLUMNS", "LINES"):
    os.environ.pop(size, None)  # of whoever runs the tests: terminals here have sizes of their own


@contextlib.contextmanager
def shut_out(folder: Path) -> Iterator[None]:
    """Be a user who may not look into a folder of mode 0700."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65_534)
    else:
        folder.chmod(0)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        else:
            folder.chmod(0o700)


TCP_USER_TIMEOUT = 18
"""Of Linux; Python names it where its headers do."""


def loopback(address: str) -> socket.socket:
    """Listen at a loopback address of either family; a test on a machine without IPv6 is skipped for that one."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, 0), family=family)
    except OSError:
        if family == socket.AF_INET:
            raise
        pytest.skip("this machine has no IPv6")


def watched(fd: int) -> list[int]:
    """How Linux watches a connection: whether, seconds until it asks, how often, how far apart, ms until it ends."""
    tcp = (socket.TCP_KEEPIDLE, socket.TCP_KEEPCNT, socket.TCP_KEEPINTVL, TCP_USER_TIMEOUT)
    with socket.socket(fileno=os.dup(fd)) as connection:
        is_on = connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        return [is_on, *(connection.getsockopt(socket.IPPROTO_TCP, option) for option in tcp)]


PEOPLE = {name: person(name) for name in ("alice", "bob", "mallory")}


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes share the tests: two more than there are processors, for many tests wait for others.

    Whoever names tests wants to see them run, and to stop in them: those run here.
    """
    is_whole = config.args == config.getini("testpaths")
    return (os.cpu_count() or 1) + 2 if is_whole else 0


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage as seldom as the programs do, and never again through what was imported and collected: all of it
    stays, and looking through it was a fifth of what the tests of the terminal took.
    """
    gc.disable()
    collected = yield
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)
    gc.enable()
    return collected


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Network]:
    """A broker without sockets; peers come with ``net.peer(name)``."""
    with Network(tmp_path, PEOPLE) as network:
        yield network


@pytest.fixture
def speak() -> Iterator[Callable[[str], None]]:
    """Changes the language of this process until the test ends."""
    yield lambda language: i18n.use([language])
    i18n.use(["en"])
