"""Open a session: both sides of the handshake, from a verified bundle to the first decrypted message.

python -m benchmarks.handshake [--count 50]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import TypeVar

from benchmarks.figures import table
from sealwire.crypto.handshake import open_session
from sealwire.crypto.identity import Identity
from sealwire.wire.header import decode_envelope
from tests.vectors.people import NOW_MS, accept_with, person, prekeys_of

GOAL_MS = 25.0
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50)
    count = parser.parse_args().count
    alice, bob = person("alice"), person("bob")
    opening, accepting = [], []
    for _ in range(count):
        bundle, secret, one_time = prekeys_of(bob)
        session, spent_ms = _timed(lambda b=bundle: open_session(alice, b, NOW_MS, os.urandom))
        opening.append(spent_ms)
        _, envelope = session.encrypt(b"first", os.urandom)
        parts = decode_envelope(envelope)
        _, spent_ms = _timed(lambda p=parts, s=secret, o=one_time: _accept(bob, p, s, o))
        accepting.append(spent_ms)
    together = [a + b for a, b in zip(opening, accepting, strict=True)]
    rows = [
        [name, f"{sorted(times)[count // 2]:.2f}", f"{sorted(times)[count // 2] / GOAL_MS:.2f}"]
        for name, times in (
            ("opener (checks the bundle)", opening),
            ("responder (opens, decrypts)", accepting),
            ("both sides", together),
        )
    ]
    print(table("Handshake", ["side", "median ms", "of the 25 ms allowed"], rows))


def _accept(bob: Identity, parts, secret, one_time) -> None:
    accepted = accept_with(bob, parts.hs, secret, one_time)
    accepted.session.decrypt(parts.message, os.urandom)


def _timed(step: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = step()
    return result, (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
