"""What a client on a stage remembers: messages in order, what is set about each conversation, groups, people."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sealwire.errors import SealwireError, UnknownPeerError
from sealwire.peer.api import ContactInfo
from sealwire.peer.api.groups import GroupInfo
from sealwire.peer.api.past import ConversationInfo, Retention
from sealwire.peer.events import Event, Message, TrustState


class Settings(Struct, frozen=True):
    """What is set about one conversation here."""

    draft: str = ""
    timer_s: int = 0
    muted_until_ms: int = 0
    read_row: int = 0
    nickname: str = ""
    request: bool = False
    blocked: bool = False


class Box:
    """Everything in memory; the rooms of a client on a stage share one."""

    def __init__(self, name: str, now_ms: Callable[[], int]) -> None:
        self.name = name
        self.now_ms = now_ms
        self.messages: dict[str, list[Message]] = {}
        self.settings: dict[str, Settings] = {}
        self.contacts: dict[str, ContactInfo] = {}
        self.groups: dict[str, GroupInfo] = {}
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.asked: list[tuple[Any, ...]] = []
        self.rules: dict[str | None, Retention] = {}
        """Every call that changes something, with what was asked."""
        self.failure: SealwireError | None = None
        """The next changing call raises this once."""
        self.failing = ""
        """Which call that is; empty for any."""
        self.row = 0
        self._places: dict[str, str] = {}

    def note(self, *call: object) -> None:
        """Write a call down, or fail it as a test asked for."""
        self.asked.append(call)
        if self.failure is not None and self.failing in ("", call[0]):
            failure, self.failure = self.failure, None
            raise failure

    def rule(self, conversation: str | None, rule: Retention | None) -> Retention:
        """How long messages are kept, set first when it is given."""
        if rule is not None:
            self.rules[conversation] = rule
        return self.rules.get(conversation, Retention())

    def add(self, message: Message) -> Message:
        """Store a message at the end; returns it with its row."""
        self.row += 1
        stored = replace(message, row=self.row)
        self.messages.setdefault(message.conversation, []).append(stored)
        self._places[message.id] = message.conversation
        return stored

    def new_id(self) -> str:
        """An id that no message has."""
        return f"{self.row + 1:032x}"

    def find(self, message_id: str) -> Message:
        """One message, wherever it is. Raises UnknownPeerError for want of a better word."""
        conversation = self._places.get(message_id)
        for message in self.messages.get(conversation or "", ()):
            if message.id == message_id:
                return message
        raise UnknownPeerError(name=message_id)

    def put(self, message: Message) -> Message:
        """Replace a stored message by its id."""
        rows = self.messages[message.conversation]
        rows[bisect.bisect_left(rows, message.row, key=lambda one: one.row)] = message
        return message

    def drop(self, message: Message) -> None:
        """Forget a stored message."""
        rows = self.messages[message.conversation]
        del rows[bisect.bisect_left(rows, message.row, key=lambda one: one.row)]

    def set(self, conversation: str, **changes: Any) -> None:
        """Change what is set about a conversation."""
        self.settings[conversation] = replace(self.settings.get(conversation, Settings()), **changes)

    def of(self, conversation: str) -> Settings:
        """What is set about a conversation."""
        return self.settings.get(conversation, Settings())

    def contact(self, name: str) -> ContactInfo:
        """Somebody known here. Raises UnknownPeerError."""
        if name not in self.contacts:
            raise UnknownPeerError(name=name)
        return replace(self.contacts[name], unread=len(self.unread(name)))

    def know(self, name: str, trust: TrustState = "unverified", changed_ms: int | None = None) -> ContactInfo:
        """Make somebody known."""
        fingerprint = (name.encode().hex() + "0" * 64)[:64]
        self.contacts[name] = ContactInfo(name, fingerprint, trust, 0, changed_ms, 0)
        return self.contacts[name]

    def unread(self, conversation: str) -> list[Message]:
        """Messages of others after the read marker."""
        rows, marker = self.messages.get(conversation, []), self.of(conversation).read_row
        start = bisect.bisect_right(rows, marker, key=lambda one: one.row)
        return [one for one in rows[start:] if one.sender != self.name and one.kind != "notice"]

    def info(self, conversation: str) -> ConversationInfo:
        """One line of the list of conversations. Raises UnknownPeerError."""
        settings, rows = self.of(conversation), self.messages.get(conversation, [])
        group = self.groups.get(conversation)
        contact = None if group else self.contact(conversation)
        unread = self.unread(conversation)
        return ConversationInfo(
            id=conversation,
            title=group.name if group else settings.nickname or conversation,
            is_group=group is not None,
            last=rows[-1] if rows else None,
            unread=len(unread),
            mentions=sum(self.name in one.mentions for one in unread),
            read_row=settings.read_row,
            draft=settings.draft,
            timer_s=group.timer_s if group else settings.timer_s,
            muted_until_ms=settings.muted_until_ms,
            request=group.state == "invited" if group else settings.request,
            blocked=settings.blocked,
            trust=contact.trust if contact else None,
            can_write=_can_write(group, contact, settings),
        )

    def all(self) -> Sequence[ConversationInfo]:
        """All conversations, the latest first."""
        ids = {*self.messages, *self.groups, *self.contacts}
        infos = [self.info(one) for one in ids]
        return sorted(infos, key=lambda info: (-(info.last.row if info.last else 0), info.title))


def _can_write(group: GroupInfo | None, contact: ContactInfo | None, settings: Settings) -> bool:
    if group is not None:
        return group.state == "member" and group.role != "read-only"
    return contact is not None and contact.trust != "changed" and not settings.blocked
