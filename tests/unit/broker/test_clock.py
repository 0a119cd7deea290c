"""Time that cannot jump (protocol.md §5.4)."""

from __future__ import annotations

import pytest

from sealwire.broker.clock import PAUSE_S, Clock

DAY_MS = 86_400_000


def test_deadlines_follow_the_monotonic_clock():
    clock = Clock(100.0, 0, 0)
    assert clock.advance(101.5, 1_500) == 101.5


def test_a_pause_shifts_every_deadline():
    clock = Clock(100.0, 0, 0)
    clock.advance(101.0, 1_000)
    assert clock.advance(101.0 + 60, 61_000) == 101.0
    assert clock.advance(162.0, 62_000) == 102.0


def test_a_step_as_long_as_the_limit_is_no_pause():
    assert Clock(0.0, 0, 0).advance(PAUSE_S, 0) == PAUSE_S


@pytest.mark.parametrize("jump_ms", [DAY_MS, -DAY_MS, -3650 * DAY_MS])
def test_a_jump_of_the_wall_clock_does_not_move_the_mail_clock(jump_ms):
    clock = Clock(0.0, 10 * DAY_MS, 10 * DAY_MS)
    clock.advance(1.0, 10 * DAY_MS + 1_000 + jump_ms)
    assert 10 * DAY_MS <= clock.mail_ms <= 10 * DAY_MS + 1_000
    clock.advance(2.0, 10 * DAY_MS + 2_000 + jump_ms)
    assert clock.mail_ms <= 10 * DAY_MS + 2_000


def test_the_mail_clock_runs():
    clock = Clock(0.0, 0, 500)
    clock.advance(1.0, 1_000)
    assert clock.mail_ms == 1_500
