"""The words of a command line, checked before anything is opened, asked for or handed over."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Final

from sealwire.cli.peer_options import Options
from sealwire.errors import AccountNameError, TextTooLongError, UsageError
from sealwire.i18n import _
from sealwire.ids import account_name

MAX_TEXT_BYTES: Final = 15_000
"""As ``peer.api.MAX_TEXT_BYTES``, without loading a client."""
MAX_HISTORY: Final = 1_000_000


def checked(options: Options) -> Options:
    """Return the options with their words in final form, before anything is opened or asked for.

    A contact's name is lowered; ``send`` has its whole text as one word, read from standard input for ``-``.

    Raises:
        AccountNameError: the contact's name breaks the rule.
        TextTooLongError, UsageError: the text does not fit into one message; the number is none.
    """
    if not options.words:
        return options
    name = account_name(options.words[0])
    if name is None:
        raise AccountNameError(options.words[0])
    rest = options.words[1:]
    if options.verb == "send":
        rest = (_text(rest),)
    elif rest and not _is_count(rest[0]):
        raise UsageError(_("history takes a number of messages from 1 to {limit}.").format(limit=MAX_HISTORY))
    return replace(options, words=(name, *rest))


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
