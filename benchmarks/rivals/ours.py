"""Our own broker: the real program, CURVE on every connection, group commits with fsync."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq

import sealwire
from benchmarks.relay import running_broker
from benchmarks.rivals.common import Server
from sealwire.wire import frames
from sealwire.wire.many import apart, gather_sends
from tests.unit.broker.raw_peer import RawPeer, member

NAME = "Sealwire"
CLIENT = "DEALER sockets of pyzmq speaking our frames, up to 64 messages in each, CURVE on"
DURABILITY = (
    "encrypted in transit, as always; accepted means stored with fsync, or acknowledged by its recipient within the "
    "grace of 4 ms and so never written; rates and quotas out of the way"
)
GRACE_MS = 4.0
ACK_DELAY_S = 0.0


def missing() -> str | None:
    return None


@contextmanager
def running(folder: Path, grace_ms: float = GRACE_MS, delay_s: float = ACK_DELAY_S) -> Iterator[Server]:
    with running_broker(folder, grace_ms=grace_ms) as (process, endpoint, curve):
        facts = {"endpoint": endpoint, "curve": curve.hex(), "delay": delay_s}
        yield Server(process.pid, sealwire.__version__, facts)


def peer(facts: dict, name: str) -> RawPeer:
    curve = bytes.fromhex(facts["curve"])
    return RawPeer(facts["endpoint"], curve, member(name, curve))


def drain(socket: zmq.Socket) -> Iterator[bytes]:
    """Every frame that is there."""
    get = zmq.backend.Socket.recv.__get__(socket)
    try:
        while True:
            yield from apart(get(zmq.NOBLOCK))
    except zmq.Again:
        return


class Publisher:
    def __init__(self, facts: dict, tag: str, at: int) -> None:
        self.peer = peer(facts, f"alice-{tag}-{at}")
        self.enter(facts)
        to = peer(facts, f"bob-{tag}-{at}").mailbox
        self.head, self.tail = bytes((frames.Verb.SEND,)) + self.peer.token, bytes(16) + to
        self.seq = self.done = 0
        self.pollable = self.peer.socket
        self.write = zmq.backend.Socket.send.__get__(self.peer.socket)
        self.ready: list[bytes] = []

    def enter(self, facts: dict) -> None:
        self.peer.login()

    def put(self, body: bytes) -> None:
        self.seq += 1
        self.ready.append(self.head + self.seq.to_bytes(8, "big") + self.tail + body)

    def flush(self) -> None:
        """What was put since the last time, as a peer's link sends what one turn made."""
        for frame in gather_sends(self.ready):
            self.write(frame, 0)
        self.ready.clear()

    def confirmed(self) -> int:
        before = self.done
        for frame in drain(self.pollable):
            if frame[0] == frames.Verb.ACCEPTED:
                self.done = int.from_bytes(frame[1:9], "big")
            elif frame[0] in (frames.Verb.REJECT, frames.Verb.RESET):
                raise ConnectionError(f"the broker refused: {frame.hex()}")
        return self.done - before


class Subscriber:
    def __init__(self, facts: dict, tag: str, at: int) -> None:
        self.peer, self.delay_s = peer(facts, f"bob-{tag}-{at}"), facts.get("delay", 0.0)
        self.enter(facts)
        self.seq = self.acked = 0
        self.due: list[tuple[float, int]] = []
        self.pollable = self.peer.socket

    def enter(self, facts: dict) -> None:
        self.peer.login()

    def take(self) -> list[bytes]:
        bodies = []
        for frame in drain(self.pollable):
            if frame[0] == frames.Verb.DELIVER:
                self.seq = int.from_bytes(frame[1:9], "big")
                bodies.append(frame[25:])
            elif frame[0] == frames.Verb.RESET:
                raise ConnectionError(f"the broker ended the link: {frame.hex()}")
        self.acknowledge()
        return bodies

    def acknowledge(self) -> None:
        if self.delay_s:
            now = time.monotonic()
            self.due.append((now + self.delay_s, self.seq))
            ready = self.acked
            while self.due and self.due[0][0] <= now:
                ready = self.due.pop(0)[1]
        else:
            ready = self.seq
        if ready > self.acked:
            self.acked = ready
            self.peer.ack(ready)


sender, receiver = Publisher, Subscriber
