"""The words of a command line, checked before anything is opened, asked for or handed over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from sealwire.cli import peer_groups
from sealwire.cli.peer_options import Options, verbs
from sealwire.errors import AccountNameError, TextTooLongError, UsageError
from sealwire.files import user_path
from sealwire.i18n import _
from sealwire.ids import GROUP_MARK, account_name, is_unicode

MAX_TEXT_BYTES: Final = 15_000
"""As ``peer.api.MAX_TEXT_BYTES``, without loading a client."""
MAX_HISTORY: Final = 1_000_000

_AS_THEY_ARE: Final = frozenset({"cancel", "fetch", "pause", "resume", "stop", "restore"})
"""Verbs whose word is an id or a path that only the store can judge."""
_OF_A_PATH: Final = frozenset({"export", "import", "backup", "restore"})
"""Verbs whose first word is a path: there any bytes have a meaning."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def checked(options: Options) -> Options:
    """Return the options with their words in final form, before anything is opened or asked for.

    Names are lowered; ``send`` and ``edit`` have their whole text as one word, read from standard input for ``-``; a
    timer is in seconds.

    Raises:
        AccountNameError: the contact's name breaks the rule.
        TextTooLongError, UsageError: the text does not fit into one message or is not UTF-8; the number is none.
    """
    _check_unicode(options)
    if not options.words or options.verb in _AS_THEY_ARE:
        return options
    if options.verb == "group":
        return peer_groups.checked(options)
    if options.verb in _OF_THEIR_OWN:
        return replace(options, words=_OF_THEIR_OWN[options.verb](options))
    name = _place(options.words[0])
    rest = options.words[1:]
    match options.verb:
        case "send" if options.file is not None or options.stdin:
            pass
        case "send":
            rest = (_text(rest),)
        case "edit":
            rest = (rest[0], _text(rest[1:]))
        case "delete" | "pin":
            _check_last(options.verb, rest[1:], "here" if options.verb == "delete" else "off")
        case "forward":
            rest = (rest[0], _place(rest[1]))
        case "timer":
            rest = (str(_seconds("timer", rest[0])),)
        case "mute":
            rest = (str(_seconds("mute", rest[0])),) if rest else ()
        case "react" | "nickname" | "clear" | "verify":
            pass
        case _:
            if rest and not _is_count(rest[0]):
                form = _("{verb} takes a number from 1 to {limit}.")
                raise UsageError(form.format(verb=options.verb, limit=MAX_HISTORY))
    return replace(options, words=(name, *rest))


def _check_unicode(options: Options) -> None:
    """Bytes that are no text come from the system as halves of characters: no database and no message takes them."""
    words = options.words[1:] if options.verb in _OF_A_PATH else options.words
    for text in (*words, options.caption, options.as_file, options.reply_to):
        if not is_unicode(text or ""):
            raise UsageError(_("The text is not UTF-8."))


def _search(options: Options) -> tuple[str, ...]:
    return (" ".join(options.words),)


def _file(options: Options) -> tuple[str, ...]:
    """A running peer has another working folder, so the path is made whole here."""
    return (str(user_path(options.words[0]).absolute()),)


def _export(options: Options) -> tuple[str, ...]:
    if Path(options.words[0]).suffix.lower() not in (".json", ".jsonl", ".txt", ".html"):
        raise UsageError(_("export writes FILE.json, FILE.txt or FILE.html: the ending says in which form."))
    return (*_file(options), *(_place(word) for word in options.words[1:]))


def _backup(options: Options) -> tuple[str, ...]:
    from sealwire.cli import peer_profile

    path = Path(*_file(options))
    secret = peer_profile.passphrase(options, path, first=True)
    return (str(path), secret.decode("utf-8", "surrogateescape"))


def _keep(options: Options) -> tuple[str, ...]:
    days, *place = options.words
    if not (days.isascii() and days.isdigit() and len(days) < 6):
        raise UsageError(_("keep takes a number of days; 0 keeps messages for ever."))
    return (days, *(_place(word) for word in place))


def _presence(options: Options) -> tuple[str, ...]:
    if options.words[0] not in ("on", "off"):
        raise UsageError(_("The form is: {form}").format(form=verbs()["presence"].form))
    return options.words


_OF_THEIR_OWN: Final[dict[str, Callable[[Options], tuple[str, ...]]]] = {
    "search": _search,
    "export": _export,
    "import": _file,
    "backup": _backup,
    "keep": _keep,
    "presence": _presence,
}
"""Verbs whose first word is no conversation."""


def _place(word: str) -> str:
    """A conversation: a person's name, or a group: + and its id or its name here."""
    if word.startswith(GROUP_MARK):
        return word
    name = account_name(word)
    if name is None:
        raise AccountNameError(word)
    return name


def _check_last(verb: str, words: tuple[str, ...], allowed: str) -> None:
    if words and words != (allowed,):
        raise UsageError(_("{verb} takes {word} as its last word, or nothing.").format(verb=verb, word=allowed))


def _seconds(verb: str, text: str) -> int:
    if text == "off":
        return 0
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
    if not (number.isascii() and number.isdigit() and len(number) < 9):
        raise UsageError(_("{verb} takes a time such as 30s, 5m, 8h or 7d, or off.").format(verb=verb))
    return int(number) * _UNITS[unit]


def _text(words: tuple[str, ...]) -> str:
    if words == ("-",):
        # One byte past the limit and the line end that echo adds: enough to know, whatever is piped in.
        data = sys.stdin.buffer.read(MAX_TEXT_BYTES + 2).removesuffix(b"\n")
    else:
        data = " ".join(words).encode("utf-8", "surrogateescape")
    if len(data) > MAX_TEXT_BYTES:
        raise TextTooLongError(len(data), MAX_TEXT_BYTES)
    if not data:
        raise UsageError(_("There is no text to send."))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(_("The text is not UTF-8.")) from None


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:8]) <= MAX_HISTORY
