"""Copies of the broker's database: taken while it runs, checked before they are used, put back as a new incarnation.

A backup is one file under the same page key, with the broker's realm and the time it was taken written into it. It
holds envelopes nobody here can read; what a restore would make unsafe (one-time prekeys that were handed out since,
used invites) is left out of what is put back.

Source: protocol.md §5.3, §14.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw
from msgspec import Struct

from sealwire.broker import catalog
from sealwire.broker.store import INCARNATION_BYTES, SCHEMA_VERSION
from sealwire.errors import BackupError, StoreError
from sealwire.files import PRIVATE_FILE, open_private
from sealwire.i18n import _

STEP_PAGES: Final = 256
"""1 MiB: messages wait for one step of a running backup no longer than for a commit."""
REPLACED: Final = ".replaced"
"""What the database that a restore takes the place of is called afterwards; a number follows where one is there."""

DISK_ERRORS: Final = (apsw.IOError, apsw.CantOpenError, apsw.FullError)
"""What SQLite says of a disk; that says nothing of what a database holds."""

BESIDE: Final = ("-wal", "-journal", "")
"""What belongs to one database, itself last."""


def reason_of(error: apsw.Error | OSError) -> str:
    """Return what the system says. SQLite has no words of its own for a copy that fails (`not an error`)."""
    match error:
        case apsw.FullError():
            return os.strerror(errno.ENOSPC)
        case apsw.IOError():
            return os.strerror(errno.EIO)
        case OSError(strerror=str(why)):
            return why
        case _:
            return str(error)


def _unopened() -> str:
    """Nothing tells a first page that is damaged from one under another key: no page opens in either case."""
    return _("the key of this broker's database does not open it, or its first page is damaged")


class Facts(Struct, frozen=True):
    """What a database says about itself. ``taken_ms`` and ``newest_ms`` are ms since 1970, 0 for none."""

    realm: str
    taken_ms: int
    newest_ms: int
    accounts: int
    devices: int
    messages: int


class Copying:
    """A copy under way. Every call of :meth:`step` belongs into the thread of the store it copies.

    Args:
        path: the file to make; it must not exist.

    Raises:
        BackupError: it does.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        if path.exists():
            raise BackupError(path=path, detail="it exists already, and is not overwritten")
        self.path = path
        self._key = key
        self._target: apsw.Connection | None = None
        self._file: os.stat_result | None = None
        self._backup: Any = None
        self.pages_left = 0

    def step(self, source: apsw.Connection) -> bool:
        """Copy some pages; return whether that was all."""
        if self._target is None:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
            self._file = self.path.stat()
            self._target = connect(self.path, self._key)
            self._backup = self._target.backup("main", source, "main")
        is_done = bool(self._backup.step(STEP_PAGES)) or bool(self._backup.done)
        self.pages_left = int(self._backup.remaining)
        if is_done:
            self.close()
        return is_done

    def close(self, *, force: bool = False) -> None:
        """Let go of both databases.

        Args:
            force: whatever went wrong with the copy is known, or does not matter any more.
        """
        if self._target is not None:
            self._backup.close(force)
            self._target.close()
            self._target = None

    def discard(self) -> None:
        """Let go of a copy that is not done, and take its file away, unless another one has its name by now."""
        if self._target is None or self._file is None:
            return
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(self.path.stat(), self._file):
                self.path.unlink()
        self.close(force=True)


def connect(path: Path, key: bytes, *, read_only: bool = False) -> apsw.Connection:
    """Open a database file under the broker's key, without a WAL of its own."""
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE
    db = apsw.Connection(str(path), flags=flags)
    db.execute("PRAGMA cipher = 'aegis'")
    db.execute(f'PRAGMA key = "raw:{key.hex()}"')
    return db


@contextmanager
def connected(path: Path, key: bytes) -> Iterator[apsw.Connection]:
    """Open a database for a moment."""
    db = connect(path, key)
    try:
        yield db
    finally:
        db.close()


@contextmanager
def reading(path: Path, key: bytes) -> Iterator[apsw.Connection]:
    """Read a database that nobody has open; nothing of it changes, and nothing is left beside it."""
    beside = [Path(f"{path}{suffix}") for suffix in ("-shm", "-wal")]
    ours = [file for file in beside if not file.exists()]
    db = connect(path, key, read_only=True)
    try:
        yield db
    finally:
        db.close()
        for file in ours:
            file.unlink(missing_ok=True)


@contextmanager
def whole_or_absent(path: Path) -> Iterator[None]:
    """Inside, a file is made; what breaks that off takes it away: half a copy would take the last room of a disk."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def stamp(path: Path, key: bytes, realm: str, now_ms: int) -> None:
    """Finish a copy: one file, synced, that says whose it is and when it was taken."""
    with connected(path, key) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA synchronous = FULL")
        with db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('realm', ?)", (realm.encode(),))
            db.execute("INSERT OR REPLACE INTO meta VALUES ('taken_ms', ?)", (str(now_ms).encode(),))
        db.execute("VACUUM")  # the room of deleted mail: no check ever reads it, so nobody would see it damaged


def verify(path: Path, key: bytes, realm: str) -> Facts:
    """Read every page of a backup and return what it holds. Nothing is changed.

    Raises:
        BackupError: it is missing, damaged, of another key or realm, or of a newer version.
    """
    if not path.is_file():
        raise BackupError(path=path, detail=_("it is no file") if path.exists() else _("there is no such file"))
    try:
        with reading(path, key) as db:
            return _checked(db, path, realm)
    except apsw.NotADBError:
        raise BackupError(path=path, detail=_unopened()) from None
    except apsw.BusyError:
        raise BackupError(path=path, detail="another process has it open") from None
    except apsw.Error as error:
        raise BackupError(path=path, detail=_("it is damaged ({error})").format(error=error)) from None


def _checked(db: apsw.Connection, path: Path, realm: str) -> Facts:
    version = int(str(catalog.fetch(db, "PRAGMA user_version")[0][0]))
    if version > SCHEMA_VERSION:
        raise BackupError(path=path, detail="a newer version of the broker made it")
    if version == 0:
        raise BackupError(path=path, detail="it holds no broker's database")
    found = facts(db)
    if not found.realm:
        raise BackupError(path=path, detail="it was not made by broker.py backup")
    if found.realm != realm:
        raise BackupError(path=path, detail="it is of another broker, which has another key")
    answer = catalog.fetch(db, "PRAGMA integrity_check(1)")
    if answer != [("ok",)]:
        raise BackupError(path=path, detail=_("it is damaged ({error})").format(error=answer[0][0]))
    return found


def facts(db: apsw.Connection) -> Facts:
    """Return what a database says about itself."""

    def number(sql: str) -> int:
        return int(catalog.fetch(db, sql)[0][0] or 0)

    meta = dict(catalog.fetch(db, "SELECT key, value FROM meta"))
    return Facts(
        realm=bytes(meta.get("realm", b"")).decode(),
        taken_ms=int(bytes(meta.get("taken_ms", b"0"))),
        newest_ms=newest_ms(db),
        accounts=number("SELECT count(*) FROM account"),
        devices=number("SELECT count(*) FROM device"),
        messages=number("SELECT (SELECT count(*) FROM mail) + (SELECT count(*) FROM fan)"),
    )


def newest_ms(db: apsw.Connection) -> int:
    """Return when the newest message that waits was stored (ms since 1970), 0 when none does."""
    rows = []
    for table in ("mail", "fan"):
        rows += catalog.fetch(db, f"SELECT at_ms FROM {table} ORDER BY row DESC LIMIT 1")  # noqa: S608 - our own names
    return max((int(at) for (at,) in rows), default=0)


def renew(path: Path, key: bytes, rng: Callable[[int], bytes] = os.urandom) -> None:
    """Make a database of the past safe to go on with: another incarnation, no prekeys, no invites.

    One-time prekeys may have been handed out since, and would be again; devices see the new incarnation and upload
    fresh ones.
    """
    with connected(path, key) as db, db:
        db.execute("INSERT OR REPLACE INTO meta VALUES ('incarnation', ?)", (rng(INCARNATION_BYTES),))
        db.execute("DELETE FROM meta WHERE key IN ('realm', 'taken_ms')")
        db.execute("DELETE FROM one_time")
        db.execute("DELETE FROM invite")
        db.execute("UPDATE device SET spk_id = 0, prekeys = NULL, signature = NULL")


def kept_as(live: Path) -> Path:
    """Return where a restore keeps what it replaces: a name that nothing has, nor a log beside it."""
    first = live.with_name(live.name + REPLACED)
    names = itertools.chain([first], (Path(f"{first}.{number}") for number in itertools.count(2)))
    return next(name for name in names if not any(os.path.lexists(f"{name}{suffix}") for suffix in BESIDE))


def restore(backup: Path, live: Path, key: bytes) -> None:
    """Put a verified backup in the place of ``live``, which is kept beside it (:func:`kept_as`).

    The broker's lock must be held. The new file is whole and synced before it takes the name; until that moment a
    crash leaves the old database, after it the new one.
    """
    fresh = live.with_name(live.name + ".new")
    fresh.unlink(missing_ok=True)
    with whole_or_absent(fresh):
        with os.fdopen(open_private(fresh, os.O_WRONLY), "wb") as target, backup.open("rb") as source:
            shutil.copyfileobj(source, target, 1024 * 1024)
        try:
            renew(fresh, key)
        except apsw.Error as error:
            raise StoreError(path=live, detail=reason_of(error)) from error
    replaced = kept_as(live)
    for suffix in BESIDE:
        old, kept = Path(f"{live}{suffix}"), Path(f"{replaced}{suffix}")
        if old.exists() and suffix:
            old.replace(kept)
        elif old.exists():
            os.link(old, kept)  # never a moment without a database of that name
    _take_the_place(fresh, live)


def _take_the_place(fresh: Path, live: Path) -> None:
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(live)
    folder = os.open(live.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def compact(live: Path, key: bytes) -> tuple[int, int]:
    """Write a database anew, without the room that deleted mail has left.

    The broker's lock must be held, and its log written back. A crash leaves the old one or the new one.

    Returns:
        bytes before and after.

    Raises:
        BackupError: it is damaged; it stays as it was.
        StoreError: the disk has no room for the new one, or lets us not read it; that says nothing of damage.
    """
    fresh = live.with_name(live.name + ".new")
    fresh.unlink(missing_ok=True)
    os.close(open_private(fresh, os.O_WRONLY))
    with whole_or_absent(fresh):
        try:
            with connected(live, key) as db:
                db.execute("VACUUM INTO ?", (str(fresh),))  # under the same key
            _check(fresh, key)
        except apsw.FullError:
            raise StoreError(path=live, detail=_("the disk has no room for a second one beside it")) from None
        except DISK_ERRORS as error:
            raise StoreError(path=live, detail=str(error)) from error
        except apsw.NotADBError as error:
            raise BackupError(path=live, detail=_unopened()) from error
        except apsw.Error as error:
            raise BackupError(path=live, detail=f"it is damaged ({error})") from error
        sizes = live.stat().st_size, fresh.stat().st_size
        _take_the_place(fresh, live)
    return sizes


def _check(path: Path, key: bytes) -> None:
    with reading(path, key) as db:
        answer = catalog.fetch(db, "PRAGMA integrity_check(1)")
    if answer != [("ok",)]:
        raise apsw.CorruptError(str(answer[0][0]))
