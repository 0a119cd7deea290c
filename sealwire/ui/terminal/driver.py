"""The terminal behind the screen, which may go away: its window is closed, its connection breaks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import IO, Any

from textual.driver import Driver


class Lasting:
    """What is written to a terminal; after the first failure it goes nowhere, and ``gone`` has been called.

    Without it, the thread that writes dies of the error, and whoever wants to write next waits for it for ever.
    """

    def __init__(self, file: IO[str], gone: Callable[[], object]) -> None:
        self._file = file
        self._gone = gone
        self._device = os.fstat(file.fileno()).st_rdev

    def write(self, text: str) -> int:
        """Write as long as somebody is there."""
        self._attempt(lambda: self._file.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush as long as somebody is there."""
        self._attempt(self._file.flush)

    def fileno(self) -> int:
        """Of the file itself."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal still."""
        return self._file.isatty()

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError:
            self._let_go()
            self._gone()

    def _let_go(self) -> None:
        """What is buffered, and what is said at the end, would fail again and spoil the exit code."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for number in (1, 2, self._file.fileno()):
            if os.fstat(number).st_rdev == self._device:
                os.dup2(nowhere, number)
        os.close(nowhere)


def lasting(base: type[Driver]) -> type[Driver]:
    """Return the driver whose app ends, in order, when its terminal is gone."""

    class LastingDriver(base):  # type: ignore[valid-type, misc]
        _file: Any

        def __init__(self, app: Any, **options: Any) -> None:
            super().__init__(app, **options)
            self._file = Lasting(self._file, lambda: self._loop.call_soon_threadsafe(app.exit, 0))

    return LastingDriver if sys.platform != "win32" else base
