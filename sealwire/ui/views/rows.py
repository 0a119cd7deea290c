"""Columns and groups of digits: the forms that scripts cut and people compare."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from sealwire.peer.api import ContactInfo, SafetyNumber, Sent, SessionInfo, Status
from sealwire.peer.api.groups import GroupInfo
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.api.people import PersonInfo, Verification
from sealwire.peer.events import File, Message, rfc3339, to_json
from sealwire.ui.views.safe import column

SAFETY_GROUP = 5
"""Digits read out in one breath."""

FINGERPRINT_GROUP = 8

_LAST_MS = 253_370_764_800_000
"""9999-01-01, a year before the calendar ends in any zone: a sender's clock may say anything."""


def message_row(message: Message) -> str:
    """Return ``time<TAB>conversation<TAB>sender<TAB>text``, the form of pipes, ``recv`` and ``history``.

    In place of a text a file has its name, with what was said to it.
    """
    text = message.text
    if message.file is not None:
        text = f"{message.file.name}: {text}" if text else message.file.name
    fields = (rfc3339(message.sent_at_ms), message.conversation, message.sender, text)
    return "\t".join(column(field) for field in fields)


def file_row(message: Message) -> str:
    """Return ``time<TAB>id<TAB>sender<TAB>state<TAB>bytes<TAB>media type<TAB>name<TAB>text`` of a file's message."""
    file = message.file
    assert file is not None, "asked for files"
    fields = (rfc3339(message.sent_at_ms), message.id, message.sender, file.state, str(file.size_bytes))
    return "\t".join(column(field) for field in (*fields, file.media_type, file.name, message.text))


def contact_row(contact: ContactInfo) -> str:
    """Return ``name<TAB>state<TAB>fingerprint<TAB>first seen<TAB>unread``."""
    fields = (contact.name, contact.trust, contact.fingerprint, rfc3339(contact.first_seen_ms), str(contact.unread))
    return "\t".join(column(field) for field in fields)


def message_json(message: Message) -> dict[str, Any]:
    """Return a message of a history as the object of docs/scripting.md (as the event, without ``v`` and ``type``)."""
    return {key: value for key, value in to_json(message).items() if key not in {"v", "type"}}


def file_json(file: File) -> dict[str, Any]:
    """Return how a file stands as the object of docs/scripting.md (as the event, without ``v`` and ``type``)."""
    return {key: value for key, value in to_json(file).items() if key not in {"v", "type"}}


def contact_json(contact: ContactInfo) -> dict[str, Any]:
    """Return a contact as the object of docs/scripting.md."""
    result: dict[str, Any] = {
        "name": contact.name,
        "fingerprint": contact.fingerprint,
        "state": contact.trust,
        "first_seen": rfc3339(contact.first_seen_ms),
        "unread": contact.unread,
    }
    if contact.changed_ms is not None:
        result["changed"] = rfc3339(contact.changed_ms)
    return result


def session_json(info: SessionInfo) -> dict[str, Any]:
    """Return a contact and the session with it as the object of docs/scripting.md; the last three with a session."""
    result = contact_json(info.contact)
    if info.opened_ms is not None:
        result |= {
            "suite": info.suite,
            "opened": rfc3339(info.opened_ms),
            "messages_since_secret": info.messages_since_secret,
        }
    return result


def conversation_json(info: ConversationInfo) -> dict[str, Any]:
    """Return a line of the list of conversations as the object of docs/scripting.md."""
    result: dict[str, Any] = {
        "id": info.id,
        "title": info.title,
        "group": info.is_group,
        "unread": info.unread,
        "mentions": info.mentions,
        "request": info.request,
        "blocked": info.blocked,
        "can_write": info.can_write,
        "timer_s": info.timer_s,
    }
    if info.last is not None:
        result["last"] = message_json(info.last)
    if info.draft:
        result["draft"] = info.draft
    if info.muted_until_ms:
        result["muted_until"] = rfc3339(info.muted_until_ms)
    if info.trust is not None:
        result["trust"] = info.trust
    return result


def person_json(info: PersonInfo) -> dict[str, Any]:
    """Return a person as the object of docs/scripting.md."""
    result = {**contact_json(info.contact), "request": info.request, "blocked": info.blocked}
    if info.nickname:
        result["nickname"] = info.nickname
    if info.online is not None:
        result["online"] = info.online
    if info.last_seen_ms is not None:
        result["last_seen"] = rfc3339(info.last_seen_ms)
    return result


def verification_json(value: Verification) -> dict[str, Any]:
    """Return what there is to compare as the object of docs/scripting.md."""
    result = {"name": value.name, "digits": value.digits, "code": value.code, "causes": list(value.causes)}
    if value.changed_ms is not None:
        result["changed"] = rfc3339(value.changed_ms)
    return result


def group_json(info: GroupInfo) -> dict[str, Any]:
    """Return a group as the object of docs/scripting.md."""
    members: list[dict[str, Any]] = [
        {"name": one.name, "role": one.role, "invited": one.invited, "verified": one.verified} for one in info.members
    ]
    result: dict[str, Any] = {
        "id": info.id,
        "name": info.name,
        "topic": info.topic,
        "state": info.state,
        "role": info.role,
        "members": members,
        "epoch": info.epoch,
        "timer_s": info.timer_s,
        "shares_history": info.shares_history,
        "head": info.head,
    }
    if info.invited_by is not None:
        result["invited_by"] = info.invited_by
    return result


def safety_json(number: SafetyNumber) -> dict[str, Any]:
    """Return a safety number as the object of docs/scripting.md."""
    return {"name": number.name, "digits": number.digits, "state": number.trust}


def sent_json(sent: Sent) -> dict[str, Any]:
    """Return what ``send`` answers."""
    return {"id": sent.id, "state": sent.state}


def status_json(status: Status) -> dict[str, Any]:
    """Return what ``status`` answers."""
    return {
        "name": status.name,
        "fingerprint": status.fingerprint,
        "connection": status.connection,
        "broker": status.broker,
        "queued": status.queued,
        "unread": status.unread,
        "outbox": status.outbox,
    }


def grouped(text: str, size: int) -> list[str]:
    """Return ``text`` cut into groups of ``size`` characters."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def fingerprint(hexadecimal: str) -> str:
    """Return a fingerprint in groups that can be read out."""
    return " ".join(grouped(hexadecimal, FINGERPRINT_GROUP))


def safety_lines(digits: str) -> list[str]:
    """Return 60 digits as three lines of four groups of five."""
    groups = grouped(digits, SAFETY_GROUP)
    return [" ".join(groups[at : at + 4]) for at in range(0, len(groups), 4)]


def clock(ms: int, now_ms: int, zone: tzinfo | None) -> str:
    """Return the time of day, with the date when it is not today's; ``zone`` None is the reader's own."""
    at, now = moment(ms, zone), moment(now_ms, zone)
    return at.strftime("%H:%M" if at.date() == now.date() else "%Y-%m-%d %H:%M")


def moment(ms: int, zone: tzinfo | None) -> datetime:
    """Return a time of the reader's zone; one outside the calendar is clamped into it."""
    return datetime.fromtimestamp(min(max(ms, 0), _LAST_MS) / 1000, zone)
