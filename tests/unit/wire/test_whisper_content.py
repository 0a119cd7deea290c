"""The 32 bytes of a whisper."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import RemoteProtocolError
from sealwire.wire.whisper_content import TypingSign, decode_whisper

SIGN = TypingSign(b"g" * 16, True, 1_790_000_000_000)


def test_what_is_written_is_read():
    for sign in (SIGN, SIGN._replace(active=False), TypingSign(bytes(16), True, 0)):
        assert decode_whisper(sign.encode()) == sign


def test_a_kind_of_a_later_version_is_left_alone():
    assert decode_whisper(b"\x03" + SIGN.encode()[1:]) is None


@pytest.mark.parametrize("wrong", [b"", SIGN.encode()[:-1], SIGN.encode() + b"\0", SIGN.encode()[:-1] + b"\1",
                                   b"\1\2" + SIGN.encode()[2:]])  # fmt: skip
def test_another_form_is_refused(wrong):
    with pytest.raises(RemoteProtocolError):
        decode_whisper(wrong)


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(some):
    try:
        sign = decode_whisper(some)
    except RemoteProtocolError:
        return
    assert sign is None or sign.encode() == some


def test_random_bytes_of_the_right_length_are_refused_nearly_always():
    for _ in range(50):
        with pytest.raises(RemoteProtocolError):
            decode_whisper(os.urandom(25) + b"\1" * 7)
