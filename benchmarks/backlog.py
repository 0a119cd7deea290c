"""Memory: how much the broker grows while 100,000 messages wait for an absent peer.

    python -m benchmarks.backlog [--count 100000]

The quota is raised for the run. The sender is a load client without end-to-end encryption: 256-byte envelopes.
"""

from __future__ import annotations

import argparse
import os

from benchmarks.figures import table
from sealwire.broker.keyfiles import read_public
from sealwire.testing.processes import Stage
from sealwire.wire import frames
from tests.unit.broker.raw_peer import RawPeer, member

GOAL_MIB = 64.0
MIB = 1 << 20
WINDOW = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    count = parser.parse_args().count
    raised = {
        "SEALWIRE_LIMITS__QUOTA_MESSAGES": str(2 * count),
        "SEALWIRE_LIMITS__QUOTA_BYTES": str(1 << 30),
        "SEALWIRE_LIMITS__SENDER_SHARE": "1.0",
        "SEALWIRE_LIMITS__ACCOUNT_UNITS_PER_S": "1000000",
        "SEALWIRE_LIMITS__ACCOUNT_UNITS_BURST": "1000000",
    }
    with Stage(**raised) as stage:
        before = stage.broker.rss_bytes()
        fill_mailbox(stage.address, read_public(stage.path / "keys" / "broker.pub"), count)
        after = stage.broker.rss_bytes()
        stage.broker.stop()
        stage.start_broker()
        again = stage.broker.rss_bytes()
    grown = (after - before) / MIB
    rows = [
        ["empty", f"{before / MIB:.1f} MiB", ""],
        [f"{count:,} waiting", f"{after / MIB:.1f} MiB", f"+{grown:.1f} MiB: {grown / GOAL_MIB:.2f} of the 64 allowed"],
        ["the same after a restart", f"{again / MIB:.1f} MiB", f"{os.cpu_count()} cores"],
    ]
    print(table("Broker memory with a backlog", ["when", "resident", "growth"], rows))


def fill_mailbox(address: str, curve: bytes, count: int) -> None:
    """Register bob, who leaves at once, and send him ``count`` envelopes inside the window."""
    bob = RawPeer(address, curve, member("bob", curve, "bob"))
    bob.login()
    bob.socket.close(0)
    to = bob.mailbox
    alice = RawPeer(address, curve, member("alice", curve, "alice"))
    alice.login()
    head, tail = bytes((frames.Verb.SEND,)) + alice.token, bytes(16) + to + os.urandom(256)
    sent = answered = 0
    while answered < count:
        while sent < count and sent - answered < WINDOW:
            sent += 1
            alice.socket.send(head + sent.to_bytes(8, "big") + tail)
        frame = alice.socket.recv()
        if frame[0] == frames.Verb.ACCEPTED:
            answered = int.from_bytes(frame[1:9], "big")
        elif frame[0] in (frames.Verb.REJECT, frames.Verb.RESET):
            raise SystemExit(f"the broker refused: {frame.hex()}")
    alice.socket.close(0)


if __name__ == "__main__":
    main()
