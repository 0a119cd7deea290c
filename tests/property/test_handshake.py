"""Handshakes that cross, come late and come twice: both sides end in the same session and read everything."""

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.crypto.handshake import open_session
from sealwire.crypto.session import MAX_SESSIONS_PER_PAIR, Session, active, kept
from sealwire.errors import RefusedError
from sealwire.wire.header import HS_BYTES, decode_envelope
from tests.depth import examples
from tests.vectors.people import NOW_MS, accept_with, person, prekeys_of

BUNDLES = {name: prekeys_of(person(name), 0) for name in ("alice", "bob")}
OTHER = {"alice": "bob", "bob": "alice"}


class Device:
    """As much of a device as sessions need: it opens, accepts, remembers handshakes and picks the active session."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sessions: dict[bytes, Session] = {}

    def open(self, now_ms: int) -> None:
        self.put(open_session(person(self.name), BUNDLES[OTHER[self.name]][0], now_ms, os.urandom))

    def put(self, session: Session) -> None:
        self.sessions[session.hs_hash] = session
        self.sessions = {one.hs_hash: one for one in kept(self.sessions.values())}

    def write(self, plaintext: bytes) -> bytes:
        session, envelope = active(self.sessions.values()).encrypt(plaintext, os.urandom)
        self.put(session)
        return envelope

    def read(self, envelope: bytes, now_ms: int) -> bytes:
        parts = decode_envelope(envelope)
        known = [
            one
            for one in self.sessions.values()
            if one.tag_in == parts.tag or (parts.hs and one.hs_hash == hashlib.sha256(parts.hs).digest())
        ]
        if known:
            session = known[0]
        else:
            assert parts.hs is not None
            _, secret, one_time = BUNDLES[self.name]
            session = accept_with(person(self.name), parts.hs, secret, one_time, now_ms).session
        session, plaintext = session.decrypt(parts.message, os.urandom)
        self.put(session)
        return plaintext


@examples(15)
@given(
    skew_ms=st.integers(-200_000, 200_000),
    openings=st.lists(st.sampled_from(("alice", "bob")), min_size=1, max_size=MAX_SESSIONS_PER_PAIR),
    data=st.data(),
)
def test_both_sides_end_in_the_same_session(skew_ms, openings, data):
    devices = {name: Device(name) for name in OTHER}
    clock = {"alice": NOW_MS, "bob": NOW_MS + skew_ms}
    under_way = []
    for number, name in enumerate(openings):
        devices[name].open(clock[name] + number)
        text = b"%d" % number
        under_way.append((OTHER[name], devices[name].write(text), text))
    for to, envelope, text in data.draw(st.permutations(under_way)):
        assert devices[to].read(envelope, clock[to] + 100) == text
    chosen = {name: active(device.sessions.values()) for name, device in devices.items()}
    assert chosen["alice"].T == chosen["bob"].T
    for name in ("alice", "bob", "alice"):
        assert devices[OTHER[name]].read(devices[name].write(b"again"), clock[OTHER[name]]) == b"again"


RECORDED = open_session(person("alice"), BUNDLES["bob"][0], NOW_MS, os.urandom)


@examples(60)
@given(at=st.integers(0, HS_BYTES - 1), bit=st.integers(0, 7))
def test_no_session_opens_when_any_bit_of_a_handshake_is_flipped(at, bit):
    hs = bytearray(RECORDED.hs)
    hs[at] ^= 1 << bit
    _, secret, one_time = BUNDLES["bob"]
    with pytest.raises(RefusedError):
        accept_with(person("bob"), bytes(hs), secret, one_time)


@examples(100)
@given(st.binary(max_size=HS_BYTES + 10) | st.binary(min_size=HS_BYTES, max_size=HS_BYTES))
def test_any_bytes_for_a_handshake_are_refused_and_nothing_else(hs):
    _, secret, one_time = BUNDLES["bob"]
    with pytest.raises(RefusedError):
        accept_with(person("bob"), hs, secret, one_time)
