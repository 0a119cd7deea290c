"""The store in SQLite: one connection, one writer thread, group commit, every page authenticated.

ACCEPTED means that the WAL was synced: ``synchronous=FULL`` is set and read back. A full disk rolls the transaction
back and is an answer; any other error is the end of the process, because what memory believes about the disk after
it cannot be trusted.

Source: protocol.md §5.3.
"""

from __future__ import annotations

import heapq
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import chain
from operator import itemgetter
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

import apsw

from sealwire import wal
from sealwire.broker import catalog
from sealwire.broker.port import Committed, Job, Read, Refused, Result, Slice, Snapshot, StoreEvent
from sealwire.errors import StoreError, StoreFailedError
from sealwire.i18n import _
from sealwire.ids import Mailbox, Mid, Millis

INCARNATION_BYTES: Final = 16
_SCHEMA: Final = Path(__file__).parent / "schema"
"""One file a version: a new store runs them all, an older one those it has not."""
SCHEMA_VERSION: Final = max(int(script.stem) for script in _SCHEMA.glob("*.sql"))

INSERT_ROWS: Final = 32
"""Rows per INSERT: fewer calls, each of which takes the interpreter lock back from the broker's loop."""
REST_S: Final = 0.05
"""Without a job for so long the writer rests, and has time to look after its files."""
CHECKPOINT_IDLE_PAGES: Final = 4_096
"""16 MiB of WAL: written back when the writer rests."""
CHECKPOINT_FORCED_PAGES: Final = 16_384
"""64 MiB of WAL: written back under load, too, or it fills the disk and the next start reads all of it. Each time costs
two syncs that every ACCEPTED waits for; with a quarter of this, one message in a hundred would."""
BALLAST_RETURNS: Final = 4
"""The ballast is laid down again when the disk has this many times its size free."""

_PRAGMAS: Final = (
    "locking_mode = EXCLUSIVE",  # no -shm file; a second process is refused
    "journal_mode = WAL",
    "synchronous = FULL",
    "wal_autocheckpoint = 0",
    "journal_size_limit = 67108864",
    "mmap_size = 0",  # a torn page must come through the cipher's check
    "temp_store = MEMORY",
    "cell_size_check = ON",
    "secure_delete = FAST",
    "foreign_keys = ON",
)
_INSERT: Final = "INSERT INTO mail (row, mailbox, mid, at_ms, envelope) VALUES "
_INSERT_MANY: Final = _INSERT + ",".join(["(?,?,?,?,?)"] * INSERT_ROWS)
_INSERT_ONE: Final = _INSERT + "(?,?,?,?,?)"
_READ_MAIL: Final = "SELECT row << 1, mid, envelope FROM mail WHERE row IN {} ORDER BY row"
_READ_FAN: Final = (
    "SELECT fan.row << 1 | 1, mid, envelope FROM fan JOIN body ON body.id = fan.body"
    " WHERE fan.row IN {} ORDER BY fan.row"
)


class SqliteStore:
    """The broker's database. ``apply`` is the whole of it; the rest opens and closes.

    A reference to stored mail is ``row << 1 | is_fan``: it rises with arrival and says which table holds it.

    Args:
        folder: where ``broker.db`` lies; made, mode 0700, when missing.
        key: 32 bytes, the pages' key.
        rng: n random bytes, for the incarnation of a new store.

    Raises:
        StoreError: it cannot be opened: another process has it, the key is another, the schema is newer.
        StoreDamagedError: what was committed to its log cannot be read.
    """

    def __init__(self, folder: Path, key: bytes, ballast_bytes: int, rng: Callable[[int], bytes] = os.urandom) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / "broker.db"
        self._ballast = folder / "ballast"
        self._ballast_bytes = ballast_bytes
        self._has_ballast = ballast_bytes == 0 or self._ballast.exists()
        self._wal_pages = 0
        try:
            self._db = _connect(self.path, key)
            self._create(rng)
            self._next_row = 1 + max(self._number(f"SELECT max(row) FROM {table}") for table in ("mail", "fan"))  # noqa: S608
        except apsw.BusyError as error:
            raise StoreError(path=self.path, detail="another broker has it open") from error
        except apsw.Error as error:
            raise StoreError(path=self.path, **why(error)) from error
        self._db.set_wal_hook(self._committed)
        self._lay_ballast()

    def _create(self, rng: Callable[[int], bytes]) -> None:
        version = self._number("PRAGMA user_version")
        if version > SCHEMA_VERSION:
            raise StoreError(path=self.path, detail="a newer version of the broker wrote it")
        if version == SCHEMA_VERSION:
            return
        with self._db:  # all or nothing: a start that was killed here is simply repeated
            for step in range(version + 1, SCHEMA_VERSION + 1):
                self._db.execute((_SCHEMA / f"{step}.sql").read_text("utf-8"))
            if version == 0:
                self._db.execute("INSERT INTO meta VALUES ('incarnation', ?)", (rng(INCARNATION_BYTES),))
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _number(self, sql: str, column: int = 0) -> int:
        return int(catalog.fetch(self._db, sql)[0][column] or 0)

    def _committed(self, _db: object, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return 0

    def snapshot(self) -> Snapshot:
        """Return what the router starts from.

        Raises:
            StoreFailedError: a page is not what was written.
        """
        try:
            incarnation = catalog.fetch(self._db, "SELECT value FROM meta WHERE key = 'incarnation'")[0][0]
            mail_ms = max(catalog.kept_clock(self._db), self._newest_ms("mail"), self._newest_ms("fan"))
            rows = catalog.devices(self._db)
            states, bans, blobs = catalog.states(self._db), catalog.bans(self._db), catalog.blobs(self._db)
            limits = catalog.own_limits(self._db)
        except apsw.Error as error:
            raise StoreFailedError(path=self.path, **why(error)) from error
        return Snapshot(incarnation, rows, self._mail(), mail_ms, states, bans, blobs, limits)

    def _newest_ms(self, table: str) -> Millis:
        """Time rises with the row number, so the last row is the newest."""
        return self._number(f"SELECT coalesce(max(row), 0), at_ms FROM {table}", 1)  # noqa: S608 - one of two names

    def _mail(self) -> Iterator[tuple[Mailbox, int, int, Millis]]:
        try:
            mail = self._db.execute("SELECT mailbox, row << 1, length(envelope), at_ms FROM mail ORDER BY row")
            if not catalog.fetch(self._db, "SELECT 1 FROM fan LIMIT 1"):
                yield from mail  # the usual case: merging costs as much again as reading
                return
            fans = self._db.execute(
                "SELECT fan.mailbox, fan.row << 1 | 1, length(envelope), at_ms FROM fan JOIN body ON body.id = fan.body"
                " ORDER BY fan.row"
            )
            yield from heapq.merge(mail, fans, key=itemgetter(1))
        except apsw.Error as error:
            raise StoreFailedError(path=self.path, **why(error)) from error

    # --- jobs ------------------------------------------------------------------------------------------------

    def apply(self, job: Job) -> StoreEvent:
        """Carry out one job: one transaction, synced before this returns; then its reads.

        Raises:
            StoreFailedError: anything but a full disk went wrong. Nothing may be answered, the process must end.
        """
        try:
            if not (job.mails or job.deletes or job.ops):
                return Committed(job, (), [], self._read(job.reads))
            if job.mails and not self._has_room():
                return Refused(job, self._read(job.reads))
            try:
                rows, results = self._write(job)
            except apsw.FullError:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._ballast.unlink(missing_ok=True)  # so that the deletes of the next job commit
                self._has_ballast = self._ballast_bytes == 0
                return Refused(job, self._read(job.reads))
            slices = self._read(job.reads)
            if self._wal_pages > CHECKPOINT_FORCED_PAGES:
                self._checkpoint()
        except (apsw.Error, OSError) as error:
            raise StoreFailedError(path=self.path, **why(error)) from error
        return Committed(job, rows, results, slices)

    def _write(self, job: Job) -> tuple[list[int] | range, list[Result]]:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        if job.deletes:
            catalog.delete_mail(db, job.deletes)
        first = self._next_row
        rows = self._insert_mixed(job, first) if job.bodies else self._insert(job, first)
        results = [catalog.apply(db, op) for op in job.ops]
        db.execute("COMMIT")
        self._next_row = first + len(job.mails)  # only now: a rolled back job has used no number
        return rows, results

    def _insert(self, job: Job, first: int) -> range:
        mails, at_ms, execute = job.mails, job.at_ms, self._db.execute
        rows = [(row, mailbox, mid, at_ms, body) for row, (mailbox, mid, body) in enumerate(mails, first)]
        whole = len(rows) - len(rows) % INSERT_ROWS
        for at in range(0, whole, INSERT_ROWS):
            execute(_INSERT_MANY, tuple(chain.from_iterable(rows[at : at + INSERT_ROWS])))
        if whole < len(rows):
            self._db.executemany(_INSERT_ONE, rows[whole:])
        return range(first << 1, (first + len(rows)) << 1, 2)

    def _insert_mixed(self, job: Job, first: int) -> list[int]:
        """Messages and targets of FANOUTs in one order; a body is stored once, with the number of its targets."""
        db, at_ms = self._db, job.at_ms
        targets = [0] * len(job.bodies)
        for _box, _mid, body in job.mails:
            if isinstance(body, int):
                targets[body] += 1
        ids = []
        for envelope, count in zip(job.bodies, targets):
            db.execute("INSERT INTO body (targets, envelope) VALUES (?, ?)", (count, envelope))
            ids.append(db.last_insert_rowid())
        mails: list[Any] = []
        fans: list[Any] = []
        rows = []
        for row, (mailbox, mid, body) in enumerate(job.mails, first):
            if isinstance(body, int):
                fans.append((row, mailbox, mid, at_ms, ids[body]))
                rows.append(row << 1 | 1)
            else:
                mails.append((row, mailbox, mid, at_ms, body))
                rows.append(row << 1)
        db.executemany(_INSERT_ONE, mails)
        db.executemany("INSERT INTO fan (row, mailbox, mid, at_ms, body) VALUES (?,?,?,?,?)", fans)
        return rows

    def _read(self, reads: list[Read]) -> list[Slice]:
        return [Slice(read.ref, self._rows(read)) for read in reads]

    def _rows(self, read: Read) -> list[tuple[int, Mid, bytes]]:
        """Read rows until their room is used up; one statement a table, and references rise, so they are the order."""
        mail = [reference >> 1 for reference in read.rows if not reference & 1]
        fans = [reference >> 1 for reference in read.rows if reference & 1]
        found = heapq.merge(self._each(_READ_MAIL, mail), self._each(_READ_FAN, fans))
        rows: list[tuple[int, Mid, bytes]] = []
        size = 0
        for row in found:
            size += len(row[2])
            if rows and size > read.room_bytes:
                break
            rows.append(row)
        is_cut = size > read.room_bytes and len(rows) < len(read.rows)
        if [row[0] for row in rows] != (read.rows[: len(rows)] if is_cut else read.rows):
            raise StoreFailedError(path=self.path, detail="a stored message is gone")
        return rows

    def _each(self, select: str, numbers: list[int]) -> Iterator[Any]:
        if not numbers:
            return
        cursor = self._db.cursor()
        try:
            yield from cursor.execute(select.format(_places(len(numbers))), tuple(numbers))
        finally:
            cursor.close()  # what was not read of it must not keep the log from being written back

    # --- care ------------------------------------------------------------------------------------------------

    def idle(self) -> None:
        """Nothing waits: write the WAL back if it has grown, lay the ballast if it is gone.

        Raises:
            StoreFailedError: the WAL could not be written back.
        """
        try:
            if self._wal_pages > CHECKPOINT_IDLE_PAGES:
                self._checkpoint()
            elif self._wal_pages and self._is_short():
                self._checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)  # the WAL's own space is needed, too
            self._lay_ballast()
        except (apsw.Error, OSError) as error:
            raise StoreFailedError(path=self.path, **why(error)) from error

    def _checkpoint(self, mode: int = apsw.SQLITE_CHECKPOINT_PASSIVE) -> None:
        try:
            self._db.wal_checkpoint(mode=mode)
        except apsw.FullError:
            return  # the WAL keeps it; a later one will do
        self._wal_pages = 0

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self._ballast.parent).free

    def _is_short(self) -> bool:
        """Whether what is left of the disk is what the ballast gave: it belongs to deletes, or none commits again."""
        return not self._has_ballast and self._free_bytes() <= self._ballast_bytes

    def _has_room(self) -> bool:
        """Whether mail may be written: pages that deletes have freed count as room."""
        if not self._is_short():
            return True
        reusable = self._number("PRAGMA freelist_count") * self._number("PRAGMA page_size")
        return self._free_bytes() + reusable > self._ballast_bytes

    def _lay_ballast(self) -> None:
        size = self._ballast_bytes
        if self._has_ballast or self._free_bytes() < BALLAST_RETURNS * size:
            return
        try:
            with self._ballast.open("wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                else:
                    file.write(bytes(size))
            self._has_ballast = True
        except OSError:
            self._ballast.unlink(missing_ok=True)  # no room after all: the broker serves without it

    def close(self) -> None:
        """Write everything back and let go of the file."""
        self._db.close()


def _connect(path: Path, key: bytes) -> apsw.Connection:
    if not path.exists():
        path.touch(mode=0o600)
    db = apsw.Connection(str(path))
    db.execute("PRAGMA cipher = 'aegis'")
    db.execute(f'PRAGMA key = "raw:{key.hex()}"')
    for pragma in _PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    if (
        db.execute("PRAGMA synchronous").fetchall()[0][0] != 2
        or db.execute("PRAGMA journal_mode").fetchall()[0][0] != "wal"
    ):
        raise StoreError(path=path, detail="it does not sync its commits")
    wal.settle(db, path)
    return db


def why(error: Exception) -> dict[str, str]:
    """Return what is said of an error; SQLite's words for a failing disk or page name nothing that one could do.

    Nothing tells a first page that is damaged from one under another key: no page opens in either case.
    """
    match error:
        case apsw.IOError():
            advice = _("Look for errors of the disk in the system's log; stored mail waits.")
            return {"detail": str(error), "hint": advice}
        case apsw.NotADBError():
            advice = _("Put back the keys that belong to it, or a backup (broker.py restore).")
            return {"detail": _("broker.db.key does not open it, or its first page is damaged"), "hint": advice}
        case apsw.CorruptError():
            advice = _(
                "Put back a backup (broker.py restore), or copy what is readable: broker.py doctor --salvage FILE."
            )
            return {"detail": _("a page of it is not what was written"), "hint": advice}
        case _:
            return {"detail": str(error)}


def _places(count: int) -> str:
    return "(" + ",".join("?" * count) + ")"


class Writer:
    """The store's thread: jobs in, events out, in order. Implements ``port.Store``.

    Args:
        deliver: called in this thread with each event.
        fail: called in this thread with the error that ended it; nothing more is delivered.
    """

    def __init__(
        self, store: SqliteStore, deliver: Callable[[StoreEvent], None], fail: Callable[[BaseException], None]
    ) -> None:
        self._store = store
        self._deliver = deliver
        self._fail = fail
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="broker-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Hand over a job; never blocks."""
        self._jobs.put(job)

    def stop(self, within_s: float | None = None) -> bool:
        """Finish what was submitted, then end; returns whether it has, False when the disk hangs for that time."""
        self._jobs.put(None)
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _next(self) -> Job | None:
        try:
            return self._jobs.get(timeout=REST_S)
        except Empty:
            self._store.idle()
            return self._jobs.get()

    def _run(self) -> None:
        try:
            while (job := self._next()) is not None:
                self._deliver(self._store.apply(job))
        except BaseException as error:  # noqa: BLE001 - whatever it was, the broker must not go on without its store
            self._fail(error if isinstance(error, StoreFailedError) else self._unforeseen(error))

    def _unforeseen(self, error: BaseException) -> StoreFailedError:
        """An error of a kind that nobody thought of: for those who start the broker again it is one like the others."""
        logging.getLogger("sealwire.broker.store").error("the store failed", exc_info=error)
        return StoreFailedError(path=self._store.path, detail=f"{type(error).__name__}: {error}")
