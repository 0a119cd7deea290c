"""A long text, or a picture, in a window of its own."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QWidget

from sealwire.i18n import _
from sealwire.peer.events import Message
from sealwire.ui import views
from sealwire.ui.desktop.ask import Sheet
from sealwire.ui.desktop.bits import button, copy_button
from sealwire.ui.desktop.pictures import Pictures
from sealwire.ui.views.bounded import calmed


class TextReader(Sheet):
    """The whole of a message, to read, search by eye and copy. Line breaks are its own; nothing in it acts."""

    def __init__(self, parent: QWidget, title: str, text: str) -> None:
        super().__init__(parent, title)
        self.resize(640, 520)
        self.page = QPlainTextEdit()
        self.page.setReadOnly(True)
        self.page.setAccessibleName(title)
        self.page.setPlainText("\n".join(views.screen_lines(calmed(text))))
        self.page.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.add(self.page)
        self.add_buttons(copy_button(lambda: text, _("Copy all")), button(_("Close"), self.accept, "primary"))


class PictureReader(Sheet):
    """A picture, scaled to the window; decoded within the same bounds as everywhere."""

    def __init__(self, parent: QWidget, message: Message, pictures: Pictures, size: QSize) -> None:
        name = views.screen_name(message.file.name) if message.file is not None else ""
        super().__init__(parent, name)
        self._message, self._pictures, self._size = message, pictures, size
        self.resize(900, 680)
        self._picture = QLabel()
        self._picture.setTextFormat(Qt.TextFormat.PlainText)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._picture.setMinimumSize(QSize(120, 120))
        self._picture.setAccessibleName(_("Picture {name}").format(name=name))
        self.add(self._picture)
        self.add_buttons(button(_("Close"), self.accept, "primary"))
        pictures.arrived.connect(self._arrived)
        self._show()

    def _arrived(self, message_id: str) -> None:
        if message_id == self._message.id:
            self._show()

    def _show(self) -> None:
        problem = self._pictures.problem(self._message)
        if problem:
            self._picture.setText(problem)
            return
        found = self._pictures.find(self._message, self._size)
        if found is None:
            self._picture.setText(_("Opening the picture"))
            return
        ratio = self.devicePixelRatioF()
        room = self._picture.size() * ratio
        fitted = found if found.width() <= room.width() and found.height() <= room.height() else found.scaled(
            room, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )  # fmt: skip
        fitted.setDevicePixelRatio(ratio)
        self._picture.setPixmap(fitted)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Fit it again."""
        super().resizeEvent(event)
        self._show()
