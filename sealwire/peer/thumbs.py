"""Thumbnails, by a process of its own for each: a decoder that breaks breaks alone.

Source: protocol.md §17.4.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import IO, Final, NamedTuple

from sealwire.wire.file_content import MAX_THUMBNAIL_BYTES

MAX_IMAGE_BYTES: Final = 64 * 1024 * 1024
"""Of an image of our own: a larger one goes without a picture."""
MAX_IMAGE_PIXELS: Final = 50_000_000
"""Judged before decoding: past it a small file can be an image that fills memory."""
MAX_THUMBNAIL_PIXELS: Final = 512 * 512
"""Of a thumbnail that somebody sent."""
TIME_S: Final = 15.0
_OWN: Final = "JPEG,PNG,GIF,WEBP"
_PROGRAM: Final = Path(__file__).with_name("thumbnailer.py")


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
    if getattr(sys, "frozen", False):
        return None  # a bundle has no interpreter to start
    arguments = ("-I", str(_PROGRAM), formats, str(most_bytes), str(most_pixels))
    given = asyncio.subprocess.PIPE if isinstance(source, bytes) else source
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(TIME_S):
            made, _nothing = await child.communicate(source if isinstance(source, bytes) else None)
    except TimeoutError:
        made = b""
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return _read(made) if child.returncode == 0 else None


def _read(made: bytes) -> Thumbnail | None:
    head, _line, jpeg = made.partition(b"\n")
    sizes = head.split()
    if len(sizes) != 2 or not all(size.isdigit() for size in sizes) or len(jpeg) > MAX_THUMBNAIL_BYTES:
        return None
    return Thumbnail(int(sizes[0]), int(sizes[1]), jpeg)
