"""First meetings: those who write to a name while it is looked up stand in line, so that nobody overtakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Meetings:
    """One line per name, forgotten when it is empty."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def with_(self, name: str) -> AsyncIterator[None]:
        """Take a place in the line of ``name``; with nobody before, at once and without giving way."""
        lock, count = self._lines.get(name) or (asyncio.Lock(), 0)
        self._lines[name] = (lock, count + 1)
        try:
            async with lock:
                yield
        finally:
            lock, count = self._lines.pop(name)
            if count > 1:
                self._lines[name] = (lock, count - 1)
