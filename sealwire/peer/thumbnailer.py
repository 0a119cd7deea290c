"""Makes one small JPEG of one image, and ends. Run as a program of its own: decoders of images are where bugs live.

Standard input has the image, the arguments say what it may be; standard output gets one line ``WIDTH HEIGHT`` (of the
original) and the JPEG. Nothing of the package is imported, no file is written, memory and time are bounded by the
system. Size and pixels are read from the image's head and judged before anything is decoded.
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


def main() -> int:
    """Arguments: formats joined by commas, most bytes, most pixels. Returns 1 for anything that is not right."""
    formats, most_bytes, most_pixels = sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3])
    _confine()
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # judged below, before decoding
    content = sys.stdin.buffer.read(most_bytes + 1)
    if len(content) > most_bytes:
        return 1
    with Image.open(io.BytesIO(content), formats=formats) as image:
        width, height = image.size
        if width < 1 or height < 1 or max(width, height) > 65_535 or width * height > most_pixels:
            return 1
        made = _made(image)
    if made is None:
        return 1
    sys.stdout.buffer.write(b"%d %d\n" % (width, height) + made)
    return 0


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
