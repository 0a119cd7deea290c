"""What stands inside a group's message.

The broker never imports this module (a contract that CI checks).

Source: protocol.md §16.5.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.wire.content import MAX_PLAINTEXT_BYTES, Content, check_bytes
from sealwire.wire.control import U64, Bytes16, Bytes32
from sealwire.wire.group_content import Epoch, Sequence


class GroupPlaintext(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One message of a group, before padding."""

    version: Literal[1]
    group: Bytes16
    sender: Bytes32
    """Hash of the card of the device that speaks."""
    epoch: Epoch
    sequence: Sequence
    """Where the log stands with the sender: its head shows two histories of one group."""
    head: Bytes32
    message_id: Bytes16
    previous: Bytes32
    """H("plain", the plaintext before in this epoch), 32 zero bytes for the first."""
    sent_at_ms: U64
    content: Content


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(GroupPlaintext).decode


def encode_group_plaintext(plain: GroupPlaintext) -> bytes:
    """Encode one message, before padding.

    Raises:
        LocalProtocolError: it is longer than the largest bucket.

    Source: protocol.md §16.5.
    """
    encoded = _encode(plain)
    if len(encoded) > MAX_PLAINTEXT_BYTES:
        raise LocalProtocolError("plaintext longer than the largest bucket")
    return encoded


def decode_group_plaintext(plaintext: bytes) -> GroupPlaintext:
    """Decode one message after padding was taken off.

    Raises:
        RemoteProtocolError: anything but exactly one well-formed plaintext.

    Source: protocol.md §16.5.
    """
    if len(plaintext) > MAX_PLAINTEXT_BYTES:
        raise RemoteProtocolError("plaintext too long")
    try:
        plain: GroupPlaintext = _decode(plaintext)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RemoteProtocolError("malformed plaintext") from error
    check_bytes(plain.content)
    return plain
