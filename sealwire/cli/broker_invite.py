"""``broker.py invite``: a line that lets somebody join, as text and as a QR code; lists and revokes such lines."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sealwire.cli import broker_admin
from sealwire.cli.common import EXIT_OK, Parser, say
from sealwire.errors import UsageError
from sealwire.i18n import _, ngettext

Ask = Callable[[dict[str, Any]], dict[str, Any]]

DEFAULT_USES = 1
DEFAULT_DAYS = 7
ACTIONS = {"create": "invite create", "list": "invite list", "revoke": "invite revoke {word}"}
"""Each with the form in which a word has its place."""


def add_verb(verbs: Any, shared: list[Parser]) -> None:
    """Add this verb to the program's parser."""
    parser = verbs.add_parser("invite", parents=shared, help=_("print a line that lets someone join; list, revoke"))
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="create", metavar="|".join(ACTIONS))
    parser.add_argument("target", nargs="?", metavar="ID", help=_("revoke: the invite's id, as list shows it"))
    parser.add_argument("--json", action="store_true", help=_("as one JSON object"))
    parser.add_argument("--uses", type=_uses, metavar="N", help=_("registrations it allows"))
    parser.add_argument("--days", type=_days, metavar="N", help=_("days until it ends"))
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--qr", action="store_true", default=None, help=_("with a QR code: usual on a terminal"))
    shown.add_argument("--no-qr", dest="qr", action="store_false", help=_("without one"))
    file_help = _("write the QR code into a file, .svg or .png; it is as secret as the line")
    parser.add_argument("--qr-file", type=Path, metavar="FILE", help=file_help)


def _uses(text: str) -> int:
    from sealwire.broker.invites import MAX_USES

    return _count(text, MAX_USES)


def _days(text: str) -> int:
    from sealwire.broker.invites import MAX_DAYS

    return _count(text, MAX_DAYS)


def _count(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(_("must be a whole number from 1 to {most}").format(most=most))
    return int(text)


def run_verb(chosen: argparse.Namespace, ask: Ask) -> int:
    """Carry out the verb; returns the exit code."""
    for flag in ("uses", "days", "qr", "qr_file"):
        broker_admin.refuse_beside(chosen.action, flag, getattr(chosen, flag), ("create",))
    if chosen.action != "revoke" and chosen.target is not None:
        raise UsageError(_("{word!r} is one word too many.").format(word=chosen.target))
    if chosen.action == "list":
        return broker_admin.show_list("invite", chosen.json, ask)
    if chosen.action == "create":
        return _create(chosen, ask)
    if not chosen.target:
        raise UsageError(_("invite revoke needs an id."), _("broker.py invite list shows them."))
    return broker_admin.act({"do": "invite revoke", "target": chosen.target}, chosen.json, ask)


def _create(chosen: argparse.Namespace, ask: Ask) -> int:
    _check_file(chosen.qr_file)
    uses, days = chosen.uses or DEFAULT_USES, chosen.days or DEFAULT_DAYS
    answer = ask({"do": "invite", "uses": uses, "days": days})
    line = answer["invite"]
    if chosen.json:
        print(json.dumps(answer))
    else:
        print(line)
    sys.stdout.flush()  # the line first, then what there is to say about it
    if chosen.qr_file is not None:
        _write_file(line, chosen.qr_file)
    if not chosen.json:
        _show_code(line, chosen.qr)
        _explain(answer, uses)
    return EXIT_OK


def _explain(answer: dict[str, Any], uses: int) -> None:
    for note in answer["notes"]:
        say(note)
    if answer["expires_ms"] is not None:
        people = ngettext("It lets one person in", "It lets {n} people in", uses).format(n=uses)
        end = datetime.fromtimestamp(answer["expires_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
        say(_("{people}, until {end}. Treat it like a password.").format(people=people, end=end))


# --- the QR code ---------------------------------------------------------------------------------------------


def _check_file(path: Path | None) -> None:
    """Refuse a file that cannot be written before an invite is made for it."""
    from sealwire import qr

    if path is None:
        return
    if not qr.is_file_kind(path):
        raise UsageError(_("{path} must end in .svg or .png.").format(path=path))
    if path.exists():
        raise UsageError(_("{path} exists already, and is not overwritten.").format(path=path))
    if not path.absolute().parent.is_dir():
        raise UsageError(_("There is no folder {path}.").format(path=path.absolute().parent))


def _write_file(line: str, path: Path) -> None:
    from sealwire import qr
    from sealwire.files import new_file

    with new_file(path) as file:
        file.write(qr.as_file(line, path))
    say(_("The QR code is in {path}, for you alone to read.").format(path=path))


def _show_code(line: str, wanted: bool | None) -> None:
    """Print the code where a person looks at a terminal that can show it; in a pipe the line stays alone."""
    if wanted is False:
        return
    problem = _cannot_show(line)
    if problem is None:
        from sealwire import qr

        print(qr.in_terminal(line), flush=True)
    elif wanted:
        say(problem)


def _cannot_show(line: str) -> str | None:
    """Say why a QR code cannot be shown here, if so."""
    if not sys.stdout.isatty():
        return _("A QR code is shown on a terminal only. --qr-file FILE.svg writes one.")
    try:
        "▀▄█".encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return _("This terminal has no block characters for a QR code. --qr-file FILE.svg writes one.")
    from sealwire import qr

    needed, there = qr.columns(line), shutil.get_terminal_size().columns
    if needed > there:
        sentence = _("The QR code needs {needed} columns; this terminal has {there}. --qr-file FILE.svg writes one.")
        return sentence.format(needed=needed, there=there)
    return None
