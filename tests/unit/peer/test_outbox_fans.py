"""Rows for many devices: one FANOUT, refusals of single targets, their place in each queue, and what a crash leaves."""

from __future__ import annotations

import pytest

from sealwire.errors import RemoteProtocolError
from sealwire.ids import Mailbox, MessageId
from sealwire.peer.flights import Fan
from sealwire.peer.outbox import Outbox
from sealwire.peer.records import Now
from sealwire.wire.frames import (
    AT_BODY,
    AT_FANOUT_COUNT,
    AT_SEND_ENVELOPE,
    AT_SEND_TO,
    MAX_FANOUT,
    Code,
    Verb,
    decode_fanout_targets,
)
from tests.unit.peer.test_outbox import BOB, CAROL, NOW, TOKEN, Desk, limits

DAVE = Mailbox(b"D" * 16)
ALL = [BOB, CAROL, DAVE]
GROUP = "+" + "00" * 16
LATER = Now(NOW.ms + 120_000, NOW.mono_s + 120)


class Hall(Desk):
    """A desk that also speaks to many."""

    unread: set[str] = set()

    def say(self, text: str, to: list[Mailbox] | None = None) -> MessageId:
        message = MessageId(text.encode().ljust(16))
        self.outbox.add(GROUP, None, message, text.encode(), NOW.ms)
        self.seal(to or ALL)
        return message

    def seal(self, to: list[Mailbox]) -> None:
        for row in self.outbox.unsealed(GROUP):
            self.outbox.spread(row, to, b"sealed " + row.content)

    def frames(self, now: Now = NOW, **allowed: int) -> list[tuple[object, ...]]:
        """What leaves: (number, names of the targets, text), or (release, name)."""
        frames: list[bytes] = []
        self.outbox.release_due(TOKEN, now, frames)
        self.outbox.pump(
            TOKEN,
            limits(**allowed),
            now,
            self._pair_of,
            self.reachable,
            lambda _pair, row: (1, row.content),
            frames,
            self.unread,
        )
        self.outbox.flush()
        return [_read(frame) for frame in frames]

    def _pair_of(self, mailbox: Mailbox):
        return None if mailbox in self.unreachable else Bob

    def restart(self) -> None:
        self.outbox.flush()
        self.outbox = Outbox(self.store)

    def left(self) -> list[str]:
        return [chr(mailbox[0]) for _, account, mailbox in self.store.outbox_rows() if account == GROUP and mailbox]


class Bob:
    account = "bob"


def _read(frame: bytes) -> tuple[object, ...]:
    number = int.from_bytes(frame[AT_BODY : AT_BODY + 8], "big")
    if frame[0] == Verb.RELEASE:
        return ("release", chr(frame[AT_BODY]))
    if frame[0] == Verb.SEND:
        return (number, chr(frame[AT_SEND_TO]), frame[AT_SEND_ENVELOPE:].decode())
    assert frame[0] == Verb.FANOUT
    assert int.from_bytes(frame[AT_FANOUT_COUNT : AT_FANOUT_COUNT + 2], "big")
    targets, at = decode_fanout_targets(frame)
    return (number, "".join(sorted(chr(target[0]) for target in targets)), frame[at:].decode())


@pytest.fixture
def hall():
    return Hall()


def test_one_message_to_many_is_one_frame(hall):
    message = hall.say("hello")
    assert hall.frames() == [(1, "BCD", "sealed hello")]
    assert hall.settle(1).fans == [message]
    assert hall.store.outbox_rows() == []
    assert hall.frames() == []


def test_a_message_of_a_group_waits_until_it_is_sealed_and_counts_as_queued(hall):
    hall.outbox.add(GROUP, None, MessageId(bytes(16)), b"hello", NOW.ms)
    assert hall.frames() == []
    hall.restart()
    assert [row.content for row in hall.outbox.unsealed(GROUP)] == [b"hello"]
    assert len(hall.store.outbox_rows()) == 1
    hall.seal([BOB])
    assert hall.frames() == [(1, "B", "sealed hello")]


def test_a_row_keeps_its_place_in_each_queue(hall):
    hall.add(CAROL, "first to C")
    hall.say("to all")
    hall.add(CAROL, "then to C")
    hall.add(BOB, "then to B")
    frames = hall.frames()
    assert [frame[0] for frame in frames] == [1, 2, 3, 4]
    assert frames[0] == (1, "C", "first to C")
    assert frames[1] == (2, "BCD", "sealed to all")
    assert {frame[1:] for frame in frames[2:]} == {("B", "then to B"), ("C", "then to C")}


def test_a_device_that_something_else_waits_for_gets_it_later_alone(hall):
    hall.unreachable = {CAROL}
    hall.add(CAROL, "key")
    hall.say("hello")
    assert hall.frames() == [(1, "BD", "sealed hello")]
    hall.settle(1)
    assert hall.left() == ["C"]
    hall.unreachable.clear()
    assert hall.frames() == [(2, "C", "key"), (3, "C", "sealed hello")]
    hall.settle(3)
    assert hall.store.outbox_rows() == []


def test_a_refused_target_is_left_out_until_it_is_through(hall):
    hall.say("one")
    hall.frames()
    hall.outbox.partial(1, 1_000, [(index_of(hall, CAROL), Code.QUOTA)])
    hall.say("two")
    assert hall.frames() == [(2, "BD", "sealed two")]
    settled = hall.settle(2)
    assert [(flight.mailbox, code) for flight, code, _ in settled.refused] == [(CAROL, Code.QUOTA)]
    assert hall.left() == ["C", "C"]
    hall.say("three")
    assert hall.frames() == [(3, "BD", "sealed three")]
    hall.settle(3)
    assert hall.frames(LATER) == [
        ("release", "C"),
        (4, "C", "sealed one"),
        (5, "C", "sealed two"),
        (6, "C", "sealed three"),
    ]
    hall.settle(6)
    assert hall.store.outbox_rows() == []


def index_of(hall: Hall, mailbox: Mailbox) -> int:
    return hall.outbox._unanswered[-1].mailboxes.index(mailbox)


def test_several_partials_of_one_fanout_add_up(hall):
    hall.say("one")
    hall.frames()
    for mailbox in (BOB, CAROL):
        hall.outbox.partial(1, 0, [(index_of(hall, mailbox), Code.STORAGE)])
    settled = hall.settle(1)
    assert {flight.mailbox for flight, _, _ in settled.refused} == {BOB, CAROL}
    assert hall.left() == ["B", "C"]
    assert hall.frames(LATER)[-1] == (2, "BC", "sealed one")


@pytest.mark.parametrize("rows", [[(3, Code.QUOTA)], [(0, Code.QUOTA), (0, Code.RATE)]])
def test_a_partial_that_names_no_target_or_one_twice_is_refused(hall, rows):
    hall.say("one")
    hall.frames()
    with pytest.raises(RemoteProtocolError):
        hall.outbox.partial(1, 0, rows)


def test_a_partial_of_something_else_is_refused(hall):
    hall.add(BOB, "single")
    hall.say("many")
    hall.frames()
    for seq in (0, 1, 3):
        with pytest.raises(RemoteProtocolError):
            hall.outbox.partial(seq, 0, [(0, Code.QUOTA)])
    with pytest.raises(RemoteProtocolError):
        hall.outbox.reject(2, Code.QUOTA, 0)


def test_after_a_lost_link_the_same_envelopes_go_again_in_order(hall):
    hall.say("one")
    hall.add(CAROL, "single")
    hall.say("two")
    before = hall.frames()
    hall.outbox.link_lost()
    assert hall.frames() == before


def test_a_crash_keeps_who_still_has_to_get_it(hall):
    hall.say("one")
    hall.frames()
    hall.outbox.partial(1, 0, [(index_of(hall, DAVE), Code.QUOTA)])
    hall.settle(1)
    hall.say("two")
    hall.restart()
    frames = hall.frames()
    assert frames == [(1, "D", "sealed one"), (2, "BCD", "sealed two")]
    hall.settle(2)
    assert hall.store.outbox_rows() == []


def test_a_crash_before_the_answer_sends_all_of_it_again(hall):
    hall.say("one")
    before = hall.frames()
    hall.restart()
    assert hall.frames() == before


def test_the_window_counts_a_fanout_once_and_holds_what_does_not_fit(hall):
    for number in range(4):
        hall.say(f"{number}")
    assert [frame[0] for frame in hall.frames(messages=2)] == [1, 2]
    assert hall.frames(messages=2) == []
    hall.settle(1)
    assert hall.frames(messages=2) == [(3, "BCD", "sealed 2")]
    hall.settle(3)
    assert hall.frames(size=3) == [(4, "BCD", "sealed 3")], "one always fits"


def test_more_targets_than_a_frame_takes_go_in_several(hall):
    many = [Mailbox(number.to_bytes(2, "big") * 8) for number in range(1, MAX_FANOUT + 51)]
    hall.outbox.add(GROUP, None, MessageId(bytes(16)), b"x", NOW.ms)
    hall.seal(many)
    frames: list[bytes] = []
    hall.outbox.pump(TOKEN, limits(), NOW, hall._pair_of, hall.reachable, lambda *_: (1, b""), frames)
    counts = [len(decode_fanout_targets(frame)[0]) for frame in frames]
    assert counts == [MAX_FANOUT, 50]
    hall.outbox.flush()
    hall.settle(1)
    assert len(hall.left()) == 50
    hall.settle(2)
    assert hall.store.outbox_rows() == []


def test_a_device_may_be_dropped_and_the_others_still_get_it(hall):
    hall.say("one")
    ((row, left),) = hall.outbox.fans()
    assert left == set(ALL)
    assert hall.outbox.drop(row, CAROL)
    assert hall.frames() == [(1, "BD", "sealed one")]
    hall.settle(1)
    assert hall.store.outbox_rows() == []


def test_a_message_whose_last_device_is_dropped_reached_nobody_unless_somebody_has_it(hall):
    hall.say("one", [BOB])
    ((row, _),) = hall.outbox.fans()
    assert not hall.outbox.drop(row, BOB)
    hall.say("two", [BOB, CAROL])
    hall.frames()
    hall.outbox.partial(1, 0, [(index_of(hall, BOB), Code.QUOTA)])
    hall.settle(1)
    ((row, _),) = hall.outbox.fans()
    assert hall.outbox.drop(row, BOB)
    assert hall.store.outbox_rows() == []


def test_what_flies_to_a_device_that_is_dropped_is_not_repeated_after_a_refusal(hall):
    hall.say("one")
    hall.frames()
    ((row, _),) = hall.outbox.fans()
    assert hall.outbox.drop(row, CAROL)
    hall.outbox.partial(1, 0, [(index_of(hall, CAROL), Code.QUOTA), (index_of(hall, BOB), Code.QUOTA)])
    assert [flight.mailbox for flight, _, _ in hall.settle(1).refused] == [BOB]
    assert hall.left() == ["B"]
    assert hall.frames(LATER) == [("release", "B"), ("release", "C"), (2, "B", "sealed one")]


@pytest.mark.parametrize("restarted", [False, True])
def test_what_flies_to_a_device_that_is_dropped_is_not_repeated_over_another_link(hall, restarted):
    hall.say("one")
    hall.frames()
    ((row, _),) = hall.outbox.fans()
    hall.outbox.drop(row, CAROL)
    hall.restart() if restarted else hall.outbox.link_lost()
    assert hall.frames() == [(1, "BD", "sealed one")]


def test_what_flies_to_devices_that_are_all_dropped_may_have_reached_them_and_is_not_repeated(hall):
    hall.say("one", [BOB])
    hall.frames()
    ((row, _),) = hall.outbox.fans()
    assert hall.outbox.drop(row, BOB), "nobody says that it reached nobody"
    assert hall.store.outbox_rows() == []
    hall.outbox.partial(1, 0, [(0, Code.QUOTA)])
    assert hall.settle(1).refused == []
    hall.outbox.link_lost()
    assert hall.frames(LATER) == []


@pytest.mark.parametrize("restarted", [False, True])
def test_a_row_of_a_group_that_this_link_has_not_shown_waits_and_others_go(hall, restarted):
    hall.say("one", [BOB, CAROL])
    hall.add(DAVE, "single")
    if restarted:
        hall.restart()
    hall.unread = {GROUP}
    assert hall.frames() == [(1, "D", "single")]
    hall.unread = {"+" + "11" * 16}
    assert hall.frames() == [(2, "BC", "sealed one")]


def test_a_message_given_up_leaves_every_queue(hall):
    hall.say("one")
    hall.say("two")
    first = min(row for row, _ in hall.outbox.fans())
    hall.outbox.flush()
    hall.outbox.give_up(first)
    assert hall.frames() == [(1, "BCD", "sealed two")]


def test_an_unsealed_message_given_up_is_never_sealed(hall):
    hall.outbox.add(GROUP, None, MessageId(bytes(16)), b"hello", NOW.ms)
    hall.outbox.flush()
    ((row, _, _),) = hall.store.outbox_rows()
    hall.outbox.give_up(row)
    assert hall.outbox.unsealed(GROUP) == []


def test_what_is_left_is_kept_and_read_back():
    fan = Fan({BOB, DAVE}, True)
    assert Fan.decode(fan.encode()) == fan
    assert Fan.decode(Fan(set()).encode()) == Fan(set())
