"""The broker's column of the demonstration: each message as it is stored there, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFontDatabase, QFontMetricsF, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListView,
    QPlainTextEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from sealwire.i18n import _
from sealwire.peer.api.demo import Sight
from sealwire.ui.desktop import dates, icons
from sealwire.ui.desktop.bits import ICON_PX, column, label, row
from sealwire.ui.desktop.pieces import Box, Line
from sealwire.ui.desktop.pieces import Sign as Mark
from sealwire.ui.desktop.theme import look

MOST: Final = 500
"""Rows kept: a demonstration that runs for a day must not grow."""

PREVIEW_BYTES: Final = 48
PER_LINE: Final = 16
ROW_GAP: Final = 8.0
BYTES_SIZE: Final = 0.78
LINE_LETTERS: Final = 72
"""In one line of the dump; a line that is cut off looks as if something were hidden."""
BESIDE_PX: Final = 48
"""Frame, margins and the bar to scroll with."""

Index = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
CELL: Final = int(Qt.ItemDataRole.UserRole)


class Stored(Struct, frozen=True):
    """One message at the broker."""

    sight: Sight
    handed_over: bool = False


def hex_lines(content: bytes, limit: int | None = None) -> list[str]:
    """Return bytes as a hex dump: place, bytes, and what of them is a letter."""
    lines = []
    for at in range(0, len(content[:limit]), PER_LINE):
        part = content[at : at + PER_LINE]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part)
        lines.append(f"{at:05x}  {part.hex(' '):<{3 * PER_LINE - 1}}  {letters}")
    return lines


class StoredModel(QAbstractListModel):
    """What the broker took in, latest last."""

    def __init__(self, who: Callable[[str], str]) -> None:
        super().__init__()
        self.rows: list[Stored] = []
        self.who = who
        """Whose mailbox a hex number is, as far as this window can tell."""

    def take(self, sight: Sight) -> None:
        """One more sight: SEND adds a row, DELIVER marks the row with the same bytes."""
        if sight.verb == "SEND":
            if len(self.rows) >= MOST:
                self.beginRemoveRows(_NOWHERE, 0, 0)
                del self.rows[0]
                self.endRemoveRows()
            at = len(self.rows)
            self.beginInsertRows(_NOWHERE, at, at)
            self.rows.append(Stored(sight))
            self.endInsertRows()
        elif sight.verb == "DELIVER":
            self._hand_over(sight)

    def _hand_over(self, sight: Sight) -> None:
        for at in range(len(self.rows) - 1, -1, -1):
            if self.rows[at].sight.content == sight.content and self.rows[at].sight.mailbox == sight.mailbox:
                self.rows[at] = replace(self.rows[at], handed_over=True)
                self.dataChanged.emit(self.index(at), self.index(at))
                return

    def waiting(self) -> int:
        """How many lie there."""
        return sum(not stored.handed_over for stored in self.rows)

    def state(self, stored: Stored) -> str:
        """Where a message is, in words."""
        name = self.who(stored.sight.mailbox)
        if stored.handed_over:
            return _("handed to {name}, deleted here").format(name=name)
        return _("stored, waits for {name}").format(name=name)

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        """How many rows."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """The row itself, or its sentence."""
        if not index.isValid():
            return None
        stored = self.rows[index.row()]
        if role == CELL:
            return stored
        if role in (int(Qt.ItemDataRole.DisplayRole), int(Qt.ItemDataRole.AccessibleTextRole)):
            sight = stored.sight
            return _("{time}, mailbox {mailbox}, {size} bytes, {state}").format(
                time=dates.clock(sight.at_ms),
                mailbox=sight.mailbox[:8],
                size=dates.number(len(sight.content)),
                state=self.state(stored),
            )
        return None


class StoredDelegate(QStyledItemDelegate):
    """Paints a row: mailbox and size, where it is, and how its bytes begin."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """Two lines of words, three of bytes."""
        small = QFontMetricsF(look().font(0.86)).height()
        mono = QFontMetricsF(fixed(0.78)).height()
        lines = min(3, -(-len(index.data(CELL).sight.content) // PER_LINE))
        return QSize(1, round(2 * small + lines * mono + 26 + ROW_GAP))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint a row."""
        stored: Stored = index.data(CELL)
        model = index.model()
        assert isinstance(model, StoredModel)
        colours = look().colours
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        rect = QRectF(option.rect).adjusted(6, ROW_GAP / 2, -6, -ROW_GAP / 2)
        mirrored = option.direction == Qt.LayoutDirection.RightToLeft
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge, wide = (colours.focus, 2.0) if chosen else (colours.line, 1.0)
        Box(colours.panel, edge, wide, radius=10).draw(painter, rect, mirrored)
        self._words(painter, rect, stored, model, mirrored)
        painter.restore()

    def _words(self, painter: QPainter, rect: QRectF, stored: Stored, model: StoredModel, mirrored: bool) -> None:
        colours, font = look().colours, look().font(0.86)
        high = QFontMetricsF(font).height()
        inner = rect.adjusted(12, 8, -12, -8)
        first = QRectF(inner.x(), inner.y(), inner.width(), high)
        mailbox = _("mailbox {mailbox}…").format(mailbox=stored.sight.mailbox[:16])
        size = _("{size} bytes").format(size=dates.number(len(stored.sight.content)))
        Line(mailbox, look().font(0.86, bold=True), colours.text).draw(painter, first, mirrored)
        Line(f"{dates.clock(stored.sight.at_ms)} · {size}", font, colours.muted, at_end=True).draw(
            painter, first, mirrored
        )
        second = QRectF(inner.x(), first.bottom() + 1, inner.width(), high)
        sign = QRectF(second.right() - high if mirrored else second.x(), second.y(), high, high)
        Mark("check" if stored.handed_over else "clock", colours.muted).draw(painter, sign, mirrored)
        beside = second.adjusted(0, 0, -high - 5, 0) if mirrored else second.adjusted(high + 5, 0, 0, 0)
        Line(model.state(stored), font, colours.muted).draw(painter, beside, mirrored)
        mono = fixed(0.78)
        y, step = second.bottom() + 5, QFontMetricsF(mono).height()
        for text in hex_lines(stored.sight.content, PREVIEW_BYTES):
            line = QRectF(inner.x(), y, inner.width(), step)
            Line(text[7 : 7 + 3 * PER_LINE], mono, colours.text).draw(painter, line, False)
            y += step


def fixed(relative: float) -> Any:
    """Return the system's font of fixed width."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(look().points * relative)
    return font


class BrokerView(QWidget):
    """The column: what it is, the rows, and all bytes of the chosen one."""

    def __init__(self, who: Callable[[str], str]) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.model = StoredModel(who)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(StoredDelegate(self.list))
        self.list.setAccessibleName(_("Messages as the broker stores them"))
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.bytes = QPlainTextEdit()
        self.bytes.setReadOnly(True)
        self.bytes.setAccessibleName(_("Every byte of the chosen message"))
        self.bytes.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.bytes.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.bytes.setFixedHeight(170)
        self._sign = QLabel()
        self.title = label(_("The broker"), "heading", wrap=False)
        self.summary = label("", "small")
        head = row(self._sign, column(self.title, self.summary, spacing=0), spacing=10)
        head.setContentsMargins(14, 10, 14, 8)
        said = _("Every byte of the chosen message. Without the keys of alice and bob they are noise.")
        below = column(label(said, "small"), self.bytes, spacing=4)
        below.setContentsMargins(10, 4, 10, 10)
        layout = column(spacing=0)
        layout.addLayout(head)
        layout.addWidget(self.list, 1)
        layout.addLayout(below)
        self.setLayout(layout)
        self.list.selectionModel().currentChanged.connect(self._show)
        look().changed.connect(self._draw)
        self._draw()
        self._summarise()

    def take(self, sight: Sight) -> None:
        """One more sight; the newest row is chosen while the last one was."""
        at_end = self.list.currentIndex().row() in (-1, self.model.rowCount() - 1)
        before = self.model.rowCount()
        self.model.take(sight)
        if at_end and self.model.rowCount() > before:
            self.list.setCurrentIndex(self.model.index(self.model.rowCount() - 1))
            self.list.scrollToBottom()
        self._summarise()

    def _summarise(self) -> None:
        waiting = self.model.waiting()
        text = _(
            "A mailbox, a time and these bytes are all it has of a message or receipt: no sender, no text. "
            "Waiting now: {waiting}."
        )
        self.summary.setText(text.format(waiting=dates.number(waiting)))

    def _show(self, index: QModelIndex) -> None:
        stored = index.data(CELL)
        self.bytes.setPlainText("\n".join(hex_lines(stored.sight.content)) if stored is not None else "")

    def _draw(self) -> None:
        self._sign.setPixmap(icons.pixmap("broker", look().colours.accent, ICON_PX + 12, self.devicePixelRatioF()))
        self._sign.setFixedWidth(ICON_PX + 14)
        font = fixed(BYTES_SIZE)
        self.bytes.setFont(font)
        self.bytes.setMinimumWidth(round(QFontMetricsF(font).horizontalAdvance("0" * LINE_LETTERS)) + BESIDE_PX)
