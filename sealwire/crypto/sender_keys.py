"""Sender keys: one device's chain in one epoch of a group, and what it seals.

States never change: ``encrypt`` and ``decrypt`` return the next one, and the caller keeps the old one when they raise.

Source: protocol.md §16.5.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final, Self

from msgspec import Struct

from sealwire.crypto.primitives import (
    AUTHENTICATOR_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    SIGNATURE_BYTES,
    H,
    Rng,
    aead_open,
    aead_seal,
    ed25519_expanded,
    ed25519_sign_expanded,
    ed25519_verify,
    equal,
    hkdf,
    hmac_sha256,
    pad,
    unpad,
)
from sealwire.crypto.session import BUCKETS, bucket
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError
from sealwire.ids import GROUP_ID_BYTES, GroupId
from sealwire.wire.header import TAG_BYTES, VERSION, Reader

MAX_ITERATION: Final = 1_999
"""The highest one of a key: bounds what one message can make its recipient compute. An epoch ends at 500."""
MAX_SKIPPED: Final = 1_000
"""Keys kept for messages still under way, for each sender key; the oldest go first."""

_SALT_BYTES: Final = 12
_HASH_BYTES: Final = 32
_HEAD = struct.Struct(f">{TAG_BYTES}sI{_SALT_BYTES}s{KEY_BYTES}s")
OVERHEAD_BYTES: Final = _HEAD.size + AUTHENTICATOR_BYTES + SIGNATURE_BYTES
_SIZES: Final = frozenset(OVERHEAD_BYTES + size for size in BUCKETS)
_CONTEXT = struct.Struct(f">{GROUP_ID_BYTES}sI{_HASH_BYTES}s{_HASH_BYTES}s")
_STATE = struct.Struct(f">B{_CONTEXT.size}s{KEY_BYTES}sI{KEY_BYTES}s{_HASH_BYTES}s")
_SKIPPED = struct.Struct(f">I{KEY_BYTES}s")


class Place(Struct, frozen=True):
    """Where a sender key is good: it is in the signature and the associated data of every message.

    Attributes:
        head: 32 bytes, of the log when the key was made.
        card_hash: 32 bytes, of the device that speaks.

    Source: protocol.md §16.5.
    """

    group: GroupId
    epoch: int
    head: bytes
    card_hash: bytes

    def encode(self) -> bytes:
        """Return the context without the iteration.

        Source: protocol.md §16.5.
        """
        return _CONTEXT.pack(self.group, self.epoch, self.head, self.card_hash)

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what :meth:`encode` wrote. Source: protocol.md §16.5."""
        group, epoch, head, card_hash = _CONTEXT.unpack(encoded)
        return cls(GroupId(group), epoch, head, card_hash)

    def tag(self, verify_key: bytes) -> bytes:
        """Return the 16 bytes that name this key on an envelope.

        Source: protocol.md §16.5.
        """
        content = self.group + self.epoch.to_bytes(4, "big") + self.card_hash + verify_key
        return H("group-tag", content)[:TAG_BYTES]


def _step(chain_key: bytes) -> tuple[bytes, bytes]:
    """(message key, next chain key)."""
    return hmac_sha256(chain_key, b"\x01"), hmac_sha256(chain_key, b"\x02")


def _message_keys(message_key: bytes, salt: bytes) -> tuple[bytes, bytes, bytes]:
    """(key, nonce, commitment)."""
    keys = hkdf(message_key, "group-key", salt, 2 * KEY_BYTES + NONCE_BYTES)
    return keys[:KEY_BYTES], keys[KEY_BYTES : KEY_BYTES + NONCE_BYTES], keys[KEY_BYTES + NONCE_BYTES :]


@dataclass(frozen=True, slots=True, repr=False)
class SenderKey:
    """The speaking side.

    Attributes:
        chain_key: 32 bytes, at ``iteration``.
        signing_key: 64 bytes, Ed25519 expanded: the public half costs as much as a signature, and every message needs
            it twice, in its tag and to sign.
        previous: 32 bytes, hash of the plaintext before.

    Source: protocol.md §16.5.
    """

    place: Place
    chain_key: bytes
    iteration: int
    signing_key: bytes
    previous: bytes = bytes(_HASH_BYTES)

    def __repr__(self) -> str:
        return f"<SenderKey {self.tag.hex()[:16]} {self.iteration}>"

    @classmethod
    def generate(cls, place: Place, rng: Rng) -> Self:
        """Make a fresh one.

        Source: protocol.md §16.5.
        """
        chain_key, seed = rng(KEY_BYTES), rng(KEY_BYTES)
        return cls(place, chain_key, 0, ed25519_expanded(seed))

    @property
    def verify_key(self) -> bytes:
        """32 bytes, the public half."""
        return self.signing_key[KEY_BYTES:]

    @property
    def tag(self) -> bytes:
        """16 bytes that stand before every message."""
        return self.place.tag(self.verify_key)

    def encrypt(self, plaintext: bytes, rng: Rng) -> tuple[Self, bytes]:
        """Seal one message.

        Returns:
            (next state, envelope).

        Raises:
            LocalProtocolError: the key has been used as often as it may be.

        Source: protocol.md §16.5.
        """
        if self.iteration > MAX_ITERATION:
            raise LocalProtocolError("a sender key past its last iteration")
        message_key, next_key = _step(self.chain_key)
        salt, tag = rng(_SALT_BYTES), self.tag
        key, nonce, com = _message_keys(message_key, salt)
        context = self.place.encode() + self.iteration.to_bytes(4, "big")
        sealed = aead_seal(key, nonce, pad(plaintext, bucket(len(plaintext))), context + tag + salt)
        signed = _HEAD.pack(tag, self.iteration, salt, com) + sealed
        signature = ed25519_sign_expanded(self.signing_key, "group-message", context + signed)
        after = replace(self, chain_key=next_key, iteration=self.iteration + 1, previous=H("plain", plaintext))
        return after, signed + signature

    def encode(self) -> bytes:
        """Return the state for the vault.

        Source: protocol.md §16.5.
        """
        seed = self.signing_key[:KEY_BYTES]
        return _STATE.pack(VERSION, self.place.encode(), self.chain_key, self.iteration, seed, self.previous)

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what :meth:`encode` wrote. Raises RemoteProtocolError. Source: protocol.md §16.5."""
        if len(encoded) != _STATE.size:
            raise RemoteProtocolError("no sender key")
        _version, place, chain_key, iteration, seed, previous = _STATE.unpack(encoded)
        return cls(Place.decode(place), chain_key, iteration, ed25519_expanded(seed), previous)


class RepeatedError(RefusedError):
    """Signed by the right key, in a place where another message stood: two copies of that device exist."""


@dataclass(frozen=True, slots=True, repr=False)
class ReceiverKey:
    """The listening side: another device's sender key as far as it was given to us.

    Attributes:
        chain_key: 32 bytes, at ``iteration``, the next number expected.
        verify_key: 32 bytes.
        previous: 32 bytes, hash of the newest plaintext; empty when none was read and some were said before.
        skipped: (iteration, message key) of messages still under way, rising.

    Source: protocol.md §16.5.
    """

    place: Place
    chain_key: bytes
    iteration: int
    verify_key: bytes
    previous: bytes = b""
    skipped: tuple[tuple[int, bytes], ...] = ()

    def __repr__(self) -> str:
        return f"<ReceiverKey {self.tag.hex()[:16]} {self.iteration}>"

    @property
    def tag(self) -> bytes:
        """16 bytes that stand before every message."""
        return self.place.tag(self.verify_key)

    def decrypt(self, envelope: bytes) -> tuple[Self, bytes, int]:
        """Open one message. Nothing is computed along the chain before its signature was checked.

        Returns:
            (next state, plaintext, iteration).

        Raises:
            RepeatedError: the place was used before.
            RefusedError: it is not of this key.
            RemoteProtocolError: wrong padding.

        Source: protocol.md §16.5.
        """
        if len(envelope) not in _SIZES:
            raise RefusedError
        tag, iteration, salt, com = _HEAD.unpack_from(envelope)
        context = self.place.encode() + iteration.to_bytes(4, "big")
        signed, signature = envelope[:-SIGNATURE_BYTES], envelope[-SIGNATURE_BYTES:]
        ed25519_verify(self.verify_key, "group-message", context + signed, signature)
        if iteration > MAX_ITERATION or tag != self.tag:
            raise RefusedError
        after, message_key = self._key_of(iteration)
        key, nonce, committed = _message_keys(message_key, salt)
        if not equal(com, committed):
            raise RefusedError
        padded = aead_open(key, nonce, signed[_HEAD.size :], context + tag + salt)
        return after, unpad(padded), iteration

    def _key_of(self, iteration: int) -> tuple[Self, bytes]:
        if iteration < self.iteration:
            found = dict(self.skipped).get(iteration)
            if found is None:
                raise RepeatedError
            return replace(self, skipped=tuple(kept for kept in self.skipped if kept[0] != iteration)), found
        chain_key, skipped = self.chain_key, list(self.skipped)
        for number in range(self.iteration, iteration):
            message_key, chain_key = _step(chain_key)
            skipped.append((number, message_key))
        message_key, chain_key = _step(chain_key)
        after = replace(self, chain_key=chain_key, iteration=iteration + 1, skipped=tuple(skipped[-MAX_SKIPPED:]))
        return after, message_key

    def encode(self) -> bytes:
        """Return the state for the vault.

        Source: protocol.md §16.5.
        """
        known = bool(self.previous)
        previous = self.previous or bytes(_HASH_BYTES)
        place = self.place.encode()
        fixed = _STATE.pack(VERSION, place, self.chain_key, self.iteration, self.verify_key, previous)
        skipped = b"".join(_SKIPPED.pack(number, key) for number, key in self.skipped)
        return fixed + bytes((known,)) + len(self.skipped).to_bytes(2, "big") + skipped

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what :meth:`encode` wrote. Raises RemoteProtocolError. Source: protocol.md §16.5."""
        reader = Reader(encoded)
        _version, place, chain_key, iteration, verify_key, previous = _STATE.unpack(reader.take(_STATE.size))
        known, count = reader.uint(1), reader.uint(2)
        skipped = tuple(_SKIPPED.iter_unpack(reader.take(count * _SKIPPED.size)))
        reader.end()
        return cls(Place.decode(place), chain_key, iteration, verify_key, previous if known else b"", skipped)
