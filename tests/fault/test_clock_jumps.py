"""The system's clock is set, by a day and by ten years, under programs that run: nothing but a shown time may notice.

Real processes. What they see as the wall clock is moved by ``wall_clock.c``, loaded before their libc.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sealwire.broker.admin import ask
from sealwire.broker.keyfiles import read_public
from sealwire.testing.processes import JsonPeer, Stage
from sealwire.wire import frames
from sealwire.wire.frames import Verb
from tests.conftest import PEOPLE
from tests.unit.broker.raw_peer import RawPeer, member

pytestmark = pytest.mark.process

SOURCE = Path(__file__).with_name("wall_clock.c")
DAY_S = 86_400
YEARS_S = 3_650 * DAY_S
JUMPS = (DAY_S, -DAY_S, -YEARS_S, YEARS_S)
NOW = "import time; print(time.time(), time.monotonic())"


class WallClock:
    """The wall clock of whatever is started with :attr:`prefix`."""

    def __init__(self, library: Path, path: Path) -> None:
        self._path = path
        self._path.write_bytes(bytes(8))
        self.prefix = ("env", f"LD_PRELOAD={library}", f"WALL_CLOCK_FILE={path}")

    def move(self, seconds: int) -> None:
        with self._path.open("r+b") as file:
            file.write(struct.pack("=q", seconds))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not sys.platform.startswith("linux") or shutil.which("gcc") is None:
        assert os.environ.get("CI") != "true", "CI must have what .ci/apt.txt names"
        pytest.skip("gcc on Linux is needed")
    made = tmp_path_factory.mktemp("clock") / "wall_clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-o", made, SOURCE], check=True)
    return made


@pytest.fixture
def stage(library: Path, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, {name: PEOPLE[name] for name in ("alice", "bob")})
    stage.brokers, stage.peers = WallClock(library, tmp_path / "b"), WallClock(library, tmp_path / "p")
    stage.broker_prefix, stage.peer_prefix = stage.brokers.prefix, stage.peers.prefix
    with stage:
        yield stage


@contextmanager
def raw(stage: Stage, name: str) -> Iterator[RawPeer]:
    """A peer without a process, logged in."""
    curve = read_public(stage.path / "keys" / "broker.pub")
    peer = RawPeer(stage.address, curve, member(name, curve))
    try:
        peer.login()
        yield peer
    finally:
        peer.close()


def logins(stage: Stage) -> int:
    return ask(stage.path / "data" / "broker", {"do": "status"})["status"]["logins"]


def say(one: JsonPeer, to: str, text: str, other: JsonPeer) -> None:
    assert one.request("send", to=to, text=text, wait="sent")["result"]["state"] == "sent"
    assert other.wait_for("message")["text"] == text


def test_only_the_wall_clock_moves(library: Path, tmp_path: Path) -> None:
    clock = WallClock(library, tmp_path / "clock")
    clock.move(-YEARS_S)
    said = subprocess.run([*clock.prefix, sys.executable, "-c", NOW], capture_output=True, text=True, check=True).stdout
    wall, steady = map(float, said.split())
    assert wall == pytest.approx(time.time() - YEARS_S, abs=60)
    assert steady == pytest.approx(time.monotonic(), abs=60)


def test_no_link_ends_and_no_mail_goes_when_somebody_sets_the_clock(stage: Stage) -> None:
    curve = read_public(stage.path / "keys" / "broker.pub")
    box = member("away", curve).card.card.mailbox
    with raw(stage, "away"), raw(stage, "writer") as writer:
        writer.send(box, b"kept")
        assert writer.recv(Verb.ACCEPTED)
    alice, bob = stage.peer("alice"), stage.peer("bob")
    alice.wait_for("ready")
    bob.wait_for("ready")
    say(alice, "bob", "before", bob)
    before = logins(stage)
    for jump in JUMPS:
        stage.brokers.move(jump)
        stage.peers.move(-jump)
        say(alice, "bob", f"to bob, {jump}", bob)
        say(bob, "alice", f"to alice, {jump}", alice)
    assert logins(stage) == before, "somebody had to log in again"

    for jump in (-YEARS_S, YEARS_S):  # nor is what waits too old for a broker that starts in another decade
        stage.broker.kill()
        stage.brokers.move(jump)
        stage.start_broker()
    with raw(stage, "away") as away:
        assert frames.decode_deliver(away.recv(Verb.DELIVER))[2] == b"kept"
    say(bob, "alice", "all here", alice)
    for one in (alice, bob):
        warned = {event["name"] for event in list(one._queue("warning").queue)}
        assert not warned & {"gap", "expired", "clone", "unreadable"}
