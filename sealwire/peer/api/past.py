"""What was said: conversations, pages, search, read markers, copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from sealwire.peer.events import Message, TrustState

if TYPE_CHECKING:
    from pathlib import Path

ExportFormat = Literal["json", "text", "html"]


class ConversationInfo(Struct, frozen=True):
    """One line of the list of conversations."""

    id: str
    """Account name, or ``+`` and 32 hex digits."""
    title: str
    """The local nickname, the account name, or the group's name."""
    is_group: bool
    last: Message | None
    unread: int
    mentions: int
    """How many of the unread ones mention us."""
    read_row: int
    """Everything of others up to this row has been read."""
    draft: str = ""
    timer_s: int = 0
    muted_until_ms: int = 0
    """0: not muted; a time far away: for good."""
    request: bool = False
    """Somebody who wants to talk and is not answered yet, or a group invitation."""
    blocked: bool = False
    trust: TrustState | None = None
    """Of the person; None for a group."""
    can_write: bool = True
    """False for a read-only member, a group left, a changed key or a blocked person."""


class Found(Struct, frozen=True):
    """A message that a search found."""

    message: Message
    marks: tuple[tuple[int, int], ...]
    """(start, end) of what matched, in characters of its text."""


class Retention(Struct, frozen=True):
    """How long and how much is kept; 0 means without a bound."""

    days: int = 0
    messages: int = 0
    """In one conversation."""


class PastApi(Protocol):
    """``client.past``."""

    async def conversations(self) -> Sequence[ConversationInfo]:
        """All conversations, the latest first."""

    async def conversation(self, conversation: str) -> ConversationInfo:
        """One of them, also one in which nothing was said yet. Raises UnknownPeerError."""

    async def page(
        self, conversation: str, limit: int = 50, *, before_row: int | None = None, after_row: int | None = None
    ) -> Sequence[Message]:
        """Messages before a row (the last ones without it), or after one; always oldest first."""

    async def message(self, conversation: str, message_id: str) -> Message | None:
        """One message."""

    async def around(self, conversation: str, row: int, limit: int = 50) -> Sequence[Message]:
        """A page with this row in its middle."""

    async def row_at(self, conversation: str, ms: int) -> int | None:
        """The first row said at or after a time (jump to date)."""

    async def pinned(self, conversation: str) -> Sequence[Message]:
        """The pinned messages, latest pin first."""

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50, before_row: int | None = None
    ) -> Sequence[Found]:
        """Messages that hold every word of the query or a word that begins with it, accents folded; latest first."""

    async def mark_read(self, conversation: str, up_to_row: int) -> None:
        """This conversation has been read up to here (receipts go out if they are on)."""

    async def mute(self, conversation: str, until_ms: int) -> None:
        """No notifications until then; 0 ends it."""

    async def clear(self, conversation: str) -> int:
        """Delete a conversation's messages here, and only here; returns how many."""

    async def retention(self, conversation: str | None, rule: Retention | None = None) -> Retention:
        """The rule of a conversation (None: the default of all), set first when one is given."""

    async def export(
        self,
        target: Path,
        kind: ExportFormat,
        conversation: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Write messages to a new file, in clear; returns how many. Never overwrites."""

    async def import_(self, source: Path) -> int:
        """Take in messages of a JSON export that are not here yet; returns how many."""

    async def backup(self, target: Path, passphrase: bytes) -> None:
        """Write keys, history, contacts and settings of this profile into one new file under a passphrase."""
