"""How far the messages of others have been written out."""

from __future__ import annotations

import asyncio

from sealwire.peer.api import ClientApi
from sealwire.peer.events import Message

_GATHER_S = 0.05
"""A burst of messages becomes one commit; a crash in between repeats them, which "at least once" allows."""


class ReadMarker:
    """Remembers the last row written and tells the client after a moment."""

    def __init__(self, client: ClientApi) -> None:
        self._client = client
        self._begun = 0
        self._row = 0
        self._marked = 0
        self._wake = asyncio.Event()

    def is_new(self, message: Message) -> bool:
        """Whether this message is not on its way out yet (it may be the event of one that ``unread`` returned)."""
        return message.row == 0 or message.row > self._begun

    def begins(self, message: Message) -> None:
        """The message is on its way out of this process."""
        self._begun = max(self._begun, message.row)

    def wrote(self, message: Message) -> None:
        """The message has left this process."""
        self.begins(message)
        self._row = max(self._row, message.row)
        self._wake.set()

    async def run(self) -> None:
        """Mark until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(_GATHER_S)
            await self.flush()

    async def flush(self) -> None:
        """Mark now; called once more at the end."""
        if self._row > self._marked:
            row = self._row
            await self._client.mark_read(row)
            self._marked = row
