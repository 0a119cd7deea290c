"""Other people's text as a window shows it: whole in meaning, bounded in size and work.

A message may hold sixteen thousand combining marks on one letter, or as many empty lines: laying that out would freeze
a window and paint over its neighbours. What is held back is said, and the whole text stays one step away.
"""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

from msgspec import Struct

from sealwire.ui.views.safe import screen_lines

MAX_MARKS: Final = 6
"""Combining marks in a row; Vietnamese and Thai need three, Hebrew with cantillation five."""

MAX_CHARACTERS: Final = 2_500
MAX_LINES: Final = 40
"""Of a text shown at once; laying out more for each of some hundred messages is felt."""

MAX_LOOK: Final = 400
"""Characters looked at for a direction: a text that has none by then has none that matters."""

Direction = Literal["ltr", "rtl"]


class Shown(Struct, frozen=True):
    """A text that is safe to lay out."""

    lines: tuple[str, ...]
    is_cut: bool = False
    """There is more of it."""
    is_calmed: bool = False
    """Some combining marks are not shown."""

    @property
    def text(self) -> str:
        """The lines in one."""
        return "\n".join(self.lines)


def bounded(text: str, characters: int = MAX_CHARACTERS, lines: int = MAX_LINES) -> Shown:
    """Return ``text`` without anything that reorders, overflows or slows what stands around it."""
    part = text[:characters]
    calm = calmed(part)
    shown = screen_lines(calm)
    is_cut = len(part) < len(text) or len(shown) > lines
    return Shown(tuple(shown[:lines]), is_cut, calm != part)


def calmed(text: str) -> str:
    """Return ``text`` with at most ``MAX_MARKS`` combining marks in a row."""
    if text.isascii():
        return text
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def direction(text: str, default: Direction = "ltr") -> Direction:
    """Return the direction of a paragraph: that of its first strong character.

    Source: Unicode Standard Annex 9, P2 and P3.
    """
    for character in text[:MAX_LOOK]:
        kind = unicodedata.bidirectional(character)
        if kind == "L":
            return "ltr"
        if kind in ("R", "AL"):
            return "rtl"
    return default
