"""A QR code on the screen: dark on light in every look, because that is what scanners want."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sealwire import qr

LEAST: Final = 3
"""Pixels of a module at least: a phone at arm's length."""


class QrView(QWidget):
    """Shows a text as a code; its name says what it is for."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._modules: list[bytes] = []

    def show_text(self, text: str) -> None:
        """Show another text."""
        self._modules = qr.modules(text)
        self.setFixedHeight(len(self._modules) * LEAST if len(self._modules) > 60 else len(self._modules) * 5)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A square."""
        side = len(self._modules) * 5
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the modules on whole pixels."""
        count = len(self._modules)
        if not count:
            return
        side = max(1, min(self.width(), self.height()) // count)
        whole = side * count
        x, y = (self.width() - whole) // 2, (self.height() - whole) // 2
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.fillRect(QRectF(x, y, whole, whole), QColor("#ffffff"))
        for down, line in enumerate(self._modules):
            for across, dark in enumerate(line):
                if dark:
                    painter.fillRect(x + across * side, y + down * side, side, side, QColor("#000000"))
        painter.end()
