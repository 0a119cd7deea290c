"""Files: sent and fetched piece by piece, resumed after any break, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from sealwire.peer.api.base import Sent, WaitFor
from sealwire.peer.events import File, Message

if TYPE_CHECKING:
    from pathlib import Path


class FilesApi(Protocol):
    """``client.files``. A file is named by the id of the message that carries it; progress comes as ``File`` events.

    Raises:
        FileUnreadableError, FileTooLargeError, FileQuotaError, FileRefusedError, FileChangedError, UnknownFileError,
        FileGoneError, FileDamagedError, DiskError, TargetExistsError, and what sending a text raises.
    """

    async def send(
        self,
        conversation: str,
        source: Path,
        *,
        caption: str = "",
        name: str | None = None,
        reply_to: str | None = None,
        wait: WaitFor = "queued",
        timeout_s: float = 10,
    ) -> Sent:
        """Send a file to a person or a group; ``wait`` "sent" waits until the broker has all of it.

        Args:
            timeout_s: counts from the last sign that it moves.
        """

    async def spool(self) -> Path:
        """Return a new empty file of this profile, to be filled and sent: it is deleted once that was done."""

    async def fetch(self, message_id: str, target: Path | None = None, *, timeout_s: float | None = None) -> File:
        """Get an offered file; returns when it is whole.

        Args:
            target: a folder, or a path that nothing has; None: the profile's ``files`` folder.
            timeout_s: give up waiting (not fetching) when it did not move for so long; None: never.
        """

    async def pause(self, message_id: str) -> None:
        """Stop moving it for now; what is here stays."""

    async def resume(self, message_id: str) -> None:
        """Go on."""

    async def cancel(self, message_id: str) -> None:
        """Give it up and delete what is here of it."""

    async def save_copy(self, message_id: str, target: Path) -> None:
        """Copy a finished file to a new place. Never overwrites."""

    async def of(self, conversation: str, limit: int = 200) -> Sequence[Message]:
        """Messages with files in a conversation, latest first."""
