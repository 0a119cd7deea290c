"""Blobs: what carries files. Requests of a bulk connection, and how long a blob and each of its chunks are.

A blob is a row of sealed chunks of equal length but the last. The broker knows its length, its owner and the hash of
the secret that lets others read it; what is inside is a matter of ``crypto.attachments``.

Source: protocol.md §17.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, NewType

import msgspec
from msgspec import Meta

from sealwire.errors import RemoteProtocolError
from sealwire.ids import Token
from sealwire.wire.control import U32, U64, Bytes16, Bytes32, Response
from sealwire.wire.frames import AT_BODY, PROTOCOL_VERSION, Verb

BlobId = NewType("BlobId", bytes)
"""16 random bytes: the name of a blob at the broker."""

CHUNK_BYTES: Final = 65_536
"""Plaintext of one chunk: a frame holds one, and a break costs at most a window of them."""
CHUNK_OVERHEAD: Final = 17
"""What sealing adds to a chunk: its tag and its authenticator."""
SEALED_CHUNK_BYTES: Final = CHUNK_BYTES + CHUNK_OVERHEAD
BULK_WINDOW: Final = 4
"""Requests of one bulk connection under way: 256 KiB in memory for each, and what a break may move twice."""
MAX_BULK_BYTES: Final = 72 * 1024
"""A request or an answer with a chunk in it: bounds what the decoder may allocate; frames hold 96 KiB."""
MAX_BLOB_BYTES: Final = 1 << 41
"""Two tebibytes: past it no number of chunks fits its field; without it sizes of nonsense reach arithmetic."""
TAIL_BYTES: Final = 16
"""The authenticator at the end of a chunk: it depends on everything sealed before it in the same stream."""

SealedChunk = Annotated[bytes, Meta(min_length=CHUNK_OVERHEAD + 1, max_length=SEALED_CHUNK_BYTES)]


class BlobOpen(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="open"):
    """Begin a blob, or go on with it: the answer says what is there."""

    v: int = PROTOCOL_VERSION
    id: U32
    blob: Bytes16
    size: Annotated[int, Meta(gt=CHUNK_OVERHEAD, le=MAX_BLOB_BYTES)]
    """Bytes of all sealed chunks."""
    reader: Bytes32
    """H("blob", secret): who presents the secret may read."""


class BlobPut(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="put"):
    """Append a chunk; one that is there already is acknowledged again and not written."""

    v: int = PROTOCOL_VERSION
    id: U32
    blob: Bytes16
    index: U32
    chunk: SealedChunk


class BlobCommit(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="commit"):
    """All chunks are there: keep the blob for its readers. Answered when it is on disk."""

    v: int = PROTOCOL_VERSION
    id: U32
    blob: Bytes16


class BlobStat(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="stat"):
    """Ask what is there of a blob, as its reader."""

    v: int = PROTOCOL_VERSION
    id: U32
    blob: Bytes16
    secret: Bytes32


class BlobGet(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="get"):
    """Read one chunk of a blob that is whole; it is the body of the answer."""

    v: int = PROTOCOL_VERSION
    id: U32
    blob: Bytes16
    secret: Bytes32
    index: U32


class BlobDrop(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="drop"):
    """Delete an own blob, whole or not; one that is not there counts as deleted."""

    v: int = PROTOCOL_VERSION
    id: U32
    blob: Bytes16


BlobRequest = BlobOpen | BlobPut | BlobCommit | BlobStat | BlobGet | BlobDrop


class BlobState(msgspec.Struct, frozen=True, kw_only=True):
    """Body of the answer to open and stat."""

    size: U64
    chunks: U32
    """How many of them are there, from the first without a gap."""
    done: bool
    """Committed: readers may have it."""
    tail: Annotated[bytes, Meta(max_length=TAIL_BYTES)] = b""
    """The last bytes of what is there, for its owner only."""


def chunk_count(blob_bytes: int) -> int:
    """Return the number of chunks of a blob. Source: protocol.md §17.1."""
    return -(-blob_bytes // SEALED_CHUNK_BYTES)


def chunk_length(blob_bytes: int, index: int) -> int:
    """Return the sealed length of one chunk of a blob. Source: protocol.md §17.1."""
    return min(SEALED_CHUNK_BYTES, blob_bytes - index * SEALED_CHUNK_BYTES)


def is_blob_size(blob_bytes: int) -> bool:
    """Whether a blob can be this long: its last chunk holds at least one byte. Source: protocol.md §17.1."""
    last = chunk_length(blob_bytes, chunk_count(blob_bytes) - 1)
    return 0 < blob_bytes <= MAX_BLOB_BYTES and last > CHUNK_OVERHEAD


_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(BlobRequest).decode
_decode_response = msgspec.msgpack.Decoder(Response).decode
_decode_state = msgspec.msgpack.Decoder(BlobState).decode
_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encode_blob_request(token: Token, request: BlobRequest) -> bytes:
    """Encode a REQUEST of a bulk connection. Source: protocol.md §17.3."""
    return b"".join((b"\x20", token, _encode(request)))


def decode_blob_request(frame: bytes) -> Any:
    """Decode a whole REQUEST frame of a bulk connection into a ``BlobRequest``; the caller has checked its token.

    Raises:
        RemoteProtocolError: anything else.

    Source: protocol.md §17.3.
    """
    if not AT_BODY <= len(frame) <= AT_BODY + MAX_BULK_BYTES or frame[0] != Verb.REQUEST:
        raise RemoteProtocolError("not a REQUEST")
    try:
        return _decode_request(memoryview(frame)[AT_BODY:])
    except _MALFORMED as error:
        raise RemoteProtocolError("malformed request") from error


def decode_bulk_response(frame: bytes) -> Response:
    """Decode a whole RESPONSE frame of a bulk connection.

    Raises:
        RemoteProtocolError: anything else.

    Source: protocol.md §17.3.
    """
    if not 1 <= len(frame) <= 1 + MAX_BULK_BYTES or frame[0] != Verb.RESPONSE:
        raise RemoteProtocolError("not a RESPONSE")
    try:
        return _decode_response(memoryview(frame)[1:])
    except _MALFORMED as error:
        raise RemoteProtocolError("malformed response") from error


def encode_blob_state(state: BlobState) -> bytes:
    """Encode the body of an answer to open and stat. Source: protocol.md §17.3."""
    return _encode(state)


def decode_blob_state(body: bytes) -> BlobState:
    """Decode the body of an answer to open and stat.

    Raises:
        RemoteProtocolError: malformed, or numbers that contradict each other.

    Source: protocol.md §17.3.
    """
    try:
        state = _decode_state(body)
    except _MALFORMED as error:
        raise RemoteProtocolError("malformed blob state") from error
    if not is_blob_size(state.size) or state.chunks > chunk_count(state.size):
        raise RemoteProtocolError("a blob state that contradicts itself")
    return state
