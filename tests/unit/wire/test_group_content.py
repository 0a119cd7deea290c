"""What is said about groups between two devices, and what stands inside a group's message."""

import os

import msgspec
import pytest

from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.wire.content import MAX_PLAINTEXT_BYTES, Text, decode_content, encode_content
from sealwire.wire.group_content import (
    MAX_SHARED,
    Ask,
    Ended,
    Invitation,
    Notice,
    SenderKeyGiven,
    Shared,
    SharedMessage,
)
from sealwire.wire.group_plain import GroupPlaintext, decode_group_plaintext, encode_group_plaintext

GROUP, KEY, HEAD = b"g" * 16, b"k" * 32, b"h" * 32
GIVEN = SenderKeyGiven(GROUP, 3, 9, HEAD, KEY, KEY, 7, KEY, Ended(2, 40))
PLAIN = GroupPlaintext(1, GROUP, KEY, 3, 9, HEAD, b"m" * 16, bytes(32), 1_760_000_000_000, Text("hello"))

CONTENTS = [
    GIVEN,
    SenderKeyGiven(GROUP, 1, 1, HEAD, KEY, KEY, 0, KEY),
    Invitation(GROUP, 4, HEAD, KEY, b""),
    Notice(GROUP, 4, HEAD, b"", KEY),
    Ask(GROUP),
    Shared(GROUP, [SharedMessage(b"m" * 16, "alice", 5, "said before")]),
]


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: type(content).__name__)
def test_contents_read_back(content):
    assert decode_content(encode_content(content)) == content


@pytest.mark.parametrize("field", ["group", "head", "log_key", "chain_key", "verify_key"])
@pytest.mark.parametrize("size", [0, 15, 33])
def test_lengths_are_exact(field, size):
    wrong = msgspec.structs.replace(GIVEN, **{field: bytes(size)})
    with pytest.raises(RemoteProtocolError):
        decode_content(encode_content(wrong))


@pytest.mark.parametrize("change", [{"epoch": 0}, {"sequence": 0}, {"epoch": 2**32}, {"iteration": -1}])
def test_numbers_have_a_range(change):
    with pytest.raises(RemoteProtocolError):
        decode_content(encode_content(msgspec.structs.replace(GIVEN, **change)))


def test_what_is_shared_is_bounded():
    one = SharedMessage(b"m" * 16, "alice", 5, "x")
    for messages in ([], [one] * (MAX_SHARED + 1), [SharedMessage(b"m" * 16, "", 5, "x")]):
        with pytest.raises(RemoteProtocolError):
            decode_content(encode_content(Shared(GROUP, messages)))


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: type(content).__name__)
def test_no_key_is_shown(content):
    assert "kkkk" not in repr(content)
    assert KEY.hex() not in repr(content)


def test_a_groups_plaintext_reads_back():
    assert decode_group_plaintext(encode_group_plaintext(PLAIN)) == PLAIN


@pytest.mark.parametrize("junk", [b"", b"\x90", os.urandom(200), bytes(MAX_PLAINTEXT_BYTES + 1)])
def test_anything_else_is_refused(junk):
    with pytest.raises(RemoteProtocolError):
        decode_group_plaintext(junk)


def test_a_field_more_or_less_is_refused():
    fields = msgspec.msgpack.decode(encode_group_plaintext(PLAIN))
    for wrong in (fields[:-1], [*fields, 1], [2, *fields[1:]]):
        with pytest.raises(RemoteProtocolError):
            decode_group_plaintext(msgspec.msgpack.encode(wrong))


def test_a_plaintext_past_the_largest_bucket_is_our_own_mistake():
    with pytest.raises(LocalProtocolError):
        encode_group_plaintext(msgspec.structs.replace(PLAIN, content=Text("x" * MAX_PLAINTEXT_BYTES)))
