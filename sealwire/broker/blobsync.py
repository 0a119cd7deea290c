"""A thread that syncs one file of a blob while the next pieces of it, or of others, are written.

A sync of eight megabytes takes a disk tens of milliseconds. In the writer's own thread it would hold up every sender,
whose window of four chunks is long empty by then.

Source: protocol.md §17.2.
"""

from __future__ import annotations

import os
from errno import EIO
from queue import SimpleQueue
from threading import Event, Thread
from typing import Final

from sealwire.files import sync_data
from sealwire.wire.blobs import BlobId

MAX_FAILED: Final = 1_000
"""Blobs whose sync failed and that nobody wrote to since; past it the oldest is forgotten: the disk is gone anyway."""


class SyncBeside:
    """One sync at a time: whoever wants the next one waits for it, so two pieces at most are not on the disk."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[BlobId, int] | None] = SimpleQueue()
        self._is_idle = Event()
        self._is_idle.set()
        self._failed: dict[BlobId, None] = {}
        self.thread = Thread(target=self._run, name="broker-blob-syncer", daemon=True)
        self.thread.start()

    def begin(self, blob: BlobId, descriptor: int) -> None:
        """Sync an open file; it may be closed meanwhile."""
        self._is_idle.wait()
        self._is_idle.clear()
        self._jobs.put((blob, os.dup(descriptor)))

    def settle(self) -> None:
        """Wait until nothing is being synced."""
        self._is_idle.wait()

    def check(self, blob: BlobId) -> None:
        """Raise OSError when a sync of this blob failed.

        The kernel tells of a failed write-back once; a later sync through another descriptor would succeed and lie.
        """
        if blob in self._failed:
            raise OSError(EIO, os.strerror(EIO))

    def forget(self, blob: BlobId) -> None:
        """The blob is gone."""
        self._failed.pop(blob, None)

    def stop(self) -> None:
        """End, after what is under way; the owner joins :attr:`thread`."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            blob, descriptor = job
            try:
                sync_data(descriptor)
            except OSError:
                if len(self._failed) >= MAX_FAILED:
                    del self._failed[next(iter(self._failed))]
                self._failed[blob] = None
            finally:
                os.close(descriptor)
                self._is_idle.set()
