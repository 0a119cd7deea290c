"""What a person asked for, one after the other: what is sent first is stored first, what is opened last stays open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sealwire.errors import SealwireError

Job = Callable[[], Awaitable[object]]
Fail = Callable[[SealwireError], None]


class Jobs:
    """A line of things to do; its errors are said, and the next one follows."""

    def __init__(self, fail: Fail) -> None:
        self._fail = fail
        self._waiting: asyncio.Queue[Job] = asyncio.Queue()

    def add(self, job: Job) -> None:
        """Carry this out after everything added before."""
        self._waiting.put_nowait(job)

    def __len__(self) -> int:
        return self._waiting.qsize()

    async def run(self) -> None:
        """Carry out until cancelled."""
        while True:
            job = await self._waiting.get()
            await guarded(job(), self._fail)


async def guarded(job: Awaitable[object], fail: Fail) -> None:
    """Carry out one thing; an error of ours is said."""
    try:
        await job
    except SealwireError as error:
        fail(error)
