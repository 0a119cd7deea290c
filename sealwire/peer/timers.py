"""Messages that disappear: how long each lives, by a clock that a jump cannot trick, and their end.

A message of our own begins to age when the broker has it, somebody else's when it was read here. The age clock
advances by the smaller of wall clock and monotonic clock while this process runs; for the time in which it did not run,
or the machine slept, by the smaller of what the wall clock and the broker's clock say. So neither a clock set forward
nor a lying broker alone makes anything disappear early; without a link, what slept is counted later.

Source: protocol.md §11.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from sealwire.i18n import _, ngettext
from sealwire.ids import MessageId, Millis
from sealwire.peer.events import Event, Message
from sealwire.peer.records import Now, Records, TimerRow
from sealwire.wire.word_content import MAX_TIMER_S, Timer

MIN_TIMER_S: Final = 5
"""Shorter nobody could read it."""
MAX_AHEAD: Final = 1_000
"""How far a timer's number may jump; see ``changes.MAX_AHEAD``."""
MAX_NUMBER: Final = 1 << 31
"""See ``changes.MAX_NUMBER``."""
DEATHS_PER_TURN: Final = 500
"""Messages that disappear in one turn: bounds how long frames wait for it."""
SAVE_EVERY_MS: Final = 10_000
"""A crash forgets at most this much age: messages live that much longer, never shorter."""

_KEY: Final = "age"


class _Saved(msgspec.Struct, array_like=True):
    """The age clock on disk: its value, and where it stood when the broker last told the time."""

    age_ms: int = 0
    anchor_age_ms: int = 0
    anchor_wall_ms: int = 0
    anchor_broker_ms: int = 0


class Age:
    """Milliseconds that surely passed since this profile was made."""

    def __init__(self, records: Records) -> None:
        self._records = records
        saved = records.get(_KEY)
        self._saved = msgspec.msgpack.decode(saved, type=_Saved) if saved is not None else _Saved()
        self._age_ms = float(self._saved.age_ms)
        self._last: Now | None = None

    @property
    def ms(self) -> int:
        """Now, as of the last :meth:`advance`."""
        return int(self._age_ms)

    def told_s(self, now: Now) -> float:
        """Monotonic time of the last :meth:`advance` of this process; now when there was none."""
        return self._last.mono_s if self._last is not None else now.mono_s

    def advance(self, now: Now) -> None:
        """Time passed since the last call of this process."""
        if self._last is not None:
            wall, mono = float(now.ms - self._last.ms), (now.mono_s - self._last.mono_s) * 1000
            self._age_ms += max(0.0, min(wall, mono))
        self._last = now

    def confirm(self, now: Now, broker_ms: Millis) -> None:
        """The broker told its time: what both clocks say passed since it last did has passed."""
        saved = self._saved
        if saved.anchor_broker_ms:
            both = min(now.ms - saved.anchor_wall_ms, broker_ms - saved.anchor_broker_ms)
            self._age_ms = max(self._age_ms, float(saved.anchor_age_ms + both))
        saved.anchor_age_ms, saved.anchor_wall_ms, saved.anchor_broker_ms = self.ms, now.ms, broker_ms
        self.save()

    def save_sometimes(self) -> None:
        """Write it down when enough has passed."""
        if self._age_ms - self._saved.age_ms >= SAVE_EVERY_MS:
            self.save()

    def save(self) -> None:
        """Write it down."""
        self._saved.age_ms = self.ms
        self._records.put(_KEY, msgspec.msgpack.encode(self._saved))


def is_length(seconds: int) -> bool:
    """Whether a timer may be set to this."""
    return seconds == 0 or MIN_TIMER_S <= seconds <= MAX_TIMER_S


class Timers:
    """Timers of conversations and the ends of messages.

    Args:
        withdraw: gives up what is still queued of a message.
    """

    def __init__(self, records: Records, events: list[Event], withdraw: Callable[[MessageId], object]) -> None:
        self._records = records
        self._events = events
        self._withdraw = withdraw
        self.age = Age(records)
        self._next = records.next_death()
        self._seconds: dict[str, int] = {}
        self._begun_of: int | None = None
        """The records' count of own mortal messages when all of them were begun; None while some wait."""

    # --- conversations ---

    def seconds(self, conversation: str) -> int:
        """How long new messages of a conversation live; 0: they stay."""
        seconds = self._seconds.get(conversation)
        if seconds is None:
            seconds = self._seconds[conversation] = self._records.timer(conversation).seconds
        return seconds

    def _set(self, conversation: str, timer: TimerRow) -> None:
        self._records.put_timer(conversation, timer)
        self._seconds[conversation] = timer.seconds

    def take(self, conversation: str, by: str, timer: Timer) -> bool | None:
        """Somebody set the timer of a conversation between two: whether that changes it; None: it is not allowed."""
        known = self._records.timer(conversation)
        if timer.number > min(known.number + MAX_AHEAD, MAX_NUMBER) or not is_length(timer.seconds):
            return None
        if (timer.number, by) <= (known.number, known.by):
            return False
        self._set(conversation, TimerRow(timer.seconds, timer.number, by))
        return timer.seconds != known.seconds

    def next_number(self, conversation: str) -> int:
        """The number for a change of our own."""
        return self._records.timer(conversation).number + 1

    def follow(self, conversation: str, seconds: int) -> bool:
        """A group's signed log says how long messages live there: whether that is new."""
        known = self._records.timer(conversation)
        if known.seconds == seconds:
            return False
        self._set(conversation, TimerRow(min(seconds, MAX_TIMER_S), known.number, known.by))
        return True

    # --- messages ---

    def confirm(self, now: Now, broker_ms: Millis) -> None:
        """A link session opened and the broker told its time."""
        self.age.advance(now)
        self.age.confirm(now, broker_ms)

    def read(self, up_to_row: int, now: Now, conversation: str | None = None) -> None:
        """What others wrote, up to a row, has been read: it begins to age."""
        self.age.advance(now)
        if self._records.begin_read(up_to_row, self.age.ms, now.ms, conversation):
            self._begun()

    def settle(self, now: Now) -> None:
        """The end of a turn: let begin what reached the broker, let go whose time has come."""
        self.age.advance(now)
        if self._begun_of != self._records.mortals:
            if self._records.begin_own(self.age.ms, now.ms):
                self._begun()
            self._begun_of = None if self._records.own_wait() else self._records.mortals
        if self._next is None:
            return
        self.age.save_sometimes()
        if self._next <= self.age.ms:
            for row in self._records.dying(self.age.ms, DEATHS_PER_TURN):
                self._end(row, now)
            self._next = self._records.next_death()
            self.age.save()

    def _begun(self) -> None:
        self._next = self._records.next_death()
        self.age.save()  # what was begun is counted from here, whatever happens

    def _end(self, row: int, now: Now) -> None:
        message = self._records.shown(row)
        assert message is not None, "its row was just read"
        if message.state is not None:
            self._withdraw(MessageId(bytes.fromhex(message.id)))
        self._records.remove(row, now.ms)
        gone = Message(
            message.id, message.conversation, message.sender, "", message.sent_at_ms, message.verified, row,
            kind=message.kind, change="expired",
        )  # fmt: skip
        self._events.append(gone)

    def deadline(self, now: Now) -> float | None:
        """Monotonic time of the next end, counted from when the age was last told."""
        if self._next is None:
            return None
        return self.age.told_s(now) + max(0.0, (self._next - self.age.ms) / 1000)


def timer_notice(by: str, me: str, seconds: int) -> str:
    """What is said in a conversation when its timer was set."""
    if seconds == 0:
        if by == me:
            return _("You switched disappearing messages off.")
        return _("{name} switched disappearing messages off.").format(name=by)
    length = span(seconds)
    if by == me:
        return _("You set new messages to disappear {time} after they were sent or read.").format(time=length)
    return _("{name} set new messages to disappear {time} after they were sent or read.").format(name=by, time=length)


def span(seconds: int) -> str:
    """A length of time in its largest whole unit."""
    if seconds % 86_400 == 0:
        return ngettext("{count} day", "{count} days", seconds // 86_400).format(count=seconds // 86_400)
    if seconds % 3_600 == 0:
        return ngettext("{count} hour", "{count} hours", seconds // 3_600).format(count=seconds // 3_600)
    if seconds % 60 == 0:
        return ngettext("{count} minute", "{count} minutes", seconds // 60).format(count=seconds // 60)
    return ngettext("{count} second", "{count} seconds", seconds).format(count=seconds)
