"""The window's program with somebody who looks at what is painted, for ``benchmarks.load.window``.

Each answer is a line of JSON on standard output.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSocketNotifier, QTimer

from benchmarks.load.window import BEGAN
from sealwire.ui.desktop.desktop import Desktop


class Painted(QObject):
    """Calls once what waits for a paint, when that is over."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.waits: list[Callable[[], bool]] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Paint and self.waits:
            QTimer.singleShot(0, self._look)
        return False

    def _look(self) -> None:
        self.waits = [wait for wait in self.waits if not wait()]


class Watched(Desktop):
    """The window's program, and questions about it on standard input."""

    def _opened(self, client: Any, remembered: Any) -> None:
        super()._opened(client, remembered)
        window = self.window
        assert window is not None
        self.model, self.began = window.pane.view.timeline, (0.0, 0.0)
        self.painted = Painted(self)
        for area in (window.sidebar.list.viewport(), window.pane.view.viewport()):
            area.installEventFilter(self.painted)
        self.painted.waits.append(self._usable)
        self.questions = QSocketNotifier(0, QSocketNotifier.Type.Read, self)
        self.questions.activated.connect(lambda *_any: self._asked())
        self.given = 0.0
        window.station.bridge.happened.connect(self._given)

    def _usable(self) -> bool:
        window = self.window
        if window is None or len(window.station.desk.chats) < 20:
            return False
        self._say(took=time.monotonic() - float(os.environ[BEGAN]), cpu=time.process_time())
        return True

    def _asked(self) -> None:
        line = sys.stdin.readline()
        if not line:
            self.questions.setEnabled(False)
            self.end()
            return
        question = json.loads(line)
        self.began = (time.monotonic(), time.process_time())
        assert self.window is not None
        if "open" in question:
            self.painted.waits.append(lambda: self._switched(question["open"]))
            self.window.open(question["open"])
        else:
            self.painted.waits.append(lambda: self._arrived(question["wait"]))
            self._say()

    def _switched(self, place: str) -> bool:
        assert self.window is not None
        if self.window.station.place != place or not self._newest():
            return False
        self._say(took=time.monotonic() - self.began[0], cpu=time.process_time() - self.began[1])
        return True

    def _given(self, event: object) -> None:
        if getattr(event, "text", "").startswith("arrival"):
            self.given = time.monotonic()

    def _arrived(self, text: str) -> bool:
        if self._newest() != text:
            return False
        now = time.monotonic()
        self._say(at=now, took=now - self.given, cpu=time.process_time() - self.began[1])
        return True

    def _newest(self) -> str:
        found = self.model.message_at(self.model.rowCount() - 1) if self.model.rowCount() else None
        return found.message.text if found is not None else ""

    def _say(self, **figures: float) -> None:
        print(json.dumps(figures), flush=True)
