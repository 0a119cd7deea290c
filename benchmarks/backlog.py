"""What 100,000 waiting messages cost the broker: memory while they arrive, and the time to serve again with them.

python -m benchmarks.backlog [--messages 100000]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import zmq

from benchmarks.relay import ENVELOPE_BYTES, WINDOW, accepted, cpu_s, running_broker
from sealwire.wire import frames
from tests.unit.broker.raw_peer import RawPeer, member

LIMIT_MIB = 64
LIMIT_RESTART_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    count = parser.parse_args().messages
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        with running_broker(Path(folder)) as (process, endpoint, curve):
            bob = RawPeer(endpoint, curve, member("bob", curve, "bob"))
            bob.login()
            bob.close()
            alice = RawPeer(endpoint, curve, member("alice", curve))
            alice.login()
            time.sleep(0.5)
            before, used = rss_mib(process.pid), cpu_s(process.pid)
            fill(alice, bob.mailbox, count)
            grown, used = rss_mib(process.pid) - before, cpu_s(process.pid) - used
            process.kill()
        killed_s, killed_cpu = start(Path(folder))
        restart_s, restart_cpu = start(Path(folder))
        with running_broker(Path(folder)) as (process, endpoint, curve):
            bob = RawPeer(endpoint, curve, bob.identity, bob.curve_secret)
            bob.login()
            read_s = read(bob, count)
    print(f"{count:,} messages of {ENVELOPE_BYTES} bytes for a device that is away\n")
    print(f"{'':34}{'measured':>12}{'limit':>10}{'ratio':>8}")
    print(f"{'memory grows by, MiB':34}{grown:>12.1f}{LIMIT_MIB:>10}{grown / LIMIT_MIB:>8.2f}")
    for name, seconds, cpu in (
        ("start to ready after kill -9, s", killed_s, killed_cpu),
        ("start to ready after an end, s", restart_s, restart_cpu),
    ):
        print(f"{name:34}{seconds:>12.2f}{LIMIT_RESTART_S:>10}{seconds / LIMIT_RESTART_S:>8.2f}   CPU {cpu:.2f} s")
    print(f"{'storing, CPU µs a message':34}{used / count * 1e6:>12.1f}")
    print(f"{'delivering them, msg/s':34}{count / read_s:>12,.0f}")


def start(folder: Path) -> tuple[float, float]:
    """Start the broker on what is there and stop it again: seconds to its ready line, and of CPU until then."""
    began = time.monotonic()
    with running_broker(folder) as (process, _endpoint, _curve):
        return time.monotonic() - began, cpu_s(process.pid)


def rss_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def fill(alice: RawPeer, to: bytes, count: int) -> None:
    answered = 0
    envelope = os.urandom(ENVELOPE_BYTES)
    while answered < count:
        while alice.seq < count and alice.seq - answered < WINDOW:
            alice.send(to, envelope)
        answered = accepted(alice.socket.recv(), answered)


def read(bob: RawPeer, count: int) -> float:
    began = time.monotonic()
    for seq in range(1, count + 1):
        frame = bob.recv(frames.Verb.DELIVER)
        assert int.from_bytes(frame[1:9], "big") == seq
        if seq % 256 == 0 or seq == count:
            bob.ack(seq)
    return time.monotonic() - began


if __name__ == "__main__":
    assert zmq.has("curve")
    main()
