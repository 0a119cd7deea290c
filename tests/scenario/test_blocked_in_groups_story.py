"""Somebody who is blocked, in a group that both are in: nothing of theirs is shown, and the group goes on."""

from __future__ import annotations

import pytest

from tests.company import warned
from tests.fault.circle import Circle


@pytest.fixture
def circle(net):
    return Circle(net)


def block(peer, name, blocked=True):
    peer.turn([], lambda engine, _now: engine.people.block(name, blocked))


def test_what_a_blocked_member_says_is_taken_and_not_shown_and_read_again_later(circle):
    alice, bob, carol = circle.all
    block(carol, "bob")
    circle.say(bob, "not for carol")
    circle.settle()
    assert circle.heard(alice)[-1] == "not for carol"
    assert circle.heard(carol) == []
    assert warned(carol) == [], "nothing is unreadable: nobody is asked for a fresh session"
    assert carol.store.quarantined() == []
    block(carol, "bob", blocked=False)
    circle.say(bob, "for carol, too")
    circle.settle()
    assert circle.heard(carol) == ["for carol, too"]


def test_a_group_led_by_somebody_blocked_goes_on(circle):
    alice, _bob, carol = circle.all
    block(carol, "alice")
    circle.remove(alice, "bob")  # the log key changes, and only alice has the new one
    circle.rename(alice, "without bob")
    circle.settle(5.0)
    assert circle.of(carol).name == "without bob"
    assert circle.members(carol) == {"alice", "carol"}
    circle.say(carol, "still here")
    circle.settle(5.0)
    assert circle.heard(alice)[-1] == "still here"
