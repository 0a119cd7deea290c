"""QR codes, read back by a decoder that shares nothing with what wrote them."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import pytest
import zxingcpp

from sealwire import invite, qr
from sealwire.invite import Invite

LONGEST = invite.encode(Invite("h" * 253, 65_535, os.urandom(32), os.urandom(16)))
USUAL = invite.encode(Invite("chat.example.org", 5555, os.urandom(32), os.urandom(16)))


def read(rows: list[list[int]], scale: int = 4) -> str:
    """What a scanner reads of modules, 1 dark."""
    wide = [[0 if dark else 255 for dark in row for _ in range(scale)] for row in rows for _ in range(scale)]
    image = memoryview(bytes(pixel for row in wide for pixel in row)).cast("B", (len(wide), len(wide[0])))
    (found,) = zxingcpp.read_barcodes(image)
    return found.text


def rows_of_terminal(text: str) -> list[list[int]]:
    """The modules a person sees: every line must set both of its colours and put them back."""
    halves = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    rows: list[list[int]] = []
    for line in text.split("\n"):
        assert line.startswith("\x1b[30;107m")
        assert line.endswith("\x1b[0m")
        pairs = [halves[char] for char in line.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m")]
        rows += [[upper for upper, _ in pairs], [lower for _, lower in pairs]]
    return rows


def rows_of_png(data: bytes) -> list[list[int]]:
    """The modules of a bilevel PNG, 1 dark."""
    assert data.startswith(b"\x89PNG")
    at, packed, head = 8, b"", b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        head, packed = (body, packed) if kind == b"IHDR" else (head, packed + body if kind == b"IDAT" else packed)
        at += 12 + size
    width, height, depth, colour = struct.unpack(">IIBB", head[:10])
    assert (depth, colour) == (1, 0)
    raw, stride = zlib.decompress(packed), 1 + (width + 7) // 8
    lines, above = [], bytes(stride - 1)
    for at in range(0, height * stride, stride):
        assert raw[at] in (0, 2)  # as it is, or added to the line above
        line = raw[at + 1 : at + stride]
        above = line if raw[at] == 0 else bytes((x + y) & 0xFF for x, y in zip(line, above, strict=True))
        lines.append(above)
    return [[1 - (line[x // 8] >> (7 - x % 8) & 1) for x in range(width)] for line in lines]


@pytest.mark.parametrize("line", [USUAL, LONGEST], ids=["usual", "longest"])
def test_what_a_terminal_shows_is_the_line(line: str) -> None:
    rows = rows_of_terminal(qr.in_terminal(line))
    assert read(rows) == line
    assert {len(row) for row in rows} == {qr.columns(line)}


def test_a_usual_invite_fits_a_usual_terminal() -> None:
    assert qr.columns(USUAL) <= 80
    assert qr.in_terminal(USUAL).count("\n") + 1 <= 25


def test_a_code_stands_in_a_quiet_zone() -> None:
    rows = rows_of_terminal(qr.in_terminal(USUAL))
    assert all(not any(row) for row in rows[:4] + rows[-4:])
    assert all(not any(row[:4] + row[-4:]) for row in rows)


def test_a_png_file_is_the_line() -> None:
    assert read(rows_of_png(qr.as_file(USUAL, Path("invite.PNG"))), scale=1) == USUAL


def test_an_svg_file_is_dark_on_light() -> None:
    text = qr.as_file(USUAL, Path("invite.svg")).decode()
    assert text.startswith("<?xml")
    assert 'fill="#fff"' in text
    assert 'stroke="#000"' in text


@pytest.mark.parametrize("name", ["invite.jpg", "invite", "svg"])
def test_other_files_are_refused(name: str) -> None:
    assert not qr.is_file_kind(Path(name))
    with pytest.raises(ValueError, match=r"^(\.jpg)?$"):
        qr.as_file(USUAL, Path(name))
