"""The measure: a ROUTER that relays each message as a frame under CURVE in Python and promises nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq
from zmq.utils import z85

from benchmarks.rivals import ours
from benchmarks.rivals.common import Server, stop
from sealwire.wire import frames

NAME = "bare ROUTER"
CLIENT = "the same DEALER sockets as ours, a frame for each message"
DURABILITY = (
    "none: nothing is stored, acknowledgements are thrown away; the least a relay in Python does that looks at each "
    "message in a frame of its own"
)
TURN = 512

missing = ours.missing


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    public, secret = zmq.curve_keypair()
    command = [sys.executable, "-m", "benchmarks.rivals.bare"]
    root = Path(__file__).resolve().parents[2]
    relay = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    try:
        relay.stdin.write(json.dumps(secret.decode()).encode() + b"\n")
        relay.stdin.close()
        endpoint = relay.stdout.readline().decode().strip()
        yield Server(
            relay.pid, f"libzmq {zmq.zmq_version()}", {"endpoint": endpoint, "curve": z85.decode(public).hex()}
        )
    finally:
        stop(relay)
        relay.stdout.close()


class Publisher(ours.Publisher):
    def enter(self, facts: dict) -> None:
        self.peer.connect()

    def flush(self) -> None:
        """One frame a message: this relay looks at each."""
        for frame in self.ready:
            self.write(frame, 0)
        self.ready.clear()


class Subscriber(ours.Subscriber):
    def enter(self, facts: dict) -> None:
        self.peer.connect()
        self.peer.socket.send(self.peer.mailbox)
        self.peer.socket.recv()


sender, receiver = Publisher, Subscriber


def relay(secret: bytes) -> None:
    """Hand every SEND over as DELIVER; answer each sender once a turn, as ours does."""
    router = zmq.Context().socket(zmq.ROUTER)
    router.curve_server = 1
    router.curve_secretkey = secret
    router.sndhwm = 4096
    router.bind("tcp://127.0.0.1:0")
    print(router.get_string(zmq.LAST_ENDPOINT), flush=True)
    get, put = zmq.backend.Socket.recv.__get__(router), zmq.backend.Socket.send.__get__(router)
    ids: dict[bytes, bytes] = {}
    answers: dict[bytes, bytes] = {}
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            for _ in range(TURN):
                rid = get(zmq.NOBLOCK)
                frame = get(zmq.NOBLOCK)
                if frame[0] == frames.Verb.SEND and len(frame) > 49:
                    put(ids[frame[33:49]], zmq.SNDMORE | zmq.NOBLOCK)
                    put(b"\x17" + frame[9:33] + frame[49:], zmq.NOBLOCK)
                    answers[rid] = frame[9:17]
                elif len(frame) == 16:
                    ids[frame] = rid
                    put(rid, zmq.SNDMORE | zmq.NOBLOCK)
                    put(b"in", zmq.NOBLOCK)
        except zmq.Again:
            if not answers:
                router.poll(1000)
        for rid, seq in answers.items():
            put(rid, zmq.SNDMORE | zmq.NOBLOCK)
            put(frames.encode_accepted(int.from_bytes(seq, "big")), zmq.NOBLOCK)
        answers.clear()


if __name__ == "__main__":
    relay(json.loads(sys.stdin.readline()).encode())
