"""The files of blobs and the threads that touch them: one appends and deletes, one reads, one syncs.

Neither the router nor the writer of mail ever waits for them. Bytes are synced every few megabytes while they come, so
that the sync at the end is short and the disk's queue never holds a whole file in front of somebody's message; and
beside the writing, so that senders do not stand still meanwhile.

Source: protocol.md §17.2.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Final, NamedTuple, Protocol

from msgspec.structs import replace

from sealwire.broker.blobjobs import (
    BlobDone,
    BlobJob,
    BlobOutcome,
    BlobRow,
    EraseFiles,
    PutChunk,
    ReadFile,
    SealFile,
)
from sealwire.broker.blobsync import SyncBeside
from sealwire.errors import StoreError
from sealwire.files import PRIVATE_FILE, make_private_folder, read_at, sync_data, sync_folder, write_at
from sealwire.wire.blobs import SEALED_CHUNK_BYTES, BlobId, chunk_count

FOLDER: Final = "blobs"
PART: Final = ".part"
"""Ends the name of a blob that is not complete; what is complete is called by its id alone."""
SYNC_BYTES: Final = 8 * 1024 * 1024
"""Synced at least this often: without it the kernel keeps gigabytes and messages wait behind them for their own."""
EVENTS_PER_TURN: Final = 32
"""Answers taken in one turn of the loop: 2 MiB, a few milliseconds."""
_FLAGS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_FULL: Final = frozenset({ENOSPC, EDQUOT, EFBIG})


class BlobFiles:
    """A folder of blobs. One thread may write, another one read.

    Args:
        folder: the broker's own data folder.
        keep_free_bytes: room on the disk that files leave to messages.

    Attributes:
        beside: syncs while more is written; without it the writer does so itself.
    """

    def __init__(self, folder: Path, keep_free_bytes: int) -> None:
        self.beside: SyncBeside | None = None
        self.folder = folder / FOLDER
        self._keep_free_bytes = keep_free_bytes
        make_private_folder(self.folder)

    def survey(self, rows: Iterable[BlobRow]) -> list[BlobRow]:
        """Find what is there of each blob, and delete what belongs to none.

        Raises:
            StoreError: the folder cannot be read or written.
        """
        try:
            return self._survey(rows)
        except OSError as error:
            raise StoreError(path=self.folder, detail=str(error)) from error

    def _survey(self, rows: Iterable[BlobRow]) -> list[BlobRow]:
        there = {entry.name: entry.stat().st_size for entry in os.scandir(self.folder) if entry.is_file()}
        found = []
        for row in rows:
            name = row.blob.hex()
            size = there.pop(name, None)
            part = there.pop(name + PART, None)
            if size is not None and part is not None:  # cannot be: a rename leaves one of them
                (self.folder / (name + PART)).unlink()
            found.append(replace(row, chunks=_chunks(row, size, part)))
        for name in there:
            (self.folder / name).unlink()
        return found

    def carry_out(self, job: BlobJob) -> BlobDone:
        """Do one job; what goes wrong is its outcome."""
        try:
            match job:
                case PutChunk():
                    return BlobDone(job, self._put(job))
                case SealFile():
                    self._seal(job)
                    return BlobDone(job, "done")
                case ReadFile():
                    content = self._read(job)
                    return BlobDone(job, "done" if len(content) == job.length else "failed", content)
                case EraseFiles(blobs=blobs):
                    for blob in blobs:
                        self._erase(blob)
                    return BlobDone(job, "done")
        except OSError as error:
            return BlobDone(job, "full" if error.errno in _FULL else "failed")

    def _put(self, job: PutChunk) -> BlobOutcome:
        if shutil.disk_usage(self.folder).free < self._keep_free_bytes + len(job.chunk):
            return "full"
        self._check(job.blob)
        flags = os.O_WRONLY | os.O_CREAT | _FLAGS
        descriptor = os.open(self._path(job.blob, PART), flags, PRIVATE_FILE)
        try:
            size = os.fstat(descriptor).st_size
            if size < job.at:
                return "full"  # the chunk before this one found no room
            if size > job.at:
                os.ftruncate(descriptor, job.at)  # a piece of a chunk, from before a crash
            write_at(descriptor, job.chunk, job.at)
            if (job.at + len(job.chunk)) // SYNC_BYTES > job.at // SYNC_BYTES:
                self._sync(job.blob, descriptor)
        except OSError as error:
            if error.errno in _FULL:
                os.ftruncate(descriptor, job.at)
            raise
        finally:
            os.close(descriptor)
        return "done"

    def _sync(self, blob: BlobId, descriptor: int) -> None:
        if self.beside is None:
            sync_data(descriptor)
        else:
            self.beside.begin(blob, descriptor)

    def _check(self, blob: BlobId) -> None:
        if self.beside is not None:
            self.beside.check(blob)

    def _seal(self, job: SealFile) -> None:
        if self.beside is not None:
            self.beside.settle()
        self._check(job.blob)
        final, part = self._path(job.blob), self._path(job.blob, PART)
        if not final.exists():
            descriptor = os.open(part, os.O_RDWR | _FLAGS)
            try:
                if os.fstat(descriptor).st_size != job.size:
                    raise OSError("a blob of another length")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            part.rename(final)
        sync_folder(self.folder)

    def _read(self, job: ReadFile) -> bytes:
        try:
            descriptor = os.open(self._path(job.blob), os.O_RDONLY | _FLAGS)
        except FileNotFoundError:
            descriptor = os.open(self._path(job.blob, PART), os.O_RDONLY | _FLAGS)
        try:
            return read_at(descriptor, job.length, job.at)
        finally:
            os.close(descriptor)

    def _erase(self, blob: BlobId) -> None:
        for path in (self._path(blob), self._path(blob, PART)):
            path.unlink(missing_ok=True)
        if self.beside is not None:
            self.beside.forget(blob)

    def _path(self, blob: BlobId, suffix: str = "") -> Path:
        return self.folder / (blob.hex() + suffix)


def _chunks(row: BlobRow, size: int | None, part: int | None) -> int:
    """How many chunks are there; -1 for a whole blob whose file is not what it was."""
    count = chunk_count(row.size)
    if size is not None:
        return count if size == row.size else -1
    if row.done:
        return -1
    if part is None:
        return 0
    return count if part == row.size else min(part // SEALED_CHUNK_BYTES, count - 1)


class _Moves(Protocol):
    def done(self, event: BlobDone) -> None: ...

    @property
    def jobs(self) -> list[BlobJob]: ...


class _Hand(NamedTuple):
    queue: SimpleQueue[BlobJob | None]
    thread: Thread


class BlobHands:
    """The threads: jobs in without waiting, answers out through the loop.

    Args:
        wake: wakes the loop; called in the threads.
    """

    def __init__(self, files: BlobFiles, wake: Callable[[], None], log: logging.Logger) -> None:
        self._files = files
        self._wake = wake
        self._log = log
        self._done: deque[BlobDone] = deque()
        self._beside = files.beside = SyncBeside()
        self._writes = self._start("broker-blob-writer")
        self._reads = self._start("broker-blob-reader")

    def _start(self, name: str) -> _Hand:
        queue: SimpleQueue[BlobJob | None] = SimpleQueue()
        thread = Thread(target=self._run, args=(queue,), name=name, daemon=True)
        thread.start()
        return _Hand(queue, thread)

    def _run(self, queue: SimpleQueue[BlobJob | None]) -> None:
        while (job := queue.get()) is not None:
            done = self._files.carry_out(job)
            if done.outcome == "failed":
                self._log.error("a blob's file failed: %s", type(job).__name__)
            self._done.append(done)
            self._wake()

    def turn(self, blobs: _Moves) -> bool:
        """Tell what has been done and take what is to do; True when more waits to be told."""
        done = self._done
        for _ in range(min(EVENTS_PER_TURN, len(done))):
            blobs.done(done.popleft())
        for job in blobs.jobs:
            (self._reads if isinstance(job, ReadFile) else self._writes).queue.put(job)
        blobs.jobs.clear()
        return bool(done)

    def stop(self, within_s: float) -> bool:
        """Finish what was handed over, then end; returns whether both have, False when the disk hangs for that time."""
        hands = self._writes, self._reads
        for hand in hands:
            hand.queue.put(None)
        until = time.monotonic() + within_s
        for hand in hands:
            hand.thread.join(max(0.0, until - time.monotonic()))
        self._beside.stop()
        self._beside.thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in (*(hand.thread for hand in hands), self._beside.thread))
