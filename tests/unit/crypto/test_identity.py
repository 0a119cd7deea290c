import dataclasses
import os

import pytest

from sealwire.crypto import identity as module
from sealwire.crypto.identity import (
    AccountKey,
    DeviceKeys,
    Identity,
    login_transcript,
    realm_of,
    verify_login,
)
from sealwire.crypto.rsa import RsaPrivate
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError
from sealwire.ids import DeviceId
from tests.vectors.people import REALM, person

LOGIN = {
    "realm": REALM,
    "broker_curve": b"B" * 32,
    "own_curve": b"O" * 32,
    "client_nonce": b"c" * 32,
    "server_nonce": b"s" * 32,
    "token": b"t" * 8,
    "hello": b"hello",
    "challenge": b"challenge",
}


def test_create_makes_keys_that_belong_together_and_tells_its_steps(monkeypatch):
    ready = iter([person("alice").account.private, person("alice").device.enc])
    monkeypatch.setattr(RsaPrivate, "generate", classmethod(lambda _cls, _rng: next(ready)))
    steps = []
    made = Identity.create(REALM, "carol", DeviceId(b"d" * 16), 5, os.urandom, steps.append)
    assert steps == ["account-key", "device-key", "card"]
    made.card.verify()
    made.devices.verify()
    assert made.devices.devices.lists(made.card.card)
    assert Identity.decode(made.encode()).card == made.card


def test_identity_survives_the_vault():
    alice = person("alice")
    again = Identity.decode(alice.encode())
    assert again.encode() == alice.encode()
    assert (again.device.ik, again.device.sk) == (alice.device.ik, alice.device.sk)


def test_identity_of_mixed_parts_does_not_load():
    alice, bob = person("alice"), person("bob")
    for mixed in (dataclasses.replace(alice, card=bob.card), dataclasses.replace(alice, device=bob.device)):
        with pytest.raises(RemoteProtocolError):
            Identity.decode(mixed.encode())
    for encoded in (b"", alice.encode()[:-1], alice.encode() + b"\x00"):
        with pytest.raises(RemoteProtocolError):
            Identity.decode(encoded)


def test_keys_survive_the_vault_one_by_one():
    alice = person("alice")
    assert AccountKey.decode(alice.account.encode()).n_sign == alice.account.n_sign
    assert DeviceKeys.decode(alice.device.encode()).encode() == alice.device.encode()


def test_account_key_signs_for_its_own_account_only():
    alice, bob = person("alice"), person("bob")
    with pytest.raises(LocalProtocolError):
        alice.account.sign_card(bob.card.card, os.urandom)
    with pytest.raises(LocalProtocolError):
        alice.account.sign_devices(bob.devices.devices, os.urandom)


def test_secrets_print_as_fingerprints():
    alice = person("alice")
    for secret in (alice, alice.account, alice.device):
        text = repr(secret)
        assert len(text) < 60
        for part in (alice.device.ik, alice.device.sk, alice.device.reject_key, alice.account.encode()):
            assert part.hex()[:16] not in text
            assert repr(part)[2:10] not in text


def test_realm_is_16_characters_of_the_broker_key():
    realm = realm_of(b"B" * 32)
    assert len(realm) == 16
    assert realm == realm.lower() != realm_of(b"C" * 32)
    with pytest.raises(LocalProtocolError):
        realm_of(b"B" * 31)


def test_login_verifies_for_its_device():
    alice = person("alice")
    transcript = login_transcript(**LOGIN)
    signature = alice.device.login_signature(transcript)
    verify_login(alice.card.card, transcript, signature)
    with pytest.raises(RefusedError):
        verify_login(person("bob").card.card, transcript, signature)
    with pytest.raises(RefusedError):
        verify_login(alice.card.card, transcript, signature[:-1])


@pytest.mark.parametrize("field", LOGIN)
def test_login_covers_every_field(field):
    alice = person("alice")
    signature = alice.device.login_signature(login_transcript(**LOGIN))
    other = "x" * 16 if field == "realm" else b"x" * len(LOGIN[field])
    with pytest.raises(RefusedError):
        verify_login(alice.card.card, login_transcript(**{**LOGIN, field: other}), signature)


@pytest.mark.parametrize("field", ["broker_curve", "own_curve", "token"])
def test_login_fields_have_one_length(field):
    with pytest.raises(LocalProtocolError):
        login_transcript(**{**LOGIN, field: b"x"})


def test_module_offers_cards_too():
    assert all(hasattr(module, name) for name in module.__all__)
