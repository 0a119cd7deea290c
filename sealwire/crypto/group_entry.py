"""What an entry of a group's log says, and the signature of the device that says it.

Source: protocol.md §16.2.
"""

from __future__ import annotations

import struct
import unicodedata
from enum import IntEnum
from typing import Final, Self

from msgspec import Struct

from sealwire.crypto.card import HASH_BYTES, MAX_NAME_BYTES, SignedCard
from sealwire.crypto.primitives import SIGNATURE_BYTES, ed25519_sign, ed25519_verify
from sealwire.errors import RemoteProtocolError
from sealwire.ids import Millis, account_name
from sealwire.wire.header import Reader, lp

MAX_GROUP_NAME_BYTES: Final = 128
"""UTF-8; without it a name fills every screen it is shown on."""
MAX_TOPIC_BYTES: Final = 256
MIN_TIMER_S: Final = 5
"""Shorter, and nobody would have read it."""
MAX_TIMER_S: Final = 366 * 24 * 3600
"""A year; longer is no disappearing message but a rule for keeping."""
MAX_VALUE_BYTES: Final = 1_700
"""A name, a signed card of the longest names and what stands around them."""

_INVITE = struct.Struct(f">{HASH_BYTES}sBQ")
_FILLERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol that are drawn as blanks."""
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ADDED, _DROPPED = b"\x01", b"\x00"


class Kind(IntEnum):
    """What an entry does."""

    CREATE = 1
    INVITE = 2
    ACCEPT = 3
    DECLINE = 4
    REMOVE = 5
    LEAVE = 6
    ROLE = 7
    RENAME = 8
    TOPIC = 9
    TIMER = 10
    HISTORY = 11
    DEVICE = 12
    REKEY = 13


class Role(IntEnum):
    """What a member may do; a smaller number may more."""

    OWNER = 1
    ADMIN = 2
    MEMBER = 3
    READ_ONLY = 4


class Body(Struct, frozen=True):
    """One entry's content.

    Attributes:
        epoch: the one that holds after the entry.
        card_hash: 32 bytes, of the author's device.
        subject: an account name, or empty.
        value: as its kind has it; the functions below read and write it.

    Source: protocol.md §16.2.
    """

    epoch: int
    author: str
    card_hash: bytes
    kind: Kind
    subject: str
    value: bytes
    time_ms: Millis

    def encode(self) -> bytes:
        """Return the bytes that are signed behind the entry's outside.

        Source: protocol.md §16.2.
        """
        head = self.epoch.to_bytes(4, "big") + lp(self.author.encode()) + self.card_hash + bytes((self.kind,))
        return head + lp(self.subject.encode()) + lp(self.value) + self.time_ms.to_bytes(8, "big")

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read one from where ``reader`` stands.

        Raises:
            RemoteProtocolError: it is none.

        Source: protocol.md §16.2.
        """
        epoch, author = reader.uint(4), _read_account(reader)
        card_hash, kind = reader.take(HASH_BYTES), reader.uint(1)
        if not author or kind not in Kind.__members__.values():
            raise RemoteProtocolError("no entry of a group")
        subject, value = _read_account(reader), reader.lp(MAX_VALUE_BYTES)
        return cls(epoch, author, card_hash, Kind(kind), subject, value, reader.uint(8))


def _read_account(reader: Reader) -> str:
    try:
        name = reader.lp(MAX_NAME_BYTES).decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError("a name that is no UTF-8") from None
    if name and account_name(name) != name:
        raise RemoteProtocolError("not an account name")
    return name


class SignedBody(Struct, frozen=True):
    """An entry's content and its author's 64-byte signature.

    Source: protocol.md §16.2.
    """

    body: Body
    signature: bytes

    def encode(self) -> bytes:
        """Return what is sealed.

        Source: protocol.md §16.2.
        """
        return self.body.encode() + self.signature

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read what :meth:`encode` wrote; it is not verified yet.

        Raises:
            RemoteProtocolError: it is none.

        Source: protocol.md §16.2.
        """
        reader = Reader(content)
        signed = cls(Body.read(reader), reader.take(SIGNATURE_BYTES))
        reader.end()
        return signed

    @classmethod
    def sign(cls, body: Body, start: bytes, sk_seed: bytes) -> Self:
        """Sign as the author's device, for the one place whose outside is ``start``.

        Source: protocol.md §16.2.
        """
        return cls(body, ed25519_sign(sk_seed, "group-entry", start + body.encode()))

    def verify(self, start: bytes, sk: bytes) -> None:
        """Check that the device of this key signed it for this place.

        Raises:
            RefusedError: it did not.

        Source: protocol.md §16.2.
        """
        ed25519_verify(sk, "group-entry", start + self.body.encode(), self.signature)


# --- values ----------------------------------------------------------------------------------------------------


class Invited(Struct, frozen=True):
    """The value of ``invite``: who exactly, as what, until when.

    Source: protocol.md §16.2.
    """

    fingerprint: bytes
    role: Role
    until_ms: Millis

    def encode(self) -> bytes:
        """Return the value. Source: protocol.md §16.2."""
        return _INVITE.pack(self.fingerprint, self.role, self.until_ms)

    @classmethod
    def decode(cls, value: bytes) -> Self:
        """Read the value. Raises RemoteProtocolError. Source: protocol.md §16.2."""
        if len(value) != _INVITE.size:
            raise RemoteProtocolError("no invitation")
        fingerprint, role, until_ms = _INVITE.unpack(value)
        return cls(fingerprint, read_role(bytes((role,))), until_ms)


def encode_create(name: str, card: SignedCard) -> bytes:
    """Return the value of ``create``. Source: protocol.md §16.2."""
    return lp(name.encode()) + card.encode()


def read_create(value: bytes) -> tuple[str, SignedCard]:
    """Return (group's name, verified card). Raises RemoteProtocolError, RefusedError. Source: protocol.md §16.2."""
    reader = Reader(value)
    name, card = reader.lp(MAX_GROUP_NAME_BYTES), SignedCard.read(reader)
    reader.end()
    card.verify()
    return read_text(lp(name), MAX_GROUP_NAME_BYTES, least=1), card


def read_card(value: bytes) -> SignedCard:
    """Return the card of ``accept`` or ``decline``, verified by its own account key.

    Raises:
        RemoteProtocolError, RefusedError: it is none, or not signed.

    Source: protocol.md §16.2.
    """
    card = SignedCard.decode(value)
    card.verify()
    return card


def encode_device(card: SignedCard | None, dropped: bytes = b"") -> bytes:
    """Return the value of ``device``: a card that is added, or the hash of one that is dropped.

    Source: protocol.md §16.2.
    """
    return _DROPPED + dropped if card is None else _ADDED + card.encode()


def read_device(value: bytes) -> SignedCard | bytes:
    """Return the added card, verified, or the hash of the dropped one.

    Raises:
        RemoteProtocolError, RefusedError: it is neither, or the card is not signed.

    Source: protocol.md §16.2.
    """
    if value[:1] == _ADDED:
        return read_card(value[1:])
    if value[:1] == _DROPPED and len(value) == 1 + HASH_BYTES:
        return value[1:]
    raise RemoteProtocolError("no change of a device")


def read_role(value: bytes) -> Role:
    """Return a role. Raises RemoteProtocolError. Source: protocol.md §16.2."""
    if len(value) != 1 or value[0] not in Role.__members__.values():
        raise RemoteProtocolError("no role")
    return Role(value[0])


def read_timer(value: bytes) -> int:
    """Return seconds, 0 for off. Raises RemoteProtocolError. Source: protocol.md §16.2."""
    seconds = int.from_bytes(value, "big")
    if len(value) != 4 or (seconds and not MIN_TIMER_S <= seconds <= MAX_TIMER_S):
        raise RemoteProtocolError("no timer")
    return seconds


def read_switch(value: bytes) -> bool:
    """Return on or off. Raises RemoteProtocolError. Source: protocol.md §16.2."""
    if value not in (b"\x00", b"\x01"):
        raise RemoteProtocolError("neither on nor off")
    return value == b"\x01"


def encode_text(text: str) -> bytes:
    """Return a name or a topic as a value. Source: protocol.md §16.2."""
    return lp(text.encode())


def read_text(value: bytes, limit: int, least: int = 0) -> str:
    """Return a name or a topic.

    Raises:
        RemoteProtocolError: too long, not UTF-8 in NFC, or with control or bidirectional characters.

    Source: protocol.md §16.2.
    """
    reader = Reader(value)
    raw = reader.lp(limit)
    reader.end()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError("a text that is no UTF-8") from None
    if len(raw) < least or not is_plain(text):
        raise RemoteProtocolError("a text that would not be shown as it is")
    return text


def is_seen(text: str) -> bool:
    """Whether a name shows anything: not only blanks, zero-width characters and marks of no letter."""
    return any(unicodedata.category(sign)[0] in "LNPS" and sign not in _FILLERS for sign in text)


def is_plain(text: str) -> bool:
    """Whether a name or a topic is what it looks like: NFC, no control, no bidirectional character, no blank edge.

    Source: protocol.md §16.2.
    """
    if text != text.strip() or unicodedata.normalize("NFC", text) != text:
        return False
    return not any(c in _BIDI or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)
