"""Somebody's initials in a circle of their colour."""

from __future__ import annotations

from msgspec import Struct
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from sealwire.ui.desktop import icons
from sealwire.ui.desktop.colours import AVATAR_TEXT, avatar
from sealwire.ui.desktop.theme import look


def initials(name: str) -> str:
    """Return one or two letters for a name."""
    words = [word for word in name.strip("\u2068\u2069").replace("-", " ").replace("_", " ").split() if word]
    if not words:
        return "?"
    return (words[0][0] + (words[1][0] if len(words) > 1 else "")).upper()


class Face(Struct, frozen=True):
    """The circle; for a group, a sign in it."""

    key: str
    """What the colour follows from: the account's name or the group's id."""
    title: str
    is_group: bool = False

    def draw(self, painter: QPainter, rect: QRectF, mirrored: bool) -> None:
        """Paint."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(avatar(self.key)))
        if look().colours.outline:
            painter.setPen(QPen(QColor(look().colours.edge), 1))
        painter.drawEllipse(rect.adjusted(0.5, 0.5, -0.5, -0.5))
        if self.is_group:
            inset = rect.width() * 0.22
            icons.paint(painter, "group", AVATAR_TEXT, rect.adjusted(inset, inset, -inset, -inset))
            return
        font = QFont(look().font(1.0, bold=True))
        font.setPixelSize(max(8, round(rect.height() * 0.4)))
        painter.setFont(font)
        painter.setPen(QColor(AVATAR_TEXT))
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), initials(self.title))


class Avatar(QWidget):
    """A face as a widget. The name beside it says the same, so it is hidden from screen readers."""

    def __init__(self, size: int = 36) -> None:
        super().__init__()
        self._face = Face("", "")
        self.setFixedSize(QSize(size, size))
        look().changed.connect(self.update)

    def show_face(self, key: str, title: str, is_group: bool = False) -> None:
        """Show another face."""
        self._face = Face(key, title, is_group)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._face.draw(painter, QRectF(self.rect()), False)
        painter.end()
