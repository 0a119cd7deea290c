"""The demonstration as a window plays it: a real broker, two real peers, and what that broker has of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from msgspec import Struct

from sealwire.peer.api import FullClient


class Sight(Struct, frozen=True):
    """One frame as the broker's own process showed it. There is nothing else it has."""

    at_ms: int
    verb: str
    """The name of protocol.md §3, such as SEND (taken in, and stored) or DELIVER (handed to its recipient)."""
    mailbox: str
    """16 bytes in hex, or the empty text where the frame names none."""
    content: bytes
    """Everything in it: of a message, the envelope as it is stored."""


class DemoStage(Protocol):
    """Everything in a temporary folder, with keys that nobody keeps; ``cli`` implements it.

    Raises:
        SealwireError: a process ended early, or something did not happen in time.
    """

    address: str
    """Where the broker listens, once :meth:`begin` returned."""

    async def begin(self) -> None:
        """Start the broker."""

    def sights(self) -> AsyncIterator[Sight]:
        """What the broker sees, from its start to its end."""

    async def peer(self, name: str, progress: Callable[[str], None]) -> FullClient:
        """Open the profile of this name, made on its first start, and start its client."""

    async def close(self) -> None:
        """End the broker and delete everything; clients are closed by whoever opened them."""
