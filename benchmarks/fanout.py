"""What a FANOUT to 1,000 devices costs the broker: CURVE and fsync on, 256 bytes, the real program over sockets.

    python -m benchmarks.fanout [--frames 50]

The targets are registered straight into the broker's database, which spares a thousand RSA keys. When they are away,
one body and a thousand rows are written. When all are here, in a process of their own, and acknowledge each message at
once, a thousand frames go out and come back, each on a connection of its own under CURVE. What that costs without a
broker is the last row. CPU is the broker's, by threads, from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

import zmq
from zmq.utils import z85

from benchmarks.figures import table
from benchmarks.relay import ROOT, running_broker
from sealwire.broker.sockets import OPTIONS
from sealwire.ids import mid_of
from sealwire.wire import frames
from sealwire.wire.frames import MAX_FANOUT, Verb
from tests.unit.broker.crowd import device, ended, gathered, populate, role
from tests.unit.broker.raw_peer import RawPeer, member

ENVELOPE_BYTES = 256
FIGURE_MS = 10.0
SETTLE_S = 0.5
LIMITS = {"send_window_bytes": 1 << 24, "silence_timeout_s": 3600}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--role", choices=("floor",), help=argparse.SUPPRESS)
    parser.add_argument("--facts", default="{}", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.role == "floor":
        floor(**json.loads(chosen.facts))
    else:
        table_of(chosen.frames)


def table_of(count: int) -> None:
    measured = {
        "all away: stored": through_broker(count, here=False),
        "all here, the default grace of 4 ms: most are stored first": through_broker(count, here=True),
        "all here, a grace of 1 s: none is stored": through_broker(count, here=True, grace_ms=1000.0),
        "the floor: a bare ROUTER, 1,000 out and 1,000 back": through_floor(count),
    }
    least = measured[list(measured)[-1]].total
    rows = [[name, *cost.columns(least)] for name, cost in measured.items()]
    head = ["1,000 targets", "CPU ms/frame", "loop", "libzmq", "writer", "× 10 ms", "× floor", "frames/s"]
    print(table("FANOUT to 1,000, 256 bytes", head, rows))


@dataclass
class Cost:
    """Milliseconds of CPU for a frame: the broker's own loop, libzmq's I/O thread, the writer and all others."""

    loop: float
    libzmq: float
    writer: float
    rate: float

    @property
    def total(self) -> float:
        return self.loop + self.libzmq + self.writer

    def columns(self, least: float) -> list[str]:
        figures = (self.total, self.loop, self.libzmq, self.writer)
        return [
            *(f"{ms:.1f}" for ms in figures),
            f"{self.total / FIGURE_MS:.2f}",
            f"{self.total / least:.2f}",
            f"{self.rate:.0f}",
        ]


def threads_ms(pid: int) -> tuple[float, float, float]:
    """CPU so far of the first thread, of libzmq's, and of all others."""
    spent = [0.0, 0.0, 0.0]
    for task in Path(f"/proc/{pid}/task").iterdir():
        name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        ms = sum(map(int, rest.split()[11:13])) * 1e3 / os.sysconf("SC_CLK_TCK")
        spent[0 if task.name == str(pid) else 1 if name.startswith("ZMQ") else 2] += ms
    return spent[0], spent[1], spent[2]


def through_broker(count: int, here: bool, **more: float) -> Cost:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        curve = populate(Path(folder), MAX_FANOUT)
        with running_broker(Path(folder), **LIMITS, **more) as (process, endpoint, _curve), ExitStack() as stack:
            if here:
                stack.enter_context(gathered(endpoint, curve, MAX_FANOUT))
            peer = RawPeer(endpoint, curve, member("alice", curve, "alice"))
            stack.callback(peer.close)
            peer.login()
            return measure(process.pid, peer, curve, count)


def through_floor(count: int) -> Cost:
    public, secret = (z85.decode(key) for key in zmq.curve_keypair())
    process = subprocess.Popen(
        role("benchmarks.fanout", "floor", secret=secret.hex()), cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True
    )
    with ended(process), ExitStack() as stack:
        endpoint = process.stdout.readline().strip()
        stack.enter_context(gathered(endpoint, public, MAX_FANOUT, bare=True))
        peer = RawPeer(endpoint, public, member("alice", public, "alice"))
        stack.callback(peer.close)
        peer.connect()
        return measure(process.pid, peer, public, count)


def measure(pid: int, peer: RawPeer, curve: bytes, count: int) -> Cost:
    time.sleep(SETTLE_S)
    targets = [device(number, curve).card.card.mailbox for number in range(MAX_FANOUT)]
    before, began = threads_ms(pid), time.monotonic()
    for seq in range(1, count + 1):
        envelope = os.urandom(ENVELOPE_BYTES)
        peer.socket.send(frames.encode_fanout(peer.token, seq, mid_of(envelope), targets, envelope))
        while int.from_bytes(peer.recv(Verb.ACCEPTED)[1:9], "big") < seq:
            pass
    elapsed = time.monotonic() - began
    time.sleep(SETTLE_S)
    loop, libzmq, writer = (after - until for after, until in zip(threads_ms(pid), before, strict=True))
    return Cost(loop / count, libzmq / count, writer / count, count / elapsed)


# --- the floor -----------------------------------------------------------------------------------------------


def floor(secret: str) -> None:
    """A ROUTER with the broker's options that hands one body to a thousand and counts a thousand answers."""
    router = zmq.Context().socket(zmq.ROUTER)
    for option in (zmq.ROUTER_MANDATORY, zmq.SNDHWM, zmq.RCVHWM, zmq.MAXMSGSIZE, zmq.IPV6):
        router.setsockopt(option, OPTIONS[option])
    router.curve_server = 1
    router.curve_secretkey = z85.encode(bytes.fromhex(secret))
    router.bind("tcp://127.0.0.1:0")
    print(router.get_string(zmq.LAST_ENDPOINT).replace("[::ffff:127.0.0.1]", "127.0.0.1"), flush=True)
    get, put = zmq.backend.Socket.recv.__get__(router), zmq.backend.Socket.send.__get__(router)
    ids: list[bytes] = []
    sender, seq, left = b"", 0, 0
    while True:
        try:
            rid, frame = get(zmq.NOBLOCK), get(zmq.NOBLOCK)
        except zmq.Again:
            router.poll()
            continue
        if frame[0] == Verb.ACK and len(frame) == 17:
            left -= 1
            if not left:
                put(sender, zmq.SNDMORE | zmq.NOBLOCK)
                put(frames.encode_accepted(seq), zmq.NOBLOCK)
        elif len(frame) == 16:
            ids.append(rid)
            put(rid, zmq.SNDMORE)
            put(bytes((Verb.WELCOME,)), 0)
        else:
            sender, seq, left = rid, seq + 1, len(ids)
            out = frames.encode_deliver(seq, frame[17:33], frame[-ENVELOPE_BYTES:])
            for rid in ids:
                put(rid, zmq.SNDMORE | zmq.NOBLOCK)
                put(out, zmq.NOBLOCK)


if __name__ == "__main__":
    main()
