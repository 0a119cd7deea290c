"""What an operator should know before strangers find out: each finding is a sentence and what to do about it.

Nothing is changed. A broker that runs is no obstacle; what only its own process can see is then left to it.

Source: protocol.md §14, §15.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import apsw
import zmq
from msgspec import Struct

from sealwire.broker import backup, catalog, invites, keyfiles
from sealwire.broker.store import SqliteStore
from sealwire.errors import BackupError
from sealwire.i18n import _

MIN_FREE_BYTES: Final = 256 * 1024 * 1024
"""Twice the largest WAL: with less, the first busy hour fills the disk."""
CLOCK_SLACK_MS: Final = 5 * 60 * 1000
"""A clock that is this far behind the newest message has been set back."""
DATABASE: Final = "broker.db"
SALVAGED: Final = ("account", "device", "body", "mail", "fan", "group_entry")
"""Tables worth copying, in the order their rows refer to each other. Prekeys and invites are made afresh."""
SALVAGED_BY_KEY: Final = ("ban", "account_limit", "blob")
"""Likewise, of tables whose rows have no numbers. Without them whoever was banned is back, and files are deleted."""


class Finding(Struct, frozen=True):
    """``name`` is stable for scripts."""

    name: str
    sentence: str
    advice: str


# --- findings ------------------------------------------------------------------------------------------------


def modes(keys: Path, folder: Path) -> Iterator[Finding]:
    """Files that others of this machine may read, or put others in the place of."""
    private = [keys, folder, keys / keyfiles.SECRET_NAME, keys / keyfiles.DATABASE_NAME]
    private += [folder / name for name in ("audit.log", "admin.sock", "blobs")]
    with contextlib.suppress(PermissionError):  # which is found below
        private += [path for path in sorted(folder.glob("broker.db*")) if path.is_file()]
    for path in private:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue  # not there, or barred by a folder that is found below
        wanted = 0o700 if path.is_dir() else 0o600
        if mode & 0o077:
            sentence = f"Other users of this machine may open {path} (mode {mode:04o})."
            yield Finding("modes", sentence, f"Run: chmod {wanted:o} {path}")
    for parent in sorted({keys.parent, folder.parent}):
        with contextlib.suppress(OSError):
            mode = stat.S_IMODE(parent.stat().st_mode)
            if mode & 0o002 and not mode & stat.S_ISVTX:
                sentence = f"Other users of this machine may put another folder in the place of one in {parent}."
                yield Finding("modes", sentence, f"Run: chmod o-w {parent}")


def space(folder: Path, free: Callable[[Path], int] | None = None) -> Iterator[Finding]:
    """A disk that is about to be full."""
    there = _nearest(folder)
    left = shutil.disk_usage(there).free if free is None else free(there)
    if left < MIN_FREE_BYTES:
        sentence = f"The disk that holds {folder} has {left // 2**20} MiB free; the broker wants 256 MiB."
        yield Finding("space", sentence, "Make room, or move paths.data: without it new messages are refused.")


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest above it that can be seen."""
    return next(above for above in (path, *path.parents) if os.path.exists(above))


def barred(keys: Path, folder: Path) -> Iterator[Finding]:
    """Folders in which this user can make nothing that a start makes, and a database that they may not write."""
    makes_keys = not os.path.lexists(keys / keyfiles.SECRET_NAME)
    for place in [folder, keys] if makes_keys else [folder]:
        there = _nearest(place)
        reason = 0 if os.access(there, os.W_OK | os.X_OK) else errno.EACCES
        if not there.is_dir():
            reason = errno.ENOTDIR
        if reason:
            yield from unwritable(there, OSError(reason, os.strerror(reason)))
            return
    path = folder / DATABASE
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        yield from unwritable(path, OSError(errno.EACCES, os.strerror(errno.EACCES)))


def unwritable(folder: Path, error: OSError) -> Iterator[Finding]:
    """A folder in which nothing can be written, not even the lock."""
    sentence = f"Nothing can be written in {folder}: {error.strerror}."
    yield Finding("unwritable", sentence, "The broker does not start: allow it, or move paths.data or paths.keys.")


def port(bind: str) -> Iterator[Finding]:
    """An address that nothing can listen on, asked as the broker does. Only for a broker that does not run."""
    _host, number = invites.split_address(bind)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as sock:
        sock.ipv6 = True
        try:
            sock.bind(bind)
        except zmq.ZMQError as error:
            advice = "Change broker.bind."
            if error.errno == errno.EADDRINUSE:
                advice = f"See who does with: ss -ltnp 'sport = {number}'; or change broker.bind."
            yield Finding("port", f"Nothing can listen on {bind}: {zmq.strerror(error.errno or 0)}.", advice)


def monitoring_port(listen: str) -> Iterator[Finding]:
    """A port for monitoring that something has. Only for a broker that does not run."""
    if listen == "off":
        return
    host, number = invites.split_address(f"tcp://{listen}")
    address = host.strip("[]"), number
    try:
        socket.create_server(address, family=socket.AF_INET6 if ":" in address[0] else socket.AF_INET).close()
    except OSError as error:
        sentence = f"Nothing can listen on {listen}: {os.strerror(error.errno or 0)}."
        yield Finding("port", sentence, f"See who does with: ss -ltnp 'sport = {number}'; or change metrics.listen.")


def clock(newest_ms: int, wall_ms: int) -> Iterator[Finding]:
    """A clock behind what was stored by it: the newest message, or where the broker noted it, once an hour."""
    behind = newest_ms - wall_ms
    if behind > CLOCK_SLACK_MS:
        sentence = f"This machine's clock is {behind // 60_000} minutes behind what the broker has stored by it."
        yield Finding("clock", sentence, "Set the clock (timedatectl set-ntp true): invites and expiry go by it.")


def unclean(folder: Path) -> Iterator[Finding]:
    """A log that an orderly end would have written back. Only for a broker that does not run."""
    log = folder / f"{DATABASE}-wal"
    if log.exists() and log.stat().st_size:
        sentence = "The broker did not end in order the last time: it was killed, or it failed."
        yield Finding("unclean-stop", sentence, "Start it: it recovers by itself. Its log says why it ended.")


def silence() -> Iterator[Finding]:
    """A broker that runs and does not answer. Only for one that runs."""
    sentence = "A broker runs here and does not answer: it was stopped, or it hangs."
    yield Finding("silent", sentence, "Look at its log; restart it: nothing accepted is lost.")


def exposure(bind: str, registration: str, *, is_public: bool) -> Iterator[Finding]:
    """A door that stands open to everybody."""
    if registration == "open" and is_public:
        sentence = f"{bind} can be reached from other machines and anybody who can connect may register."
        yield Finding("open-registration", sentence, "Set broker.registration to invite.")


def database(folder: Path, key: bytes, wall_ms: int) -> Iterator[Finding]:
    """A database that is damaged, or ahead of the clock. Only for a broker that does not run, and ended in order."""
    path = folder / DATABASE
    if not path.exists():
        return
    try:
        with backup.reading(path, key) as db:
            answer = catalog.fetch(db, "PRAGMA integrity_check(1)")
            newest = max(backup.newest_ms(db), catalog.kept_clock(db))
    except apsw.NotADBError:
        sentence = (
            f"broker.db.key does not open {path}: it is the key of another database, or the first page is damaged."
        )
        yield Finding("database", sentence, "Put back the keys that belong to it, or a backup (broker.py restore).")
        return
    except backup.DISK_ERRORS as error:
        sentence = f"The database {path} could not be looked into ({error})."
        yield Finding("database", sentence, "See to its disk first: the free space, the permissions, the system's log.")
        return
    except apsw.Error as error:
        yield _damaged(path, str(error))
        return
    if answer != [("ok",)]:
        yield _damaged(path, str(answer[0][0]))
    yield from clock(newest, wall_ms)


def _damaged(path: Path, detail: str) -> Finding:
    advice = "Put back a backup (broker.py restore), or copy what is readable: broker.py doctor --salvage FILE."
    return Finding("database", f"The database {path} is damaged ({detail}).", advice)


# --- salvage -------------------------------------------------------------------------------------------------

NEAR_ROWS: Final = 4_096
"""Row numbers tried one by one: more than a page holds, so that no readable row between damaged pages is missed."""


def salvage(source: Path, key: bytes, target: Path) -> dict[str, tuple[int, int]]:
    """Copy every readable row of a damaged database into a new file; the damaged one is not opened, only its copy.

    Returns:
        for each table: rows copied, and row numbers that could not be read; 1 more for what is unreadable up to the
        end, and where rows have no numbers, 1 when some could not.

    Raises:
        BackupError: ``target`` exists, or not even the tables' list can be read.
    """
    if target.exists():
        raise BackupError(path=target, detail="it exists already, and is not overwritten")
    work = target.with_name(target.name + ".salvage")
    work.mkdir(mode=0o700)
    try:
        for suffix in ("", "-wal"):
            if (old := Path(f"{source}{suffix}")).exists():
                shutil.copyfile(old, work / f"damaged{suffix}")
        SqliteStore(work, key, 0).close()
        damaged, fresh = backup.connect(work / "damaged", key), backup.connect(work / DATABASE, key)
        try:
            fresh.execute("PRAGMA foreign_keys = OFF")
            found = {table: _copy(damaged, fresh, table) for table in SALVAGED}
            found |= {table: _copy_by_key(damaged, fresh, table) for table in SALVAGED_BY_KEY}
        except apsw.FullError as error:
            raise BackupError(path=target, detail=backup.reason_of(error)) from error
        except apsw.Error as error:
            detail = _("nothing of it can be read ({error})").format(error=error)
            raise BackupError(path=source, detail=detail) from None
        finally:
            damaged.close()
            fresh.close()
        os.replace(work / DATABASE, target)
        return found
    finally:
        shutil.rmtree(work)


def _shared(damaged: apsw.Connection, fresh: apsw.Connection, table: str) -> list[str]:
    """The columns that both have; none when the damaged one is older than the table."""
    there = {str(row[1]) for row in catalog.fetch(damaged, f"PRAGMA table_info({table})")}
    return [name for _, name, *_ in catalog.fetch(fresh, f"PRAGMA table_info({table})") if name in there]


def _insert(table: str, columns: Sequence[str]) -> str:
    places = ", ".join("?" * len(columns))
    return f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our own names


def _copy_by_key(damaged: apsw.Connection, fresh: apsw.Connection, table: str) -> tuple[int, int]:
    """From both ends up to what cannot be read: there are no numbers with which to step over it."""
    names = _shared(damaged, fresh, table)
    keys = [name for _, name, *_, place in catalog.fetch(fresh, f"PRAGMA table_info({table})") if place]
    missed = 0
    for order in ("ASC", "DESC") if names else ():
        by = ", ".join(f"{key} {order}" for key in keys)
        try:
            for row in damaged.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY {by}"):  # noqa: S608
                fresh.execute(_insert(table, names), row)
        except apsw.Error:
            missed = 1
        else:
            break
    return int(catalog.fetch(fresh, f"SELECT count(*) FROM {table}")[0][0]), missed  # noqa: S608


def _copy(damaged: apsw.Connection, fresh: apsw.Connection, table: str) -> tuple[int, int]:
    shared = _shared(damaged, fresh, table)
    if not shared:
        return 0, 0
    names = ["rowid", *(name for name in shared if name not in ("row", "id"))]
    columns, insert = ", ".join(names), _insert(table, names)
    select = f"SELECT {columns} FROM {table} WHERE rowid >= ? ORDER BY rowid"  # noqa: S608
    copied = missed = at = 0
    found: int | None = 0
    fresh.execute("BEGIN")
    while found is not None:
        missed, at = missed + found - at, found
        try:
            for row in damaged.execute(select, (at,)):
                fresh.execute(insert, row)
                copied, at = copied + 1, int(str(row[0])) + 1
            break
        except apsw.Error:
            found = _readable_from(damaged, select, at)
    fresh.execute("COMMIT")
    return copied, missed + (found is None)


def _readable_from(db: apsw.Connection, select: str, at: int) -> int | None:
    """The row of this number or after it lies in a damaged page: the number from which on one can be read again.

    One by one at first, then in strides that double: what is that wide is one page that led to many, up to the whole
    table. None: nothing can be read any more.
    """
    for number in range(at + 1, at + NEAR_ROWS + 1):
        if _reads(db, select, number):
            return number
    low, stride = at + NEAR_ROWS, NEAR_ROWS
    while low + stride < 1 << 62:
        if _reads(db, select, low + stride):
            numbers = range(low, low + stride + 1)
            return numbers[bisect_left(numbers, True, key=lambda number: _reads(db, select, number))]
        low, stride = low + stride, stride * 2
    return None


def _reads(db: apsw.Connection, select: str, number: int) -> bool:
    """Whether the row of this number, or the next, can be read, or there is none."""
    try:
        db.execute(f"{select} LIMIT 1", (number,)).fetchall()
    except apsw.Error:
        return False
    return True
