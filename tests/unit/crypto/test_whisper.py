"""Whispers: read by the other end alone, in their direction alone, without moving a ratchet."""

from __future__ import annotations

import dataclasses
import os

import pytest

from sealwire.crypto.session import Session
from sealwire.crypto.whisper import CONTENT_BYTES, WHISPER_BYTES, can_whisper, open_whisper, seal_whisper
from sealwire.errors import LocalProtocolError, RefusedError
from sealwire.wire.header import decode_envelope
from tests.vectors.people import introduced, load

SIGN = bytes(range(CONTENT_BYTES))


def passed(sender: Session, recipient: Session, text: bytes = b"hello") -> tuple[Session, Session]:
    """Both sides after a message."""
    sender, envelope = sender.encrypt(text, os.urandom)
    recipient, _ = recipient.decrypt(decode_envelope(envelope).message, os.urandom)
    return sender, recipient


@pytest.fixture
def ends():
    """Two who have both spoken."""
    a, b = introduced()
    a, b = passed(a, b)
    b, a = passed(b, a)
    return passed(a, b)


def test_both_ends_hear_each_other_and_no_state_moves(ends):
    a, b = ends
    before = a.encode(), b.encode()
    for sender, recipient in ((a, b), (b, a)):
        whisper = seal_whisper(sender, SIGN, os.urandom)
        assert len(whisper) == WHISPER_BYTES
        assert open_whisper(recipient, whisper) == SIGN
        assert open_whisper(recipient, whisper) == SIGN, "it may be heard again: its content says when it was said"
    assert (a.encode(), b.encode()) == before


def test_a_chain_that_begins_with_a_whisper_is_heard(ends):
    a, b = ends
    b, a_heard = passed(b, a)  # a's chain turned; b has not seen anything of the new one
    assert open_whisper(b, seal_whisper(a_heard, SIGN, os.urandom)) == SIGN


def test_a_whisper_of_an_old_chain_is_not_heard(ends):
    a, b = ends
    old = seal_whisper(a, SIGN, os.urandom)
    for _ in range(2):
        b, a = passed(b, a)
        a, b = passed(a, b)
    with pytest.raises(RefusedError):
        open_whisper(b, old)


def test_nothing_else_opens_it(ends):
    a, b = ends
    c, d = introduced()
    whisper = seal_whisper(a, SIGN, os.urandom)
    for at in range(len(whisper)):
        with pytest.raises(RefusedError):
            open_whisper(b, whisper[:at] + bytes([whisper[at] ^ 1]) + whisper[at + 1 :])
    reflected = a.tag_in + whisper[16:]
    foreign = d.tag_in + whisper[16:]
    for session, body in ((a, whisper), (a, reflected), (d, foreign), (c, whisper), (b, whisper[:-1]), (b, b"")):
        with pytest.raises(RefusedError):
            open_whisper(session, body)
    swapped = dataclasses.replace(a.ratchet, receiving=a.ratchet.sending)
    with pytest.raises(RefusedError):  # the direction is in key and associated data
        open_whisper(dataclasses.replace(a, ratchet=swapped), reflected)


def test_who_is_not_known_to_listen_is_not_whispered_to():
    a, _ = introduced()
    b = Session.decode(bytes.fromhex(load("handshake")["responder"]))
    assert not can_whisper(b), "nothing came from the other side yet"
    unanswered = dataclasses.replace(a, hs=b"still before every message")
    assert can_whisper(a)
    assert not can_whisper(unanswered)
    for session, content in ((b, SIGN), (unanswered, SIGN), (a, SIGN + b"x"), (a, b"")):
        with pytest.raises(LocalProtocolError):
            seal_whisper(session, content, os.urandom)
