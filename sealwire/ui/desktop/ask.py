"""Questions with two answers, and places for longer ones. Texts are always plain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLayout, QScrollArea, QWidget

from sealwire.i18n import _
from sealwire.ui.desktop.bits import button, column, label, row

NARROW: Final = 420
TITLE_BAR_PX: Final = 40
"""Of the window manager's, above a sheet."""


class Sheet(QDialog):
    """A dialog with a title, a body and buttons at its end; Escape closes it."""

    def __init__(self, parent: QWidget | None, title: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(True)
        self.title = label(title, "heading")
        self.body = column(spacing=12)
        self.buttons: QHBoxLayout = row(1, spacing=8)
        self._whole = column(self.title, spacing=16, margin=22)
        self._whole.addLayout(self.body, 1)
        self._whole.addLayout(self.buttons)
        self.setLayout(self._whole)
        self.setMinimumWidth(NARROW - 60)
        self._scrolled: QScrollArea | None = None

    def add(self, *parts: QWidget | QLayout) -> None:
        """Put parts into the body."""
        for part in parts:
            if isinstance(part, QWidget):
                self.body.addWidget(part)
            else:
                self.body.addLayout(part)

    def room_px(self) -> int:
        """Return how high a sheet can be on this screen, below a title bar."""
        return self.screen().availableGeometry().height() - TITLE_BAR_PX

    def event(self, event: QEvent) -> bool:
        """What is in a sheet may grow while it is shown."""
        done = super().event(event)
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):
            self._fit_screen()
        return done

    def _fit_screen(self) -> None:
        """Where the screen is too low, the body scrolls between the title and the buttons."""
        room = self.room_px()
        needed = self._whole.totalHeightForWidth(self.width()) if self._whole.hasHeightForWidth() else 0
        if self._scrolled is None and max(needed, self._whole.totalMinimumSize().height()) > room:
            self._let_scroll()
        if self._scrolled is not None:
            self.setFixedHeight(room)
        elif self.height() > room:
            self.setMaximumHeight(room)
            self.resize(self.width(), room)

    def _let_scroll(self) -> None:
        inner = QWidget()
        inner.setObjectName("page")
        self._whole.removeItem(self.body)
        self.body.setParent(None)
        inner.setLayout(self.body)
        area = self._scrolled = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setAccessibleName(self.windowTitle())  # reached by Tab: arrows scroll where nothing else has the focus
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        area.setMinimumWidth(inner.minimumSizeHint().width() + area.verticalScrollBar().sizeHint().width())
        self._whole.insertWidget(1, area, 1)

    def add_buttons(self, *buttons: QWidget) -> None:
        """Put buttons at the end."""
        for one in buttons:
            self.buttons.addWidget(one)


def confirm(parent: QWidget, question: str, word: str, action: Callable[[], object], *, danger: bool = True) -> QDialog:
    """Ask before something is done; the way out has the focus when it cannot be undone."""
    sheet = Sheet(parent, question)
    sheet.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    sheet.setFixedWidth(NARROW)

    def go() -> None:
        sheet.accept()
        action()

    cancel = button(_("Cancel"), sheet.reject)
    act = button(word, go, "danger" if danger else "primary")
    sheet.add_buttons(cancel, act)
    sheet.open()
    (cancel if danger else act).setFocus()
    return sheet
