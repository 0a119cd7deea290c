"""``broker.py backup``, ``verify`` and ``restore``."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
from msgspec.structs import asdict

from sealwire.broker import admin, backup, keyfiles
from sealwire.broker.backup import Copying, Facts
from sealwire.broker.store import SqliteStore, why
from sealwire.cli.broker_office import AUDIT_NAME, AuditLog
from sealwire.cli.common import EXIT_OK, say
from sealwire.config import Settings
from sealwire.crypto.identity import realm_of
from sealwire.errors import (
    BackupError,
    BrokerBusyError,
    NoBrokerHereError,
    NoBrokerYetError,
    SealwireError,
    StoreError,
    UsageError,
)
from sealwire.files import PidLock, make_private_folder
from sealwire.i18n import _

DATABASE = "broker.db"


class _Here:
    """The folder, its keys and its lock."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.paths.data / "broker"
        self.live = self.folder / DATABASE
        if not (keyfiles.any_in(settings.paths.keys) or self.live.exists()):
            raise NoBrokerYetError(keys=settings.paths.keys, data=settings.paths.data)
        self.keys = keyfiles.load_existing(settings.paths.keys)
        self.realm = realm_of(self.keys.curve_public)
        self.audit = AuditLog(self.folder / AUDIT_NAME)
        self._lock = PidLock(self.folder / admin.LOCK)

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Inside, the folder's lock is held. Raises BrokerBusyError: a broker runs here."""
        make_private_folder(self.folder)
        holder = self._lock.acquire()
        if holder is not None:
            raise BrokerBusyError(pid=holder or "?", path=self.folder.parent)
        try:
            yield
        finally:
            self._lock.release()


def take(settings: Settings, file: Path, as_json: bool) -> int:
    """Copy the database, through the broker that runs or, when none does, directly."""
    path = file.absolute()
    here = _Here(settings)
    with here.audit.order("backup", file=str(path)):
        found = _taken(here, path)
    _print(path, found, as_json)
    return EXIT_OK


def _taken(here: _Here, path: Path) -> Facts:
    if path.exists():
        raise BackupError(path=path, detail="it exists already, and is not overwritten")
    with backup.whole_or_absent(path):
        try:
            _copy(here, path)
            backup.stamp(path, here.keys.db_key, here.realm, time.time_ns() // 1_000_000)
        except apsw.CorruptError as error:
            raise StoreError(path=here.live, **why(error)) from error
        except apsw.Error as error:
            raise BackupError(path=path, detail=backup.reason_of(error)) from error
        return backup.verify(path, here.keys.db_key, here.realm)


def _copy(here: _Here, path: Path) -> None:
    request: dict[str, Any] = {"do": "backup", "file": str(path), "begin": True}
    try:
        while not admin.ask(here.folder, request)["done"]:
            request["begin"] = False
    except NoBrokerHereError:
        _copy_at_rest(here, path)
    except KeyboardInterrupt:
        with contextlib.suppress(SealwireError):
            admin.ask(here.folder, {"do": "backup end", "file": str(path)})
        raise


def _copy_at_rest(here: _Here, path: Path) -> None:
    if not here.live.exists():
        raise NoBrokerHereError(path=here.folder.parent)
    with here.claimed():
        store = _Resting(here.folder, here.keys.db_key, 0)
        copying = Copying(path, here.keys.db_key)
        try:
            while not store.step(copying):
                pass
        finally:
            copying.close(force=True)
            store.close()


class _Resting(SqliteStore):
    """A store that nobody serves from."""

    def step(self, copying: Copying) -> bool:
        """Copy some pages; return whether that was all."""
        return copying.step(self._db)


def compact(settings: Settings, as_json: bool) -> int:
    """Give the room of deleted mail back to the disk, while no broker runs here."""
    here = _Here(settings)
    if not here.live.exists():
        raise NoBrokerHereError(path=here.folder.parent)
    with here.audit.order("compact") as told, here.claimed():
        _Resting(here.folder, here.keys.db_key, 0).close()  # writes its log back
        before, after = backup.compact(here.live, here.keys.db_key)
        told |= {"before_bytes": before, "after_bytes": after}
    if as_json:
        print(json.dumps({"before_bytes": before, "after_bytes": after}))
    else:
        say(_("The database had {before} and has {after} now.").format(before=_size(before), after=_size(after)))
    return EXIT_OK


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def check(settings: Settings, file: Path, as_json: bool) -> int:
    """Read a backup from end to end and say what it holds."""
    here = _Here(settings)
    _print(file, backup.verify(file, here.keys.db_key, here.realm), as_json)
    return EXIT_OK


def put_back(settings: Settings, file: Path, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Replace the database by a backup, after everything that could refuse it has been asked."""
    here = _Here(settings)
    with _ordered(here, file, dry_run) as told:
        found = backup.verify(file, here.keys.db_key, here.realm)
        live = _live(here, dry_run)
        kept = None if live is None or dry_run else str(backup.kept_as(here.live))
        if not as_json:
            _print(file, found, as_json=False)
        if live is not None:
            say(_would_go(live))
        if not dry_run:
            if live is not None and not yes and not _agreed():
                raise UsageError(_("The database here was not replaced."), _("--yes replaces it without asking."))
            backup.restore(file, here.live, here.keys.db_key)
            told["taken_ms"] = found.taken_ms
    if as_json:
        there = asdict(live) if isinstance(live, Facts) else None
        print(json.dumps({**asdict(found), "restored": not dry_run, "replaces": there, "kept": kept}))
    elif dry_run:
        say(_("Nothing was changed: this was a dry run."))
    else:
        say(_("Restored. Devices upload new prekeys when they connect; invites must be made again."))
        if kept is not None:
            say(_("What was here is kept as {path}.").format(path=kept))
    return EXIT_OK


@contextlib.contextmanager
def _ordered(here: _Here, file: Path, dry_run: bool) -> Iterator[dict[str, object]]:
    """Inside, nobody else restores here, and the audit log is told how it ended; a dry run leaves nothing behind."""
    with contextlib.ExitStack() as stack:
        order = here.audit.order("restore", file=str(file.absolute()))
        told: dict[str, object] = {} if dry_run else stack.enter_context(order)
        if not dry_run or here.folder.exists():
            stack.enter_context(here.claimed())
        yield told


def _live(here: _Here, dry_run: bool) -> Facts | apsw.Error | None:
    """What a restore would replace, or why it cannot be read; None when there is nothing.

    Not as a store, which would bring an older schema up to date. Closing it writes its log back, so that nothing is
    left beside what a restore moves; a dry run does not even that.
    """
    if not here.live.exists():
        return None
    how = backup.reading if dry_run else backup.connected
    try:
        with how(here.live, here.keys.db_key) as db:
            return backup.facts(db)
    except apsw.Error as error:
        return error


def _would_go(live: Facts | apsw.Error) -> str:
    if isinstance(live, backup.DISK_ERRORS):  # says nothing of the database
        sentence = _("The disk lets nobody look into the database here ({error}); the backup would take its place.")
        return sentence.format(error=backup.reason_of(live))
    if isinstance(live, apsw.Error):
        return _("The database here cannot be read; the backup takes its place.")
    return _(
        "The database here holds {devices} devices and {messages} waiting messages, the newest of {newest}. What came "
        "after the backup was taken would be gone."
    ).format(devices=live.devices, messages=live.messages, newest=_time(live.newest_ms))


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    say(_("Replace it? Type yes."))
    return sys.stdin.readline().strip() == "yes"


def _print(file: Path, found: Facts, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(found)))
        return
    sentence = _(
        "{file} is whole: taken {taken}; accounts: {accounts}, devices: {devices}, messages that wait: {messages}."
    )
    fields = {"accounts": found.accounts, "devices": found.devices, "messages": found.messages}
    print(sentence.format(file=file, taken=_time(found.taken_ms), **fields))


def _time(ms: int) -> str:
    return "-" if ms == 0 else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
