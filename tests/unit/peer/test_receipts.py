"""Receipts: to whom, when, how often; nothing owed is forgotten."""

from __future__ import annotations

import pytest

from sealwire.ids import Mailbox, MessageId
from sealwire.peer.mail import Mail
from sealwire.peer.people import People
from sealwire.peer.prefs import RECEIPT_PAUSE_S, Prefs
from sealwire.peer.receipts import Receipts
from sealwire.peer.records import Now
from sealwire.peer.store import Store
from sealwire.wire.content import MAX_RECEIPT_IDS

BOB = Mailbox(b"b" * 16)
NOW = Now(1_790_000_000_000, 500.0)


def ids(*numbers: int) -> list[MessageId]:
    return [MessageId(number.to_bytes(16, "big")) for number in numbers]


class Told(list):
    def acknowledge(self, mailbox, state, message_ids, now) -> None:
        self.append((mailbox, state, list(message_ids), now.mono_s))


class Rig:
    def __init__(self, jitter: int, pause_s: float = RECEIPT_PAUSE_S) -> None:
        self.store, self.told = Store(None, bytes(32)), Told()
        self.jitter, self.pause_s, self.now = jitter, pause_s, NOW
        self.restart()

    def restart(self) -> None:
        self.people = People(self.store, Prefs(), [])
        told: Mail = self.told  # type: ignore[assignment]
        self.receipts = Receipts(
            self.store, self.people, told, lambda size: self.jitter.to_bytes(size, "big"), self.pause_s
        )

    def at(self, mono_s: float) -> None:
        self.now = Now(NOW.ms + round(mono_s * 1000), NOW.mono_s + mono_s)
        self.receipts.settle(self.now)

    def times(self) -> list[float]:
        return [mono_s - NOW.mono_s for *_, mono_s in self.told]


@pytest.fixture
def rig():
    return Rig(2**31)


def test_a_receipt_waits_for_its_random_pause(rig):
    rig.receipts.owe(BOB, "bob", "delivered", ids(1))
    rig.at(0)
    assert rig.receipts.deadline() == NOW.mono_s + 0.5
    rig.receipts.owe(BOB, "bob", "delivered", ids(2))
    rig.at(0.4)
    assert rig.told == []
    rig.at(0.5)
    assert rig.told == [(BOB, "delivered", ids(1, 2), NOW.mono_s + 0.5)]
    assert rig.receipts.deadline() is None


def test_receipts_come_at_most_once_in_a_pause():
    rig = Rig(0)
    for step in range(60):
        rig.receipts.owe(BOB, "bob", "delivered", ids(step))
        rig.at(step / 10)
    assert rig.times() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_read_stands_for_delivered_too(rig):
    rig.receipts.owe(BOB, "bob", "delivered", ids(1, 2))
    rig.at(0)
    rig.receipts.owe(BOB, "bob", "read", ids(2))
    rig.receipts.owe(BOB, "bob", "delivered", ids(2))
    rig.at(1)
    assert [(state, named) for _, state, named, _ in rig.told] == [("delivered", ids(1)), ("read", ids(2))]


def test_whoever_is_blocked_meanwhile_hears_none(rig):
    rig.receipts.owe(BOB, "bob", "delivered", ids(1))
    rig.at(0)
    rig.people.block("bob", True)
    rig.at(1)
    assert rig.told == []
    assert rig.store.receivers() == []
    rig.people.block("bob", False)
    rig.receipts.owe(BOB, "bob", "delivered", ids(2))
    rig.at(2)
    rig.at(4)
    assert [named for *_, named, _ in rig.told] == [ids(2)]


def test_what_is_owed_survives_the_process(rig):
    rig.receipts.owe(BOB, "bob", "delivered", ids(1))
    rig.at(0)
    rig.restart()
    rig.at(1)
    rig.at(2)
    assert [named for *_, named, _ in rig.told] == [ids(1)]
    rig.restart()
    rig.at(5)
    rig.at(9)
    assert len(rig.told) == 1


def test_the_end_of_the_process_waits_for_no_pause(rig):
    rig.receipts.owe(BOB, "bob", "delivered", ids(1))
    rig.at(0)
    rig.receipts.owe(BOB, "bob", "delivered", ids(2))
    rig.receipts.settle(rig.now)
    rig.receipts.hurry()
    rig.receipts.settle(rig.now)
    assert [named for *_, named, _ in rig.told] == [ids(1, 2)]


def test_many_ids_are_several_receipts(rig):
    rig.receipts.owe(BOB, "bob", "delivered", ids(*range(MAX_RECEIPT_IDS + 1)))
    rig.at(0)
    rig.at(1)
    assert [len(named) for *_, named, _ in rig.told] == [MAX_RECEIPT_IDS, 1]
