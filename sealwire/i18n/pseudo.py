"""Two languages that nobody speaks, made from the English sentences: what does not fit them fits no other either.

``en_XA`` has accents on its letters and is longer by two fifths, between brackets: a plain letter on the screen did not
pass through here, a missing bracket was cut off. ``ar_XB`` reads from right to left.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from typing import Final

LONGER: Final = 0.4
"""German and Russian need about a third more room than English, short words more than that."""

_PLAIN: Final = "AaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPpRrSsTtUuVvWwXxYyZz"
_ACCENTED: Final = "ÀáƁƀÇçÐđÉéƑƒĜĝĤĥÎîĴĵĶķĻļṀṁÑñÔôÞþŔŕŠšŢţÛûṼṽŴŵẊẋÝýŽž"
_ACCENTS: Final = str.maketrans(_PLAIN, _ACCENTED)
_FILLING: Final = "~"

_KEPT: Final = re.compile(
    r"(\{[^{}]*\}|%(?:\(\w+\))?[a-z]|(?<!\w)(?:--|[/:@+#.^])[\w-]+|\w+(?:[._:/-]\w+)*\.(?:py|json|txt|html|svg|png|yaml)|[A-Z]{2,}\b|\s+|\n)"
)
"""Placeholders, and what people type as it stands: flags, commands, names of files, words in capitals."""

_RLM: Final = "\u200f"
"""A letter without a picture that is written from right to left: a line that begins with it is laid out so."""


def accented(text: str) -> str:
    """Return a sentence with accents, longer, in brackets; white space at its ends stays there."""
    core = text.strip()
    parts = _KEPT.split(core)
    if _is_made(core) or not any(char.isalpha() for char in "".join(parts[::2])):
        return text
    parts[::2] = [part.translate(_ACCENTS) for part in parts[::2]]
    filling = _FILLING * max(1, round(len(core) * LONGER))
    return text.replace(core, f"[{''.join(parts)}{filling}]")


def _is_made(text: str) -> bool:
    """A detail inside an error may pass through here twice."""
    return text.startswith("[") and text.endswith(f"{_FILLING}]")


def mirrored(text: str) -> str:
    """Return a sentence that reads from right to left, as a whole and at both of its ends.

    Each line is a paragraph of its own to whatever lays it out.
    """
    return "\n".join(_marked(line) for line in text.split("\n"))


def _marked(line: str) -> str:
    core = line.strip()
    return line.replace(core, f"{_RLM}{core.strip(_RLM)}{_RLM}") if core else line


class Pseudo(gettext.NullTranslations):
    """A catalogue that makes its translations when they are asked for."""

    def __init__(self, made: Callable[[str], str]) -> None:
        super().__init__()
        self._made = made

    def gettext(self, message: str) -> str:
        """Return the sentence as this language has it."""
        return self._made(message)

    def pgettext(self, context: str, message: str) -> str:
        """Return the sentence as this language has it; a context changes nothing here."""
        return self._made(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the form for ``n`` as this language has it."""
        return self._made(msgid1 if n == 1 else msgid2)


LANGUAGES: Final[dict[str, Callable[[str], str]]] = {"en_XA": accented, "ar_XB": mirrored}
