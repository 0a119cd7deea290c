"""Thumbnails, by a process of its own for each: a decoder that breaks breaks alone.

Source: protocol.md §17.4.
"""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import IO, Final, NamedTuple

from sealwire import decoder
from sealwire.wire.file_content import MAX_THUMBNAIL_BYTES

MAX_IMAGE_BYTES: Final = 64 * 1024 * 1024
"""Of an image of our own: a larger one goes without a picture."""
MAX_IMAGE_PIXELS: Final = 50_000_000
"""Judged before decoding: past it a small file can be an image that fills memory."""
MAX_THUMBNAIL_PIXELS: Final = 512 * 512
"""Of a thumbnail that somebody sent."""
TIME_S: Final = 15.0
_OWN: Final = "JPEG,PNG,GIF,WEBP"


class Thumbnail(NamedTuple):
    """A small JPEG and the size of what it was made of."""

    width: int
    height: int
    jpeg: bytes


async def of_image(source: Path) -> Thumbnail | None:
    """Make one of an own image; None when it is too large, no image, or damaged."""
    try:
        with source.open("rb") as file:
            return await _make(file, _OWN, MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS)
    except OSError:
        return None


async def again(offered: bytes) -> Thumbnail | None:
    """Decode a thumbnail that somebody sent and make it again; None when it is not a small JPEG."""
    return await _make(offered, "JPEG", MAX_THUMBNAIL_BYTES, MAX_THUMBNAIL_PIXELS)


async def _make(source: IO[bytes] | bytes, formats: str, most_bytes: int, most_pixels: int) -> Thumbnail | None:
    given, content = (subprocess.PIPE, source) if isinstance(source, bytes) else (source, b"")
    try:
        child = decoder.start(given, formats, most_bytes, most_pixels)
    except OSError:
        return None  # the program is not there: a message goes without a picture
    try:
        heard = asyncio.to_thread(decoder.hear, child, MAX_THUMBNAIL_BYTES, TIME_S, content)
        code, size, jpeg = await heard
    except asyncio.CancelledError:
        child.kill()
        raise
    return Thumbnail(*size, jpeg) if code == 0 and size is not None and jpeg else None
