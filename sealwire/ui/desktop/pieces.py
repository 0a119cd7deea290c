"""What a line of the timeline is drawn from, and where it can be pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, Protocol

from msgspec import Struct, field
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPixmap, QTransform

from sealwire.ui.desktop import icons
from sealwire.ui.desktop.shape import Block, Span

Deed = Literal["quote", "react", "file", "all", "link", "mention", "retry", "unfold", "picture"]
"""What pressing a spot does."""

RADIUS: Final = 16.0
TAIL: Final = 5.0


class Spot(Struct, frozen=True):
    """A part that can be pressed. The menu of the message offers the same by keyboard."""

    rect: QRectF
    deed: Deed
    argument: str = ""
    hint: str = ""


class Drawable(Protocol):
    """One thing to paint into its rectangle."""

    def draw(self, painter: QPainter, rect: QRectF, mirrored: bool) -> None:
        """Paint."""


class Laid(Struct):
    """A line of the timeline, ready to paint; places are from its left top corner."""

    height: float
    outline: QRectF
    """Around what the focus is drawn."""
    pieces: list[tuple[QRectF, Drawable]] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)
    texts: list[tuple[QRectF, Block]] = field(default_factory=list)
    """Blocks with addresses in them."""

    def put(self, rect: QRectF, piece: Drawable) -> None:
        """Add a piece."""
        self.pieces.append((rect, piece))
        if isinstance(piece, Text):
            self.texts.append((rect, piece.block))

    def spot_at(self, at: QPointF) -> Spot | None:
        """Return what would be pressed at a place."""
        for spot in self.spots:
            if spot.rect.contains(at):
                return spot
        for rect, block in self.texts:
            if rect.contains(at):
                span = block.hit(at - rect.topLeft())
                if span is not None and span.kind in ("link", "mention"):
                    return _pressed(span, rect)
        return None

    def mirrored(self, width: float) -> Laid:
        """Return the same for people who read from the right."""
        flip = _Flip(width)
        return Laid(
            self.height,
            flip(self.outline),
            [(flip(rect), piece) for rect, piece in self.pieces],
            [Spot(flip(spot.rect), spot.deed, spot.argument, spot.hint) for spot in self.spots],
            [(flip(rect), block) for rect, block in self.texts],
        )


def _pressed(span: Span, rect: QRectF) -> Spot:
    return Spot(rect, "link" if span.kind == "link" else "mention", span.target, span.target)


class _Flip(Struct, frozen=True):
    width: float

    def __call__(self, rect: QRectF) -> QRectF:
        return QRectF(self.width - rect.x() - rect.width(), rect.y(), rect.width(), rect.height())


class Text(Struct, frozen=True):
    """A block of text."""

    block: Block
    colour: str

    def draw(self, painter: QPainter, rect: QRectF, mirrored: bool) -> None:
        """Paint."""
        self.block.draw(painter, rect.topLeft(), self.colour, painter.clipBoundingRect() or None)


class Line(Struct, frozen=True):
    """One line of text, elided to its rectangle."""

    text: str
    font: QFont
    colour: str
    centred: bool = False
    at_end: bool = False

    def draw(self, painter: QPainter, rect: QRectF, mirrored: bool) -> None:
        """Paint."""
        painter.setFont(self.font)
        painter.setPen(QColor(self.colour))
        text = QFontMetricsF(self.font).elidedText(self.text, Qt.TextElideMode.ElideRight, rect.width() + 1)
        side = Qt.AlignmentFlag.AlignRight if mirrored != self.at_end else Qt.AlignmentFlag.AlignLeft
        across = Qt.AlignmentFlag.AlignHCenter if self.centred else side | Qt.AlignmentFlag.AlignAbsolute
        flags = across | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(rect, int(flags) | int(Qt.TextFlag.TextSingleLine), text)


class Sign(Struct, frozen=True):
    """An icon."""

    name: str
    colour: str

    def draw(self, painter: QPainter, rect: QRectF, mirrored: bool) -> None:
        """Paint."""
        icons.paint(painter, self.name, self.colour, rect)


class Box(Struct, frozen=True):
    """A rounded area; ``tail`` gives one of its lower corners a smaller radius."""

    fill: str
    edge: str = ""
    edge_px: float = 1.0
    radius: float = RADIUS
    tail: Literal["", "start", "end"] = ""

    def draw(self, painter: QPainter, rect: QRectF, mirrored: bool) -> None:
        """Paint."""
        inset = self.edge_px / 2 if self.edge else 0.0
        path = _rounded(rect.adjusted(inset, inset, -inset, -inset), self.radius, self.tail)
        if mirrored and self.tail:
            path = QTransform().translate(2 * rect.center().x(), 0).scale(-1, 1).map(path)
        painter.fillPath(path, QColor(self.fill))
        if self.edge:
            painter.strokePath(path, QPen(QColor(self.edge), self.edge_px))


class Bar(Struct, frozen=True):
    """How far something is, 0 to 1."""

    part: float
    colour: str
    ground: str

    def draw(self, painter: QPainter, rect: QRectF, mirrored: bool) -> None:
        """Paint."""
        painter.setPen(QColor(self.colour))  # the whole of it is seen on every ground
        painter.setBrush(QColor(self.ground))
        painter.drawRoundedRect(rect, 3, 3)
        painter.setPen(Qt.PenStyle.NoPen)
        done = QRectF(rect)
        done.setWidth(rect.width() * min(max(self.part, 0.0), 1.0))
        if mirrored:
            done.moveRight(rect.right())
        painter.setBrush(QColor(self.colour))
        painter.drawRoundedRect(done, 3, 3)


class Photo(Struct, frozen=True):
    """A picture, asked for when it is drawn: it may still be on its way."""

    find: Callable[[], QPixmap | None]
    ground: str

    def draw(self, painter: QPainter, rect: QRectF, mirrored: bool) -> None:
        """Paint."""
        path = QPainterPath()
        path.addRoundedRect(rect, 10, 10)
        painter.save()
        painter.setClipPath(path, Qt.ClipOperation.IntersectClip)
        painter.fillRect(rect, QColor(self.ground))
        picture = self.find()
        if picture is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(rect, picture, QRectF(picture.rect()))
        painter.restore()


def _rounded(rect: QRectF, radius: float, tail: str) -> QPainterPath:
    radius = min(radius, rect.height() / 2, rect.width() / 2)
    path = QPainterPath()
    if not tail:
        path.addRoundedRect(rect, radius, radius)
        return path
    small = min(TAIL, radius)
    left, right = (small, radius) if tail == "start" else (radius, small)
    path.moveTo(rect.left() + radius, rect.top())
    path.lineTo(rect.right() - radius, rect.top())
    path.quadTo(rect.topRight(), QPointF(rect.right(), rect.top() + radius))
    path.lineTo(rect.right(), rect.bottom() - right)
    path.quadTo(rect.bottomRight(), QPointF(rect.right() - right, rect.bottom()))
    path.lineTo(rect.left() + left, rect.bottom())
    path.quadTo(rect.bottomLeft(), QPointF(rect.left(), rect.bottom() - left))
    path.lineTo(rect.left(), rect.top() + radius)
    path.quadTo(rect.topLeft(), QPointF(rect.left() + radius, rect.top()))
    return path
