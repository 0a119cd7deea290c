"""What rules keep and drop, by days that surely passed and by number."""

from __future__ import annotations

import os

from sealwire.ids import MessageId
from sealwire.peer.api.past import Retention
from sealwire.peer.keeping import DAY_MS, Keeping
from sealwire.peer.keeprecords import OldMessage
from sealwire.peer.records import Now
from sealwire.peer.store import Store
from sealwire.peer.timers import Age


class Days:
    """A profile whose clock a test turns."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.age = Age(store)
        self.keeping = Keeping(store, self.age)
        self.ms = 1_700_000_000_000
        self.mono = 0.0
        self.age.advance(Now(self.ms, self.mono))

    def say(self, text: str, conversation: str = "bob", at_ms: int | None = None, mine: bool = False) -> None:
        sender = "alice" if mine else conversation
        self.store.add_message(MessageId(os.urandom(16)), conversation, sender, mine, text, at_ms or self.ms)

    def pass_days(self, days: float) -> None:
        for _hour in range(round(days * 24)):
            self.ms += DAY_MS // 24
            self.mono += 3600
            self.age.advance(Now(self.ms, self.mono))
            self.keeping.clean(self.ms)

    def texts(self, conversation: str = "bob") -> list[str]:
        return [message.text for message in self.store.history(conversation, 100, None)]


def test_without_a_rule_everything_stays(store: Store) -> None:
    days = Days(store)
    days.say("one")
    days.pass_days(400)
    assert days.texts() == ["one"]


def test_messages_go_after_the_days_of_the_rule_and_not_before(store: Store) -> None:
    days = Days(store)
    days.keeping.put_rule(None, Retention(days=7), days.ms)
    days.say("one", at_ms=1)  # a sender's clock says nothing
    days.pass_days(3)
    days.say("two")
    days.pass_days(3.9)
    assert days.texts() == ["one", "two"]
    days.pass_days(1.2)
    assert days.texts() == ["two"]
    days.pass_days(3)
    assert days.texts() == []


def test_a_jump_of_the_clock_deletes_nothing(store: Store) -> None:
    days = Days(store)
    days.keeping.put_rule(None, Retention(days=1), days.ms)
    days.say("one")
    days.age.advance(Now(days.ms + 1_000 * DAY_MS, days.mono + 60))
    assert days.keeping.clean(days.ms) == 0
    assert days.texts() == ["one"]


def test_a_conversations_own_rule_goes_before_the_default(store: Store) -> None:
    days = Days(store)
    days.keeping.put_rule(None, Retention(messages=2), days.ms)
    days.keeping.put_rule("carol", Retention(), days.ms)
    for number in range(5):
        days.say(f"m{number}")
        days.say(f"c{number}", "carol")
    days.keeping.clean(days.ms)
    assert days.texts() == ["m3", "m4"]
    assert len(days.texts("carol")) == 5
    assert days.keeping.rule("carol") == Retention()
    assert days.keeping.rule("bob") == Retention(messages=2)


def test_what_is_still_queued_stays(store: Store) -> None:
    days = Days(store)
    for number in range(3):
        days.say(f"m{number}", mine=True)
    days.keeping.put_rule(None, Retention(messages=1), days.ms)
    assert days.texts() == ["m0", "m1", "m2"]


def test_imported_messages_are_dropped_by_the_same_rules(store: Store) -> None:
    """They have numbers below 1, in front of everything."""
    days = Days(store)
    old = [OldMessage(bytes([n] * 16), "bob", "bob", False, str(n), n, "text", False, None, False) for n in range(5)]
    store.add_old([(n - 5, message) for n, message in enumerate(old)])
    days.keeping.put_rule("bob", Retention(messages=2), days.ms)
    assert days.texts() == ["3", "4"]
    days.say("new")
    days.keeping.clean(days.ms)
    assert days.texts() == ["4", "new"]
