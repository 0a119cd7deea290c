"""Tests of broker.links: over how long devices are asked to spread their return (protocol.md §3.2)."""

from __future__ import annotations

import pytest

from sealwire.broker.links import SETTLED_S, Expected, spread_ms
from sealwire.wire import control
from sealwire.wire.frames import Verb


@pytest.mark.parametrize(
    ("links", "spread_s"), [(0, 1), (1, 1), (80, 1), (160, 2), (2_000, 25), (2_320, 26), (10_000, 50)]
)
def test_the_more_there_are_the_longer_a_return_may_take(links, spread_s):
    assert spread_ms(links) == spread_s * 1000


def test_a_network_of_2000_is_back_within_30_s_and_one_of_10000_within_60():
    assert spread_ms(2_000) < 30_000
    assert spread_ms(10_000) < 60_000


def test_in_its_first_hour_a_broker_expects_every_device_it_knows_then_as_many_as_were_here_at_a_time():
    devices, links = list(range(50)), list(range(3))
    expected = Expected(devices, links, 1000.0)
    assert expected.count(1000.0 + SETTLED_S) == 50
    del links[1:]
    assert expected.count(1001.0 + SETTLED_S) == 3
    links += range(9)
    assert expected.count(1002.0 + SETTLED_S) == 10


def test_the_first_that_comes_back_after_a_restart_is_told_of_all_who_may(rig):
    for number in range(200):
        rig.login(f"peer-{number}")
    rig.crash()
    first = rig.connect("peer-0")
    first.greet()
    first.prove()
    assert control.decode_welcome(first.take(Verb.WELCOME)).spread_ms == 2_500
