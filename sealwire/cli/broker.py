"""The broker's program: serve, and the administrator's verbs that talk to the one that serves."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sealwire.cli import broker_admin, broker_care
from sealwire.cli.common import EXIT_OK, Parser, common_flags, load_settings, run, say
from sealwire.config import Settings
from sealwire.errors import UsageError
from sealwire.i18n import _, ngettext

DEFAULT_USES = 1
DEFAULT_DAYS = 7
INVITE_ACTIONS = ("create", "list", "revoke")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the broker's program; returns its exit code."""
    return run(_program, arguments)


def _program(arguments: Sequence[str]) -> int:
    chosen = _parser().parse_args(arguments)
    if chosen.verb is not None and (chosen.bind is not None or chosen.watch or chosen.supervise):
        flag = "--bind" if chosen.bind is not None else "--watch" if chosen.watch else "--supervise"
        raise UsageError(_("{flag} is for serving, not for {verb}.").format(flag=flag, verb=chosen.verb))
    settings = load_settings(chosen, {"bind": "broker.bind"})
    match chosen.verb:
        case "status":
            return _status(settings, chosen.json)
        case "invite":
            return _invites(settings, chosen)
        case verb if verb in broker_admin.VERBS:
            return broker_admin.run_verb(chosen, lambda request: _ask(settings, request))
        case verb if verb in broker_care.VERBS:
            return broker_care.run_verb(settings, chosen)
        case _ if chosen.supervise:
            from sealwire.cli import supervise

            return supervise.supervise([word for word in arguments if word != supervise.FLAG])
        case _:
            return _serve(settings, chosen.watch)


def _parser() -> Parser:
    parser = Parser(
        prog="broker.py",
        description=_("Relay messages between peers, without being able to read them. Without a verb: serve."),
        parents=[common_flags()],
    )
    parser.add_argument("--bind", metavar="tcp://…", help=_("where to listen (broker.bind)"))
    parser.add_argument("--watch", action="store_true", help=_("print what the relay sees of each message"))
    parser.add_argument("--supervise", action="store_true", help=_("start the broker again whenever it fails"))
    verbs = parser.add_subparsers(dest="verb", metavar=_("VERB"), title=_("verbs"), parser_class=Parser)
    shared = [common_flags(add_default=False)]
    status = verbs.add_parser("status", parents=shared, help=_("the running broker in numbers"))
    status.add_argument("--json", action="store_true", help=_("as one JSON object"))
    invite = verbs.add_parser("invite", parents=shared, help=_("print a line that lets someone join; list, revoke"))
    invite.add_argument("action", nargs="?", choices=INVITE_ACTIONS, default="create", metavar="|".join(INVITE_ACTIONS))
    invite.add_argument("target", nargs="?", metavar="ID", help=_("revoke: the invite's id, as list shows it"))
    invite.add_argument("--json", action="store_true", help=_("as one JSON object"))
    invite.add_argument("--uses", type=_uses, default=DEFAULT_USES, metavar="N", help=_("registrations it allows"))
    invite.add_argument("--days", type=_days, default=DEFAULT_DAYS, metavar="N", help=_("days until it ends"))
    broker_admin.add_verbs(verbs, shared)
    broker_care.add_verbs(verbs, shared)
    return parser


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


def _serve(settings: Settings, watch: bool) -> int:
    from sealwire.cli.serve import Serving  # the store and the sockets: 150 ms that other verbs do without

    os.umask(0o077)  # databases, sockets and folders are for this user alone
    serving = Serving(settings, watch)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: serving.stop())
    return serving.run()


# --- the administrator's verbs -------------------------------------------------------------------------------


def _ask(settings: Settings, request: dict[str, Any]) -> dict[str, Any]:
    from sealwire.broker import admin

    return admin.ask(settings.paths.data / "broker", request)


def _status(settings: Settings, as_json: bool) -> int:
    status = _ask(settings, {"do": "status"})["status"]
    if as_json:
        print(json.dumps(status))
        return EXIT_OK
    width = max(len(name) for name in status)
    for name, value in status.items():
        print(f"{name.replace('_', ' '):<{width}}  {value}")
    return EXIT_OK


def _invites(settings: Settings, chosen: argparse.Namespace) -> int:
    def ask(request: dict[str, Any]) -> dict[str, Any]:
        return _ask(settings, request)

    if chosen.action == "list":
        return broker_admin.show_list("invite", chosen.json, ask)
    if chosen.action == "create":
        return _invite(settings, chosen.uses, chosen.days, chosen.json)
    if chosen.target is None:
        raise UsageError(_("invite revoke needs an id."), _("broker.py invite list shows them."))
    return broker_admin.act({"do": "invite revoke", "target": chosen.target}, chosen.json, ask)


def _invite(settings: Settings, uses: int, days: int, as_json: bool) -> int:
    answer = _ask(settings, {"do": "invite", "uses": uses, "days": days})
    if as_json:
        print(json.dumps(answer))
        return EXIT_OK
    print(answer["invite"])
    sys.stdout.flush()  # the line first, then what there is to say about it
    for note in answer["notes"]:
        say(note)
    if answer["expires_ms"] is not None:
        people = ngettext("It lets one person in", "It lets {n} people in", uses).format(n=uses)
        end = datetime.fromtimestamp(answer["expires_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
        say(_("{people}, until {end}. Treat it like a password.").format(people=people, end=end))
    return EXIT_OK
