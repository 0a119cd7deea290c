"""Pictures are decoded within bounds, and a refusal says why."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QBuffer, QIODevice, QSize
from PySide6.QtGui import QColor, QImage, QImageWriter

from sealwire.peer.events import Attachment, Message
from sealwire.ui.desktop.pictures import KEPT, Pictures, RefusedPictureError, decoded

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
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert QImageWriter(buffer, kind).write(image)
    return bytes(buffer.data().data())


def message(number: int, file: Attachment) -> Message:
    return Message(f"{number:032x}", "bob", "bob", "", 0, True, row=number, kind="file", file=file)


def carried(content: bytes) -> Attachment:
    return Attachment("x.png", len(content), "image/png", "offered", thumbnail=content)


@pytest.mark.parametrize("kind", [b"PNG", b"JPEG", b"WEBP", b"BMP"])
def test_a_picture_is_decoded_no_larger_than_needed(kind: bytes) -> None:
    image = decoded(picture(2_000, 1_000, kind), SIZE)
    assert image.height() == 320
    assert image.width() == 640
    assert decoded(picture(20, 10, kind), SIZE).size() == QSize(20, 10)


def test_a_very_wide_picture_does_not_become_a_very_large_one() -> None:
    image = decoded(picture(20_000, 10), SIZE)
    assert image.width() <= 4 * 320


def test_a_picture_bomb_is_refused_before_memory_is_taken() -> None:
    tracemalloc.start()
    with pytest.raises(RefusedPictureError, match="60,000 × 60,000 pixels"):
        decoded(png(60_000, 60_000), SIZE)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        png(0, 0),
        png(500, 500),
        picture(50, 50)[:-20][:60],
        b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><image href="http://example.org/x"/></svg>',
        b"GIF89a" + b"\xff" * 20,
    ],
)
def test_what_is_no_sound_picture_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(RefusedPictureError) as refused:
        decoded(content, SIZE)
    assert "saved as a file" in str(refused.value)


def test_a_name_that_promises_a_picture_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.raises(RefusedPictureError):
        decoded(str(tmp_path / "x.png"), SIZE)
    (tmp_path / "y.txt").write_bytes(picture(30, 20))
    assert decoded(str(tmp_path / "y.txt"), SIZE).size() == QSize(30, 20)


def test_a_picture_arrives_later_and_stays(pictures: Pictures, qtbot: Any) -> None:
    one = message(1, carried(picture(40, 30)))
    with qtbot.waitSignal(pictures.arrived) as arrived:
        assert pictures.find(one, SIZE) is None
        assert pictures.find(one, SIZE) is None  # asked for once only
    assert arrived.args == [one.id]
    found = pictures.find(one, SIZE)
    assert found is not None
    assert found.size() == QSize(40, 30)


def test_a_refusal_arrives_too_and_is_not_tried_again(pictures: Pictures, qtbot: Any) -> None:
    bomb = message(2, carried(png(60_000, 60_000)))
    with qtbot.waitSignal(pictures.arrived):
        pictures.find(bomb, SIZE)
    assert "pixels" in pictures.problem(bomb)
    assert pictures.find(bomb, SIZE) is None
    with qtbot.assertNotEmitted(pictures.arrived, wait=50):
        pictures.find(bomb, SIZE)


def test_memory_is_bounded(pictures: Pictures, qtbot: Any) -> None:
    content = picture(8, 8)
    for number in range(KEPT + 10):
        with qtbot.waitSignal(pictures.arrived):
            pictures.find(message(number, carried(content)), SIZE)
    assert len(pictures._kept) == KEPT
