"""The store as the running broker uses it: watched, timed, and open to errands that only its thread may do.

Source: protocol.md §5.3.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from sealwire.broker import catalog
from sealwire.broker.port import Committed, Job, Refused, StoreEvent
from sealwire.broker.store import SqliteStore


def _nothing(_db: apsw.Connection) -> object:
    return None


class Errand(Job, kw_only=True):
    """Something to do on the store's connection, between two jobs of the router; it is no transaction of its own.

    It must be short: messages wait for it.
    """

    at_ms: int = 0
    run: Callable[[apsw.Connection], object] = _nothing
    done: Future[Any] = msgspec.field(default_factory=Future)

    def carry_out(self, db: apsw.Connection) -> None:
        """Do it; what goes wrong is its asker's affair, not the broker's."""
        try:
            self.done.set_result(self.run(db))
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            self.done.set_exception(error)


class AttendedStore(SqliteStore):
    """A store that says since when it writes, and how long each commit took.

    Args:
        committed: called in the writer's thread with the seconds of each job.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        ballast_bytes: int,
        committed: Callable[[float], object] | None = None,
        rng: Callable[[int], bytes] = os.urandom,
    ) -> None:
        super().__init__(folder, key, ballast_bytes, rng)
        self._observe = committed
        self.writing_since: float | None = None
        """Monotonic seconds at which the job under way began; a disk that hangs shows here."""
        self.refused_at: float | None = None
        """Monotonic seconds at which a full disk last refused a job; None once one has taken messages again."""

    def apply(self, job: Job) -> StoreEvent:
        """See SqliteStore; an errand is answered through its future."""
        if isinstance(job, Errand):
            job.carry_out(self._db)
            return Committed(job, (), [], [])
        self.writing_since = began = time.monotonic()
        try:
            event = super().apply(job)
        finally:
            self.writing_since = None
        if isinstance(event, Refused):
            self.refused_at = time.monotonic()
        elif job.mails:
            self.refused_at = None
        if self._observe is not None:
            self._observe(time.monotonic() - began)
        return event


class StoreFacts(Struct, frozen=True):
    """What the database says of itself."""

    oldest_ms: int | None
    """When the oldest message that waits was stored (ms since 1970), None for none."""
    size_bytes: int
    free_bytes: int
    """Room inside it that deleted mail has left."""


def store_facts(db: apsw.Connection) -> StoreFacts:
    """Look at both ends of the tables and at the head of the file; nothing is read through."""
    rows = []
    for table in ("mail", "fan"):
        rows += catalog.fetch(db, f"SELECT at_ms FROM {table} ORDER BY row LIMIT 1")  # noqa: S608 - our own names
    page, pages, free = (
        int(catalog.fetch(db, f"PRAGMA {name}")[0][0]) for name in ("page_size", "page_count", "freelist_count")
    )
    return StoreFacts(min((int(at) for (at,) in rows), default=None), pages * page, free * page)
