"""Small files that must be whole or absent, private, and held by one process: used by broker and peer alike."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sealwire.errors import UsageError
from sealwire.i18n import _

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
CHECKED_OUT = {".gitignore", "README.md"}
"""What ``keys/`` of a checkout holds. Git keeps no modes of folders, so others may enter it; with anything else in it,
it may be there for more than keys, and is left as it is."""

READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""For a file that a person named: a pipe without a writer is opened at once and not waited for."""


def user_path(path: Path | str) -> Path:
    """Return the path that a person wrote; ~ is their home folder, ~anna that of anna.

    Raises:
        UsageError: nobody of that name has one, or it has a character that no path has.
    """
    try:
        written = Path(path).expanduser()
    except RuntimeError:
        written = None
    if written is None or "\0" in str(path):
        raise UsageError(_("{path} is no path here.").format(path=str(path).replace("\0", "\\0")))
    return written


def make_private_folder(path: Path) -> None:
    """Create a folder (and its parents) that only its owner may enter; an existing one is left as it is."""
    if not path.parent.exists():
        make_private_folder(path.parent)  # mkdir's own parents=True would leave them open to others
    path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def make_key_folder(path: Path) -> None:
    """Create a folder for keys like any private one, or close one of ours that waits for its first: a checkout's."""
    make_private_folder(path)
    if os.name == "nt":
        return  # there are no such modes
    there = path.stat()
    is_open = there.st_uid == os.geteuid() and there.st_mode & 0o077
    if is_open and {entry.name for entry in path.iterdir()} == CHECKED_OUT:
        path.chmod(PRIVATE_FOLDER)


def open_private(path: Path, flags: int) -> int:
    """Open a file of mode 0600; one that is made belongs to whoever owns its folder. Returns the descriptor.

    Root may look after a service's folder: what root makes there the service must be able to open. A link in the
    place of the file is refused, because whoever owns the folder may have put it there for root to follow.

    Raises:
        OSError: as the system says.
    """
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    except FileExistsError:
        return os.open(path, flags)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def reading(path: Path, *, devices: bool = False) -> IO[bytes]:
    """Open a file; a pipe without a writer would hold us up, and no signal ends that.

    Args:
        devices: take a device as well: /dev/null is an empty file to many scripts, /dev/zero has no end.

    Raises:
        OSError: as the system says, or it is none.
    """
    descriptor = os.open(path, READ)
    try:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or (devices and stat.S_ISCHR(mode))):
            raise OSError(errno.EINVAL, _("it is not a file"), str(path))
        return os.fdopen(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 that is whole after any crash: temporary file, fsync, rename, fsync of the folder.

    Raises:
        OSError: as the system says; the old file is untouched then.
    """
    temporary = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()  # left behind by a crash
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


@contextlib.contextmanager
def new_file(target: Path) -> Iterator[IO[bytes]]:
    """A file of mode 0600 that has its name once all of it is written and synced; nothing is ever replaced.

    Until then it lies beside it with ``.part`` behind its name. That must be free as well: what has such a name and is
    not of ours is nobody's to delete.

    Raises:
        FileExistsError: something has one of the two names; ``filename`` says which.
        OSError: as the system says.
    """
    if os.path.lexists(target):
        raise _taken(target)
    part = target.with_name(f"{target.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not give_name(part, target):
            raise _taken(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def _taken(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def give_name(temporary: Path, path: Path) -> bool:
    """Give a finished file of ours its name; False when something has it, a dangling link included. Raises OSError."""
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError:  # no links here, as on most sticks: take the name first, so that nobody else's file is replaced
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        except FileExistsError:
            return False
        temporary.replace(path)
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Make what a folder lists survive power loss."""
    if os.name == "nt":
        return  # Windows has no way to sync a folder; the rename itself is journalled
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_at(descriptor: int, length: int, at: int) -> bytes:
    """Return up to ``length`` bytes from a place in a file. Raises OSError."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, at)
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.read(descriptor, length)


def write_at(descriptor: int, content: bytes, at: int) -> None:
    """Write all of it to a place in a file. Raises OSError."""
    written = 0
    while written < len(content):
        piece = content[written:] if written else content
        if hasattr(os, "pwrite"):
            written += os.pwrite(descriptor, piece, at + written)
        else:
            os.lseek(descriptor, at + written, os.SEEK_SET)
            written += os.write(descriptor, piece)


sync_data = getattr(os, "fdatasync", os.fsync)
"""Make the content of a file survive power loss; when it was changed may be lost."""


class PidLock:
    """Held by one process at a time; the kernel lets go of it when that process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> int | None:
        """Take the lock; returns None, or the PID of the process that has it (0 when that cannot be read)."""
        file = os.fdopen(open_private(self._path, os.O_RDWR | os.O_APPEND), "a+b")
        if not _try_lock(file):
            file.seek(0)
            holder = file.read(20).strip()
            file.close()
            return int(holder) if holder.isdigit() else 0
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()).encode())
        file.flush()
        self._file = file
        return None

    def holder(self) -> int | None:
        """Return the PID of the process that has the lock, None when none does.

        Only a process that lives is looked for: looking takes the lock for a moment, and nobody who starts just then
        shall find it taken.
        """
        try:
            with self._path.open("rb") as file:
                holder = file.read(20).strip()
                is_held = holder.isdigit() and _is_alive(int(holder)) and not _try_lock(file)
                return int(holder) if is_held else None
        except OSError:
            return None

    def release(self) -> None:
        """Let go; the file stays, so that nobody can lock a different one of the same name."""
        if self._file is not None:
            self._file.close()
            self._file = None


if os.name == "nt":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(1 << 30)  # far behind the PID, so that others can still read it
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True

    def _is_alive(pid: int) -> bool:
        return pid > 0  # os.kill would end it

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _is_alive(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        except (OSError, OverflowError):
            return False
        return True
