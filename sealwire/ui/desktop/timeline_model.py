"""The lines of a conversation as Qt's views want them: a list whose changes are told as narrowly as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from sealwire.ui.desktop.canvas import Cell
from sealwire.ui.views import timeline
from sealwire.ui.views.timeline import Entry, Item, NoticeLine, Reader

CELL: Final = int(Qt.ItemDataRole.UserRole)

Index = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


def cells(items: Sequence[Item], in_group: bool) -> list[Cell]:
    """Return the lines with what their neighbours make of them."""
    return [
        Cell(item, _closes(item, items[at + 1] if at + 1 < len(items) else None), in_group)
        for at, item in enumerate(items)
    ]


def _closes(item: Item, after: Item | None) -> bool:
    if not isinstance(item, Entry) or not isinstance(after, Entry):
        return True
    return after.is_first or after.message.sender != item.message.sender


class TimelineModel(QAbstractListModel):
    """The window over one conversation. It holds what the views decided, and nothing else."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cells: list[Cell] = []
        self._own = ""
        self._reader = Reader(0)

    def show_items(self, items: Sequence[Item], own: str, reader: Reader, in_group: bool) -> None:
        """Show these lines; only what differs from those shown before is told to the views."""
        self._own, self._reader = own, reader
        after = cells(items, in_group)
        self._align(after)
        head = _common(self._cells, after)
        tail = _common(self._cells[head:][::-1], after[head:][::-1])
        self._replace(head, len(self._cells) - head - tail, after, len(after) - head - tail)

    def _align(self, after: list[Cell]) -> None:
        """Let lines go or come where the window moved, so that those in both keep their places in the view."""
        before = self._cells
        head = _common(before, after)
        old = [_id(cell) for cell in before[head:]]
        new = [_id(cell) for cell in after[head:]]
        first_old, first_new = _first(old), _first(new)
        if first_old is None or first_new is None or first_old == first_new:
            return
        if first_new in old:
            self._remove(head, old.index(first_new) - new.index(first_new))
        elif first_old in new:
            count = new.index(first_old) - old.index(first_old)
            self._insert(head, after[head : head + max(0, count)])

    def _replace(self, head: int, old: int, after: list[Cell], new: int) -> None:
        """Put ``after`` in place: from ``head`` on ``old`` lines go and ``new`` ones come."""
        changed = min(old, new)
        for row in range(head, head + changed):
            if self._cells[row] != after[row]:
                self._cells[row] = after[row]
                self.dataChanged.emit(self.index(row), self.index(row))
        self._insert(head + changed, after[head + changed : head + new])
        self._remove(head + changed, old - changed)

    def _insert(self, at: int, fresh: list[Cell]) -> None:
        if fresh:
            self.beginInsertRows(_NOWHERE, at, at + len(fresh) - 1)
            self._cells[at:at] = fresh
            self.endInsertRows()

    def _remove(self, at: int, count: int) -> None:
        if count > 0:
            self.beginRemoveRows(_NOWHERE, at, at + count - 1)
            del self._cells[at : at + count]
            self.endRemoveRows()

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self._cells = []
        self.endResetModel()

    def cell(self, row: int) -> Cell:
        """Return a line."""
        return self._cells[row]

    def message_at(self, row: int) -> Entry | None:
        """Return the message in a line, None for the others."""
        item = self._cells[row].item if 0 <= row < len(self._cells) else None
        return item if isinstance(item, Entry) else None

    def row_of(self, message_id: str) -> int | None:
        """Return where a message stands; searched from the end."""
        for row in range(len(self._cells) - 1, -1, -1):
            if _id(self._cells[row]) == message_id:
                return row
        return None

    def said_at(self, row: int) -> int:
        """Return when the first message at or after a line was said, 0 when there is none."""
        for cell in self._cells[row : row + 3]:
            item = cell.item
            message = item.message if isinstance(item, Entry | NoticeLine) else None
            if message is not None:
                return message.sent_at_ms
        return 0

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        """How many lines."""
        return 0 if parent.isValid() else len(self._cells)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """The line itself, or its sentence."""
        if not index.isValid() or index.row() >= len(self._cells):
            return None
        cell = self._cells[index.row()]
        if role == CELL:
            return cell
        if role in (int(Qt.ItemDataRole.DisplayRole), int(Qt.ItemDataRole.AccessibleTextRole)):
            return timeline.sentence(cell.item, self._own, self._reader)
        return None


def _id(cell: Cell) -> str | None:
    item = cell.item
    message = item.message if isinstance(item, Entry | NoticeLine) else None
    return message.id if message is not None else None


def _first(ids: Sequence[str | None]) -> str | None:
    return next((one for one in ids if one is not None), None)


def _common(one: Sequence[Cell], other: Sequence[Cell]) -> int:
    """Return how many lines two lists have in common at their beginning."""
    count = 0
    for left, right in zip(one, other):
        if left != right:
            break
        count += 1
    return count
