"""A broker that puts questions off is asked again when it said, not when something else happens to wake the peer."""

from __future__ import annotations

import pytest

from sealwire.wire.control import Response
from sealwire.wire.frames import Code
from tests.fault.hostile import answers, bundle_of, lookup_of


class PutOff:
    """Answers the first bundles (or names) asked for with "later"."""

    def __init__(self, peer, code, retry_after_ms, times, of=bundle_of):
        self.left = times
        self.asked_s = []

        def later(response: Response) -> Response | None:
            if of(response) is None:
                return None
            self.asked_s.append(peer.net.now.mono_s)
            self.left -= 1
            return Response(id=response.id, code=code, retry_after_ms=retry_after_ms) if self.left >= 0 else None

        peer.hostile = answers(later)


@pytest.mark.parametrize("code", [Code.RATE, Code.STORAGE])
def test_a_bundle_that_was_put_off_is_asked_for_again_when_the_broker_said(net, code):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    put_off = PutOff(alice, code, 2_000, times=2)
    message = alice.send("bob", "as soon as there are keys")
    net.advance(7)
    assert bob.texts() == ["as soon as there are keys"]
    assert "sent" in alice.states(message)
    waited = [later - first for first, later in zip(put_off.asked_s, put_off.asked_s[1:])]
    assert all(2.0 <= pause <= 3.1 for pause in waited), waited


def test_a_name_that_was_put_off_is_asked_for_again_soon_and_then_less_often(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    put_off = PutOff(alice, Code.RATE, 0, times=3, of=lookup_of)
    alice.send("bob", "to somebody not known yet")
    net.advance(12)
    assert bob.texts() == ["to somebody not known yet"]
    pauses = [round(later - first) for first, later in zip(put_off.asked_s, put_off.asked_s[1:])]
    assert pauses == [1, 2, 4]


def test_a_broker_that_says_no_time_is_asked_again_soon_and_then_less_often(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    put_off = PutOff(alice, Code.RATE, 0, times=3)
    alice.send("bob", "a patient word")
    net.advance(12)
    assert bob.texts() == ["a patient word"]
    pauses = [round(later - first) for first, later in zip(put_off.asked_s, put_off.asked_s[1:])]
    assert pauses == [1, 2, 4], "a crowd that waits for keys does not keep the broker busy refusing"


def test_a_name_that_is_put_off_waits_once_however_often_somebody_wants_it(net):
    alice = net.peer("alice")
    net.run()
    put_off = PutOff(alice, Code.RATE, 0, times=10_000, of=lambda response: response)
    for _ in range(20):
        alice.turn([], lambda engine, _now: engine.find("bob"))
        net.run()
    assert len(put_off.asked_s) == 20
    net.advance(3600)
    assert len(put_off.asked_s) < 20 + 80, "once a minute, not twenty times"
