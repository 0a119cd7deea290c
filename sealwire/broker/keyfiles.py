"""The broker's key files: made on the first start, read on every other.

``broker.key`` (the CURVE secret key, the broker's identity for life) and ``broker.db.key`` (the key of its database)
have mode 0600; ``broker.pub`` goes to the peers. A file holds comment lines and one line with the key.
"""

from __future__ import annotations

import os
import secrets
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import zmq
from zmq.utils import z85

from sealwire.errors import BrokerKeyFileError
from sealwire.files import make_key_folder, reading, write_private
from sealwire.i18n import _

if TYPE_CHECKING:
    from sealwire.broker.port import BrokerKeys

SECRET_NAME = "broker.key"  # noqa: S105 - a file's name
PUBLIC_NAME = "broker.pub"
DATABASE_NAME = "broker.db.key"

KEY_BYTES = 32
Z85_CHARS = 40

MAX_FILE_BYTES = 4_096
"""A key file is a few lines; without a bound a wrong path could read a disk into memory."""

IDENTITY_COMMENT = """\
# The secret key of this Sealwire broker: its identity for life. Whoever has it can pose as the broker.
# Keep its mode at 0600, and keep a copy in a safe place.
"""
PUBLIC_COMMENT = """\
# The public key of a Sealwire broker. Give this file to peers: they accept no other broker. It is no secret.
"""
DATABASE_COMMENT = """\
# The key of this broker's database. Without it the database cannot be read. Keep its mode at 0600.
"""


def load_or_create(folder: Path) -> BrokerKeys:
    """Return the broker's keys, made first where they do not exist yet.

    Raises:
        BrokerKeyFileError: a secret that others may read, a file that holds no key or cannot be read or made, or keys
            that do not belong together. No file is changed.
    """
    from sealwire.broker.port import BrokerKeys  # a peer, which only reads the public key, needs none of it

    with _allowed(folder / SECRET_NAME):
        make_key_folder(folder)
    secret = _load(folder / SECRET_NAME, read_z85) or _create_secret(folder / SECRET_NAME)
    public = z85.decode(zmq.curve_public(z85.encode(secret)))
    _publish(folder / PUBLIC_NAME, public)
    db_key = _load(folder / DATABASE_NAME, _read_hex) or _create_db_key(folder / DATABASE_NAME)
    return BrokerKeys(curve_public=public, curve_secret=secret, db_key=db_key)


def load_existing(folder: Path) -> BrokerKeys:
    """Return the broker's keys, where there is a database of theirs: new ones would open nothing and be another broker.

    Raises:
        BrokerKeyFileError: one is not there, or as in :func:`load_or_create`.
    """
    for name in (SECRET_NAME, DATABASE_NAME):
        with _allowed(folder / name):
            is_there = (folder / name).exists()
        if not is_there:
            raise BrokerKeyFileError(folder / name, "it is missing", "Put back a copy of the broker's keys first.")
    return load_or_create(folder)


def any_in(folder: Path) -> bool:
    """Return whether the secrets of a broker are there, or one of them.

    Raises:
        BrokerKeyFileError: the system does not let us look.
    """
    with _allowed(folder / SECRET_NAME):
        return any((folder / name).exists() for name in (SECRET_NAME, DATABASE_NAME))


def read_z85(text: str) -> bytes:
    """Return the 32 bytes behind 40 characters of Z85. Raises ValueError."""
    try:
        key = z85.decode(text) if len(text) == Z85_CHARS else b""
    except (KeyError, struct.error):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("not a key")
    return bytes(key)


def read_public(path: Path) -> bytes:
    """Return the public key (32 bytes) in a ``broker.pub`` file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no key.
    """
    return read_z85(_key_line(path))


def _load(path: Path, read: Callable[[str], bytes]) -> bytes | None:
    """Return the key in a secret file, None when there is no such file."""
    try:
        with _allowed(path):
            mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None
    if os.name == "posix" and mode & 0o077:
        detail = _("other users of this machine may read it (mode {mode:04o})").format(mode=mode)
        raise BrokerKeyFileError(path, detail, "Run: chmod 600 {path}")
    try:
        with _allowed(path):
            return read(_key_line(path))
    except ValueError:
        raise BrokerKeyFileError(path, "it holds no key", "Put back a copy of the file. It was not changed.") from None


@contextmanager
def _allowed(path: Path) -> Iterator[None]:
    """Say which key file the system does not let us read or make; one that is not there is no error."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        advice = "Look who owns it and its folder, and what their permissions are. Nothing was changed."
        raise BrokerKeyFileError(path, error.strerror or str(error), advice) from error


def _key_line(path: Path) -> str:
    """Return the line with the key. ``#`` begins a comment: the Z85 of a 32-byte key never does."""
    with reading(path) as file:
        text = file.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def _read_hex(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError("not a key")
    return key


def _create_secret(path: Path) -> bytes:
    _public, secret = zmq.curve_keypair()
    with _allowed(path):
        write_private(path, IDENTITY_COMMENT.encode() + secret + b"\n")
    return bytes(z85.decode(secret))


def _create_db_key(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    with _allowed(path):
        write_private(path, f"{DATABASE_COMMENT}{key.hex()}\n".encode())
    return key


def _publish(path: Path, public: bytes) -> None:
    """Write ``broker.pub`` when it is missing; one that belongs to another secret stops the start."""
    if not path.exists():
        with _allowed(path):
            write_private(path, PUBLIC_COMMENT.encode() + z85.encode(public) + b"\n")
            path.chmod(0o644)  # for the other users of this machine, whatever the umask is
        return
    try:
        with _allowed(path):
            same = read_public(path) == public
    except ValueError:
        same = False
    if not same:
        # Peers may have been given either; only a person can know which one they pinned.
        advice = "If broker.key is the right one, delete {path}: it is made again."
        raise BrokerKeyFileError(path, "it does not belong to broker.key beside it", advice)
