"""Ready-made people for tests: RSA keys take seconds to make, so three identities are kept in ``identities.json``."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

from sealwire.crypto.handshake import accept, open_session
from sealwire.crypto.identity import Identity
from sealwire.crypto.prekeys import Bundle, OneTimeSecret, PrekeySecret, sign_prekeys
from sealwire.crypto.primitives import Rng
from sealwire.crypto.session import Session
from sealwire.wire.header import decode_envelope

VECTORS = Path(__file__).parent
REALM = "aaaabbbbccccdddd"
NOW_MS = 1_760_000_000_000


def load(name: str):
    return json.loads((VECTORS / f"{name}.json").read_text())


def stream(seed: str) -> Rng:
    """A repeatable source of bytes; for vectors and tests only."""
    counter = 0

    def take(size_bytes: int) -> bytes:
        nonlocal counter
        counter += 1
        return hashlib.shake_256(f"{seed}/{counter}".encode()).digest(size_bytes)

    return take


@cache
def person(name: str) -> Identity:
    return Identity.decode(bytes.fromhex(load("identities")[name]))


def prekeys_of(identity: Identity, opk_id: int = 7, rng: Rng = os.urandom):
    """Return (bundle, prekey secret, one-time secret or None)."""
    secret = PrekeySecret.generate(rng, 1, 1, NOW_MS)
    signed = sign_prekeys(identity.device, identity.card.card, secret.public())
    if not opk_id:
        return Bundle(identity.card, signed, 0, bytes(32)), secret, None
    one_time = OneTimeSecret.generate(rng, opk_id)
    return Bundle(identity.card, signed, opk_id, one_time.public().public), secret, one_time


def accept_with(identity: Identity, hs: bytes, secret, one_time, now_ms: int = NOW_MS):
    def find(spk_id: int, pq_id: int):
        return secret if (spk_id, pq_id) == (secret.spk_id, secret.pq_id) else None

    def find_one(opk_id: int):
        return one_time if one_time and one_time.opk_id == opk_id else None

    return accept(identity, hs, find, find_one, now_ms)


def introduced(rng: Rng = os.urandom, opk_id: int = 7) -> tuple[Session, Session]:
    """Alice opened a session and bob answered: both sides are ready."""
    alice, bob = person("alice"), person("bob")
    bundle, secret, one_time = prekeys_of(bob, opk_id, rng)
    a = open_session(alice, bundle, NOW_MS, rng)
    a, envelope = a.encrypt(b"first", rng)
    parts = decode_envelope(envelope)
    b = accept_with(bob, parts.hs, secret, one_time).session
    b, _ = b.decrypt(parts.message, rng)
    b, envelope = b.encrypt(b"answer", rng)
    a, _ = a.decrypt(decode_envelope(envelope).message, rng)
    return a, b
