"""One process per folder: a lock that dies with its holder, so a kill -9 never leaves a stale one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO

MAX_PID_CHARS = 20
"""What is read back of a lock file; it holds one number."""


class HeldError(Exception):
    """Another process holds the lock. ``pid`` is its number, 0 when it has not written it yet."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid


class FileLock:
    """A lock on a file that holds the PID of its holder. The file stays; the lock ends with the process.

    Raises:
        HeldError: on creation, when another process has it.
    """

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._file: IO[str] = os.fdopen(handle, "r+", encoding="ascii", errors="replace")
        if not _try_lock(self._file):
            text = self._file.read(MAX_PID_CHARS)
            self._file.close()
            raise HeldError(int(text) if text.strip().isdecimal() else 0)
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let others in. The file is left: removing it would let two processes lock two files of one name."""
        self._file.close()

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


if sys.platform == "win32":
    import msvcrt

    FAR = 1 << 30
    """Locks of Windows keep readers out: a byte that nobody reads is locked, so that the PID stays readable."""

    def _try_lock(file: IO[str]) -> bool:
        file.seek(FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
