"""Where people write: it grows with the text, takes files and pictures, and completes names."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QResizeEvent, QTextCursor
from PySide6.QtWidgets import QFrame, QListWidget, QPlainTextEdit, QWidget

from sealwire.i18n import _
from sealwire.peer.api import MAX_TEXT_BYTES
from sealwire.ui import views
from sealwire.ui.desktop import dates, icons
from sealwire.ui.desktop.bits import Elided, column, icon_button, is_enter, label, row
from sealwire.ui.desktop.theme import look

MOST_LINES: Final = 8
"""Shown at once; a longer text scrolls."""

MAX_PASTE: Final = MAX_TEXT_BYTES
"""Characters taken from one paste: no message holds more, and a field with a line of 200,000 takes half a minute."""

COUNT_FROM: Final = MAX_TEXT_BYTES - 1_000
"""Bytes at which the room left is shown."""

MAX_MENTIONS: Final = 8
_ROOM_PX: Final = 20


class Editor(QPlainTextEdit):
    """The field itself."""

    submitted = Signal()
    edit_last = Signal()
    """Up in the empty field."""
    left = Signal()
    """Escape."""
    files_given = Signal(list)
    """Paths, dropped or pasted."""
    picture_given = Signal(QImage)
    long_text_given = Signal(str)
    """Pasted, and more than a message holds: nothing of it was taken."""
    mention_key = Signal(int)
    """A key while names are offered: up, down, enter, escape."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("composer")
        self.setAccessibleName(_("Message"))
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.enter_sends = True
        self.offers_names = False
        self.document().setDocumentMargin(2)
        self.textChanged.connect(self._grow)
        look().changed.connect(self._grow)
        self._grow()

    def _grow(self) -> None:
        block = self.fontMetrics().lineSpacing()
        lines = max(1, min(MOST_LINES, self._visual_lines()))
        self.setFixedHeight(lines * block + _ROOM_PX)
        shows = Qt.ScrollBarPolicy.ScrollBarAsNeeded if lines == MOST_LINES else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(shows)

    def _visual_lines(self) -> int:
        count, block = 0, self.document().firstBlock()
        while block.isValid() and count < MOST_LINES:
            count += max(1, block.layout().lineCount())
            block = block.next()
        return count

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Lines break elsewhere now."""
        super().resizeEvent(event)
        self._grow()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Narrow windows have it too."""
        return QSize(60, super().minimumSizeHint().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter sends, with Shift it begins a line; Up in the empty field corrects the last message."""
        if self.offers_names and event.key() in _NAME_KEYS:
            self.mention_key.emit(int(event.key()))
            return
        if is_enter(event) and self._sends(event.modifiers()):
            self.submitted.emit()
        elif event.key() == Qt.Key.Key_Up and not self.toPlainText():
            self.edit_last.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif is_enter(event):
            self.insertPlainText("\n")
            self.ensureCursorVisible()
        else:
            super().keyPressEvent(event)

    def _sends(self, modifiers: Qt.KeyboardModifier) -> bool:
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            return True
        breaks = modifiers & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier)
        return self.enter_sends and not breaks

    def canInsertFromMimeData(self, source: QMimeData) -> bool:  # noqa: N802 - Qt's name
        """Text, pictures, files."""
        return source.hasText() or source.hasImage() or source.hasUrls()

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802 - Qt's name
        """Take text as it is, never as HTML; a picture or files go to whoever sends them."""
        paths = local_paths(source)
        if paths:
            self.files_given.emit(paths)
        elif source.hasImage() and not source.hasText():
            image = source.imageData()
            if isinstance(image, QImage) and not image.isNull():
                self.picture_given.emit(image)
        elif source.hasText() and len(source.text()) > MAX_PASTE:
            self.long_text_given.emit(source.text())
        elif source.hasText():
            self.insertPlainText(source.text())


_NAME_KEYS: Final = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Tab, Qt.Key.Key_Escape)


def local_paths(source: QMimeData) -> list[Path]:
    """Return the files of this machine in what was dropped or pasted."""
    return [Path(url.toLocalFile()) for url in source.urls() if url.isLocalFile()] if source.hasUrls() else []


class Composer(QWidget):
    """The field with its buttons, what it answers or corrects, and the names it offers."""

    sent = Signal(str, str)
    """A text, and the id of the message it answers (or the empty text)."""
    corrected = Signal(str, str)
    """The id of a message and its new text."""
    edit_last = Signal()
    writing = Signal(bool)
    attach = Signal()
    emoji = Signal(QWidget)
    files_given = Signal(list)
    picture_given = Signal(QImage)
    long_text_given = Signal(str)

    def __init__(self, *, can_attach: bool = True) -> None:
        super().__init__()
        self.editor = Editor()
        self._reply_to = ""
        self._editing = ""
        self._kept = ""
        """What was being written when a correction began."""
        self._people: Sequence[str] = ()
        self._build(can_attach)
        self._connect()

    def _build(self, can_attach: bool) -> None:
        self._about = _About(self.forget)
        self._names = QListWidget()
        self._names.setAccessibleName(_("People to mention"))
        self._names.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._names.hide()
        self._attach = icon_button(_("Attach a file"), "attach", self.attach.emit)
        self._attach.setVisible(can_attach)
        self._emoji = icon_button(_("Emoji"), "smile", lambda: self.emoji.emit(self._emoji))
        self._send = icon_button(_("Send"), "send", self.submit, 22)
        self._room = label("", "small", wrap=False)
        self._room.hide()
        line = row(self._attach, self.editor, self._room, self._emoji, self._send, spacing=4)
        line.setAlignment(Qt.AlignmentFlag.AlignBottom)
        for button in (self._attach, self._emoji, self._send):
            line.setAlignment(button, Qt.AlignmentFlag.AlignBottom)
        self.setLayout(column(self._about, self._names, line, spacing=4))
        self._enable()

    def _connect(self) -> None:
        editor = self.editor
        editor.submitted.connect(self.submit)
        editor.edit_last.connect(self.edit_last)
        editor.left.connect(self.forget)
        editor.files_given.connect(self.files_given)
        editor.picture_given.connect(self.picture_given)
        editor.long_text_given.connect(self.long_text_given)
        editor.mention_key.connect(self._name_key)
        editor.textChanged.connect(self._changed)
        editor.cursorPositionChanged.connect(self._offer_names)
        self._names.itemClicked.connect(lambda _item: self._take_name())

    # --- text ------------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """What is written."""
        return self.editor.toPlainText()

    def set_text(self, text: str) -> None:
        """Write something else, the cursor behind it."""
        self.editor.setPlainText(text)
        self.editor.moveCursor(QTextCursor.MoveOperation.End)

    def insert(self, text: str) -> None:
        """Write at the cursor, and go on there."""
        self.editor.insertPlainText(text)
        self.editor.setFocus()

    def submit(self) -> None:
        """Send, or put the correction in place."""
        text = self.text.strip("\n")
        if not text.strip() or not self._fits():
            return
        if self._editing:
            self.corrected.emit(self._editing, text)
        else:
            self.sent.emit(text, self._reply_to)
        self._reply_to = ""
        was_correction, self._editing = bool(self._editing), ""
        self.set_text(self._kept if was_correction else "")
        self._kept = ""
        self._about.hide()
        self.writing.emit(False)

    def give_back(self, text: str) -> None:
        """A text that could not be sent comes back, before what was written since."""
        since = self.text
        self.set_text(text + ("\n" + since if since else ""))

    def reply(self, message_id: str, who: str, begin: str) -> None:
        """Answer a message."""
        self.forget()
        self._reply_to = message_id
        self._about.show_text("reply", _("Answer to {name}: {text}").format(name=who, text=begin))
        self.editor.setFocus()

    def correct(self, message_id: str, text: str) -> None:
        """Put other words in place of an own message."""
        if not self._editing:
            self._kept = self.text
        self._editing, self._reply_to = message_id, ""
        self.set_text(text)
        self._about.show_text("edit", _("Editing your message"))
        self.editor.setFocus()

    def forget(self) -> None:
        """Neither answer nor correct."""
        if self._editing:
            self.set_text(self._kept)
        self._editing = self._reply_to = self._kept = ""
        self._about.hide()

    @property
    def draft(self) -> str:
        """What is to be kept for later: not a correction."""
        return self._kept if self._editing else self.text

    def allow(self, allowed: bool, hint: str) -> None:
        """Whether something may be written, and what the empty field says."""
        self.editor.setReadOnly(not allowed)
        self.editor.setPlaceholderText(hint)
        for button in (self._attach, self._emoji):
            button.setEnabled(allowed)
        self._enable()

    def _changed(self) -> None:
        self._enable()
        if self.editor.hasFocus():
            self.writing.emit(bool(self.text))

    def _enable(self) -> None:
        size = len(self.text.encode("utf-8", "replace"))
        fits = size <= MAX_TEXT_BYTES
        self._send.setEnabled(bool(self.text.strip()) and fits and not self.editor.isReadOnly())
        icons.dress(self._send, "send", look().colours, "accent")
        self._room.setVisible(size > COUNT_FROM)
        if size > COUNT_FROM:
            form = _("{size} of {limit} bytes") if fits else _("Too long: {size} of {limit} bytes")
            self._room.setText(form.format(size=dates.number(size), limit=dates.number(MAX_TEXT_BYTES)))

    def _fits(self) -> bool:
        return len(self.text.encode("utf-8", "replace")) <= MAX_TEXT_BYTES

    # --- names -----------------------------------------------------------------------------------------------

    def know(self, people: Sequence[str]) -> None:
        """These can be mentioned with an @."""
        self._people = people

    def _beginning(self) -> str | None:
        cursor = self.editor.textCursor()
        before = cursor.block().text()[: cursor.positionInBlock()]
        start = before.rfind("@")
        if start < 0 or (start > 0 and before[start - 1].isalnum()):
            return None
        word = before[start + 1 :]
        return word if len(word) <= 32 and all(sign.isalnum() or sign in "_-" for sign in word) else None

    def _offer_names(self) -> None:
        word = self._beginning() if self._people else None
        fitting = [] if word is None else [name for name in self._people if name.startswith(word.lower())]
        if word is not None and fitting == [word.lower()]:
            fitting = []
        self._names.clear()
        self._names.addItems([views.screen_name(name) for name in fitting[:MAX_MENTIONS]])
        self._names.setCurrentRow(0)
        self._names.setVisible(bool(fitting))
        self.editor.offers_names = bool(fitting)
        height = self._names.sizeHintForRow(0) if fitting else 0
        self._names.setFixedHeight(min(4, len(fitting)) * max(height, 1) + 6)

    def _name_key(self, key: int) -> None:
        if key == Qt.Key.Key_Escape:
            self._names.hide()
            self.editor.offers_names = False
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = 1 if key == Qt.Key.Key_Down else -1
            self._names.setCurrentRow((self._names.currentRow() + step) % max(1, self._names.count()))
        else:
            self._take_name()

    def _take_name(self) -> None:
        word = self._beginning()
        if word is None:
            return
        fitting = [name for name in self._people if name.startswith(word.lower())]
        with contextlib.suppress(IndexError):
            self.editor.insertPlainText(fitting[self._names.currentRow()][len(word) :] + " ")
        self.editor.setFocus()


class _About(QFrame):
    """What the field answers or corrects."""

    def __init__(self, forget: object) -> None:
        super().__init__()
        self.setObjectName("card")
        self._sign = label("")
        self._text = Elided("", "muted")
        close = icon_button(_("Do not answer or edit"), "close", forget, 14)  # type: ignore[arg-type]
        self.setLayout(row(self._sign, self._text, close, margin=4, spacing=8))
        self.hide()

    def show_text(self, sign: str, text: str) -> None:
        """Show it."""
        self._sign.setPixmap(icons.pixmap(sign, look().colours.accent, 18, self.devicePixelRatioF()))
        self._sign.setFixedWidth(24)
        self._text.put(text)
        self.show()
