"""The files of blobs on a real disk, and the threads that touch them."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from sealwire.broker.blobjobs import BlobDone, BlobRow, EraseFiles, PutChunk, ReadFile, SealFile
from sealwire.broker.blobstore import PART, SYNC_BYTES, BlobFiles, BlobHands
from sealwire.errors import StoreError
from sealwire.wire.blobs import SEALED_CHUNK_BYTES, BlobId

BLOB = BlobId(b"b" * 16)
CHUNK = b"c" * SEALED_CHUNK_BYTES


@pytest.fixture
def files(tmp_path):
    return BlobFiles(tmp_path, 0)


def test_a_symbolic_link_in_the_place_of_a_blob_is_not_followed(files, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (files.folder / (BLOB.hex() + PART)).symlink_to(victim)
    assert files.carry_out(PutChunk(BLOB, 0, CHUNK)).outcome == "failed"
    (files.folder / BLOB.hex()).symlink_to(victim)
    assert files.carry_out(ReadFile(None, BLOB, 0, 8)).outcome == "failed"
    assert victim.read_bytes() == b"precious"


def test_a_file_of_another_length_is_not_sealed(files):
    files.carry_out(PutChunk(BLOB, 0, CHUNK))
    assert files.carry_out(SealFile(BLOB, SEALED_CHUNK_BYTES + 1)).outcome == "failed"
    assert (files.folder / (BLOB.hex() + PART)).exists()


def test_bytes_are_synced_while_they_come(files, monkeypatch):
    synced = []
    monkeypatch.setattr("sealwire.broker.blobstore.sync_data", lambda fd: synced.append(os.fstat(fd).st_size))
    for index in range(2 * SYNC_BYTES // SEALED_CHUNK_BYTES + 2):
        files.carry_out(PutChunk(BLOB, index * SEALED_CHUNK_BYTES, CHUNK))
    assert len(synced) == 2
    assert SYNC_BYTES <= synced[0] < SYNC_BYTES + SEALED_CHUNK_BYTES


def test_a_survey_knows_what_is_there(files):
    whole, half, none, gone = (BlobId(bytes([n]) * 16) for n in range(4))
    for blob in (whole, half):
        files.carry_out(PutChunk(blob, 0, CHUNK))
    files.carry_out(SealFile(whole, SEALED_CHUNK_BYTES))
    rows = [
        BlobRow(whole, "alice", SEALED_CHUNK_BYTES, b"r", 1, True),
        BlobRow(half, "alice", 2 * SEALED_CHUNK_BYTES, b"r", 1, False),
        BlobRow(none, "alice", 2 * SEALED_CHUNK_BYTES, b"r", 1, False),
        BlobRow(gone, "alice", 2 * SEALED_CHUNK_BYTES, b"r", 1, True),
    ]
    assert [row.chunks for row in files.survey(rows)] == [1, 1, 0, -1]


def test_a_folder_that_cannot_be_read_stops_the_start_with_a_sentence(files):
    files.folder.rmdir()
    with pytest.raises(StoreError):
        files.survey([])


def test_the_threads_write_and_read_and_end(files):
    ended = threading.Event()
    hands = BlobHands(files, ended.set, logging.getLogger("test"))
    told = []

    class Blobs:
        def __init__(self, *jobs):
            self.jobs = list(jobs)

        def done(self, event):
            told.append(event)

    def until(count, *jobs):
        blobs = Blobs(*jobs)
        while len(told) < count:
            hands.turn(blobs)
            assert ended.wait(10)
            ended.clear()
            hands.turn(blobs)

    put, seal, read = PutChunk(BLOB, 0, CHUNK), SealFile(BLOB, SEALED_CHUNK_BYTES), ReadFile("who", BLOB, 1, 3)
    until(1, put)
    until(2, seal)
    until(3, read)
    assert told == [BlobDone(put, "done"), BlobDone(seal, "done"), BlobDone(read, "done", b"ccc")]
    until(4, EraseFiles((BLOB,)))
    assert hands.stop(10)
    assert os.listdir(files.folder) == []
