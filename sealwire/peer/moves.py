"""What moving a file is made of: the plan, its two ends on the disk, and what the one who moves it tells.

Source: protocol.md §17.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from sealwire.crypto.attachments import Run
from sealwire.errors import SealwireError


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be known of a file to move it."""

    row: int
    size: int
    blob: bytes
    secret: bytes = field(repr=False)
    key: bytes = field(repr=False)
    runs: tuple[Run, ...]
    tails: tuple[bytes, ...] = ()
    """Of an upload: for each run the authenticator of the chunk before it, as the broker reported it then."""
    is_fresh: bool = False
    """Of an upload: nothing under this key has ever been sealed before."""
    digest: bytes = b""
    """Of a download: SHA-256 of the file."""
    limit: int = 0
    """Of an upload: the largest blob this broker said it takes."""


# --- the ends ------------------------------------------------------------------------------------------------


class Source(Protocol):
    """The file that is sent."""

    def read(self, at: int, length: int) -> bytes:
        """Return that piece.

        Raises:
            FileChangedError: it is not there any more, or not as long.
        """

    def check(self) -> None:
        """Raise FileChangedError when it is no longer what it was at the start."""

    def close(self) -> None:
        """Let go of it."""


class Sink(Protocol):
    """The file that is fetched, under a name of ours until all of it is verified."""

    def there(self) -> int:
        """How many bytes of an earlier try are there. Raises DiskError."""

    def read(self, at: int, length: int) -> bytes:
        """Return a piece of what is there. Raises DiskError."""

    def write(self, at: int, content: bytes) -> None:
        """Append a piece. Raises DiskError."""

    def cut(self, size: int) -> None:
        """Forget what is behind ``size``. Raises DiskError."""

    def finish(self) -> tuple[str, str]:
        """All is verified: sync it and give it its name; returns (path, media type). Raises DiskError."""

    def close(self) -> None:
        """Let go of it; what is there stays for another try."""


# --- what is told --------------------------------------------------------------------------------------------


class Progressed(Struct, frozen=True):
    """So many bytes of the file are through."""

    row: int
    done_bytes: int


class RunWanted(Struct, frozen=True):
    """The next chunk needs a run of its own; it must be stored before anything of it is sent."""

    row: int
    first: int
    tail: bytes


class Waits(Struct, frozen=True):
    """The broker's disk is full: it is tried again."""

    row: int


class Anew(Struct, frozen=True):
    """What is at the broker does not belong to what is here: begin again under other keys."""

    row: int


class Uploaded(Struct, frozen=True):
    """The broker has all of it, on its disk."""

    row: int
    digest: bytes


class Downloaded(Struct, frozen=True):
    """It is whole, verified, synced and has its name."""

    row: int
    path: str
    media_type: str


class MoveFailed(Struct, frozen=True):
    """It will not go on by itself."""

    row: int
    error: SealwireError
    forget: bool = False
    """What is here of it is worth nothing."""


class Dropped(Struct, frozen=True):
    """The broker does not keep a blob any more, or a fetched file is gone here."""

    row: int
    """What DropBlob or DiscardFinished was called by."""


News = Progressed | RunWanted | Waits | Anew | Uploaded | Downloaded | MoveFailed | Dropped


# --- what is asked of the one who moves ----------------------------------------------------------------------


class BeginUpload(Struct, frozen=True):
    """Send a file."""

    plan: Plan
    source: str
    identity: tuple[int, int]
    """Its size and modification time (ns) when somebody sent it."""


class BeginDownload(Struct, frozen=True):
    """Fetch a file."""

    plan: Plan
    target: str | None
    """A folder, or a path that nothing has; None: the profile's own folder."""
    name: str
    """What to call it in a folder; clean."""


class RunBegins(Struct, frozen=True):
    """The run that was wanted is stored."""

    row: int
    run: Run


class EndMove(Struct, frozen=True):
    """Stop moving a file."""

    row: int


class DropBlob(Struct, frozen=True):
    """Have the broker forget a blob; told as Dropped under the same ``row``."""

    row: int
    blob: bytes


class MakeThumbnail(Struct, frozen=True):
    """Make a thumbnail: of an own image, or of a thumbnail that somebody sent."""

    row: int
    source: str | None
    offered: bytes | None


class DiscardPart(Struct, frozen=True):
    """Delete what is here of a file that is not whole."""

    row: int


class KeepParts(Struct, frozen=True):
    """A process begins: of files that are not whole, and of copies made to be sent, only these are still wanted."""

    rows: frozenset[int]
    copies: frozenset[str] = frozenset()


class DiscardCopy(Struct, frozen=True):
    """Delete a copy that was made only to be sent."""

    path: str


class DiscardFinished(Struct, frozen=True):
    """Delete a file that was fetched, if it lies in the profile's own folder; told as Dropped under this ``row``."""

    row: int
    path: str


Order = (
    BeginUpload
    | BeginDownload
    | RunBegins
    | EndMove
    | DropBlob
    | MakeThumbnail
    | DiscardPart
    | KeepParts
    | DiscardCopy
    | DiscardFinished
)
