"""What an interface knows: a value, and the one function that moves it.

``reduce`` takes what happened and returns the next value and what to say. It never asks, waits or writes, so a
conversation is a list of events and a list of lines, in a test as on a screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Literal

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
    Group,
    Message,
    Ready,
    Typing,
    Warning,
)
from sealwire.ui.views import sentences
from sealwire.ui.views.rows import clock
from sealwire.ui.views.safe import screen_lines, screen_name

MAX_TRACKED = 1_000
"""Own messages whose number and state are kept; without a bound a long day grows without end."""

Voice = Literal["message", "own", "system", "alert"]
"""Who speaks a line: someone else, we ourselves, the program, or the program about something serious."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say; ``text`` may have several physical lines, all harmless."""

    voice: Voice
    text: str


@dataclass(frozen=True, slots=True)
class Own:
    """An own message of this run: its spoken number and the highest state seen."""

    number: int
    state: DeliveryState


@dataclass(frozen=True, slots=True)
class View:
    """All an interface has to remember between two events."""

    name: str = ""
    current: str | None = None
    """The open conversation."""
    said_connection: str = ""
    """The last sentence about the link: the same twice in a row is noise."""
    count: int = 0
    own: Mapping[str, Own] = field(default_factory=dict)
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
            return view, [message_line(view, event, now_ms)]
        case Delivery():
            return _delivery(view, event)
        case Contact():
            return view, [Line("alert" if event.state == "changed" else "system", sentences.contact(event))]
        case Warning(name="key-changed"):
            return view, []  # the contact's own event beside it says so, with what to do
        case Warning():
            return view, [Line("alert", sentences.warning(event))]
        case Typing() | File() | Group():
            return view, []


def is_refusal(event: Connection) -> bool:
    """Whether a first start cannot go on: the broker answers and says no, or is another one than the pinned one.

    A broker that only does not answer is waited for.
    """
    waits = (None, BrokerUnreachableError.code)
    return event.state == "stopped" or (event.state == "offline" and event.code not in waits)


def sent(view: View, message_id: str, to: str, state: DeliveryState) -> tuple[View, list[Line]]:
    """Give a message just written its number and say where it is; what a receipt said before is not said again."""
    known = view.own.get(message_id)
    if known is not None:
        return view, []
    own = Own(view.count + 1, state)
    kept = dict(list(view.own.items())[-(MAX_TRACKED - 1) :])
    kept[message_id] = own
    line = Line("own", sentences.delivery(own.number, to, state, None))
    return replace(view, count=own.number, own=kept), [line]


def message_line(view: View, message: Message, now_ms: int) -> Line:
    """Return who, when and what. Further lines are indented, so that no text can imitate another person's line."""
    own = message.sender == view.name
    sender = _("you to {name}").format(name=screen_name(message.conversation)) if own else screen_name(message.sender)
    time = clock(message.sent_at_ms, now_ms, view.zone)
    state = f" ({sentences.state_word(message.state)})" if message.state else ""
    text = "\n    ".join(screen_lines(message.text))
    return Line("own" if own else "message", f"{time} {sender}{state}: {text}")


def _connection(view: View, event: Connection) -> tuple[View, list[Line]]:
    said = sentences.connection(event)
    if said == view.said_connection or (event.state == "connecting" and not event.reason):
        return view, []
    voice: Voice = "alert" if event.state == "stopped" else "system"
    return replace(view, said_connection=said), [Line(voice, said)]


def _delivery(view: View, event: Delivery) -> tuple[View, list[Line]]:
    known = view.own.get(event.id)
    if known is None:
        return view, [Line("own", sentences.delivery(None, event.to, event.state, event.reason))]
    # States only rise; a failed message that is tried again starts over.
    if known.state != "failed" and STATE_RANK[event.state] <= STATE_RANK[known.state]:
        return view, []
    own = {**view.own, event.id: Own(known.number, event.state)}
    line = Line("own", sentences.delivery(known.number, event.to, event.state, event.reason))
    return replace(view, own=own), [line]
