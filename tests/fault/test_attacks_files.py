"""Attacks that broke other systems, on files between a sender, a hostile broker and a recipient.

The numbers are those of docs/security.md.
"""

import asyncio
import dataclasses
import io
import os

import pytest
from nacl import bindings as sodium
from PIL import Image

from sealwire.crypto.attachments import HEADER_BYTES, ChunkStream, Run
from sealwire.errors import RefusedError
from sealwire.peer import thumbs
from sealwire.wire.blobs import CHUNK_BYTES, SEALED_CHUNK_BYTES
from tests.unit.peer.moving import Carrier, MemorySink, make_rig, offered

DATA = os.urandom(4 * CHUNK_BYTES + 777)
CHUNK = SEALED_CHUNK_BYTES


@pytest.fixture
def rig(tmp_path):
    made = make_rig(tmp_path)
    yield made
    made.store.close()


def stored(carrier, content=DATA):
    plan = carrier.upload(content)
    carrier.run()
    return offered(carrier.runs[plan.row], content)


def refused(carrier, plan):
    sink = MemorySink()
    carrier.download(plan, sink)
    carrier.run()
    assert sink.final is None
    return carrier.failures()


def blob_of(rig, plan):
    return rig.folder / "blobs" / plan.blob.hex()


# --- 27: the authenticator of an attachment passed by -----------------------------------------------------------

HOSTILE = {
    "swapped": lambda kept: kept[CHUNK : 2 * CHUNK] + kept[:CHUNK] + kept[2 * CHUNK :],
    "repeated": lambda kept: kept[:CHUNK] + kept[:CHUNK] + kept[2 * CHUNK :],
    "reversed": lambda kept: kept[3 * CHUNK : 4 * CHUNK] + kept[CHUNK : 3 * CHUNK] + kept[:CHUNK] + kept[4 * CHUNK :],
    "cut": lambda kept: kept[: 3 * CHUNK],
    "cut within a chunk": lambda kept: kept[:-1],
    "empty": lambda _kept: b"",
    "a bit": lambda kept: kept[: CHUNK + 9] + bytes([kept[CHUNK + 9] ^ 1]) + kept[CHUNK + 10 :],
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_attack_27_chunks_in_any_other_form_leave_nothing_under_the_name(rig, change):
    alice = Carrier(rig)
    plan = stored(alice)
    path = blob_of(rig, plan)
    path.write_bytes(change(path.read_bytes()))
    assert refused(alice, plan)[-1:] in (["FileDamagedError"], ["FileGoneError"], ["FileRefusedError"])


def test_attack_27_another_file_of_the_same_size_is_not_the_one_that_was_announced(rig):
    alice = Carrier(rig)
    plan, other = stored(alice), stored(alice, os.urandom(len(DATA)))
    mine, theirs = blob_of(rig, plan), blob_of(rig, other)
    first, second = mine.read_bytes(), theirs.read_bytes()
    mine.write_bytes(second)
    theirs.write_bytes(first)
    assert refused(alice, plan) == ["FileDamagedError"]
    mine.write_bytes(first[:CHUNK] + second[CHUNK:])
    assert refused(alice, dataclasses.replace(plan, row=plan.row + 1))[-1:] == ["FileDamagedError"]


def test_attack_27_a_chunk_opens_in_its_own_blob_only():
    """Were one key ever used for two blobs, the blobs would still not be each other's."""
    runs = (Run(0, os.urandom(HEADER_BYTES)),)
    sealed = ChunkStream(b"k" * 32, b"b" * 16, 100, runs).seal(b"x" * 100)
    with pytest.raises(RefusedError):
        ChunkStream(b"k" * 32, b"c" * 16, 100, runs).open(sealed)


def test_attack_27_a_file_without_its_last_chunk_has_no_end():
    runs = (Run(0, os.urandom(HEADER_BYTES)),)
    reading = ChunkStream(b"k" * 32, b"b" * 16, 100, runs)
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, runs[0].header, b"k" * 32)
    endless = sodium.crypto_secretstream_xchacha20poly1305_push(
        state, b"x".ljust(reading.length(0), b"\0"), reading._ad(0), 0
    )
    with pytest.raises(RefusedError):
        reading.open(endless)


def test_attack_27_the_hash_is_compared_before_the_file_has_a_name(rig):
    alice = Carrier(rig)
    plan = stored(alice)
    assert refused(alice, dataclasses.replace(plan, digest=bytes(32))) == ["FileDamagedError"]


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1, len(DATA) + (1 << 32), 1 << 33, 0])
def test_attack_27_a_size_that_lies_has_no_file(rig, size):
    alice = Carrier(rig)
    plan = stored(alice)
    assert refused(alice, dataclasses.replace(plan, size=size))[-1:] in (["FileDamagedError"], ["FileGoneError"])


# --- 28: every byte that is not looked at -----------------------------------------------------------------------


def test_attack_28_every_byte_of_a_chunk_is_authenticated():
    content, runs = os.urandom(300), (Run(0, os.urandom(HEADER_BYTES)),)
    sealed = ChunkStream(b"k" * 32, b"b" * 16, 300, runs).seal(content)
    for at in range(len(sealed)):
        altered = bytearray(sealed)
        altered[at] ^= 1 << at % 8
        with pytest.raises(RefusedError):
            ChunkStream(b"k" * 32, b"b" * 16, 300, runs).open(bytes(altered))
    assert ChunkStream(b"k" * 32, b"b" * 16, 300, runs).open(sealed)[:300] == content


@pytest.mark.parametrize("field", ["digest", "key", "blob", "secret", "runs"])
def test_attack_28_every_field_of_an_announcement_counts(rig, field):
    alice = Carrier(rig)
    plan = stored(alice, DATA[: CHUNK_BYTES + 9])
    for at in (0, 7, 15):
        altered = bytearray(plan.runs[0].header if field == "runs" else getattr(plan, field))
        altered[at] ^= 1
        value = (Run(0, bytes(altered)),) if field == "runs" else bytes(altered)
        changed = dataclasses.replace(plan, row=plan.row + at + 1, **{field: value})
        assert refused(alice, changed)[-1] in ("FileDamagedError", "FileGoneError")
    sink = MemorySink()
    alice.download(plan, sink)
    alice.run()
    assert sink.final == DATA[: CHUNK_BYTES + 9]


# --- 31: what unfolds into more than it says --------------------------------------------------------------------


def test_attack_31_an_image_past_the_pixels_is_judged_before_it_is_decoded():
    """In the room of a thumbnail fits an image of many more pixels than any thumbnail has."""
    for side, is_made in ((500, True), (700, False)):
        out = io.BytesIO()
        Image.new("L", (side, side), 99).save(out, "JPEG", quality=5)
        assert (asyncio.run(thumbs.again(out.getvalue())) is not None) == is_made
