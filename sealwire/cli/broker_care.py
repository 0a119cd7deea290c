"""The verbs that look after a broker's files: backup, verify, restore, compact, doctor."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sealwire.cli.common import Parser
from sealwire.config import Settings
from sealwire.i18n import _

VERBS: Final = frozenset({"backup", "verify", "restore", "compact", "doctor"})


def add_verbs(verbs: argparse._SubParsersAction[Parser], shared: Sequence[Parser]) -> None:
    """Add the parsers of these verbs."""
    backup = verbs.add_parser("backup", parents=shared, help=_("copy the database while the broker runs"))
    verify = verbs.add_parser("verify", parents=shared, help=_("read a backup from end to end"))
    restore = verbs.add_parser("restore", parents=shared, help=_("put a backup in the database's place"))
    restore.add_argument("--dry-run", action="store_true", help=_("check everything, change nothing"))
    restore.add_argument("--yes", action="store_true", help=_("replace what is here without asking"))
    compact = verbs.add_parser("compact", parents=shared, help=_("give back the room of deleted mail; broker stopped"))
    doctor = verbs.add_parser("doctor", parents=shared, help=_("find what is wrong here, and say what to do"))
    doctor.add_argument("--salvage", type=Path, metavar="FILE", help=_("copy what is readable of a damaged database"))
    for verb in (backup, verify, restore, compact, doctor):
        verb.add_argument("--json", action="store_true", help=_("as one JSON object"))
    for verb in (backup, verify, restore):
        verb.add_argument("file", type=Path, metavar="FILE", help=_("the backup"))


def run_verb(settings: Settings, chosen: argparse.Namespace) -> int:
    """Carry out the chosen verb; returns the exit code."""
    os.umask(0o077)
    from sealwire.cli import broker_backup, broker_doctor  # the store: 100 ms that other verbs do without

    match chosen.verb:
        case "backup":
            return broker_backup.take(settings, chosen.file, chosen.json)
        case "compact":
            return broker_backup.compact(settings, chosen.json)
        case "doctor" if chosen.salvage is not None:
            return broker_doctor.salvage(settings, chosen.salvage, chosen.json)
        case "doctor":
            return broker_doctor.examine(settings, chosen.json)
        case "verify":
            return broker_backup.check(settings, chosen.file, chosen.json)
        case _:
            return broker_backup.put_back(settings, chosen.file, chosen.dry_run, chosen.yes, chosen.json)
