"""Tests of broker.patience: who acknowledges nothing is let go soon, and never for nothing (protocol.md §2)."""

from __future__ import annotations

import pytest

from sealwire.broker.mailbox import LIVE
from sealwire.broker.patience import ROUND
from sealwire.broker.port import BrokerSettings
from sealwire.broker.router import TICK_S
from sealwire.wire import frames

A = b"a" * 64
FIRST_S = 7
TURN_S = 0.01
"""The rig's turns take a little time each; deadlines of whole seconds are asked for a little later."""


@pytest.fixture
def pair(rig):
    return rig.login("alice"), rig.login("bob", "bob")


def stalls_after(rig, client):
    """Seconds until the link session ends."""
    for second in range(1, 200):
        rig.advance(1 + TURN_S)
        if not client.is_open:
            assert client.seen()[-1] == ("reset", "stalled")
            return second
    raise AssertionError("never")


def test_with_the_default_limits_whoever_acknowledges_nothing_is_shut_down_within_ten_seconds():
    limits = BrokerSettings()
    look_s = TICK_S  # at most so late
    assert limits.ack_timeout_s + look_s + limits.kick_delay_s < 10
    assert limits.hello_timeout_s + look_s < 10


def test_whoever_acknowledges_nothing_is_let_go_and_shut_down_when_the_reset_has_had_its_time(make_rig):
    rig = make_rig(kick_delay_s=0.5)
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    alice.send(bob.mailbox, A)
    assert stalls_after(rig, bob) in (FIRST_S, FIRST_S + 1)
    assert bob.connection not in rig.kicked
    rig.now += 0.5 + TURN_S
    rig.router.begin(rig.now, rig.wall_ms)
    assert not rig.router.tick(), "it does not wait for the look at all deadlines"
    rig.turn()
    assert rig.kicked == [bob.connection]
    assert alice.is_open


@pytest.mark.parametrize("frame", [frames.encode_ping, frames.encode_ack], ids=["PING", "an old ACK"])
def test_words_that_acknowledge_nothing_help_nobody(rig, pair, frame):
    alice, bob = pair
    alice.send(bob.mailbox, A)
    for _ in range(FIRST_S + 1):
        rig.advance(1 + TURN_S)
        bob.feed(frame(bob.token, 0))
    assert not bob.is_open


def test_one_message_in_time_is_enough_however_many_wait(rig, pair):
    alice, bob = pair
    alice.send(bob.mailbox, *[A] * 20)
    for number in range(1, 20):
        rig.advance(FIRST_S - 2)
        bob.ack(number)
    assert bob.is_open


def test_a_device_for_which_nothing_waits_may_be_as_quiet_as_it_likes(rig, pair):
    _, bob = pair
    rig.advance(60)
    assert bob.is_open


def test_whoever_was_handed_nothing_for_a_while_has_its_full_time_with_the_next_message(rig, pair):
    alice, bob = pair
    for _ in range(30):
        rig.advance(1 + TURN_S)
    alice.send(bob.mailbox, A)
    assert stalls_after(rig, bob) in (FIRST_S, FIRST_S + 1)


def test_among_many_silence_is_found_in_turns_and_nobody_is_forgotten(rig):
    crowd = [rig.login(f"peer-{number}") for number in range(3 * ROUND + 1)]
    silence_s = int(rig.router.settings.silence_timeout_s)
    for _ in range(silence_s - 1):
        rig.advance(1)
    assert all(client.is_open for client in crowd)
    rig.advance(1)
    rig.advance(TURN_S)
    assert sum(not client.is_open for client in crowd) < len(crowd)
    for _ in range(ROUND + 2):  # they logged in within two seconds
        rig.advance(1)
    assert not any(client.is_open for client in crowd)


def test_whoever_speaks_is_not_silent_among_those_who_are(rig):
    crowd = [rig.login(f"peer-{number}") for number in range(20)]
    for _ in range(2):
        rig.advance(200)
        crowd[7].feed(frames.encode_ping(crowd[7].token, 1))
    assert [client for client in crowd if client.is_open] == [crowd[7]]


def test_each_time_it_comes_back_it_has_twice_as_long_up_to_the_limit(rig, pair):
    alice, bob = pair
    alice.send(bob.mailbox, A)
    took = [stalls_after(rig, bob)]
    for _ in range(5):
        bob = rig.login("bob", "bob")
        assert bob.seen() == [("deliver", 1, A)]
        took.append(stalls_after(rig, bob))
    for found, expected in zip(took, (7, 14, 28, 45, 45, 45), strict=True):
        assert found in (expected, expected + 1)


def test_a_disk_that_always_takes_twenty_seconds_gets_everything_in_the_end(rig, pair):
    alice, bob = pair
    alice.send(bob.mailbox, *[A] * 5)
    logins = 1
    for _ in range(20):
        if not rig.router.mailboxes[bob.mailbox].messages:
            break
        rig.advance(20)
        if bob.is_open:
            delivered = [words[1] for words in bob.seen() if words[0] == "deliver"]
            bob.ack(delivered[-1])
        else:
            bob = rig.login("bob", "bob")
            logins += 1
    assert logins == 3
    assert rig.router.mailboxes[bob.mailbox].mode == LIVE


def test_an_acknowledgement_makes_the_time_short_again(rig, pair):
    alice, bob = pair
    alice.send(bob.mailbox, A, A)
    stalls_after(rig, bob)
    bob = rig.login("bob", "bob")
    rig.advance(10)
    bob.ack(1)
    assert stalls_after(rig, bob) <= FIRST_S + 2


def test_a_limit_that_an_operator_shortens_counts_at_once(rig, pair):
    alice, bob = pair
    alice.send(bob.mailbox, A)
    rig.router.settings.ack_timeout_s = 2.0
    assert stalls_after(rig, bob) <= 3


def test_a_first_time_above_the_limit_of_growth_stays_as_it_is(make_rig):
    rig = make_rig(ack_timeout_s=20.0, slow_ack_timeout_s=5.0)
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    alice.send(bob.mailbox, A)
    assert stalls_after(rig, bob) in (20, 21)
    bob = rig.login("bob", "bob")
    assert stalls_after(rig, bob) in (20, 21)
