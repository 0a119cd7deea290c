"""Words of a group that arrive late: before the log says what they need, or after their author is out of it."""

from __future__ import annotations

import pytest

from sealwire.crypto.group_entry import Kind
from tests.company import warned
from tests.fault.circle import Circle, Tampered, with_entries
from tests.fault.hostile import reasons


@pytest.fixture
def circle(net):
    return Circle(net)


def withheld(peer, head):
    """The broker hands a peer nothing beyond this head."""
    return Tampered(peer, lambda body: with_entries(body, [], head) if body.sequence > head.sequence else None)


def test_words_that_a_longer_log_shows_to_be_nobodys_are_said_and_wait_no_longer(circle):
    alice, bob, carol = circle.all
    circle.talk()
    lie = withheld(carol, circle.of(carol).head)
    circle.do(alice, Kind.REKEY)
    circle.say(bob, "under the new epoch")
    circle.settle()
    assert lie.times
    assert reasons(carol) == ["group-behind"]
    assert "unreadable" not in warned(carol), "nobody is told before the log is there"
    circle.remove(alice, "bob")
    carol.hostile = None
    circle.settle(20)
    assert circle.agree(alice, carol)
    assert reasons(carol) == ["not-a-member"]
    assert warned(carol).count("unreadable") == 1, "one clear line"


def test_words_that_wait_for_the_log_are_read_in_the_turn_in_which_it_comes_and_show_what_is_beyond(circle):
    alice, bob, carol = circle.all
    circle.talk()
    before = circle.of(carol).head
    withheld(carol, before)
    circle.do(alice, Kind.REKEY)
    rekeyed = circle.of(alice).head
    circle.say(bob, "said under the first")
    circle.settle()
    circle.rename(alice, "the name")
    circle.say(bob, "said under both entries")
    circle.settle()
    assert "group-behind" in reasons(carol)
    cut = rekeyed.sequence - before.sequence
    lie = Tampered(carol, lambda body: with_entries(body, body.entries[:cut], rekeyed) if body.entries else None)
    while not lie.times:
        circle.net._pass(0.1)
        circle.net._turn()
    carol.turn(list(carol.inbound))
    carol.inbound.clear()
    assert circle.of(carol).head == rekeyed
    assert circle.heard(carol)[-1] == "said under both entries"
    assert [claim.sequence for claim in circle.of(carol).claims] == [rekeyed.sequence + 1]
    carol.hostile = None
    circle.settle(20)
    assert circle.of(carol).name == "the name"
