"""Attacks that broke other systems, against the separation of contexts, at rest and at login.

The numbers are those of docs/security.md.
"""

import inspect
import itertools
import os
import re

import pytest
from Crypto.PublicKey import RSA
from nacl import bindings as sodium

from sealwire.crypto import primitives, rsa
from sealwire.crypto.card import Card
from sealwire.crypto.handshake import open_session
from sealwire.crypto.identity import login_transcript, verify_login
from sealwire.crypto.prekeys import Bundle, SignedPrekeys
from sealwire.crypto.primitives import ed25519_public, ed25519_sign, ed25519_verify
from sealwire.crypto.sender_keys import Place, SenderKey
from sealwire.crypto.session import Session
from sealwire.crypto.vault import KdfParams, Vault, open_key_file, seal_key_file
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import GroupId
from sealwire.wire.header import HandshakeHeader, decode_envelope
from tests.fault.source import SOURCE, imports
from tests.vectors.people import NOW_MS, REALM, accept_with, introduced, prekeys_of

CHEAP = KdfParams(memory_kib=8, passes=1)


# --- at rest -------------------------------------------------------------------------------------------------


def test_attack_15_every_byte_of_a_key_file_is_authenticated_before_rsa(alice, monkeypatch):
    blob = seal_key_file(b"pass", alice.encode()[:300], CHEAP, os.urandom)
    monkeypatch.setattr(RSA, "construct", lambda *_, **__: pytest.fail("RSA on an unauthenticated key"))
    params = range(14, 22)
    for at in range(len(blob)):
        altered = bytearray(blob)
        altered[at] ^= 1 if at not in params else 0x80  # a high bit of the cost: refused before it is paid
        with pytest.raises(RefusedError):
            open_key_file(b"pass", bytes(altered))


# --- contexts ------------------------------------------------------------------------------------------------

GROUPS = ("group-entry", "group-append", "group-keep", "group-message")
SIGNED = ("card", "devices", "prekeys", "login", *GROUPS)


@pytest.mark.parametrize(("made", "used"), list(itertools.permutations(SIGNED, 2)))
def test_attack_16_no_signature_holds_in_another_context(bob, made, used):
    content = b"the same bytes"
    with pytest.raises(RefusedError):
        ed25519_verify(bob.card.card.sk, used, content, ed25519_sign(bob.device.sk, made, content))
    with pytest.raises(RefusedError):
        rsa.verify(bob.account.n_sign, used, content, bob.account.private.sign(made, content, os.urandom))


def test_attack_16_no_sealed_object_opens_in_another_context(alice, bob):
    a, b = introduced()
    key = os.urandom(32)
    bundle, secret, one_time = prekeys_of(bob)
    hs = open_session(alice, bundle, NOW_MS, os.urandom).hs
    message = decode_envelope(a.encrypt(b"x", os.urandom)[1]).message
    vault = Vault(key)
    sealed = {
        "message": message,
        "sealed header": message[:80],
        "sealed card": HandshakeHeader.decode(hs).sealed,
        "handshake": hs,
        "record": vault.seal(b"session", b"record", os.urandom),
        "other record": vault.seal(b"identity", b"record", os.urandom),
        "key file": seal_key_file(key, b"payload", CHEAP, os.urandom),
    }
    openers = {
        "message": lambda content: b.decrypt(content, os.urandom),
        "handshake": lambda content: accept_with(bob, content, secret, one_time),
        "record": lambda content: vault.open(b"session", content),
        "other record": lambda content: vault.open(b"identity", content),
        "key file": lambda content: open_key_file(key, content),
    }
    for (made, content), (used, opener) in itertools.product(sealed.items(), openers.items()):
        if made == used:
            opener(content)
        else:
            with pytest.raises(RefusedError):
                opener(content)


LABEL_USES = re.compile(r"""\b(H|L|sign|ed25519_sign(?:_expanded)?|hkdf)\((?:[^()"]|\([^()]*\))*"([a-z0-9A-Z-]+)\"""")


def test_attack_16_every_label_serves_one_purpose():
    uses: dict[str, set[str]] = {}
    for path in (SOURCE / "crypto").glob("*.py"):
        for function, label in LABEL_USES.findall(path.read_text()):
            uses.setdefault(label, set()).add(function)
    assert set(SIGNED) | {"T0", "T", "rsa", "kx", "rk", "mailbox", "account", "realm"} <= set(uses)
    # "card" alone has three by specification: the hash of a card, its signature (the same digest), its sealing key.
    assert uses.pop("card") == {"H", "sign", "hkdf"}
    assert {label: functions for label, functions in uses.items() if len(functions) > 1} == {}


# --- login, serialisation, signing ---------------------------------------------------------------------------

CONNECTION = {
    "realm": REALM,
    "broker_curve": b"B" * 32,
    "own_curve": b"O" * 32,
    "client_nonce": b"c" * 32,
    "server_nonce": b"s" * 32,
    "token": b"t" * 8,
    "hello": b"hello",
    "challenge": b"challenge",
}


@pytest.mark.parametrize("field", ["broker_curve", "own_curve", "server_nonce", "realm"])
def test_attack_45_a_login_is_worth_nothing_on_another_connection_or_broker(alice, field):
    signature = alice.device.login_signature(login_transcript(**CONNECTION))
    elsewhere = "z" * 16 if field == "realm" else b"z" * 32
    with pytest.raises(RefusedError):
        verify_login(alice.card.card, login_transcript(**{**CONNECTION, field: elsewhere}), signature)


def test_attack_45_a_challenge_cannot_be_made_to_sign_prekeys(alice):
    prekeys = prekeys_of(alice)[0].prekeys.prekeys
    chosen = alice.card.card.hash + prekeys.encode()
    with pytest.raises(RefusedError):
        SignedPrekeys(prekeys, alice.device.login_signature(chosen)).verify(alice.card.card)


def test_attack_48_nothing_that_runs_code_is_ever_deserialised():
    forbidden = {"pickle", "marshal", "shelve", "dill", "jsonpickle", "cloudpickle"}
    assert imports().isdisjoint(forbidden)
    for decode in (Card.decode, Bundle.decode, HandshakeHeader.decode, Session.decode, decode_envelope):
        with pytest.raises(RemoteProtocolError):
            decode(b"\x80\x04\x95\x0f\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94.")


def test_attack_50_signing_takes_a_seed_and_no_public_key():
    assert list(inspect.signature(ed25519_sign).parameters) == ["seed", "label", "content"]


SMALL_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",  # the neutral point
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # order 2
    "0000000000000000000000000000000000000000000000000000000000000080",  # order 4
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  # order 8
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
)
"""Public keys under which a careless check takes the same signature for every content (Chalkias et al., 2020)."""
L_ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("public", SMALL_ORDER)
def test_attack_50_keys_of_small_order_sign_nothing(public):
    point = bytes.fromhex(public)
    for first in SMALL_ORDER:
        for content in (b"", b"one", b"two"):
            with pytest.raises(RefusedError):
                ed25519_verify(point, "login", content, bytes.fromhex(first) + bytes(32))


def test_attack_50_a_signature_has_one_form():
    """S + L satisfies the same equation: taken, one signature would be two."""
    seed = bytes(range(32))
    signature = ed25519_sign(seed, "login", b"content")
    ed25519_verify(ed25519_public(seed), "login", b"content", signature)
    grown = (int.from_bytes(signature[32:], "little") + L_ORDER).to_bytes(32, "little")
    with pytest.raises(RefusedError):
        ed25519_verify(ed25519_public(seed), "login", b"content", signature[:32] + grown)


def test_attack_50_nothing_is_signed_with_a_key_that_is_not_the_seeds_own(monkeypatch):
    """What libsodium is handed as the secret is seed and public key: both come from the seed, in the same call."""
    handed = []
    real = sodium.crypto_sign
    monkeypatch.setattr(primitives.sodium, "crypto_sign", lambda text, key: handed.append(key) or real(text, key))
    seed = bytes(range(32))
    ed25519_sign(seed, "login", b"content")
    assert handed == [seed + ed25519_public(seed)]


def test_attack_50_a_kept_sender_key_holds_the_seed_alone(monkeypatch):
    """A state that was altered, or put together from two, still signs with a public key that its seed makes."""
    handed = []
    real = sodium.crypto_sign
    monkeypatch.setattr(primitives.sodium, "crypto_sign", lambda text, key: handed.append(key) or real(text, key))
    key = SenderKey.generate(Place(GroupId(b"g" * 16), 1, b"h" * 32, b"c" * 32), os.urandom)
    assert key.verify_key not in key.encode()
    seed = key.signing_key[:32]
    other = SenderKey.decode(key.encode().replace(seed, bytes(32)))
    for sender, its_seed in ((key, seed), (other, bytes(32))):
        sender.encrypt(b"content", os.urandom)
        assert handed.pop() == its_seed + ed25519_public(its_seed)
