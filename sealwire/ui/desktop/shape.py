"""Text laid out in a width: paragraphs, each in its own direction, with what can be pressed in them.

Only plain text comes in. It never passes through anything that knows HTML.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QPainter,
    QTextCharFormat,
    QTextLayout,
    QTextOption,
)

from sealwire.ui.views import markup
from sealwire.ui.views.bounded import direction

Kind = Literal["link", "mention", "mark", "bold", "italic", "code"]

MAX_SPANS: Final = 200
"""In one text; each costs work on every drawing, and nobody writes two hundred addresses."""


class Span(Struct, frozen=True):
    """A part of a line that looks or acts in its own way; places are in characters."""

    start: int
    end: int
    kind: Kind
    target: str = ""


class Ink(Struct, frozen=True):
    """The colours of a text."""

    text: str
    link: str
    mark: str
    mark_text: str
    code: str


def styled(lines: Sequence[str], mentions: Sequence[str] = ()) -> tuple[list[str], list[list[Span]]]:
    """Return lines without the marks that people type around words, and what is in each of them."""
    shown: list[str] = []
    spans: list[list[Span]] = []
    for line in markup.parse("\n".join(lines)):
        text, found = _put_together(line)
        shown.append(text)
        spans.append((found + mentions_in(text, mentions))[:MAX_SPANS])
    return shown, spans


def _put_together(line: markup.MarkupLine) -> tuple[str, list[Span]]:
    text = f"{'  ' * line.indent}{line.marker} " if line.kind == "item" else ""
    found = []
    for part in line.spans:
        start, end = len(text), len(text) + len(part.text)
        styles: list[tuple[Kind, bool]] = [("bold", part.bold), ("italic", part.italic), ("code", part.code)]
        found += [Span(start, end, kind) for kind, holds in styles if holds and end > start]
        if part.link is not None:
            found.append(Span(start, end, "link", part.link))
        text += part.text
    return text, found


def mentions_in(line: str, names: Sequence[str]) -> list[Span]:
    """Return where people are mentioned, as whole names."""
    found = []
    for name in names:
        pattern = re.compile(rf"@{re.escape(name)}(?![\w-])")
        found += [Span(match.start(), match.end(), "mention", name) for match in pattern.finditer(line)]
    return found


class _Paragraph(Struct):
    layout: QTextLayout
    spans: list[Span]
    text: str
    is_rtl: bool
    top: float = 0.0
    height: float = 0.0
    natural: float = 0.0


class Block:
    """Lines of text as paragraphs, one below the other.

    Args:
        lines: harmless and bounded, as ``views.bounded`` makes them.
        font: of all of them.
        width: in which to break.
        ink: their colours.
        spans: for each line.
    """

    def __init__(
        self,
        lines: Sequence[str],
        font: QFont,
        width: float,
        ink: Ink,
        spans: Sequence[list[Span]] = (),
        most_lines: int = 0,
    ) -> None:
        self._width = width
        self.width = 0.0
        self.height = 0.0
        self.last_width = 0.0
        self.last_is_rtl = False
        self._paragraphs: list[_Paragraph] = []
        self._most = most_lines
        for number, line in enumerate(lines):
            own = spans[number] if number < len(spans) else []
            self._add(line, font, ink, own)

    def _add(self, line: str, font: QFont, ink: Ink, spans: list[Span]) -> None:
        is_rtl = direction(line, _reading()) == "rtl"
        layout = QTextLayout(line, font)
        layout.setCacheEnabled(True)
        if spans:
            layout.setFormats([_format(line, span, ink) for span in spans])
        paragraph = _Paragraph(layout, spans, line, is_rtl, top=self.height)
        self._break(paragraph, self._width, Qt.AlignmentFlag.AlignLeft)
        if not line:
            paragraph.height = QFontMetricsF(font).height()
        self._paragraphs.append(paragraph)
        self.height += paragraph.height
        self.width = max(self.width, paragraph.natural)
        self.last_is_rtl = is_rtl

    def _break(self, paragraph: _Paragraph, width: float, alignment: Qt.AlignmentFlag) -> None:
        option = QTextOption(alignment)
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        reading = Qt.LayoutDirection.RightToLeft if paragraph.is_rtl else Qt.LayoutDirection.LeftToRight
        option.setTextDirection(reading)
        layout = paragraph.layout
        layout.setTextOption(option)
        layout.beginLayout()
        y = natural = last = 0.0
        count = 0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            line.setPosition(QPointF(0, y))
            y += line.height()
            last = line.naturalTextWidth()
            natural = max(natural, last)
            count += 1
            if self._most and count >= self._most:
                break
        layout.endLayout()
        paragraph.height, paragraph.natural, self.last_width = y, natural, last

    def fit(self, width: float) -> None:
        """Set lines that read from the right against the right side of ``width``, which is no less than needed."""
        for paragraph in self._paragraphs:
            if paragraph.is_rtl:
                last = self.last_width
                self._break(paragraph, width, Qt.AlignmentFlag.AlignRight)
                self.last_width = last

    def draw(self, painter: QPainter, place: QPointF, colour: str, visible: QRectF | None = None) -> None:
        """Paint at a place; paragraphs outside ``visible`` are left out."""
        painter.setPen(QColor(colour))
        for paragraph in self._paragraphs:
            top = place.y() + paragraph.top
            if visible is not None and (top > visible.bottom() or top + paragraph.height < visible.top()):
                continue
            paragraph.layout.draw(painter, QPointF(place.x(), top))

    def hit(self, at: QPointF) -> Span | None:
        """Return what can be pressed at a place within the block."""
        for paragraph in self._paragraphs:
            if paragraph.spans and paragraph.top <= at.y() < paragraph.top + paragraph.height:
                return _hit(paragraph, QPointF(at.x(), at.y() - paragraph.top))
        return None


def _hit(paragraph: _Paragraph, at: QPointF) -> Span | None:
    layout = paragraph.layout
    for number in range(layout.lineCount()):
        line = layout.lineAt(number)
        if line.naturalTextRect().contains(at):
            units = line.xToCursor(at.x(), line.CursorPosition.CursorOnCharacter)
            place = _characters(paragraph.text, units if isinstance(units, int) else units[0])
            return next((span for span in paragraph.spans if span.start <= place < span.end), None)
    return None


def _format(line: str, span: Span, ink: Ink) -> QTextLayout.FormatRange:
    part = QTextLayout.FormatRange()
    part.start = _units(line[: span.start])
    part.length = _units(line[span.start : span.end])
    style = QTextCharFormat()
    match span.kind:
        case "link":
            style.setForeground(QColor(ink.link))
            style.setFontUnderline(True)
        case "mention":
            style.setForeground(QColor(ink.link))
            style.setFontWeight(QFont.Weight.DemiBold)
        case "mark":
            style.setBackground(QColor(ink.mark))
            style.setForeground(QColor(ink.mark_text))
        case "bold":
            style.setFontWeight(QFont.Weight.Bold)
        case "italic":
            style.setFontItalic(True)
        case "code":
            style.setFontFamilies(["monospace"])
            style.setFontFixedPitch(True)
            style.setBackground(QColor(ink.code))
    part.format = style
    return part


def _units(text: str) -> int:
    """Return the length in Qt's UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _characters(text: str, units: int) -> int:
    if text.isascii():
        return units
    return len(text.encode("utf-16-le", "surrogatepass")[: units * 2].decode("utf-16-le", "ignore"))


def _reading() -> Literal["ltr", "rtl"]:
    """The direction of a line that has none of its own: the window's."""
    return "rtl" if QGuiApplication.layoutDirection() == Qt.LayoutDirection.RightToLeft else "ltr"
