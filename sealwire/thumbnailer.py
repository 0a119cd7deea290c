"""Decodes one image, and ends. Run as a program of its own: decoders of images are where bugs live.

Standard input has the image, the arguments say what it may be; standard output gets one line ``WIDTH HEIGHT`` and
either a small JPEG (the size is then that of the original) or, when a room to show it in is given, its pixels. Nothing
of the package is imported, no file is written, memory and time are bounded by the system. Size and pixels are read from
the image's head and judged before anything is decoded.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # loaded only after the limits are set
    from PIL import Image

MAX_BYTES = 6 * 1024
"""Of what is made: it travels inside a message."""
MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 10
SIDES = (320, 240, 160, 96)
"""Tried in turn until the result is small enough."""
QUALITIES = (75, 55, 40)
KIND, TOO_MANY = 3, 4
"""Exit codes, for an image of another kind and for one with more pixels than allowed; 1 is anything else."""
TURNED = range(5, 9)
"""Orientations (EXIF) under which width and height change places."""


def main() -> int:
    """Arguments: formats joined by commas, most bytes, most pixels; for pixels also width and height of the room, and
    how many times longer than it they may be.
    """
    formats, most_bytes, most_pixels = sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3])
    _confine()
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # judged below, before decoding
    content = sys.stdin.buffer.read(most_bytes + 1)
    if len(content) > most_bytes:
        return 1
    try:
        image = Image.open(io.BytesIO(content), formats=formats)
    except UnidentifiedImageError:
        return KIND
    with image:
        width, height = image.size
        if width < 1 or height < 1:
            return 1
        if max(width, height) > 65_535 or width * height > most_pixels:
            sys.stdout.buffer.write(b"%d %d\n" % (width, height))
            return TOO_MANY
        if len(sys.argv) > 4:
            made = _shown(image, *map(int, sys.argv[4:]))
            width, height = made.size
            out = made.tobytes()
        else:
            out = _made(image) or b""
    if not out:
        return 1
    sys.stdout.buffer.write(b"%d %d\n" % (width, height) + out)
    return 0


def _shown(image: Image.Image, width: int, height: int, stretch: int) -> Image.Image:
    """Upright, and no larger than needed to cover a room of this size."""
    from PIL import Image, ImageOps

    if image.getexif().get(0x0112) in TURNED:
        width, height = height, width
    size = _within(image.size, (width, height), stretch)
    image.draft("RGB", size)  # a JPEG is decoded at a fraction of its size
    whole = image if image.mode in {"RGB", "RGBA", "L"} else image.convert("RGBA")
    small = whole if whole.size == size else whole.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    small.info = image.info
    if (exif := image.getexif()) and small is not image:
        small.getexif().update(exif)
    return ImageOps.exif_transpose(small).convert("RGBA")


def _within(size: tuple[int, int], room: tuple[int, int], stretch: int) -> tuple[int, int]:
    """The size to show at: covers the room where the image is larger, never larger than it is."""
    covering = min(1.0, max(room[0] / size[0], room[1] / size[1]))
    scale = min(covering, stretch * max(room) / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _made(image: Image.Image) -> bytes | None:
    from PIL import Image, ImageOps

    image.draft("RGB", (SIDES[0] * 2, SIDES[0] * 2))  # a JPEG is decoded at a fraction of its size
    upright = ImageOps.exif_transpose(image)
    if upright.mode in {"RGBA", "LA", "PA", "P"}:
        upright = upright.convert("RGBA")
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright)
    upright = upright.convert("RGB")
    for side in SIDES:
        small = upright.copy()
        small.thumbnail((side, side))
        for quality in QUALITIES:
            out = io.BytesIO()
            small.save(out, "JPEG", quality=quality, optimize=True)  # nothing of the original but its picture
            if out.tell() <= MAX_BYTES:
                return out.getvalue()
    return None


def _confine() -> None:
    try:
        import resource
    except ImportError:
        return  # Windows: the parent's time limit is what there is
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    sys.exit(main())
