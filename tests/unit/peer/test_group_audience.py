from __future__ import annotations

import os

import pytest

from sealwire.ids import DeviceId
from sealwire.peer.groups.audience import AUDIENCE_S, Audiences
from sealwire.peer.records import Now
from sealwire.testing.network import reissue
from tests.fault.circle import Circle
from tests.fault.hostile import listing
from tests.vectors.people import person


@pytest.fixture
def circle(net):
    return Circle(net)


@pytest.fixture
def audiences(circle):
    engine = circle.alice.engine
    return Audiences("alice", engine._roster, engine._directory, engine.groups._tidings)


def test_everybody_else_in_the_log_hears_and_that_is_found_out_once(net, circle, audiences):
    group = circle.of(circle.alice)
    found = audiences.of(group, net.now)
    assert found == {circle.bob.mailbox(): "bob", circle.carol.mailbox(): "carol"}
    assert audiences.of(group, net.now) is found
    later = Now(net.now.ms, net.now.mono_s + AUDIENCE_S + 1)
    assert audiences.of(group, later) == found
    assert audiences.of(group, later) is not found


def test_whoever_is_removed_is_gone_at_once(net, circle, audiences):
    audiences.of(circle.of(circle.alice), net.now)
    circle.remove(circle.alice, "bob")
    assert audiences.of(circle.of(circle.alice), net.now) == {circle.carol.mailbox(): "carol"}


def test_whose_account_key_has_changed_hears_nothing_from_then_on(net, circle, audiences):
    alice, group = circle.alice, circle.of(circle.alice)
    audiences.of(group, net.now)
    other = reissue(person("mallory"), net.realm, "bob", DeviceId(os.urandom(16)), net.now.ms)
    alice.turn([], lambda engine, now: engine._roster.take_list("bob", listing(other), now.ms))
    assert audiences.of(group, net.now) == {circle.carol.mailbox(): "carol"}


def test_a_device_that_its_account_no_longer_lists_hears_nothing(net, circle, audiences):
    alice, group = circle.alice, circle.of(circle.alice)
    audiences.of(group, net.now)
    other = reissue(circle.bob.identity, net.realm, "bob", DeviceId(os.urandom(16)), net.now.ms)
    alice.turn([], lambda engine, now: engine._roster.take_list("bob", listing(other), now.ms))
    assert audiences.of(group, net.now) == {circle.carol.mailbox(): "carol"}
