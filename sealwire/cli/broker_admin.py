"""The operator's verbs on the command line: user, link, queue, ban, and the lists of invites.

Each asks the running broker through its socket and prints a table, or with ``--json`` one object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sealwire.cli import broker_limits
from sealwire.cli.common import EXIT_OK, Parser, say
from sealwire.errors import UsageError
from sealwire.i18n import _
from sealwire.logs import printable

Ask = Callable[[dict[str, Any]], dict[str, Any]]

ACTIONS = {
    "user": ("list", "disable", "enable", "delete", "reset-key", "limits"),
    "link": ("list", "kick"),
    "queue": ("list", "purge"),
    "ban": ("list", "add", "remove"),
}
VERBS = tuple(ACTIONS)
FLAGS = {
    "release": ("user delete", "user reset-key"),
    "kind": ("ban add", "ban remove"),
    "days": ("ban add",),
    "reason": ("ban add",),
}
"""Which actions a flag of one of these verbs is for. Passed over elsewhere, `ban list --kind` would seem to choose."""


def add_verbs(verbs: Any, shared: list[Parser]) -> None:
    """Add these verbs to the program's parser.

    Args:
        verbs: what ``add_subparsers`` returned.
        shared: parent parsers with the common flags.
    """
    help_texts = {
        "user": _("accounts: list, disable, enable, delete (--release frees the name), reset-key, limits"),
        "link": _("who is connected: list; kick ACCOUNT or DEVICE"),
        "queue": _("what waits: list; purge ACCOUNT or DEVICE"),
        "ban": _("whom to keep out: list, add, remove"),
    }
    parsers = {}
    for verb, actions in ACTIONS.items():
        parsers[verb] = parser = verbs.add_parser(verb, parents=shared, help=help_texts[verb])
        forms = {action: f"{verb} {action}" + ("" if action == "list" else " {word}") for action in actions}
        parser.add_argument("action", choices=forms, metavar="|".join(actions))
        parser.add_argument("target", nargs="?", metavar=_("TARGET"))
    words_help = _("limits: KEY=VALUE for this account, or KEY=default")
    parsers["user"].add_argument("words", nargs="*", default=(), metavar="KEY=VALUE", help=words_help)
    parsers["user"].add_argument("--release", action="store_true", help=_("delete: anybody may register the name"))
    kinds = ("account", "device", "address")
    parsers["ban"].add_argument("--kind", choices=kinds, help=_("what TARGET is"))
    parsers["ban"].add_argument("--days", type=int, metavar="N", help=_("add: for so long (0: for good)"))
    parsers["ban"].add_argument("--reason", metavar=_("TEXT"), help=_("add: a note for yourself"))
    for parser in parsers.values():
        parser.add_argument("--json", action="store_true", help=_("as one JSON object"))


def run_verb(chosen: argparse.Namespace, ask: Ask) -> int:
    """Carry out one of :data:`VERBS`; returns the exit code."""
    if getattr(chosen, "words", ()) and chosen.action != "limits":
        raise UsageError(_("{word!r} is one word too many.").format(word=chosen.words[0]))
    for flag, actions in FLAGS.items():
        refuse_beside(f"{chosen.verb} {chosen.action}", flag, getattr(chosen, flag, None), actions)
    if chosen.action == "list":
        if chosen.target is not None:
            raise UsageError(_("{word!r} is one word too many.").format(word=chosen.target))
        return show_list(chosen.verb, chosen.json, ask)
    if not chosen.target:
        raise UsageError(_("{verb} {action} needs a name.").format(verb=chosen.verb, action=chosen.action))
    if (chosen.verb, chosen.action) == ("user", "limits"):
        return broker_limits.run_own(chosen, ask)
    request = {"do": f"{chosen.verb} {chosen.action}", "target": chosen.target}
    if chosen.verb == "ban":
        request["kind"] = chosen.kind or "account"
    if (chosen.verb, chosen.action) == ("ban", "add"):
        from sealwire.broker.bans import reason_of

        request |= {"days": chosen.days or 0, "reason": reason_of(chosen.reason or "")}
    if (chosen.verb, chosen.action) == ("user", "delete"):
        request["release"] = chosen.release
    return act(request, chosen.json, ask)


def refuse_beside(action: str, flag: str, value: object, actions: Sequence[str]) -> None:
    """Raise UsageError when a flag was given beside an action that it is not for."""
    if value not in (None, False) and action not in actions:
        raise UsageError(_("{word} does not go with this.").format(word="--" + flag.replace("_", "-")))


def act(request: dict[str, Any], as_json: bool, ask: Ask) -> int:
    """Give an order and say what came of it."""
    answer = ask(request)
    if as_json:
        _print_json(answer)
    else:
        told = {"target": request["target"], "count": 0, **answer}  # a ban says what it names: a network for an address
        say(_said(request["do"]).format(**told))
        if not told.get("is_known", True):
            say(_("Nobody is registered under that name now: is it spelt as you meant?"))
    return EXIT_OK


def _said(action: str) -> str:
    return {
        "user disable": _("{target} cannot log in any more; mail for them goes on waiting."),
        "user enable": _("{target} can log in again."),
        "user delete": _("{target} is deleted, with devices and mail."),
        "user reset-key": _("{target} can be registered with another key; contacts will be warned of it."),
        "link kick": _("Link sessions ended: {count}. They may come back."),
        "queue purge": _("Messages deleted: {count}."),
        "ban add": _("{target} is kept out."),
        "ban remove": _("{target} is no longer kept out."),
        "invite revoke": _("The invite {target} lets nobody in any more."),
    }[action]


def show_list(what: str, as_json: bool, ask: Ask) -> int:
    """Print a list, asking page by page."""
    rows: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        answer = ask({"do": f"{what} list", "after": after})
        rows += answer["rows"]
        after = answer.get("next")
    if as_json:
        _print_json({f"{what}s": rows})
    elif rows:
        _print_table(rows)
    else:
        say(_("There are none."))
    return EXIT_OK


def _print_json(value: object) -> None:
    print(json.dumps(value))


def _print_table(rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    lines = [[name.removesuffix("_ms").replace("_", " ") for name in names]]
    lines += [[_cell(name, row[name]) for name in names] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(name: str, value: object) -> str:
    if isinstance(value, int) and name.endswith("_ms"):
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return "-" if value is None else printable(str(value))
