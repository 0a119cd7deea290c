"""The broker's key files: made on the first start, read on every other.

``broker.key`` (the CURVE secret key, the broker's identity for life) and ``broker.db.key`` (the key of its database)
have mode 0600; ``broker.pub`` goes to the peers. A file holds comment lines and one line with the key.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import zmq
from zmq.utils import z85

from sealwire.broker.port import BrokerKeys
from sealwire.errors import BrokerKeyFileError

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
        BrokerKeyFileError: a secret that others may read, a file that holds no key, or keys that do not belong
            together. No file is changed.
    """
    private_folder(folder)
    secret = _load(folder / SECRET_NAME, read_z85) or _create_secret(folder / SECRET_NAME)
    public = z85.decode(zmq.curve_public(z85.encode(secret)))
    _publish(folder / PUBLIC_NAME, public)
    db_key = _load(folder / DATABASE_NAME, _read_hex) or _create_db_key(folder / DATABASE_NAME)
    return BrokerKeys(curve_public=public, curve_secret=secret, db_key=db_key)


def private_folder(folder: Path) -> None:
    """Make a folder and its missing parents, for the owner alone."""
    if not folder.parent.exists():
        private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


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
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None
    if os.name == "posix" and mode & 0o077:
        detail = f"other users of this machine may read it (mode {mode:04o})"
        raise BrokerKeyFileError(path, detail, f"Run: chmod 600 {path}")
    try:
        return read(_key_line(path))
    except ValueError:
        raise BrokerKeyFileError(path, "it holds no key", "Put back a copy of the file. It was not changed.") from None


def _key_line(path: Path) -> str:
    """Return the line with the key. ``#`` begins a comment: the Z85 of a 32-byte key never does."""
    with path.open("rb") as file:
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
    _write_once(path, IDENTITY_COMMENT + secret.decode("ascii") + "\n", 0o600)
    return bytes(z85.decode(secret))


def _create_db_key(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    _write_once(path, DATABASE_COMMENT + key.hex() + "\n", 0o600)
    return key


def _publish(path: Path, public: bytes) -> None:
    """Write ``broker.pub`` when it is missing; one that belongs to another secret stops the start."""
    if not path.exists():
        _write_once(path, PUBLIC_COMMENT + z85.encode(public).decode("ascii") + "\n", 0o644)
        return
    try:
        same = read_public(path) == public
    except ValueError:
        same = False
    if not same:
        # Peers may have been given either; only a person can know which one they pinned.
        advice = f"If {SECRET_NAME} is the right one, delete {path}: it is made again."
        raise BrokerKeyFileError(path, f"it does not belong to {SECRET_NAME} beside it", advice)


def _write_once(path: Path, text: str, mode: int) -> None:
    """Write a new file so that it is there whole or not at all, also after a power cut."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            if os.name == "posix":
                os.fchmod(file.fileno(), mode)  # whatever the umask is: a public key is for other users too
            os.fsync(file.fileno())
        draft.rename(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
