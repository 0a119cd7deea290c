"""Pictures are decoded within bounds, and a refusal says why."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QBuffer, QIODevice, QSize
from PySide6.QtGui import QColor, QImage, QImageWriter

from sealwire import decoder
from sealwire.peer.events import Attachment, Message
from sealwire.ui.desktop.pictures import KEPT, MAX_THUMBNAIL_BYTES, Pictures, RefusedPictureError, decoded

SIZE = QSize(320, 320)


def png(width: int, height: int) -> bytes:
    """A valid head that claims a size, and hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * min(width * 3 + 1, 10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def picture(width: int, height: int, kind: bytes = b"PNG") -> bytes:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("#336699"))
    return written(image, kind)


def written(image: QImage, kind: bytes) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert QImageWriter(buffer, kind).write(image)
    return bytes(buffer.data().data())


def message(number: int, file: Attachment) -> Message:
    return Message(f"{number:032x}", "bob", "bob", "", 0, True, row=number, kind="file", file=file)


def carried(content: bytes) -> Attachment:
    return Attachment("x.png", len(content), "image/png", "offered", thumbnail=content)


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: bytes) -> str:
        path = tmp_path / f"picture-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(content)
        return str(path)

    return write


@pytest.mark.parametrize("kind", [b"PNG", b"JPEG", b"WEBP", b"BMP"])
def test_a_picture_is_decoded_no_larger_than_needed(kind: bytes, file: Any) -> None:
    image = decoded(file(picture(2_000, 1_000, kind)), SIZE)
    assert image.size() == QSize(640, 320)
    assert decoded(file(picture(20, 10, kind)), SIZE).size() == QSize(20, 10)


def test_its_colours_and_its_opacity_arrive(file: Any) -> None:
    assert decoded(file(picture(30, 20)), SIZE).pixelColor(9, 9) == QColor("#336699")
    clear = QImage(30, 20, QImage.Format.Format_ARGB32)
    clear.fill(QColor(10, 20, 30, 64))
    assert decoded(file(written(clear, b"PNG")), SIZE).pixelColor(9, 9).alpha() == 64


def test_a_picture_that_lies_on_its_side_is_shown_upright(file: Any, tmp_path: Path) -> None:
    lying = tmp_path / "lying"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (800, 400), "red").save(lying, "JPEG", exif=exif)
    image = decoded(str(lying), SIZE)
    assert (image.width(), image.height()) == (320, 640)


def test_a_very_wide_picture_does_not_become_a_very_large_one(file: Any) -> None:
    image = decoded(file(picture(20_000, 10)), SIZE)
    assert image.width() <= 4 * 320


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_the_largest_that_is_allowed_can_be_shown(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new(mode, (8_000, 8_000)).save(path, compress_level=1)
    assert decoded(str(path), SIZE).size() == QSize(320, 320)


def test_a_picture_bomb_is_refused_before_memory_is_taken(file: Any) -> None:
    tracemalloc.start()
    with pytest.raises(RefusedPictureError, match="60,000 × 60,000 pixels"):
        decoded(file(png(60_000, 60_000)), SIZE)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        png(0, 0),
        picture(50, 50)[:-20][:60],
        b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><image href="http://example.org/x"/></svg>',
        b"GIF89a" + b"\xff" * 20,
    ],
)
def test_what_is_no_sound_picture_is_refused_with_a_sentence(content: bytes, file: Any) -> None:
    for source in (file(content), content):
        with pytest.raises(RefusedPictureError) as refused:
            decoded(source, SIZE)
        assert "saved as a file" in str(refused.value)


def test_a_name_that_promises_a_picture_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.raises(RefusedPictureError):
        decoded(str(tmp_path / "x.png"), SIZE)
    (tmp_path / "y.txt").write_bytes(picture(30, 20))
    assert decoded(str(tmp_path / "y.txt"), SIZE).size() == QSize(30, 20)
    with pytest.raises(RefusedPictureError):
        decoded(str(tmp_path / "nothing-there"), SIZE)


# --- who decodes ---------------------------------------------------------------------------------------------


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Another program in the place of the decoder."""

    def put(text: str) -> None:
        path = tmp_path / "program.py"
        path.write_text("import sys, time\nout = sys.stdout.buffer\n" + text)
        monkeypatch.setattr(decoder, "PROGRAM", path)

    return put


def test_a_file_is_decoded_by_the_program_and_not_by_the_window(program: Any, file: Any) -> None:
    program("out.write(b'2 1\\n' + bytes([1, 2, 3, 255, 4, 5, 6, 255]))")
    image = decoded(file(picture(40, 30)), SIZE)
    assert [image.pixelColor(x, 0).getRgb() for x in (0, 1)] == [(1, 2, 3, 255), (4, 5, 6, 255)]


@pytest.mark.parametrize(
    "said",
    [
        "out.write(b'2 1\\n' + bytes(7))",
        "out.write(b'2 1\\n' + bytes(9))",
        "out.write(b'0 0\\n')",
        "out.write(b'-2 -1\\n' + bytes(8))",
        "out.write(b'2 1 1\\n' + bytes(8))",
        "out.write(b'7' * 10_000)",
        "out.write(b'99999 99999\\n')\nwhile True: out.write(bytes(1 << 20))",
        "out.write(b'2 1\\n' + bytes(8))\nsys.exit(1)",
        "out.write(b'2 1\\n' + bytes(8))\nout.flush()\ntime.sleep(600)",
    ],
)
def test_a_program_that_was_taken_over_is_not_believed_and_does_not_last(
    program: Any, file: Any, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    program(said)
    if "sleep" in said:
        monkeypatch.setattr(decoder, "TIME_S", 0.5)
    with pytest.raises(RefusedPictureError, match="damaged"):
        decoded(file(picture(40, 30)), SIZE)


def test_only_a_small_jpeg_is_taken_for_a_thumbnail() -> None:
    assert decoded(picture(320, 240, b"JPEG"), SIZE).size() == QSize(320, 240)
    for content in (picture(40, 30, b"PNG"), picture(40, 30, b"BMP"), picture(600, 20, b"JPEG")):
        with pytest.raises(RefusedPictureError):
            decoded(content, SIZE)
    with pytest.raises(RefusedPictureError):
        decoded(picture(40, 30, b"JPEG") + bytes(MAX_THUMBNAIL_BYTES), SIZE)


# --- the gallery ---------------------------------------------------------------------------------------------


def test_a_picture_arrives_later_and_stays(pictures: Pictures, qtbot: Any) -> None:
    one = message(1, carried(picture(40, 30, b"JPEG")))
    with qtbot.waitSignal(pictures.arrived) as arrived:
        assert pictures.find(one, SIZE) is None
        assert pictures.find(one, SIZE) is None  # asked for once only
    assert arrived.args == [one.id]
    found = pictures.find(one, SIZE)
    assert found is not None
    assert found.size() == QSize(40, 30)


def test_a_refusal_arrives_too_and_is_not_tried_again(pictures: Pictures, qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(60_000, 60_000))
    bomb = message(2, Attachment("x.png", 99, "image/png", "done", path=str(path)))
    with qtbot.waitSignal(pictures.arrived):
        pictures.find(bomb, SIZE)
    assert "pixels" in pictures.problem(bomb)
    assert pictures.find(bomb, SIZE) is None
    with qtbot.assertNotEmitted(pictures.arrived, wait=50):
        pictures.find(bomb, SIZE)


def test_memory_is_bounded(pictures: Pictures, qtbot: Any) -> None:
    content = picture(8, 8, b"JPEG")
    for number in range(KEPT + 10):
        with qtbot.waitSignal(pictures.arrived):
            pictures.find(message(number, carried(content)), SIZE)
    assert len(pictures._kept) == KEPT
