"""Requests and answers of a bulk connection, and the arithmetic of chunks (protocol.md §17)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import RemoteProtocolError
from sealwire.ids import Token
from sealwire.wire import blobs
from sealwire.wire.blobs import (
    CHUNK_OVERHEAD,
    MAX_BLOB_BYTES,
    MAX_BULK_BYTES,
    SEALED_CHUNK_BYTES,
    BlobState,
    chunk_count,
    chunk_length,
    is_blob_size,
)
from sealwire.wire.control import Response, encode_response
from sealwire.wire.frames import MAX_FRAME_BYTES

TOKEN = Token(b"token678")
BLOB, SECRET = b"b" * 16, b"s" * 32
REQUESTS = [
    blobs.BlobOpen(id=1, blob=BLOB, size=4_113, reader=SECRET),
    blobs.BlobPut(id=2, blob=BLOB, index=0, chunk=b"c" * SEALED_CHUNK_BYTES),
    blobs.BlobCommit(id=3, blob=BLOB),
    blobs.BlobStat(id=4, blob=BLOB, secret=SECRET),
    blobs.BlobGet(id=5, blob=BLOB, secret=SECRET, index=7),
    blobs.BlobDrop(id=6, blob=BLOB),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: type(one).__name__)
def test_a_request_is_read_as_it_was_written_and_fits_a_frame(request_):
    frame = blobs.encode_blob_request(TOKEN, request_)
    assert blobs.decode_blob_request(frame) == request_
    assert len(frame) <= MAX_BULK_BYTES < MAX_FRAME_BYTES


def test_an_answer_with_a_whole_chunk_is_read_as_it_was_written():
    response = Response(id=9, body=b"c" * SEALED_CHUNK_BYTES)
    frame = encode_response(response)
    assert blobs.decode_bulk_response(frame).body == response.body
    assert len(frame) <= MAX_BULK_BYTES


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x20token678",
        b"\x21token678" + blobs.encode_blob_request(TOKEN, REQUESTS[0])[9:],
        blobs.encode_blob_request(TOKEN, REQUESTS[0]) + b"\0",
        blobs.encode_blob_request(TOKEN, REQUESTS[0])[:-1],
        b"\x20token678" + b"\0" * (MAX_BULK_BYTES + 1),
        blobs.encode_blob_request(TOKEN, blobs.BlobPut(id=1, blob=BLOB, index=0, chunk=b"c" * CHUNK_OVERHEAD)),
        blobs.encode_blob_request(TOKEN, blobs.BlobPut(id=1, blob=BLOB, index=0, chunk=bytes(SEALED_CHUNK_BYTES + 1))),
        blobs.encode_blob_request(TOKEN, blobs.BlobOpen(id=1, blob=BLOB, size=MAX_BLOB_BYTES + 1, reader=SECRET)),
        blobs.encode_blob_request(TOKEN, blobs.BlobOpen(id=1, blob=BLOB, size=-5, reader=SECRET)),
        blobs.encode_blob_request(TOKEN, blobs.BlobDrop(id=1, blob=BLOB + b"b")),
        blobs.encode_blob_request(TOKEN, blobs.BlobGet(id=1, blob=BLOB, secret=SECRET, index=1 << 32)),
    ],
)
def test_a_request_of_another_form_is_refused(frame):
    with pytest.raises(RemoteProtocolError):
        blobs.decode_blob_request(frame)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x80",
        blobs.encode_blob_state(BlobState(size=4_113, chunks=2, done=False)),
        blobs.encode_blob_state(BlobState(size=SEALED_CHUNK_BYTES + 1, chunks=0, done=False)),
        blobs.encode_blob_state(BlobState(size=0, chunks=0, done=False)),
        blobs.encode_blob_state(BlobState(size=4_113, chunks=1, done=True, tail=bytes(17))),
    ],
)
def test_a_state_that_contradicts_itself_is_refused(body):
    with pytest.raises(RemoteProtocolError):
        blobs.decode_blob_state(body)


@given(st.integers(1, MAX_BLOB_BYTES))
def test_the_chunks_of_a_blob_add_up_to_it(size):
    count = chunk_count(size)
    last = chunk_length(size, count - 1)
    assert (count - 1) * SEALED_CHUNK_BYTES + last == size
    assert 0 < last <= SEALED_CHUNK_BYTES
    assert is_blob_size(size) == (last > CHUNK_OVERHEAD)
