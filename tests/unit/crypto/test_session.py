import dataclasses
import os

import pytest

from sealwire.crypto.session import (
    BUCKETS,
    MAX_PLAINTEXT_BYTES,
    MAX_SESSIONS_PER_PAIR,
    RENEW_AFTER_MESSAGES,
    RENEW_AFTER_MS,
    Session,
    active,
    kept,
)
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError
from sealwire.wire.header import decode_envelope
from tests.vectors.people import NOW_MS, introduced, person, prekeys_of


@pytest.fixture(scope="module")
def ends():
    return introduced()


def opened():
    from sealwire.crypto.handshake import open_session

    return open_session(person("alice"), prekeys_of(person("bob"))[0], NOW_MS, os.urandom)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 511, 512, 8191, 8192, MAX_PLAINTEXT_BYTES])
def test_plaintexts_round_trip_in_buckets(ends, size):
    a, b = ends
    _, envelope = a.encrypt(b"x" * size, os.urandom)
    assert len(envelope) - 16 - 128 == min(bucket for bucket in BUCKETS if bucket > size)
    assert b.decrypt(decode_envelope(envelope).message, os.urandom)[1] == b"x" * size


def test_too_long_a_plaintext_is_our_bug(ends):
    with pytest.raises(LocalProtocolError):
        ends[0].encrypt(bytes(MAX_PLAINTEXT_BYTES + 1), os.urandom)


@pytest.mark.parametrize("size", [0, 383, 385, 640 + 1, 16384 + 129])
def test_a_message_of_another_length_is_refused(ends, size):
    with pytest.raises(RefusedError):
        ends[1].decrypt(bytes(size), os.urandom)


def test_wrong_padding_is_refused(ends):
    a, b = ends
    _, message = a.ratchet.encrypt(bytes(256), a.T + b"\x00", os.urandom)
    with pytest.raises(RefusedError):
        b.decrypt(message, os.urandom)


def test_a_session_never_changes(ends):
    a, b = ends
    before = a.encode(), b.encode()
    _, envelope = a.encrypt(b"x", os.urandom)
    b.decrypt(decode_envelope(envelope).message, os.urandom)
    assert (a.encode(), b.encode()) == before


def test_sent_counts_and_renewal_is_due_by_number_or_age(ends):
    a, _ = ends
    later, _ = a.encrypt(b"x", os.urandom)
    assert later.sent == a.sent + 1
    assert not a.needs_renewal(a.created_ms + RENEW_AFTER_MS)
    assert a.needs_renewal(a.created_ms + RENEW_AFTER_MS + 1)
    assert dataclasses.replace(a, sent=RENEW_AFTER_MESSAGES).needs_renewal(a.created_ms)


def test_session_survives_the_vault(ends):
    for session in (*ends, opened()):
        again = Session.decode(session.encode())
        assert again.encode() == session.encode()
        assert again.order == session.order
        assert again.hs == session.hs


def test_what_is_no_session_does_not_load(ends):
    encoded = opened().encode()
    for other in (b"", encoded[:100], encoded[:1000], encoded[:-1], b"\x02" + encoded[1:], b"\x01\x04" + encoded[2:]):
        with pytest.raises(RemoteProtocolError):
            Session.decode(other)


def test_active_session_is_the_one_of_the_largest_time_then_transcript(ends):
    a, _ = ends
    newer = dataclasses.replace(a, time_ms=a.time_ms + 1)
    twin = dataclasses.replace(newer, T=b"\xff" * 32)
    assert active([]) is None
    assert active([newer, a]) is newer
    assert active([twin, newer, a]) is active([a, newer, twin]) is twin


def test_at_most_five_sessions_are_kept(ends):
    many = [dataclasses.replace(ends[0], time_ms=number) for number in range(8)]
    assert [session.time_ms for session in kept(many)] == [7, 6, 5, 4, 3]
    assert len(kept(many)) == MAX_SESSIONS_PER_PAIR


def test_session_does_not_print_its_keys(ends):
    a, _ = ends
    assert repr(a) == f"<Session {a.hs_hash.hex()[:16]}>"
