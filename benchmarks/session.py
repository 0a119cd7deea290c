"""Encrypt and decrypt one message: our Double Ratchet beside vodozemac's and beside RSA per message.

    python -m benchmarks.session [--count 2000]

Ours includes padding to 256 bytes, header encryption and key commitment; vodozemac (Rust, optional: pip install
vodozemac) is called through its Python binding; RSA per message is the way of a small demo: RSA-2048 OAEP.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

from Crypto.Cipher import PKCS1_OAEP
from Crypto.Hash import SHA256
from Crypto.PublicKey import RSA

from benchmarks.figures import table
from sealwire.wire.header import decode_envelope
from tests.vectors.people import introduced

GOAL_US = 100.0
TEXT = b"x" * 200
"""With the fields around it a message of 256 bytes; RSA-2048 takes at most 190 of it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    count = parser.parse_args().count
    ours = _median_us(_ours(count), count)
    rows = [["Sealwire, one way", f"{ours:.1f}", f"{ours / GOAL_US:.2f} of the 100 µs allowed"]]
    both = _median_us(_ours_in_turns(count), count)
    rows.append(["Sealwire, in turns (a DH step each)", f"{both:.1f}", f"{both / GOAL_US:.2f}"])
    try:
        olm = _median_us(_vodozemac(count), count)
        rows.append(["vodozemac (Olm), one way", f"{olm:.1f}", f"ours takes {ours / olm:.1f} x"])
    except ImportError:
        rows.append(["vodozemac (Olm)", "not installed", ""])
    rsa = _median_us(_rsa(min(count, 300)), min(count, 300))
    rows.append(["RSA-2048 per message", f"{rsa:.1f}", f"ours takes 1/{rsa / ours:.0f}"])
    print(table("Encrypt and decrypt one message, µs together", ["who", "median µs", "ratio"], rows))


def _median_us(step: Callable[[], None], count: int) -> float:
    times = []
    for _ in range(count):
        start = time.perf_counter_ns()
        step()
        times.append(time.perf_counter_ns() - start)
    return sorted(times)[count // 2] / 1000


def _ours(_count: int) -> Callable[[], None]:
    alice, bob = introduced()

    def step() -> None:
        nonlocal alice, bob
        alice, envelope = alice.encrypt(TEXT, os.urandom)
        bob, text = bob.decrypt(decode_envelope(envelope).message, os.urandom)
        assert text == TEXT

    return step


def _ours_in_turns(_count: int) -> Callable[[], None]:
    sides = list(introduced())
    turn = 0

    def step() -> None:
        nonlocal turn
        sides[turn], envelope = sides[turn].encrypt(TEXT, os.urandom)
        turn = 1 - turn
        sides[turn], text = sides[turn].decrypt(decode_envelope(envelope).message, os.urandom)
        assert text == TEXT

    return step


def _vodozemac(_count: int) -> Callable[[], None]:
    import vodozemac

    one, other = vodozemac.Account(), vodozemac.Account()
    other.generate_one_time_keys(1)
    sender = one.create_outbound_session(other.curve25519_key, next(iter(other.one_time_keys.values())))
    opening = sender.encrypt(b"first").to_pre_key()
    receiver, _first = other.create_inbound_session(one.curve25519_key, opening)
    sender.decrypt(receiver.encrypt(b"answer"))

    def step() -> None:
        assert receiver.decrypt(sender.encrypt(TEXT)) == TEXT

    return step


def _rsa(_count: int) -> Callable[[], None]:
    key = RSA.generate(2048)
    seal, open_ = PKCS1_OAEP.new(key.public_key(), SHA256), PKCS1_OAEP.new(key, SHA256)
    text = TEXT[:190]

    def step() -> None:
        assert open_.decrypt(seal.encrypt(text)) == text

    return step


if __name__ == "__main__":
    main()
