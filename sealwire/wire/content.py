"""What stands inside the encryption: one msgpack array of fixed order and types for every message.

The broker never imports this module (a contract that CI checks).

Source: protocol.md §11.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.ids import MessageId, Millis
from sealwire.wire.control import U64, Bytes16, Bytes32
from sealwire.wire.file_content import FileNews
from sealwire.wire.group_content import GroupNews, Invitation, Notice, are_secrets
from sealwire.wire.word_content import MAX_TEXT_BYTES as MAX_TEXT_BYTES
from sealwire.wire.word_content import Edit, Ref, TimerSeconds, WordNews

MAX_PLAINTEXT_BYTES: Final = 16_383
"""The largest padding bucket less its marker byte; anything larger is a file."""
MAX_RECEIPT_IDS: Final = 800
"""Message ids in one receipt: 800 × 18 bytes fit the largest bucket."""
MAX_VOID: Final = 64
"""Counters named as given up in one message; more are named in the next."""
DIRECT: Final = b""
"""The conversation field of a message between two accounts; a group's is its 16-byte id."""


class Text(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=1):
    """Words for a person."""

    text: Annotated[str, Meta(max_length=MAX_TEXT_BYTES)]
    answers: Ref | None = None
    forwarded: bool = False
    """Somebody else's words, passed on; it is not said whose, because that could not be believed."""
    timer_s: TimerSeconds = 0
    """It disappears this long after it was sent (on the sender's side) or read; 0: it stays."""


class Receipt(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=2):
    """The named messages were stored by this device (or read by its person)."""

    state: Literal["delivered", "read"]
    ids: Annotated[list[Bytes16], Meta(min_length=1, max_length=MAX_RECEIPT_IDS)]


class Renew(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=3):
    """Something of yours could not be opened here: please open a fresh session."""


class Nothing(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=4):
    """The first words of a fresh session when there is nothing else to say."""


Content = Text | Receipt | Renew | Nothing | WordNews | GroupNews | FileNews


class Plaintext(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One message between two devices, before padding."""

    version: Literal[1]
    sender: Bytes32
    """Hash of the sender's card."""
    recipient: Bytes32
    """Hash of the recipient's card: a message re-wrapped for someone else is refused."""
    conversation: Annotated[bytes, Meta(max_length=16)]
    message_id: Bytes16
    counter: Annotated[int, Meta(ge=1, le=0x7FFF_FFFF_FFFF_FFFF)]
    """1, 2, 3 … per device pair and direction, surviving new sessions."""
    previous: Bytes32
    """H("plain", the plaintext before this one), 32 zero bytes for the first."""
    sent_at_ms: U64
    void: Annotated[list[U64], Meta(max_length=MAX_VOID)]
    """Counters that will never arrive because the sender gave those messages up."""
    content: Content


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Plaintext).decode
_encode_content = msgspec.msgpack.Encoder().encode
_decode_content = msgspec.msgpack.Decoder(Content).decode


def encode_plaintext(
    *,
    sender: bytes,
    recipient: bytes,
    message_id: MessageId,
    counter: int,
    previous: bytes,
    sent_at_ms: Millis,
    void: list[int],
    content: Content,
    conversation: bytes = DIRECT,
) -> bytes:
    """Encode one message, before padding.

    Raises:
        LocalProtocolError: it is longer than MAX_PLAINTEXT_BYTES.

    Source: protocol.md §11.
    """
    plain = Plaintext(1, sender, recipient, conversation, message_id, counter, previous, sent_at_ms, void, content)
    encoded = _encode(plain)
    if len(encoded) > MAX_PLAINTEXT_BYTES:
        raise LocalProtocolError("plaintext longer than the largest bucket")
    return encoded


def decode_plaintext(plaintext: bytes) -> Plaintext:
    """Decode one message after padding was taken off.

    Raises:
        RemoteProtocolError: anything but exactly one well-formed plaintext.

    Source: protocol.md §11.
    """
    if len(plaintext) > MAX_PLAINTEXT_BYTES:
        raise RemoteProtocolError("plaintext too long")
    try:
        plain: Plaintext = _decode(plaintext)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RemoteProtocolError("malformed plaintext") from error
    check_bytes(plain.content)
    return plain


def encode_content(content: Content) -> bytes:
    """Encode content alone, as the outbox keeps it until a session can carry it. Source: protocol.md §11."""
    return _encode_content(content)


def decode_content(encoded: bytes) -> Content:
    """Decode what :func:`encode_content` made. Raises RemoteProtocolError. Source: protocol.md §11."""
    try:
        result: Content = _decode_content(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RemoteProtocolError("malformed content") from error
    check_bytes(result)
    return result


def check_bytes(content: Content) -> None:
    """Hold lengths against what their types cannot say: bytes of a text, a secret or none. Raises RemoteProtocolError.

    Source: protocol.md §11, §16.4.
    """
    if isinstance(content, Invitation | Notice) and not are_secrets(content.log_key, content.keeper):
        raise RemoteProtocolError("a secret of another length")
    if isinstance(content, Text | Edit) and len(content.text.encode()) > MAX_TEXT_BYTES:
        raise RemoteProtocolError("a text past its limit")
