"""Python's collector of cycles, kept to the window's thread.

It runs in whichever thread happens to allocate, and what it frees dies there: a widget freed in the client's thread
ends the process. So it is switched off, and the window's own timer does its work by the same thresholds.
"""

from __future__ import annotations

import gc
from typing import Final

from PySide6.QtCore import QObject, QTimer

EVERY_MS: Final = 500
FULL_EVERY: Final = 40
"""Middle collections for each full one, which looks at everything and takes longest."""


class Sweeper(QObject):
    """Collects while it exists; then Python does again."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._young, self._middle, _old = gc.get_threshold()
        self._count = 0
        gc.freeze()  # what start-up made stays to the end and need not be looked at again
        gc.disable()
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.sweep)
        self._timer.start()

    def sweep(self) -> None:
        """Collect what is due."""
        young, middle, _old = gc.get_count()
        if young <= self._young:
            return
        self._count += 1
        if self._count % FULL_EVERY == 0:
            gc.collect(2)
        else:
            gc.collect(1 if middle > self._middle else 0)

    def stop(self) -> None:
        """Give the work back."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()
