"""A local socket that only its own user can open: where it lies, how it is found, how leftovers go.

It lies in a private folder; where that path is too long for the system it lies in a private folder for short-lived
files, and a pointer beside the place says where. Whoever holds the folder's lock owns both names, so leftovers of a
killed process are simply replaced. Windows has no socket of mode 0600: there is none then, and who asks is told so.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import tempfile
from pathlib import Path

from sealwire.errors import NotPermittedError

FALLBACK_PREFIX = "sealwire-"
ROOT = 0
_CREDENTIALS = struct.Struct("3i")
MAX_PATH_BYTES = 100
"""Linux holds 107 bytes of a socket's path, macOS 103; a longer one fails at bind."""


def is_possible() -> bool:
    """Whether this system has local sockets that only their user can open."""
    return hasattr(socket, "AF_UNIX") and os.name == "posix"


def listen(folder: Path, name: str) -> socket.socket:
    """Bind and listen; the lock of ``folder`` (mode 0700) is held by this process.

    Args:
        name: without ending: ``peer`` for ``peer.sock``.

    Raises:
        OSError: as the system says.
    """
    remove(folder, name)
    path = _choose(folder, name)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)  # its folder is 0700 already: there is no moment in which others could connect
        listener.listen(16)
    except BaseException:
        listener.close()
        raise
    return listener


def connect(folder: Path, name: str) -> socket.socket | None:
    """Connect to whoever listens there; None when nobody does.

    Raises:
        NotPermittedError: the folder is another user's, so nobody here can say whether somebody does.
    """
    if not is_possible():
        return None
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        client.connect(str(current(folder, name)))
        is_theirs = peer_user(client) in (os.geteuid(), folder.stat().st_uid, ROOT, None)
    except PermissionError as error:
        client.close()
        raise NotPermittedError(folder, error.strerror or str(error)) from None
    except OSError:
        is_theirs = False
    if not is_theirs:
        client.close()
        return None
    return client


def peer_user(client: socket.socket) -> int | None:
    """Return the user at the other end, as the system numbers them; None where it does not say.

    Asked of whoever listens: a pointer outlives a killed process, and the folder for short-lived files that it names
    may have been cleaned away: whoever makes one of that name meanwhile must not be told what is to be sent.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    _pid, uid, _gid = _CREDENTIALS.unpack(client.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return int(uid)


def user_name(number: int | None) -> str | None:
    """Return what this system calls one of its users: their number where it has no name for them."""
    if number is None:
        return None
    import pwd  # Windows has none, and no numbers of users either

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def current(folder: Path, name: str) -> Path:
    """Return where the process of this folder listens, if one does."""
    with contextlib.suppress(FileNotFoundError):
        return Path((folder / f"{name}.path").read_text("utf-8").strip())
    return folder / f"{name}.sock"


def remove(folder: Path, name: str) -> None:
    """Remove the socket of this process or of a killed one; only what this module made."""
    path = current(folder, name)
    with contextlib.suppress(FileNotFoundError):
        (folder / f"{name}.sock").unlink()
    if path.parent.name.startswith(FALLBACK_PREFIX) and path.name == f"{name}.sock":
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            path.parent.rmdir()
    with contextlib.suppress(FileNotFoundError):
        (folder / f"{name}.path").unlink()


def _choose(folder: Path, name: str) -> Path:
    path = folder / f"{name}.sock"
    if _fits(path):
        return path
    parent = next((one for one in _short_lived() if _fits(Path(one, FALLBACK_PREFIX + "8_random", path.name))), None)
    path = Path(tempfile.mkdtemp(prefix=FALLBACK_PREFIX, dir=parent)) / path.name  # mkdtemp makes it 0700
    (folder / f"{name}.path").write_text(f"{path}\n", "utf-8")
    return path


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= MAX_PATH_BYTES


def _short_lived() -> list[str]:
    """Return the folders for short-lived files that can be written to: what TMPDIR names may be as long as ours."""
    places = (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp")  # noqa: S108 - one of our own in it
    return [place for place in places if os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)]
