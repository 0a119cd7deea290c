"""When a connection is given up that libzmq still believes in."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from types import SimpleNamespace

import pytest

from sealwire.peer import inflow
from sealwire.peer.connection import Connector
from sealwire.peer.hauler import Hauler
from sealwire.peer.inflow import LOOK_S
from sealwire.peer.login import Credentials
from sealwire.peer.mover import Mover, Removal
from sealwire.peer.records import Now
from tests.unit.peer.test_link import link_to, router
from tests.vectors.people import person

__all__ = ["router"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much came on a connection")

CURVE = SimpleNamespace(connection_public=bytes(32), connection_secret=bytes(32))


class Told:
    """An engine that only notes that a connection came and went."""

    online = False
    spread_s = 1.0

    def __init__(self) -> None:
        self.words: list[str] = []

    def connect(self, _now: Now) -> None:
        self.words.append("connected")

    def disconnected(self) -> None:
        self.words.append("lost")


async def test_a_broker_that_brings_bytes_and_no_frame_is_left(router, monkeypatch):
    address, key, _socket = router
    profile = SimpleNamespace(
        broker_address=address, broker_key=key, broker_key_source="", reconnect_first_s=1.0, reconnect_most_s=1.0
    )
    connector, engine = Connector(profile, CURVE, lambda: None), Told()
    connector._link.finish(0)
    connector._link = link_to(address, key)  # with a connection key of its own
    ends = time.monotonic() + 10
    while not engine.words and time.monotonic() < ends:
        connector.advance(Now(0, time.monotonic()), engine)
        await asyncio.sleep(0.01)
    later = time.monotonic() + LOOK_S + 0.1
    assert connector.deadline() < later
    assert connector.advance(Now(0, later), engine) is None
    monkeypatch.setattr(inflow, "UNHEARD_BYTES", -1)
    shown = connector.advance(Now(0, later + LOOK_S), engine)
    assert shown is not None
    assert (shown.state, engine.words) == ("offline", ["connected", "lost"])
    connector.finish(0.0)


def test_so_is_the_connection_for_files(router, monkeypatch, tmp_path):
    monkeypatch.setattr(inflow, "UNHEARD_BYTES", -1)
    monkeypatch.setattr("sealwire.peer.hauler.LOOK_S", 0.05)
    address, key, socket = router
    mover = Mover(person("alice"), Credentials(key, bytes(32), None), os.urandom)
    mover.remove(Removal(1, bytes(16), mover.news))
    hauler = Hauler(mover, link_to(address, key), tmp_path, lambda _news: None)
    hauler.may_connect(True)
    came = set()
    while len(came) < 2 and socket.poll(5_000):
        came.add(socket.recv_multipart()[0])
    hauler.stop()
    assert len(came) == 2, "it went and came again"
