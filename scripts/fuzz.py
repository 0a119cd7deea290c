"""Frames nobody should send: mutated and random ones, at the broker's router and at a peer's engine.

    python -m scripts.fuzz [--frames 1000000] [--seed 1] [--report docs/reports/fuzz.md]

Half of them reach the router on a live link session (with the right token, or a wrong one), half reach an engine as
from a hostile broker. Nothing but the documented reaction may happen: no exception, no growth of memory, and honest
people still talk afterwards.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import machine
from sealwire.broker.port import BrokerSettings
from sealwire.testing import Network, VirtualPeer
from sealwire.wire import frames, many
from tests.conftest import PEOPLE

PER_LINK = 12
"""Frames before a link session is made anew; the 16th wrong token would end it anyway."""
WARM_UP = 20_000
GROWTH_MIB = 32.0
"""Memory may differ by this after the warm-up: allocator noise, not a leak per frame."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path)
    chosen = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sealwire-fuzz-") as folder:
        growth_mib, reconnects = run(Path(folder), chosen.frames, random.Random(chosen.seed))
    text = (
        f"# Mutated and random frames\n\n{machine()}, `python -m scripts.fuzz --frames {chosen.frames}`\n\n"
        f"{chosen.frames:,} frames in {time.monotonic() - start:,.0f} s (seed {chosen.seed}), {reconnects:,} link "
        f"sessions ended and made anew. Unhandled exceptions: 0. Memory after the warm-up: {growth_mib:+.1f} MiB. "
        "Afterwards two people exchanged messages through the same broker, in order.\n"
    )
    print(text)
    if chosen.report:
        chosen.report.write_text(text, "utf-8")
    return 0 if growth_mib < GROWTH_MIB else 1


def run(folder: Path, count: int, dice: random.Random) -> tuple[float, int]:
    """Feed ``count`` frames; returns (growth of memory in MiB after the warm-up, link sessions made anew)."""
    settings = dataclasses.replace(
        BrokerSettings(), account_units_per_s=1e9, account_units_burst=1e9, requests_per_min=1e9
    )
    with Network(folder, PEOPLE, settings) as net:
        return _fuzz(net, count, dice)


def _fuzz(net: Network, count: int, dice: random.Random) -> tuple[float, int]:
    attacker, alice, bob = net.peer("mallory"), net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "before")
    net.run()
    before_mib, reconnects = _rss_mib(), 0
    for number in range(0, count, 2 * PER_LINK):
        for _ in range(PER_LINK):
            _at_router(net, attacker, dice)
        for _ in range(PER_LINK):
            _at_engine(net, bob, dice)
        reconnects += sum(peer.rid not in net.router.links for peer in (attacker, bob))
        _settle(net, attacker, bob)
        if number <= WARM_UP < number + 2 * PER_LINK:
            before_mib = _rss_mib()
    net.advance(3)
    alice.send("bob", "after")
    net.run()
    assert bob.texts() == ["before", "after"], bob.texts()
    return _rss_mib() - before_mib, reconnects


def _settle(net: Network, *peers: VirtualPeer) -> None:
    for peer in peers:
        if peer.rid not in net.router.links:
            net.cut(peer)
        peer.events[:] = [event for event in peer.events if event.type == "message"]
    net.relayed.clear()
    net.run()


def _at_router(net: Network, attacker: VirtualPeer, dice: random.Random) -> None:
    if attacker.rid is None:
        return
    link = net.router.links.get(attacker.rid)
    token = link.token if link is not None and dice.random() < 0.5 else frames.Token(dice.randbytes(8))
    frame = _mutated(dice.choice(_SEEDS_UP)(token, dice), dice)
    net.router.begin(net.now.mono_s, net.now.ms)
    net._feed(attacker.rid, frame)
    net.router.end_turn()


def _at_engine(net: Network, peer: VirtualPeer, dice: random.Random) -> None:
    if peer.rid is not None:
        peer.turn([_mutated(dice.choice(_SEEDS_DOWN)(dice), dice)])


def _mutated(frame: bytes, dice: random.Random) -> bytes:
    data = bytearray(frame)
    for _ in range(dice.choice((0, 1, 1, 2, 5))):
        kind, at = dice.randrange(5), dice.randrange(len(data) + 1)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            data[at:at] = dice.randbytes(dice.choice((1, 2, 8, 64)))
        elif kind == 3 and at < len(data):
            data[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))
        else:
            data[at : at + 8] = dice.randbytes(8)
    return bytes(data) or b"\0"


def _random(_token: bytes, dice: random.Random) -> bytes:
    return dice.randbytes(dice.randrange(1, 200))


def _control(verb: int):
    def make(token: bytes, dice: random.Random) -> bytes:
        return bytes((verb,)) + token + dice.randbytes(dice.randrange(0, 80))

    return make


_SEEDS_UP = (
    _random,
    lambda t, d: frames.encode_send(t, d.choice((1, 2, 2**63)), d.randbytes(16), d.randbytes(16), d.randbytes(400)),
    lambda t, d: frames.encode_fanout(t, 1, d.randbytes(16), [d.randbytes(16) for _ in range(3)], d.randbytes(300)),
    lambda t, d: many.encode_send_many(
        [
            frames.encode_send(t, seq, d.randbytes(16), d.randbytes(16), d.randbytes(99))
            for seq in (1, 2, d.choice((3, 9)))
        ]
    ),
    lambda t, d: frames.encode_ack(t, d.choice((0, 1, 2**64 - 1))),
    lambda t, d: frames.encode_release(t, d.randbytes(16)),
    lambda t, d: frames.encode_ephemeral(t, d.randbytes(16), d.randbytes(20)),
    lambda t, d: frames.encode_ping(t, d.randrange(9)),
    lambda t, d: frames.encode_pong(t, d.randrange(9)),
    lambda t, _d: frames.encode_bye(t),
    *(_control(verb) for verb in (0x01, 0x03, 0x18, 0x20, 0x7F, 0xFF)),
)
_SEEDS_DOWN = (
    lambda d: _random(b"", d),
    lambda d: frames.encode_deliver(d.choice((1, 2, 5)), d.randbytes(16), bytes(16) + d.randbytes(400)),
    lambda d: frames.encode_deliver(d.choice((1, 2, 5)), d.randbytes(16), d.randbytes(400)),
    lambda d: frames.encode_accepted(d.choice((0, 1, 2**64 - 1))),
    lambda d: frames.encode_reject(d.randrange(4), d.choice(list(frames.Code)), 5),
    lambda d: frames.encode_partial(1, [(0, frames.Code.QUOTA)]),
    lambda d: frames.encode_broker_ping(d.randrange(9)),
    lambda d: frames.encode_broker_ephemeral(d.randbytes(20)),
    lambda d: b"\x21" + d.randbytes(d.randrange(60)),
    lambda d: b"\x04" + d.randbytes(d.randrange(60)),
)


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


if __name__ == "__main__":
    sys.exit(main())
