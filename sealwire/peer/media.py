"""What a file is, from how it begins; what others call it decides nothing.

Source: protocol.md §17.4.
"""

from __future__ import annotations

from typing import Final

SNIFF_BYTES: Final = 4_096
"""Looked at of a file: enough for every mark below, and to tell text from anything else."""
UNKNOWN: Final = "application/octet-stream"
TEXT: Final = "text/plain"
IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What thumbnails are made of."""

_MARKS: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ", "application/x-executable"),
)


def sniff(beginning: bytes) -> str:
    """Return the media type of a file that begins like this."""
    head = beginning[:SNIFF_BYTES]
    for at, mark, media_type in _MARKS:
        if head.startswith(mark, at) and (at != 8 or head.startswith(b"RIFF")):
            return media_type
    return TEXT if _is_text(head) else UNKNOWN


def _is_text(head: bytes) -> bool:
    if not head or any(byte < 9 or (13 < byte < 32 and byte != 27) for byte in head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) == SNIFF_BYTES and error.start >= len(head) - 3  # a character that the look has cut
    return True


def shown(media_type: str) -> str:
    """Return what somebody calls a file's type if it has the form of one, else the unknown one."""
    kind, slash, rest = media_type.partition("/")
    letters = (kind + rest).replace("-", "").replace("+", "").replace(".", "")
    is_type = bool(slash and kind and rest) and letters.isascii() and letters.isalnum()
    return media_type.lower() if is_type else UNKNOWN
