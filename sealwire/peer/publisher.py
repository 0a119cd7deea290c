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
from sealwire.peer.events import STATE_RANK, Delivery, Event, Ready

MAX_BACKLOG: Final = 5_000
"""Events a slow reader may leave unread: past this nothing more is taken from the network until it catches up."""

Found = asyncio.Future[SealwireError | None]
Reached = asyncio.Future[Delivery]


class Publisher:
    """Publishes committed events; ``wake`` is called when a reader that lagged has caught up."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._early: deque[Event] = deque()
        self._first: deque[Event] | None = None
        self._others: list[deque[Event]] = []
        self._ready: Ready | None = None
        self._closed = False
        self._news = asyncio.Event()
        self._waiting: dict[str, list[tuple[int, Reached]]] = {}
        self._looking: dict[str, list[Found]] = {}
        self._tickets: dict[int, Found] = {}

    def publish(self, event: Event) -> None:
        """Tell everyone."""
        if isinstance(event, Ready):
            self._ready = event
        if self._first is not None:
            self._first.append(event)
        else:
            self._early.append(event)
            if len(self._early) > MAX_BACKLOG:
                self._early.popleft()  # nobody reads here: the history has the messages
        for stream in self._others:
            stream.append(event)
        self._others = [stream for stream in self._others if len(stream) <= MAX_BACKLOG]
        self._ring()
        if isinstance(event, Delivery):
            for rank, future in self._waiting.get(event.id, []):
                if STATE_RANK[event.state] >= rank and not future.done():
                    future.set_result(event)

    def _ring(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def lags(self) -> bool:
        """Whether the first reader is so far behind that nothing more should be taken in."""
        return self._first is not None and len(self._first) > MAX_BACKLOG

    async def events(self) -> AsyncIterator[Event]:
        """Every event for the first reader, from the start on; ``ready`` and what happens from now on for every other.

        It ends after :meth:`close`. Whoever comes second and does not read ends too: a script that was stopped must
        not stop the peer. The first reader is waited for.
        """
        if self._first is None:
            stream = self._first = self._early
            self._early = deque()
        else:
            stream = deque([self._ready] if self._ready is not None else [])
            self._others.append(stream)
        try:
            while True:
                while stream:
                    event = stream.popleft()
                    if stream is self._first and len(stream) == MAX_BACKLOG:
                        self._wake()
                    yield event
                if self._closed or not self._is_listening(stream):
                    return
                await self._news.wait()
        finally:
            self._forget(stream)

    def _is_listening(self, stream: deque[Event]) -> bool:
        return stream is self._first or any(other is stream for other in self._others)

    def _forget(self, stream: deque[Event]) -> None:
        if stream is self._first:
            self._first = None
            self._wake()  # nobody lags any more
        self._others = [other for other in self._others if other is not stream]

    async def news(self, timeout_s: float) -> None:
        """Wait for the next event, but not longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.001, timeout_s)):  # wait_for swallows a cancellation that news overtakes
                await self._news.wait()

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

    def awaiting(self, ticket: int) -> Found:
        """A future of what becomes of an entry of ours: None, or the error that says why it was not taken."""
        future: Found = asyncio.get_running_loop().create_future()
        self._tickets[ticket] = future
        return future

    def answer(self, ticket: int, error: SealwireError | None) -> None:
        """An entry was taken, or cannot be."""
        future = self._tickets.pop(ticket, None)
        if future is not None and not future.done():
            future.set_result(error)

    def found(self, name: str, error: SealwireError | None) -> None:
        """The directory answered."""
        for future in self._looking.pop(name, []):
            if not future.done():
                future.set_result(error)
