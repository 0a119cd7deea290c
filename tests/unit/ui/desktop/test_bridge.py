"""Between the two threads nothing is lost, nothing overtakes, and nobody waits."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from sealwire.errors import SealwireError, UnknownPeerError
from sealwire.ui.desktop.bridge import MAX_WAITING, SLICE_S, Bridge, LoopThread

SOAK = 5_000


class Emitter(QObject):
    told = Signal(object, bool)


def test_five_thousand_signals_from_another_thread_arrive(qtbot: Any, qapp: Any) -> None:
    """A Qt for Python that drops a reference at each emit ends the process within 600 of them."""
    emitter, seen = Emitter(), []
    emitter.told.connect(lambda number, _flag: seen.append(number))

    def emit() -> None:
        for number in range(SOAK):
            emitter.told.emit(number, True)

    sender = threading.Thread(target=emit)
    sender.start()
    qtbot.waitUntil(lambda: len(seen) == SOAK, timeout=20_000)
    sender.join()
    assert seen == list(range(SOAK))


def test_five_thousand_events_of_a_stream_arrive_in_order(qtbot: Any, bridge: Bridge) -> None:
    seen: list[int] = []
    bridge.happened.connect(seen.append)
    ended: list[bool] = []

    async def stream() -> AsyncIterator[int]:
        for number in range(SOAK):
            yield number

    bridge.follow(stream(), lambda: ended.append(True))
    qtbot.waitUntil(lambda: bool(ended), timeout=20_000)
    assert seen == list(range(SOAK))


def test_a_burst_leaves_the_window_its_time(qtbot: Any, bridge: Bridge) -> None:
    """Each event costs a millisecond; timers of the window run in between all the same."""
    done: list[int] = []
    ticks: list[int] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(len(done)))
    timer.start(0)

    def slow(number: int) -> None:
        until = time.perf_counter() + 0.001
        while time.perf_counter() < until:
            pass
        done.append(number)

    for number in range(200):
        bridge.call(lambda number=number: slow(number))
    qtbot.waitUntil(lambda: len(done) == 200)
    steps = [later - earlier for earlier, later in itertools.pairwise(ticks) if later > earlier]
    assert len(steps) > 5
    assert max(steps) <= SLICE_S / 0.001 + 1


def test_a_window_that_does_not_look_holds_the_stream_up(qtbot: Any, bridge: Bridge) -> None:
    taken = 0

    async def stream() -> AsyncIterator[int]:
        nonlocal taken
        for number in range(MAX_WAITING * 3):
            taken = number
            yield number

    seen: list[int] = []
    bridge.happened.connect(seen.append)
    bridge.follow(stream())
    deadline = time.monotonic() + 10
    while taken < MAX_WAITING and time.monotonic() < deadline:
        threading.Event().wait(0.01)  # the window's loop does not run meanwhile
    threading.Event().wait(0.05)
    assert taken <= MAX_WAITING + 2
    qtbot.waitUntil(lambda: len(seen) == MAX_WAITING * 3, timeout=20_000)
    assert seen == list(range(MAX_WAITING * 3))


def test_an_answer_comes_back_in_the_windows_thread(qtbot: Any, bridge: Bridge) -> None:
    here, where = threading.get_ident(), []

    async def question() -> int:
        where.append(threading.get_ident())
        return 42

    answers: list[tuple[int, int]] = []
    bridge.ask(bridge, question(), lambda value: answers.append((value, threading.get_ident())))
    qtbot.waitUntil(lambda: bool(answers))
    assert answers == [(42, here)]
    assert where != [here]


@pytest.mark.parametrize(
    "raised", [UnknownPeerError(name="bob"), FileNotFoundError(2, "No such file", "x.png"), KeyError("x")]
)
def test_every_failure_comes_back_as_a_sentence(qtbot: Any, bridge: Bridge, raised: Exception, caplog: Any) -> None:
    async def question() -> None:
        raise raised

    failures: list[SealwireError] = []
    bridge.ask(bridge, question(), None, failures.append)
    qtbot.waitUntil(lambda: bool(failures))
    assert str(failures[0])


class Painted(QWidget):
    """Counts how often it is painted."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def paintEvent(self, event: object) -> None:
        self.count += 1


def test_a_clients_thread_that_stands_still_blocks_no_repaint(qtbot: Any, bridge: Bridge) -> None:
    widget, done = Painted(), []
    qtbot.addWidget(widget)
    widget.show()
    timer = QTimer()
    timer.timeout.connect(widget.update)
    timer.start(5)

    async def stuck() -> int:
        ends = time.monotonic() + 15
        while widget.count - began <= 8 and time.monotonic() < ends:
            time.sleep(0.005)  # the loop of this thread stands still until the window was painted eight times more
        return widget.count

    began = widget.count
    bridge.ask(bridge, stuck(), done.append)
    qtbot.waitUntil(lambda: bool(done), timeout=20_000)
    assert done[0] - began > 8


def test_nobody_is_called_who_is_gone(qtbot: Any, bridge: Bridge, qapp: Any) -> None:
    import shiboken6

    owner, called = QObject(), []
    go = asyncio.Event()

    async def question() -> int:
        await go.wait()
        return 1

    bridge.ask(owner, question(), called.append)
    shiboken6.delete(owner)
    bridge.thread_.loop.call_soon_threadsafe(go.set)
    after: list[int] = []

    async def later() -> int:
        return 2

    bridge.ask(bridge, later(), after.append)
    qtbot.waitUntil(lambda: bool(after))
    QCoreApplication.processEvents()
    assert called == []


def test_an_action_that_raises_does_not_hold_up_the_rest(qtbot: Any, bridge: Bridge) -> None:
    seen: list[int] = []

    def fail() -> None:
        raise RuntimeError("mine")

    with qtbot.capture_exceptions() as caught:
        bridge.call(fail)
        bridge.call(lambda: seen.append(1))
        qtbot.waitUntil(lambda: seen == [1])
    assert [str(one[1]) for one in caught] == ["mine"]


def test_the_loop_ends_with_what_is_still_open() -> None:
    thread = LoopThread()
    state: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            state.append("cancelled")

    async def last() -> None:
        state.append("closed")

    thread.submit(forever())
    thread.stop(last())
    assert state == ["closed", "cancelled"]
    assert thread.loop.is_closed()
    thread.stop()


def test_an_end_that_fails_is_written_down(caplog: Any) -> None:
    async def failing() -> None:
        raise RuntimeError("not closed")

    LoopThread().stop(failing())
    assert "not closed as it should be" in caplog.text
    assert "RuntimeError: not closed" in caplog.text
