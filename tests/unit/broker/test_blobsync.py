"""A file is synced beside the writing, one at a time; a sync that failed is never forgotten."""

from __future__ import annotations

import os
import threading
from errno import EIO

import pytest

from sealwire.broker import blobstore, blobsync
from sealwire.broker.blobjobs import EraseFiles, PutChunk, SealFile
from sealwire.broker.blobstore import BlobFiles
from sealwire.broker.blobsync import SyncBeside
from sealwire.wire.blobs import SEALED_CHUNK_BYTES, BlobId

BLOB, OTHER = BlobId(b"b" * 16), BlobId(b"o" * 16)
CHUNK = b"c" * SEALED_CHUNK_BYTES


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(blobstore, "SYNC_BYTES", SEALED_CHUNK_BYTES)  # every chunk asks for a sync
    made = BlobFiles(tmp_path, 0)
    made.beside = SyncBeside()
    yield made
    made.beside.stop()
    made.beside.thread.join(10)
    assert not made.beside.thread.is_alive()


def put(files, blob, index):
    return files.carry_out(PutChunk(blob, index * SEALED_CHUNK_BYTES, CHUNK)).outcome


def test_writing_goes_on_while_a_file_is_synced(files, monkeypatch):
    begun, may_end = threading.Event(), threading.Event()

    def sync(_descriptor):
        begun.set()
        assert may_end.wait(10)

    monkeypatch.setattr(blobsync, "sync_data", sync)
    assert put(files, BLOB, 0) == "done"
    assert begun.wait(10)
    monkeypatch.setattr(blobstore, "SYNC_BYTES", 1 << 40)
    assert [put(files, BLOB, n) for n in (1, 2)] == ["done", "done"]
    assert put(files, OTHER, 0) == "done"
    may_end.set()
    assert files.carry_out(SealFile(BLOB, 3 * SEALED_CHUNK_BYTES)).outcome == "done"


def test_the_end_waits_for_what_is_being_synced(files, monkeypatch):
    order = []
    real = os.fsync
    monkeypatch.setattr(blobsync, "sync_data", lambda _descriptor: order.append("beside"))
    monkeypatch.setattr(os, "fsync", lambda descriptor: order.append("end") or real(descriptor))
    put(files, BLOB, 0)
    files.carry_out(SealFile(BLOB, SEALED_CHUNK_BYTES))
    assert order[:2] == ["beside", "end"]


def test_a_sync_that_failed_loses_its_blob_and_no_other(files, monkeypatch):
    """The kernel tells of it once: without a memory of ours the sync at the end would succeed, and lie."""

    def fails(_descriptor):
        raise OSError(EIO, "input/output error")

    monkeypatch.setattr(blobsync, "sync_data", fails)
    assert put(files, BLOB, 0) == "done"
    files.beside.settle()
    monkeypatch.setattr(blobsync, "sync_data", os.fsync)
    assert put(files, BLOB, 1) == "failed"
    assert files.carry_out(SealFile(BLOB, SEALED_CHUNK_BYTES)).outcome == "failed"
    assert put(files, OTHER, 0) == "done"
    assert files.carry_out(SealFile(OTHER, SEALED_CHUNK_BYTES)).outcome == "done"
    assert files.carry_out(EraseFiles((BLOB,))).outcome == "done"
    assert put(files, BLOB, 0) == "done", "one that is begun again is another one"


def test_failures_are_remembered_up_to_a_bound(monkeypatch):
    def fails(_descriptor):
        raise OSError(EIO, "input/output error")

    monkeypatch.setattr(blobsync, "sync_data", fails)
    monkeypatch.setattr(blobsync, "MAX_FAILED", 2)
    beside = SyncBeside()
    read, write = os.pipe()
    for n in range(3):
        beside.begin(BlobId(bytes([n]) * 16), write)
    beside.settle()
    beside.check(BlobId(bytes(16)))
    with pytest.raises(OSError, match="error"):
        beside.check(BlobId(bytes([2]) * 16))
    beside.stop()
    beside.thread.join(10)
    os.close(read)
    os.close(write)
