"""Signs of life: when a link counts as dead, when it is asked, when a mailbox counts as drained."""

from __future__ import annotations

import pytest

from sealwire.peer.pulse import DRAINED_AFTER_S, PING_EVERY_S, SILENCE_S, Beat, Pulse


def pulse_at(now_s: float, dice: int = 128) -> Pulse:
    pulse = Pulse()
    pulse.connected(now_s, lambda n: bytes([dice]) * n)
    pulse.opened(now_s)
    return pulse


def test_silence_while_something_is_owed_is_death():
    pulse = pulse_at(0.0)
    assert pulse.check(5.0, owed=True) is Beat.FINE
    assert pulse.check(5.0 + SILENCE_S, owed=True) is Beat.FINE
    assert pulse.check(5.1 + SILENCE_S, owed=True) is Beat.DEAD


def test_any_frame_counts_as_life():
    pulse = pulse_at(0.0)
    pulse.check(0.0, owed=True)
    pulse.heard(SILENCE_S)
    assert pulse.check(SILENCE_S + 5, owed=True) is Beat.FINE


def test_a_debt_that_begins_late_gets_its_full_time():
    pulse = pulse_at(0.0)
    assert pulse.check(50.0, owed=False) is Beat.FINE
    assert pulse.check(50.1, owed=True) is Beat.FINE
    assert pulse.check(50.1 + SILENCE_S, owed=True) is Beat.FINE


@pytest.mark.parametrize(("dice", "share"), [(0, 0.9), (255, 1.1)])
def test_an_idle_link_is_pinged_spread_over_ten_percent(dice, share):
    pulse = pulse_at(0.0, dice)
    assert pulse.check(PING_EVERY_S * share - 0.5, owed=False) is Beat.FINE
    assert pulse.check(PING_EVERY_S * share + 0.1, owed=False) is Beat.PING
    assert pulse.check(PING_EVERY_S * share + 0.2, owed=False) is Beat.FINE, "one PING at a time"
    assert pulse.check(PING_EVERY_S * share + 0.3 + SILENCE_S, owed=False) is Beat.DEAD


def test_a_pong_ends_the_debt():
    pulse = pulse_at(0.0)
    assert pulse.check(PING_EVERY_S + 10, owed=False) is Beat.PING
    pulse.heard(PING_EVERY_S + 11)
    pulse.answered()
    assert pulse.check(PING_EVERY_S + 40, owed=False) is Beat.FINE


def test_a_mailbox_is_drained_once_after_a_quiet_while():
    pulse = pulse_at(0.0)
    pulse.delivered(3.0)
    assert not pulse.has_drained(3.0 + DRAINED_AFTER_S)
    assert pulse.has_drained(3.1 + DRAINED_AFTER_S)
    assert not pulse.has_drained(99.0)


def test_a_login_without_an_answer_is_dead():
    pulse = pulse_at(0.0)
    assert not pulse.login_is_dead(SILENCE_S)
    assert pulse.login_is_dead(SILENCE_S + 0.1)


def test_the_deadline_is_never_behind_what_it_waits_for():
    pulse = pulse_at(0.0)
    pulse.check(1.0, owed=True)
    at = pulse.deadline(is_open=True)
    assert pulse.has_drained(at) or pulse.check(at, owed=True) is Beat.DEAD
