"""What a line means: a command, or text for someone."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from sealwire.errors import AccountNameError, UsageError
from sealwire.i18n import _
from sealwire.ids import account_name

DEFAULT_HISTORY = 20
MAX_HISTORY = 1_000
"""More than fits a screen reader's patience or a terminal's memory; ``history`` the verb has no such bound."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty line."""


@dataclass(frozen=True, slots=True)
class Say:
    """Text for ``to``, or for the open conversation."""

    text: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Show:
    """History of the open conversation."""

    limit: int


@dataclass(frozen=True, slots=True)
class About:
    """A command about a person; ``name`` None is the one of the open conversation."""

    verb: Literal["to", "info", "verify", "verified", "unverified", "approve"]
    name: str | None


@dataclass(frozen=True, slots=True)
class Plain:
    """A command without an object."""

    verb: Literal["contacts", "retry", "status", "help", "quit"]


Command = Nothing | Say | Show | About | Plain

_PLAIN = ("contacts", "retry", "status", "help", "quit")
_ABOUT = ("to", "info", "verify", "approve")
COMMANDS = (*_ABOUT, *_PLAIN, "history")


def usage() -> list[str]:
    """Every command with one line about it."""
    return [
        _("/to NAME: write to NAME from now on. Other lines go to them."),
        _("@NAME TEXT: send TEXT once."),
        _("/contacts: everyone you know."),
        _("/history [N]: the last N messages here, 20 without N."),
        _("/info [NAME]: fingerprint, encryption and session."),
        _("/verify [NAME]: the safety number; /verify NAME yes once you have compared it."),
        _("/approve [NAME]: accept a changed key."),
        _("/retry: try failed messages again."),
        _("/status: link, queue and unread messages."),
        _("/quit: the end. Ctrl+D does the same."),
        _("A line that begins with // is sent with one slash."),
    ]


def parse(line: str) -> Command:
    """Return what a line asks for.

    Args:
        line: One line as typed, or a paste of several lines (one message, never commands).

    Raises:
        UsageError: no such command, or its words do not fit.
        AccountNameError: a name that breaks the rule.
    """
    if not line.strip():
        return Nothing()
    if line.startswith("//"):
        return Say(line[1:])
    if line.startswith("@"):
        return _once(line)
    if line.startswith("/") and "\n" not in line:
        return _command(line)
    return Say(line)


def _once(line: str) -> Say:
    name, _blank, text = line[1:].partition(" ")
    if not text.strip():
        raise UsageError(_("Write @NAME, a space and the text."))
    return Say(text.strip(" "), _name(name))


def _command(line: str) -> Command:
    verb, *words = line[1:].split() if line[1:2].strip() else [""]
    match verb.lower():
        case "history":
            return Show(_count(words))
        case "verify":
            return _verify(words)
        case "to" | "info" | "approve" as about:
            return About(about, _optional_name(about, words))
        case "contacts" | "retry" | "status" | "help" | "quit" as plain:
            _no_more(plain, words)
            return Plain(plain)
        case unknown:
            raise UsageError(_unknown(unknown))


def _unknown(verb: str) -> str:
    near = get_close_matches(verb, COMMANDS, 1, 0.5)
    if near:
        return _("There is no command /{verb}. Did you mean /{near}?").format(verb=verb, near=near[0])
    return _("There is no command /{verb}. /help lists them; // sends a line that begins with a slash.").format(
        verb=verb
    )


def _verify(words: list[str]) -> About:
    match [word.lower() for word in words[1:]]:
        case []:
            return About("verify", _optional_name("verify", words))
        case ["yes"]:
            return About("verified", _name(words[0]))
        case ["no"]:
            return About("unverified", _name(words[0]))
    raise UsageError(_("Write /verify NAME, then /verify NAME yes when the numbers are the same, or no."))


def _optional_name(verb: str, words: list[str]) -> str | None:
    if verb == "to" and not words:
        raise UsageError(_("Write /to and a name."))
    _no_more(verb, words[1:])
    return _name(words[0]) if words else None


def _count(words: list[str]) -> int:
    _no_more("history", words[1:])
    if not words:
        return DEFAULT_HISTORY
    if not words[0].isascii() or not words[0].isdigit() or not 0 < int(words[0][:5]) <= MAX_HISTORY:
        raise UsageError(_("/history takes a number from 1 to {limit}.").format(limit=MAX_HISTORY))
    return int(words[0])


def _no_more(verb: str, words: list[str]) -> None:
    if words:
        raise UsageError(_("/{verb} does not take {word!r}.").format(verb=verb, word=words[0]))


def _name(text: str) -> str:
    name = account_name(text)
    if name is None:
        raise AccountNameError(text)
    return name
