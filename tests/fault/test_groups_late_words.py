"""Words of a group that arrive late: before the log says what they need, or after their author is out of it."""

from __future__ import annotations

import pytest

from sealwire.crypto.group_entry import Kind
from sealwire.wire.frames import Verb
from tests.company import warned
from tests.fault.circle import Tampered, spoken, with_entries
from tests.fault.hostile import inject, reasons


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


@pytest.mark.parametrize(
    ("hours", "restarted", "taken"),
    [(0, False, True), (23, True, True), (25, False, False), (25, True, False)],
    ids=["at-once", "within-a-day", "after-a-day", "after-a-day-and-a-restart"],
)
def test_attack_36_words_of_whoever_left_are_taken_for_a_day_and_no_longer(net, circle, hours, restarted, taken):
    bob, carol = circle.bob, circle.carol
    circle.talk()
    late = spoken(circle, bob, "said before I left")
    circle.do(bob, Kind.LEAVE)
    assert circle.members(carol) == {"alice", "carol"}
    if restarted:
        carol.crash()
    net._pass(hours * 3600)
    if restarted:
        carol.start()
    circle.settle()
    inject(carol, late)
    circle.settle()
    assert ("said before I left" in circle.heard(carol)) is taken
    assert reasons(carol) == ([] if taken else ["not-a-member"])
    assert warned(carol).count("unreadable") == (0 if taken else 1), "one clear line"
    left = [key for key in carol.store.heard_keys(circle.id) if key.account == "bob"]
    assert all(bool(key.sealed) is taken for key in left), "a key that opens nothing more is destroyed"


def test_attack_36_whoever_left_cannot_speak_on_by_showing_what_came_after(circle):
    bob, carol = circle.bob, circle.carol
    circle.talk()
    leave = circle.of(bob).head.sequence + 1
    shown = spoken(circle, bob, "said after I left", sequence=leave)
    circle.do(bob, Kind.LEAVE)
    assert circle.of(carol).head.sequence > leave, "alice has changed the log key since"
    inject(carol, shown)
    circle.settle()
    assert "said after I left" not in circle.heard(carol)
    assert reasons(carol) == ["not-a-member"]


def test_attack_36_leaving_a_second_time_begins_no_second_day_for_words_of_before(net, circle):
    alice, bob, carol = circle.all
    circle.talk()
    late = spoken(circle, bob, "said before I first left")
    circle.do(bob, Kind.LEAVE)
    net._pass(20 * 3600)
    circle.join(alice, bob)
    circle.say(bob, "back")
    circle.settle()
    circle.do(bob, Kind.LEAVE)
    net._pass(20 * 3600)
    circle.settle()
    inject(carol, late)
    circle.settle()
    assert circle.heard(carol)[-1] == "back"
    assert reasons(carol) == ["not-a-member"]


def test_whoever_knows_of_a_new_log_key_and_has_not_got_it_waits_for_it_with_what_they_say(net, circle):
    """alice's entry can be read before what she gives to each member has come."""
    alice, bob, carol = circle.all
    circle.talk()
    to_broker, held = net.to_broker, []

    def without(end, frames):
        sends = [frame for frame in frames if end is alice and frame[0] in (Verb.SEND, Verb.FANOUT)]
        held.extend(sends)
        to_broker(end, [frame for frame in frames if frame not in sends])

    net.to_broker = without
    circle.act(alice, Kind.REMOVE, "bob")
    net.run()
    net.to_broker = to_broker
    alice.online = False
    net.cut(alice)
    circle.reconnect(carol)
    assert circle.members(carol) == {"alice", "carol"}
    said = circle.say(carol, "waits for the key")
    circle.settle(5)
    assert held
    assert carol.states(said) == []
    alice.online = True
    circle.settle(5)
    assert circle.heard(alice)[-1] == "waits for the key"
    assert circle.heard(bob)[-1] == "carol is here"
