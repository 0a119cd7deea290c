"""What a peer tells its interfaces: one stream of these, in order.

Every event turns into the JSON object of docs/scripting.md by :func:`to_json`; the field names there are a contract.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, get_args

EVENT_VERSION = 1

DeliveryState = Literal["queued", "sent", "delivered", "read", "failed"]
"""States only rise; ``failed`` ends a message that was never sent."""

STATES: tuple[DeliveryState, ...] = ("queued", "sent", "delivered", "read", "failed")
STATE_RANK: dict[str, int] = {state: rank for rank, state in enumerate(STATES)}

ConnectionState = Literal["connecting", "online", "offline", "stopped"]
TrustState = Literal["unverified", "verified", "changed"]


@dataclass(frozen=True, slots=True)
class Ready:
    """The profile is open; on a first start it is registered and its prekeys are stored."""

    type: ClassVar[str] = "ready"
    name: str
    fingerprint: str
    """Account fingerprint, 64 lower-case hex digits."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The link to the broker changed."""

    type: ClassVar[str] = "connection"
    state: ConnectionState
    reason: str | None = None
    """A sentence for people, in their language, when there is something to say."""
    code: str | None = None
    """The stable code of the error behind ``reason``."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message was stored: someone else's, or our own from elsewhere. At least once; ``id`` is stable."""

    type: ClassVar[str] = "message"
    id: str
    """32 hex digits."""
    conversation: str
    sender: str
    """Account name; ``from`` in JSON."""
    text: str
    sent_at_ms: int
    """The sender's clock; ``sent_at`` in JSON."""
    verified: bool
    row: int = 0
    """Local position in the history, the order of display; not part of the JSON."""
    state: DeliveryState | None = None
    """Only on our own messages in a history; not in events."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The state of one of our messages rose (or it failed)."""

    type: ClassVar[str] = "delivery"
    id: str
    state: DeliveryState
    to: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact appeared or its trust changed."""

    type: ClassVar[str] = "contact"
    name: str
    fingerprint: str
    state: TrustState


@dataclass(frozen=True, slots=True)
class Warning:
    """Something people should know: a gap, an unreadable message, a clone, little disk space."""

    type: ClassVar[str] = "warning"
    name: str
    """Stable code: ``gap``, ``unreadable``, ``clone``, ``key-changed``, ``expired``, ``clock`` …"""
    message: str
    conversation: str | None = None
    count: int | None = None


Event = Ready | Connection | Message | Delivery | Contact | Warning

_JSON_NAMES = {"sender": "from", "sent_at_ms": "sent_at"}
_NOT_IN_JSON = {"row"}


def rfc3339(ms: int) -> str:
    """Return a time in RFC 3339 UTC with milliseconds; a time outside the calendar is clamped into it."""
    seconds = min(max(ms, 0), 253_402_300_799_999) / 1000
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(event: Event) -> dict[str, Any]:
    """Return the event as the JSON object of docs/scripting.md; absent values are left out."""
    result: dict[str, Any] = {"v": EVENT_VERSION, "type": event.type}
    for name, shown, is_time in _COLUMNS[type(event)]:
        value = getattr(event, name)
        if value is not None:
            result[shown] = rfc3339(value) if is_time else value
    return result


def _columns(kind: type[Event]) -> tuple[tuple[str, str, bool], ...]:
    names = [field.name for field in fields(kind) if field.name not in _NOT_IN_JSON]
    return tuple((name, _JSON_NAMES.get(name, name), name.endswith("_ms")) for name in names)


_COLUMNS: dict[type[Event], tuple[tuple[str, str, bool], ...]] = {kind: _columns(kind) for kind in get_args(Event)}
