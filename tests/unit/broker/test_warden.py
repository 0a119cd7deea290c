"""Connections that bring bytes without end are found, and nobody else is (protocol.md §2)."""

from __future__ import annotations

import pytest

from sealwire.broker import warden
from sealwire.broker.warden import (
    ALARM_LOOKS,
    AT_ONCE,
    BUSY_LOOK_S,
    GROWN_PAGES,
    HURRIED,
    LATE_AT_ONCE,
    LOOK_S,
    SHARE,
    UNHEARD_BYTES,
    Inflow,
    Warden,
    resident_pages,
)


class World:
    """What the system would say: bytes and words of each connection, and memory."""

    def __init__(self) -> None:
        self.now = 0.0
        self.bytes: dict[int, int] = {}
        self.heard: dict[int, float] = {}
        self.pages = 1_000
        self.looks = 0
        self.cost_s = 12e-6
        self.inflow = Inflow(self.received, lambda: self.pages, lambda: self.looks * self.cost_s)

    def received(self, fd: int) -> int | None:
        self.looks += 1
        return self.bytes.get(fd)

    def look(self, seconds: float = LOOK_S) -> list[int]:
        self.now += seconds
        if not self.inflow.is_due(self.now):
            return []
        return self.inflow.overfull(list(self.bytes), lambda fd: self.heard.get(fd, 0.0), self.now)


@pytest.fixture
def world() -> World:
    return World()


def test_a_connection_that_never_says_anything_is_found(world: World) -> None:
    world.bytes[5] = UNHEARD_BYTES
    assert world.look() == []
    world.bytes[5] += 1
    assert world.look() == [5]


def test_whoever_ends_its_messages_may_bring_as_much_as_it_likes(world: World) -> None:
    for turn in range(50):
        world.bytes[5] = turn * 10 * UNHEARD_BYTES
        world.heard[5] = float(turn)
        assert world.look() == []


def test_a_link_that_goes_silent_in_the_middle_of_a_message_is_found_however_slowly_it_comes(world: World) -> None:
    world.bytes[5], world.heard[5] = 100 * UNHEARD_BYTES, 7.0
    assert world.look() == []
    steps = 0
    while not world.look(60.0) and steps < 100:
        world.bytes[5] += UNHEARD_BYTES // 20
        steps += 1
    assert steps == 21


def test_a_descriptor_used_again_starts_anew(world: World) -> None:
    world.bytes[5], world.heard[5] = 0, 7.0
    world.look()
    world.inflow.forget(5)
    world.bytes[5], world.heard[5] = UNHEARD_BYTES // 2, 0.0
    assert world.look() == []
    world.bytes[5] = UNHEARD_BYTES + 1
    assert world.look() == [5]


def test_memory_that_grows_makes_it_look_at_once_and_calm_makes_it_rare(world: World) -> None:
    world.bytes = dict.fromkeys(range(10_000), 0)
    for _ in range(100):
        world.look()
        assert world.looks <= AT_ONCE * (world.now / (AT_ONCE * world.cost_s / SHARE) + 1)
    before = world.looks
    assert before > AT_ONCE
    world.pages += GROWN_PAGES + 1
    after = world.now
    for _ in range(5_000):
        at = world.looks
        world.look(BUSY_LOOK_S)
        assert world.looks - at <= HURRIED
        if world.looks - before <= ALARM_LOOKS * 10_000 and world.inflow.is_hurried:
            after = world.now
    assert ALARM_LOOKS * 10_000 <= world.looks - before <= ALARM_LOOKS * 10_000 + AT_ONCE * 100
    assert after < 110 * LOOK_S


@pytest.mark.parametrize("cost_s", [1e-6, 100e-6])
def test_in_calm_times_looking_takes_its_share_of_a_core_and_comes_to_everybody(world: World, cost_s: float) -> None:
    world.cost_s = cost_s
    world.bytes = dict.fromkeys(range(1_000), 0)
    seen: set[int] = set()
    world.inflow._received = lambda fd: seen.add(fd) or world.received(fd)
    while len(seen) < 1_000:
        before = world.looks
        world.look()
        assert world.looks - before <= AT_ONCE
    assert world.looks * cost_s <= SHARE * world.now + AT_ONCE * cost_s
    assert world.looks < 2_000


def test_it_is_never_looked_at_more_often_than_needed(world: World) -> None:
    world.bytes[5] = 0
    world.pages += GROWN_PAGES + 1
    for _ in range(10):
        world.look(LOOK_S / 10)
    assert world.looks <= 2


def test_what_the_system_does_not_say_accuses_nobody(world: World) -> None:
    world.inflow = Inflow(lambda _fd: None, lambda: 0)
    world.bytes[5] = 10 * UNHEARD_BYTES
    assert world.look() == []


def test_memory_is_counted() -> None:
    assert resident_pages() > 1_000


# --- many at once --------------------------------------------------------------------------------------------


class Crowd:
    """A monitor that tells of connections, as libzmq's does."""

    def __init__(self) -> None:
        self.events: list[tuple[bool, int]] = []

    def take(self, most: int) -> list[tuple[bool, int]]:
        taken, self.events = self.events[:most], self.events[most:]
        return taken


def test_a_part_takes_a_millisecond_at_most() -> None:
    """By what one costs on a slow machine: an event 8 µs, an end 30 µs, a look at a connection 4 µs."""
    assert AT_ONCE * 8 + LATE_AT_ONCE * 30 <= 1_000
    assert HURRIED * 4 <= 1_100


def test_a_crowd_is_seen_to_in_parts_and_all_of_it_is_gone_within_ten_seconds(rig, monkeypatch) -> None:
    """Whoever talks waits for one part: two thousand at once would be a tenth of a second."""
    shut: list[int] = []
    monkeypatch.setattr(warden, "shut_down", lambda fd, _peer: shut.append(fd))
    monkeypatch.setattr(warden, "peer_of", lambda fd: ("192.0.2.1", fd))
    crowd = Crowd()
    one = Warden(crowd, rig.router)
    monkeypatch.setattr(one._inflow, "is_due", lambda _now: False)
    crowd.events = [(True, fd) for fd in range(2_000)]
    until = rig.now + 9.9
    while rig.now < until:
        rig.now += one.wait_s
        rig.router.begin(rig.now, rig.wall_ms)
        were_shut, were_new = len(shut), len(crowd.events)
        one.look()
        assert were_new - len(crowd.events) <= AT_ONCE
        assert len(shut) - were_shut <= LATE_AT_ONCE
        assert one.wait_s == (BUSY_LOOK_S if one._late or were_new >= AT_ONCE else LOOK_S)
    assert sorted(shut) == list(range(2_000))
    assert one.counts()["shut_silent"] == 2_000


def test_nobody_is_blamed_for_bytes_that_the_broker_has_not_read(rig, monkeypatch) -> None:
    monkeypatch.setattr(warden, "peer_of", lambda fd: ("192.0.2.1", fd))
    monkeypatch.setattr(warden, "shut_down", lambda _fd, _peer: True)
    crowd = Crowd()
    one = Warden(crowd, rig.router)
    monkeypatch.setattr(one._inflow, "_received", lambda _fd: 2 * UNHEARD_BYTES)
    crowd.events = [(True, 5)]
    one.look(is_all_read=False)
    assert one.overfull == 0
    one.look()
    assert one.overfull == 1
