"""The write-ahead log of a database as it was left: whether SQLite can still read all that was committed to it.

SQLite takes the first frame that does not check as the end of its log. After a power cut it is the end; a changed bit
looks the same, and what was committed behind it, synced and answered long ago, would be dropped without a word: for a
broker messages, for a peer ratchet keys that would be used twice. So this looks behind the end. Each transaction is
synced before the next begins, so the pieces of one may lie there, never those of two.

A changed bit in the very last transaction cannot be told from a power cut during it: that one is left out whole.

Source: protocol.md §14; SQLite, "Database File Format" §4.
"""

from __future__ import annotations

from pathlib import Path
from struct import Struct
from typing import Final

import apsw

from sealwire.errors import StoreDamagedError

_HEADER: Final = Struct(">8I")
"""Magic, version, page size, checkpoint number, two salts, two checksums."""
_FRAME: Final = Struct(">6I")
"""Page number, pages of the database after a commit or 0, two salts, two checksums."""
_BIG_ENDIAN: Final = 1
"""Last bit of the magic: byte order of the checksums."""
_MANY: Final = 2
"""Commits behind the end that cannot all be of a transaction cut short."""


def settle(db: apsw.Connection, path: Path) -> None:
    """Check the log that the last process left, then write it back: the next power cut finds one generation only.

    Args:
        db: just opened, its key set, locked for this process alone.

    Raises:
        StoreDamagedError: commits in the log cannot be read. ``db`` is closed, the files are as they were.
    """
    log = path.with_name(path.name + "-wal")
    frames, _ = db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    if has_lost_commits(log, int(db.pragma("page_size")), max(0, frames), path.stat().st_size):
        db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # closing would write back and remove the evidence
        db.close()
        raise StoreDamagedError(path=path, log=log.name)
    try:
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.FullError:
        pass  # the log keeps it


def has_lost_commits(log: Path, page_bytes: int, frames: int, db_bytes: int) -> bool:
    """Whether a log holds commits behind the end that SQLite found.

    Args:
        frames: how many of its frames SQLite can read.
        db_bytes: length of the database file.
    """
    try:
        content = log.open("rb")
    except FileNotFoundError:
        return False
    with content as file:
        header, first = file.read(_HEADER.size), file.read(_FRAME.size)
        if len(first) < _FRAME.size:
            return False
        salts, found = _HEADER.unpack(header)[4:6], _FRAME.unpack(first)[2:4]
        if not _is_header(header):
            # One changed bit leaves at least one salt as it was; a header cut short was never followed by frames.
            return any(salt == other for salt, other in zip(salts, found, strict=True))
        step = _FRAME.size + page_bytes
        total = (log.stat().st_size - _HEADER.size) // step
        pages = db_bytes // page_bytes + total
        commits = 0
        for number in range(frames, total):
            file.seek(_HEADER.size + number * step)
            _, size, *of = _FRAME.unpack(file.read(_FRAME.size))[:4]
            commits += tuple(of) == salts and 0 < size <= pages
        return commits >= _MANY


def _is_header(header: bytes) -> bool:
    """SQLite's checksum of the first 24 bytes."""
    words = Struct(">6I" if header[3] & _BIG_ENDIAN else "<6I").unpack(header[:24])
    a = b = 0
    for left, right in zip(words[::2], words[1::2], strict=True):
        a = (a + left + b) & 0xFFFFFFFF
        b = (b + right + a) & 0xFFFFFFFF
    return (a, b) == _HEADER.unpack(header)[6:8]
