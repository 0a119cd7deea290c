"""What is kept of files, and the port to it.

Source: protocol.md §17.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from sealwire.crypto.attachments import Run
from sealwire.ids import MessageId
from sealwire.peer.events import FileState

ACTIVE: tuple[FileState, ...] = ("waiting", "sending", "receiving")
"""States in which a file moves, or would if it could."""


@dataclass(slots=True)
class FileRecord:
    """A file and how far it has moved. Written back whole by ``put_file``."""

    row: int
    """Of the message that carries it."""
    message: MessageId
    mine: bool
    state: FileState
    name: str
    size: int
    media_type: str
    digest: bytes | None
    blob: bytes
    secret: bytes = field(repr=False)
    key: bytes = field(repr=False)
    runs: tuple[Run, ...]
    tails: tuple[bytes, ...]
    """For each run the authenticator of the chunk before it."""
    width: int = 0
    height: int = 0
    thumbnail: bytes | None = None
    offered: bytes | None = None
    """A thumbnail as it came."""
    done: int = 0
    path: str | None = None
    reason: str | None = None
    source: str | None = None
    mtime_ns: int = 0
    is_copy: bool = False
    is_fresh: bool = True
    restarts: int = 0
    is_pictured: bool = True
    at_broker: bool = False
    accounts: tuple[str, ...] = ()
    taken: frozenset[bytes] = frozenset()
    device: bytes | None = None
    target: str | None = None


class Litter(NamedTuple):
    """What is left of a file whose message is gone."""

    row: int
    mine: bool
    blob: bytes
    at_broker: bool
    path: str | None
    source: str | None
    is_copy: bool


class FileRecords(Protocol):
    """Files, and what is left of them."""

    def put_file(self, file: FileRecord) -> None:
        """Insert or replace."""

    def file(self, row: int) -> FileRecord | None:
        """The file of a message."""

    def files_of(self, message: MessageId) -> list[FileRecord]:
        """Files whose messages have this id: nearly always one at most; our own first."""

    def files_moving(self) -> list[FileRecord]:
        """Files that move or wait for something to be made of them, oldest first."""

    def files_with_parts(self) -> list[int]:
        """Files of others that are not whole and still wanted."""

    def file_copies(self) -> list[str]:
        """Sources that are copies of our own, also those that wait to be deleted."""

    def files_unpictured(self) -> list[FileRecord]:
        """Files whose thumbnail is still to be made."""

    @property
    def wipes(self) -> int:
        """Grows whenever messages are taken away, with whose files litter comes."""

    def file_litter(self) -> list[Litter]:
        """What is left of files whose messages are gone."""

    def add_litter(self, litter: Litter) -> None:
        """Remember something to take away."""

    def forget_litter(self, row: int) -> None:
        """It was taken away."""

    def file_conversation(self, row: int) -> tuple[str, str]:
        """(conversation, author) of a file's message."""
