"""The link's reading of its monitor: who refused, and whether that is for good."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from select import select
from socket import create_connection, create_server
from threading import Thread

import pytest
import zmq
from zmq.utils.z85 import decode

from sealwire.peer import inflow
from sealwire.peer.link import Link, LinkEvent, _read
from sealwire.wire import frames, many
from sealwire.wire.frames import Verb
from tests.conftest import watched


@pytest.mark.parametrize(
    ("event", "value", "meaning"),
    [
        (zmq.EVENT_HANDSHAKE_FAILED_AUTH, 400, LinkEvent.REFUSED),
        (zmq.EVENT_HANDSHAKE_FAILED_AUTH, 500, LinkEvent.BUSY),
        (zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, 11, LinkEvent.WRONG_KEY),
        (zmq.EVENT_HANDSHAKE_SUCCEEDED, 0, LinkEvent.ADMITTED),
        (zmq.EVENT_DISCONNECTED, 9, LinkEvent.LOST),
    ],
)
def test_monitor_events_have_one_meaning(event, value, meaning):
    assert _read({"event": event, "value": value, "endpoint": b""}) is meaning


@pytest.fixture
def router():
    public, secret = zmq.curve_keypair()
    context = zmq.Context()
    socket = context.socket(zmq.ROUTER)
    socket.linger = 0
    socket.curve_server = 1
    socket.curve_secretkey = secret
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    yield f"tcp://127.0.0.1:{port}", decode(public), socket
    socket.close(0)
    context.term()


def link_to(address: str, key: bytes) -> Link:
    public, secret = (decode(half) for half in zmq.curve_keypair())
    return Link(address, key, public, secret)


def first_event(link: Link) -> LinkEvent:
    link.open()
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        events = link.drain_events()
        if events:
            return events[0]
        time.sleep(0.005)
    raise AssertionError("the monitor said nothing")


@pytest.mark.skipif(sys.platform != "linux", reason="reads options that only Linux tells")
def test_the_system_watches_the_connection(router):
    address, key, _ = router
    link = link_to(address, key)
    assert first_event(link) is LinkEvent.ADMITTED
    assert link._inflow is not None
    assert watched(link._inflow._fd) == [1, 20, 5, 2, 30_000]
    link.finish()


def test_the_pinned_key_is_admitted_and_frames_go_both_ways(router):
    address, key, socket = router
    link = link_to(address, key)
    assert first_event(link) is LinkEvent.ADMITTED
    assert link.send([b"one", b"two"])
    rid, one = socket.recv_multipart()
    assert (one, socket.recv_multipart()[1]) == (b"one", b"two")
    socket.send_multipart([rid, b"answer"])
    socket.send_multipart([rid, b"more", b"parts"])
    frames: list[bytes] = []
    while len(frames) < 2:
        frames += link.drain_frames()
    assert frames == [b"answer", b""], "a multipart message is no frame"
    link.finish()


def test_messages_of_one_turn_leave_together_and_come_apart(router):
    address, key, socket = router
    link = link_to(address, key)
    assert first_event(link) is LinkEvent.ADMITTED
    token, mid, box = frames.Token(b"token678"), frames.Mid(bytes(16)), frames.Mailbox(bytes(16))
    sends = [frames.encode_send(token, seq, mid, box, b"envelope") for seq in (1, 2, 3)]
    assert link.send([b"hello", *sends])
    rid, hello = socket.recv_multipart()
    together = socket.recv_multipart()[1]
    assert (hello, together[0], many.decode_send_many(together)) == (b"hello", Verb.SEND_MANY, sends)
    delivers = [frames.encode_deliver(seq, mid, b"envelope") for seq in (1, 2)]
    spoilt = many.encode_deliver_many(delivers)[:-1]
    for frame in (many.encode_deliver_many(delivers), spoilt):
        socket.send_multipart([rid, frame])
    came: list[bytes] = []
    while len(came) < 3:
        came += link.drain_frames()
    assert came == [*delivers, spoilt], "what cannot be read is for the engine to refuse"
    link.finish()


class Narrow(Thread):
    """Stands between a link and a router and passes on so many bytes towards the link, then none."""

    def __init__(self, address: str, most: int) -> None:
        super().__init__(daemon=True)
        self._port, self._most = int(address.rpartition(":")[2]), most
        self._listener = create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.start()

    def run(self) -> None:
        with suppress(ConnectionError), self._listener:
            link, router = self._listener.accept()[0], create_connection(("127.0.0.1", self._port))
            with link, router:
                while self._most > 0:
                    for ready in select([link, router], [], [])[0]:
                        content = ready.recv(65_536)
                        (router if ready is link else link).sendall(content)
                        self._most -= len(content) if ready is router else 0
                link.recv(65_536)  # until the link gives up


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much came on a connection")
def test_a_message_without_end_is_noticed(router, monkeypatch):
    monkeypatch.setattr(inflow, "UNHEARD_BYTES", 4_000_000)
    address, key, socket = router
    link = link_to(Narrow(address, 10_300_000).address, key)
    assert first_event(link) is LinkEvent.ADMITTED
    assert link.send([b"hello"])
    rid, _ = socket.recv_multipart()
    until = time.monotonic() + 10
    for _ in range(60):  # 5.4 MB in messages that end
        socket.send_multipart([rid, bytes(90_000)])
        while not link.drain_frames() and time.monotonic() < until:
            assert not link.is_flooded()
    assert not link.is_flooded()
    socket.send_multipart([rid, *[bytes(90_000)] * 60])  # as much in one that does not
    while not link.is_flooded() and time.monotonic() < until:
        assert link.drain_frames() == []
        time.sleep(0.01)
    flooded = link.is_flooded()
    link.finish()
    assert flooded


def test_another_key_than_the_pinned_one_is_a_wrong_key(router):
    address, _key, _socket = router
    link = link_to(address, os.urandom(32))
    assert first_event(link) is LinkEvent.WRONG_KEY
    link.finish()


def test_nobody_there_is_unreachable():
    link = link_to("tcp://127.0.0.1:1", os.urandom(32))
    assert first_event(link) is LinkEvent.UNREACHABLE
    link.finish()


def test_without_a_connection_nothing_is_sent():
    link = link_to("tcp://127.0.0.1:1", os.urandom(32))
    assert not link.send([b"frame"])
    link.finish()
