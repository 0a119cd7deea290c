"""Texts that were sent and are not stored yet: when the window ends in between, they are drafts again. No Qt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from sealwire.errors import SealwireError
from sealwire.peer.api import FullClient

T = TypeVar("T")

LAST_S: Final = 2.0
"""For what is being stored when the window ends: somebody new may still be looked for in the directory."""


class Leaving:
    """Texts on their way into the store. Lives in the client's loop."""

    def __init__(self, client: FullClient) -> None:
        self._client = client
        self._under_way: dict[asyncio.Task[object] | None, tuple[str, str]] = {}
        self._refused: list[tuple[str, str]] = []
        self._is_ending = False

    async def through(self, place: str, text: str, sending: Awaitable[T]) -> T:
        """Store a message to a conversation; raises what that raises."""
        task = asyncio.current_task()
        self._under_way[task] = (place, text)
        try:
            sent = await sending
        except SealwireError:
            if self._is_ending:  # before, the window takes the text back
                self._refused.append(self._under_way[task])
            del self._under_way[task]
            raise
        del self._under_way[task]
        return sent

    async def settle(self) -> None:
        """Let everything arrive, for a while; keep the rest as drafts, before what is written there.

        Raises:
            SealwireError: the profile cannot be written.
        """
        self._is_ending = True
        tasks = [task for task in self._under_way if task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_S)
        for place, text in [*self._refused, *self._under_way.values()]:
            draft = await self._client.talk.draft(place)
            await self._client.talk.set_draft(place, "\n".join(filter(None, (text, draft))))
