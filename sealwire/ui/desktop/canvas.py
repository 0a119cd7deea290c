"""What a line of the timeline is laid out with: width, colours, fonts, pictures. Made anew when any of them changes."""

from __future__ import annotations

import math
from typing import Final, Protocol

from msgspec import Struct, field
from PySide6.QtCore import QSize
from PySide6.QtGui import QFont, QFontMetricsF, QPixmap

from sealwire.peer.events import Message
from sealwire.ui.desktop.colours import Colours
from sealwire.ui.desktop.shape import Ink
from sealwire.ui.desktop.theme import Look
from sealwire.ui.views.timeline import Item

SIDE: Final = 14.0
"""Free room left and right of everything."""

SMALL: Final = 0.84
"""Relative size of times, hints and counts."""


class Gallery(Protocol):
    """Where decoded pictures come from."""

    def find(self, message: Message, size: QSize) -> QPixmap | None:
        """Return a message's picture, or start to decode it."""

    def problem(self, message: Message) -> str:
        """Return why its picture is not shown, or the empty text."""


class Cell(Struct, frozen=True):
    """A line of the timeline and what its neighbours make of it."""

    item: Item
    closes: bool = True
    """The last message of a run by one person."""
    in_group: bool = False


class Canvas(Struct):
    """The ground that lines are laid out on."""

    width: float
    look: Look
    gallery: Gallery
    mirrored: bool = False
    ratio: float = 1.0
    """Device pixels for one of the layout's."""
    _fonts: dict[tuple[float, bool, bool], tuple[QFont, QFontMetricsF]] = field(default_factory=dict)

    @property
    def colours(self) -> Colours:
        """The colours in force."""
        return self.look.colours

    def font(self, relative: float = 1.0, bold: bool = False, italic: bool = False) -> QFont:
        """Return a font."""
        return self._font(relative, bold, italic)[0]

    def metrics(self, relative: float = 1.0, bold: bool = False, italic: bool = False) -> QFontMetricsF:
        """Return the sizes of that font."""
        return self._font(relative, bold, italic)[1]

    def _font(self, relative: float, bold: bool, italic: bool) -> tuple[QFont, QFontMetricsF]:
        key = (relative, bold, italic)
        found = self._fonts.get(key)
        if found is None:
            font = self.look.font(relative, bold=bold, italic=italic)
            found = self._fonts[key] = (font, QFontMetricsF(font))
        return found

    def advance(self, text: str, relative: float = 1.0, bold: bool = False, italic: bool = False) -> float:
        """Return how wide a line of text is."""
        return math.ceil(self.metrics(relative, bold, italic).horizontalAdvance(text)) + 1

    def ink(self, own: bool) -> Ink:
        """Return the colours of words in a bubble."""
        colours = self.colours
        text = colours.own_text if own else colours.other_text
        return Ink(text, colours.accent, colours.mark, colours.mark_text, colours.raised)
