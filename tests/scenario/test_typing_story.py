"""Who sees that somebody writes: over a broker that reads nothing, and whatever it does with the signs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sealwire.crypto.group_entry import Kind, Role
from sealwire.peer.events import Typing
from sealwire.peer.prefs import Prefs
from sealwire.peer.whispers import AGAIN_S, ENDS_AFTER_S, HEARD_PER_S, MAX_SKEW_MS
from sealwire.testing import Network
from sealwire.wire.frames import Verb
from tests.conftest import PEOPLE
from tests.fault.circle import Circle
from tests.fault.hostile import Tap, friends


def signs(peer):
    return [(event.conversation, event.sender, event.active) for event in peer.events if isinstance(event, Typing)]


def writes(peer, to, active=True):
    peer.turn([], lambda engine, now: engine.whispers.typing(to, active, now))
    peer.net.run()


def ephemerals(frames):
    return [frame for frame in frames if frame[0] == Verb.EPHEMERAL]


@pytest.fixture
def pair(net):
    alice, bob = friends(net, "alice", "bob")
    alice.send("bob", "and again")
    net.run()
    return alice, bob


def test_one_sees_that_the_other_writes_and_stops(net, pair):
    alice, bob = pair
    state = alice.engine._pairs.of(bob.mailbox()).active().encode()
    writes(alice, "bob")
    assert signs(bob) == [("alice", "alice", True)]
    writes(alice, "bob", active=False)
    assert signs(bob) == [("alice", "alice", True), ("alice", "alice", False)]
    assert alice.engine._pairs.of(bob.mailbox()).active().encode() == state, "no ratchet moved"


def test_a_message_ends_the_sign_and_so_does_time(net, pair):
    alice, bob = pair
    writes(alice, "bob")
    alice.send("bob", "there it is")
    net.run()
    assert signs(bob) == [("alice", "alice", True), ("alice", "alice", False)]
    writes(alice, "bob")
    net.advance(ENDS_AFTER_S + 1)
    assert signs(bob)[2:] == [("alice", "alice", True), ("alice", "alice", False)]


def test_signs_are_few_and_of_one_size(net, pair):
    alice, bob = pair
    tap = Tap(alice)
    for _ in range(100):
        writes(alice, "bob")
    assert len(ephemerals(tap.frames)) == 1
    for _ in range(10):
        net.advance(AGAIN_S)
        writes(alice, "bob")
    writes(alice, "bob", active=False)
    writes(alice, "bob", active=False)
    assert len(ephemerals(tap.frames)) == 12
    assert {len(frame) for frame in ephemerals(tap.frames)} == {25 + 88}
    assert signs(bob)[0] == ("alice", "alice", True)
    assert signs(bob)[-1] == ("alice", "alice", False)


def test_who_switched_it_off_sends_none_and_sees_none(tmp_path):
    net = Network(tmp_path, PEOPLE)
    alice, bob = friends(net, "alice", "bob")
    net.prefs = replace(net.prefs, typing=False)
    bob.crash()
    bob.start()
    net.run()
    tap = Tap(bob)
    writes(bob, "alice")
    writes(alice, "bob")
    assert ephemerals(tap.frames) == []
    assert signs(alice) == signs(bob) == []


def test_strangers_and_blocked_people_neither_see_nor_show_signs(tmp_path):
    net = Network(tmp_path, PEOPLE, prefs=Prefs(receipt_pause_s=0))
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "may I?")
    net.run()
    tap = Tap(bob)
    writes(bob, "alice")
    writes(alice, "bob")
    assert ephemerals(tap.frames) == []
    assert signs(bob) == []
    bob.send("alice", "yes")
    net.run()
    writes(bob, "alice")
    assert signs(alice) == [("bob", "bob", True)]
    writes(alice, "bob")
    assert signs(bob) == [("alice", "alice", True)]
    bob.turn([], lambda engine, _now: engine.people.block("alice", True))
    net.advance(ENDS_AFTER_S + 1)
    before = signs(bob)
    writes(alice, "bob")
    writes(bob, "alice")
    assert signs(bob) == before


def test_what_the_broker_does_with_signs_costs_nothing(net, pair):
    alice, bob = pair
    kept = []
    bob.hostile = lambda _peer, frame: kept.append(frame) or ([] if frame[0] == Verb.EPHEMERAL else [frame])
    writes(alice, "bob")
    (sign,) = ephemerals(kept)
    bob.hostile = None
    altered = [sign[:at] + bytes([sign[at] ^ 1]) + sign[at + 1 :] for at in range(1, len(sign), 5)]
    for frame in (*altered, sign[:-1], b"\x30", b"\x30" + bytes(1024)):
        bob.turn([frame])
    assert signs(bob) == []
    assert bob.engine.online
    bob.turn([sign])
    bob.turn([sign])
    bob.turn([sign])
    assert signs(bob) == [("alice", "alice", True)]
    net.advance(ENDS_AFTER_S + 1)
    bob.turn([sign])  # replayed after it ended
    assert signs(bob) == [("alice", "alice", True), ("alice", "alice", False)]
    bob.crash()
    net.advance(MAX_SKEW_MS / 1000)
    bob.start()
    net.run()
    bob.turn([sign])  # and after a restart, when nothing remembers it
    assert signs(bob)[2:] == []


def test_a_flood_of_signs_is_not_even_looked_at(net, pair):
    _alice, bob = pair
    looked = []
    real = bob.engine._pairs.by_tag
    bob.engine._pairs.by_tag = lambda tag: looked.append(tag) or real(tag)
    bob.turn([b"\x30" + bytes(88)] * 10_000)
    assert len(looked) <= HEARD_PER_S
    assert bob.engine.online


def test_without_a_link_nothing_is_told_later(net, pair):
    alice, bob = pair
    net.kill_broker()
    writes(alice, "bob")
    net.start_broker()
    net.advance(3)
    assert signs(bob) == []


def test_whoever_may_only_read_shows_nothing_and_is_not_believed(net):
    circle = Circle(net)
    alice, bob = circle.alice, circle.bob
    circle.talk()
    circle.do(alice, Kind.ROLE, "bob", bytes((Role.READ_ONLY,)))
    tap = Tap(bob)
    writes(bob, circle.conversation)
    assert ephemerals(tap.frames) == []
    bob.engine.whispers.seats = alice.engine.groups.seats  # a program of his own that asks nobody whether it may
    writes(bob, circle.conversation)
    assert len(ephemerals(tap.frames)) >= 1
    assert signs(alice) == []
