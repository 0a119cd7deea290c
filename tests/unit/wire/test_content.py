"""What stands inside the encryption: fixed order, fixed types, bounds, one error."""

import msgspec
import pytest

from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.ids import MessageId
from sealwire.wire.content import (
    MAX_PLAINTEXT_BYTES,
    MAX_RECEIPT_IDS,
    MAX_TEXT_BYTES,
    MAX_VOID,
    Nothing,
    Receipt,
    Renew,
    Text,
    decode_content,
    decode_plaintext,
    encode_content,
    encode_plaintext,
)

FIELDS = {
    "sender": b"s" * 32,
    "recipient": b"r" * 32,
    "message_id": MessageId(b"i" * 16),
    "counter": 1,
    "previous": bytes(32),
    "sent_at_ms": 1_790_000_000_000,
    "void": [],
}
CONTENTS = [
    Text(""),
    Text("grüße 🦭"),
    Text("x" * MAX_TEXT_BYTES),
    Receipt("delivered", [b"i" * 16]),
    Receipt("read", [n.to_bytes(16, "big") for n in range(MAX_RECEIPT_IDS)]),
    Renew(),
    Nothing(),
]
contents = pytest.mark.parametrize("content", CONTENTS, ids=lambda content: type(content).__name__)


@contents
def test_every_content_round_trips_alone_and_in_a_plaintext(content):
    assert decode_content(encode_content(content)) == content
    plain = decode_plaintext(encode_plaintext(content=content, **FIELDS))
    assert plain.content == content
    assert {name: getattr(plain, name) for name in FIELDS} == FIELDS


@pytest.mark.parametrize("content", [Text("hello"), Receipt("read", [b"i" * 16]), Renew(), Nothing()])
def test_every_truncation_and_every_trailing_byte_is_refused(content):
    for decode, encoded in (
        (decode_plaintext, encode_plaintext(content=content, **FIELDS)),
        (decode_content, encode_content(content)),
    ):
        for wrong in (*(encoded[:end] for end in range(len(encoded))), encoded + b"\x00", encoded * 2):
            with pytest.raises(RemoteProtocolError):
                decode(wrong)


def test_the_largest_of_everything_fits():
    largest = {**FIELDS, "counter": 2**63 - 1, "sent_at_ms": 2**63 - 1, "void": [2**63 - 1] * MAX_VOID}
    for content in CONTENTS:
        assert len(encode_plaintext(content=content, conversation=b"g" * 16, **largest)) <= MAX_PLAINTEXT_BYTES


def test_a_plaintext_past_the_largest_bucket_is_neither_made_nor_read():
    with pytest.raises(LocalProtocolError):
        encode_plaintext(content=Text("x" * (MAX_PLAINTEXT_BYTES + 1)), **FIELDS)
    with pytest.raises(RemoteProtocolError):
        decode_plaintext(encode_plaintext(content=Text("x"), **FIELDS).ljust(MAX_PLAINTEXT_BYTES + 1, b"\x00"))


def altered(at: int, value: object) -> bytes:
    fields = msgspec.msgpack.decode(encode_plaintext(content=Text("hello"), **FIELDS))
    fields[at] = value
    return msgspec.msgpack.encode(fields)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 0),
        (0, 2),
        (1, b"s" * 31),
        (1, "s" * 32),
        (2, b"r" * 33),
        (3, b"g" * 17),
        (3, None),
        (4, b"i" * 15),
        (5, 0),
        (5, -1),
        (5, 2**63),
        (5, 1.0),
        (6, bytes(31)),
        (7, -1),
        (8, [0] * (MAX_VOID + 1)),
        (8, [-1]),
        (8, None),
        (9, []),
        (9, [9]),
        (9, [0, "text"]),
        (9, "text"),
        (9, [1]),
        (9, [1, b"bytes"]),
        (9, [1, "x" * (MAX_TEXT_BYTES + 1)]),
        (9, [1, "text", "more"]),
        (9, [2, "seen", [b"i" * 16]]),
        (9, [2, "read", []]),
        (9, [2, "read", [b"i" * 15]]),
        (9, [2, "read", [b"i" * 16] * (MAX_RECEIPT_IDS + 1)]),
        (9, [3, 1]),
        (9, [4, None]),
    ],
)
def test_a_field_outside_its_bounds_is_refused(at, value):
    with pytest.raises(RemoteProtocolError):
        decode_plaintext(altered(at, value))


def test_no_field_may_be_added_or_left_out():
    fields = msgspec.msgpack.decode(encode_plaintext(content=Renew(), **FIELDS))
    for wrong in (fields[:-1], [*fields, None], [], dict(enumerate(fields)), None, fields[9]):
        with pytest.raises(RemoteProtocolError):
            decode_plaintext(msgspec.msgpack.encode(wrong))


def test_text_that_is_no_utf_8_is_refused():
    encoded = encode_plaintext(content=Text("ab"), **FIELDS)
    with pytest.raises(RemoteProtocolError):
        decode_plaintext(encoded.replace(b"ab", b"\xff\xfe"))
    with pytest.raises(RemoteProtocolError):
        decode_content(encode_content(Text("ab")).replace(b"ab", b"\xc0\x80"))
