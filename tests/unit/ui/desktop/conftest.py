"""A screen that nobody sees, and a stage on it."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QApplication, QWidget

from sealwire.testing.sample import sample_client
from sealwire.testing.stage import StageClient
from sealwire.ui.desktop import app as desktop
from sealwire.ui.desktop.bridge import Bridge, LoopThread
from sealwire.ui.desktop.pictures import Pictures
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.station import Station
from sealwire.ui.desktop.theme import look


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """pytest-qt's application is ours, as at a real start."""
    return desktop.application()


PLAIN = Preferences(theme="light")


@pytest.fixture(autouse=True)
def plain_look(qapp: QApplication) -> Iterator[None]:
    """Every test begins with the defaults."""
    if qapp.layoutDirection() != Qt.LayoutDirection.LeftToRight:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    QLocale.setDefault(QLocale("en_150"))
    if look()._preferences != PLAIN:
        look().apply(PLAIN)
    yield
    QApplication.processEvents()


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    """The client's loop. A widget freed in its thread ends the process: as in the program, only this one collects."""
    gc.disable()
    gc.freeze()  # what was there before need not be looked at at the end of each of hundreds of tests
    made = LoopThread()
    yield made
    made.stop()
    gc.collect()
    gc.enable()


@pytest.fixture
def bridge(thread: LoopThread) -> Bridge:
    """The way between the threads."""
    return Bridge(thread)


@pytest.fixture
def client() -> StageClient:
    """Alice with two days of talk."""
    made = sample_client()
    made.begin()
    return made


@pytest.fixture
def station(client: StageClient, bridge: Bridge, qtbot: Any) -> Station:
    """Alice's desk, with everything read."""
    made = Station(client, bridge)
    made.begin()
    qtbot.waitUntil(lambda: len(made.desk.chats) >= 5)
    return made


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    """Decoded pictures."""
    made = Pictures()
    yield made
    made.stop()


@pytest.fixture
def opened(station: Station, qtbot: Any) -> Callable[[str], None]:
    """Opens a conversation and waits until it is."""

    def open_chat(conversation: str) -> None:
        with qtbot.waitSignal(station.opened):
            station.open(conversation)

    return open_chat


@pytest.fixture
def answered(station: Station, thread: LoopThread, bridge: Bridge, qtbot: Any) -> Callable[[], None]:
    """Waits until all that a widget asked is answered, and what it asked upon that."""
    for_ever = asyncio.all_tasks(thread.loop)

    def wait() -> None:
        for _ in range(3):
            begun: list[None] = []
            bridge.ask(bridge, asyncio.sleep(0), begun.append)  # it comes behind all that was asked before
            qtbot.waitUntil(lambda begun=begun: bool(begun) and asyncio.all_tasks(thread.loop) <= for_ever)
            QApplication.processEvents()

    return wait


@pytest.fixture
def shown(qtbot: Any) -> Callable[[QWidget], QWidget]:
    """Shows a widget and forgets it at the end."""

    def show(widget: QWidget) -> QWidget:
        qtbot.addWidget(widget)
        widget.show()
        qtbot.waitExposed(widget)
        return widget

    return show


@pytest.fixture
def on_loop(thread: LoopThread) -> Callable[..., None]:
    """Calls something in the client's thread, where clients live."""

    def call(action: Callable[..., Any], *words: Any, **more: Any) -> None:
        thread.loop.call_soon_threadsafe(partial(action, *words, **more))

    return call
