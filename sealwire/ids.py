"""The identifiers that cross module borders, as types that cannot be mixed up."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NewType

Mailbox = NewType("Mailbox", bytes)
"""16 bytes: what waits at the broker for one device; H("mailbox", card)[:16]."""

Mid = NewType("Mid", bytes)
"""16 bytes: SHA-256(envelope)[:16], the name of an envelope on the wire."""

Token = NewType("Token", bytes)
"""8 random bytes that a peer chooses at LOGIN and puts into every frame of that link session."""

RoutingId = NewType("RoutingId", bytes)
"""The ROUTER's name of a connection, 5 bytes when ZeroMQ chose it. Never shown to anyone."""

MessageId = NewType("MessageId", bytes)
"""16 random bytes inside the encryption: what people, receipts and scripts call a message."""

DeviceId = NewType("DeviceId", bytes)
"""16 random bytes chosen once for an installation."""

GroupId = NewType("GroupId", bytes)
"""16 random bytes that name a group."""

Millis = int
"""Milliseconds since 1970-01-01 UTC (u64 on the wire)."""

MAILBOX_BYTES = 16
MID_BYTES = 16
TOKEN_BYTES = 8
MESSAGE_ID_BYTES = 16
GROUP_ID_BYTES = 16

GROUP_MARK = "+"
"""First character of a group's conversation: no account name begins with it."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")
_MESSAGE = re.compile(r"[0-9a-fA-F]{32}\Z")
_GROUP = re.compile(r"\+[0-9a-f]{32}\Z")
RESERVED_NAMES = frozenset({"broker", "system", "all", "here"})


def mid_of(envelope: bytes) -> Mid:
    """Return the wire name of an envelope; the recipient recomputes it, so nobody can plant another's.

    Source: protocol.md §4.
    """
    return Mid(sha256(envelope).digest()[:16])


def account_name(text: str) -> str | None:
    """Return ``text`` as an account name (capitals lowered), or None when it breaks the rule.

    Source: protocol.md §7.
    """
    name = text.lower()
    if _NAME.match(name) is None or name in RESERVED_NAMES:
        return None
    return name


def is_unicode(text: str) -> bool:
    """Whether a text has a UTF-8 form.

    JSON can spell half a character ("\\ud800"), and a terminal hands over bytes that are no UTF-8 as such halves. No
    database, no file and no message takes one.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def message_of(text: str) -> MessageId | None:
    """Return the message that 32 hex digits name, or None for anything else."""
    digits = text.strip()
    return MessageId(bytes.fromhex(digits)) if _MESSAGE.match(digits) else None


def conversation_of(group: GroupId) -> str:
    """Return how a group is named wherever an account could stand too: + and 32 hex digits.

    Source: protocol.md §11.
    """
    return GROUP_MARK + group.hex()


def group_of(conversation: str) -> GroupId | None:
    """Return the group that a conversation is, or None for anything that is not + and 32 lower-case hex digits.

    Source: protocol.md §11.
    """
    return GroupId(bytes.fromhex(conversation[1:])) if _GROUP.match(conversation) else None
