"""Attacks that broke other systems, against keys and the handshake.

The numbers are those of docs/security.md.
"""

import dataclasses
import itertools
import os
import random

import Crypto
import msgspec.structs
import pytest

from sealwire.crypto import handshake, primitives, rsa
from sealwire.crypto.card import Card, DeviceList, SignedCard, SignedDeviceList
from sealwire.crypto.handshake import open_session
from sealwire.crypto.prekeys import Bundle, PrekeysPublic, SignedPrekeys, sign_prekeys
from sealwire.crypto.ratchet import Ratchet
from sealwire.crypto.safety import safety_number
from sealwire.crypto.session import Session
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.wire.header import HandshakeHeader, decode_envelope
from tests.fault.source import imports
from tests.vectors.people import NOW_MS, accept_with, person, prekeys_of


@pytest.fixture(scope="module")
def mallory():
    return person("mallory")


def refused(session: Session, message: bytes) -> None:
    before = session.encode()
    with pytest.raises(RefusedError):
        session.decrypt(message, os.urandom)
    assert session.encode() == before


# --- identities and key exchange -----------------------------------------------------------------------------


def test_attack_01_swapped_keys_never_pass_for_the_pinned_ones(alice, bob, mallory):
    bundle = prekeys_of(bob)[0]
    swapped = dataclasses.replace(bob.card.card, n_enc=mallory.device.enc.modulus)
    for card in (SignedCard(swapped, bob.card.signature), mallory.account.sign_card(_of(mallory, swapped), os.urandom)):
        with pytest.raises(RefusedError):
            msgspec.structs.replace(bundle, card=card).verify(bob.card.card.mailbox)
    posing = mallory.account.sign_card(_of(mallory, bob.card.card), os.urandom).card
    assert posing.fingerprint != bob.card.card.fingerprint
    ours = safety_number(alice.card.card, bob.card.card)
    assert ours.digits != safety_number(alice.card.card, posing).digits


def test_attack_01_an_opener_whose_account_did_not_sign_its_card_is_refused(alice, bob, mallory):
    bundle, secret, one_time = prekeys_of(bob)
    unsigned = SignedCard(_of(alice, mallory.card.card), mallory.card.signature)
    posing = dataclasses.replace(mallory, card=unsigned)
    with pytest.raises(RefusedError) as caught:
        accept_with(bob, open_session(posing, bundle, NOW_MS, os.urandom).hs, secret, one_time)
    assert caught.value.reason == "unsigned"


def _of(owner, card: Card) -> Card:
    return dataclasses.replace(card, n_sign=owner.account.n_sign)


def test_attack_02_unknown_key_share(alice, bob, mallory):
    """Mallory shows alice's public card as the opener's: nothing she sends opens."""
    bundle, secret, one_time = prekeys_of(bob)
    posing = dataclasses.replace(mallory, card=alice.card)
    session = open_session(posing, bundle, NOW_MS, os.urandom)
    session, envelope = session.encrypt(b"it is me, alice", os.urandom)
    accepted = accept_with(bob, session.hs, secret, one_time)
    assert accepted.session.T == session.T
    refused(accepted.session, decode_envelope(envelope).message)


def test_attack_02_alices_keys_under_mallorys_name(alice, mallory):
    stolen = dataclasses.replace(alice.card.card, account="mallory")
    with pytest.raises(RefusedError):
        SignedCard(stolen, alice.card.signature).verify()
    claimed = mallory.account.sign_card(_of(mallory, stolen), os.urandom)
    assert claimed.card.mailbox != alice.card.card.mailbox
    assert claimed.card.hash != alice.card.card.hash


def test_attack_02_the_transcript_names_the_opener(alice, mallory):
    """The same secrets under another name or account key give another session."""
    secrets = handshake._Secrets(b"t" * 32, b"r" * 32, b"p" * 32)
    renamed = dataclasses.replace(alice.card.card, account="mallory")
    cards = (alice.card.card, renamed, _of(mallory, alice.card.card))
    keys = [handshake._Keys.derive(secrets, card, b"hs", [b"d" * 32]) for card in cards]
    assert len({one.T for one in keys}) == len({one.secret for one in keys}) == 3


def test_attack_03_surreptitious_forwarding(alice, bob, mallory):
    """Bob passes alice's handshake and message on to mallory: it is bound to bob."""
    bundle, _, _ = prekeys_of(bob)
    _, secret, one_time = prekeys_of(mallory)
    session = open_session(alice, bundle, NOW_MS, os.urandom)
    with pytest.raises(RefusedError):
        accept_with(mallory, session.hs, secret, one_time)
    relabelled = msgspec.structs.replace(HandshakeHeader.decode(session.hs), mailbox=mallory.card.card.mailbox)
    with pytest.raises(RefusedError):
        accept_with(mallory, relabelled.encode(), secret, one_time)


def test_attack_04_reencapsulation_of_one_secret(alice, bob, mallory, monkeypatch):
    """The same k to two keys, or in two transcripts, gives different keys every time."""
    k, t0 = b"k" * 32, b"t" * 32
    ciphertexts = [rsa.encrypt(to.device.enc.modulus, k, t0, os.urandom) for to in (bob, bob, mallory)]
    keys = {handshake._k_rsa(k, label, c) for label in (t0, b"u" * 32) for c in ciphertexts}
    assert len(keys) == 6
    assert handshake._k_rsa(k, t0, b"c" * 384).hex() == (
        "fdad7b9cb2aa613200f73db51c4f648e57942253544da7815d23404ea97477de"
    )


def test_attack_04_a_ciphertext_is_worth_nothing_in_another_handshake(alice, bob, mallory):
    bundle, secret, one_time = prekeys_of(bob)
    theirs = HandshakeHeader.decode(open_session(alice, bundle, NOW_MS, os.urandom).hs)
    own = HandshakeHeader.decode(open_session(mallory, bundle, NOW_MS, os.urandom).hs)
    for change in ({"c_rsa": theirs.c_rsa}, {"c_pq": theirs.c_pq}, {"sealed": theirs.sealed}, {"ek": theirs.ek}):
        with pytest.raises(RefusedError):
            accept_with(bob, msgspec.structs.replace(own, **change).encode(), secret, one_time)


DECODERS = {
    "card": Card.decode,
    "signed card": SignedCard.decode,
    "device list": DeviceList.decode,
    "signed device list": SignedDeviceList.decode,
    "prekeys": PrekeysPublic.decode,
    "signed prekeys": SignedPrekeys.decode,
    "bundle": Bundle.decode,
    "handshake": HandshakeHeader.decode,
    "rsa modulus": rsa.check_modulus,
    "session": Session.decode,
    "ratchet": Ratchet.decode,
}


def encodings() -> dict[str, bytes]:
    bob = person("bob")
    bundle = prekeys_of(bob)[0]
    session = open_session(person("alice"), bundle, NOW_MS, os.urandom)
    return {
        "card": bob.card.card.encode(),
        "signed card": bob.card.encode(),
        "device list": bob.devices.devices.encode(),
        "signed device list": bob.devices.encode(),
        "prekeys": bundle.prekeys.prekeys.encode(),
        "signed prekeys": bundle.prekeys.encode(),
        "bundle": bundle.encode(),
        "handshake": session.hs,
        "rsa modulus": bob.account.n_sign,
        "session": session.encode(),
        "ratchet": session.ratchet.encode(),
        "x25519 key": bob.card.card.ik,
        "ml-kem key": bundle.prekeys.prekeys.pq,
    }


def test_attack_05_no_encoding_parses_as_another():
    for (name, encoded), (kind, decode) in itertools.product(encodings().items(), DECODERS.items()):
        if name == kind:
            decode(encoded)
        else:
            with pytest.raises(RemoteProtocolError):
                decode(encoded)


def test_attack_05_a_key_in_another_slot_is_refused(bob):
    keys = {"x25519": bob.card.card.ik, "rsa": bob.card.card.n_enc, "pq": prekeys_of(bob)[0].prekeys.prekeys.pq}
    slots = {
        "x25519": lambda key: primitives.x25519(b"k" * 32, key),
        "rsa": rsa.check_modulus,
        "pq": lambda key: primitives.pq_encapsulate(key, b""),
    }
    for (name, key), (slot, use) in itertools.product(keys.items(), slots.items()):
        if name == slot:
            use(key)
        else:
            with pytest.raises((RefusedError, RemoteProtocolError)):
                use(key)


def test_attack_06_every_byte_of_a_bundle_is_signed(bob):
    encoded = prekeys_of(bob)[0].encode()
    unsigned = len(encoded) - 36  # the one-time prekey is unsigned as in X3DH: a wrong one opens for nobody
    dice = random.Random(6)
    for at in range(unsigned):
        altered = bytearray(encoded)
        altered[at] ^= 1 << dice.randrange(8)
        with pytest.raises((RefusedError, RemoteProtocolError)):
            Bundle.decode(bytes(altered)).verify(bob.card.card.mailbox)


def test_attack_06_a_wrong_one_time_prekey_opens_for_nobody(alice, bob):
    bundle, secret, one_time = prekeys_of(bob)
    wrong = msgspec.structs.replace(bundle, opk=primitives.x25519_public(b"x" * 32))
    with pytest.raises(RefusedError):
        accept_with(bob, open_session(alice, wrong, NOW_MS, os.urandom).hs, secret, one_time)


def test_attack_07_unknown_or_used_one_time_prekey_is_refused(alice, bob):
    bundle, secret, one_time = prekeys_of(bob)
    hs = open_session(alice, bundle, NOW_MS, os.urandom).hs
    accept_with(bob, hs, secret, one_time)
    with pytest.raises(RefusedError) as caught:
        accept_with(bob, hs, secret, None)
    assert caught.value.reason == "unknown-prekey"
    without, secret, _ = prekeys_of(bob, 0)
    accepted = accept_with(bob, open_session(alice, without, NOW_MS, os.urandom).hs, secret, None)
    assert accepted.opk_id == 0  # what the caller shows as reduced forward secrecy


def test_attack_08_a_replayed_handshake_is_recognised_by_its_hash_and_tags(alice, bob):
    bundle, secret, _ = prekeys_of(bob, 0)
    session = open_session(alice, bundle, NOW_MS, os.urandom)
    again = [accept_with(bob, session.hs, secret, None, NOW_MS + day).session for day in range(100)]
    assert {one.hs_hash for one in again} == {session.hs_hash}
    assert {(one.T, one.tag_in, one.tag_out) for one in again} == {(session.T, session.tag_out, session.tag_in)}


LOW_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    *((2**255 - 19 + offset).to_bytes(32, "little") for offset in (-1, 0, 1)),
    (2**255 + 8).to_bytes(32, "little"),
]


@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:12])
def test_attack_10_low_order_points_are_refused_everywhere(alice, bob, point):
    with pytest.raises(RefusedError):
        primitives.x25519(b"k" * 32, point)
    bundle, _, _ = prekeys_of(bob)
    bad_prekeys = msgspec.structs.replace(bundle.prekeys.prekeys, spk=point)
    as_spk = msgspec.structs.replace(bundle, prekeys=sign_prekeys(bob.device, bob.card.card, bad_prekeys))
    bad_card = bob.account.sign_card(dataclasses.replace(bob.card.card, ik=point), os.urandom)
    as_ik = msgspec.structs.replace(
        bundle, card=bad_card, prekeys=sign_prekeys(bob.device, bad_card.card, bundle.prekeys.prekeys)
    )
    as_opk = msgspec.structs.replace(bundle, opk=point)
    for hostile in (as_spk, as_ik, as_opk):
        with pytest.raises(RefusedError):
            open_session(alice, hostile, NOW_MS, os.urandom)
    with pytest.raises(RefusedError):
        Ratchet.opener(b"s" * 32, b"h" * 32, b"n" * 32, point, os.urandom)


@pytest.mark.parametrize("point", LOW_ORDER[:4], ids=lambda point: point.hex()[:12])
def test_attack_10_low_order_points_from_the_opener_are_refused(alice, bob, mallory, point, monkeypatch):
    bundle, secret, one_time = prekeys_of(bob)
    bad = dataclasses.replace(mallory.card.card, ik=point)
    hostile = dataclasses.replace(mallory, card=mallory.account.sign_card(bad, os.urandom))
    hs = open_session(hostile, bundle, NOW_MS, os.urandom).hs
    with pytest.raises(RefusedError):
        accept_with(bob, hs, secret, one_time)
    with monkeypatch.context() as patch:
        patch.setattr(handshake, "x25519_public", lambda _: point)
        hs = open_session(alice, bundle, NOW_MS, os.urandom).hs
    with pytest.raises(RefusedError):
        accept_with(bob, hs, secret, one_time)


@pytest.mark.parametrize("leg", ["c_rsa", "c_pq", "ek", "sealed"])
def test_attack_11_no_leg_can_be_stripped(alice, bob, leg):
    bundle, secret, one_time = prekeys_of(bob)
    header = HandshakeHeader.decode(open_session(alice, bundle, NOW_MS, os.urandom).hs)
    stripped = msgspec.structs.replace(header, **{leg: bytes(len(getattr(header, leg)))}).encode()
    with pytest.raises(RefusedError):
        accept_with(bob, stripped, secret, one_time)


@pytest.mark.parametrize("head", [b"\x00\x00\x01", b"\x02\x00\x01", b"\x01\x00\x00", b"\x01\x00\x02"])
def test_attack_11_no_other_version_or_suite_is_taken(alice, bob, head):
    bundle, secret, one_time = prekeys_of(bob)
    hs = open_session(alice, bundle, NOW_MS, os.urandom).hs
    with pytest.raises(RefusedError):
        accept_with(bob, head + hs[3:], secret, one_time)
    with pytest.raises(RemoteProtocolError):
        Card.decode(head + bob.card.card.encode()[3:])


def test_attack_11_suite_is_in_the_transcript(bob, monkeypatch):
    arguments = (bob.card.card, b"e" * 32, 1, b"s" * 32, 0, bytes(32), 1, b"p" * 1184)
    before = handshake._t0(*arguments)
    monkeypatch.setattr(handshake, "SUITE", 2)
    assert handshake._t0(*arguments) != before


def test_attack_12_a_signature_cannot_be_claimed_for_another_key(alice, bob, mallory):
    claimed = dataclasses.replace(bob.card.card, n_sign=mallory.account.n_sign)
    with pytest.raises(RefusedError):
        SignedCard(claimed, bob.card.signature).verify()
    devices = msgspec.structs.replace(bob.devices.devices, n_sign=mallory.account.n_sign)
    with pytest.raises(RefusedError):
        SignedDeviceList(devices, bob.devices.signature).verify()
    signed = prekeys_of(bob)[0].prekeys
    with pytest.raises(RefusedError):
        signed.verify(dataclasses.replace(mallory.card.card, sk=bob.card.card.sk))


def test_attack_13_hostile_moduli_are_refused_before_arithmetic(bob, monkeypatch):
    encoded = bob.card.card.encode()
    n_enc = bob.card.card.n_enc
    even = n_enc[:-1] + bytes([n_enc[-1] & 0xFE])
    tripled = (int.from_bytes(n_enc, "big") // 6 * 6 + 3).to_bytes(384, "big")
    for hostile in (even, tripled, b"\x00" * 384, b"\x7f" + n_enc[1:]):
        with pytest.raises(RemoteProtocolError):
            Card.decode(encoded.replace(n_enc, hostile))
    monkeypatch.setattr(rsa.math, "gcd", lambda *_: pytest.fail("arithmetic on 64 Kbit"))
    with pytest.raises(RemoteProtocolError):
        rsa.check_modulus(b"\xff" * 8192)


# --- RSA-OAEP ------------------------------------------------------------------------------------------------


def altered_legs(header: HandshakeHeader, count: int = 24) -> list[bytes]:
    flips = [bytes(x ^ (1 if at == spot else 0) for at, x in enumerate(header.c_rsa)) for spot in range(0, 384, 16)]
    return [msgspec.structs.replace(header, c_rsa=c_rsa).encode() for c_rsa in flips[:count]]


def test_attack_14_every_decapsulation_failure_is_one_refusal_on_one_path(alice, bob, monkeypatch):
    bundle, secret, one_time = prekeys_of(bob)
    header = HandshakeHeader.decode(open_session(alice, bundle, NOW_MS, os.urandom).hs)
    wrong_label = rsa.encrypt(bob.card.card.n_enc, b"k" * 32, b"other", os.urandom)
    wrong_length = rsa.encrypt(bob.card.card.n_enc, b"k" * 31, b"other", os.urandom)
    bad = [bytes(384), b"\xff" * 384, bytes(383) + b"\x01", wrong_label, wrong_length]
    reached = []
    real = handshake._open_card
    monkeypatch.setattr(handshake, "_open_card", lambda *args: reached.append(1) or real(*args))
    outcomes = set()
    for c_rsa in bad:
        with pytest.raises(RefusedError) as caught:
            accept_with(bob, msgspec.structs.replace(header, c_rsa=c_rsa).encode(), secret, one_time)
        outcomes.add((caught.value.reason, str(caught.value), caught.value.__cause__))
    assert len(outcomes) == 1
    assert len(reached) == len(bad)


def test_attack_14_a_secret_of_another_length_is_no_secret(bob):
    t0 = b"t" * 32
    for size in (0, 16, 31, 33, 64):
        c_rsa = rsa.encrypt(bob.card.card.n_enc, b"k" * size, t0, os.urandom)
        stand_in = primitives.hmac_sha256(bob.device.reject_key, c_rsa)
        assert handshake._decapsulate_rsa(bob.device, c_rsa, t0) == stand_in


def test_attack_14_no_session_opens_when_the_rsa_leg_is_altered(alice, bob):
    bundle, secret, one_time = prekeys_of(bob)
    header = HandshakeHeader.decode(open_session(alice, bundle, NOW_MS, os.urandom).hs)
    for hs in altered_legs(header):
        with pytest.raises(RefusedError):
            accept_with(bob, hs, secret, one_time)


def test_attack_14_every_session_key_depends_on_the_rsa_secret(alice, bob, monkeypatch):
    """With all else equal, another k gives another ratchet: RSA-OAEP is no decoration."""
    bundle, secret, one_time = prekeys_of(bob)
    hs = open_session(alice, bundle, NOW_MS, os.urandom).hs
    good = accept_with(bob, hs, secret, one_time).session
    opened = handshake._open_card
    header = HandshakeHeader.decode(hs)
    k = bob.device.enc.decrypt
    t0 = handshake._t0(
        bob.card.card,
        header.ek,
        1,
        bundle.prekeys.prekeys.spk,
        7,
        bundle.opk,
        1,
        bundle.prekeys.prekeys.pq,
    )
    secrets = handshake._Secrets(
        t0,
        handshake._k_rsa(k(header.c_rsa, t0), t0, header.c_rsa),
        primitives.pq_decapsulate(secret.pq_private, header.c_pq, t0),
    )
    card = opened(secrets, header.c_rsa + header.c_pq, header.sealed)
    monkeypatch.setattr(handshake, "_open_card", lambda *_: card)
    monkeypatch.setattr(handshake, "_decapsulate_rsa", lambda *_: b"x" * 32)
    other = accept_with(bob, hs, secret, one_time).session
    assert other.T == good.T
    assert {other.tag_in, other.tag_out}.isdisjoint({good.tag_in, good.tag_out})
    assert other.ratchet.roots.root != good.ratchet.roots.root
    assert other.ratchet.roots.next_receive != good.ratchet.roots.next_receive


def test_attack_14_no_pkcs1_v1_5_and_a_library_with_the_fix():
    assert not [name for name in imports() if "PKCS1_v1_5" in name or "pkcs1_15" in name]
    assert Crypto.version_info[:2] >= (4, 4)
