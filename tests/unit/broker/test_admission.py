"""Handshake pacing (protocol.md §2)."""

from __future__ import annotations

import pytest

from sealwire.broker import admission
from sealwire.broker.admission import Admission, Bucket, Ruling, address_group
from sealwire.broker.port import BrokerSettings

KEY, STRANGER = b"k" * 32, b"s" * 32
HOME, FAR = "127.0.0.1", "192.0.2.7"


def door(**settings: object) -> Admission:
    return Admission(BrokerSettings(**{"known_handshakes_burst": 2.0, "unknown_handshakes_burst": 2.0, **settings}))


def rulings(admission: Admission, key: bytes, address: str, now: float, count: int) -> list[Ruling]:
    return [admission.admit(key, address, now) for _ in range(count)]


def test_a_known_key_has_a_bucket_of_its_own():
    gate = door()
    gate.learn(KEY)
    assert rulings(gate, KEY, FAR, 0.0, 3) == [Ruling.ADMIT, Ruling.ADMIT, Ruling.LATER]
    assert gate.admit(KEY, FAR, 0.6) is Ruling.ADMIT  # 120 a minute


def test_strangers_share_the_bucket_of_their_address():
    gate = door()
    assert gate.admit(b"1" * 32, FAR, 0.0) is Ruling.ADMIT
    assert gate.admit(b"2" * 32, FAR, 0.0) is Ruling.ADMIT
    assert gate.admit(b"3" * 32, FAR, 0.0) is Ruling.LATER
    assert gate.admit(b"3" * 32, "192.0.2.8", 0.0) is Ruling.ADMIT
    assert gate.admit(b"3" * 32, FAR, 6.1) is Ruling.ADMIT  # 10 a minute


def test_a_trusted_network_in_ipv6_clothes_is_the_ipv4_one():
    gate = door(trusted_networks=("::ffff:192.0.2.0/120",))
    assert set(rulings(gate, STRANGER, FAR, 0.0, 50)) == {Ruling.ADMIT}
    assert set(rulings(gate, STRANGER, f"::ffff:{FAR}", 0.0, 50)) == {Ruling.ADMIT}
    assert Ruling.LATER in rulings(gate, STRANGER, "192.0.3.7", 0.0, 3)


def test_trusted_networks_have_no_bucket():
    assert set(rulings(door(), STRANGER, HOME, 0.0, 50)) == {Ruling.ADMIT}
    assert set(rulings(door(), STRANGER, "::ffff:127.0.0.1", 0.0, 50)) == {Ruling.ADMIT}
    assert Ruling.LATER in rulings(door(trusted_networks=()), STRANGER, HOME, 0.0, 3)


def test_closed_registration_lets_only_known_keys_in():
    gate = door(registration="closed")
    gate.learn(KEY)
    assert gate.admit(KEY, FAR, 0.0) is Ruling.ADMIT
    assert gate.admit(STRANGER, HOME, 0.0) is Ruling.REFUSE
    gate.forget(KEY)
    assert gate.admit(KEY, FAR, 0.0) is Ruling.REFUSE


def test_a_ban_ends():
    gate = door()
    gate.ban(STRANGER, 10.0)
    assert gate.admit(STRANGER, HOME, 9.0) is Ruling.REFUSE
    assert gate.admit(STRANGER, HOME, 11.0) is Ruling.ADMIT


def test_misbehaviour_is_charged():
    gate = door()
    gate.charge(STRANGER, FAR, 0.0)
    assert rulings(gate, STRANGER, FAR, 0.0, 2) == [Ruling.ADMIT, Ruling.LATER]
    gate.learn(KEY)
    gate.charge(KEY, FAR, 0.0)
    assert rulings(gate, KEY, FAR, 0.0, 2) == [Ruling.ADMIT, Ruling.LATER]


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1%eth0", "2001:db8:1:2::/64"),
    ],
)
def test_what_shares_a_bucket(address, group):
    assert address_group(address) == group


def test_tables_stay_bounded(monkeypatch):
    monkeypatch.setattr(admission, "MAX_BUCKETS", 3)
    monkeypatch.setattr(admission, "MAX_BANS", 3)
    gate = door()
    for n in range(10):
        gate.admit(STRANGER, f"192.0.2.{n}", 0.0)
        gate.ban(bytes([n]) * 32, 10.0)
    assert len(gate._addresses) == 3
    assert len(gate._bans) == 3


def test_a_bucket_says_how_long_to_wait():
    bucket = Bucket(1.0, 0.0)
    assert bucket.take(1, 0.5, 1.0, 0.0)
    assert not bucket.take(1, 0.5, 1.0, 1.0)
    assert bucket.wait_ms(1, 0.5) == 1000
    assert not bucket.take(1, 0.5, 1.0, 0.5)  # a clock that steps back earns nothing
