"""Link sessions and mailbox modes: each row of protocol.md §5.1 and §5.2, one test."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sealwire.broker.links import WRONG_TOKENS
from sealwire.broker.mailbox import AWAY, BACKLOG, LIVE
from sealwire.wire import frames
from sealwire.wire.frames import Verb
from tests.unit.broker.rig import pair

A, B, C = b"a" * 64, b"b" * 64, b"c" * 64


def box(rig, client):
    return rig.router.mailboxes[client.mailbox]


# --- link session --------------------------------------------------------------------------------------------


def test_send_with_the_next_number_is_taken_in_and_answered_after_the_commit(slow):
    alice, bob = pair(slow)
    alice.send(bob.mailbox, A)
    assert bob.seen() == [("deliver", 1, A)]
    assert alice.seen() == []
    slow.commit()
    assert alice.seen() == [("accepted", 1)]


@pytest.mark.parametrize("number", [0, 2, 2**63])
def test_another_number_ends_the_link_session(rig, number):
    alice, bob = pair(rig)
    alice.seq = number - 1
    alice.send(bob.mailbox, A)
    assert alice.seen() == [("reset", "protocol")]
    assert not alice.is_open
    assert bob.seen() == []


def test_passing_the_window_in_messages_ends_the_link_session(make_rig):
    rig = make_rig(auto=False, send_window_messages=3)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A, A, A)
    assert alice.is_open
    alice.send(bob.mailbox, A)
    assert alice.seen() == [("reset", "protocol")]


def test_passing_the_window_in_bytes_ends_the_link_session(make_rig):
    rig = make_rig(auto=False, send_window_bytes=200)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A, A, A)
    assert alice.is_open
    alice.send(bob.mailbox, A)
    assert alice.seen() == [("reset", "protocol")]


@pytest.mark.parametrize(
    "frame",
    [
        lambda token: bytes((Verb.SEND,)) + token + bytes(40),  # no envelope
        lambda token: bytes((Verb.ACK,)) + token + bytes(7),
        lambda token: bytes((Verb.ACK,)) + token + bytes(9),
        lambda token: bytes((Verb.ACK,)) + token + (1).to_bytes(8, "big"),  # nothing was delivered
        lambda token: bytes((Verb.RELEASE,)) + token + bytes(15),
        lambda token: bytes((Verb.PING,)) + token,
        lambda token: bytes((Verb.BYE,)) + token + b"x",
        lambda token: bytes((Verb.FANOUT,)) + token + bytes(8 + 16 + 2),
        lambda token: bytes((Verb.REQUEST,)) + token + b"\x80",
        lambda token: bytes((Verb.EPHEMERAL,)) + token + bytes(16 + 1025),
        lambda token: bytes((Verb.SEND_MANY,)) + token,
        lambda token: bytes((Verb.DELIVER_MANY,)) + token,
        lambda token: bytes((Verb.DELIVER,)) + token,
        lambda token: b"\xff" + token,
        lambda token: b"\x00" + token,
    ],
)
def test_a_frame_that_is_not_in_the_protocol_ends_the_link_session(rig, frame):
    alice, bob = pair(rig)
    alice.feed(frame(alice.token))
    assert alice.seen() == [("reset", "protocol")]
    assert bob.is_open


def test_wrong_tokens_are_dropped_and_the_sixteenth_ends_the_link_session(rig):
    alice, bob = pair(rig)
    guess = frames.encode_send(frames.Token(bytes(8)), 1, frames.Mid(bytes(16)), bob.mailbox, A)
    alice.feed(*[guess] * (WRONG_TOKENS - 2), b"", b"\x13" + bytes(8))
    assert alice.seen() == [("reset", "protocol")]
    assert bob.seen() == []
    assert rig.router.status()["wrong_tokens"] == WRONG_TOKENS


def test_fifteen_wrong_tokens_change_nothing(rig):
    alice, bob = pair(rig)
    for _ in range(WRONG_TOKENS - 1):
        alice.feed(frames.encode_ack(frames.Token(bytes(8)), 1))
    alice.send(bob.mailbox, A)
    assert alice.seen() == [("accepted", 1)]


def test_ack_below_or_at_the_last_one_is_ignored(rig):
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A, B)
    bob.ack(2)
    bob.ack(1)
    bob.ack(0)
    assert bob.is_open
    assert box(rig, bob).messages == 0


def test_ping_is_answered_and_pong_is_heard(rig):
    alice, _ = pair(rig)
    alice.feed(frames.encode_ping(alice.token, 7), frames.encode_pong(alice.token, 1))
    assert alice.take(Verb.PONG) == frames.encode_broker_pong(7)


def test_bye_ends_without_a_reset(rig):
    alice, _ = pair(rig)
    alice.feed(frames.encode_bye(alice.token))
    assert alice.seen() == []
    assert not alice.is_open


def test_a_second_login_of_the_device_ends_the_first(rig):
    alice, bob = pair(rig)
    again = rig.login("bob", "bob")
    assert bob.seen() == [("reset", "superseded")]
    assert not bob.is_open
    alice.send(bob.mailbox, A)
    assert again.seen() == [("deliver", 1, A)]
    assert bob.seen() == []


def test_a_dead_link_session_changes_nothing_any_more(rig):
    alice, bob = pair(rig)
    again = rig.login("bob", "bob")
    alice.send(bob.mailbox, A)
    bob.ack(1)
    bob.send(alice.mailbox, B)
    assert box(rig, again).messages == 1
    assert alice.seen() == [("accepted", 1)]


def test_no_ack_progress_for_7_seconds_ends_the_link_session(rig):
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A, B)
    rig.advance(5)
    bob.ack(1)
    rig.advance(6)
    assert bob.is_open
    rig.advance(3)
    assert ("reset", "stalled") in bob.seen()
    assert alice.is_open
    assert box(rig, bob).messages == 1


def test_silence_of_300_seconds_ends_the_link_session(rig):
    alice, bob = pair(rig)
    rig.advance(200)
    bob.feed(frames.encode_ping(bob.token, 1))
    rig.advance(102)
    assert alice.seen() == [("reset", "silent")]
    assert bob.is_open


def test_a_pause_of_the_loop_ends_nobody(rig):
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A)
    rig.now += 3600
    rig.advance(1)
    assert alice.is_open
    assert bob.is_open


def test_a_wall_clock_that_was_set_back_shows_in_the_numbers(rig):
    assert rig.router.status()["clock_behind_s"] == 0
    rig.advance(1, wall_seconds=86_400)
    assert rig.router.status()["clock_behind_s"] == 0
    rig.advance(1, wall_seconds=-2 * 86_400)
    assert rig.router.status()["clock_behind_s"] in range(86_390, 86_410)


@pytest.mark.parametrize("years", [10, -10])
def test_a_wall_clock_that_jumps_ends_nobody_and_loses_nothing(rig, years):
    alice, bob = pair(rig)
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, A)
    rig.advance(1, wall_seconds=years * 365 * 86_400)
    assert alice.is_open
    rig.crash()
    assert rig.login("bob", "bob").seen() == [("deliver", 1, A)]


def test_whoever_is_gone_is_found_though_the_first_question_went_out(rig):
    alice, bob = pair(rig)
    rig.router.disconnected(bob.connection.fd)
    rig.turn()
    assert bob.seen() == [("ping",)], "ZeroMQ had not heard of the end yet, and took it"
    bob.vanish()
    rig.advance(2)
    assert (alice.is_open, bob.is_open) == (True, False)


def test_whose_descriptor_is_given_to_somebody_else_is_gone(rig):
    alice = rig.login("alice")
    carol = rig.connect("carol", "bob")
    carol.connection = replace(carol.connection, fd=alice.connection.fd)
    alice.vanish()
    carol.greet()
    carol.prove()
    rig.advance(2)
    assert (alice.is_open, carol.is_open) == (False, True)


def test_who_is_asked_for_nothing_answers_and_goes_on(rig):
    alice, _ = pair(rig)
    rig.router.disconnected(alice.connection.fd)
    rig.advance(5)
    assert alice.seen() == [("ping",), ("ping",)]
    assert alice.is_open


def test_a_frame_that_does_not_go_out_ends_the_link_session(rig):
    alice, bob = pair(rig)
    bob.vanish()
    alice.send(bob.mailbox, A)
    assert not bob.is_open
    assert rig.login("bob", "bob").seen() == [("deliver", 1, A)]


# --- mailbox modes -------------------------------------------------------------------------------------------


def test_a_mailbox_with_nothing_waiting_is_live_at_once(rig):
    _, bob = pair(rig)
    assert box(rig, bob).mode == LIVE


def test_mail_waits_for_an_away_device_and_comes_in_order(rig):
    alice, bob = pair(rig)
    bob.feed(frames.encode_bye(bob.token))
    assert box(rig, bob).mode == AWAY
    alice.send(bob.mailbox, A, B, C)
    assert alice.seen() == [("accepted", 3)]
    bob = rig.login("bob", "bob")
    assert bob.seen() == [("deliver", 1, A), ("deliver", 2, B), ("deliver", 3, C)]
    assert box(rig, bob).mode == LIVE


def test_rows_first_then_tail_then_live(slow):
    alice, bob = pair(slow)
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, A)
    slow.commit()
    alice.send(bob.mailbox, B)  # COMMIT: its job is under way
    bob = slow.connect("bob", "bob")
    bob.greet()
    bob.prove()
    alice.send(bob.mailbox, C)  # PEND, behind both
    assert box(slow, bob).mode == BACKLOG
    bob.frames()
    slow.commit()  # B is stored
    slow.commit()  # C is stored, the slice with A and B arrives, and C follows them from memory
    assert bob.seen() == [("deliver", 1, A), ("deliver", 2, B), ("deliver", 3, C)]
    assert box(slow, bob).mode == LIVE


def test_no_room_in_the_window_makes_a_backlog_and_ack_resumes_it(make_rig):
    rig = make_rig(deliver_window_messages=2)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A, B, C, A)
    assert bob.seen() == [("deliver", 1, A), ("deliver", 2, B)]
    assert box(rig, bob).mode == BACKLOG
    bob.ack(1)
    assert bob.seen() == [("deliver", 3, C)]
    bob.ack(3)
    assert bob.seen() == [("deliver", 4, A)]
    assert box(rig, bob).mode == LIVE


def test_no_room_in_bytes_makes_a_backlog_too(make_rig):
    rig = make_rig(deliver_window_bytes=200, envelope_bytes=64)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A, B, C, A)
    assert len(bob.seen()) == 3
    bob.ack(2)
    assert bob.seen() == [("deliver", 4, A)]


def test_what_was_in_flight_and_not_stored_comes_again_first(slow):
    alice, bob = pair(slow)
    alice.send(bob.mailbox, A, B)
    assert len(bob.seen()) == 2
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, C)
    again = slow.connect("bob", "bob")
    again.greet()
    again.prove()
    assert again.seen()[1:] == [("deliver", 1, A), ("deliver", 2, B), ("deliver", 3, C)]


def test_what_was_in_flight_comes_before_what_waited_behind_it(make_rig):
    rig = make_rig(auto=False, deliver_window_messages=2)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A, B, C)
    bob.feed(frames.encode_bye(bob.token))
    again = rig.connect("bob", "bob")
    again.greet()
    again.prove()
    assert again.seen()[1:] == [("deliver", 1, A), ("deliver", 2, B)]
    again.ack(2)
    assert again.seen() == [("deliver", 3, C)]


def test_the_slice_of_a_dead_link_session_is_dropped(slow):
    alice, bob = pair(slow)
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, A)
    slow.commit()
    first, second = slow.connect("bob", "bob"), slow.connect("bob", "bob")
    for client in (first, second):
        client.greet()
        client.prove()
    slow.commit()  # what the first one asked for
    assert second.seen() == [("welcome",)]
    slow.commit()  # what the second one asked for
    assert second.seen() == [("deliver", 1, A)]
    assert first.seen() == [("welcome",), ("reset", "superseded")]


def test_a_long_backlog_is_read_in_slices(rig):
    alice, bob = pair(rig)
    bob.feed(frames.encode_bye(bob.token))
    envelopes = [n.to_bytes(4, "big") * 16 for n in range(300)]
    alice.send(bob.mailbox, *envelopes)
    bob = rig.login("bob", "bob")
    assert bob.seen() == [("deliver", n + 1, envelope) for n, envelope in enumerate(envelopes)]
    bob.ack(300)
    assert len(box(rig, bob).rows) == 0


# --- catching up ---------------------------------------------------------------------------------------------


def test_a_device_that_fell_behind_catches_up_while_mail_goes_on_arriving(make_rig):
    """One piece of the backlog is read for each commit: it has to be larger than what arrives meanwhile."""
    rig = make_rig(account_units_burst=1e9)
    rig.auto = False
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    link, box = rig.router.links[bob.rid], rig.router.mailboxes[bob.mailbox]
    for _ in range(15):  # bob hangs; alice's messages go to the disk
        alice.send(bob.mailbox, *[A] * 200)
        rig.commit()
    assert len(box.rows) == 3_000
    commits = 0
    while box.mode != LIVE and commits < 40:  # bob is back and takes what comes, and alice goes on
        commits += 1
        alice.send(bob.mailbox, *[A] * 200)
        bob.ack(link.tx)
        rig.commit()
    assert commits < 12


def test_no_more_is_read_than_the_window_has_room_for(make_rig):
    rig = make_rig(deliver_window_messages=100, account_units_burst=1e9)
    rig.auto = False
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    alice.send(bob.mailbox, *[A] * 500)
    rig.commit()
    bob.ack(10)
    (read,) = rig.job.reads
    assert len(read.rows) == 10
