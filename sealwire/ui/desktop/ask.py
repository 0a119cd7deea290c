"""Questions with two answers, and places for longer ones. Texts are always plain."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLayout, QWidget

from sealwire.i18n import _
from sealwire.ui.desktop.bits import button, column, label, row

NARROW = 420


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
        whole = column(self.title, spacing=16, margin=22)
        whole.addLayout(self.body, 1)
        whole.addLayout(self.buttons)
        self.setLayout(whole)
        self.setMinimumWidth(NARROW - 60)

    def add(self, *parts: QWidget | QLayout) -> None:
        """Put parts into the body."""
        for part in parts:
            if isinstance(part, QWidget):
                self.body.addWidget(part)
            else:
                self.body.addLayout(part)

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
