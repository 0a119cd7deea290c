"""Who hears what a turn brought: the one event stream, and those who wait for a state or a name.

Source: protocol.md §5.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

from sealwire.errors import SealwireError
from sealwire.peer.events import STATE_RANK, Delivery, Event

MAX_BACKLOG: Final = 5_000
"""Events a slow reader may leave unread: past this nothing more is taken from the network until it catches up."""

Found = asyncio.Future[SealwireError | None]
Reached = asyncio.Future[Delivery]


class Publisher:
    """Publishes committed events; ``wake`` is called when a reader that lagged has caught up."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._stream: deque[Event] = deque()
        self._listening = self._closed = False
        self._news = asyncio.Event()
        self._waiting: dict[str, list[tuple[int, Reached]]] = {}
        self._looking: dict[str, list[Found]] = {}

    def publish(self, event: Event) -> None:
        """Tell everyone."""
        self._stream.append(event)
        if not self._listening and len(self._stream) > MAX_BACKLOG:
            self._stream.popleft()  # nobody reads here: the history has the messages
        self._ring()
        if isinstance(event, Delivery):
            for rank, future in self._waiting.get(event.id, []):
                if STATE_RANK[event.state] >= rank and not future.done():
                    future.set_result(event)

    def _ring(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def lags(self) -> bool:
        """Whether the reader is so far behind that nothing more should be taken in."""
        return self._listening and len(self._stream) > MAX_BACKLOG

    async def events(self) -> AsyncIterator[Event]:
        """Every event from the start on, for one reader; ends after :meth:`close`."""
        self._listening = True
        while True:
            while self._stream:
                event = self._stream.popleft()
                if len(self._stream) == MAX_BACKLOG:
                    self._wake()
                yield event
            if self._closed:
                return
            await self._news.wait()

    async def news(self, timeout_s: float) -> None:
        """Wait for the next event, but not longer than this."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._news.wait(), max(0.001, timeout_s))

    def close(self) -> None:
        """Let the reader finish."""
        self._closed = True
        self._ring()

    # --- those who wait ---

    def reached(self, message_id: str, rank: int) -> Reached:
        """A future of the event that takes a message to this state or past it. Give it back to :meth:`forget`."""
        future: Reached = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(message_id, []).append((rank, future))
        return future

    def forget(self, message_id: str, future: Reached) -> None:
        """The waiting is over."""
        left = [entry for entry in self._waiting.pop(message_id, []) if entry[1] is not future]
        if left:
            self._waiting[message_id] = left
        future.cancel()

    def refuse(self, failure: SealwireError) -> None:
        """A refused login or a wrong key does not mend by waiting: those who wait hear of it at once."""
        for waiting in self._waiting.values():
            for _, future in waiting:
                if not future.done():
                    future.set_exception(failure)

    def looking_for(self, name: str) -> Found:
        """A future of the directory's answer about a name: None, or the error that says why it is not known."""
        future: Found = asyncio.get_running_loop().create_future()
        self._looking.setdefault(name, []).append(future)
        return future

    def found(self, name: str, error: SealwireError | None) -> None:
        """The directory answered."""
        for future in self._looking.pop(name, []):
            if not future.done():
                future.set_result(error)
