"""A crowd of registered devices that are really here, in a process of their own. For tests and load.

The devices are entered straight into a broker's database, which spares each its RSA keys: the broker looks at the
signature of a card only once, when it is registered.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import zmq
from zmq.utils import z85

from sealwire.broker.keyfiles import load_or_create
from sealwire.broker.port import Job, Register
from sealwire.broker.store import SqliteStore
from sealwire.crypto.card import Card
from sealwire.crypto.identity import Identity, realm_of
from sealwire.ids import DeviceId, Token
from sealwire.wire import frames
from sealwire.wire.frames import Verb
from sealwire.wire.many import apart
from tests.conftest import PEOPLE
from tests.unit.broker.raw_peer import hello_of, login_of

ROOT = Path(__file__).resolve().parents[3]
AT_ONCE = 50
"""Logins under way: far fewer than the connections that a broker keeps before they have spoken."""
ARRIVE_MS = 20_000
"""Without it a connection that is not let in keeps a test for ever."""


def device(number: int, curve: bytes) -> Identity:
    """One of the crowd: alice's keys on another card."""
    keys = PEOPLE["alice"]
    old = keys.card.card
    name, own = f"u{number}", DeviceId(number.to_bytes(16, "big"))
    card = Card(realm_of(curve), name, own, old.n_sign, old.n_enc, old.ik, old.sk, 0)
    return Identity(keys.account, keys.device, type(keys.card)(card, bytes(384)), keys.devices)


def populate(folder: Path, count: int) -> bytes:
    """Make a broker's keys and a store that knows the crowd; returns its CURVE key."""
    (folder / "keys").mkdir(mode=0o700)
    keys = load_or_create(folder / "keys")
    store = SqliteStore(folder / "data" / "broker", keys.db_key, 0)
    store.apply(Job(1, ops=[enter(device(number, keys.curve_public)) for number in range(count)]))
    store.close()
    return keys.curve_public


def enter(identity: Identity) -> Register:
    card, blank = identity.card.card, bytes(384)
    curve = card.device * 2
    return Register(
        None, card.mailbox, card.account, card.n_sign, card.device, card.encode(), blank, curve, b"", blank, 1,
        (card.device,), None, False, 0,
    )  # fmt: skip


def role(module: str, name: str, **facts: object) -> list[str]:
    """The command of another process; it ends when its standard input does."""
    return [sys.executable, "-m", module, "--role", name, "--facts", json.dumps(facts)]


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(10)
        process.stdout.close()


@contextmanager
def gathered(endpoint: str, curve: bytes, count: int, bare: bool = False) -> Iterator[subprocess.Popen[str]]:
    """The crowd is here."""
    facts = {"endpoint": endpoint, "curve": curve.hex(), "count": count, "bare": bare}
    command = role("tests.unit.broker.crowd", "crowd", **facts)
    process = subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True)
    with ended(process):
        if process.stdout.readline() != "in\n":
            raise AssertionError("the crowd did not arrive")
        yield process


class Crowd:
    """DEALERs that acknowledge whatever comes at once. epoll, because zmq_poll looks at each every time."""

    def __init__(self, endpoint: str, curve: str, count: int, bare: bool) -> None:
        self.endpoint, self.curve, self.count, self.bare = endpoint, bytes.fromhex(curve), count, bare
        self.context = zmq.Context()
        self.context.set(zmq.MAX_SOCKETS, 2 * self.count + 10)
        self.epoll = select.epoll()
        self.peers: dict[int, tuple[zmq.Socket, bytes]] = {}

    def run(self) -> None:
        """Log all in, say so, and acknowledge until standard input ends."""
        self.epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        for at in range(0, self.count, AT_ONCE):
            self.arrive(range(at, min(at + AT_ONCE, self.count)))
        print("in", flush=True)
        for fd in self.peers:
            self.drain(fd)
        while True:
            for fd, _events in self.epoll.poll():
                if fd == sys.stdin.fileno():
                    os._exit(0)  # closing a thousand sockets in order would take longer than everything before
                self.drain(fd)

    def drain(self, fd: int) -> None:
        """All that is there: the descriptor only tells of what comes after a socket was found empty."""
        sock, token = self.peers[fd]
        while sock.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            for frame in apart(sock.recv(zmq.NOBLOCK)):
                if frame[0] == Verb.DELIVER:
                    sock.send(frames.encode_ack(token, int.from_bytes(frame[1:9], "big")))

    def arrive(self, numbers: range) -> None:
        """Some at once: each waits for the broker while others are its turn."""
        greeting = []
        for number in numbers:
            identity = device(number, self.curve)
            sock, curve = self.connect()
            hello = hello_of(identity, os.urandom(32))
            sock.send(identity.card.card.mailbox if self.bare else hello)
            greeting.append((identity, sock, curve, hello))
        for identity, sock, curve, hello in greeting:
            token = Token(os.urandom(8))
            if not self.bare:
                sock.send(login_of(identity, self.curve, curve, hello, sock.recv(), token))
            self.peers[sock.fileno()] = sock, token
        for _identity, sock, _curve, _hello in greeting:
            answer = sock.recv()
            assert answer[0] == Verb.WELCOME, answer[:40].hex()
            self.epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLET)

    def connect(self) -> tuple[zmq.Socket, bytes]:
        """A connection and its CURVE key."""
        public, secret = zmq.curve_keypair()
        sock = self.context.socket(zmq.DEALER)
        sock.linger = 0
        sock.rcvtimeo = sock.sndtimeo = ARRIVE_MS
        sock.curve_serverkey = z85.encode(self.curve)
        sock.curve_publickey, sock.curve_secretkey = public, secret
        sock.connect(self.endpoint)
        return sock, z85.decode(public)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--role", required=True)
    parser.add_argument("--facts", type=json.loads, required=True)
    Crowd(**parser.parse_args().facts).run()


if __name__ == "__main__":
    main()
