"""A broker that asks for seven weeks of patience gets a quarter of an hour: its word must not outlast it."""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace

from sealwire.peer.login import Credentials
from sealwire.peer.mover import Mover
from sealwire.peer.records import Now
from sealwire.peer.waits import MAX_WAIT_S, heeded_s
from sealwire.wire.control import Response, decode_welcome, encode_welcome
from sealwire.wire.frames import Code, Reset, Verb, encode_reject, encode_reset
from tests.fault.hostile import answers, bundle_of, lookup_of
from tests.unit.peer.test_outbox import BOB, NOW, Desk
from tests.vectors.people import person

WEEKS_MS = 0xFFFF_FFFF


def test_a_usual_wait_is_kept_to_the_letter():
    assert heeded_s(600_000) == 600.0
    assert heeded_s(WEEKS_MS) == MAX_WAIT_S


def test_a_return_after_a_loss(net):
    def spread(_peer, frame):
        long = frame[0] == Verb.WELCOME
        return [encode_welcome(replace(decode_welcome(frame), spread_ms=WEEKS_MS)) if long else frame]

    alice = net.peer("alice")
    alice.hostile = spread
    net.run()
    assert alice.engine.spread_s == MAX_WAIT_S


@pytest.mark.parametrize(
    "frame", [encode_reset(Reset.SHUTDOWN, WEEKS_MS), encode_reject(0, Code.BUSY, WEEKS_MS)], ids=["RESET", "REJECT"]
)
def test_a_return_after_an_end(net, frame):
    alice = net.peer("alice")
    alice.engine.connect(net.now)
    challenge = []
    alice.hostile = lambda _peer, frame: challenge.append(frame) or []
    net.run()
    alice.engine.receive(challenge[0], net.now)
    alice.engine.receive(frame, net.now)
    assert alice.engine.take().jitter_s == MAX_WAIT_S


def test_a_message_that_was_refused():
    desk = Desk()
    desk.add(BOB, "one")
    desk.pump()
    desk.outbox.reject(1, Code.QUOTA, WEEKS_MS)
    desk.settle(1, NOW)
    assert desk.outbox.deadline() == NOW.mono_s + MAX_WAIT_S


@pytest.mark.parametrize("of", [lookup_of, bundle_of])
def test_a_question_to_the_directory(net, of):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    asked = []

    def later(response):
        asked.append(of(response) is not None)
        wait = asked[-1] and sum(asked) == 1
        return Response(id=response.id, code=Code.RATE, retry_after_ms=WEEKS_MS) if wait else None

    alice.hostile = answers(later)
    alice.send("bob", "in a quarter of an hour")
    net.advance(MAX_WAIT_S + 5)
    assert bob.texts() == ["in a quarter of an hour"]


@pytest.mark.parametrize("frame", [encode_reset(Reset.SHUTDOWN, WEEKS_MS), encode_reject(0, Code.BUSY, WEEKS_MS)])
def test_the_connection_for_files(frame):
    mover = Mover(person("alice"), Credentials(bytes(32), bytes(32), None), os.urandom)
    mover.connect(Now(NOW.ms, 0.0).mono_s)
    mover._link.state = type(mover._link.state).PROVING
    mover.receive(frame, 0.0)
    assert mover.not_before_s == MAX_WAIT_S
