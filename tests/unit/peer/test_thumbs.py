"""Thumbnails: small, remade, and nothing that a hostile image can do."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from sealwire import decoder
from sealwire.peer import thumbs
from sealwire.wire.file_content import MAX_THUMBNAIL_BYTES


def image(size=(800, 600), mode="RGB", kind="PNG", **options):
    made = Image.effect_noise(size, 60).convert(mode)
    out = io.BytesIO()
    made.save(out, kind, **options)
    return out.getvalue()


def png_that_says(width, height):
    """A PNG of a few bytes that claims to be enormous."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pieces = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1_000))), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in pieces)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.fixture
def make(tmp_path):
    async def run(content):
        source = tmp_path / "image"
        source.write_bytes(content)
        return await thumbs.of_image(source)

    return run


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("JPEG", "RGB"), ("GIF", "P"), ("WEBP", "RGB")]
)
async def test_an_image_gets_a_small_jpeg_that_knows_its_size(make, kind, mode):
    made = await make(image(mode=mode, kind=kind))
    assert (made.width, made.height) == (800, 600)
    assert len(made.jpeg) <= MAX_THUMBNAIL_BYTES
    small = Image.open(io.BytesIO(made.jpeg), formats=["JPEG"])
    assert max(small.size) <= 320


async def test_a_thumbnail_that_was_sent_is_made_again_and_keeps_only_its_picture():
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    sent = image((96, 72), kind="JPEG", quality=20, exif=exif)
    assert b"where I live" in sent
    assert len(sent) <= MAX_THUMBNAIL_BYTES
    made = await thumbs.again(sent)
    assert b"where I live" not in made.jpeg
    assert made.jpeg.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"no image",
        b"\xff\xd8\xff" + bytes(100),
        image((16, 16)),  # an image, and not a JPEG
        image((8_000, 60), kind="JPEG", quality=1)[:MAX_THUMBNAIL_BYTES],
        image((600, 500), kind="JPEG", quality=1),
        b"\xff\xd8\xff" * 3_000,
    ],
)
async def test_whatever_else_was_sent_as_a_thumbnail_is_none(sent):
    assert await thumbs.again(sent) is None


@pytest.mark.parametrize("size", [(20_000, 20_000), (2**31 - 1, 2**31 - 1), (70_000, 1), (50_001, 1_000)])
async def test_an_image_bomb_is_judged_before_it_is_decoded(make, size):
    assert await make(png_that_says(*size)) is None


async def test_a_truncated_image_has_no_thumbnail(make):
    assert await make(image()[:5_000]) is None


async def test_a_decoder_that_hangs_is_ended(make, monkeypatch, tmp_path):
    program = tmp_path / "hang.py"
    program.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(decoder, "PROGRAM", program)
    monkeypatch.setattr(thumbs, "TIME_S", 0.3)
    assert await make(image()) is None


@pytest.mark.parametrize("said", ["print('x y')", "print('1')", "import sys; sys.stdout.write('1 1\\n' + 'x' * 9000)"])
async def test_a_decoder_that_was_taken_over_says_nothing_that_is_believed(make, monkeypatch, tmp_path, said):
    program = tmp_path / "evil.py"
    program.write_text(said)
    monkeypatch.setattr(decoder, "PROGRAM", program)
    assert await make(image()) is None


async def test_memory_of_the_decoder_is_bounded(make, monkeypatch, tmp_path):
    program = tmp_path / "greedy.py"
    source = decoder.PROGRAM.read_text()
    greedy = source.replace("    Image.MAX_IMAGE_PIXELS", "    bytes(3 << 30)\n    Image.MAX_IMAGE_PIXELS", 1)
    assert greedy != source
    program.write_text(greedy)
    monkeypatch.setattr(decoder, "PROGRAM", program)
    assert await make(image()) is None
