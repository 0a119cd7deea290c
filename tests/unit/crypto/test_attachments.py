"""Chunks of files: padding, runs, order, and everything that must not open (protocol.md §17.1)."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl import bindings as sodium

from sealwire.crypto.attachments import HEADER_BYTES, ChunkStream, Run, are_runs, blob_size, padded_size, tail_of
from sealwire.errors import LocalProtocolError, RefusedError
from sealwire.wire.blobs import CHUNK_BYTES, chunk_count, chunk_length
from sealwire.wire.file_content import MAX_FILE_BYTES, MAX_FILE_RUNS

KEY, BLOB = b"k" * 32, b"b" * 16
DATA = b"d" + os.urandom(3 * CHUNK_BYTES + 999)  # the tests change its first byte to another
SIZE = len(DATA)
RUNS = (Run(0, b"h" * HEADER_BYTES),)
TWO_RUNS = (Run(0, b"h" * HEADER_BYTES), Run(2, b"i" * HEADER_BYTES))


def pieces(data=DATA):
    return [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]


def stream(runs=RUNS, blob=BLOB, key=KEY, size=SIZE):
    return ChunkStream(key, blob, size, runs)


def sealed(runs=RUNS, blob=BLOB, key=KEY):
    sealing = stream(runs, blob, key)
    return [sealing.seal(piece) for piece in pieces()]


def opened(chunks, **of):
    opening = stream(**of)
    return b"".join(opening.open(chunk) for chunk in chunks)


@pytest.mark.parametrize("runs", [RUNS, TWO_RUNS])
def test_what_was_sealed_opens_to_the_file_and_zeros(runs):
    plain = opened(sealed(runs), runs=runs)
    assert plain == DATA.ljust(padded_size(len(DATA)), b"\0")
    assert sum(map(len, sealed(runs))) == blob_size(len(DATA))


def test_libsodiums_own_streams_are_ours():
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    header = sodium.crypto_secretstream_xchacha20poly1305_init_push(state, KEY)
    ours = stream((Run(0, header),))
    for index, piece in enumerate(pieces()):
        theirs = sodium.crypto_secretstream_xchacha20poly1305_push(
            state, piece.ljust(ours.length(index), b"\0"), ours._ad(index), 3 if index == 3 else 0
        )
        assert ours.seal(piece) == theirs


@pytest.mark.parametrize("runs", [RUNS, TWO_RUNS])
@pytest.mark.parametrize("there", range(5))
def test_reading_goes_on_anywhere_from_what_is_there_already(runs, there):
    chunks = sealed(runs)
    reading = stream(runs)
    for piece in pieces()[:there]:
        reading.seal(piece)
    rest = b"".join(reading.open(chunk) for chunk in chunks[there:])
    assert rest[: len(DATA) - there * CHUNK_BYTES] == DATA[there * CHUNK_BYTES :]


def test_reading_goes_on_only_from_the_very_same_bytes():
    chunks, reading = sealed(), stream()
    reading.seal(b"x" + pieces()[0][1:])
    with pytest.raises(RefusedError):
        reading.open(chunks[1])


def test_the_tail_of_a_chunk_depends_on_everything_before_it_in_its_stream():
    one, other = stream(), stream()
    one.seal(pieces()[0])
    other.seal(b"x" + pieces()[0][1:])
    assert tail_of(one.seal(pieces()[1])) != tail_of(other.seal(pieces()[1]))


def test_a_new_run_begins_where_its_sender_lost_the_stream_and_shares_no_keystream_with_it():
    sending = stream()
    first = sending.seal(pieces()[0])
    lost = sending.seal(pieces()[1])
    again = stream()
    again.seal(pieces()[0])
    again.begin_run(b"n" * HEADER_BYTES)
    rest = [again.seal(piece) for piece in pieces()[1:]]
    assert rest[0][1:17] != lost[1:17]
    plain = opened([first, *rest], runs=(RUNS[0], Run(1, b"n" * HEADER_BYTES)))
    assert plain[: len(DATA)] == DATA


# --- what must not open --------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(1, 0, 2, 3), (0, 2, 1, 3), (0, 1, 3, 2), (0, 0, 1, 2), (0, 1, 1, 2), (3,)])
@pytest.mark.parametrize("runs", [RUNS, TWO_RUNS])
def test_chunks_in_another_order_do_not_open(order, runs):
    chunks = sealed(runs)
    with pytest.raises(RefusedError):
        opened([chunks[index] for index in order], runs=runs)


def test_a_chunk_of_another_file_blob_or_key_does_not_open():
    for of in ({"blob": b"o" * 16}, {"key": b"o" * 32}, {"runs": (Run(0, b"o" * HEADER_BYTES),)}):
        with pytest.raises(RefusedError):
            opened(sealed(**of))


def test_a_run_cannot_be_moved_to_another_place():
    chunks = sealed(TWO_RUNS)
    with pytest.raises(RefusedError):
        opened(chunks[:1] + chunks[2:3], runs=(TWO_RUNS[0], Run(1, TWO_RUNS[1].header)))


@pytest.mark.parametrize("size", [len(DATA) - CHUNK_BYTES, len(DATA) + CHUNK_BYTES, padded_size(len(DATA)) + 1])
def test_under_another_size_nothing_opens(size):
    with pytest.raises(RefusedError):
        opened(sealed(), size=size)


def test_a_stream_that_ends_early_or_goes_on_after_its_end_is_refused():
    for index, tag in ((1, 3), (3, 0), (0, 1), (0, 2)):
        state = sodium.crypto_secretstream_xchacha20poly1305_state()
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, RUNS[0].header, KEY)
        reading, chunks = stream(), []
        for at, piece in enumerate(pieces()):
            own = tag if at == index else 3 if at == 3 else 0
            padded = piece.ljust(reading.length(at), b"\0")
            chunks.append(sodium.crypto_secretstream_xchacha20poly1305_push(state, padded, reading._ad(at), own))
        with pytest.raises(RefusedError):
            opened(chunks)


@given(st.data())
def test_any_flipped_bit_anywhere_is_refused(data):
    chunks = sealed()
    index = data.draw(st.integers(0, 3))
    at = data.draw(st.integers(0, len(chunks[index]) - 1))
    damaged = bytearray(chunks[index])
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    chunks[index] = bytes(damaged)
    with pytest.raises(RefusedError):
        opened(chunks)


@pytest.mark.parametrize("cut", [b"", b"x", b"x" * 16, b"x" * 17, b"x" * (CHUNK_BYTES + 16), b"x" * (CHUNK_BYTES + 18)])
def test_a_chunk_of_another_length_is_refused(cut):
    with pytest.raises(RefusedError):
        stream().open(cut)


# --- sizes and runs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "padded"),
    [
        (0, 4_096),
        (1, 4_096),
        (4_096, 4_096),
        (4_097, 4_352),
        (65_536, 65_536),
        (65_537, 67_584),
        (10**9, 1_006_632_960),
    ],
)
def test_sizes_are_rounded_up(size, padded):
    assert padded_size(size) == padded


@given(st.integers(0, MAX_FILE_BYTES))
def test_rounding_costs_little_and_leaves_few_sizes(size):
    padded = padded_size(size)
    assert size <= padded <= max(4_096, size * 1.125)
    assert padded_size(padded) == padded
    assert chunk_count(blob_size(size)) == -(-padded // CHUNK_BYTES)
    assert chunk_length(blob_size(size), chunk_count(blob_size(size)) - 1) > 17


def test_all_sizes_of_a_range_fall_into_few_buckets():
    assert len({padded_size(size) for size in range(1 << 20, 1 << 21, 97)}) <= 33


@pytest.mark.parametrize("size", [-1, MAX_FILE_BYTES + 1])
def test_a_size_that_no_file_has_is_refused(size):
    with pytest.raises(LocalProtocolError):
        padded_size(size)


@pytest.mark.parametrize("firsts", [[], [1], [0, 0], [0, 2, 1], [0, 4], [0, 1 << 31], list(range(MAX_FILE_RUNS + 1))])
def test_runs_that_cannot_be_are_refused(firsts):
    runs = [Run(first, b"h" * HEADER_BYTES) for first in firsts]
    assert not are_runs(runs, len(DATA))
    with pytest.raises(LocalProtocolError):
        stream(runs)


def test_no_chunk_follows_the_last_and_none_is_longer_than_its_place():
    sending = stream()
    for piece in pieces():
        sending.seal(piece)
    with pytest.raises(LocalProtocolError):
        sending.seal(b"more")
    with pytest.raises(LocalProtocolError):
        stream().seal(bytes(CHUNK_BYTES + 1))


def test_the_key_is_not_shown():
    assert "k" * 8 not in repr(stream())
