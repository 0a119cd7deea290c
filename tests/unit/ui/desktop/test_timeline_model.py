"""The model tells its views no more than what changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from sealwire.peer.events import Message
from sealwire.ui.desktop.timeline_model import TimelineModel, cells
from sealwire.ui.views.timeline import DayLine, Entry, Item, Reader, UnreadLine

READER = Reader(1_790_000_000_000)


def entry(number: int, text: str = "", sender: str = "bob", first: bool = True) -> Entry:
    message = Message(f"{number:032x}", "bob", sender, text or f"text {number}", 1_790_000_000_000, True, row=number)
    return Entry(message, sender, sender == "alice", first, "12:00")


def shown(model: TimelineModel) -> list[Item]:
    return [model.cell(row).item for row in range(model.rowCount())]


class Ear:
    """What a view would hear."""

    def __init__(self, model: TimelineModel) -> None:
        self.heard: list[tuple[str, int, int]] = []
        model.rowsInserted.connect(lambda _p, first, last: self.heard.append(("in", first, last)))
        model.rowsRemoved.connect(lambda _p, first, last: self.heard.append(("out", first, last)))
        model.dataChanged.connect(lambda first, last: self.heard.append(("new", first.row(), last.row())))
        model.modelReset.connect(lambda: self.heard.append(("reset", 0, 0)))


@pytest.fixture
def model(qapp: Any) -> TimelineModel:
    return TimelineModel()


def show(model: TimelineModel, *items: Item) -> None:
    model.show_items(items, "alice", READER, False)


def test_a_message_at_the_end_is_one_row(model: TimelineModel) -> None:
    old = [DayLine("Today"), *(entry(n) for n in range(1, 300))]
    show(model, *old)
    ear = Ear(model)
    show(model, *old, entry(300))
    assert ear.heard == [("in", 300, 300)]


def test_a_change_of_one_message_is_one_row(model: TimelineModel) -> None:
    old = [entry(n) for n in range(1, 300)]
    show(model, *old)
    ear = Ear(model)
    show(model, *old[:10], entry(11, "edited"), *old[11:])
    assert ear.heard == [("new", 10, 10)]


def test_a_page_before_the_first_is_put_in_front(model: TimelineModel) -> None:
    day, old = DayLine("Today"), [entry(n) for n in range(101, 301)]
    show(model, day, *old)
    ear = Ear(model)
    show(model, day, *(entry(n) for n in range(1, 101)), *old)
    assert ear.heard == [("in", 1, 100)]


def test_a_window_that_moves_lets_rows_go_and_come(model: TimelineModel) -> None:
    day, rows = DayLine("Today"), [entry(n) for n in range(1, 501)]
    show(model, day, *rows[:400])
    ear = Ear(model)
    show(model, day, *rows[100:500])
    assert ear.heard == [("out", 1, 100), ("in", 301, 400)]
    ear.heard.clear()
    show(model, day, *rows[:400])
    assert ear.heard == [("in", 1, 100), ("out", 401, 500)]


def test_the_last_of_a_run_closes_it() -> None:
    made = cells(
        [entry(1), entry(2, first=False), entry(3, sender="alice"), DayLine("x"), entry(4, sender="alice")], False
    )
    assert [cell.closes for cell in made] == [False, True, True, True, True]


def test_a_row_is_spoken_as_one_sentence(model: TimelineModel) -> None:
    show(model, DayLine("Today"), entry(1, "Hello"))
    role = int(Qt.ItemDataRole.AccessibleTextRole)
    assert model.data(model.index(0), role) == "Today"
    assert "bob" in model.data(model.index(1), role)
    assert "Hello" in model.data(model.index(1), role)
    assert model.data(model.index(7), role) is None


def test_messages_are_found_by_their_id(model: TimelineModel) -> None:
    show(model, DayLine("Today"), entry(1), entry(2))
    assert model.row_of(f"{2:032x}") == 2
    assert model.row_of("0" * 32) is None
    assert model.message_at(0) is None
    assert model.message_at(-1) is None
    assert model.said_at(0) == 1_790_000_000_000


ITEMS = st.lists(
    st.one_of(
        st.builds(lambda n, t: entry(n, t), st.integers(1, 12), st.sampled_from(["a", "b"])),
        st.sampled_from([DayLine("one"), DayLine("two"), UnreadLine("new", 1)]),
    ),
    max_size=14,
    unique_by=lambda item: item.message.id if isinstance(item, Entry) else repr(item),
)


@given(ITEMS, ITEMS, ITEMS)
def test_whatever_is_shown_is_shown(one: list[Item], two: list[Item], three: list[Item]) -> None:
    model = TimelineModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    for items in (one, two, three, one):
        show(model, *items)
        assert shown(model) == items
    assert tester is not None
