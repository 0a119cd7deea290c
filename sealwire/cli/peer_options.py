"""What may stand on the command line of a peer, and what it means."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from sealwire import __version__
from sealwire.cli.common import Parser, common_flags, unknown_word
from sealwire.errors import AccountNameError, UsageError
from sealwire.i18n import _
from sealwire.ids import account_name

DEFAULT_TIMEOUT_S = 10.0
MAX_TIMEOUT_S = 86_400.0

Wait = Literal["queued", "sent", "delivered", "read"]
WAITS: tuple[Wait, ...] = ("queued", "sent", "delivered", "read")


class Verb(Struct, frozen=True):
    """One thing a peer can be asked to do and then end."""

    form: str
    summary: str
    flags: frozenset[str]
    least: int
    most: int | None


_FILE_FLAGS = frozenset({"file", "stdin", "as-file", "caption"})


def verbs() -> dict[str, Verb]:
    """Return every verb, in the order of ``--help``."""
    waiting = frozenset({"timeout"})
    listed = frozenset({"json", "timeout"})
    answering = waiting | {"wait", "json", "reply-to"} | _FILE_FLAGS
    return {
        "send": Verb("send NAME TEXT", _("send a text (- reads it from stdin), or --file PATH"), answering, 1, None),
        "edit": Verb("edit NAME ID TEXT", _("put other words in place of an own message"), listed, 3, None),
        "delete": Verb("delete NAME ID [here]", _("take an own message back; here: any, on this side"), listed, 2, 3),
        "react": Verb("react NAME ID [EMOJI]", _("set the own reaction, or take it off"), listed, 2, 3),
        "pin": Verb("pin NAME ID [off]", _("pin a message for everyone, or unpin it"), listed, 2, 3),
        "forward": Verb("forward NAME ID TO", _("pass a message on"), listed, 3, 3),
        "cancel": Verb("cancel ID", _("give up a message that is still queued"), listed, 1, 1),
        "timer": Verb("timer NAME TIME", _("let new messages disappear after 30s, 5m, 8h, 7d; off"), listed, 2, 2),
        "pinned": Verb("pinned NAME", _("the pinned messages"), listed, 1, 1),
        "retry": Verb("retry", _("try failed messages again"), listed, 0, 0),
        "files": Verb("files NAME [N]", _("print the last N files, 50 without N, with their ids"), listed, 1, 2),
        "fetch": Verb("fetch ID", _("get a file and print where it lies"), listed | {"to"}, 1, 1),
        "pause": Verb("pause ID", _("stop moving a file for now"), listed, 1, 1),
        "resume": Verb("resume ID", _("go on with it"), listed, 1, 1),
        "stop": Verb("stop ID", _("give a file up"), listed, 1, 1),
        "recv": Verb("recv", _("print what came since the last recv"), listed | {"follow"}, 0, 0),
        "history": Verb("history [NAME [N]]", _("print the last N messages, 50 without N"), listed, 0, 2),
        "conversations": Verb("conversations", _("print every conversation, the latest first"), listed, 0, 0),
        "search": Verb("search WORDS", _("print messages that have all of these words"), listed, 1, None),
        "contacts": Verb("contacts", _("print everyone known here"), listed, 0, 0),
        "verify": Verb("verify NAME [CODE]", _("print the safety number to compare"), listed | {"yes"}, 1, 2),
        "info": Verb("info NAME", _("fingerprint, encryption and session"), listed, 1, 1),
        "approve": Verb("approve NAME", _("accept a changed key"), listed, 1, 1),
        "group": Verb("group ACTION …", _("make, join and lead groups: create, list, info …"), listed, 1, None),
        "requests": Verb("requests", _("print who wants to talk and is not answered yet"), listed, 0, 0),
        "accept": Verb("accept NAME", _("answer a request to talk"), listed, 1, 1),
        "decline": Verb("decline NAME", _("refuse it; they hear nothing of it"), listed, 1, 1),
        "block": Verb("block NAME", _("take nothing from somebody any more"), listed, 1, 1),
        "unblock": Verb("unblock NAME", _("take their messages again"), listed, 1, 1),
        "nickname": Verb("nickname NAME [WORDS]", _("a name for somebody that only you see"), listed, 1, None),
        "mute": Verb("mute NAME [TIME]", _("no notifications from here, for a time or for good"), listed, 1, 2),
        "unmute": Verb("unmute NAME", _("notify again"), listed, 1, 1),
        "presence": Verb("presence [on|off]", _("whether others see that you are online: on or off"), listed, 0, 1),
        "export": Verb("export FILE [NAME]", _("write messages to FILE.json, .txt or .html, in clear"), listed, 1, 2),
        "import": Verb("import FILE", _("take in a JSON export"), listed, 1, 1),
        "backup": Verb("backup FILE", _("write the whole profile to a file under a passphrase"), listed, 1, 1),
        "restore": Verb("restore FILE", _("put a profile back from its backup"), frozenset(), 1, 1),
        "clear": Verb("clear NAME", _("delete a conversation on this side (with --yes)"), listed | {"yes"}, 1, 1),
        "keep": Verb("keep [DAYS [NAME]]", _("for how many days messages are kept; 0: for ever"), listed, 0, 2),
        "daemon": Verb("daemon", _("run without an interface, for scripts"), frozenset({"timeout"}), 0, 0),
        "status": Verb("status", _("print link, queue and unread messages"), listed, 0, 0),
    }


GROUP_FORMS: Final[dict[str, str]] = {
    "create": "group create NAME [MEMBER …]",
    "list": "group list",
    "info": "group info +NAME",
    "invite": "group invite +NAME WHO [ROLE]",
    "accept": "group accept +NAME",
    "decline": "group decline +NAME",
    "leave": "group leave +NAME",
    "remove": "group remove +NAME WHO",
    "role": "group role +NAME WHO ROLE",
    "rename": "group rename +NAME NEWNAME",
    "topic": "group topic +NAME TEXT",
    "timer": "group timer +NAME TIME",
    "history": "group history +NAME on|off",
}
"""The actions of ``group``, each with its words."""

_INSTEAD = {
    "chat": "--plain",
    "quit": "status",
}
"""Words people try that are no verbs here, with what comes nearest in meaning rather than in spelling."""

_MODE_FLAGS = frozenset({"plain", "json", "timeout", "gui"})
_NOT_IN_DEMO = (
    *("name", "json", "timeout", "config", "keys", "data"),
    *("broker", "broker-key", "join", "passphrase-file"),
)
_FLAGS = ("wait", "timeout", "follow", "yes", "plain", "json", "gui", "reply-to", "to", *sorted(_FILE_FLAGS))


class Options(Struct, frozen=True):
    """A command line, checked."""

    name: str
    verb: str | None
    words: tuple[str, ...]
    plain: bool
    json: bool
    gui: bool
    demo: bool
    wait: Wait
    timeout_s: float
    follow: bool
    yes: bool
    reply_to: str | None
    file: Path | None
    """What ``send`` sends in place of a text."""
    stdin: bool
    as_file: str | None
    caption: str | None
    to: Path | None
    join: str | None
    passphrase_file: Path | None
    settings: argparse.Namespace
    """The flags that replace settings."""


def parse(arguments: Sequence[str]) -> Options:
    """Return what a command line asks for. Flags may stand before or after the verb.

    Raises:
        UsageError: it asks for something there is not; names the nearest that there is.
        AccountNameError: ``--name`` breaks the rule.
        SystemExit: ``--help`` or ``--version`` was printed.
    """
    made = parser()
    known, extra = made.parse_known_intermixed_args(list(arguments))
    if extra:
        made.error(unknown_word(extra[0].split("=")[0], made._flags()))
    verb, *words = known.words or [None]
    if verb is not None:
        _check_verb(made, verb, words)
    _check_flags(made, known, verb)
    if verb == "send":
        _check_send(known, words)
    return Options(
        name=_own_name(known),
        verb=verb,
        words=tuple(words),
        plain=known.plain,
        json=known.json,
        gui=known.gui,
        demo=known.demo,
        wait=known.wait or "sent",
        timeout_s=DEFAULT_TIMEOUT_S if known.timeout is None else known.timeout,
        follow=known.follow,
        yes=known.yes,
        reply_to=known.reply_to,
        file=known.file,
        stdin=known.stdin,
        as_file=known.as_file,
        caption=known.caption,
        to=known.to,
        join=known.join,
        passphrase_file=known.passphrase_file,
        settings=known,
    )


def parser() -> Parser:
    """Return the parser of a peer's command line; its verbs are :func:`verbs`."""
    made = Parser(
        prog="peer.py",
        usage="%(prog)s --name NAME [FLAGS] [VERB …]\n       %(prog)s --demo",
        description=_("An end-to-end encrypted messenger. Without a verb it holds a conversation."),
        epilog=_verb_list(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common_flags()],
    )
    made.add_argument("words", nargs="*", metavar="VERB", help=_("see below"))
    made.add_argument("--name", metavar="NAME", help=_("your account name"))
    _add_broker_flags(made)
    _add_mode_flags(made)
    _add_verb_flags(made)
    made.verb_words = tuple((name, verb.summary, _follows(name, verb), verb.form) for name, verb in verbs().items())
    return made


def _follows(name: str, verb: Verb) -> tuple[str, ...]:
    """What stands first after a verb, for completion: known words, a file, or nothing that could be known here."""
    if name == "group":
        return tuple(GROUP_FORMS)
    if name == "presence":
        return ("on", "off")
    return ("<file>",) if verb.form.split()[1:2] == ["FILE"] else ()


def _add_broker_flags(parser: Parser) -> None:
    parser.add_argument("--broker", metavar="ADDRESS", help=_("the broker, tcp://HOST:PORT"))
    parser.add_argument("--broker-key", metavar="FILE|Z85", help=_("its public key, pinned"))
    parser.add_argument("--join", metavar="INVITE", help=_("an invite line, in quotes: broker, key and token in one"))
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        type=Path,
        help=_("the passphrase of the key file; an empty file is the empty passphrase"),
    )


def _add_mode_flags(parser: Parser) -> None:
    parser.add_argument("--plain", action="store_true", help=_("conversation by lines, made for screen readers"))
    parser.add_argument(
        "--json", action="store_true", help=_("JSON-RPC 2.0 over stdin and stdout; with a verb, JSON lines")
    )
    parser.add_argument("--demo", action="store_true", help=_("broker, alice and bob here, with throw-away keys"))
    parser.add_argument("--gui", action="store_true", help=_("a window; with --demo the three of them side by side"))


def _add_verb_flags(parser: Parser) -> None:
    parser.add_argument("--wait", choices=WAITS, help=_("send: return when the message is that far (default: sent)"))
    parser.add_argument(
        "--timeout", type=_seconds, metavar="S", help=_("how long to wait for the broker or a state (default: 10)")
    )
    parser.add_argument("--reply-to", metavar="ID", help=_("send: the message of this conversation it answers"))
    parser.add_argument("--file", metavar="PATH", type=Path, help=_("send: a file instead of a text"))
    parser.add_argument("--stdin", action="store_true", help=_("send: standard input as a file; needs --as-file"))
    parser.add_argument("--as-file", metavar="NAME", help=_("send: the name of the file for its recipients"))
    parser.add_argument("--caption", metavar="TEXT", help=_("send: words that go with the file"))
    parser.add_argument("--to", metavar="PATH", type=Path, help=_("fetch: a folder, or a path that nothing has yet"))
    parser.add_argument("--follow", action="store_true", help=_("recv: go on with what comes"))
    parser.add_argument("--yes", action="store_true", help=_("verify: the numbers were compared and are the same"))


def _verb_list() -> str:
    width = max(len(verb.form) for verb in verbs().values())
    rows = [f"  {verb.form:<{width}}  {verb.summary}" for verb in verbs().values()]
    return "\n".join([_("verbs:"), *rows, "", _("version {version}").format(version=__version__)])


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MAX_TIMEOUT_S:  # not a number is in no range
        raise argparse.ArgumentTypeError(_("must be seconds from 0 to {most:g}").format(most=MAX_TIMEOUT_S))
    return value


def _check_verb(parser: Parser, verb: str, words: Sequence[str]) -> None:
    known = verbs()
    if verb not in known:
        raise UsageError(_unknown_verb(verb), _("{program} --help shows what there is.").format(program=parser.prog))
    least, most = known[verb].least, known[verb].most
    if len(words) < least or (most is not None and len(words) > most):
        raise UsageError(_("The form is: {form}").format(form=known[verb].form))


def _check_send(known: argparse.Namespace, words: Sequence[str]) -> None:
    """A text or a file, in one way."""
    if known.file is None and not known.stdin:
        if known.as_file is not None or known.caption is not None:
            raise UsageError(_("--as-file and --caption go with --file PATH or --stdin."))
        if len(words) < 2:
            raise UsageError(_("The form is: {form}").format(form=verbs()["send"].form))
        return
    if known.file is not None and known.stdin:
        raise UsageError(
            _("{one} and {other} are two different forms: choose one").format(one="--file", other="--stdin")
        )
    if known.stdin and known.as_file is None:
        raise UsageError(_("--stdin needs a name for the file: --as-file NAME."), _("A text is: send NAME -"))
    if len(words) > 1:
        raise UsageError(_("A file goes without a text: say it with --caption."))


def _unknown_verb(verb: str) -> str:
    instead = _INSTEAD.get(verb.lower())
    if instead is None:
        return unknown_word(verb, verbs())
    return _("There is no {word!r} here. The nearest is {near}.").format(word=verb, near=instead)


def _check_flags(parser: Parser, known: argparse.Namespace, verb: str | None) -> None:
    if known.demo:
        _check_demo(parser, known, verb)
    allowed = verbs()[verb].flags if verb else _MODE_FLAGS
    for flag in _FLAGS:
        if getattr(known, flag.replace("-", "_")) not in (None, False) and flag not in allowed:
            what = verb or _("a conversation")
            parser.error(_("--{flag} does not go with {what}").format(flag=flag, what=what))
    forms = [f"--{name}" for name in ("plain", "json", "gui") if getattr(known, name)]
    if len(forms) > 1 and not verb:
        parser.error(_("{one} and {other} are two different forms: choose one").format(one=forms[0], other=forms[1]))


def _check_demo(parser: Parser, known: argparse.Namespace, verb: str | None) -> None:
    """A demonstration has names, keys, settings and a broker of its own: what would choose others is not for it."""
    if verb is not None:
        parser.error(_("{word!r} is one word too many.").format(word=verb))
    for flag in _NOT_IN_DEMO:
        if getattr(known, flag.replace("-", "_")) not in (None, False):
            parser.error(_("--{flag} does not go with {what}").format(flag=flag, what="--demo"))


def _own_name(known: argparse.Namespace) -> str:
    if known.demo or (known.gui and known.name is None):
        return ""  # the window asks
    if known.name is None:
        raise UsageError(_("Say who you are: --name NAME."), _("--demo shows a conversation without any set-up."))
    name = account_name(known.name)
    if name is None:
        raise AccountNameError(known.name)
    return name
