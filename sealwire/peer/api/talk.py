"""What can be done with words: answer, correct, take back, react, pin, forward, show that one is writing.

A conversation is an account name, or ``+`` and the 32 hex digits of a group.
"""

from __future__ import annotations

from typing import Protocol

from sealwire.peer.api.base import Sent, WaitFor
from sealwire.peer.events import Message


class TalkApi(Protocol):
    """``client.talk``. Errors are ``sealwire.errors``; a message is named by its 32 hex digits."""

    async def send(
        self,
        conversation: str,
        text: str,
        *,
        reply_to: str | None = None,
        wait: WaitFor = "queued",
        timeout_s: float = 10,
    ) -> Sent:
        """Like ``ClientApi.send_text``, to a person or a group; ``reply_to`` quotes a message of this conversation."""

    async def edit(self, conversation: str, message_id: str, text: str) -> Message:
        """Put other words in place of an own message, here and with everyone who has it."""

    async def delete(self, conversation: str, message_id: str, *, for_everyone: bool = True) -> Message:
        """Take an own message back everywhere (its place stays, marked); without ``for_everyone`` any, only here."""

    async def react(self, conversation: str, message_id: str, emoji: str) -> Message:
        """Set the own reaction to a message; the empty text takes it off."""

    async def pin(self, conversation: str, message_id: str, pinned: bool = True) -> Message:
        """Pin a message for everyone in the conversation, or unpin it."""

    async def forward(self, conversation: str, message_id: str, to: str) -> Sent:
        """Send a copy that is marked as forwarded and claims no author."""

    async def cancel(self, message_id: str) -> Message:
        """Give up an own message that is still queued: it fails with the reason that it was cancelled."""

    async def typing(self, conversation: str, active: bool = True) -> None:
        """Show that one is writing, unless that is switched off (``peer.typing``) or nobody is there."""

    async def set_timer(self, conversation: str, seconds: int) -> None:
        """Let new messages of this conversation disappear after this long on every side; 0 switches it off."""

    async def draft(self, conversation: str) -> str:
        """What was written and not sent."""

    async def set_draft(self, conversation: str, text: str) -> None:
        """Keep it over restarts; the empty text forgets it."""
