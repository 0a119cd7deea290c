"""The list of conversations and of what a search found: one model, one way to paint it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from PySide6.QtCore import (
    QAbstractListModel,
    QDateTime,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from sealwire.i18n import _
from sealwire.peer.api.past import Found
from sealwire.ui import views
from sealwire.ui.desktop import dates
from sealwire.ui.desktop.avatar import Face
from sealwire.ui.desktop.pieces import Box, Line, Sign
from sealwire.ui.desktop.shape import Block, Ink, Span
from sealwire.ui.desktop.theme import look
from sealwire.ui.views import found as finds
from sealwire.ui.views.chats import REQUESTS, ChatRow

FACE: Final = 44.0
PAD: Final = 10.0
SMALL: Final = 0.86
MOST_BADGE: Final = 999

Index = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
ROW: Final = int(Qt.ItemDataRole.UserRole)


class Chat(Struct, frozen=True):
    """A conversation in the list."""

    row: ChatRow
    at_ms: int
    """Of its last message; 0 when nothing was said."""


class Hit(Struct, frozen=True):
    """A message that was found."""

    found: Found
    title: str


class Title(Struct, frozen=True):
    """A word above a part of the list; cannot be chosen."""

    text: str


Row = Chat | Hit | Title


class RowModel(QAbstractListModel):
    """Rows of the list; those that stay keep their place in the view."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows."""
        if [_key(row) for row in rows] == [_key(row) for row in self.rows]:
            for at, (before, after) in enumerate(zip(self.rows, rows)):
                if before != after:
                    self.rows[at] = after
                    self.dataChanged.emit(self.index(at), self.index(at))
            return
        self.layoutAboutToBeChanged.emit()
        kept = [(index, _key(self.rows[index.row()])) for index in self.persistentIndexList()]
        self.rows = list(rows)
        places = {_key(row): at for at, row in enumerate(self.rows)}
        for index, key in kept:
            self.changePersistentIndex(index, self.index(places[key]) if key in places else _NOWHERE)
        self.layoutChanged.emit()

    def place_of(self, conversation: str) -> int | None:
        """Return where a conversation stands."""
        for at, row in enumerate(self.rows):
            if isinstance(row, Chat) and row.row.id == conversation:
                return at
        return None

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        """How many rows."""
        return 0 if parent.isValid() else len(self.rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Titles are passed over."""
        row = self.rows[index.row()] if index.isValid() and index.row() < len(self.rows) else None
        return Qt.ItemFlag.NoItemFlags if isinstance(row, Title) or row is None else super().flags(index)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """The row itself, or its sentence."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == ROW:
            return row
        if role in (int(Qt.ItemDataRole.DisplayRole), int(Qt.ItemDataRole.AccessibleTextRole)):
            return spoken(row)
        return None


def _key(row: Row) -> str:
    match row:
        case Chat():
            return f"chat {row.row.id}"
        case Hit():
            return f"hit {row.found.message.id}"
        case Title(text):
            return f"title {text}"


def spoken(row: Row) -> str:
    """Return what a screen reader says about a row."""
    match row:
        case Chat():
            return row.row.spoken
        case Hit():
            message = row.found.message
            return _("{title}, {name}, {time}: {text}").format(
                title=row.title,
                name=views.screen_name(message.sender),
                time=dates.full(message.sent_at_ms),
                text=finds.snippet(row.found),
            )
        case Title(text):
            return text


class RowDelegate(QStyledItemDelegate):
    """Paints a row: face, title and time, the last words and how many are unread."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """Two lines beside a face, or one line."""
        row = index.data(ROW)
        line = QFontMetricsF(look().font()).height()
        small = QFontMetricsF(look().font(SMALL)).height()
        if isinstance(row, Title):
            return QSize(1, round(small + 14))
        if isinstance(row, Hit):
            return QSize(1, round(line + 2 * small + 18))
        return QSize(1, round(max(FACE, line + small + 4) + 18))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint a row."""
        row: Row = index.data(ROW)
        mirrored = option.direction == Qt.LayoutDirection.RightToLeft
        rect = QRectF(option.rect).adjusted(4, 2, -4, -2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        over = bool(option.state & QStyle.StateFlag.State_MouseOver)
        self._ground(painter, option, rect, chosen, over, isinstance(row, Title))
        on = _Painter(painter, rect, mirrored, chosen)
        match row:
            case Title(text):
                on.title(text)
            case Hit():
                on.hit(row)
            case Chat():
                on.chat(row)
        painter.restore()

    def _ground(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRectF, chosen: bool, over: bool, is_title: bool
    ) -> None:
        colours = look().colours
        if is_title:
            return
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if chosen or over:
            fill = colours.chosen if chosen else colours.raised
            Box(fill, colours.focus if chosen and focused else "", 2.0, radius=10).draw(painter, rect, False)


class _Painter:
    """Places the parts of one row, from the side where people begin to read."""

    def __init__(self, painter: QPainter, rect: QRectF, mirrored: bool, chosen: bool) -> None:
        self._painter = painter
        self._rect = rect.adjusted(PAD, 0, -PAD, 0)
        self._mirrored = mirrored
        colours = look().colours
        self._text = colours.chosen_text if chosen else colours.text
        self._muted = colours.chosen_text if chosen else colours.muted
        self._accent = colours.chosen_text if chosen and colours.outline else colours.accent

    def _put(self, x: float, y: float, width: float, height: float) -> QRectF:
        """Return a place counted from the beginning of the line."""
        left = self._rect.right() - x - width if self._mirrored else self._rect.left() + x
        return QRectF(left, y, width, height)

    def _line(self, text: str, place: QRectF, relative: float, colour: str, **more: bool) -> None:
        font = look().font(relative, bold=more.pop("bold", False), italic=more.pop("italic", False))
        Line(text, font, colour, **more).draw(self._painter, place, self._mirrored)

    def title(self, text: str) -> None:
        """A word above rows."""
        place = self._put(0, self._rect.y(), self._rect.width(), self._rect.height())
        self._line(text, place, SMALL, self._muted, bold=True)

    def chat(self, chat: Chat) -> None:
        """A conversation."""
        row = chat.row
        y = self._rect.y() + (self._rect.height() - FACE) / 2
        self._face(row, self._put(0, y, FACE, FACE))
        first = QFontMetricsF(look().font()).height()
        second = QFontMetricsF(look().font(SMALL)).height()
        top = self._rect.center().y() - (first + second + 3) / 2
        x, room = FACE + 10, self._rect.width() - FACE - 10
        time = dates.brief(chat.at_ms, QDateTime.currentDateTime()) if chat.at_ms else ""
        wide = QFontMetricsF(look().font(SMALL)).horizontalAdvance(time) + 4 if time else 0.0
        colour = self._accent if row.unread and not row.is_muted else self._muted
        self._line(time, self._put(x + room - wide, top, wide, first), SMALL, colour, at_end=True)
        signs = self._signs(row, x, top, first)
        self._line(
            row.title, self._put(x + signs, top, room - wide - signs - 6, first), 1.0, self._text, bold=bool(row.unread)
        )
        badge = self._badge(row, x + room, top + first + 3, second)
        preview = self._put(x, top + first + 3, room - badge - 4, second)
        self._line(row.preview, preview, SMALL, self._muted, italic=row.has_draft)

    def _face(self, row: ChatRow, place: QRectF) -> None:
        if row.id == REQUESTS:
            Box(look().colours.accent, radius=FACE / 2).draw(self._painter, place, False)
            Sign("invite", look().colours.accent_text).draw(self._painter, place.adjusted(11, 11, -11, -11), False)
        else:
            Face(row.id, row.title, row.is_group).draw(self._painter, place, False)

    def _signs(self, row: ChatRow, x: float, y: float, size: float) -> float:
        """Signs before the title: verified, key changed, muted. The sentence of the row says the same."""
        found = [("seal", row.trust == "verified"), ("warning", row.trust == "changed"), ("bell-off", row.is_muted)]
        used = 0.0
        for name, holds in found:
            if holds:
                colour = look().colours.danger if name == "warning" else self._muted
                Sign(name, colour).draw(self._painter, self._put(x + used, y + 1, size - 3, size - 3), False)
                used += size + 1
        return used

    def _badge(self, row: ChatRow, end: float, y: float, height: float) -> float:
        if not row.unread:
            return 0.0
        number = dates.number(row.unread) if row.unread <= MOST_BADGE else f"{dates.number(MOST_BADGE)}+"
        text = f"@ {number}" if row.mentions else number
        font = look().font(SMALL, bold=True)
        wide = max(height + 2, QFontMetricsF(font).horizontalAdvance(text) + 12)
        place = self._put(end - wide, y - 1, wide, height + 2)
        colours = look().colours
        fill, ink = (colours.raised, colours.text) if row.is_muted else (colours.accent, colours.accent_text)
        Box(fill, colours.edge if row.is_muted else "", 1.0, radius=(height + 2) / 2).draw(self._painter, place, False)
        Line(text, font, ink, centred=True).draw(self._painter, place, False)
        return wide + 4

    def hit(self, hit: Hit) -> None:
        """A message that was found: where and when, and the words around the match."""
        message = hit.found.message
        first = QFontMetricsF(look().font()).height()
        time = dates.brief(message.sent_at_ms, QDateTime.currentDateTime())
        wide = QFontMetricsF(look().font(SMALL)).horizontalAdvance(time) + 4
        y = self._rect.y() + 7
        self._line(hit.title, self._put(0, y, self._rect.width() - wide - 6, first), 1.0, self._text, bold=True)
        self._line(time, self._put(self._rect.width() - wide, y, wide, first), SMALL, self._muted, at_end=True)
        text = finds.snippet(hit.found)
        colours = look().colours
        ink = Ink(self._muted, self._accent, colours.mark, colours.mark_text, colours.raised)
        block = Block([text], look().font(SMALL), self._rect.width(), ink, [marks(hit.found, text)], most_lines=2)
        block.fit(self._rect.width())
        self._painter.setClipRect(self._rect)
        block.draw(self._painter, QPointF(self._rect.x(), y + first + 2), self._muted)


def marks(found: Found, shown: str) -> list[Span]:
    """Return the matches within what is shown of a message; found again, because the beginning may be left out."""
    words = {found.message.text[start:end].casefold() for start, end in found.marks}
    spans, lower = [], shown.casefold()
    if len(lower) != len(shown):
        return []
    for word in words:
        at = lower.find(word)
        while word and at >= 0:
            spans.append(Span(at, at + len(word), "mark"))
            at = lower.find(word, at + len(word))
    return spans


class RowView(QListView):
    """The list itself."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = RowModel(self)
        self.setModel(self.rows)
        self.setItemDelegate(RowDelegate(self))
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        look().changed.connect(self.scheduleDelayedItemsLayout)

    def row_at(self, index: QModelIndex) -> Row | None:
        """Return the row of an index."""
        row = index.data(ROW)
        return row if isinstance(row, Chat | Hit | Title) else None
