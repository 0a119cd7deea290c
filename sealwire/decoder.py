"""The program that decodes pictures, as whoever starts it sees it: a command line, and pixels that come back.

Decoders of images are where bugs live. This process decodes none that somebody else made: :mod:`~.thumbnailer` does it,
in a process of its own for each picture, and what it answers is bounded before it is read.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Final, Literal, NamedTuple

PROGRAM: Final = Path(__file__).with_name("thumbnailer.py")
FORMATS: Final = "JPEG,PNG,GIF,WEBP,BMP"
"""What cameras and browsers make. SVG is left out: it is a program that draws, and can name other files."""
MAX_FILE_BYTES: Final = 200 * 1024 * 1024
MAX_PIXELS: Final = 64_000_000
"""An 8,000 × 8,000 picture; decoded it is a quarter of the memory the program may have."""
STRETCH: Final = 4
"""How many times longer than the room it is shown in a very wide or very high picture may come back."""
TIME_S: Final = 15.0
_HEAD_BYTES: Final = 64
_PART_BYTES: Final = 64 * 1024
_KIND, _TOO_MANY = 3, 4
"""Exit codes of the program: a kind that is not decoded, more pixels than allowed."""

Reason = Literal["kind", "bytes", "pixels", "damaged"]


class Pixels(NamedTuple):
    """A decoded picture: red, green, blue and opacity, a byte each, line by line without gaps."""

    width: int
    height: int
    rgba: bytes


class PictureError(Exception):
    """A picture that was not decoded: why, and the size that it claims where that is the reason."""

    def __init__(self, reason: Reason, width: int = 0, height: int = 0) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.width = width
        self.height = height


def command() -> list[str]:
    """Return the beginning of the program's command line, also in a folder of built programs."""
    if getattr(sys, "frozen", False):
        ending = ".exe" if sys.platform == "win32" else ""
        return [str(Path(sys.executable).with_name(f"sealwire-decoder{ending}"))]
    return [sys.executable, "-I", str(PROGRAM)]


def decode(source: Path, width: int, height: int) -> Pixels:
    """Decode a picture that somebody may have made to harm; blocks up to ``TIME_S``.

    Args:
        source: the file.
        width: of the room it is shown in, in pixels; a larger picture comes back just covering it.
        height: of that room.

    Raises:
        PictureError: it is none, of a kind that is not decoded, too large, or the program was ended over it.
    """
    room = max(1, width), max(1, height)
    try:
        with source.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                raise PictureError("bytes")
            child = start(file, FORMATS, MAX_FILE_BYTES, MAX_PIXELS, *room, STRETCH)
    except OSError as error:
        raise PictureError("damaged") from error
    code, size, rgba = hear(child, 4 * STRETCH * (max(room) + 1) ** 2, TIME_S)
    if code == _KIND:
        raise PictureError("kind")
    if code == _TOO_MANY and size is not None:
        raise PictureError("pixels", *size)
    if code != 0 or size is None or 4 * size[0] * size[1] != len(rgba) or not rgba:
        raise PictureError("damaged")
    return Pixels(*size, rgba)


def start(given: IO[bytes] | int, *arguments: str | int) -> subprocess.Popen[bytes]:
    """Start the program on a file, or on a pipe that :func:`hear` fills. Raises OSError."""
    return subprocess.Popen(  # noqa: S603 - our own program, with numbers and names of formats
        [*command(), *map(str, arguments)],
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows would show a black window for each
    )


def hear(
    child: subprocess.Popen[bytes], most_bytes: int, time_s: float, content: bytes = b""
) -> tuple[int, tuple[int, int] | None, bytes]:
    """Return exit code, the size it said and what followed; blocks until the program has ended.

    One that says more than ``most_bytes`` or takes longer than ``time_s`` is ended, and its code is not 0 then.

    Args:
        content: what the program reads, when it was started on a pipe: less than a pipe holds.
    """
    assert child.stdout is not None
    clock = threading.Timer(time_s, child.kill)
    clock.start()
    try:
        if child.stdin is not None:
            with contextlib.suppress(OSError), child.stdin:
                child.stdin.write(content)
        head = child.stdout.readline(_HEAD_BYTES).split()
        said = bytearray()
        while len(said) <= most_bytes and (part := child.stdout.read(_PART_BYTES)):
            said += part
        says_too_much = len(said) > most_bytes
        if says_too_much:
            child.kill()
        child.stdout.close()
        code = child.wait() or int(says_too_much)
    finally:
        clock.cancel()
    if len(head) != 2 or not all(word.isdigit() for word in head):
        return code, None, b""
    return code, (int(head[0]), int(head[1])), bytes(said)
