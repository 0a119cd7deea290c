import pytest

from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.ids import Mailbox
from sealwire.wire.header import (
    HS_BYTES,
    MAX_ENVELOPE_BYTES,
    MIN_MESSAGE_BYTES,
    NO_TAG,
    EnvelopeParts,
    HandshakeHeader,
    Reader,
    decode_envelope,
    encode_envelope,
    expect_version,
    lp,
)

TAG = b"t" * 16
MESSAGE = b"m" * MIN_MESSAGE_BYTES
HEADER = HandshakeHeader(Mailbox(b"b" * 16), b"e" * 32, 1, 2, 3, b"r" * 384, b"q" * 1088, b"s" * 1424)


def test_handshake_is_2961_bytes_with_its_length():
    assert len(lp(HEADER.encode())) == 2961


def test_handshake_round_trips():
    assert HandshakeHeader.decode(HEADER.encode()) == HEADER


@pytest.mark.parametrize("change", ["short", "long", "version", "suite"])
def test_handshake_of_another_shape_does_not_parse(change):
    hs = HEADER.encode()
    other = {
        "short": hs[:-1],
        "long": hs + b"\x00",
        "version": b"\x02" + hs[1:],
        "suite": hs[:1] + b"\x00\x02" + hs[3:],
    }[change]
    with pytest.raises(RemoteProtocolError):
        HandshakeHeader.decode(other)


def test_envelope_inside_a_session_round_trips():
    assert decode_envelope(encode_envelope(TAG, MESSAGE)) == EnvelopeParts(TAG, None, MESSAGE)


def test_envelope_that_opens_a_session_shows_no_tag():
    hs = HEADER.encode()
    assert decode_envelope(encode_envelope(TAG, MESSAGE, hs)) == EnvelopeParts(NO_TAG, hs, MESSAGE)


@pytest.mark.parametrize(
    "envelope",
    [
        b"",
        TAG,
        TAG + MESSAGE[:-1],
        NO_TAG + MESSAGE,
        NO_TAG + lp(HEADER.encode()),
        NO_TAG + lp(HEADER.encode()[:-1]) + MESSAGE,
        NO_TAG + lp(HEADER.encode() + b"x") + MESSAGE,
        TAG + bytes(MAX_ENVELOPE_BYTES - 15),
    ],
)
def test_what_is_no_envelope_does_not_parse(envelope):
    with pytest.raises(RemoteProtocolError):
        decode_envelope(envelope)


@pytest.mark.parametrize(
    ("tag", "message", "hs"),
    [
        (NO_TAG, MESSAGE, None),
        (b"t", MESSAGE, None),
        (TAG, MESSAGE, b"x"),
        (TAG, bytes(MAX_ENVELOPE_BYTES - 15), None),
        (TAG, bytes(MAX_ENVELOPE_BYTES - HS_BYTES), HEADER.encode()),
    ],
)
def test_envelopes_we_must_not_make(tag, message, hs):
    with pytest.raises(LocalProtocolError):
        encode_envelope(tag, message, hs)


def test_largest_message_fits_beside_a_handshake():
    assert encode_envelope(TAG, bytes(128 + 16384), HEADER.encode())


def test_reader_reads_what_lp_wrote_and_nothing_more():
    reader = Reader(b"\x01" + lp(b"ab") + b"\x00\x00\x00\x07rest")
    assert (reader.uint(1), reader.lp(), reader.uint(4), reader.rest()) == (1, b"ab", 7, b"rest")
    reader.end()


def test_reader_never_passes_the_end():
    for read in (lambda r: r.take(3), lambda r: r.uint(3), lambda r: r.lp(), lambda r: r.take(-1), lambda r: r.end()):
        with pytest.raises(RemoteProtocolError):
            read(Reader(b"\x00\x05"))


def test_reader_refuses_a_field_past_its_limit():
    with pytest.raises(RemoteProtocolError):
        Reader(lp(b"abc")).lp(2)


def test_lp_has_a_limit():
    assert lp(bytes(0xFFFF))[:2] == b"\xff\xff"
    with pytest.raises(LocalProtocolError):
        lp(bytes(0x10000))


def test_version_and_suite_are_this_ones():
    expect_version(Reader(b"\x01\x00\x01"))
    for other in (b"\x00\x00\x01", b"\x01\x00\x02", b"\x01\x00"):
        with pytest.raises(RemoteProtocolError):
            expect_version(Reader(other))
