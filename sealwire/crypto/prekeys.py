"""Prekeys: what a device leaves at the broker so that others can write to it while it is away.

A bundle is what the broker hands out for one device: its card, its signed prekeys and, while they last, a one-time
prekey. One-time prekeys are unsigned as in X3DH; a wrong one only makes a session that opens for nobody.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from msgspec import Struct

from sealwire.crypto.card import Card, SignedCard
from sealwire.crypto.identity import DeviceKeys
from sealwire.crypto.primitives import (
    KEY_BYTES,
    PQ_PUBLIC_BYTES,
    PQ_SEED_BYTES,
    SIGNATURE_BYTES,
    Rng,
    ed25519_sign,
    ed25519_verify,
    pq_public,
    x25519_public,
)
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import Mailbox, Millis
from sealwire.wire.header import VERSION, Reader

NO_ONE_TIME = 0
"""The id that says no one-time prekey was left; ids count up from 1 and are never reused."""

NO_KEY = bytes(KEY_BYTES)

PREKEYS_BYTES = 4 + KEY_BYTES + 4 + PQ_PUBLIC_BYTES + 8
_PUBLIC = struct.Struct(f">I{KEY_BYTES}sI{PQ_PUBLIC_BYTES}sQ")
_SECRET = struct.Struct(f">I{KEY_BYTES}sI{PQ_SEED_BYTES}sQ")
_ONE_TIME = struct.Struct(f">I{KEY_BYTES}s")


class PrekeysPublic(Struct, frozen=True):
    """The medium-term prekeys of a device: X25519 (``spk``, 32 bytes) and ML-KEM-768 (``pq``, 1,184 bytes).

    Source: protocol.md §8.
    """

    spk_id: int
    spk: bytes
    pq_id: int
    pq: bytes
    issued_ms: Millis

    def encode(self) -> bytes:
        """Return the 1,232 bytes.

        Source: protocol.md §8.
        """
        return _PUBLIC.pack(self.spk_id, self.spk, self.pq_id, self.pq, self.issued_ms)

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read 1,232 bytes.

        Raises:
            RemoteProtocolError: another length, or an id 0.

        Source: protocol.md §8.
        """
        if len(encoded) != PREKEYS_BYTES:
            raise RemoteProtocolError("prekeys of another length")
        prekeys = cls(*_PUBLIC.unpack(encoded))
        if prekeys.spk_id == 0 or prekeys.pq_id == 0:
            raise RemoteProtocolError("a prekey without an id")
        return prekeys


class SignedPrekeys(Struct, frozen=True):
    """Prekeys and their device's 64-byte Ed25519 signature.

    Source: protocol.md §8.
    """

    prekeys: PrekeysPublic
    signature: bytes

    def encode(self) -> bytes:
        """Return ``prekeys ‖ signature``.

        Source: protocol.md §8.
        """
        return self.prekeys.encode() + self.signature

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read 1,296 bytes. They are not verified yet.

        Raises:
            RemoteProtocolError: another length, or an id 0.

        Source: protocol.md §8.
        """
        reader = Reader(encoded)
        signed = cls(PrekeysPublic.decode(reader.take(PREKEYS_BYTES)), reader.take(SIGNATURE_BYTES))
        reader.end()
        return signed

    def verify(self, card: Card) -> None:
        """Check that the device of ``card`` signed these prekeys for this very card.

        Raises:
            RefusedError: it did not.

        Source: protocol.md §8.
        """
        ed25519_verify(card.sk, "prekeys", card.hash + self.prekeys.encode(), self.signature)


def sign_prekeys(device: DeviceKeys, card: Card, prekeys: PrekeysPublic) -> SignedPrekeys:
    """Sign ``prekeys`` for the device's own card.

    Source: protocol.md §8.
    """
    return SignedPrekeys(prekeys, ed25519_sign(device.sk, "prekeys", card.hash + prekeys.encode()))


@dataclass(frozen=True, slots=True, repr=False)
class PrekeySecret:
    """The private halves: X25519 (32 bytes) and the ML-KEM seed (64 bytes).

    Source: protocol.md §8.
    """

    spk_id: int
    spk_private: bytes
    pq_id: int
    pq_private: bytes
    issued_ms: Millis

    def __repr__(self) -> str:
        return f"<PrekeySecret {self.spk_id}/{self.pq_id}>"

    @classmethod
    def generate(cls, rng: Rng, spk_id: int, pq_id: int, now_ms: Millis) -> Self:
        """Make new prekeys under ids that were never used before.

        Source: protocol.md §8.
        """
        return cls(spk_id, rng(KEY_BYTES), pq_id, rng(PQ_SEED_BYTES), now_ms)

    def public(self) -> PrekeysPublic:
        """Return the public halves, to be signed and uploaded.

        Source: protocol.md §8.
        """
        spk = x25519_public(self.spk_private)
        return PrekeysPublic(self.spk_id, spk, self.pq_id, pq_public(self.pq_private), self.issued_ms)

    def encode(self) -> bytes:
        """Return the secrets for the vault.

        Source: protocol.md §14.
        """
        return _SECRET.pack(self.spk_id, self.spk_private, self.pq_id, self.pq_private, self.issued_ms)

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what ``encode`` wrote.

        Raises:
            RemoteProtocolError: another length.

        Source: protocol.md §14.
        """
        if len(encoded) != _SECRET.size:
            raise RemoteProtocolError("prekeys of another length")
        return cls(*_SECRET.unpack(encoded))


class OneTimePublic(Struct, frozen=True):
    """The public half of a one-time prekey, 32 bytes under its id.

    Source: protocol.md §8.
    """

    opk_id: int
    public: bytes


@dataclass(frozen=True, slots=True, repr=False)
class OneTimeSecret:
    """The private half of a one-time prekey, deleted in the transaction that stores the session it opened.

    Source: protocol.md §8.
    """

    opk_id: int
    private: bytes

    def __repr__(self) -> str:
        return f"<OneTimeSecret {self.opk_id}>"

    @classmethod
    def generate(cls, rng: Rng, opk_id: int) -> Self:
        """Make a one-time prekey under an id that was never used before.

        Source: protocol.md §8.
        """
        return cls(opk_id, rng(KEY_BYTES))

    def public(self) -> OneTimePublic:
        """Return the public half, to be uploaded.

        Source: protocol.md §8.
        """
        return OneTimePublic(self.opk_id, x25519_public(self.private))

    def encode(self) -> bytes:
        """Return the secret for the vault.

        Source: protocol.md §14.
        """
        return _ONE_TIME.pack(self.opk_id, self.private)

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what ``encode`` wrote.

        Raises:
            RemoteProtocolError: another length.

        Source: protocol.md §14.
        """
        if len(encoded) != _ONE_TIME.size:
            raise RemoteProtocolError("a one-time prekey of another length")
        return cls(*_ONE_TIME.unpack(encoded))


class Bundle(Struct, frozen=True):
    """What the broker hands out for one device; ``opk_id`` 0 with 32 zero bytes means none was left.

    Source: protocol.md §8.
    """

    card: SignedCard
    prekeys: SignedPrekeys
    opk_id: int
    opk: bytes

    def encode(self) -> bytes:
        """Return ``0x01 ‖ LP(card) ‖ signature ‖ prekeys ‖ signature ‖ opk_id ‖ OPK``.

        Source: protocol.md §8.
        """
        one_time = _ONE_TIME.pack(self.opk_id, self.opk)
        return bytes((VERSION,)) + self.card.encode() + self.prekeys.encode() + one_time

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read a bundle. It is not verified yet.

        Raises:
            RemoteProtocolError: it is no bundle, or id 0 comes with a key.

        Source: protocol.md §8.
        """
        reader = Reader(encoded)
        if reader.uint(1) != VERSION:
            raise RemoteProtocolError("another version")
        bundle = cls(
            SignedCard.read(reader),
            SignedPrekeys.decode(reader.take(PREKEYS_BYTES + SIGNATURE_BYTES)),
            reader.uint(4),
            reader.take(KEY_BYTES),
        )
        reader.end()
        if (bundle.opk_id == NO_ONE_TIME) != (bundle.opk == NO_KEY):
            raise RemoteProtocolError("a one-time prekey and an id that disagree")
        return bundle

    def verify(self, expected_mailbox: Mailbox) -> None:
        """Check both signatures, and that these are the keys behind the mailbox that was asked for.

        Raises:
            RefusedError: somebody put other keys there.

        Source: protocol.md §8.
        """
        if self.card.card.mailbox != expected_mailbox:
            raise RefusedError("not-for-us")
        self.card.verify()
        self.prekeys.verify(self.card.card)
