"""Files as sealed chunks: libsodium's secretstream, a new stream for every run of chunks, padded to rounded sizes.

A stream is never taken up again after a break: its next chunk may have left before, and a source that changed
meanwhile would put two plaintexts under one nonce. So what follows a break is a new *run* under a fresh random header,
and a list of runs says where each begins. Reading can go on anywhere: sealing what is already there again gives the
state of the stream at that place, and it gives it only for the very same bytes.

Source: protocol.md §17.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from sealwire.crypto.primitives import KEY_BYTES, H, L
from sealwire.errors import LocalProtocolError, RefusedError
from sealwire.wire.blobs import CHUNK_BYTES, CHUNK_OVERHEAD, MAX_BLOB_BYTES, TAIL_BYTES, chunk_count
from sealwire.wire.file_content import MAX_FILE_BYTES, MAX_FILE_RUNS

HEADER_BYTES: Final = 24
MIN_PADDED_BYTES: Final = 4_096
"""Smaller files all look like this one."""

_MESSAGE: Final = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_FINAL: Final = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL


class Run(NamedTuple):
    """Chunks sealed by one stream, from ``first`` up to the next run's first."""

    first: int
    header: bytes
    """24 random bytes."""


def padded_size(size_bytes: int) -> int:
    """Return to what length a file is padded: Padmé, at most 12 % more, at least 4,096.

    Raises:
        LocalProtocolError: no file is that long.

    Source: protocol.md §17.1; Nikitin et al., Reducing Metadata Leakage from Encrypted Files, PETS 2019, §4.
    """
    if not 0 <= size_bytes <= MAX_FILE_BYTES:
        raise LocalProtocolError("no file is that long")
    if size_bytes <= MIN_PADDED_BYTES:
        return MIN_PADDED_BYTES
    exponent = size_bytes.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (size_bytes + mask) & ~mask


def blob_size(size_bytes: int) -> int:
    """Return the length of all sealed chunks of a file. Raises LocalProtocolError. Source: protocol.md §17.1."""
    padded = padded_size(size_bytes)
    size = padded + -(-padded // CHUNK_BYTES) * CHUNK_OVERHEAD
    assert size <= MAX_BLOB_BYTES
    return size


def reader_of(secret: bytes) -> bytes:
    """Return what the broker keeps of a blob's fetch secret. Source: protocol.md §17.2."""
    return H("blob", secret)


def are_runs(runs: Sequence[Run], size_bytes: int) -> bool:
    """Whether runs cover a file: the first begins at chunk 0, each later one behind it.

    Source: protocol.md §17.1.
    """
    firsts = [run.first for run in runs]
    rises = all(left < right for left, right in pairwise(firsts))
    whole = all(len(run.header) == HEADER_BYTES for run in runs)
    count = chunk_count(blob_size(size_bytes))
    return 0 < len(runs) <= MAX_FILE_RUNS and firsts[0] == 0 and rises and firsts[-1] < count and whole


class ChunkStream:
    """The chunks of one file, in order: each is sealed or opened exactly once.

    Args:
        key: 32 random bytes of this file alone.
        blob: the blob's id; a chunk opens in no other.
        size_bytes: the true size of the file.
    """

    def __init__(self, key: bytes, blob: bytes, size_bytes: int, runs: Sequence[Run]) -> None:
        if len(key) != KEY_BYTES or not are_runs(runs, size_bytes):
            raise LocalProtocolError("a file without a key or with impossible runs")
        self._key = key
        self._runs = {run.first: run.header for run in runs}
        self._padded = padded_size(size_bytes)
        self._count = chunk_count(blob_size(size_bytes))
        self._context = blob + self._padded.to_bytes(8, "big")
        self._next = 0
        self._state = sodium.crypto_secretstream_xchacha20poly1305_state()

    def __repr__(self) -> str:
        return f"<ChunkStream at {self._next} of {self._count}>"

    @property
    def next_index(self) -> int:
        """The chunk that comes next."""
        return self._next

    def length(self, index: int) -> int:
        """Plaintext bytes of one chunk, padding included."""
        return min(CHUNK_BYTES, self._padded - index * CHUNK_BYTES)

    def begin_run(self, header: bytes) -> None:
        """The next chunk is the first of a new run, and no run of before begins there or later."""
        self._runs = {first: old for first, old in self._runs.items() if first < self._next}
        self._runs[self._next] = header

    def seal(self, plaintext: bytes) -> bytes:
        """Seal the next chunk; shorter plaintext is padded with zeros.

        Source: protocol.md §17.1.
        """
        index = self._begin(self._next)
        padded = plaintext.ljust(self.length(index), b"\0")
        if len(padded) != self.length(index):
            raise LocalProtocolError("a chunk of another length")
        tag = _FINAL if index == self._count - 1 else _MESSAGE
        sealed = sodium.crypto_secretstream_xchacha20poly1305_push(self._state, padded, self._ad(index), tag)
        self._next += 1
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """Open the next chunk; returns it with its padding.

        Raises:
            RefusedError: it is not the next chunk of this file.

        Source: protocol.md §17.1.
        """
        index = self._begin(self._next)
        if len(sealed) != self.length(index) + CHUNK_OVERHEAD:
            raise RefusedError("damaged")
        try:
            plaintext, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(self._state, sealed, self._ad(index))
        except CryptoError:
            raise RefusedError("damaged") from None
        if tag != (_FINAL if index == self._count - 1 else _MESSAGE):
            raise RefusedError("damaged")  # a stream that ends early or goes on after its end
        self._next += 1
        return plaintext

    def _begin(self, index: int) -> int:
        if index >= self._count:
            raise LocalProtocolError("no chunk follows the last")
        header = self._runs.get(index)
        if header is not None:
            # Both directions start from the same state; libsodium's own start of sealing only picks the header itself.
            self._state = sodium.crypto_secretstream_xchacha20poly1305_state()
            sodium.crypto_secretstream_xchacha20poly1305_init_pull(self._state, header, self._key)
        return index

    def _ad(self, index: int) -> bytes:
        return L("file-chunk", self._context + index.to_bytes(8, "big"))


def tail_of(sealed: bytes) -> bytes:
    """Return the authenticator of a sealed chunk."""
    return sealed[-TAIL_BYTES:]
