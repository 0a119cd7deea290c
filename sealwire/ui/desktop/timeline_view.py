"""The timeline on the screen: it paints the lines, keeps its place, and says what was pressed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, cast

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from sealwire.i18n import _
from sealwire.peer.events import Message
from sealwire.ui.desktop import lines
from sealwire.ui.desktop.bits import icon_button, is_enter, row
from sealwire.ui.desktop.canvas import Canvas, Cell, Gallery
from sealwire.ui.desktop.pieces import Laid, Spot
from sealwire.ui.desktop.theme import look
from sealwire.ui.desktop.timeline_model import TimelineModel

KEPT: Final = 1_000
"""Laid out lines in memory, more than a window has."""

NEAR: Final = 600
"""Pixels from an end of the window at which the next page is asked for."""

_AT_END: Final = 12
"""Pixels that still count as the end: rounding, and a hand that is not quite still."""

Index = QModelIndex | QPersistentModelIndex


class LineDelegate(QStyledItemDelegate):
    """Lays out and paints lines; what was laid out is kept until its line, the width or the look changes."""

    def __init__(self, view: TimelineView, gallery: Gallery) -> None:
        super().__init__(view)
        self._view = view
        self._gallery = gallery
        self._laid: OrderedDict[int, tuple[Cell, Laid]] = OrderedDict()
        self._canvas: Canvas | None = None

    def forget(self) -> None:
        """Lay everything out again."""
        self._laid.clear()
        self._canvas = None

    def drop(self, cell: Cell) -> None:
        """Lay one line out again."""
        self._laid.pop(id(cell), None)

    def laid(self, index: Index) -> Laid:
        """Return a line, laid out."""
        model = self._view.timeline
        cell = model.cell(index.row())
        found = self._laid.get(id(cell))
        if found is None:
            found = (cell, lines.lay(cell, self._ground(), model.said_at(index.row())))
            self._laid[id(cell)] = found
            while len(self._laid) > KEPT:
                self._laid.popitem(last=False)
        return found[1]

    def _ground(self) -> Canvas:
        if self._canvas is None:
            width = float(self._view.viewport().width())
            mirrored = self._view.layoutDirection() == Qt.LayoutDirection.RightToLeft
            self._canvas = Canvas(width, look(), self._gallery, mirrored, self._view.devicePixelRatioF())
        return self._canvas

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """How high a line is."""
        return QSize(1, round(self.laid(index).height))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint a line."""
        laid = self.laid(index)
        rect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(rect.topLeft())
        painter.setClipRect(QRectF(0, 0, rect.width(), rect.height()))
        mirrored = self._ground().mirrored
        for place, piece in laid.pieces:
            piece.draw(painter, place, mirrored)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen and self._view.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(look().colours.focus), 2))
            painter.drawRoundedRect(laid.outline.adjusted(-3, 0, 3, 0), 12, 12)
        painter.restore()


class TimelineView(QListView):
    """The lines of one conversation."""

    pressed_spot = Signal(object, object)
    """A spot, and the message it is in."""
    menu_wanted = Signal(object, QPoint)
    """A message, and where on the screen."""
    tool_wanted = Signal(str, object)
    """``reply`` or ``react``, and the message under the pointer."""
    near_start = Signal()
    near_end = Signal()
    moved = Signal(bool)
    """Whether the end is in view."""
    typed = Signal(str)
    """A letter was typed here: it belongs to the composer."""

    def __init__(self, gallery: Gallery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.timeline = TimelineModel(self)
        self._lines = LineDelegate(self, gallery)
        self.setModel(self.timeline)
        self.setItemDelegate(self._lines)
        self.setAccessibleName(_("Messages"))
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalScrollBar().setSingleStep(24)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # one width, laid out once
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMouseTracking(True)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.timeline.dataChanged.connect(self._changed)
        self._tools = Tools(self)
        look().changed.connect(self.redraw)

    # --- place -----------------------------------------------------------------------------------------------

    def keeping_place(self, change: Callable[[], None]) -> None:
        """Change the lines; who was at the end stays there, who was elsewhere keeps what they read in place."""
        at_end = self.is_at_end()
        anchor = None if at_end else self._anchor()
        change()
        self.executeDelayedItemsLayout()
        if at_end:
            self.scrollToBottom()
        elif anchor is not None:
            self._restore(*anchor)
        self._tools.hide()

    def is_at_end(self) -> bool:
        """Whether the last line is in view."""
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() - _AT_END

    def go_to(self, message_id: str) -> bool:
        """Show and choose a message of the window; False when it is not in it."""
        at = self.timeline.row_of(message_id)
        if at is None:
            return False
        index = self.timeline.index(at)
        self.executeDelayedItemsLayout()
        self.setCurrentIndex(index)
        self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        return True

    def _anchor(self) -> tuple[str, int] | None:
        for at in range(self.indexAt(QPoint(20, 2)).row(), self.timeline.rowCount()):
            entry = self.timeline.message_at(at)
            if entry is not None:
                return entry.message.id, self.visualRect(self.timeline.index(at)).top()
        return None

    def _restore(self, message_id: str, top: int) -> None:
        at = self.timeline.row_of(message_id)
        if at is not None:
            now = self.visualRect(self.timeline.index(at)).top()
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + now - top)

    def _scrolled(self, value: int) -> None:
        bar = self.verticalScrollBar()
        self._tools.hide()
        if value < NEAR:
            self.near_start.emit()
        if value > bar.maximum() - NEAR:
            self.near_end.emit()
        self.moved.emit(self.is_at_end())

    def _changed(self, first: QModelIndex, last: QModelIndex) -> None:
        for at in range(first.row(), last.row() + 1):
            self._lines.drop(self.timeline.cell(at))
        self.scheduleDelayedItemsLayout()

    def redraw(self) -> None:
        """The look changed."""
        self._lines.forget()
        self.scheduleDelayedItemsLayout()
        self.viewport().update()

    def refresh_message(self, message_id: str) -> None:
        """Its picture arrived, or proved not to be one."""
        at = self.timeline.row_of(message_id)
        if at is not None:
            self._lines.drop(self.timeline.cell(at))
            self.keeping_place(self.scheduleDelayedItemsLayout)
            self.viewport().update()

    # --- what people do --------------------------------------------------------------------------------------

    def current_message(self) -> Message | None:
        """Return the chosen message."""
        entry = self.timeline.message_at(self.currentIndex().row())
        return entry.message if entry is not None else None

    def spot_under(self, at: QPoint) -> tuple[Spot, Message] | None:
        """Return what would be pressed at a place of the viewport."""
        index = self.indexAt(at)
        entry = self.timeline.message_at(index.row())
        if entry is None:
            return None
        place = QPointF(at - self.visualRect(index).topLeft())
        spot = self._lines.laid(index).spot_at(place)
        return (spot, entry.message) if spot is not None else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Press what is under the pointer."""
        super().mouseReleaseEvent(event)
        if event.button() == Qt.MouseButton.LeftButton:
            found = self.spot_under(event.position().toPoint())
            if found is not None:
                self.pressed_spot.emit(*found)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Show a hand over what can be pressed, and the tools of the message under the pointer."""
        super().mouseMoveEvent(event)
        at = event.position().toPoint()
        found = self.spot_under(at)
        hand = Qt.CursorShape.PointingHandCursor if found else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(hand)
        self.viewport().setToolTip("")
        if found and found[0].hint:
            from sealwire.ui.desktop.bits import tip

            tip(self.viewport(), found[0].hint)
        self._offer_tools(at)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Take the tools away."""
        if not self._tools.underMouse():
            self._tools.hide()
        super().leaveEvent(event)

    def _offer_tools(self, at: QPoint) -> None:
        index = self.indexAt(at)
        entry = self.timeline.message_at(index.row())
        if entry is None or entry.message.deleted or entry.is_folded:
            self._tools.hide()
            return
        rect = self.visualRect(index)
        bubble = self._lines.laid(index).outline.toRect().translated(rect.topLeft())
        self._tools.show_beside(bubble, entry.message, self.viewport().width())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 - Qt's name
        """Ask for the menu of a message."""
        by_keyboard = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_keyboard else self.indexAt(event.pos())
        self._ask_menu(index)

    def _ask_menu(self, index: QModelIndex) -> None:
        entry = self.timeline.message_at(index.row())
        if entry is not None:
            self.setCurrentIndex(index)
            place = self.visualRect(index).center()
            self.menu_wanted.emit(entry.message, self.viewport().mapToGlobal(place))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter opens the menu of the chosen message; letters go to the composer."""
        if is_enter(event):
            self._ask_menu(self.currentIndex())
            return
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier)
        if plain and event.text() and event.text().isprintable() and event.text() != " ":
            self.typed.emit(event.text())
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Lay out for another width."""
        at_end = self.is_at_end()
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._lines.forget()
            self.scheduleDelayedItemsLayout()
        if at_end:
            self.executeDelayedItemsLayout()
            self.scrollToBottom()


class Tools(QFrame):
    """Three buttons beside the message under the pointer. By keyboard the same is in the message's menu."""

    def __init__(self, view: TimelineView) -> None:
        super().__init__(view.viewport())
        self.setObjectName("card")
        self._view = view
        self._message: Message | None = None
        buttons = [
            icon_button(_("React"), "smile", lambda: self._ask("react"), 16),
            icon_button(_("Reply"), "reply", lambda: self._ask("reply"), 16),
            icon_button(_("More"), "more", self._menu, 16),
        ]
        for button in buttons:
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setLayout(row(*buttons, spacing=0, margin=1))
        self.hide()

    def show_beside(self, bubble: object, message: Message, width: int) -> None:
        """Stand beside a bubble where there is room, else on its upper corner."""
        from PySide6.QtCore import QRect

        around = cast(QRect, bubble)
        self._message = message
        self.adjustSize()
        left, right = around.left() - self.width() - 4, around.right() + 4
        if right + self.width() < width:
            x = right
        elif left > 0:
            x = left
        else:
            x = max(0, min(around.right() - self.width(), width - self.width()))
        self.move(x, max(0, around.top()))
        self.show()
        self.raise_()

    def _ask(self, what: str) -> None:
        if self._message is not None:
            self._view.tool_wanted.emit(what, self._message)

    def _menu(self) -> None:
        if self._message is not None:
            self._view.menu_wanted.emit(self._message, self.mapToGlobal(QPoint(0, self.height())))
