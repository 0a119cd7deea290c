"""Prekeys: uploaded when missing, old, or few; destroyed only when nobody can need them."""

from __future__ import annotations

import os

import pytest

from sealwire.crypto.prekeys import SignedPrekeys
from sealwire.crypto.vault import Vault
from sealwire.peer.store import Store
from sealwire.peer.upkeep import KEEP_MS, ONCE, ROTATE_AFTER_MS, SIGNED, TOP_UP_BELOW, Upkeep
from sealwire.wire.control import Limits, Welcome
from tests.vectors.people import NOW_MS, person

LIMITS = Limits(**dict.fromkeys(Limits.__struct_fields__, 1))


def welcome(prekeys_id: int = 0, left: int = 0, incarnation: bytes = b"i" * 16) -> Welcome:
    return Welcome(
        limits=LIMITS, spread_ms=1, incarnation=incarnation, expired=0, time_ms=NOW_MS, prekeys_id=prekeys_id,
        one_time_left=left,
    )  # fmt: skip


@pytest.fixture
def upkeep():
    store = Store(None, bytes(32))
    store._sql("BEGIN")
    return Upkeep(store, Vault(bytes(32)), person("alice"), os.urandom)


def test_a_first_start_uploads_signed_prekeys_and_a_hundred_one_time_keys(upkeep):
    upload = upkeep.due(welcome(), NOW_MS, 1)
    assert len(upload.one_time) == 100
    SignedPrekeys.decode(upload.prekeys + upload.signature).verify(person("alice").card.card)


def test_nothing_is_due_while_the_broker_has_enough(upkeep):
    upkeep.due(welcome(), NOW_MS, 1)
    upkeep.published(welcome())
    assert upkeep.due(welcome(1, TOP_UP_BELOW), NOW_MS, 2) is None


def test_few_one_time_keys_are_topped_up_with_new_ids(upkeep):
    first = upkeep.due(welcome(), NOW_MS, 1)
    upkeep.published(welcome())
    more = upkeep.due(welcome(1, TOP_UP_BELOW - 1), NOW_MS, 2)
    assert len(more.one_time) == 100 - (TOP_UP_BELOW - 1)
    assert min(key.id for key in more.one_time) > max(key.id for key in first.one_time)
    assert more.prekeys == first.prekeys


def test_signed_prekeys_rotate_weekly(upkeep):
    first = upkeep.due(welcome(), NOW_MS, 1)
    upkeep.published(welcome())
    second = upkeep.due(welcome(1, 100), NOW_MS + ROTATE_AFTER_MS, 2)
    assert second.prekeys != first.prekeys


def test_a_restored_broker_gets_everything_again(upkeep):
    upkeep.due(welcome(), NOW_MS, 1)
    upkeep.published(welcome())
    assert len(upkeep.due(welcome(1, 100, b"j" * 16), NOW_MS, 2).one_time) == 100


def test_an_open_link_refills_when_handshakes_used_keys_up(upkeep):
    upkeep.due(welcome(), NOW_MS, 1)
    assert upkeep.refill(NOW_MS, 2) is None
    for opk_id, _ in upkeep._records.prekeys(ONCE)[: 100 - TOP_UP_BELOW + 1]:
        upkeep.used(opk_id)
    assert len(upkeep.refill(NOW_MS, 3).one_time) == 100 - TOP_UP_BELOW + 1


def test_old_secrets_live_37_days_after_a_newer_upload(upkeep):
    upkeep.due(welcome(), NOW_MS, 1)
    newer_ms = NOW_MS + ROTATE_AFTER_MS
    upkeep.due(welcome(1, 100), newer_ms, 2)
    upkeep.prune(newer_ms + KEEP_MS)
    assert upkeep.signed(1, 1) is not None
    upkeep.prune(newer_ms + KEEP_MS + 1)
    assert upkeep.signed(1, 1) is None
    assert upkeep.signed(2, 2) is not None


def test_a_broker_that_always_has_none_left_does_not_fill_the_disk(upkeep, monkeypatch):
    monkeypatch.setattr("sealwire.peer.upkeep.MAX_ONE_TIME_KEPT", 250)
    made = [len(upkeep.due(welcome(1), NOW_MS, n).one_time) for n in range(5)]
    assert made == [100, 100, 50, 0, 0]
    upkeep.used(1)
    assert len(upkeep.due(welcome(1), NOW_MS, 6).one_time) == 1


def test_secrets_are_sealed_one_by_one(upkeep):
    upkeep.due(welcome(), NOW_MS, 1)
    secret = upkeep.once(1)
    for kind in (SIGNED, ONCE):
        for number, _ in upkeep._records.prekeys(kind):
            assert secret.private not in upkeep._records.prekey(kind, number)
    upkeep.used(1)
    assert upkeep.once(1) is None
    assert upkeep.signed(1, 99) is None
