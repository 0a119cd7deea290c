"""What a FANOUT to 1,000 devices costs the broker: CURVE and fsync on, 256 bytes, the real program over sockets.

    python -m benchmarks.fanout [--frames 50]

The targets are registered straight into the broker's database, which spares a thousand RSA keys. In the first row they
are away: one body and a thousand rows are written. In the second all are here, in a process of their own, and
acknowledge each message at once: a thousand frames go out and come back, each under CURVE. CPU is the broker's, over
all its threads, from /proc.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zmq
from zmq.utils import z85

from benchmarks.figures import table
from benchmarks.relay import ROOT, cpu_s, running_broker
from sealwire.broker.keyfiles import load_or_create
from sealwire.broker.port import Job, Register
from sealwire.broker.store import SqliteStore
from sealwire.crypto.card import Card
from sealwire.crypto.identity import Identity, realm_of
from sealwire.ids import DeviceId, Token, mid_of
from sealwire.wire import frames
from sealwire.wire.frames import MAX_FANOUT, Verb
from tests.conftest import PEOPLE
from tests.unit.broker.raw_peer import RawPeer, hello_of, login_of, member

ENVELOPE_BYTES = 256
FIGURE_MS = 10.0
SETTLE_S = 0.5
LIMITS = {"send_window_bytes": 1 << 24, "grace_ms": 50.0, "silence_timeout_s": 3600}
REALLY_HERE_S = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--crowd", nargs=2, metavar=("ENDPOINT", "KEY"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.crowd:
        crowd(chosen.crowd[0], bytes.fromhex(chosen.crowd[1]))
        return
    rows = [row("all away: stored", chosen.frames, False), row("all here: handed over", chosen.frames, True)]
    head = ["1,000 targets", "CPU ms/frame", "× figure (10 ms)", "CPU µs/target", "frames/s"]
    print(table("FANOUT to 1,000, 256 bytes", head, rows))


def row(name: str, count: int, here: bool) -> list[str]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        curve = populate(Path(folder))
        with running_broker(Path(folder), **LIMITS) as (process, endpoint, _curve):
            cpu, rate = measure(process.pid, endpoint, curve, count, here)
    ms = cpu / count * 1e3
    return [name, f"{ms:.1f}", f"{ms / FIGURE_MS:.2f}", f"{ms * 1e3 / MAX_FANOUT:.1f}", f"{rate:.0f}"]


def device(number: int, curve: bytes) -> Identity:
    """One of the thousand: alice's keys on another card. The broker looks at the card's signature no more."""
    keys = PEOPLE["alice"]
    old = keys.card.card
    name, own = f"u{number}", DeviceId(number.to_bytes(16, "big"))
    card = Card(realm_of(curve), name, own, old.n_sign, old.n_enc, old.ik, old.sk, 0)
    return Identity(keys.account, keys.device, type(keys.card)(card, bytes(384)), keys.devices)


def populate(folder: Path) -> bytes:
    """Make a broker's keys and a store that knows the thousand; returns its CURVE key."""
    (folder / "keys").mkdir(mode=0o700)
    keys = load_or_create(folder / "keys")
    store = SqliteStore(folder / "data" / "broker", keys.db_key, 0)
    store.apply(Job(1, ops=[enter(device(number, keys.curve_public)) for number in range(MAX_FANOUT)]))
    store.close()
    return keys.curve_public


def enter(identity: Identity) -> Register:
    card, blank = identity.card.card, bytes(384)
    curve = card.device * 2
    return Register(
        None, card.mailbox, card.account, card.n_sign, card.device, card.encode(), blank, curve, b"", blank, 1,
        (card.device,), None, False, 0,
    )  # fmt: skip


def measure(pid: int, endpoint: str, curve: bytes, count: int, here: bool) -> tuple[float, float]:
    """Return (the broker's CPU seconds, frames a second)."""
    receivers = None
    if here:
        command = [sys.executable, "-m", "benchmarks.fanout", "--crowd", endpoint, curve.hex()]
        receivers = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert receivers.stdout.readline() == "in\n"
    peer = RawPeer(endpoint, curve, member("alice", curve, "alice"))
    peer.login()
    time.sleep(SETTLE_S)
    targets = [device(number, curve).card.card.mailbox for number in range(MAX_FANOUT)]
    before, began = cpu_s(pid), time.monotonic()
    for seq in range(1, count + 1):
        envelope = os.urandom(ENVELOPE_BYTES)
        peer.socket.send(frames.encode_fanout(peer.token, seq, mid_of(envelope), targets, envelope))
        while int.from_bytes(peer.recv(Verb.ACCEPTED)[1:9], "big") < seq:
            pass
    elapsed = time.monotonic() - began
    time.sleep(SETTLE_S)
    used = cpu_s(pid) - before
    peer.close()
    if receivers is not None:
        receivers.terminate()
        receivers.wait(10)
        receivers.stdout.close()
    return used, count / elapsed


# --- the thousand, in a process of their own -----------------------------------------------------------------


def crowd(endpoint: str, curve: bytes) -> None:
    """Log all in, say so, and acknowledge whatever comes."""
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 2 * MAX_FANOUT)
    poller, tokens = zmq.Poller(), {}
    for number in range(MAX_FANOUT):
        sock, token = arrive(context, endpoint, curve, device(number, curve))
        poller.register(sock, zmq.POLLIN)
        tokens[sock] = token
    print("in", flush=True)
    end = time.monotonic() + REALLY_HERE_S
    while time.monotonic() < end:
        for sock, _event in poller.poll(1000):
            frame = sock.recv()
            if frame[0] == Verb.DELIVER:
                sock.send(frames.encode_ack(tokens[sock], int.from_bytes(frame[1:9], "big")))


def arrive(context: zmq.Context, endpoint: str, curve: bytes, identity: Identity) -> tuple[zmq.Socket, Token]:
    public, secret = zmq.curve_keypair()
    sock = context.socket(zmq.DEALER)
    sock.linger = 0
    sock.curve_serverkey = z85.encode(curve)
    sock.curve_publickey, sock.curve_secretkey = public, secret
    sock.connect(endpoint)
    token = Token(os.urandom(8))
    hello = hello_of(identity, os.urandom(32))
    sock.send(hello)
    sock.send(login_of(identity, curve, z85.decode(public), hello, sock.recv(), token))
    welcome = sock.recv()
    assert welcome[0] == Verb.WELCOME, welcome
    return sock, token


if __name__ == "__main__":
    main()
