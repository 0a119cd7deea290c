"""What is said about files, inside the encryption.

Source: protocol.md §11, §17.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sealwire.wire.control import U32, Bytes16, Bytes32
from sealwire.wire.word_content import Ref, TimerSeconds

MAX_FILE_NAME_BYTES: Final = 255
"""UTF-8 bytes of a file's name: what file systems hold."""
MAX_MEDIA_TYPE_BYTES: Final = 64
MAX_CAPTION_BYTES: Final = 4_000
"""UTF-8 bytes of the words under a file: with thumbnail and runs they fit the largest bucket."""
MAX_THUMBNAIL_BYTES: Final = 6 * 1024
MAX_FILE_RUNS: Final = 128
"""Times a file may be taken up again by another process; 33 bytes each."""
MAX_FILE_BYTES: Final = 1 << 40
"""One tebibyte: past it sizes reach arithmetic that was never meant for them."""
MAX_TAKEN_IDS: Final = 800
"""Files named as taken in one message."""

Bytes24 = Annotated[bytes, Meta(min_length=24, max_length=24)]


class FileRun(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Chunks of a file sealed by one stream."""

    first: U32
    header: Bytes24


class FileOffer(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=30):
    """A file: where it lies at the broker, what opens it, and what it is when it is whole."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_FILE_NAME_BYTES)]
    """As the sender calls it: never a path here before it is cleaned."""
    size: Annotated[int, Meta(ge=0, le=MAX_FILE_BYTES)]
    media_type: Annotated[str, Meta(max_length=MAX_MEDIA_TYPE_BYTES)]
    digest: Bytes32
    """SHA-256 of the file."""
    blob: Bytes16
    secret: Bytes32
    """Lets its holder read the blob."""
    key: Bytes32
    runs: Annotated[list[FileRun], Meta(min_length=1, max_length=MAX_FILE_RUNS)]
    caption: Annotated[str, Meta(max_length=MAX_CAPTION_BYTES)]
    width: Annotated[int, Meta(ge=0, le=65_535)]
    height: Annotated[int, Meta(ge=0, le=65_535)]
    """Of an image, in pixels; 0 for none."""
    thumbnail: Annotated[bytes, Meta(max_length=MAX_THUMBNAIL_BYTES)]
    """A small JPEG, empty for none. Never shown before it was decoded and made again."""
    answers: Ref | None = None
    forwarded: bool = False
    timer_s: TimerSeconds = 0

    def __repr__(self) -> str:
        return f"<FileOffer of {self.size} bytes>"


class FileTaken(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=31):
    """This device has these files whole: their sender need not keep them at the broker for it."""

    ids: Annotated[list[Bytes16], Meta(min_length=1, max_length=MAX_TAKEN_IDS)]


FileNews = FileOffer | FileTaken


def is_too_long(offer: FileOffer) -> bool:
    """Whether a text of an offer is too long: the decoder counts characters, the limits are bytes.

    Source: protocol.md §11.
    """
    bounds = (
        (offer.name, MAX_FILE_NAME_BYTES),
        (offer.media_type, MAX_MEDIA_TYPE_BYTES),
        (offer.caption, MAX_CAPTION_BYTES),
    )
    return any(len(text.encode()) > most for text, most in bounds)
