"""What both programs share: flags, settings, errors as sentences, exit codes."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NoReturn

from sealwire import __version__, config
from sealwire.cli import argparse_words, missing_package
from sealwire.cli.streams import say
from sealwire.config import Settings
from sealwire.errors import ConfigError, LocalProtocolError, NotPermittedError, SealwireError, UsageError
from sealwire.i18n import _, explain, prefer

__all__ = [
    "EXIT_ERROR",
    "EXIT_FAILED",
    "EXIT_INTERRUPTED",
    "EXIT_OK",
    "FLAG_KEYS",
    "Parser",
    "VerbParser",
    "common_flags",
    "load_settings",
    "pinned_broker_key",
    "report",
    "run",
    "say",
    "say_bug",
    "unknown_word",
]

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_FAILED = 70
"""A broker that served and cannot go on (EX_SOFTWARE): starting it again is all there is to do, and loses nothing."""
EXIT_INTERRUPTED = 130
"""128 + SIGINT: what a shell expects when a person breaks off a command that had not finished."""

NEAR = 0.7
"""From this likeness on (0 to 1) a word is taken for a misspelt one: `lsit` for `list`, and the name `elise` not."""


# --- running a program ---------------------------------------------------------------------------------------


def run(
    program: Callable[[Sequence[str]], int], arguments: Sequence[str] | None = None, *, answers_json: bool = False
) -> int:
    """Run a program's body and turn everything that goes wrong into a sentence and an exit code.

    Args:
        program: takes the arguments and returns the exit code.
        arguments: without the program's name; those of this process by default.
        answers_json: whoever asked with ``--json`` gets a failure as one JSON object on standard output, too.
    """
    _fill_closed_streams()
    _lenient_output()
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = program(words)
        sys.stdout.flush()  # inside the try: a closed pipe shows here at the latest
        return code
    except BrokenPipeError:
        _drop_stdout()
        return EXIT_OK  # the reader has what it wanted, as in `history bob | head`
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the top: people get a sentence, developers the rest on request
        if answers_json and "--json" in words:
            _answer(_as_error(error))
        return _failed(error)


def _failed(error: Exception) -> int:
    """Say what went wrong; returns the exit code."""
    match error:
        case SealwireError() | PermissionError() | ModuleNotFoundError():
            return report(_as_error(error))
        case OSError():
            report(_as_error(error))
            _drop_stdout()
        case _:
            say_bug(error)
    return EXIT_ERROR


def _as_error(error: Exception) -> SealwireError:
    """What a script is told of it: everything that goes wrong has a code."""
    match error:
        case SealwireError():
            return error
        case PermissionError():
            return NotPermittedError(error.filename or os.curdir, error.strerror or str(error))
        case ModuleNotFoundError():
            return missing_package(error)
        case OSError():
            sentence, *advice = _system_says(error)
            return SealwireError(detail=sentence, hint=" ".join(advice))
        case _:
            return LocalProtocolError(type(error).__name__)


def _answer(error: SealwireError) -> None:
    """Print a failure as the broker itself answers one to its operator."""
    sentence, hint = explain(error)
    answer = {"ok": False, "name": error.code, "exit": error.exit, "message": sentence, "hint": hint}
    with contextlib.suppress(OSError):  # it may be standard output that failed
        print(json.dumps(answer), flush=True)


def report(error: SealwireError) -> int:
    """Say on stderr what happened and what to do next; returns the exit code."""
    sentence, hint = explain(error)
    say(sentence, logging.ERROR)
    if hint:
        say(hint)
    return error.exit


def _system_says(error: OSError) -> list[str]:
    """What happened and, where that is known, what to do next."""
    if error.errno == errno.EBADF:
        return [_("Standard output is closed, so there is nowhere to write to.")]
    if error.errno == errno.ENOENT and not _has_folder():
        return [_("The folder in which this was started is gone."), _("Change to one that is there and start again.")]
    where = f"{error.filename}: " if error.filename else ""
    said = where + (error.strerror or str(error))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return [said, _("Make room on the disk and start again; what was stored is kept.")]
    return [said]


def _has_folder() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def say_bug(error: Exception) -> None:
    """Say on stderr that the program met a mistake of its own, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    say(
        _("Sealwire stopped because of a mistake of its own ({kind} in {file}, line {line}).").format(
            kind=type(error).__name__, file=Path(place.filename).name, line=place.lineno
        ),
        logging.ERROR,
    )
    if os.environ.get("SEALWIRE_LOG__LEVEL") == "debug":
        say("".join(traceback.format_exception(error)).rstrip())
    else:
        say(_("Please report it with what SEALWIRE_LOG__LEVEL=debug shows."))


def _fill_closed_streams() -> None:
    """Give descriptors 0 to 2 to /dev/null where the caller closed them (``<&-``).

    Otherwise the next file opened takes their number, and rows would be written into a database. Standard output
    gets a side that refuses: a message counts as received once it was written, so a write must not seem to succeed.
    """
    for number, flags, name, mode in (
        (0, os.O_RDONLY, "stdin", "r"),
        (1, os.O_RDONLY, "stdout", "w"),
        (2, os.O_WRONLY, "stderr", "w"),
    ):
        if getattr(sys, name) is None:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, flags), number)
                setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _lenient_output() -> None:
    """A terminal without UTF-8 shows escapes instead of stopping the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _drop_stdout() -> None:
    """Keep the interpreter's last flush from complaining about a pipe that nobody reads."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# --- flags ---------------------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    """An argument parser that raises :class:`UsageError` and names what was probably meant."""

    verb_words: Sequence[tuple[str, str, tuple[str, ...], str]] = ()
    """(name, summary) of verbs that are no subparsers, for completion and manual."""

    def __init__(self, **settings: object) -> None:
        argparse_words.speak()
        super().__init__(**{"allow_abbrev": False, **settings})  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting: the top turns it into a sentence."""
        raise UsageError(message, _("{program} --help shows what there is.").format(program=self.prog))

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse all arguments; an unknown flag is answered with the nearest one."""
        words = list(sys.argv[1:] if args is None else args)
        self._refuse_unknown_flags(words)
        known, extra = self.parse_known_args(words, namespace)
        if extra:
            self.error(_misplaced(extra[0]))
        return known

    def _refuse_unknown_flags(self, words: Sequence[str]) -> None:
        """Look before argparse does: it would take the value of a misspelt flag for a verb."""
        flags = self._flags()
        for word in words:
            name = word.split("=")[0]
            if name == "--":
                return
            if name.startswith("--") and name not in flags:
                self.error(unknown_word(name, flags, least=0.6))

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            self.error(_no_choice(action, str(value)))

    def _flags(self) -> list[str]:
        names = list(self._option_string_actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for sub in action.choices.values():
                    names += list(sub._option_string_actions)
        return names


class VerbParser(Parser):
    """A parser of one verb, whose flags may stand anywhere among its words.

    argparse takes words that may be missing for missing as soon as a flag stands before them.
    """

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the words first, all together, then the flags."""
        return super().parse_known_args(self._sorted(args or ()), namespace)

    def _sorted(self, arguments: Sequence[str]) -> list[str]:
        words: list[str] = []
        flags: list[str] = []
        coming = iter(arguments)
        for argument in coming:
            name, equals, _value = argument.partition("=")
            flag = self._option_string_actions.get(name)
            if argument == "--":
                return [*flags, *words, argument, *coming]
            if flag is None:
                words.append(argument)
            else:
                flags += [argument, *islice(coming, 1 if flag.nargs is None and not equals else 0)]
        return words + flags


def _misplaced(word: str) -> str:
    sentence = _("{word} does not go with this.") if word.startswith("--") else _("{word!r} is one word too many.")
    return sentence.format(word=word)


def _no_choice(action: argparse.Action, word: str) -> str:
    """Say what there is instead. Choices that are a mapping have a form each, in which ``{word}`` has its place."""
    assert action.choices is not None
    known = [str(choice) for choice in action.choices]
    if isinstance(action, argparse._SubParsersAction):
        return unknown_word(word, known)
    if isinstance(action.choices, Mapping):
        return unknown_word(word, known, forms=[form.format(word=word) for form in action.choices.values()])
    return unknown_word(word, known, forms=[" ".join((*action.option_strings, choice)) for choice in known])


def unknown_word(word: str, known: Iterable[str], least: float = NEAR, forms: Sequence[str] = ()) -> str:
    """Say that a verb or flag does not exist, and what does: the nearest, if as near as ``least``, else all forms.

    A name in the place of an action is near to none of them: `ban alice` is no misspelt `ban list`.
    """
    near = difflib.get_close_matches(word, sorted(set(known)), 1, least)
    if near:
        return _("There is no {word!r} here. The nearest is {near}.").format(word=word, near=near[0])
    said = [_("There is no {word!r} here.").format(word=word)]
    if forms:
        said.append(_("The form is: {form}").format(form=" | ".join(forms)))
    return " ".join(said)


class _Completion(argparse.Action):
    """``--completion SHELL``: print the script and end."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        from sealwire.cli import completion  # nobody else needs it

        print(completion.script(str(values), completion.program_of(parser)), end="")
        parser.exit()


def common_flags(add_default: bool = True) -> Parser:
    """Return a parent parser with the flags of both programs.

    Args:
        add_default: False for the parser of a verb, so that a flag before the verb is not reset by its absence after.
    """
    parent = Parser(add_help=False)
    missing = None if add_default else argparse.SUPPRESS
    parent.add_argument("--config", metavar="FILE", type=Path, default=missing, help=_("settings file"))
    parent.add_argument("--keys", metavar="DIR", default=missing, help=_("folder of the key files"))
    parent.add_argument("--data", metavar="DIR", default=missing, help=_("folder of the databases"))
    if add_default:
        parent.add_argument(
            "--version", action="version", version=f"sealwire {__version__}", help=_("show the version and end")
        )
        parent.add_argument(
            "--completion", action=_Completion, choices=("bash", "zsh", "fish"), help=_("print a completion script")
        )
    return parent


FLAG_KEYS = {"keys": "paths.keys", "data": "paths.data"}
"""Which setting a common flag replaces, by its name in the parsed arguments."""


def load_settings(arguments: argparse.Namespace, own: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in force under the given flags.

    Args:
        arguments: parsed, with those of :func:`common_flags`.
        own: further flags of a program, ``{argument name: full key}``.

    Raises:
        ConfigError: one line for each problem of any source.
    """
    flags = {
        key: ("--" + name.replace("_", "-"), value)
        for name, key in {**FLAG_KEYS, **(own or {})}.items()
        if isinstance(value := getattr(arguments, name, None), str)
    }
    settings = config.load(os.environ, Path.cwd(), arguments.config, flags)
    prefer(settings.peer.language)
    return settings


# --- the broker's key, as peers pin it -----------------------------------------------------------------------


def pinned_broker_key(settings: Settings) -> tuple[bytes | None, str]:
    """Return the broker's CURVE public key (32 bytes) and where it came from; None when its file does not exist.

    Raises:
        ConfigError: there is a key, but it does not hold 32 bytes.
    """
    from sealwire.broker import keyfiles  # costs 50 ms: `--help` and usage errors do without

    given = settings.peer.broker_key
    where = str(given) if isinstance(given, Path) else "peer.broker_key"
    try:
        return keyfiles.read_public(given) if isinstance(given, Path) else keyfiles.read_z85(given), where
    except FileNotFoundError:
        return None, where
    except ValueError:
        problem = _("holds no broker key (40 characters of Z85)")
        raise ConfigError([f"{where}: {problem}"]) from None
