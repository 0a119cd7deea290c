"""A profile in one file: its keys under a passphrase, its database as it stood, nothing in clear.

The database is copied page by page and stays under its own key, which is inside the keys; an HMAC under a key of theirs
covers every byte, so what is put back is exactly what was taken.

Source: protocol.md §14.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import apsw
import msgspec

from sealwire.crypto.card import card_to_text
from sealwire.crypto.primitives import Rng, equal
from sealwire.crypto.vault import MAX_KEY_FILE_BYTES, KdfParams, open_key_file, seal_key_file
from sealwire.errors import BackupError, RefusedError, RemoteProtocolError, SealwireError
from sealwire.files import PRIVATE_FILE, make_key_folder, make_private_folder, new_file, reading, write_private
from sealwire.i18n import _
from sealwire.peer import keystore
from sealwire.peer.keystore import Keys
from sealwire.peer.profile import Profile
from sealwire.peer.store import Store

MAGIC: Final = b"sealwire backup\n"
VERSION: Final = 1
MAC_BYTES: Final = 32
_HEAD = struct.Struct(f">{len(MAGIC)}sBI")
_SIZE = struct.Struct(">Q")
_PIECE_BYTES: Final = 1024 * 1024


def write(target: Path, keys: Keys, store: Store, passphrase: bytes, params: KdfParams, rng: Rng = os.urandom) -> None:
    """Write a backup to a new file of mode 0600; whole or not there at all.

    Args:
        store: between two transactions.

    Raises:
        BackupError: the file exists, or cannot be written.
    """
    try:
        with new_file(target) as file, _copied(store, target) as copy:
            sealed = seal_key_file(passphrase, keys.payload, params, rng)
            _assemble(file, copy, sealed, keys.vault.subkey("backup"))
    except FileExistsError as error:
        detail = _("it exists already, and is not overwritten")
        raise BackupError(path=error.filename or target, detail=detail) from None
    except OSError as error:
        raise BackupError(path=target, detail=error.strerror or str(error)) from error
    except apsw.Error as error:
        raise BackupError(path=target, detail=str(error)) from error


@contextmanager
def _copied(store: Store, target: Path) -> Iterator[Path]:
    """The database once more, beside the target, for as long as it is read."""
    copy = target.with_name(f"{target.name}.copy")
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
    try:
        store.copy_to(copy)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _assemble(file: IO[bytes], copy: Path, sealed: bytes, key: bytes) -> None:
    mac = hmac.new(key, digestmod=hashlib.sha256)
    with copy.open("rb") as database:
        pieces = (_HEAD.pack(MAGIC, VERSION, len(sealed)), sealed, _SIZE.pack(copy.stat().st_size))
        for piece in (*pieces, *_pieces(database)):
            mac.update(piece)
            file.write(piece)
    file.write(mac.digest())


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


def restore(profile: Profile, source: Path, passphrase: bytes) -> Keys:
    """Put a backup in the place of a profile that is not there. The passphrase becomes the profile's.

    The database goes first and the key file last, so that a crash in between leaves no profile at all. It counts as
    older than the last one used: its conversations go on under fresh keys.

    Raises:
        BackupError: the profile exists, or the backup is broken, of another name or passphrase; nothing was touched.
    """
    if profile.key_file.exists() or profile.database.exists():
        raise BackupError(path=source, detail=_("the profile {name} exists here").format(name=profile.name))
    make_key_folder(profile.keys_dir)
    make_private_folder(profile.data_dir)
    part = profile.database.with_name("peer.db.part")
    try:
        keys, sealed = _unpack(source, part, passphrase, profile.name)
        store = Store(part, keys.vault.subkey("store"))
        store.check()
        starts = int.from_bytes(store.get("starts") or b"", "big")
        store.close()
        part.replace(profile.database)
        write_private(profile.starts_file, str(starts + 1).encode())
        write_private(profile.public_file, card_to_text(keys.identity.card).encode())
        write_private(profile.key_file, sealed)
    except (OSError, apsw.Error, RefusedError, RemoteProtocolError, msgspec.DecodeError) as error:
        raise BackupError(path=source, detail=_why(error)) from error
    finally:
        for end in ("", "-wal", "-shm"):
            part.with_name(part.name + end).unlink(missing_ok=True)
    return keys


def _unpack(source: Path, part: Path, passphrase: bytes, name: str) -> tuple[Keys, bytes]:
    with reading(source) as file:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise RemoteProtocolError("no backup")
        magic, version, size = _HEAD.unpack(head)
        if magic == MAGIC and version > VERSION:
            raise BackupError(path=source, detail=_("it was made by a newer version of Sealwire"))
        if magic != MAGIC or version != VERSION or size > MAX_KEY_FILE_BYTES:
            raise RemoteProtocolError("no backup")
        sealed = file.read(size)
        keys = keystore.read_payload(open_key_file(passphrase, sealed))
        if keys.identity.card.card.account != name:
            raise BackupError(path=source, detail=_("it is of {name}").format(name=keys.identity.card.card.account))
        mac = hmac.new(keys.vault.subkey("backup"), head + sealed, hashlib.sha256)
        _copy_database(file, part, mac)
        if not equal(file.read(MAC_BYTES + 1), mac.digest()):
            raise RefusedError("backup")
    return keys, sealed


def _copy_database(file: IO[bytes], part: Path, mac: hmac.HMAC) -> None:
    field = file.read(_SIZE.size)
    if len(field) < _SIZE.size:
        raise RemoteProtocolError("no backup")
    mac.update(field)
    left = int(_SIZE.unpack(field)[0])
    if left > os.fstat(file.fileno()).st_size:
        raise RemoteProtocolError("no backup")  # before a byte is written: a number is not a promise
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        while left:
            piece = file.read(min(left, _PIECE_BYTES))
            if not piece:
                raise RemoteProtocolError("no backup")
            left -= len(piece)
            mac.update(piece)
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())


def _why(error: Exception) -> str:
    if isinstance(error, SealwireError):
        return _("the passphrase is wrong, or the file is damaged")
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
