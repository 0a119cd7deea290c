import dataclasses
import os

import msgspec.structs
import pytest

from sealwire.crypto import handshake
from sealwire.crypto.handshake import MAX_CLOCK_AHEAD_MS, accept, open_session
from sealwire.errors import LocalProtocolError, RefusedError
from sealwire.wire.header import HS_BYTES, decode_envelope
from tests.vectors.people import NOW_MS, accept_with, load, person, prekeys_of


@pytest.fixture(scope="module")
def alice():
    return person("alice")


@pytest.fixture(scope="module")
def bob():
    return person("bob")


@pytest.mark.parametrize("opk_id", [7, 0])
def test_both_sides_hold_the_same_session(alice, bob, opk_id):
    bundle, secret, one_time = prekeys_of(bob, opk_id)
    a = open_session(alice, bundle, NOW_MS, os.urandom)
    accepted = accept_with(bob, a.hs, secret, one_time)
    b = accepted.session
    assert len(a.hs) == HS_BYTES
    assert (a.T, a.tag_out, a.tag_in, a.hs_hash) == (b.T, b.tag_in, b.tag_out, b.hs_hash)
    assert a.order == b.order
    assert (a.opener, b.opener) == (True, False)
    assert accepted.card == alice.card
    assert accepted.opk_id == opk_id
    assert (a.peer_card_hash, b.peer_card_hash) == (bob.card.card.hash, alice.card.card.hash)


def test_handshake_rides_before_every_message_until_the_answer(alice, bob):
    bundle, secret, one_time = prekeys_of(bob)
    a = open_session(alice, bundle, NOW_MS, os.urandom)
    a, first = a.encrypt(b"1", os.urandom)
    a, second = a.encrypt(b"2", os.urandom)
    assert decode_envelope(first).hs == decode_envelope(second).hs == a.hs
    b = accept_with(bob, a.hs, secret, one_time).session
    b, plaintext = b.decrypt(decode_envelope(second).message, os.urandom)
    assert plaintext == b"2"
    b, answer = b.encrypt(b"3", os.urandom)
    assert decode_envelope(answer).hs is None
    assert decode_envelope(answer).tag == a.tag_in
    a, _ = a.decrypt(decode_envelope(answer).message, os.urandom)
    assert decode_envelope(a.encrypt(b"4", os.urandom)[1]).tag == b.tag_in


def test_responder_cannot_write_first(alice, bob):
    bundle, secret, one_time = prekeys_of(bob)
    a = open_session(alice, bundle, NOW_MS, os.urandom)
    with pytest.raises(LocalProtocolError):
        accept_with(bob, a.hs, secret, one_time).session.encrypt(b"x", os.urandom)


@pytest.mark.parametrize("case", load("refused")["handshakes"], ids=lambda case: case["what"])
def test_published_bad_handshakes_are_refused(bob, case):
    from sealwire.crypto.prekeys import OneTimeSecret, PrekeySecret

    good = load("handshake")
    secret = PrekeySecret.decode(bytes.fromhex(good["prekey_secret"]))
    one_time = OneTimeSecret.decode(bytes.fromhex(good["one_time_secret"]))
    with pytest.raises(RefusedError) as caught:
        accept_with(bob, bytes.fromhex(case["hs"]), secret, one_time)
    assert caught.value.reason == case["reason"]


def test_cheap_checks_come_before_any_private_key_is_used(alice, bob, monkeypatch):
    bundle, secret, one_time = prekeys_of(bob)
    hs = open_session(alice, bundle, NOW_MS, os.urandom).hs

    def never(*_):
        raise AssertionError("a private key was used")

    monkeypatch.setattr(handshake, "_decapsulate_rsa", never)
    with pytest.raises(RefusedError):
        accept_with(person("mallory"), hs, secret, one_time)
    with pytest.raises(RefusedError):
        accept(bob, hs, lambda *_: None, lambda _: one_time, NOW_MS)
    with pytest.raises(RefusedError):
        accept(bob, hs, lambda *_: secret, lambda _: None, NOW_MS)


def test_bundle_is_verified_before_use(alice, bob):
    bundle, _, _ = prekeys_of(bob)
    forged = msgspec.structs.replace(bundle, card=msgspec.structs.replace(bundle.card, signature=bytes(384)))
    with pytest.raises(RefusedError):
        open_session(alice, forged, NOW_MS, os.urandom)


def test_no_session_with_oneself(alice):
    with pytest.raises(LocalProtocolError):
        open_session(alice, prekeys_of(alice)[0], NOW_MS, os.urandom)


def test_no_session_with_another_realm(alice, bob):
    card = dataclasses.replace(bob.card.card, realm="elsewhere")
    elsewhere = dataclasses.replace(bob, card=bob.account.sign_card(card, os.urandom))
    bundle, _, _ = prekeys_of(elsewhere)
    with pytest.raises(RefusedError):
        open_session(alice, bundle, NOW_MS, os.urandom)


def test_card_of_another_realm_inside_a_handshake_is_refused(alice, bob, monkeypatch):
    moved = dataclasses.replace(alice.card.card, realm="elsewhere")
    signed = alice.account.sign_card(moved, os.urandom)
    real = handshake._seal_card
    monkeypatch.setattr(handshake, "_seal_card", lambda secrets, both, _, time: real(secrets, both, signed, time))
    bundle, secret, one_time = prekeys_of(bob)
    hs = open_session(alice, bundle, NOW_MS, os.urandom).hs
    with pytest.raises(RefusedError) as caught:
        accept_with(bob, hs, secret, one_time)
    assert caught.value.reason == "not-for-us"


def test_time_counts_at_most_five_minutes_ahead(alice, bob):
    bundle, secret, one_time = prekeys_of(bob)
    a = open_session(alice, bundle, NOW_MS + 3_600_000, os.urandom)
    accepted = accept_with(bob, a.hs, secret, one_time)
    assert accepted.time_ms == accepted.session.time_ms == NOW_MS + MAX_CLOCK_AHEAD_MS
    past = open_session(alice, bundle, NOW_MS - 3_600_000, os.urandom)
    assert accept_with(bob, past.hs, secret, one_time).time_ms == NOW_MS - 3_600_000


def test_restored_device_opens_newer_sessions_than_it_has_seen(alice, bob):
    bundle, _, _ = prekeys_of(bob)
    assert open_session(alice, bundle, NOW_MS, os.urandom, after_ms=NOW_MS + 50).time_ms == NOW_MS + 51


def test_size_says_nothing_about_names(bob, alice):
    bundle, _, _ = prekeys_of(bob)
    long_name = dataclasses.replace(alice.card.card, account="a" * 32)
    renamed = dataclasses.replace(alice, card=alice.account.sign_card(long_name, os.urandom))
    assert len(open_session(renamed, bundle, NOW_MS, os.urandom).hs) == HS_BYTES


def test_whatever_a_library_raises_is_the_same_refusal(alice, bob, monkeypatch):
    bundle, secret, one_time = prekeys_of(bob)
    hs = open_session(alice, bundle, NOW_MS, os.urandom).hs
    for error in (ValueError, TypeError):

        def broken(*_, error=error):
            raise error("library")

        monkeypatch.setattr(handshake, "pq_decapsulate", broken)
        with pytest.raises(RefusedError) as caught:
            accept_with(bob, hs, secret, one_time)
        assert caught.value.reason == "undecryptable"
        assert caught.value.__cause__ is None
