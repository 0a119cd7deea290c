"""A line of text as a QR code: for a terminal, or in a file that can be printed.

A terminal's own colours may be light on dark or dark on light, and scanners want dark on light: each half block is
written with both of its colours named.

Source: ISO/IEC 18004.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import segno

QUIET: Final = 4
"""Light modules around a code; with fewer, scanners do not find its edge."""
FILE_SCALE: Final = 10
"""Pixels of a module in a file: a phone reads it from a screen or from paper."""
FILE_KINDS: Final = ("svg", "png")

_DARK_ON_LIGHT: Final = "\x1b[30;107m"
_PLAIN: Final = "\x1b[0m"
_HALVES: Final = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
"""Two modules, one above the other, as one character (1 is dark)."""


def _code(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m", boost_error=False)


def columns(text: str) -> int:
    """Return how many columns of a terminal the code of ``text`` takes."""
    return len(_code(text).matrix) + 2 * QUIET


def modules(text: str) -> list[bytes]:
    """Return the code with its quiet margin as rows of modules, 1 for a dark one."""
    return [bytes(row) for row in _code(text).matrix_iter(border=QUIET)]


def half_blocks(text: str) -> list[str]:
    """Return the code as lines of half blocks, to be drawn dark on light; its quiet zone is part of it."""
    rows = [tuple(row) for row in _code(text).matrix_iter(border=QUIET)]
    if len(rows) % 2:
        rows.append((0,) * len(rows[0]))
    return ["".join(_HALVES[pair] for pair in zip(*pair_of_rows)) for pair_of_rows in zip(rows[::2], rows[1::2])]


def in_terminal(text: str) -> str:
    """Return the code as lines for a terminal that knows colours and block characters."""
    return "\n".join(f"{_DARK_ON_LIGHT}{line}{_PLAIN}" for line in half_blocks(text))


def is_file_kind(path: Path) -> bool:
    """Whether a file of this name can hold a code."""
    return path.suffix.lower().removeprefix(".") in FILE_KINDS


def as_file(text: str, path: Path) -> bytes:
    """Return the content of an SVG or PNG file, whichever the name says.

    Raises:
        ValueError: the name ends in neither.
    """
    if not is_file_kind(path):
        raise ValueError(path.suffix)
    out = io.BytesIO()
    _code(text).save(out, kind=path.suffix.lower().removeprefix("."), scale=FILE_SCALE, border=QUIET, light="white")
    return out.getvalue()
