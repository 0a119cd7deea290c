"""The outbox alone: order, windows, refusals and holds, over a real database in memory."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sealwire.errors import RemoteProtocolError
from sealwire.ids import Mailbox, MessageId, Token
from sealwire.peer.outbox import Outbox
from sealwire.peer.records import Now
from sealwire.peer.store import Store
from sealwire.wire.control import Limits
from sealwire.wire.frames import AT_BODY, AT_SEND_ENVELOPE, Code, Verb

TOKEN = Token(b"tokentok")
BOB = Mailbox(b"B" * 16)
CAROL = Mailbox(b"C" * 16)
NOW = Now(1_000_000, 100.0)


def limits(messages: int = 1024, size: int = 4 << 20) -> Limits:
    return Limits(
        envelope_bytes=20480,
        send_window_messages=messages,
        send_window_bytes=size,
        deliver_window_messages=1024,
        deliver_window_bytes=2 << 20,
        quota_messages=1,
        quota_bytes=1,
        quota_days=1,
    )


class Desk:
    """An outbox whose 'encryption' is the content itself."""

    def __init__(self) -> None:
        self.store = Store(None, bytes(32))
        self.store._sql("BEGIN")
        self.outbox = Outbox(self.store)
        self.counter = 0
        self.sealed: list[bytes] = []
        self.unreachable: set[Mailbox] = set()

    def add(self, mailbox: Mailbox | None, *texts: str) -> None:
        for text in texts:
            self.outbox.add("bob", mailbox, MessageId(text.encode().ljust(16)), text.encode(), NOW.ms)

    def reachable(self, mailbox: Mailbox) -> bool:
        return mailbox not in self.unreachable

    def pump(self, now: Now = NOW, allowed: Limits | None = None) -> list[tuple[int, str]]:
        frames: list[bytes] = []

        def seal(_pair, row):
            self.counter += 1
            self.sealed.append(row.content)
            return self.counter, row.content

        self.outbox.release_due(TOKEN, now, frames)
        to_bob = SimpleNamespace(account="bob")
        self.outbox.pump(TOKEN, allowed or limits(), now, lambda _m: to_bob, self.reachable, seal, frames)
        self.outbox.flush()
        return [_read(frame) for frame in frames]

    def settle(self, seq: int, now: Now = NOW):
        settled = self.outbox.accept(seq)
        for flight, _code, retry_after_ms in settled.refused:
            self.outbox.hold(flight, retry_after_ms, now)
        return settled


def _read(frame: bytes) -> tuple[int, str]:
    if frame[0] == Verb.RELEASE:
        return 0, "release"
    return int.from_bytes(frame[AT_BODY : AT_BODY + 8], "big"), frame[AT_SEND_ENVELOPE:].decode()


def test_rows_leave_in_order_under_rising_numbers():
    desk = Desk()
    desk.add(BOB, "one", "two", "three")
    assert desk.pump() == [(1, "one"), (2, "two"), (3, "three")]
    assert desk.pump() == []


def test_a_row_lives_until_accepted():
    desk = Desk()
    desk.add(BOB, "one", "two")
    desk.pump()
    assert [f.seq for f in desk.settle(1).accepted] == [1]
    assert len(desk.store.outbox_rows()) == 1
    desk.settle(2)
    assert desk.store.outbox_rows() == []


def test_a_reset_resends_the_same_bytes_in_the_same_order_without_sealing_again():
    desk = Desk()
    desk.add(BOB, "one", "two", "three")
    desk.pump()
    desk.settle(1)
    desk.outbox.link_lost()
    desk.add(BOB, "four")
    assert desk.pump() == [(1, "two"), (2, "three"), (3, "four")]
    assert desk.sealed == [b"one", b"two", b"three", b"four"]


def test_the_message_window_holds():
    desk = Desk()
    desk.add(BOB, *[f"m{n}" for n in range(10)])
    assert len(desk.pump(allowed=limits(messages=4))) == 4
    desk.settle(3)
    assert [seq for seq, _ in desk.pump(allowed=limits(messages=4))] == [5, 6, 7]


def test_the_byte_window_holds_but_never_blocks_a_single_message():
    desk = Desk()
    desk.add(BOB, "x" * 100, "y" * 100)
    assert len(desk.pump(allowed=limits(size=50))) == 1
    desk.settle(1)
    assert [text[0] for _, text in desk.pump(allowed=limits(size=50))] == ["y"]


def test_a_refusal_holds_everything_for_that_device_until_all_is_answered():
    desk = Desk()
    desk.add(BOB, "one", "two", "three")
    desk.pump()
    desk.outbox.reject(2, Code.QUOTA, 0)
    desk.add(BOB, "four")
    desk.add(CAROL, "other")
    assert desk.pump() == [(4, "other")], "nothing more for bob, carol is not held up"
    desk.outbox.reject(3, Code.HELD, 0)
    desk.settle(4)
    assert desk.pump() == [], "the pause is not over"
    later = Now(NOW.ms, NOW.mono_s + 2)
    assert desk.pump(later) == [(0, "release"), (5, "two"), (6, "three"), (7, "four")]


def test_release_waits_until_every_number_is_answered():
    desk = Desk()
    desk.add(BOB, "one", "two")
    desk.pump()
    desk.outbox.reject(1, Code.STORAGE, 0)
    desk.settle(1)
    later = Now(NOW.ms, NOW.mono_s + 100)
    assert desk.pump(later) == []
    desk.outbox.reject(2, Code.HELD, 0)
    desk.settle(2, later)
    assert desk.pump(Now(NOW.ms, NOW.mono_s + 200)) == [(0, "release"), (3, "one"), (4, "two")]


def test_repeated_refusals_back_off_and_an_acceptance_resets_it():
    desk = Desk()
    desk.add(BOB, "one")
    at = NOW.mono_s
    pauses = []
    for seq in range(1, 4):
        assert desk.pump(Now(NOW.ms, at))[-1] == (seq, "one")
        desk.outbox.reject(seq, Code.QUOTA, 0)
        desk.settle(seq, Now(NOW.ms, at))
        deadline = desk.outbox.deadline()
        assert deadline is not None
        pauses.append(deadline - at)
        at = deadline
    assert pauses == [1.0, 2.0, 4.0]


def test_an_unaddressed_row_waits_and_is_sent_once_the_devices_are_known():
    desk = Desk()
    desk.add(None, "early")
    assert desk.pump() == []
    desk.outbox.address("bob", [BOB, CAROL])
    assert sorted(desk.pump()) == [(1, "early"), (2, "early")]


def test_a_given_up_row_is_skipped():
    desk = Desk()
    desk.add(BOB, "one", "two")
    desk.outbox.give_up(1)
    assert desk.pump() == [(1, "two")]


def test_readdressed_rows_are_sealed_afresh_for_the_new_device():
    desk = Desk()
    desk.add(BOB, "one")
    desk.pump()
    desk.outbox.link_lost()
    desk.outbox.readdress("bob", [CAROL])
    assert desk.pump() == [(1, "one")]
    assert desk.sealed == [b"one", b"one"]


@pytest.mark.parametrize("seq", [0, 3, 99])
def test_a_reject_of_a_number_that_is_not_open_is_a_protocol_error(seq):
    desk = Desk()
    desk.add(BOB, "one", "two")
    desk.pump()
    with pytest.raises(RemoteProtocolError):
        desk.outbox.reject(seq, Code.QUOTA, 0)


def test_accepted_beyond_what_was_sent_is_a_protocol_error():
    desk = Desk()
    with pytest.raises(RemoteProtocolError):
        desk.outbox.accept(1)


def test_a_restart_finds_the_queue_again():
    desk = Desk()
    desk.add(BOB, "one", "two")
    desk.pump()
    again = Outbox(desk.store)
    assert again.queued() == 2
