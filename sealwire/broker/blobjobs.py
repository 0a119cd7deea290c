"""What is asked about blobs: of the database, and of the threads that hold the files.

Source: protocol.md §17.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from msgspec import Struct

from sealwire.ids import Millis
from sealwire.wire.blobs import BlobId
from sealwire.wire.frames import Code

# --- who asks ------------------------------------------------------------------------------------------------


class Asker(Protocol):
    """A bulk connection, as far as blobs know it."""

    @property
    def account_name(self) -> str:
        """Whose it is."""

    def answer(self, request_id: int, code: Code, body: bytes = b"", retry_after_ms: int = 0) -> None:
        """Give an answer, now or later."""


class Asked(Struct, frozen=True):
    """Who waits for an answer about blobs."""

    link: Asker
    id: int

    def answer(self, code: Code, body: bytes = b"", retry_after_ms: int = 0) -> None:
        """Give it."""
        self.link.answer(self.id, code, body, retry_after_ms)


# --- of the database, as operations of a job -----------------------------------------------------------------


class KeepBlob(Struct, frozen=True):
    """Enter a blob, before the first of its bytes is taken."""

    ref: object
    blob: BlobId
    account: str
    size: int
    reader: bytes
    at_ms: Millis
    """By the mail clock."""


class SealBlob(Struct, frozen=True):
    """All of it is on disk: it may be read from now on."""

    ref: object
    blob: BlobId


class DropBlobs(Struct, frozen=True):
    """Forget blobs; their files go after the commit."""

    ref: object
    blobs: tuple[BlobId, ...]


BlobOp = KeepBlob | SealBlob | DropBlobs


class BlobRow(Struct, frozen=True):
    """A blob as the broker finds it at its start."""

    blob: BlobId
    account: str
    size: int
    reader: bytes
    at_ms: Millis
    done: bool
    chunks: int = 0
    """How many are there; -1: it was whole once and its file is gone."""


# --- of the files --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PutChunk:
    """Append one chunk: ``at`` is where the file must end before."""

    blob: BlobId
    at: int
    chunk: bytes = field(repr=False)


class SealFile(Struct, frozen=True):
    """Sync a file that is complete and give it its final name."""

    blob: BlobId
    size: int


class ReadFile(Struct, frozen=True):
    """Read a piece; ``ref`` says for whom."""

    ref: object
    blob: BlobId
    at: int
    length: int


class EraseFiles(Struct, frozen=True):
    """Delete the files of blobs that no table knows any more."""

    blobs: tuple[BlobId, ...]


BlobJob = PutChunk | SealFile | ReadFile | EraseFiles

BlobOutcome = Literal["done", "full", "failed"]
"""``failed``: the file is not what it should be, or the disk reported an error: the blob is lost."""


@dataclass(frozen=True, slots=True)
class BlobDone:
    """How a job ended."""

    job: BlobJob
    outcome: BlobOutcome
    content: bytes = field(default=b"", repr=False)
    """After ReadFile."""
