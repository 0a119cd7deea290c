"""One conversation as a screen shows it: a window over the history, and the lines it is made of.

The window never holds more than :data:`WINDOW` messages, however long the history is; scrolling asks for a page and
lets the far end go. All values are frozen: what happened goes in, the next value comes out.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from sealwire.i18n import _, ngettext
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import STATE_RANK, Attachment, Delivery, DeliveryState, File, Message
from sealwire.ui.views import spoken, words
from sealwire.ui.views.safe import screen_text
from sealwire.ui.views.spoken import Names

WINDOW: Final = 400
"""Messages in memory for one screen; ten screens of a large terminal."""
PAGE: Final = 100
"""Messages asked for at once."""
GROUP_MS: Final = 5 * 60_000
"""Messages of one person within five minutes stand under one name."""
MAX_LOCAL: Final = 100
"""Answers of the program kept in one conversation's screen."""


class Local(Struct, frozen=True):
    """Something the program says in this conversation, here and now only: an answer, a warning."""

    after_row: int
    at_ms: int
    text: str
    is_alert: bool = False


class Timeline(Struct, frozen=True):
    """A window over the history of one conversation."""

    conversation: str
    own: str
    messages: tuple[Message, ...] = ()
    read_row: int = 0
    """The read marker as it was when the conversation was opened: the unread line stands after it."""
    has_older: bool = False
    has_newer: bool = False
    """The window does not reach the end: the reader jumped or scrolled far back."""
    missed: int = 0
    """New messages that came while the window did not reach the end."""
    locals: tuple[Local, ...] = ()


# --- moving the window ---------------------------------------------------------------------------------------


def opened(info: ConversationInfo, own: str, page: Sequence[Message], wanted: int = PAGE) -> Timeline:
    """Return a conversation at its end; ``page``: its last messages, as many as ``wanted`` if there are."""
    return Timeline(info.id, own, tuple(page), info.read_row, has_older=len(page) >= wanted)


def with_older(timeline: Timeline, page: Sequence[Message], wanted: int = PAGE) -> Timeline:
    """Put a page before the first message; the end goes when the window is full."""
    messages = (*page, *timeline.messages)
    kept = messages[:WINDOW]
    cut = len(kept) < len(messages)
    return replace(timeline, messages=kept, has_older=len(page) >= wanted, has_newer=timeline.has_newer or cut)


def with_newer(timeline: Timeline, page: Sequence[Message], wanted: int = PAGE) -> Timeline:
    """Put a page after the last message; the beginning goes when the window is full."""
    messages = (*timeline.messages, *page)
    kept = messages[-WINDOW:]
    cut = len(kept) < len(messages)
    has_newer = len(page) >= wanted
    missed = timeline.missed if has_newer else 0
    return replace(timeline, messages=kept, has_newer=has_newer, missed=missed, has_older=timeline.has_older or cut)


def jumped(timeline: Timeline, page: Sequence[Message], last_row: int) -> Timeline:
    """Show another part of the history; ``last_row``: of the conversation's newest message."""
    has_newer = bool(page) and page[-1].row < last_row
    missed = timeline.missed if has_newer else 0
    return replace(timeline, messages=tuple(page), has_older=bool(page), has_newer=has_newer, missed=missed)


# --- what happens --------------------------------------------------------------------------------------------


def with_message(timeline: Timeline, message: Message) -> Timeline:
    """Take in a message, new or changed; one of another conversation or outside the window changes nothing."""
    if message.conversation != timeline.conversation:
        return timeline
    message = replace(message, change=None) if message.change is not None else message
    at = index_of(timeline, message.id)
    if at is not None:
        return _put(timeline, at, _with_known(timeline.messages[at], message))
    if timeline.messages and message.row < timeline.messages[0].row:
        return timeline  # older than the window: a change of something that is not shown
    if timeline.has_newer:
        new = not timeline.messages or message.row > timeline.messages[-1].row
        return replace(timeline, missed=timeline.missed + 1) if new else timeline
    place = bisect.bisect_left(timeline.messages, message.row, key=lambda one: one.row)
    messages = (*timeline.messages[:place], message, *timeline.messages[place:])
    cut = messages[-WINDOW:]
    return replace(timeline, messages=cut, has_older=timeline.has_older or len(cut) < len(messages))


def _with_known(before: Message, after: Message) -> Message:
    """An event may leave out what only a history tells: the row and the state of an own message."""
    state = after.state if after.state is not None else before.state
    return replace(after, row=after.row or before.row, state=state)


def with_delivery(timeline: Timeline, event: Delivery) -> Timeline:
    """Let an own message rise; a failed one may start over."""
    at = index_of(timeline, event.id)
    if at is None:
        return timeline
    before = timeline.messages[at]
    if not rises(before.state, event.state):
        return timeline
    changed = _put(timeline, at, replace(before, state=event.state))
    if event.state != "failed" or not event.reason:
        return changed
    return with_local(changed, Local(before.row, before.sent_at_ms, screen_text(event.reason), is_alert=True))


def rises(before: DeliveryState | None, after: DeliveryState) -> bool:
    """Whether a state may follow another: they only rise, but a failed message that is tried again starts over."""
    return before is None or before == "failed" or STATE_RANK[after] > STATE_RANK[before]


def with_file(timeline: Timeline, event: File) -> Timeline:
    """Take in the progress of a file."""
    at = index_of(timeline, event.id)
    if at is None:
        return timeline
    before = timeline.messages[at]
    kept = before.file or Attachment(event.name, event.size_bytes, "application/octet-stream", event.state)
    path = event.path if event.path is not None else kept.path
    carried = replace(kept, state=event.state, done_bytes=event.done_bytes, path=path)
    return _put(timeline, at, replace(before, file=carried))


def without(timeline: Timeline, message_id: str) -> Timeline:
    """Forget a message: deleted here, or disappeared."""
    return replace(timeline, messages=tuple(one for one in timeline.messages if one.id != message_id))


def with_local(timeline: Timeline, local: Local) -> Timeline:
    """Say something in the conversation that is not part of its history."""
    return replace(timeline, locals=(*timeline.locals, local)[-MAX_LOCAL:])


def index_of(timeline: Timeline, message_id: str) -> int | None:
    """Where a message stands in the window; searched from the end, where changes happen."""
    for at in range(len(timeline.messages) - 1, -1, -1):
        if timeline.messages[at].id == message_id:
            return at
    return None


def _put(timeline: Timeline, at: int, message: Message) -> Timeline:
    messages = (*timeline.messages[:at], message, *timeline.messages[at + 1 :])
    return replace(timeline, messages=messages)


def last_row(timeline: Timeline) -> int:
    """Return the row of the last message in the window."""
    return timeline.messages[-1].row if timeline.messages else 0


def last_own(timeline: Timeline) -> Message | None:
    """Return the last own text that can be edited."""
    for message in reversed(timeline.messages):
        if message.sender == timeline.own and message.kind == "text" and not message.deleted:
            return message
    return None


# --- what is shown -------------------------------------------------------------------------------------------


class DayLine(Struct, frozen=True):
    """The day that follows."""

    text: str


class UnreadLine(Struct, frozen=True):
    """From here on nothing was read before."""

    text: str
    count: int


class NoticeLine(Struct, frozen=True):
    """Something the program says: part of the history (``message``), or only here and now."""

    text: str
    is_alert: bool
    message: Message | None = None


class Entry(Struct, frozen=True):
    """A message."""

    message: Message
    sender: str
    """As shown: nickname or account name, harmless."""
    is_own: bool
    is_first: bool
    """The first of its group: it shows the name and the time."""
    time: str
    is_folded: bool = False
    """Of somebody who is blocked: only a placeholder is shown until it is opened."""


Item = DayLine | UnreadLine | NoticeLine | Entry


class Reader(Struct, frozen=True):
    """Who looks, from where, and when."""

    now_ms: int
    zone: tzinfo | None = None
    names: Names | None = None
    blocked: frozenset[str] = frozenset()


def items(timeline: Timeline, reader: Reader) -> list[Item]:
    """Return the lines of the window, oldest first."""
    names = reader.names or {}
    result: list[Item] = []
    before: Message | None = None
    waiting = list(timeline.locals)
    unread = _unread_line(timeline)
    for message in timeline.messages:
        _put_locals(result, waiting, message.row)
        if before is None or not words.same_day(before.sent_at_ms, message.sent_at_ms, reader.zone):
            result.append(DayLine(words.day_line(message.sent_at_ms, reader.now_ms, reader.zone)))
        if unread is not None and _is_unread(timeline, message):
            result.append(unread)
            unread = None
        if message.kind == "notice":
            result.append(NoticeLine(screen_text(message.text), False, message))
        else:
            grouped = bool(result) and isinstance(result[-1], Entry) and _together(before, message)
            result.append(_entry(message, timeline.own, names, reader, not grouped))
        before = message
    _put_locals(result, waiting, None)
    return result


def _put_locals(result: list[Item], waiting: list[Local], row: int | None) -> None:
    while waiting and (row is None or waiting[0].after_row < row):
        local = waiting.pop(0)
        result.append(NoticeLine(local.text, local.is_alert))


def _is_unread(timeline: Timeline, message: Message) -> bool:
    return message.row > timeline.read_row and message.sender != timeline.own and message.kind != "notice"


def _unread_line(timeline: Timeline) -> UnreadLine | None:
    count = sum(_is_unread(timeline, message) for message in timeline.messages)
    if count == 0:
        return None
    return UnreadLine(ngettext("{n} new message", "{n} new messages", count).format(n=count), count)


def _together(before: Message | None, message: Message) -> bool:
    if before is None or before.sender != message.sender or message.reply_to is not None:
        return False
    return 0 <= message.sent_at_ms - before.sent_at_ms < GROUP_MS


def _entry(message: Message, own: str, names: Names, reader: Reader, is_first: bool) -> Entry:
    is_own = message.sender == own
    return Entry(
        message,
        _("You") if is_own else spoken.shown_name(message.sender, names),
        is_own,
        is_first,
        words.time_of_day(message.sent_at_ms, reader.zone),
        message.sender in reader.blocked,
    )


def sentence(item: Item, own: str, reader: Reader) -> str:
    """Return what a screen reader says about a line of the timeline."""
    match item:
        case DayLine(text) | UnreadLine(text) | NoticeLine(text):
            return text
        case Entry(is_folded=True, sender=sender):
            return _("A message of {name}, who is blocked.").format(name=sender)
        case Entry(message=message):
            return spoken.sentence(message, own, reader.names or {}, reader.now_ms, reader.zone)


# --- the small signs beside a message ------------------------------------------------------------------------

STATE_MARKS: Final[Mapping[DeliveryState, str]] = {
    "queued": "○",
    "sent": "✓",
    "delivered": "✓✓",
    "read": "●",
    "failed": "✗",
}
"""Shapes differ, not only colours; the word for each is ``sentences.state_word``."""


def marks(message: Message) -> list[str]:
    """Return the words that stand beside a message's time."""
    result = []
    if message.edited_at_ms is not None and not message.deleted:
        result.append(_("edited"))
    if message.forwarded:
        result.append(_("forwarded"))
    if message.pinned:
        result.append(_("pinned"))
    if message.expires_at_ms is not None:
        result.append(_("disappears"))
    return result


def quote_line(message: Message, own: str, names: Names) -> str:
    """Return the line above an answer: whose words, and their beginning."""
    quote = message.reply_to
    if quote is None:
        return ""
    if not quote.sender:
        return _("A message that is not here")
    who = _("You") if quote.sender == own else spoken.shown_name(quote.sender, names)
    begin = spoken.short(quote.text) or _("(deleted)")
    return f"{who}: {begin}"


def reaction_line(message: Message) -> str:
    """Return the reactions with their numbers; names are in the sentence."""
    pairs = spoken.by_emoji(message.reactions).items()
    return "  ".join(f"{screen_text(emoji)} {len(people)}" for emoji, people in pairs)
