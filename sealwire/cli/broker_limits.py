"""``broker.py limits`` and ``broker.py user limits``: show and change what the running broker allows."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sealwire.cli.common import EXIT_OK, Parser, say
from sealwire.errors import UsageError
from sealwire.i18n import _

Ask = Callable[[dict[str, Any]], dict[str, Any]]

ACTIONS = {"show": "limits show", "set": "limits set {word} VALUE", "reset": "limits reset {word}"}
"""Each with the form in which a word has its place."""
FOR_THE_NEXT = ("send_window_messages", "send_window_bytes")
"""What a device was told when it logged in stays so for it."""


def add_verb(verbs: Any, shared: list[Parser]) -> None:
    """Add ``limits`` to the program's parser."""
    parser = verbs.add_parser("limits", parents=shared, help=_("the limits in force: show, set KEY VALUE, reset [KEY]"))
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="show", metavar="|".join(ACTIONS))
    parser.add_argument(
        "words", nargs="*", default=(), metavar="KEY VALUE", help=_("set: a limit as in config.yaml, and its value")
    )
    parser.add_argument("--json", action="store_true", help=_("as one JSON object"))


def run_verb(chosen: argparse.Namespace, ask: Ask) -> int:
    """Carry out ``limits``; returns the exit code."""
    match chosen.action:
        case "set":
            answer = ask({"do": "limits set", "values": pairs(chosen.words)})
        case "reset":
            answer = ask({"do": "limits reset", "names": [_named(word) for word in chosen.words]})
        case _ if chosen.words:
            raise UsageError(_("limits shows all of them; limits set KEY VALUE changes one."))
        case _:
            _show(ask({"do": "limits"}), chosen.json)
            return EXIT_OK
    if chosen.json:
        print(json.dumps(answer))
    else:
        _tell(answer["changed"], is_set=chosen.action == "set")
    return EXIT_OK


def run_own(chosen: argparse.Namespace, ask: Ask) -> int:
    """Carry out ``user limits NAME [KEY=VALUE …]``; returns the exit code."""
    name = chosen.target
    if not chosen.words:
        answer = ask({"do": "user limits", "target": name})
        if chosen.json:
            print(json.dumps(answer))
        else:
            _print(answer["limits"], {limit: _("of its own") for limit in answer["own"]})
        return EXIT_OK
    answer = ask({"do": "user limits set", "target": name, "values": pairs(chosen.words)})
    if chosen.json:
        print(json.dumps(answer))
        return EXIT_OK
    for limit, change in answer["changed"].items():
        if change["now"] is None:
            say(_("{limit} of {name} is what everybody has now.").format(limit=limit, name=name))
        else:
            say(_("{limit} of {name} is {now} now.").format(limit=limit, name=name, now=change["now"]))
    if not answer["changed"]:
        say(_("Nothing has changed."))
    return EXIT_OK


def pairs(words: Sequence[str]) -> dict[str, str]:
    """Read ``KEY VALUE`` or ``KEY=VALUE …``, by the limit's name or the setting's (``limits.quota_messages``).

    Raises:
        UsageError: neither.
    """
    if words and all("=" in word for word in words):
        return {_named(key): value for key, value in (word.split("=", 1) for word in words)}
    if len(words) == 2:
        return {_named(words[0]): words[1]}
    raise UsageError(_("A limit and its value are needed: quota_messages 50000, or KEY=VALUE for several."))


def _named(word: str) -> str:
    """The limit that is meant: documents and errors say the whole key."""
    return word.removeprefix("limits.")


def _show(answer: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer["limits"]))
        return
    set_here = _("until the broker ends; the settings say {configured}")
    notes = {name: set_here.format(configured=_text(value)) for name, value in answer["configured"].items()}
    _print(answer["limits"], notes)


def _print(limits: Mapping[str, Any], notes: Mapping[str, str]) -> None:
    width = max(len(name) for name in limits)
    for name, value in limits.items():
        note = f"  ({notes[name]})" if name in notes else ""
        print(f"{name:<{width}}  {_text(value)}{note}")


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _tell(changed: Mapping[str, Mapping[str, Any]], is_set: bool) -> None:
    """Say what is in force now, and for how long."""
    for name, change in changed.items():
        sentence = (
            _("{name} is {now} for devices that log in from now on; it was {was}.")
            if name in FOR_THE_NEXT
            else _("{name} is {now} now; it was {was}.")
        )
        say(sentence.format(name=name, now=_text(change["now"]), was=_text(change["was"])))
    if not changed:
        say(_("Nothing has changed."))
    elif is_set:
        say(_("This lasts until the broker ends. To keep it, write it into config.yaml, below limits."))
