"""Messages that disappear, by a clock that cannot be tricked."""

from __future__ import annotations

import pytest

from sealwire.ids import MessageId
from sealwire.peer.events import Message
from sealwire.peer.records import Details, Now
from sealwire.peer.store import Store
from sealwire.peer.timers import SAVE_EVERY_MS, Age, Timers
from sealwire.wire.word_content import Timer

NOW = Now(1_790_000_000_000, 500.0)
HOUR_MS = 3_600_000
BROKER_MS = 1_800_000_000_000
"""The broker's clock is another one: only how far it advances counts."""


def later(now: Now, wall_s: float, mono_s: float | None = None) -> Now:
    return Now(now.ms + round(wall_s * 1000), now.mono_s + (wall_s if mono_s is None else mono_s))


class Rig:
    def __init__(self) -> None:
        self.store = Store(None, bytes(32))
        self.now = NOW
        self.restart()

    def restart(self) -> None:
        """The process ends and begins again: nothing but the database is left."""
        self.events: list[Message] = []
        self.withdrawn: list[MessageId] = []
        self.timers = Timers(self.store, self.events, self.withdrawn.append)  # type: ignore[arg-type]
        self.timers.settle(self.now)

    def message(self, number: int, mine: bool = False, timer_s: int = 3_600, sent: bool = True) -> int:
        message_id, sender = MessageId(number.to_bytes(16, "big")), "alice" if mine else "bob"
        details = Details(timer_s=timer_s)
        row = self.store.add_message(message_id, "bob", sender, mine, "soon gone", self.now.ms, details)
        assert row is not None
        if mine and sent:
            self.store.raise_state(message_id, "bob", 1)
        return row

    def pass_(self, wall_s: float, mono_s: float | None = None) -> None:
        self.now = later(self.now, wall_s, mono_s)
        self.timers.settle(self.now)

    def texts(self) -> list[str]:
        return [message.text for message in self.store.history("bob", 100, None)]


@pytest.fixture
def rig():
    return Rig()


def test_an_own_message_disappears_when_its_time_after_sending_is_over(rig):
    rig.message(1, mine=True)
    rig.pass_(1)
    assert rig.store.history("bob", 1, None)[0].expires_at_ms == rig.now.ms + HOUR_MS
    rig.pass_(3_599)
    assert rig.texts() == ["soon gone"]
    rig.pass_(1)
    assert rig.texts() == []
    (gone,) = rig.events
    assert (gone.id, gone.text, gone.change, gone.row) == (f"{1:032x}", "", "expired", 1)
    assert rig.store.is_gone("bob", "alice", (1).to_bytes(16, "big"))


def test_what_was_never_sent_does_not_disappear(rig):
    rig.message(1, mine=True, sent=False)
    rig.pass_(2 * 3_600)
    assert rig.texts() == ["soon gone"]
    rig.store.fail(MessageId((1).to_bytes(16, "big")), "no")
    rig.pass_(2 * 3_600)
    assert rig.texts() == ["soon gone"]


def test_anothers_message_begins_to_age_when_it_was_read(rig):
    first, _second = rig.message(1), rig.message(2)
    rig.pass_(10 * 3_600)
    assert len(rig.texts()) == 2
    rig.timers.read(first, rig.now)
    rig.pass_(3_601)
    assert [m.row for m in rig.store.history("bob", 9, None)] == [2]


def test_reading_one_conversation_begins_nothing_in_another(rig):
    rig.message(1)
    rig.timers.read(10, rig.now, "carol")
    rig.pass_(3_601)
    assert len(rig.texts()) == 1
    rig.timers.read(10, rig.now, "bob")
    rig.pass_(3_601)
    assert rig.texts() == []


def test_messages_without_a_timer_stay(rig):
    rig.message(1, mine=True, timer_s=0)
    rig.timers.read(rig.message(2, timer_s=0), rig.now)
    rig.pass_(10**8)
    assert len(rig.texts()) == 2
    assert rig.timers.deadline(rig.now) is None


def test_the_deadline_is_that_of_the_next_end(rig):
    rig.message(1, mine=True, timer_s=60)
    rig.message(2, mine=True, timer_s=5)
    rig.pass_(0)
    assert rig.timers.deadline(rig.now) == rig.now.mono_s + 5
    assert rig.timers.deadline(later(rig.now, 4)) == rig.now.mono_s + 5, "whoever asks later is told the same"
    rig.pass_(5)
    assert rig.timers.deadline(rig.now) == rig.now.mono_s + 55


def test_a_clock_set_forward_makes_nothing_disappear(rig):
    rig.message(1, mine=True)
    rig.pass_(1)
    rig.pass_(10 * 365 * 86_400, mono_s=1)
    assert rig.texts() == ["soon gone"]
    rig.pass_(3_600)
    assert rig.texts() == []


def test_a_clock_set_back_keeps_nothing_for_ever(rig):
    rig.message(1, mine=True)
    rig.pass_(1)
    rig.pass_(-10 * 365 * 86_400, mono_s=1)
    rig.pass_(3_600)
    assert rig.texts() == []


def test_time_without_the_process_counts_when_two_clocks_agree(rig):
    rig.timers.confirm(rig.now, BROKER_MS)
    rig.message(1, mine=True)
    rig.pass_(1)
    rig.now = Now(rig.now.ms + 2 * HOUR_MS, 3.0)  # another boot: the monotonic clock began anew
    rig.restart()
    rig.pass_(1)
    assert rig.texts() == ["soon gone"], "only the wall clock says so"
    rig.timers.confirm(rig.now, BROKER_MS + 2 * HOUR_MS)
    rig.pass_(2)
    assert rig.texts() == []


@pytest.mark.parametrize(("wall_h", "broker_h"), [(10_000, 0.1), (0.1, 10_000), (-10_000, 10_000), (10_000, -5)])
def test_one_clock_alone_makes_nothing_disappear(rig, wall_h, broker_h):
    rig.timers.confirm(rig.now, BROKER_MS)
    rig.message(1, mine=True)
    rig.pass_(1)
    rig.now = Now(rig.now.ms + round(wall_h * HOUR_MS), 3.0)
    rig.restart()
    rig.timers.confirm(rig.now, BROKER_MS + round(broker_h * HOUR_MS))
    rig.pass_(1)
    assert rig.texts() == ["soon gone"]
    rig.pass_(3_600)
    assert rig.texts() == [], "and time goes on from there"


def test_a_machine_that_slept_counts_the_night_once_the_broker_is_back(rig):
    rig.timers.confirm(rig.now, BROKER_MS)
    rig.message(1, mine=True, timer_s=8 * 3_600)
    rig.pass_(1)
    rig.pass_(9 * 3_600, mono_s=2)  # asleep: the monotonic clock stood still
    assert rig.texts() == ["soon gone"]
    rig.timers.confirm(rig.now, BROKER_MS + 9 * HOUR_MS)
    rig.pass_(2)
    assert rig.texts() == []


def test_a_crash_forgets_little_age_and_nothing_that_began(rig):
    rig.message(1, mine=True)
    rig.pass_(1)
    for _ in range(3_590):
        rig.pass_(1)
    rig.now = Now(rig.now.ms, 3.0)
    rig.restart()
    assert rig.texts() == ["soon gone"]
    rig.pass_(10 + SAVE_EVERY_MS / 1000)
    assert rig.texts() == []


def test_the_age_never_runs_back():
    store = Store(None, bytes(32))
    age, now = Age(store), NOW
    seen = [age.ms]
    for wall_s, mono_s, broker_s in [(5, 5, None), (-50, 1, None), (9, 9, 40), (-3, 0, 20), (0, 0, -900), (7, 3, 60)]:
        now = later(now, wall_s, mono_s)
        age.advance(now)
        if broker_s is not None:
            age.confirm(now, BROKER_MS + broker_s * 1000)
        seen.append(age.ms)
    assert seen == sorted(seen)
    assert Age(store).ms == seen[-1]


def test_many_ends_at_once_take_several_turns(rig):
    for number in range(1_200):
        rig.message(number, mine=True, timer_s=5)
    rig.pass_(0)
    left = []
    for _ in range(4):
        rig.pass_(5 if not left else 0)
        left.append(len(rig.store.history("bob", 5_000, None)))
    assert left == [700, 200, 0, 0]


def test_a_late_lower_number_changes_no_timer(rig):
    assert rig.timers.take("bob", "bob", Timer(2, 60)) is True
    assert rig.timers.take("bob", "alice", Timer(1, 600)) is False
    assert rig.timers.take("bob", "alice", Timer(2, 600)) is False
    assert rig.timers.take("bob", "carol", Timer(2, 60)) is False, "the same length is no news"
    assert rig.timers.take("bob", "bob", Timer(3, 3)) is None
    assert rig.timers.seconds("bob") == 60
