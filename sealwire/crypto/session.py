"""A session: the Double Ratchet state between two devices, with what the handshake fixed around it.

A session never changes: ``encrypt`` and ``decrypt`` return the next one, and the caller commits it in the transaction
that stores what it read or sends.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from sealwire.crypto.primitives import Rng, pad, unpad
from sealwire.crypto.ratchet import OVERHEAD_BYTES, Ratchet
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError
from sealwire.ids import Millis
from sealwire.wire.header import HS_BYTES, TAG_BYTES, VERSION, encode_envelope

RENEW_AFTER_MS = 7 * 24 * 3600 * 1000
"""Older sessions are replaced; without it a conversation would descend from one RSA-OAEP secret for ever."""

RENEW_AFTER_MESSAGES = 1000
"""Sessions that sent more are replaced, for the same reason in a busy conversation."""

MAX_SESSIONS_PER_PAIR = 5
"""Old ones only receive. Without a limit a peer that opens sessions in a loop fills the store."""

BUCKETS = (256, 512, 1024, 2048, 4096, 8192, 16384)
"""Sizes of padded plaintexts: all an observer learns about a message's length."""

MAX_PLAINTEXT_BYTES = BUCKETS[-1] - 1
_MESSAGE_SIZES = frozenset(OVERHEAD_BYTES + size for size in BUCKETS)
_FIXED = struct.Struct(f">BB32s{TAG_BYTES}s{TAG_BYTES}s32s32sQQI")
_FROM_OPENER = b"\x00"
_TO_OPENER = b"\x01"


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """One side of a session.

    Attributes:
        opener: whether this device opened it.
        T: 32 bytes, the transcript: both cards with names, realms and all keys, and the handshake.
        tag_out, tag_in: 16 bytes each, how envelopes of either direction are recognised.
        hs: what rides before every message until the other side answered; None after that, and at the responder.
        hs_hash: 32 bytes, SHA-256 of the handshake.
        peer_card_hash: 32 bytes.
        time_ms: the opener's time, as bounded on arrival; with T it says which session is the active one.
        created_ms: when this device made it.
        sent: messages sent through it.

    Source: protocol.md §12.
    """

    opener: bool
    T: bytes
    tag_out: bytes
    tag_in: bytes
    hs: bytes | None
    hs_hash: bytes
    peer_card_hash: bytes
    time_ms: Millis
    created_ms: Millis
    sent: int
    ratchet: Ratchet

    def __repr__(self) -> str:
        return f"<Session {self.hs_hash.hex()[:16]}>"

    @property
    def order(self) -> tuple[Millis, bytes]:
        """Sorts the sessions of a pair of devices alike on both."""
        return self.time_ms, self.T

    def encrypt(self, plaintext: bytes, rng: Rng) -> tuple[Session, bytes]:
        """Return the next session and an envelope with ``plaintext``.

        The caller commits the session before the envelope leaves: sending twice from one state would use a key twice.

        Raises:
            LocalProtocolError: more than ``MAX_PLAINTEXT_BYTES``, or the other side has not written first.

        Source: protocol.md §10.
        """
        ad = self.T + (_FROM_OPENER if self.opener else _TO_OPENER)
        ratchet, message = self.ratchet.encrypt(pad(plaintext, bucket(len(plaintext))), ad, rng)
        return self._next(ratchet, self.hs, self.sent + 1), encode_envelope(self.tag_out, message, self.hs)

    def decrypt(self, message: bytes, rng: Rng) -> tuple[Session, bytes]:
        """Return the next session and the plaintext of ``message`` (an envelope's third part).

        Raises:
            RefusedError: it is not a message of this session and direction, or was read before.

        Source: protocol.md §10.
        """
        if len(message) not in _MESSAGE_SIZES:
            raise RefusedError
        ad = self.T + (_TO_OPENER if self.opener else _FROM_OPENER)
        ratchet, padded = self.ratchet.decrypt(message, ad, rng)
        try:
            plaintext = unpad(padded)
        except RemoteProtocolError:
            raise RefusedError from None
        return self._next(ratchet, None, self.sent), plaintext  # they hold the session now: hs has done its work

    def needs_renewal(self, now_ms: Millis) -> bool:
        """Whether a fresh handshake is due.

        Source: protocol.md §12.
        """
        return self.sent >= RENEW_AFTER_MESSAGES or now_ms - self.created_ms > RENEW_AFTER_MS

    def _next(self, ratchet: Ratchet, hs: bytes | None, sent: int) -> Session:
        return Session(
            self.opener,
            self.T,
            self.tag_out,
            self.tag_in,
            hs,
            self.hs_hash,
            self.peer_card_hash,
            self.time_ms,
            self.created_ms,
            sent,
            ratchet,
        )

    def encode(self) -> bytes:
        """Return the session for the vault.

        Source: protocol.md §14.
        """
        flags = self.opener | (self.hs is not None) << 1
        fixed = _FIXED.pack(
            VERSION,
            flags,
            self.T,
            self.tag_out,
            self.tag_in,
            self.hs_hash,
            self.peer_card_hash,
            self.time_ms,
            self.created_ms,
            self.sent,
        )
        return fixed + (self.hs or b"") + self.ratchet.encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what ``encode`` wrote.

        Raises:
            RemoteProtocolError: it is no session.

        Source: protocol.md §14.
        """
        if len(encoded) < _FIXED.size:
            raise RemoteProtocolError("truncated")
        version, flags, transcript, tag_out, tag_in, hs_hash, peer, time_ms, created_ms, sent = _FIXED.unpack_from(
            encoded
        )
        hs_end = _FIXED.size + (HS_BYTES if flags & 2 else 0)
        if version != VERSION or flags > 3 or len(encoded) < hs_end:
            raise RemoteProtocolError("no session")
        hs = encoded[_FIXED.size : hs_end] if flags & 2 else None
        ratchet = Ratchet.decode(encoded[hs_end:])
        opener = bool(flags & 1)
        return cls(opener, transcript, tag_out, tag_in, hs, hs_hash, peer, time_ms, created_ms, sent, ratchet)


def bucket(size_bytes: int) -> int:
    """Return the padded size of a plaintext.

    Raises:
        LocalProtocolError: it is past the largest one.

    Source: protocol.md §10.
    """
    for bucket in BUCKETS:
        if size_bytes < bucket:
            return bucket
    raise LocalProtocolError("a plaintext past its limit")


def active(sessions: Iterable[Session]) -> Session | None:
    """Return the session a pair of devices sends through: the one of the largest (time, T), or None.

    Source: protocol.md §12.
    """
    return max(sessions, key=lambda session: session.order, default=None)


def kept(sessions: Iterable[Session]) -> list[Session]:
    """Return the sessions of a pair worth keeping, the active one first.

    Source: protocol.md §12.
    """
    return sorted(sessions, key=lambda session: session.order, reverse=True)[:MAX_SESSIONS_PER_PAIR]
