"""The layout of an envelope: what the associated data of every message is built from.

An envelope is ``tag(16) ‖ message`` inside a session, or ``0^16 ‖ LP(hs) ‖ message`` while the opener of a session
has not been answered. The broker relays these bytes without reading them.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.ids import MAILBOX_BYTES, Mailbox

VERSION = 1
"""First byte of every signed or sealed structure. Without it a later layout could be read as this one."""

SUITE = 0x0001
"""X25519, RSA-3072-OAEP, ML-KEM-768, XChaCha20-Poly1305, SHA-256. In every transcript: no downgrade goes unseen."""

MAX_ENVELOPE_BYTES = 20 * 1024
"""Without it one peer could make every other hold frames as large as the transport allows."""

TAG_BYTES = 16
NO_TAG = bytes(TAG_BYTES)
"""The tag of an envelope that opens a session: it names no session and is followed by the handshake."""

RSA_BYTES = 384
PQ_CIPHERTEXT_BYTES = 1088
SEALED_PLAIN_BYTES = 1408
"""Card, signature and time are padded to this, so that the size of a handshake says nothing about names."""

SEALED_BYTES = SEALED_PLAIN_BYTES + 16
MIN_MESSAGE_BYTES = 80 + 32 + 256 + 16
"""Sealed header, commitment and the smallest padded plaintext with its authenticator; less is no message."""

_HS = struct.Struct(f">BH{MAILBOX_BYTES}s32sIII{RSA_BYTES}s{PQ_CIPHERTEXT_BYTES}s{SEALED_BYTES}s")
HS_BYTES = _HS.size
_LP_HS = struct.pack(">H", HS_BYTES)
_HS_END = TAG_BYTES + 2 + HS_BYTES


def lp(content: bytes) -> bytes:
    """Return ``content`` behind its length as u16.

    Raises:
        LocalProtocolError: ``content`` has more than 65,535 bytes.

    Source: protocol.md §1.
    """
    if len(content) > 0xFFFF:
        raise LocalProtocolError("a length-prefixed field past 65,535 bytes")
    return len(content).to_bytes(2, "big") + content


class Reader:
    """A cursor over bytes from elsewhere that never reads past their end.

    Source: protocol.md §1.
    """

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes.

        Raises:
            RemoteProtocolError: fewer are left.

        Source: protocol.md §1.
        """
        end = self._at + count
        if count < 0 or end > len(self._data):
            raise RemoteProtocolError("truncated")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def uint(self, size_bytes: int) -> int:
        """Return the next big-endian unsigned integer of ``size_bytes``.

        Raises:
            RemoteProtocolError: fewer bytes are left.

        Source: protocol.md §1.
        """
        return int.from_bytes(self.take(size_bytes), "big")

    def lp(self, limit: int = 0xFFFF) -> bytes:
        """Return the next length-prefixed field of at most ``limit`` bytes.

        Raises:
            RemoteProtocolError: it is longer, or truncated.

        Source: protocol.md §1.
        """
        size = self.uint(2)
        if size > limit:
            raise RemoteProtocolError("a field is too long")
        return self.take(size)

    def rest(self) -> bytes:
        """Return everything that is left.

        Source: protocol.md §1.
        """
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        """Check that nothing is left: trailing bytes would give one object two encodings.

        Raises:
            RemoteProtocolError: something is left.

        Source: protocol.md §1.
        """
        if self._at != len(self._data):
            raise RemoteProtocolError("trailing bytes")


def expect_version(reader: Reader) -> None:
    """Read version and suite and accept only this one's.

    Raises:
        RemoteProtocolError: another version or suite.

    Source: protocol.md §7.
    """
    if reader.uint(1) != VERSION or reader.uint(2) != SUITE:
        raise RemoteProtocolError("another version or suite")


VERSION_AND_SUITE = struct.pack(">BH", VERSION, SUITE)


class EnvelopeParts(Struct, frozen=True):
    """An envelope taken apart; ``hs`` is None inside a session, and then ``tag`` names the session.

    Source: protocol.md §4.
    """

    tag: bytes
    hs: bytes | None
    message: bytes


def encode_envelope(tag: bytes, message: bytes, hs: bytes | None = None) -> bytes:
    """Return the bytes the broker relays: under ``tag``, or opening a session when ``hs`` is given.

    Raises:
        LocalProtocolError: a field of a wrong length.

    Source: protocol.md §4.
    """
    if hs is None:
        if len(tag) != TAG_BYTES or tag == NO_TAG:
            raise LocalProtocolError("an envelope without a session tag")
        envelope = tag + message
    else:
        if len(hs) != HS_BYTES:
            raise LocalProtocolError("a handshake of another length")
        envelope = NO_TAG + _LP_HS + hs + message
    if len(envelope) > MAX_ENVELOPE_BYTES:
        raise LocalProtocolError("an envelope past its limit")
    return envelope


def decode_envelope(envelope: bytes) -> EnvelopeParts:
    """Take an envelope apart; nothing in it is trusted yet.

    Raises:
        RemoteProtocolError: it is no envelope.

    Source: protocol.md §4.
    """
    if len(envelope) > MAX_ENVELOPE_BYTES:
        raise RemoteProtocolError("an envelope past its limit")
    tag = envelope[:TAG_BYTES]
    hs = None
    message = envelope[TAG_BYTES:]
    if tag == NO_TAG:
        if envelope[TAG_BYTES : TAG_BYTES + 2] != _LP_HS:
            raise RemoteProtocolError("a handshake of another length")
        hs = envelope[TAG_BYTES + 2 : _HS_END]
        message = envelope[_HS_END:]
    if len(message) < MIN_MESSAGE_BYTES:
        raise RemoteProtocolError("truncated")
    return EnvelopeParts(tag, hs, message)


class HandshakeHeader(Struct, frozen=True):
    """``hs``: everything the recipient needs to open a session, always ``HS_BYTES`` (2,959) long.

    Attributes:
        mailbox: 16 bytes, the recipient's.
        ek: 32 bytes, the opener's ephemeral X25519 key.
        spk_id, opk_id, pq_id: which of the recipient's prekeys; opk_id 0 means none.
        c_rsa: 384 bytes, RSA-OAEP.
        c_pq: 1,088 bytes, ML-KEM-768 by HPKE.
        sealed: 1,424 bytes, the opener's card, signature and time.

    Source: protocol.md §9.
    """

    mailbox: Mailbox
    ek: bytes
    spk_id: int
    opk_id: int
    pq_id: int
    c_rsa: bytes
    c_pq: bytes
    sealed: bytes

    def encode(self) -> bytes:
        """Return the 2,959 bytes.

        Source: protocol.md §9.
        """
        return _HS.pack(
            VERSION,
            SUITE,
            self.mailbox,
            self.ek,
            self.spk_id,
            self.opk_id,
            self.pq_id,
            self.c_rsa,
            self.c_pq,
            self.sealed,
        )

    @staticmethod
    def decode(hs: bytes) -> HandshakeHeader:
        """Take ``hs`` apart.

        Raises:
            RemoteProtocolError: another length, version or suite.

        Source: protocol.md §9.
        """
        if len(hs) != HS_BYTES:
            raise RemoteProtocolError("a handshake of another length")
        version, suite, mailbox, *fields = _HS.unpack(hs)
        if version != VERSION or suite != SUITE:
            raise RemoteProtocolError("another version or suite")
        return HandshakeHeader(Mailbox(mailbox), *fields)
