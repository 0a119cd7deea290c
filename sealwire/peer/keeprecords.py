"""What the database answers about keeping and dropping messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sealwire.ids import Millis
from sealwire.peer.events import MessageKind


class OldMessage(NamedTuple):
    """A message of another history, on its way into this one."""

    id: bytes
    conversation: str
    sender: str
    mine: bool
    text: str
    sent_at_ms: Millis
    kind: MessageKind
    forwarded: bool
    edited_at_ms: Millis | None
    deleted: bool


class KeepRecords(Protocol):
    """Implemented by ``shelves.keeping``."""

    def retention(self, conversation: str) -> tuple[int, int] | None:
        """(days, messages) of a conversation's own rule, None when it has none."""

    def put_retention(self, conversation: str, days: int, messages: int) -> None:
        """Give a conversation a rule of its own."""

    def mark_day(self, day: int) -> None:
        """Note the last message of this moment, once for each day."""

    def last_row_of_day(self, day: int) -> int | None:
        """The last message when this day (or the one marked before it) began; None when nothing is that old."""

    def row_beyond(self, conversation: str, messages: int) -> int | None:
        """The newest message that is beyond the number to keep, None when there is none."""

    def drop_messages(self, conversation: str, up_to_row: int, most: int, now_ms: Millis) -> int:
        """Delete a conversation's messages up to a row, oldest first; returns how many went. Each leaves a mark."""

    def conversation_ids(self) -> list[str]:
        """Every conversation in which something was said."""

    def first_row(self) -> int:
        """Below every row in use."""

    def add_old(self, messages: Sequence[tuple[int, OldMessage]]) -> int:
        """Put messages of another history before everything here; returns how many were not here yet."""
