"""What a peer tells its interfaces: one stream of these, in order.

Every event turns into the JSON object of docs/scripting.md by :func:`to_json`; the field names there are a contract.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, get_args

import msgspec
from msgspec import Struct

EVENT_VERSION = 1

DeliveryState = Literal["queued", "sent", "delivered", "read", "failed"]
"""States only rise; ``failed`` ends a message that was never sent."""

STATES: tuple[DeliveryState, ...] = ("queued", "sent", "delivered", "read", "failed")
STATE_RANK: dict[str, int] = {state: rank for rank, state in enumerate(STATES)}

ConnectionState = Literal["connecting", "online", "offline", "stopped"]
TrustState = Literal["unverified", "verified", "changed"]

MessageKind = Literal["text", "file", "notice"]
"""``notice`` is said by the program inside a conversation (a member joined, a timer was set), by nobody's hand."""

Change = Literal["edited", "deleted", "reaction", "pinned", "expired"]
"""Why a message that was told before is told again."""

FileState = Literal["offered", "waiting", "sending", "receiving", "paused", "done", "failed", "cancelled"]

GroupChange = Literal[
    "created", "invited", "declined", "joined", "added", "left", "removed", "role", "renamed", "topic", "timer",
    "history", "rekeyed", "forked",
]  # fmt: skip


class Ready(Struct, frozen=True):
    """The profile is open; on a first start it is registered and its prekeys are stored."""

    type: ClassVar[str] = "ready"
    name: str
    fingerprint: str
    """Account fingerprint, 64 lower-case hex digits."""


class Connection(Struct, frozen=True):
    """The link to the broker changed."""

    type: ClassVar[str] = "connection"
    state: ConnectionState
    reason: str | None = None
    """A sentence for people, in their language, when there is something to say."""
    code: str | None = None
    """The stable code of the error behind ``reason``."""


class Reaction(Struct, frozen=True):
    """One person's reaction to a message."""

    sender: str
    emoji: str


class Quote(Struct, frozen=True):
    """The message that another one answers, as far as it is known here."""

    id: str
    sender: str
    """Empty when the quoted message is not in this history."""
    text: str
    """Its beginning, one line; empty when it is not known or was deleted."""


class Attachment(Struct, frozen=True):
    """A file that a message carries."""

    name: str
    """Cleaned: no path, no control and no bidirectional characters."""
    size_bytes: int
    media_type: str
    state: FileState
    done_bytes: int = 0
    path: str | None = None
    """Where it lies here, once everything is verified (or the source, for our own)."""
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = None
    """A small JPEG, decoded and made again here; not part of the JSON."""


class Message(Struct, frozen=True):
    """A message was stored: someone else's, or our own. At least once; ``id`` is stable.

    With ``change`` set it was stored before, and this is how it stands now.
    """

    type: ClassVar[str] = "message"
    id: str
    """32 hex digits."""
    conversation: str
    """An account name, or ``+`` and the 32 hex digits of a group."""
    sender: str
    """Account name; ``from`` in JSON."""
    text: str
    sent_at_ms: int
    """The sender's clock; ``sent_at`` in JSON."""
    verified: bool
    row: int = 0
    """Local position in the history, the order of display; not part of the JSON."""
    state: DeliveryState | None = None
    """Only on our own messages in a history; not in events. In a group: what every member's device reached."""
    kind: MessageKind = "text"
    request: bool = False
    """From somebody whose request to talk is not answered yet."""
    reply_to: Quote | None = None
    mentions: tuple[str, ...] = ()
    """Account names that the text mentions."""
    forwarded: bool = False
    edited_at_ms: int | None = None
    deleted: bool = False
    """Taken back by its author: the text is empty, the place stays."""
    reactions: tuple[Reaction, ...] = ()
    pinned: bool = False
    expires_at_ms: int | None = None
    """When it disappears here (disappearing messages)."""
    file: Attachment | None = None
    change: Change | None = None
    here: bool = False
    """Said or changed by this device just now, through whatever interface; not part of the JSON."""


class Delivery(Struct, frozen=True):
    """The state of one of our messages rose (or it failed)."""

    type: ClassVar[str] = "delivery"
    id: str
    state: DeliveryState
    to: str
    reason: str | None = None


class Contact(Struct, frozen=True):
    """A contact appeared or its trust changed."""

    type: ClassVar[str] = "contact"
    name: str
    fingerprint: str
    state: TrustState


class Warning(Struct, frozen=True):
    """Something people should know that no other event says."""

    type: ClassVar[str] = "warning"
    name: str
    """One of the stable names of docs/scripting.md."""
    message: str
    conversation: str | None = None
    count: int | None = None


class Typing(Struct, frozen=True):
    """Somebody writes, or stopped. Never stored, dropped first when anything is scarce."""

    type: ClassVar[str] = "typing"
    conversation: str
    sender: str
    active: bool


class File(Struct, frozen=True):
    """A file moved on: progress at most a few times a second, each change of state at once."""

    type: ClassVar[str] = "file"
    id: str
    """Of the message that carries it."""
    conversation: str
    name: str
    state: FileState
    done_bytes: int
    size_bytes: int
    path: str | None = None
    """Where the finished file lies."""
    reason: str | None = None
    thumbnail: bytes | None = None
    """Made here, once there is one; not part of the JSON."""


class Group(Struct, frozen=True):
    """A group changed, by a signed entry of its log (or it stopped because its log has two heads)."""

    type: ClassVar[str] = "group"
    id: str
    """``+`` and 32 hex digits: the conversation."""
    name: str
    change: GroupChange
    by: str | None = None
    subject: str | None = None
    """The member it is about."""
    detail: str | None = None
    """The new name, topic, role or timer; a sentence when it stopped."""


Event = Ready | Connection | Message | Delivery | Contact | Warning | Typing | File | Group

_JSON_NAMES = {
    "sender": "from", "sent_at_ms": "sent_at", "edited_at_ms": "edited_at", "expires_at_ms": "expires_at",
}  # fmt: skip
_NOT_IN_JSON = {"row", "thumbnail", "here"}


def rfc3339(ms: int) -> str:
    """Return a time in RFC 3339 UTC with milliseconds; a time outside the calendar is clamped into it."""
    seconds = min(max(ms, 0), 253_402_300_799_999) / 1000
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(event: Event) -> dict[str, Any]:
    """Return the event as the JSON object of docs/scripting.md; what stands at its default is left out."""
    return {"v": EVENT_VERSION, "type": event.type, **_object(event)}


def _object(value: Event | _Part) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, shown, is_time, default in _COLUMNS[type(value)]:
        field = getattr(value, name)
        if field is default or field == default:
            continue
        if is_time:
            field = rfc3339(field)
        elif isinstance(field, tuple):
            field = [_object(part) if isinstance(part, _Part) else part for part in field]
        elif isinstance(field, _Part):
            field = _object(field)
        result[shown] = field
    return result


_Part = Reaction | Quote | Attachment


def _columns(kind: type[Any]) -> tuple[tuple[str, str, bool, Any], ...]:
    names, defaults = kind.__struct_fields__, kind.__struct_defaults__
    every = zip(names, (msgspec.NODEFAULT,) * (len(names) - len(defaults)) + defaults, strict=True)
    return tuple(
        (name, _JSON_NAMES.get(name, name), name.endswith("_ms"), default)
        for name, default in every
        if name not in _NOT_IN_JSON
    )


_COLUMNS: dict[type[Any], tuple[tuple[str, str, bool, Any], ...]] = {
    kind: _columns(kind) for kind in (*get_args(Event), *get_args(_Part))
}
