"""Two threads and the only way between them: the client's loop in one, the window in the other.

The window's thread never waits for the network, and the network's never touches a widget. Questions go over as
coroutines, answers and events come back as signals. Events are gathered, so that a burst of thousands costs the window
a few slices of its time between two repaints instead of as many wake-ups.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterable, Callable, Coroutine
from typing import Any, Final, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from sealwire.errors import SealwireError

T = TypeVar("T")

SLICE_S: Final = 0.008
"""Of the window's time for one round of events: half of a frame at 60 Hz stays for painting."""

MAX_WAITING: Final = 2_000
"""Events on their way to the window; past it the stream is read no further until the window has caught up."""

STOP_S: Final = 10.0
"""For the loop to close what is open; it ends with the process anyway."""

logger = logging.getLogger("sealwire.desktop")

Failed = Callable[[SealwireError], None]


class LoopThread:
    """An asyncio loop in a thread of its own."""

    def __init__(self, name: str = "client") -> None:
        # On Windows only this loop can watch ZeroMQ's sockets.
        self.loop = asyncio.SelectorEventLoop() if sys.platform == "win32" else asyncio.new_event_loop()
        self._waiting: set[Coroutine[Any, Any, Any]] = set()
        """Given and not begun: whatever ends first, each is begun or closed."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T], ended: Callable[[asyncio.Task[T]], None] | None = None) -> None:
        """Run a coroutine there; ``ended`` is called there, too. Nothing begins any more once the loop ends."""
        if self._is_ending:
            work.close()
            return
        self._waiting.add(work)
        self.loop.call_soon_threadsafe(self._begin, work, ended)

    def post(self, action: Callable[[], object]) -> None:
        """Call something there, unless the loop ends."""
        if not self._is_ending:
            self.loop.call_soon_threadsafe(action)

    def _begin(self, work: Coroutine[Any, Any, T], ended: Callable[[asyncio.Task[T]], None] | None) -> None:
        self._waiting.discard(work)
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if ended is not None:
            task.add_done_callback(ended)

    def stop(self, last: Coroutine[Any, Any, None] | None = None) -> None:
        """Run ``last``, cancel what is left, end the loop and wait for the thread."""
        if self._is_ending:
            if last is not None:
                last.close()
            return
        self._is_ending = True
        ending = asyncio.run_coroutine_threadsafe(self._end(last), self.loop)
        ending.add_done_callback(lambda _done: self.loop.call_soon_threadsafe(self.loop.stop))
        self._thread.join(STOP_S)
        for work in list(self._waiting):
            work.close()
        if ending.done() and not ending.cancelled() and (error := ending.exception()) is not None:
            logger.error("the client was not closed as it should be", exc_info=error)
        if not self._thread.is_alive():
            self.loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def _end(self, last: Coroutine[Any, Any, None] | None) -> None:
        if last is not None:
            try:
                await asyncio.wait_for(last, STOP_S / 2)
            except (SealwireError, TimeoutError, OSError) as error:
                logger.warning("closing: %s", error)
        own = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() if task is not own]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


class Bridge(QObject):
    """Lives in the window's thread. What it is given to call is called there, and only while its owner exists."""

    happened = Signal(object)
    """One event of a stream that :meth:`follow` reads."""

    _filled = Signal()

    def __init__(self, thread: LoopThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.thread_ = thread
        self._waiting: deque[Callable[[], None]] = deque()
        self._told = False
        self._room: asyncio.Event | None = None
        self._filled.connect(self._drain, Qt.ConnectionType.QueuedConnection)  # in this thread, too, never at once

    # --- questions -------------------------------------------------------------------------------------------

    def ask(
        self,
        owner: QObject,
        question: Coroutine[Any, Any, T],
        done: Callable[[T], None] | None = None,
        failed: Failed | None = None,
    ) -> None:
        """Run ``question`` on the client's loop; its outcome comes back here, unless ``owner`` is gone by then.

        Errors that are not Sealwire's are logged and reach ``failed`` as one that says so.
        """
        self.thread_.submit(question, lambda task: self._answered(owner, task, done, failed))

    def _answered(
        self,
        owner: QObject,
        task: asyncio.Task[T],
        done: Callable[[T], None] | None,
        failed: Failed | None,
    ) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._fail(owner, failed, _as_ours(error))
        elif done is not None:
            result = task.result()
            self.call(lambda: _if_alive(owner, done, result))

    def _fail(self, owner: QObject, failed: Failed | None, error: SealwireError) -> None:
        if failed is None:
            logger.warning("unanswered: %s", error)
        else:
            self.call(lambda: _if_alive(owner, failed, error))

    # --- events ----------------------------------------------------------------------------------------------

    def follow(self, stream: AsyncIterable[Any], ended: Callable[[], None] | None = None) -> None:
        """Emit ``happened`` for each event of a stream of the client's, in order, until it ends."""
        self.thread_.submit(self._follow(stream, ended))

    async def _follow(self, stream: AsyncIterable[Any], ended: Callable[[], None] | None) -> None:
        self._room = asyncio.Event()
        async for event in stream:
            self.call(lambda event=event: self.happened.emit(event))  # type: ignore[misc]
            while len(self._waiting) > MAX_WAITING:
                self._room.clear()
                await self._room.wait()
        if ended is not None:
            self.call(ended)

    # --- the way over ----------------------------------------------------------------------------------------

    def call(self, action: Callable[[], None]) -> None:
        """Run ``action`` in the window's thread, after everything that was given before. Safe in any thread."""
        self._waiting.append(action)
        if not self._told:  # a race tells twice, which is harmless; never not at all
            self._told = True
            self._tell()

    def _tell(self) -> None:
        try:
            self._filled.emit()
        except RuntimeError:
            return  # the window is gone, and with it whoever waited

    @Slot()
    def _drain(self) -> None:
        self._told = False
        until = time.monotonic() + SLICE_S
        try:
            while self._waiting and time.monotonic() < until:
                self._waiting.popleft()()
        finally:  # an action that raises must not hold up those behind it
            if self._waiting:
                self._told = True
                QTimer.singleShot(0, self, self._drain)  # after what the window system has to say
        if not self._waiting and self._room is not None and not self._room.is_set():
            self.thread_.post(self._room.set)


def _if_alive(owner: QObject, action: Callable[[T], None], value: T) -> None:
    if shiboken6.isValid(owner):
        action(value)


def _as_ours(error: BaseException) -> SealwireError:
    """Return an error that the window can say; what is nobody's fault but ours is in the log, too."""
    if isinstance(error, SealwireError):
        return error
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return SealwireError(detail=where + (error.strerror or str(error)))
    logger.error("a question of the window failed", exc_info=error)
    return SealwireError(detail=f"{type(error).__name__}: {error}")
