"""The roster: trust on first use, loud on change, and the directory believed only as far as it is signed."""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace

from sealwire.crypto.card import DeviceList
from sealwire.errors import IntegrityError
from sealwire.peer.events import Contact, Warning
from sealwire.peer.roster import Roster
from sealwire.peer.store import Store
from sealwire.testing import reissue
from sealwire.wire.control import LookupBody
from tests.vectors.people import NOW_MS, REALM, person


@pytest.fixture
def roster():
    store = Store(None, bytes(32))
    store._sql("BEGIN")
    return Roster(store, REALM, "alice")


def body_of(identity, **changes) -> LookupBody:
    fields = {
        "devices": identity.devices.devices.encode(),
        "signature": identity.devices.signature,
        "mailboxes": [identity.card.card.mailbox],
    }
    return LookupBody(**{**fields, **changes})


def newer(identity, version: int):
    listed = replace(identity.devices.devices, version=version)
    signed = identity.account.sign_devices(listed, os.urandom)
    return body_of(identity, devices=listed.encode(), signature=signed.signature)


def test_a_new_name_is_pinned_unverified(roster):
    (event,) = roster.take_list("bob", body_of(person("bob")), NOW_MS)
    assert isinstance(event, Contact)
    assert (event.name, event.state) == ("bob", "unverified")
    assert event.fingerprint == person("bob").account.fingerprint.hex()
    assert roster.mailboxes("bob") == [person("bob").card.card.mailbox]
    assert roster.lists(person("bob").card)


def test_another_key_for_a_known_name_blocks_it_until_a_person_decides(roster):
    roster.take_list("bob", body_of(person("bob")), NOW_MS)
    impostor = reissue(person("mallory"), REALM, "bob", os.urandom(16), NOW_MS)
    events = roster.take_list("bob", body_of(impostor), NOW_MS + 5)
    assert [type(e) for e in events] == [Contact, Warning]
    assert "The key of bob has changed." in events[1].message
    assert roster.blocked("bob")
    assert roster.find("bob").changed_ms == NOW_MS + 5
    assert not roster.lists(impostor.card), "nothing of the new key counts yet"
    roster.approve("bob", NOW_MS + 6)
    assert not roster.blocked("bob")
    assert roster.find("bob").trust == "unverified"
    assert roster.lists(impostor.card)
    assert not roster.lists(person("bob").card)


def test_the_old_key_answering_again_does_not_unblock(roster):
    roster.take_list("bob", body_of(person("bob")), NOW_MS)
    roster.take_list("bob", body_of(reissue(person("mallory"), REALM, "bob", os.urandom(16), NOW_MS)), NOW_MS)
    assert roster.take_list("bob", body_of(person("bob")), NOW_MS) == []
    assert roster.blocked("bob")


def test_an_older_list_than_seen_is_a_rollback(roster):
    bob = person("bob")
    roster.take_list("bob", newer(bob, 3), NOW_MS)
    with pytest.raises(IntegrityError):
        roster.take_list("bob", newer(bob, 2), NOW_MS)


@pytest.mark.parametrize("case", ["other account", "other realm", "bad signature", "no device", "mailboxes"])
def test_a_list_that_is_not_theirs_is_refused(roster, case):
    bob = person("bob")
    body = {
        "other account": lambda: body_of(person("mallory")),
        "other realm": lambda: body_of(reissue(bob, "zzzzzzzzzzzzzzzz", "bob", os.urandom(16), NOW_MS)),
        "bad signature": lambda: body_of(bob, signature=bytes(384)),
        "no device": lambda: _empty(bob),
        "mailboxes": lambda: body_of(bob, mailboxes=[bytes(16), bytes(16)]),
    }[case]()
    with pytest.raises(IntegrityError):
        roster.take_list("bob", body, NOW_MS)
    assert roster.find("bob") is None


def _empty(bob):
    old = bob.devices.devices
    listed = DeviceList(old.realm, old.account, old.n_sign, 2, ())
    signed = bob.account.sign_devices(listed, os.urandom)
    return LookupBody(devices=listed.encode(), signature=signed.signature, mailboxes=[])


def test_verification_survives_a_restart(roster):
    roster.take_list("bob", body_of(person("bob")), NOW_MS)
    roster.set_verified("bob", True)
    assert Roster(roster._records, REALM, "alice").find("bob").trust == "verified"
