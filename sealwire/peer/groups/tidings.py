"""What people hear of groups: each change once, and what was refused once in a run.

Source: protocol.md §16.2.
"""

from __future__ import annotations

from typing import Final

from sealwire.crypto.group_entry import Kind
from sealwire.crypto.membership import Change
from sealwire.crypto.primitives import H
from sealwire.i18n import _
from sealwire.ids import MESSAGE_ID_BYTES, MessageId
from sealwire.peer.changes import Said
from sealwire.peer.events import Event, GroupChange, Warning
from sealwire.peer.events import Group as GroupEvent
from sealwire.peer.groups.group import Group
from sealwire.peer.records import Now
from sealwire.peer.timers import timer_notice
from sealwire.peer.words import Words

CHANGES: Final[dict[Kind, GroupChange]] = {
    Kind.CREATE: "created",
    Kind.INVITE: "invited",
    Kind.ACCEPT: "joined",
    Kind.DECLINE: "declined",
    Kind.REMOVE: "removed",
    Kind.LEAVE: "left",
    Kind.ROLE: "role",
    Kind.RENAME: "renamed",
    Kind.TOPIC: "topic",
    Kind.TIMER: "timer",
    Kind.HISTORY: "history",
    Kind.DEVICE: "added",
    Kind.REKEY: "rekeyed",
}


class Tidings:
    """Turns what happened into events."""

    def __init__(self, name: str, words: Words, events: list[Event]) -> None:
        self._name = name
        self._words = words
        self._events = events

    def changed(self, group: Group, change: Change, sequence: int, now: Now) -> None:
        """An entry changed something: an event for programs, a line in the conversation for people."""
        subject = change.subject or (change.by if change.kind in (Kind.ACCEPT, Kind.DECLINE, Kind.LEAVE) else None)
        self.tell(group, CHANGES[change.kind], change.by, subject, change.detail or None)
        timer = change.kind is Kind.TIMER
        text = timer_notice(change.by, self._name, int(change.detail)) if timer else _sentence(change)
        if text and group.state != "knocking":
            notice_id = MessageId(H("group-notice", group.id + sequence.to_bytes(4, "big"))[:MESSAGE_ID_BYTES])
            self._words.notice(Said(group.conversation, change.by, notice_id, now.ms, now), text)

    def tell(self, group: Group, change: GroupChange, by: str | None, subject: str | None, detail: str | None) -> None:
        """Something happened to a group."""
        self._events.append(GroupEvent(group.conversation, group.name, change, by, subject, detail))

    def skipped(self, group: Group) -> None:
        """An entry breaks a rule: it changed nothing."""
        text = _("An entry in the log of the group {group} is not by somebody who may write it; it is ignored.")
        self._once(group, "skipped", "group-log", text.format(group=group.name))

    def contradicted(self, group: Group, name: str) -> None:
        """The log and the directory name different keys for one person."""
        text = _(
            "The group {group} knows {name} by another key than the one seen here: nothing of this group is sent to "
            "{name}."
        )
        self._once(group, f"contradicted {name}", "group-key", text.format(group=group.name, name=name))

    def _once(self, group: Group, what: str, code: str, text: str) -> None:
        if what not in group.warned:
            group.warned.add(what)
            self._events.append(Warning(code, text, group.conversation, 1))


def _sentence(change: Change) -> str:
    """What stands in the conversation; empty for what is not worth a line."""
    names = {"by": change.by, "name": change.subject, "detail": change.detail}
    match change.kind:
        case Kind.CREATE:
            return _("{by} made the group {detail}.").format(**names)
        case Kind.INVITE:
            return _("{by} invited {name}.").format(**names)
        case Kind.ACCEPT:
            return _("{by} joined.").format(**names)
        case Kind.DECLINE:
            return _("{by} declined the invitation.").format(**names)
        case Kind.REMOVE:
            return _("{by} removed {name}.").format(**names)
        case Kind.LEAVE:
            return _("{by} left.").format(**names)
        case Kind.RENAME:
            return _("{by} named the group {detail}.").format(**names)
        case Kind.TOPIC:
            return _("{by} set the topic: {detail}").format(**names)
        case Kind.ROLE:
            return _("{by} made {name} {role}.").format(**names, role=role_word(change.detail))
        case Kind.HISTORY if change.detail == "on":
            return _("{by} lets people who join see what was said before.").format(**names)
        case Kind.HISTORY:
            return _("{by} hides what was said before from people who join.").format(**names)
        case _:
            return ""


def role_word(role: str) -> str:
    """A role in the reader's language."""
    words = {"owner": _("owner"), "admin": _("admin"), "member": _("member"), "read-only": _("a reader")}
    return words.get(role, role)
