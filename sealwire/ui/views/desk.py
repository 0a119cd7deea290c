"""All that a screen shows, as one value, and the one function that moves it.

``reduce`` takes an event and returns the next desk and what to say aloud. It never asks: conversations whose row must
be read again stand in ``stale``, and the interface hands the answers back with the other functions here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.api.people import PersonInfo
from sealwire.peer.events import (
    Connection,
    Contact,
    Delivery,
    Event,
    File,
    Group,
    Message,
    Ready,
    Typing,
    Warning,
)
from sealwire.ui.views import chats, sentences, spoken, timeline
from sealwire.ui.views.chats import ChatRow, Glance
from sealwire.ui.views.state import Line
from sealwire.ui.views.timeline import Item, Local, Reader, Timeline

TYPING_MS: Final = 6_000
"""Somebody who stopped without saying so (their link broke) is no longer shown as writing after this."""


class Desk(Struct, frozen=True):
    """Everything an interface for people knows between two events."""

    own: str
    fingerprint: str = ""
    link: Connection = field(default_factory=lambda: Connection("connecting"))
    queued: int = 0
    """Own messages that wait for the broker."""
    chats: Mapping[str, ConversationInfo] = field(default_factory=dict)
    open: Timeline | None = None
    typing: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By conversation: who is writing, and until when that is believed."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Nicknames by account name."""
    blocked: frozenset[str] = frozenset()
    unfolded: bool = False
    """Messages of blocked people are shown in the open conversation."""
    stale: frozenset[str] = frozenset()
    """Conversations to read again from the history."""
    zone: tzinfo | None = None


# --- events --------------------------------------------------------------------------------------------------


def reduce(desk: Desk, event: Event, now_ms: int) -> tuple[Desk, list[Line]]:
    """Return the next desk and what has no place of its own on a screen and must be said."""
    match event:
        case Ready():
            return replace(desk, own=event.name, fingerprint=event.fingerprint), []
        case Connection():
            return replace(desk, link=event), []
        case Message():
            return _message(desk, event), []
        case Delivery():
            return _delivery(desk, event), []
        case Typing():
            return _typing(desk, event, now_ms), []
        case File():
            opened = desk.open and timeline.with_file(desk.open, event)
            return _stale(replace(desk, open=opened), event.conversation), []
        case Contact():
            said = [Line("alert", sentences.contact(event))] if event.state == "changed" else []
            return _stale(desk, event.name), said
        case Group():
            return _stale(desk, event.id), []
        case Warning():
            return _warning(desk, event, now_ms)


def _message(desk: Desk, message: Message) -> Desk:
    writing = _without_writer(desk.typing, message.conversation, message.sender)
    opened = desk.open
    if opened is not None and message.conversation == opened.conversation:
        gone = message.change == "expired"
        opened = timeline.without(opened, message.id) if gone else timeline.with_message(opened, message)
    return _stale(replace(desk, open=opened, typing=writing), message.conversation)


def _delivery(desk: Desk, event: Delivery) -> Desk:
    opened = desk.open and timeline.with_delivery(desk.open, event)
    return _stale(replace(desk, open=opened), event.to)


def _typing(desk: Desk, event: Typing, now_ms: int) -> Desk:
    if event.sender == desk.own:
        return desk
    kept = _without_writer(desk.typing, event.conversation, event.sender)
    if not event.active:
        return replace(desk, typing=kept)
    people = {**kept.get(event.conversation, {}), event.sender: now_ms + TYPING_MS}
    return replace(desk, typing={**kept, event.conversation: people})


def _without_writer(
    typing: Mapping[str, Mapping[str, int]], place: str, sender: str
) -> Mapping[str, Mapping[str, int]]:
    if sender not in typing.get(place, {}):
        return typing
    people = {name: until for name, until in typing[place].items() if name != sender}
    rest = {key: value for key, value in typing.items() if key != place}
    return {**rest, place: people} if people else rest


def _warning(desk: Desk, event: Warning, now_ms: int) -> tuple[Desk, list[Line]]:
    if event.name == "key-changed":
        return _stale(desk, event.conversation or ""), []  # the contact's own event says what to do
    line = Line("alert", sentences.warning(event))
    opened = desk.open
    if opened is not None and event.conversation == opened.conversation:
        return replace(desk, open=said(opened, line, now_ms)), []
    return desk, [line]


def said(opened: Timeline, line: Line, now_ms: int) -> Timeline:
    """Put a line of the program at the end of a conversation."""
    local = Local(timeline.last_row(opened), now_ms, line.text, line.voice == "alert")
    return timeline.with_local(opened, local)


def _stale(desk: Desk, conversation: str) -> Desk:
    return replace(desk, stale=desk.stale | {conversation}) if conversation else desk


# --- answers -------------------------------------------------------------------------------------------------


def with_chats(desk: Desk, infos: Iterable[ConversationInfo]) -> Desk:
    """Take in the whole list, as at the start."""
    return replace(desk, chats={info.id: info for info in infos}, stale=frozenset())


def with_chat(desk: Desk, conversation: str, info: ConversationInfo | None) -> Desk:
    """Take in one row that was read again; None: there is no such conversation any more."""
    rest = {key: value for key, value in desk.chats.items() if key != conversation}
    known = {**rest, info.id: info} if info is not None else rest
    return replace(desk, chats=known, stale=desk.stale - {conversation})


def with_people(desk: Desk, people: Iterable[PersonInfo]) -> Desk:
    """Take in nicknames and who is blocked."""
    known = list(people)
    names = {one.contact.name: one.nickname for one in known if one.nickname}
    return replace(desk, names=names, blocked=frozenset(one.contact.name for one in known if one.blocked))


def opening(desk: Desk, info: ConversationInfo, page: Sequence[Message]) -> Desk:
    """Open a conversation at its end."""
    opened = timeline.opened(info, desk.own, page)
    return replace(with_chat(desk, info.id, info), open=opened, unfolded=False)


def closing(desk: Desk) -> Desk:
    """Open none."""
    return replace(desk, open=None)


def quiet_writers(desk: Desk, now_ms: int) -> Desk:
    """Forget who is believed to be writing past the time for it."""
    kept = {
        place: people
        for place, known in desk.typing.items()
        if (people := {name: until for name, until in known.items() if until > now_ms})
    }
    return desk if kept == desk.typing else replace(desk, typing=kept)


# --- what is shown -------------------------------------------------------------------------------------------


def chat_rows(desk: Desk, now_ms: int) -> list[ChatRow]:
    """Return the list of conversations."""
    opened = desk.open.conversation if desk.open else None
    typing = {place: sorted(people) for place, people in desk.typing.items()}
    return chats.rows(desk.chats.values(), Glance(desk.own, now_ms, desk.zone, opened, desk.names, typing))


def reader(desk: Desk, now_ms: int) -> Reader:
    """Return who looks at the open conversation."""
    return Reader(now_ms, desk.zone, desk.names, frozenset() if desk.unfolded else desk.blocked)


def items(desk: Desk, now_ms: int) -> list[Item]:
    """Return the lines of the open conversation."""
    return timeline.items(desk.open, reader(desk, now_ms)) if desk.open else []


def open_chat(desk: Desk) -> ConversationInfo | None:
    """Return the row of the open conversation."""
    return desk.chats.get(desk.open.conversation) if desk.open else None


def writing(desk: Desk) -> str:
    """Return who is writing in the open conversation, as a sentence."""
    if desk.open is None:
        return ""
    return spoken.typing_sentence(sorted(desk.typing.get(desk.open.conversation, ())), desk.names)


def unread(desk: Desk, now_ms: int) -> int:
    """Return the number for the title."""
    return chats.total_unread(desk.chats.values(), now_ms)
