"""Being told to stop: by Ctrl+C, by a service manager, by a terminal that closes. At any moment, and cleanly.

``cli.start`` holds these signals back before it imports anything that takes time. They are heeded once it is known
what they should do, so that none can fall into a gap between two ways of handling them.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Windows has no SIGHUP."""


@contextlib.contextmanager
def interrupting() -> Iterator[None]:
    """Inside, being told to stop raises KeyboardInterrupt wherever the program is."""
    with kept():
        handle(_interrupt)
        yield


def handle(told: Callable[[int, FrameType | None], object]) -> None:
    """Call ``told`` from now on; a hang-up that the caller of this program ignores (nohup) stays ignored."""
    for number in STOPS:
        if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, told)
    _mask("SIG_UNBLOCK", STOPS)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """What handles the signals now, or holds them back, does so again at the end, without a gap."""
    mask = _mask("SIG_BLOCK", ())
    handlers = {number: signal.getsignal(number) for number in STOPS}
    try:
        yield
    finally:
        hold()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        _mask("SIG_SETMASK", mask)


def hold() -> None:
    """Keep signals waiting until somebody handles them, or puts back what was before."""
    _mask("SIG_BLOCK", STOPS)


def _mask(how: str, signals: Iterable[int]) -> Iterable[int]:
    change: Any = getattr(signal, "pthread_sigmask", None)  # Windows has none: there they are heeded at once
    return () if change is None else change(getattr(signal, how), signals)
