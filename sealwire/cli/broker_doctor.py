"""``broker.py doctor``: look at everything, change nothing, say what to do."""

from __future__ import annotations

import json
import time
from pathlib import Path

import apsw
from msgspec.structs import asdict

from sealwire import config
from sealwire.broker import admin, backup, doctor, keyfiles
from sealwire.broker.doctor import Finding
from sealwire.broker.port import BrokerKeys
from sealwire.cli.broker_office import AUDIT_NAME, AuditLog
from sealwire.cli.common import EXIT_ERROR, EXIT_OK, say
from sealwire.config import Settings
from sealwire.crypto.identity import realm_of
from sealwire.errors import (
    AdminSocketGoneError,
    BackupError,
    BrokerBusyError,
    BrokerKeyFileError,
    BrokerSilentError,
    NoBrokerHereError,
    StoreError,
)
from sealwire.files import PidLock
from sealwire.i18n import _, explain


def examine(settings: Settings, as_json: bool) -> int:
    """Print every finding; returns 0 when there is none, else 1."""
    findings = _findings(settings)
    if as_json:
        print(json.dumps({"ok": not findings, "findings": [asdict(finding) for finding in findings]}))
    for finding in [] if as_json else findings:
        print(f"{finding.name}: {finding.sentence} {finding.advice}")
    if not findings and not as_json:
        print(_("Nothing found."))
    return EXIT_ERROR if findings else EXIT_OK


def _findings(settings: Settings) -> list[Finding]:
    folder, keys, broker = settings.paths.data / "broker", settings.paths.keys, settings.broker
    found = [*doctor.modes(keys, folder), *doctor.space(folder)]
    found += doctor.exposure(broker.bind, broker.registration, is_public=config.is_public(broker.bind))
    barred = list(doctor.barred(keys, folder))
    if barred:
        return [*found, *barred]  # whoever may not look further would only guess
    lock = PidLock(folder / admin.LOCK)
    try:
        if folder.is_dir() and lock.acquire() is not None:
            return [*found, *_asked(folder)]  # it runs: port, log and database are its own affair
    except OSError as error:
        found += doctor.unwritable(folder, error)
    try:
        stopped = list(doctor.unclean(folder))
        found += [*doctor.port(broker.bind), *doctor.monitoring_port(settings.metrics.listen), *stopped]
        if (folder / doctor.DATABASE).exists():
            found += _database(folder, keys, is_stopped=not stopped)
    finally:
        lock.release()
    return found


def _asked(folder: Path) -> list[Finding]:
    """What a broker that runs knows of its own clock."""
    try:
        behind_s = admin.ask(folder, {"do": "status"})["status"].get("clock_behind_s", 0)  # an older one says nothing
    except (NoBrokerHereError, admin.AdminRefusedError):
        return []  # it starts or stops
    except BrokerSilentError:
        return list(doctor.silence())
    except AdminSocketGoneError as error:
        return [Finding("silent", *explain(error))]
    return list(doctor.clock(behind_s * 1000, 0))


def _database(folder: Path, keys: Path, is_stopped: bool) -> list[Finding]:
    """Look at the keys, and with them into a database that was closed in order."""
    try:
        key = keyfiles.load_existing(keys).db_key
    except BrokerKeyFileError as error:
        return [] if list(doctor.modes(keys, folder)) else [Finding("keys", *explain(error))]
    return list(doctor.database(folder, key, time.time_ns() // 1_000_000)) if is_stopped else []


def salvage(settings: Settings, target: Path, as_json: bool) -> int:
    """Copy the readable rows of the database here into a file that ``restore`` takes; returns the exit code."""
    folder = settings.paths.data / "broker"
    if not (folder / doctor.DATABASE).is_file():
        raise StoreError(path=folder / doctor.DATABASE, detail=_("there is no such file"))
    with AuditLog(folder / AUDIT_NAME).order("salvage", file=str(target.absolute())):
        found = _salvaged(settings, folder, target.absolute())
    if as_json:
        rows = {table: {"copied": copied, "missed": missed} for table, (copied, missed) in found.items()}
        print(json.dumps({"file": str(target), "tables": rows}))
        return EXIT_OK
    for table, (copied, missed) in found.items():
        print(f"{table}\t{copied}\t{missed}")
    say(
        _("Rows copied, and rows that could not be read. Put the copy back with: broker.py restore {file}").format(
            file=target
        )
    )
    return EXIT_OK


def _salvaged(settings: Settings, folder: Path, target: Path) -> dict[str, tuple[int, int]]:
    """For each table: rows copied, and row numbers that could not be read."""
    lock = PidLock(folder / admin.LOCK)
    holder = lock.acquire()
    if holder is not None:
        raise BrokerBusyError(pid=holder or "?", path=settings.paths.data)
    try:
        keys = keyfiles.load_existing(settings.paths.keys)
        found = doctor.salvage(folder / doctor.DATABASE, keys.db_key, target)
    finally:
        lock.release()
    _stamp(target, keys)
    return found


def _stamp(target: Path, keys: BrokerKeys) -> None:
    """Make a backup of what was saved; one without its stamp would be refused."""
    with backup.whole_or_absent(target):
        try:
            backup.stamp(target, keys.db_key, realm_of(keys.curve_public), time.time_ns() // 1_000_000)
        except apsw.Error as error:
            raise BackupError(path=target, detail=backup.reason_of(error)) from error
