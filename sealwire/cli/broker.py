"""The broker's program: serve, and the administrator's verbs that talk to the one that serves."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from typing import Any, get_args

from sealwire import logs
from sealwire.cli import broker_admin, broker_care, broker_invite, broker_limits, streams, told
from sealwire.cli.common import EXIT_OK, Parser, VerbParser, common_flags, load_settings, run, say
from sealwire.config import Settings
from sealwire.errors import UsageError
from sealwire.i18n import _


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the broker's program; returns its exit code."""
    return run(_program, arguments, answers_json=True)


def _program(arguments: Sequence[str]) -> int:
    caller = streams.CALLER.get()
    if _asks_for_json(arguments):
        _log_as_json("info")  # before anything can be wrong with flags and settings
    chosen = parser().parse_args(arguments)
    if chosen.verb is not None:
        streams.CALLER.set(caller)  # what a verb says is for whoever typed it
    try:
        with told.interrupting():
            return _carry_out(chosen, arguments)
    except KeyboardInterrupt:
        if chosen.verb is None:
            return EXIT_OK  # told to stop before there was anything to take apart
        raise


def _carry_out(chosen: argparse.Namespace, arguments: Sequence[str]) -> int:
    serving = [name for name in ("bind", "log_format", "watch", "whole", "supervise") if getattr(chosen, name)]
    if chosen.verb is not None and serving:
        flag = "--" + serving[0].replace("_", "-")
        raise UsageError(_("{flag} is for serving, not for {verb}.").format(flag=flag, verb=chosen.verb))
    settings = load_settings(chosen, {"bind": "broker.bind", "log_format": "log.format"})
    if chosen.verb is None and settings.log.format == "json":
        _log_as_json(settings.log.level)
    match chosen.verb:
        case "status":
            return _status(settings, chosen.json)
        case "stop":
            return _stop(settings, chosen.json)
        case "invite":
            return broker_invite.run_verb(chosen, lambda request: _ask(settings, request))
        case "limits":
            return broker_limits.run_verb(chosen, lambda request: _ask(settings, request))
        case verb if verb in broker_admin.VERBS:
            return broker_admin.run_verb(chosen, lambda request: _ask(settings, request))
        case verb if verb in broker_care.VERBS:
            return broker_care.run_verb(settings, chosen)
        case _ if chosen.supervise:
            from sealwire.cli import supervise

            return supervise.supervise([word for word in arguments if word != supervise.FLAG])
        case _:
            return _serve(settings, chosen.watch, chosen.whole)


def _asks_for_json(arguments: Sequence[str]) -> bool:
    words = " ".join(arguments).replace("=", " ")
    if "--log-format" in words:
        return "--log-format json" in words
    return os.environ.get("SEALWIRE_LOG__FORMAT") == "json"


def _log_as_json(level: logs.Level) -> None:
    streams.CALLER.set(streams.Logged(logs.setup(level, "json")))


def parser() -> Parser:
    """Return the parser of the broker's command line."""
    made = Parser(
        prog="broker.py",
        description=_("Relay messages between peers, without being able to read them. Without a verb: serve."),
        parents=[common_flags()],
    )
    made.add_argument("--bind", metavar="tcp://…", help=_("where to listen (broker.bind)"))
    made.add_argument(
        "--log-format", choices=get_args(logs.Format), help=_("what is said, as text or JSON lines (log.format)")
    )
    made.add_argument("--watch", action="store_true", help=_("print what the relay sees of each message"))
    made.add_argument("--whole", action="store_true", help=_("with --watch: every byte of it"))
    made.add_argument("--supervise", action="store_true", help=_("start the broker again whenever it fails"))
    verbs: Any = made.add_subparsers(dest="verb", metavar=_("VERB"), title=_("verbs"), parser_class=VerbParser)
    shared = [common_flags(add_default=False)]
    status = verbs.add_parser("status", parents=shared, help=_("the running broker in numbers"))
    status.add_argument("--json", action="store_true", help=_("as one JSON object"))
    stop = verbs.add_parser("stop", parents=shared, help=_("end the running broker, in order"))
    stop.add_argument("--json", action="store_true", help=_("as one JSON object"))
    broker_invite.add_verb(verbs, shared)
    broker_admin.add_verbs(verbs, shared)
    broker_limits.add_verb(verbs, shared)
    broker_care.add_verbs(verbs, shared)
    return made


def _serve(settings: Settings, watch: bool, whole: bool) -> int:
    from sealwire.cli.serve import Serving  # the store and the sockets: 150 ms that other verbs do without

    os.umask(0o077)  # databases, sockets and folders are for this user alone
    serving = Serving(settings, watch or whole, whole)
    told.handle(lambda _number, _frame: serving.stop())
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


def _stop(settings: Settings, as_json: bool) -> int:
    _ask(settings, {"do": "stop"})
    if as_json:
        print(json.dumps({"ok": True}))
        return EXIT_OK
    say(_("The broker ends. What it accepted waits on its disk for the next start."))
    return EXIT_OK
