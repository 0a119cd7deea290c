"""Other people's characters, made harmless before they reach a terminal or a column.

A message may hold anything Unicode can: escape sequences that retitle the window or answer on the reader's behalf,
bidirectional overrides that reorder what stands beside them, line breaks that forge another person's line. Nothing
is dropped in silence except bidirectional controls on a screen; everything else is shown as what it is.
"""

from __future__ import annotations

import re
import unicodedata

_BIDI = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates: they reach past their own text when they are not closed."""

_MARKS = "\u061c\u200e\u200f"
"""Direction marks: harmless in a sentence, but two names that differ only in one look the same."""

_UNPRINTABLE = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
"""C0 and C1 controls (a terminal obeys them), Unicode's line breaks, and halves of characters (no UTF-8 form)."""

_ISOLATE = ("\u2068", "\u2069")

_screen_drop = re.compile(f"[{_BIDI}]")
_name_drop = re.compile(f"[{_BIDI}{_MARKS}]")
_screen_show = re.compile(f"[{_UNPRINTABLE}]")
_column_show = re.compile(f"[{_UNPRINTABLE}{_BIDI}\\\\]")
MAX_COMBINING = 8
"""Marks on one character that are shown: a text can pile thousands onto one, over everything beside it."""

_far = re.compile(f"[^\x00-\u02ff]{{{MAX_COMBINING + 1},}}")
"""Where such a pile can be: combining marks begin at U+0300."""

_COLUMN_SHORT = {"\t": "\\t", "\n": "\\n", "\\": "\\\\"}


def _code(match: re.Match[str]) -> str:
    point = ord(match.group())
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"


def _column_code(match: re.Match[str]) -> str:
    return _COLUMN_SHORT.get(match.group()) or _code(match)


def calm(text: str) -> str:
    """Return ``text`` with at most eight marks on a character; … stands for the rest of a pile."""
    return text if text.isascii() else _far.sub(_calmed, text)


def _calmed(match: re.Match[str]) -> str:
    result, marks = [], 0
    for char in match.group():
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if marks <= MAX_COMBINING:
            result.append(char)
        elif marks == MAX_COMBINING + 1:
            result.append("\u2026")
    return "".join(result)


def screen_lines(text: str) -> list[str]:
    """Return ``text`` as lines that a terminal shows and does not obey; at least one, no tabs."""
    plain = calm(_screen_drop.sub("", text)).replace("\r\n", "\n").replace("\t", "    ")
    return [_screen_show.sub(_code, line) for line in plain.split("\n")]


def screen_text(text: str) -> str:
    """Return ``text`` as one harmless line: breaks become a space."""
    return " ".join(screen_lines(text))


def screen_name(name: str) -> str:
    """Return a name that cannot reorder or imitate what stands beside it; isolated unless it is plain ASCII."""
    shown = _name_drop.sub("", screen_text(name))
    return shown if shown.isascii() else _ISOLATE[0] + shown + _ISOLATE[1]


def column(text: str) -> str:
    """Return ``text`` as one tab-separated field.

    Tab, line feed and backslash become ``\\t``, ``\\n`` and ``\\\\``, other controls ``\\xNN`` or ``\\uNNNN``.
    Nothing is lost: a script that undoes these escapes has the message as it was written.
    """
    return _column_show.sub(_column_code, text)
