"""Who is here is told only by choice, only to accepted people, and ends by itself."""

from __future__ import annotations

from sealwire.peer import presence
from sealwire.peer.prefs import Prefs
from sealwire.testing import Network
from tests.conftest import PEOPLE


def here(peer, name):
    return peer.engine.presence.of(name, peer.net.now)[0]


def friends(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "hello")
    net.advance(5)
    bob.send("alice", "hi")
    net.advance(5)
    return alice, bob


def share(peer, shared=True):
    peer.turn([], lambda engine, now: engine.presence.share(shared, now))
    peer.net.advance(1)


def test_nobody_is_said_to_be_here_who_did_not_choose_it(net):
    alice, bob = friends(net)
    net.advance(300)
    assert here(alice, "bob") is None
    share(bob)
    assert here(alice, "bob") is True
    assert here(bob, "alice") is None, "it is no trade"
    share(bob, False)
    assert here(alice, "bob") is False


def test_it_is_said_again_and_ends_when_it_is_not(net):
    alice, bob = friends(net)
    share(bob)
    net.advance(presence.LASTS_S + 60)
    assert here(alice, "bob") is True
    bob.crash()
    net.advance(presence.LASTS_S + 1)
    assert here(alice, "bob") is False
    bob.start()
    net.advance(5)
    assert here(alice, "bob") is True, "the choice survives a restart"


def test_a_stranger_is_told_nothing(tmp_path):
    with Network(tmp_path, PEOPLE, prefs=Prefs()) as net:
        alice, bob = net.peer("alice"), net.peer("bob")
        net.run()
        alice.send("bob", "hello")
        net.advance(5)
        share(bob)
        net.advance(5)
        assert here(alice, "bob") is None
        share(alice)
        assert here(bob, "alice") is None, "and nothing of a stranger is believed"
