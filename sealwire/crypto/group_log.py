"""The outside of a group's log: entries that follow each other, whose content is sealed.

This is all the broker ever sees of a group. The rule of what follows what is one function, for the broker that appends
and for clients that do not believe it.

Source: protocol.md §16.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final, Self

from msgspec import Struct

from sealwire.crypto.primitives import (
    AUTHENTICATOR_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    SIGNATURE_BYTES,
    H,
    ed25519_verify,
)
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import GroupId
from sealwire.wire.header import VERSION, Reader, lp

HEAD_BYTES: Final = 32
MAX_ENTRY_BYTES: Final = 2_560
"""One entry; without it a log is a place for files."""
BODY_SIZES: Final = (512, 2_048)
"""Padded bodies: one with a card in it or one without is all that the broker can tell."""

_FIXED = struct.Struct(">B16sI32s32s32s")
_LINK_BYTES: Final = NONCE_BYTES + KEY_BYTES + AUTHENTICATOR_BYTES
_SEALED_BYTES: Final = tuple(NONCE_BYTES + size + AUTHENTICATOR_BYTES for size in BODY_SIZES)
_NO_HEAD: Final = bytes(HEAD_BYTES)
_UNSIGNED: Final = bytes(SIGNATURE_BYTES)


class Head(Struct, frozen=True):
    """Where a log stands: everything that decides what may follow.

    Attributes:
        sequence: of the last entry, 0 before the first.
        hash: 32 bytes.
        keeper, writer: 32 bytes, public keys.

    Source: protocol.md §16.1.
    """

    group: GroupId
    sequence: int = 0
    hash: bytes = _NO_HEAD
    keeper: bytes = b""
    writer: bytes = b""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry as it is stored; ``encoded`` holds its very bytes.

    Source: protocol.md §16.1.
    """

    group: GroupId
    sequence: int
    previous: bytes
    keeper: bytes
    writer: bytes
    link: bytes
    sealed: bytes
    signature: bytes
    keeper_signature: bytes
    encoded: bytes = field(repr=False)

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Take an entry apart; nothing in it is verified yet.

        Raises:
            RemoteProtocolError: it is no entry.

        Source: protocol.md §16.1.
        """
        if len(encoded) > MAX_ENTRY_BYTES:
            raise RemoteProtocolError("an entry past its limit")
        reader = Reader(encoded)
        version, group, sequence, previous, keeper, writer = _FIXED.unpack(reader.take(_FIXED.size))
        link, sealed = reader.lp(_LINK_BYTES), reader.lp(_SEALED_BYTES[-1])
        signature, keeper_signature = reader.take(SIGNATURE_BYTES), reader.take(SIGNATURE_BYTES)
        reader.end()
        if version != VERSION or sequence == 0 or len(link) not in (0, _LINK_BYTES) or len(sealed) not in _SEALED_BYTES:
            raise RemoteProtocolError("no entry of a log")
        return cls(
            GroupId(group), sequence, previous, keeper, writer, link, sealed, signature, keeper_signature, encoded
        )

    @property
    def start(self) -> bytes:
        """What the seal and the author's signature cover of the outside."""
        return self.encoded[: _FIXED.size + 2 + len(self.link)]

    def head(self) -> Head:
        """Where the log stands with this entry."""
        return Head(self.group, self.sequence, H("group-head", self.encoded), self.keeper, self.writer)


def follow(head: Head, entry: LogEntry) -> Head:
    """Return the head after ``entry``, which is the only thing anybody may put into a log.

    Raises:
        ForkError: it stands elsewhere: another sequence or another entry before it.
        RefusedError: another keeper, or a signature that is not right.

    Source: protocol.md §16.1.
    """
    if entry.group != head.group or entry.sequence != head.sequence + 1 or entry.previous != head.hash:
        raise ForkError
    first = head.sequence == 0
    signed = entry.encoded[: -2 * SIGNATURE_BYTES]
    if not first and entry.keeper != head.keeper:
        raise RefusedError("unsigned")
    ed25519_verify(entry.writer if first else head.writer, "group-append", signed, entry.signature)
    if first or entry.writer != head.writer:
        ed25519_verify(entry.keeper, "group-keep", signed, entry.keeper_signature)
    elif entry.keeper_signature != _UNSIGNED:
        raise RefusedError("unsigned")
    if bool(entry.link) != (not first and entry.writer != head.writer):
        raise RefusedError("unsigned")
    return entry.head()


class ForkError(RefusedError):
    """An entry for another place of the log than the next one."""


def start_of(head: Head, keeper: bytes, writer: bytes, link: bytes) -> bytes:
    """Return the outside of the entry after ``head`` as far as its author signs it.

    Source: protocol.md §16.2.
    """
    return _FIXED.pack(VERSION, head.group, head.sequence + 1, head.hash, keeper, writer) + lp(link)
