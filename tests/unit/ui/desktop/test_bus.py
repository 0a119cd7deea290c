"""The bytes of the session bus: what is damaged or too long ends the connection, and nothing else."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.ui.desktop.bus import CALL, MAX_MESSAGE_BYTES, BusError, kinds, message, parsed

NOTIFY = message(
    7, "org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.Notifications.Notify",
    "susssasa{sv}i", "Sealwire", 0, "", "bob", "hello", ["default", "Open"], {"category": "im.received"}, -1,
)  # fmt: skip


def test_a_call_says_what_the_specification_wants() -> None:
    order, kind, _flags, version, size, serial = struct.unpack_from("<cBBBII", NOTIFY)
    assert (order, kind, version, serial) == (b"l", CALL, 1, 7)
    heard, length = parsed(NOTIFY)
    assert length == len(NOTIFY)
    assert heard is not None
    assert (heard.kind, heard.member, heard.answers) == (CALL, "Notify", 0)
    assert NOTIFY[-4:] == struct.pack("<i", -1)
    assert size < 120


def test_half_a_message_waits_for_the_rest_and_two_are_two() -> None:
    for length in range(len(NOTIFY)):
        assert parsed(NOTIFY[:length]) == (None, 0)
    assert parsed(NOTIFY * 2)[1] == len(NOTIFY)


def test_signatures_are_split() -> None:
    assert kinds("susssasa{sv}i") == ["s", "u", "s", "s", "s", "as", "a{sv}", "i"]


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 20,
        b"l\x01\x00\x02" + bytes(12),
        b"l\x04\x00\x01" + struct.pack("<III", MAX_MESSAGE_BYTES, 1, 0),
        b"l\x04\x00\x01" + struct.pack("<III", 0, 1, 0xFFFF_FFFF),
        b"l\x04\x00\x01" + struct.pack("<III", 0, 1, 8) + b"\x08\x01g\x00\xff\x00\x00\x00",
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(BusError):
        parsed(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_message_with_any_byte_changed_is_read_or_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(NOTIFY) - 1))
    changed = bytearray(NOTIFY)
    changed[1] = 4
    changed[at] = data.draw(st.integers(0, 255))
    try:
        heard, length = parsed(bytes(changed))
    except BusError:
        return
    assert heard is None or 0 < length <= len(changed)
