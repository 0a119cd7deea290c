"""The two ends of a file on this disk: what is sent, and what is fetched into a file of ours until it is verified.

Source: protocol.md §17.1, §17.4.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from sealwire.errors import DiskError, FileChangedError, FileUnreadableError, TargetExistsError
from sealwire.files import (
    PRIVATE_FILE,
    READ,
    give_name,
    make_private_folder,
    read_at,
    reading,
    sync_data,
    sync_folder,
    write_at,
)
from sealwire.i18n import _
from sealwire.peer.filenames import numbered
from sealwire.peer.media import SNIFF_BYTES, sniff

PART: Final = ".part"
SYNC_BYTES: Final = 8 * 1024 * 1024
"""Synced at least this often while a file comes, beside the writing: the sync at the end is short then."""
COPY_BYTES: Final = 1024 * 1024
KEEP_FREE_BYTES: Final = 32 * 1024 * 1024
"""Left to messages: beside a file that has filled the disk the database takes nothing in and nothing out."""
MAX_NUMBER: Final = 10_000
"""Files of one name in one folder; past it somebody plays games."""
_FILES: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Identity(NamedTuple):
    """What a file was when somebody sent it; another size or time means another file."""

    size: int
    mtime_ns: int


def identity_of(path: Path) -> Identity:
    """Return it.

    Raises:
        FileUnreadableError: there is no such file, it is none, or it may not be read.
    """
    try:
        with reading(path) as file:
            found = os.fstat(file.fileno())
    except OSError as error:
        raise FileUnreadableError(path, error.strerror or str(error)) from error
    return Identity(found.st_size, found.st_mtime_ns)


class DiskSource:
    """A file that is sent. Implements ``moves.Source``.

    Raises:
        FileUnreadableError: it is not there (any more), as on a stick that was pulled out.
        FileChangedError: it is not what it was.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        self._path = path
        self._identity = identity
        try:
            self._descriptor = os.open(path, READ)
        except OSError as error:
            raise FileUnreadableError(path, error.strerror or str(error)) from error
        try:
            self.check()
        except FileChangedError:
            os.close(self._descriptor)
            raise

    def read(self, at: int, length: int) -> bytes:
        """Return that piece. Raises FileChangedError."""
        try:
            content = read_at(self._descriptor, length, at)
        except OSError as error:
            raise FileChangedError(self._path) from error
        if len(content) != length:
            raise FileChangedError(self._path)
        return content

    def check(self) -> None:
        """Raise FileChangedError when it is no longer what it was at the start."""
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode) or (found.st_size, found.st_mtime_ns) != self._identity:
            raise FileChangedError(self._path)

    def close(self) -> None:
        """Let go of it."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


class DiskSink:
    """A file that is fetched: ``ID.part`` in a private folder, then its name in the target. Implements ``moves.Sink``.

    Args:
        part: the file of ours.
        target: a folder for it, or the path it shall have.
        name: what to call it in a folder; already clean.

    Raises:
        DiskError: the file of ours cannot be opened, or is not one of ours; there is no folder for the target.
        TargetExistsError: the path is taken.
    """

    def __init__(self, part: Path, target: Path, name: str) -> None:
        self._part = part
        self._target = target
        self._name = name
        if not target.is_dir() and os.path.lexists(target):
            raise TargetExistsError(target)
        try:
            make_private_folder(part.parent)
            target.parent.stat()  # said now, and not after an hour of fetching
            self._descriptor = os.open(part, os.O_RDWR | os.O_CREAT | _FILES, PRIVATE_FILE)
        except OSError as error:
            raise _disk(error) from error
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            os.close(self._descriptor)
            raise DiskError(_("something else is in the place of {path}").format(path=part))
        self._syncer = ThreadPoolExecutor(1, "sealwire-sync")
        self._sync: Future[None] | None = None
        self._unsynced = 0

    def there(self) -> int:
        """How many bytes of an earlier try are there."""
        return os.fstat(self._descriptor).st_size

    def read(self, at: int, length: int) -> bytes:
        """Return a piece of what is there. Raises DiskError."""
        try:
            content = read_at(self._descriptor, length, at)
        except OSError as error:
            raise _disk(error) from error
        if len(content) != length:
            raise DiskError(_("a part of it has vanished"))
        return content

    def write(self, at: int, content: bytes) -> None:
        """Append a piece; what was written before is synced meanwhile. Raises DiskError."""
        try:
            if shutil.disk_usage(self._part.parent).free < KEEP_FREE_BYTES + len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write_at(self._descriptor, content, at)
            self._unsynced += len(content)
            if self._unsynced >= SYNC_BYTES and (self._sync is None or self._sync.done()):
                if self._sync is not None:
                    self._sync.result()
                self._unsynced = 0
                self._sync = self._syncer.submit(sync_data, self._descriptor)
        except OSError as error:
            raise _disk(error) from error

    def cut(self, size: int) -> None:
        """Forget what is behind ``size``. Raises DiskError."""
        try:
            os.ftruncate(self._descriptor, size)
        except OSError as error:
            raise _disk(error) from error

    def finish(self) -> tuple[str, str]:
        """Sync it and give it its name, which nothing had before. Raises DiskError, TargetExistsError."""
        try:
            if self._sync is not None:
                self._sync.result()
            os.fsync(self._descriptor)
            media_type = sniff(read_at(self._descriptor, SNIFF_BYTES, 0))
            path = place(self._part, self._target, self._name)
        except OSError as error:
            raise _disk(error) from error
        self.close()
        return str(path), media_type

    def close(self) -> None:
        """Let go of it; what is there stays for another try."""
        self._syncer.shutdown()
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path lies below a folder, whatever links are on the way."""
    try:
        return path.parent.resolve().is_relative_to(folder.resolve())
    except OSError:
        return False


def discard(part: Path) -> None:
    """Delete what is here of a file."""
    with contextlib.suppress(OSError):
        part.unlink()


def place(part: Path, target: Path, name: str) -> Path:
    """Give a finished file its name. In a folder a name that is taken gets a number; nothing is overwritten.

    The part keeps its own name until the database knows the other: a crash in between finds the name it had given.

    Raises:
        OSError, TargetExistsError.
    """
    if not target.is_dir():
        if not _link(part, target):
            raise TargetExistsError(target)
        return target
    for number in range(1, MAX_NUMBER):
        path = target / numbered(name, number)
        if _link(part, path):
            return path
    raise TargetExistsError(target / name)


def copy(source: Path, target: Path) -> None:
    """Copy a finished file to a new place. Raises DiskError, TargetExistsError."""
    try:
        if not _copied(source, target):
            raise TargetExistsError(target)
    except OSError as error:
        raise _disk(error) from error


def _link(part: Path, path: Path) -> bool:
    """Give ``part`` that name, too, if nothing else has it, a dangling link included."""
    try:
        os.link(part, path, follow_symlinks=False)
    except FileExistsError:
        return not path.is_symlink() and path.samefile(part)
    except OSError:  # another file system, or one without links
        return _copied(part, path)
    sync_folder(path.parent)
    return True


def _copied(source: Path, path: Path) -> bool:
    """Copy through a name of our own; False when the name is taken."""
    if os.path.lexists(path):
        return False
    temporary = path.with_name(f".{os.urandom(8).hex()}{PART}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILES, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as to, source.open("rb") as file:
            while content := file.read(COPY_BYTES):
                to.write(content)
            to.flush()
            os.fsync(to.fileno())
        return give_name(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _disk(error: OSError) -> DiskError:
    return DiskError(error.strerror or str(error))
