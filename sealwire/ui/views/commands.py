"""What a line means: a command, or text for someone. One table for every interface that has a line to type in."""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo
from difflib import get_close_matches
from typing import Final, Literal

from msgspec import Struct

from sealwire.errors import AccountNameError, UsageError
from sealwire.i18n import _
from sealwire.ids import account_name

DEFAULT_HISTORY: Final = 20
MAX_HISTORY: Final = 1_000
"""More than fits a screen reader's patience or a terminal's memory; ``history`` the verb has no such bound."""

MAX_NUMBER: Final = 9_999_999
"""Messages of one run have numbers far below it."""

FOREVER_S: Final = 100 * 365 * 86_400
"""A mute without an end."""

_SPAN = re.compile(r"(?P<n>[0-9]{1,6})(?P<unit>[smhdw])", re.ASCII)
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class Nothing(Struct, frozen=True):
    """An empty line."""


class Say(Struct, frozen=True):
    """Text for ``to``, or for the open conversation."""

    text: str
    to: str | None = None


class Order(Struct, frozen=True):
    """A command. What it does not take stays empty."""

    verb: str
    who: str | None = None
    """A person or a group, as typed: an account name, or ``+`` and a name or an id."""
    number: int | None = None
    """Of a message, as the interface counts them; None is the last one that fits."""
    text: str = ""
    path: str = ""
    seconds: int = 0


Command = Nothing | Say | Order

Takes = Literal[
    "nothing", "who", "who?", "verify", "nick", "number", "number text", "number who", "number path", "delete",
    "react", "text", "path", "path text", "export", "count", "days", "span", "mute", "group", "switch", "anything",
]  # fmt: skip


class Spec(Struct, frozen=True):
    """One row of the table: a verb, what follows it, and a sentence about it."""

    verb: str
    takes: Takes
    form: str
    about: str


def table() -> tuple[Spec, ...]:
    """Return every command, in the order of ``/help``."""
    return (
        Spec("to", "who", "/to NAME", _("write to NAME (or +GROUP) from now on; other lines go there")),
        Spec("chats", "nothing", "/chats", _("all conversations and what is unread")),
        Spec("contacts", "nothing", "/contacts", _("everyone you know, and who is verified")),
        Spec("history", "count", "/history [N]", _("the last N messages here, 20 without N")),
        Spec("search", "text", "/search WORDS", _("messages that hold these words or words that begin so")),
        Spec("date", "text", "/date YYYY-MM-DD", _("what was said here from that day on")),
        Spec("reply", "number text", "/reply [N] TEXT", _("answer message N, or the last one")),
        Spec("edit", "number text", "/edit [N] TEXT", _("put other words in place of an own message")),
        Spec("delete", "delete", "/delete [N] [here]", _("take an own message back; with here: only on this side")),
        Spec("react", "react", "/react [N] EMOJI", _("react to a message, as :tada:; /react N off takes it away")),
        Spec("pin", "number", "/pin [N]", _("pin a message for everyone here")),
        Spec("unpin", "number", "/unpin [N]", _("unpin it")),
        Spec("pinned", "nothing", "/pinned", _("the pinned messages")),
        Spec("forward", "number who", "/forward [N] NAME", _("send a copy to someone else")),
        Spec("who", "number", "/who [N]", _("everything about a message: states, reactions by name")),
        Spec("cancel", "number", "/cancel [N]", _("give up a message that still waits here")),
        Spec("retry", "nothing", "/retry", _("try failed messages again")),
        Spec("file", "path text", "/file PATH [WORDS]", _("send a file")),
        Spec("files", "nothing", "/files", _("files of this conversation")),
        Spec("fetch", "number path", "/fetch [N] [PATH]", _("get a file that is offered")),
        Spec("save", "number path", "/save [N] PATH", _("copy a finished file to another place")),
        Spec("pause", "number", "/pause [N]", _("stop moving a file for now")),
        Spec("resume", "number", "/resume [N]", _("go on with it")),
        Spec("stop", "number", "/stop [N]", _("give a file up")),
        Spec("info", "who?", "/info [NAME]", _("fingerprint, encryption and session")),
        Spec("verify", "verify", "/verify [NAME]", _("the safety number; then /verify NAME yes, no, or their code")),
        Spec("approve", "who?", "/approve [NAME]", _("accept a changed key")),
        Spec("requests", "nothing", "/requests", _("who asks to talk to you")),
        Spec("accept", "who?", "/accept [NAME]", _("answer a request, or join +GROUP")),
        Spec("decline", "who?", "/decline [NAME]", _("refuse it")),
        Spec("block", "who?", "/block [NAME]", _("take nothing from someone any more")),
        Spec("unblock", "who?", "/unblock [NAME]", _("take it again")),
        Spec("nick", "nick", "/nick NAME [NICKNAME]", _("a name of your own for someone, seen only here")),
        Spec("mute", "mute", "/mute [8h]", _("no notifications from here, for a time or for good")),
        Spec("unmute", "nothing", "/unmute", _("notify again")),
        Spec("timer", "span", "/timer 1d", _("let new messages here disappear after a time; off ends it")),
        Spec("keep", "days", "/keep [30]", _("for how many days messages are kept; 0: for ever")),
        Spec("presence", "switch", "/presence [on|off]", _("whether others see that you are online: on or off")),
        Spec("groups", "nothing", "/groups", _("your groups and invitations")),
        Spec("group", "group", "/group WHAT …", _("new, info, invite, remove, role, name, topic, history, leave")),
        Spec("clear", "anything", "/clear yes", _("delete this conversation here, and only here")),
        Spec(
            "export", "export", "/export FILE [json|text|html]", _("write this conversation into a new file, in clear")
        ),
        Spec("import", "path", "/import FILE", _("take in the messages of a JSON export")),
        Spec("backup", "path", "/backup FILE", _("keys, history and contacts in one file under a passphrase")),
        Spec("invite", "nothing", "/invite", _("The line that lets somebody join")),
        Spec("status", "nothing", "/status", _("link, queue and unread messages")),
        Spec("help", "anything", "/help [COMMAND]", _("this list, or one of it")),
        Spec("quit", "nothing", "/quit", _("the end; Ctrl+D does the same")),
    )


GROUP_VERBS: Final = (
    "new", "info", "invite", "remove", "role", "name", "topic", "timer", "history", "leave", "accept", "decline",
)  # fmt: skip


def verbs() -> tuple[str, ...]:
    """Return every verb."""
    return tuple(spec.verb for spec in table())


def usage(verb: str = "") -> list[str]:
    """Return a line for each command, or for the one asked about.

    Raises:
        UsageError: there is no such command.
    """
    wanted = verb.lstrip("/").lower()
    specs = {spec.verb: spec for spec in table()}
    if wanted:
        if wanted not in specs:
            raise UsageError(_unknown(wanted))
        return [_line(specs[wanted])]
    return [
        *(_line(spec) for spec in specs.values()),
        _("@NAME TEXT: send TEXT once."),
        _("A line that begins with // is sent with one slash. N is the number after #."),
    ]


def _line(spec: Spec) -> str:
    return f"{spec.form}: {spec.about}."


# --- reading -------------------------------------------------------------------------------------------------


def parse(line: str) -> Command:
    """Return what a line asks for.

    Args:
        line: One line as typed, or several: a paste is one message, whatever it begins with.

    Raises:
        UsageError: no such command, or its words do not fit.
        AccountNameError: a name that breaks the rule.
    """
    if not line.strip():
        return Nothing()
    if line.startswith("//"):
        return Say(line[1:])
    if line[0] not in "@/" or ("\n" in line and not _takes_lines(line.split(" ", 1)[0])):
        return Say(line)
    return _once(line) if line[0] == "@" else _command(line)


def _takes_lines(word: str) -> bool:
    """Whether what several lines begin with is meant for us: a name, or a command with a text that may be long."""
    if word[0] == "@":
        return account_name(word[1:]) is not None
    return any(f"/{spec.verb}" == word.lower() for spec in table() if spec.takes in ("number text", "path text"))


def _once(line: str) -> Say:
    name, _blank, text = line[1:].partition(" ")
    if not text.strip():
        raise UsageError(_("Write @NAME, a space and the text."))
    return Say(text.strip(" "), _who(name))


def _command(line: str) -> Order:
    verb, _blank, rest = line[1:].partition(" ")
    verb = verb.strip().lower()
    spec = next((spec for spec in table() if spec.verb == verb), None)
    if spec is None:
        raise UsageError(_unknown(verb))
    return _READERS[spec.takes](spec, rest.strip())


def _unknown(verb: str) -> str:
    near = get_close_matches(verb, verbs(), 1, 0.5)
    if near:
        return _("There is no command /{verb}. Did you mean /{near}?").format(verb=verb, near=near[0])
    return _("There is no command /{verb}. /help lists them; // sends a line that begins with a slash.").format(
        verb=verb
    )


def misused(verb: str) -> UsageError:
    """Return the error that says how a command is written."""
    spec = next(spec for spec in table() if spec.verb == verb)
    return UsageError(_("Write {form}: {about}.").format(form=spec.form, about=spec.about))


def _nothing(spec: Spec, rest: str) -> Order:
    if rest:
        raise UsageError(_("/{verb} does not take {word!r}.").format(verb=spec.verb, word=rest.split()[0]))
    return Order(spec.verb)


def _required_who(spec: Spec, rest: str) -> Order:
    if not rest:
        raise misused(spec.verb)
    return _optional_who(spec, rest)


def _optional_who(spec: Spec, rest: str) -> Order:
    words = rest.split()
    if words and words[0].startswith("+"):
        return Order(spec.verb, who=_who(rest))  # the name of a group may have blanks
    if len(words) > 1:
        raise UsageError(_("/{verb} does not take {word!r}.").format(verb=spec.verb, word=words[1]))
    return Order(spec.verb, who=_who(words[0]) if words else None)


def _verify(spec: Spec, rest: str) -> Order:
    name, _blank, answer = rest.partition(" ")
    if not name:
        return Order("verify")
    match answer.strip().lower():
        case "":
            return Order("verify", who=_who(name))
        case "yes":
            return Order("verified", who=_who(name))
        case "no":
            return Order("unverified", who=_who(name))
    if len(answer.split()) > 1:
        raise UsageError(_("Write /verify NAME, then /verify NAME yes when the numbers are the same, or no."))
    return Order("code", who=_who(name), text=answer.strip())


def _nick(spec: Spec, rest: str) -> Order:
    name, _blank, nickname = rest.partition(" ")
    if not name:
        raise misused(spec.verb)
    return Order("nick", who=_who(name), text=nickname.strip())


def _number(spec: Spec, rest: str) -> Order:
    number, more = _numbered(rest)
    if more:
        raise UsageError(_("/{verb} does not take {word!r}.").format(verb=spec.verb, word=more.split()[0]))
    return Order(spec.verb, number=number)


def _number_text(spec: Spec, rest: str) -> Order:
    number, text = _numbered(rest)
    if not text:
        raise misused(spec.verb)
    return Order(spec.verb, number=number, text=text)


def _number_who(spec: Spec, rest: str) -> Order:
    number, who = _numbered(rest)
    if not who:
        raise misused(spec.verb)
    return Order(spec.verb, number=number, who=_who(who))


def _number_path(spec: Spec, rest: str) -> Order:
    number, path = _numbered(rest)
    if spec.verb == "save" and not path:
        raise misused(spec.verb)
    return Order(spec.verb, number=number, path=path)


def _delete(spec: Spec, rest: str) -> Order:
    number, word = _numbered(rest)
    if word not in ("", "here"):
        raise misused(spec.verb)
    return Order("delete", number=number, text=word)


def _text(spec: Spec, rest: str) -> Order:
    if not rest:
        raise misused(spec.verb)
    return Order(spec.verb, text=rest)


def _path(spec: Spec, rest: str) -> Order:
    if not rest:
        raise misused(spec.verb)
    return Order(spec.verb, path=rest)


def _path_text(spec: Spec, rest: str) -> Order:
    """A path with blanks stands in quotation marks."""
    if not rest:
        raise misused(spec.verb)
    quoted = re.match(r"\"([^\"]+)\"\s*|'([^']+)'\s*", rest)
    if quoted:
        return Order("file", path=quoted[1] or quoted[2], text=rest[quoted.end() :])
    path, _blank, words = rest.partition(" ")
    return Order("file", path=path, text=words.strip())


def _export(spec: Spec, rest: str) -> Order:
    path, _blank, kind = rest.rpartition(" ")
    if not path or kind not in ("json", "text", "html"):  # then the ending of its name says the form
        path, kind = rest, rest.rpartition(".")[2].lower()
    if not path:
        raise misused(spec.verb)
    return Order("export", path=path.strip(), text=kind if kind in ("json", "html") else "text")


def _count(spec: Spec, rest: str) -> Order:
    if not rest:
        return Order("history", number=DEFAULT_HISTORY)
    if not rest.isascii() or not rest.isdigit() or not 0 < int(rest[:5]) <= MAX_HISTORY:
        raise UsageError(_("/history takes a number from 1 to {limit}.").format(limit=MAX_HISTORY))
    return Order("history", number=int(rest))


def _days(spec: Spec, rest: str) -> Order:
    if rest and not (rest.isascii() and rest.isdigit() and len(rest) < 6):
        raise misused(spec.verb)
    return Order(spec.verb, number=int(rest) if rest else None)


def span_seconds(text: str) -> int:
    """Return the seconds in ``30s``, ``5m``, ``8h``, ``1d``, ``4w``; 0 for ``off``.

    Raises:
        UsageError: it is none of these.
    """
    match = _SPAN.fullmatch(text.lower())
    if text.lower() in ("off", "0"):
        return 0
    if match is None:
        raise UsageError(_("A time is a number with s, m, h, d or w, like 8h, or off."))
    return int(match["n"]) * _UNITS[match["unit"]]


def day_ms(text: str, zone: tzinfo | None) -> int:
    """Return when a day written YYYY-MM-DD begins for the reader, of days outside the clock the nearest in it.

    Raises:
        UsageError: it is no day.
    """
    try:
        day = min(max(date.fromisoformat(text.strip()), date(1970, 1, 2)), date(9999, 12, 30))
    except ValueError:
        raise UsageError(_("A day is written YYYY-MM-DD, like 2026-09-21.")) from None
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def _span(spec: Spec, rest: str) -> Order:
    return Order(spec.verb, seconds=span_seconds(rest))


def _mute(spec: Spec, rest: str) -> Order:
    return Order("mute", seconds=for_s) if (for_s := span_seconds(rest) if rest else FOREVER_S) else Order("unmute")


def _switch(spec: Spec, rest: str) -> Order:
    if rest not in ("", "on", "off"):
        raise misused(spec.verb)
    return Order(spec.verb, text=rest)


def _anything(spec: Spec, rest: str) -> Order:
    return Order(spec.verb, text=rest)


def _group(spec: Spec, rest: str) -> Order:
    """``/group [+NAME] WHAT WORDS``: the group is the open one unless it is named."""
    who = None
    if rest.startswith("+"):
        parts = rest.split(" ")  # the name may have blanks: it goes as far as the first word that says what to do
        at = next((at for at, part in enumerate(parts) if at and part in GROUP_VERBS), 1)
        who, rest = " ".join(parts[:at]).rstrip(), " ".join(parts[at:])
    what, _blank, words = rest.strip().partition(" ")
    if what not in GROUP_VERBS:
        near = get_close_matches(what, GROUP_VERBS, 1, 0.5)
        if near and what:
            raise UsageError(_("Did you mean /group {near}?").format(near=near[0]))
        raise UsageError(_("Write /group and one of: {words}.").format(words=", ".join(GROUP_VERBS)))
    words = words.strip()
    if what in ("new", "invite", "remove", "role", "name", "timer", "history") and not words:
        raise UsageError(_("/group {what} needs more words.").format(what=what))
    return Order(f"group {what}", who=who, text=words)


def _numbered(rest: str) -> tuple[int | None, str]:
    """Take a message's number off the beginning, written with or without #."""
    word, _blank, more = rest.partition(" ")
    digits = word.removeprefix("#")
    if digits.isascii() and digits.isdigit() and int(digits[:9]) <= MAX_NUMBER:
        return int(digits), more.strip()
    return None, rest


def _who(text: str) -> str:
    if text.startswith("+") and len(text) > 1:
        return text
    name = account_name(text)
    if name is None:
        raise AccountNameError(text)
    return name


_READERS = {
    "nothing": _nothing,
    "who": _required_who,
    "who?": _optional_who,
    "verify": _verify,
    "nick": _nick,
    "number": _number,
    "number text": _number_text,
    "number who": _number_who,
    "number path": _number_path,
    "delete": _delete,
    "react": _number_text,
    "text": _text,
    "path": _path,
    "path text": _path_text,
    "export": _export,
    "count": _count,
    "days": _days,
    "span": _span,
    "mute": _mute,
    "switch": _switch,
    "group": _group,
    "anything": _anything,
}
