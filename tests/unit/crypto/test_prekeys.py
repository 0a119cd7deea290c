import dataclasses
import os

import msgspec.structs
import pytest

from sealwire.crypto.prekeys import (
    Bundle,
    OneTimeSecret,
    PrekeySecret,
    PrekeysPublic,
    SignedPrekeys,
    sign_prekeys,
)
from sealwire.errors import RefusedError, RemoteProtocolError
from tests.vectors.people import person, prekeys_of


@pytest.fixture(scope="module")
def bundle():
    return prekeys_of(person("bob"))[0]


def test_prekeys_round_trip_in_1232_bytes(bundle):
    encoded = bundle.prekeys.prekeys.encode()
    assert len(encoded) == 1232
    assert PrekeysPublic.decode(encoded) == bundle.prekeys.prekeys
    assert SignedPrekeys.decode(bundle.prekeys.encode()) == bundle.prekeys


@pytest.mark.parametrize("encoded", [b"", bytes(1231), bytes(1233), bytes(1232)])
def test_prekeys_of_another_length_or_without_id_do_not_parse(encoded):
    with pytest.raises(RemoteProtocolError):
        PrekeysPublic.decode(encoded)


def test_secrets_survive_the_vault_and_do_not_print():
    secret, one_time = PrekeySecret.generate(os.urandom, 3, 4, 5), OneTimeSecret.generate(os.urandom, 6)
    assert PrekeySecret.decode(secret.encode()) == secret
    assert OneTimeSecret.decode(one_time.encode()) == one_time
    assert repr(secret) == "<PrekeySecret 3/4>"
    assert repr(one_time) == "<OneTimeSecret 6>"
    for kind in (PrekeySecret, OneTimeSecret):
        with pytest.raises(RemoteProtocolError):
            kind.decode(b"x")


@pytest.mark.parametrize("opk_id", [7, 0])
def test_bundle_round_trips_and_verifies(opk_id):
    bob = person("bob")
    bundle = prekeys_of(bob, opk_id)[0]
    again = Bundle.decode(bundle.encode())
    assert again == bundle
    again.verify(bob.card.card.mailbox)


def test_bundle_of_another_mailbox_is_refused(bundle):
    with pytest.raises(RefusedError):
        bundle.verify(person("alice").card.card.mailbox)


def test_prekeys_signed_by_another_device_are_refused(bundle):
    mallory = person("mallory")
    forged = sign_prekeys(mallory.device, bundle.card.card, bundle.prekeys.prekeys)
    with pytest.raises(RefusedError):
        msgspec.structs.replace(bundle, prekeys=forged).verify(bundle.card.card.mailbox)


def test_prekeys_signed_for_another_card_are_refused(bundle):
    bob = person("bob")
    other = dataclasses.replace(bob.card.card, created_ms=1)
    moved = sign_prekeys(bob.device, other, bundle.prekeys.prekeys)
    with pytest.raises(RefusedError):
        moved.verify(bob.card.card)


def test_one_time_id_and_key_must_agree(bundle):
    for opk_id, opk in ((0, b"x" * 32), (5, bytes(32))):
        with pytest.raises(RemoteProtocolError):
            Bundle.decode(msgspec.structs.replace(bundle, opk_id=opk_id, opk=opk).encode())


def test_bundle_of_another_length_or_version_does_not_parse(bundle):
    encoded = bundle.encode()
    for other in (b"", encoded[:-1], encoded + b"\x00", b"\x02" + encoded[1:]):
        with pytest.raises(RemoteProtocolError):
            Bundle.decode(other)
