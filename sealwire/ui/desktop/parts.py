"""The parts of a bubble: each a horizontal slice of it that knows how large it would be, and puts itself down."""

from __future__ import annotations

from typing import Final, Protocol

from msgspec import Struct
from PySide6.QtCore import QRectF

from sealwire.i18n import _
from sealwire.ui.desktop.canvas import SMALL, Canvas
from sealwire.ui.desktop.pieces import Box, Laid, Line, Sign, Spot, Text
from sealwire.ui.desktop.shape import Block

CHIP_HEIGHT: Final = 24.0


class Part(Protocol):
    """A horizontal slice of a bubble."""

    @property
    def width(self) -> float:
        """How wide it would be."""

    @property
    def height(self) -> float:
        """How high it is."""

    def place(self, laid: Laid, x: float, y: float, width: float) -> None:
        """Put it down; ``width`` is that of the whole column."""


class Words(Struct):
    """The text itself."""

    block: Block
    colour: str

    @property
    def width(self) -> float:
        """As wide as its longest line."""
        return self.block.width

    @property
    def height(self) -> float:
        """As high as all of them."""
        return self.block.height

    def place(self, laid: Laid, x: float, y: float, width: float) -> None:
        """Put it down."""
        self.block.fit(width)
        laid.put(QRectF(x, y, width, self.height), Text(self.block, self.colour))


class Row(Struct):
    """One line, after a sign if there is one."""

    text: str
    canvas: Canvas
    colour: str
    relative: float = SMALL
    bold: bool = False
    italic: bool = False
    sign: str = ""

    @property
    def width(self) -> float:
        """Sign and text."""
        return self._indent + self.canvas.advance(self.text, self.relative, self.bold, self.italic)

    @property
    def height(self) -> float:
        """One line."""
        return self.canvas.metrics(self.relative, self.bold, self.italic).height()

    @property
    def _indent(self) -> float:
        return self.height + 3 if self.sign else 0.0

    def place(self, laid: Laid, x: float, y: float, width: float) -> None:
        """Put it down."""
        if self.sign:
            laid.put(QRectF(x, y, self.height, self.height), Sign(self.sign, self.colour))
        font = self.canvas.font(self.relative, self.bold, self.italic)
        rect = QRectF(x + self._indent, y, width - self._indent, self.height)
        laid.put(rect, Line(self.text, font, self.colour))


class Quoted(Struct):
    """The message that is answered: its author and its beginning beside a bar."""

    who: str
    text: str
    target: str
    canvas: Canvas
    colour: str
    muted: str
    most: float

    @property
    def width(self) -> float:
        """No wider than the words would be."""
        wide = max(self.canvas.advance(self.who, SMALL, True), self.canvas.advance(self.text, SMALL))
        return min(self.most, wide + 22)

    @property
    def height(self) -> float:
        """Two lines."""
        return self.canvas.metrics(SMALL, True).height() + self.canvas.metrics(SMALL).height() + 10

    def place(self, laid: Laid, x: float, y: float, width: float) -> None:
        """Put it down."""
        colours = self.canvas.colours
        whole = QRectF(x, y, width, self.height - 2)
        laid.put(whole, Box(colours.raised if not colours.outline else colours.panel, radius=6))
        laid.put(QRectF(x, y, 4, self.height - 2), Box(colours.accent, radius=2))
        first = self.canvas.metrics(SMALL, True).height()
        room = width - 20
        ink = colours.text
        laid.put(QRectF(x + 12, y + 4, room, first), Line(self.who, self.canvas.font(SMALL, True), ink))
        below = QRectF(x + 12, y + 4 + first, room, self.canvas.metrics(SMALL).height())
        laid.put(below, Line(self.text, self.canvas.font(SMALL), colours.muted))
        if self.target:
            laid.spots.append(Spot(whole, "quote", self.target, _("Go to this message")))


class Chips(Struct):
    """Small buttons beside each other, in as many rows as they need."""

    canvas: Canvas
    labels: list[tuple[str, Spot]]
    """Text, and the spot without its place."""
    most: float
    colour: str = ""
    bold: bool = True

    @property
    def width(self) -> float:
        """The widest row."""
        return max((x + wide for x, _y, wide in self._places()), default=0.0)

    @property
    def height(self) -> float:
        """All rows."""
        return max((y for _x, y, _wide in self._places()), default=0.0) + self._high + 2

    @property
    def _high(self) -> float:
        return max(CHIP_HEIGHT, self.canvas.metrics(SMALL, True).height() + 8)

    def _places(self) -> list[tuple[float, float, float]]:
        found, x, y = [], 0.0, 1.0
        for text, _spot in self.labels:
            wide = min(self.most, self.canvas.advance(text, SMALL, self.bold) + 20)
            if x and x + wide > self.most:
                x, y = 0.0, y + self._high + 4
            found.append((x, y, wide))
            x += wide + 6
        return found

    def place(self, laid: Laid, x: float, y: float, width: float) -> None:
        """Put them down."""
        colours = self.canvas.colours
        font = self.canvas.font(SMALL, self.bold)
        for (text, spot), (right, down, wide) in zip(self.labels, self._places()):
            rect = QRectF(x + right, y + down, wide, self._high)
            laid.put(rect, Box(colours.panel, colours.edge, 1.0, radius=12))
            inner = rect.adjusted(6, 0, -6, 0)
            laid.put(inner, Line(text, font, self.colour or colours.accent, centred=True))
            laid.spots.append(Spot(rect, spot.deed, spot.argument, spot.hint or text))


class Meta(Struct):
    """Time, marks, and for own messages how far they got."""

    text: str
    canvas: Canvas
    colour: str
    sign: str = ""
    word: str = ""

    @property
    def width(self) -> float:
        """All of it."""
        sign = self.height + 3 if self.sign else 0.0
        word = self.canvas.advance(self.word, SMALL) + 3 if self.word else 0.0
        return self.canvas.advance(self.text, SMALL) + sign + word

    @property
    def height(self) -> float:
        """One line."""
        return self.canvas.metrics(SMALL).height()

    def place(self, laid: Laid, x: float, y: float, width: float) -> None:
        """Put it down against the far side."""
        font = self.canvas.font(SMALL)
        word = self.canvas.advance(self.word, SMALL) + 3 if self.word else 0.0
        behind = (self.height + 3 if self.sign else 0.0) + word
        room = max(0.0, min(self.canvas.advance(self.text, SMALL), width - behind))
        at = x + width - behind - room
        laid.put(QRectF(at, y, room, self.height), Line(self.text, font, self.colour))
        at += room + 3
        if self.sign:
            laid.put(QRectF(at, y, self.height, self.height), Sign(self.sign, self.colour))
            at += self.height
        if self.word:
            laid.put(QRectF(at + 3, y, word - 3, self.height), Line(self.word, font, self.colour))
