"""What an interface knows: a value, and the one function that moves it.

``reduce`` takes what happened and returns the next value and what to say. It never asks, waits or writes, so a
conversation is a list of events and a list of lines, in a test as on a screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from sealwire.errors import BrokerUnreachableError
from sealwire.i18n import _
from sealwire.peer.events import (
    STATE_RANK,
    Connection,
    Contact,
    Delivery,
    DeliveryState,
    Event,
    File,
    FileState,
    Group,
    Message,
    Ready,
    Typing,
    Warning,
)
from sealwire.ui.views import sentences, spoken
from sealwire.ui.views.rows import clock
from sealwire.ui.views.safe import screen_lines, screen_name

MAX_TRACKED = 1_000
"""Own messages and files whose state is kept; without a bound a long day grows without end."""

Voice = Literal["message", "own", "system", "alert"]
"""Who speaks a line: someone else, we ourselves, the program, or the program about something serious."""


class Line(Struct, frozen=True):
    """One thing to say; ``text`` may have several physical lines, all harmless."""

    voice: Voice
    text: str


class Own(Struct, frozen=True):
    """An own message of this run: its spoken number and the highest state seen."""

    number: int
    state: DeliveryState


class View(Struct, frozen=True):
    """All an interface has to remember between two events."""

    name: str = ""
    current: str | None = None
    """The open conversation."""
    title: str = ""
    """Its name: of a group the conversation is an id."""
    said_connection: str = ""
    """The last sentence about the link: the same twice in a row is noise."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """The names of groups by id: nobody wants to hear 32 digits."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Nicknames by account name."""
    own: Mapping[str, Own] = field(default_factory=dict)
    files: Mapping[str, FileState] = field(default_factory=dict)
    """What was said last of each file."""
    writing: frozenset[tuple[str, str]] = frozenset()
    """(conversation, sender) of those who were said to be writing."""
    zone: tzinfo | None = None
    """None: the reader's own."""


def reduce(view: View, event: Event, now_ms: int) -> tuple[View, list[Line]]:
    """Return the next view and what to say about ``event``, usually one line."""
    match event:
        case Ready():
            return replace(view, name=event.name), [Line("system", sentences.ready(event))]
        case Connection():
            return _connection(view, event)
        case Message():
            writing = view.writing - {(event.conversation, event.sender)}
            return replace(view, writing=writing), [message_line(view, event, now_ms)]
        case Delivery():
            return _delivery(view, event)
        case Contact():
            return view, [Line("alert" if event.state == "changed" else "system", sentences.contact(event))]
        case Warning(name="key-changed"):
            return view, []  # the contact's own event beside it says so, with what to do
        case Warning():
            place = _title(view, event.conversation) if event.conversation else None
            return view, [Line("alert", sentences.warning(replace(event, conversation=place)))]
        case Typing():
            return _typing(view, event)
        case File():
            return _file(view, event)
        case Group():
            return named(view, {event.id: event.name}), _group(view, event)


def _group(view: View, event: Group) -> list[Line]:
    match event:
        case Group(change="forked"):
            return [Line("alert", sentences.group(event))]
        case Group(change="invited") if event.subject == view.name:
            return [Line("system", sentences.invited(event))]
        case _:
            return []  # a notice of its conversation says so


def named(view: View, groups: Mapping[str, str]) -> View:
    """Return the view with these groups known by name."""
    titles = {conversation: f"+{name}" for conversation, name in groups.items()}
    return replace(view, groups={**view.groups, **groups}, title=titles.get(view.current or "", view.title))


def nicknamed(view: View, names: Mapping[str, str]) -> View:
    """Return the view with these nicknames, and no others, in the place of account names."""
    current = view.current
    title = names.get(current, current) if current is not None and current not in view.groups else view.title
    return replace(view, names=dict(names), title=title)


def is_refusal(event: Connection) -> bool:
    """Whether a first start cannot go on: the broker answers and says no, or is another one than the pinned one.

    A broker that only does not answer is waited for.
    """
    waits = (None, BrokerUnreachableError.code)
    return event.state == "stopped" or (event.state == "offline" and event.code not in waits)


def sent(view: View, message_id: str, to: str, state: DeliveryState, number: int) -> tuple[View, list[Line]]:
    """Remember a message just written and say where it is; what a receipt said before is not said again."""
    if message_id in view.own:
        return view, []
    own = Own(number, state)
    kept = dict(list(view.own.items())[-(MAX_TRACKED - 1) :])
    kept[message_id] = own
    line = Line("own", sentences.delivery(own.number, _title(view, to), state, None))
    return replace(view, own=kept), [line]


def _title(view: View, conversation: str) -> str:
    if conversation in view.groups:
        return f"+{view.groups[conversation]}"
    if conversation in view.names:
        return view.names[conversation]
    return view.title if conversation == view.current and view.title else conversation


def message_line(view: View, message: Message, now_ms: int) -> Line:
    """Return who, when and what. Further lines are indented, so that no text can imitate another person's line."""
    own = message.sender == view.name
    voice: Voice = "system" if message.kind == "notice" else "own" if own else "message"
    if message.change is not None:
        return Line(voice, _changed(view, message))
    time = clock(message.sent_at_ms, now_ms, view.zone)
    text = "\n    ".join(screen_lines(message.text))
    if message.kind == "notice":
        return Line(voice, f"{time} {_notice_place(view, message)}: {text}")
    sender = _("you to {name}").format(name=_place(view, message)) if own else _sender(view, message)
    facts = [*_asides(view, message)]
    if message.state:
        facts.append(sentences.state_word(message.state))
    aside = f" ({', '.join(facts)})" if facts else ""
    if message.file is not None:
        text = f"{spoken.file_sentence(message.file)} {text}".rstrip()
    if message.deleted:
        text = _("deleted")
    return Line(voice, f"{time} {sender}{aside}: {text}")


def _sender(view: View, message: Message) -> str:
    if not message.conversation.startswith("+"):
        return spoken.shown_name(message.sender, view.names)
    shown = spoken.shown_name(message.sender, view.names)
    return _("{name} in {group}").format(name=shown, group=_place(view, message))


def _notice_place(view: View, message: Message) -> str:
    """Not the name alone: that stands before what the person says, who could write the words of a notice."""
    place = _place(view, message)
    return place if message.conversation.startswith("+") else _("in the conversation with {name}").format(name=place)


def _place(view: View, message: Message) -> str:
    return screen_name(_title(view, message.conversation))


def _asides(view: View, message: Message) -> list[str]:
    facts = []
    quote = message.reply_to
    if quote is not None and quote.sender:
        whose = _("you") if quote.sender == view.name else spoken.shown_name(quote.sender, view.names)
        facts.append(_("in reply to {name}: {text}").format(name=whose, text=spoken.short(quote.text)))
    elif quote is not None:
        facts.append(_("in reply to a message that is not here"))
    if message.request:
        facts.append(_("asks to talk to you"))
    if message.forwarded:
        facts.append(_("forwarded"))
    if message.edited_at_ms is not None:
        facts.append(_("edited"))
    if message.pinned:
        facts.append(_("pinned"))
    return facts


def _changed(view: View, message: Message) -> str:
    """A message that was said before is another one now."""
    who = _("You") if message.sender == view.name else spoken.shown_name(message.sender, view.names)
    match message.change:
        case "edited":
            text = "\n    ".join(screen_lines(message.text))
            return _("{name} edited: {text}").format(name=who, text=text)
        case "deleted":
            return _("{name} deleted this message.").format(name=who)
        case "reaction":
            said = " ".join(spoken.reactions(message.reactions, view.name, view.names))
            return said or _("The reactions were taken off.")
        case "pinned":
            return _("This message is pinned.") if message.pinned else _("This message is not pinned any more.")
        case _:
            return _("This message disappeared.")


def _typing(view: View, event: Typing) -> tuple[View, list[Line]]:
    """Said once for each message that somebody begins, and only in the open conversation."""
    who = (event.conversation, event.sender)
    if not event.active or who in view.writing or event.conversation != view.current or event.sender == view.name:
        return view, []
    return replace(view, writing=view.writing | {who}), [
        Line("system", sentences.writing(replace(event, sender=view.names.get(event.sender, event.sender))))
    ]


def _file(view: View, event: File) -> tuple[View, list[Line]]:
    """Each change of state once; progress in between is for screens."""
    if view.files.get(event.id) == event.state:
        return view, []
    files = {**dict(list(view.files.items())[-(MAX_TRACKED - 1) :]), event.id: event.state}
    voice: Voice = "alert" if event.state == "failed" else "system"
    return replace(view, files=files), [Line(voice, sentences.file(event))]


def _connection(view: View, event: Connection) -> tuple[View, list[Line]]:
    said = sentences.connection(event)
    if said == view.said_connection or (event.state == "connecting" and not event.reason):
        return view, []
    voice: Voice = "alert" if event.state == "stopped" else "system"
    return replace(view, said_connection=said), [Line(voice, said)]


def _delivery(view: View, event: Delivery) -> tuple[View, list[Line]]:
    known = view.own.get(event.id)
    if known is None:
        return view, [Line("own", sentences.delivery(None, _title(view, event.to), event.state, event.reason))]
    # States only rise; a failed message that is tried again starts over.
    if known.state != "failed" and STATE_RANK[event.state] <= STATE_RANK[known.state]:
        return view, []
    own = {**view.own, event.id: Own(known.number, event.state)}
    line = Line("own", sentences.delivery(known.number, _title(view, event.to), event.state, event.reason))
    return replace(view, own=own), [line]
