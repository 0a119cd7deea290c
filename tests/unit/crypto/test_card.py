import base64
import dataclasses

import msgspec.structs
import pytest

from sealwire.crypto.card import (
    Card,
    DeviceList,
    SignedCard,
    SignedDeviceList,
    card_to_text,
)
from sealwire.crypto.primitives import H
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError
from sealwire.ids import DeviceId
from tests.vectors.people import REALM, person


@pytest.fixture(scope="module")
def alice():
    return person("alice")


def test_card_round_trips_and_names_its_own_mailbox(alice):
    card = alice.card.card
    again = Card.decode(card.encode())
    assert again == card
    assert card.mailbox == H("mailbox", card.encode())[:16]
    assert card.hash == H("card", card.encode())
    assert card.fingerprint == H("account", card.n_sign) == alice.account.fingerprint


def test_signed_card_round_trips_and_verifies(alice):
    again = SignedCard.decode(alice.card.encode())
    again.verify()
    assert again == alice.card


@pytest.mark.parametrize("field", ["realm", "account", "device", "n_enc", "ik", "sk", "created_ms"])
def test_signature_covers_every_field(alice, field):
    others = person("mallory").card.card
    value = {"realm": "other", "created_ms": 5}.get(field, getattr(others, field))
    forged = dataclasses.replace(alice.card.card, **{field: value})
    with pytest.raises(RefusedError):
        SignedCard(forged, alice.card.signature).verify()


def test_card_with_one_key_for_both_jobs_does_not_parse(alice):
    card = alice.card.card
    with pytest.raises(RemoteProtocolError):
        Card.decode(dataclasses.replace(card, n_enc=card.n_sign).encode())


@pytest.mark.parametrize(
    "name", [b"", b"\xff", "e\u0301".encode(), b"x" * 65], ids=["empty", "not UTF-8", "not NFC", "too long"]
)
def test_names_that_do_not_parse(alice, name):
    encoded = alice.card.card.encode()
    old = b"\x00\x05alice"
    new = len(name).to_bytes(2, "big") + name
    with pytest.raises(RemoteProtocolError):
        Card.decode(encoded.replace(old, new, 1))


def test_card_of_another_length_version_or_suite_does_not_parse(alice):
    encoded = alice.card.card.encode()
    for other in (b"", encoded[:-1], encoded + b"\x00", b"\x02" + encoded[1:], encoded[:2] + b"\x02" + encoded[3:]):
        with pytest.raises(RemoteProtocolError):
            Card.decode(other)


def test_largest_card_fits_the_handshake():
    from sealwire.crypto.card import MAX_CARD_BYTES
    from sealwire.wire.header import SEALED_PLAIN_BYTES

    assert MAX_CARD_BYTES + 384 + 8 < SEALED_PLAIN_BYTES


def test_text_form_is_the_signed_card_between_two_lines(alice):
    first, *lines, last = card_to_text(alice.card).splitlines()
    assert (first, last) == ("-----BEGIN SEALWIRE CARD-----", "-----END SEALWIRE CARD-----")
    assert max(len(line) for line in lines) == 64
    assert SignedCard.decode(base64.b64decode("".join(lines), validate=True)) == alice.card


# --- device lists --------------------------------------------------------------------------------------------


def test_device_list_round_trips_verifies_and_lists_its_card(alice):
    again = SignedDeviceList.decode(alice.devices.encode())
    again.verify()
    assert again.devices.lists(alice.card.card)
    assert not again.devices.lists(person("bob").card.card)
    assert not again.devices.lists(dataclasses.replace(alice.card.card, ik=bytes(32)))


def test_device_list_with_another_version_is_not_signed(alice):
    later = msgspec.structs.replace(alice.devices.devices, version=2)
    with pytest.raises(RefusedError):
        SignedDeviceList(later, alice.devices.signature).verify()


def _list(alice, ids: list[int], version: int = 1) -> DeviceList:
    devices = tuple((DeviceId(bytes([number]) * 16), bytes(32)) for number in ids)
    return DeviceList(REALM, "alice", alice.account.n_sign, version, devices)


@pytest.mark.parametrize(("ids", "version"), [([2, 1], 1), ([1, 1], 1), ([1], 0)])
def test_device_lists_have_one_encoding(alice, ids, version):
    with pytest.raises(RemoteProtocolError):
        DeviceList.decode(_list(alice, ids, version).encode())


def test_device_lists_are_bounded(alice):
    assert DeviceList.decode(_list(alice, list(range(8))).encode())
    with pytest.raises(LocalProtocolError):
        _list(alice, list(range(9))).encode()
    eight = _list(alice, list(range(8))).encode()
    nine = eight[:-385] + b"\x09" + eight[-384:] + b"\x09" * 48
    with pytest.raises(RemoteProtocolError):
        DeviceList.decode(nine)
