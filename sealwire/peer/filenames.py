"""Names of files that others chose: made harmless before they are a name here, or shown.

Source: protocol.md §17.4.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_NAME_BYTES: Final = 150
"""UTF-8 bytes of a name here: leaves room for a number, an ending and every file system's 255."""
MAX_READ_CHARS: Final = 1_024
"""Looked at of any name: without it one of ten megabytes costs a second for each of its looks."""
MAX_SUFFIX_BYTES: Final = 20
"""Past this the part behind the last dot is no ending that says anything."""
UNNAMED: Final = "file"

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, bidirectional and zero-width characters, halves of characters, line separators."""
_FORBIDDEN: Final = frozenset('<>:"|?*\\/')
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"}
)


def clean(name: str) -> str:
    """Return a name that is no path, hides nothing and can be stored anywhere.

    Source: protocol.md §17.4.
    """
    text = unicodedata.normalize("NFC", name[-MAX_READ_CHARS:])
    text = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    text = "".join(_harmless(character) for character in text)
    text = " ".join(text.split()).strip(". ")  # leading dots hide a file, trailing ones vanish on some systems
    if text.partition(".")[0].strip().lower() in _RESERVED:
        text = f"_{text}"
    return _bounded(text) or UNNAMED


def _harmless(character: str) -> str:
    if character.isspace():
        return " "
    if unicodedata.category(character) in _INVISIBLE:
        return ""
    return "_" if character in _FORBIDDEN else character


def _bounded(text: str) -> str:
    stem, suffix = split(text)
    room = MAX_NAME_BYTES - len(suffix.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + suffix


def split(name: str) -> tuple[str, str]:
    """Return (stem, ending with its dot); a name without a short ending has an empty one."""
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem or not suffix or len(suffix.encode()) > MAX_SUFFIX_BYTES:
        return name, ""
    return stem, f".{suffix}"


def numbered(name: str, number: int) -> str:
    """Return the name for the ``number``-th file that wants it; the first has it as it is."""
    if number <= 1:
        return name
    stem, suffix = split(name)
    return f"{stem} ({number}){suffix}"
