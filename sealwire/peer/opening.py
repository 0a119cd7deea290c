"""Opening a profile: one process at a time, the key file, the database, and whether it is the latest one.

Source: protocol.md §14.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time

from sealwire.errors import ProfileBusyError
from sealwire.files import PidLock, make_private_folder, write_private
from sealwire.ids import Millis
from sealwire.peer import keystore
from sealwire.peer.keystore import Keys, Progress
from sealwire.peer.profile import Profile
from sealwire.peer.store import Store


def hold(profile: Profile) -> PidLock:
    """Take the profile's lock.

    Raises:
        ProfileBusyError: another process has it; names its PID.
    """
    make_private_folder(profile.data_dir)
    lock = PidLock(profile.lock_file)
    holder = lock.acquire()
    if holder is not None:
        raise ProfileBusyError(name=profile.name, pid=holder)
    return lock


class BrokenOffError(Exception):
    """Whoever wanted the profile opened does not want it any more."""


def unlock(
    profile: Profile, passphrase: bytes, progress: Progress, now_ms: Millis, unwanted: threading.Event
) -> tuple[Keys, Store]:
    """Open keys and database, or make them on a first start.

    Args:
        unwanted: set while keys are being made, it ends that; then none are kept.

    Raises:
        BrokenOffError: ``unwanted`` was set in time.
        KeyFileError, KeyFileAccessError, BrokerKeyMissingError, IntegrityError, StoreError.
    """

    def rng(count: int) -> bytes:  # asked for randomness all the time that primes are looked for
        if unwanted.is_set():
            raise BrokenOffError
        return os.urandom(count)

    if keystore.exists(profile.keys_dir, profile.name):
        keys = keystore.open_keys(profile, passphrase)
    else:
        keys = keystore.create(profile, passphrase, progress, rng, now_ms)
    return keys, Store(profile.database, keys.vault.subkey("store"))


async def opened(profile: Profile, passphrase: bytes, progress: Progress) -> tuple[Keys, Store, PidLock]:
    """Take the profile's lock and :func:`unlock` it in a thread; a caller who gives up leaves nothing held.

    Raises:
        ProfileBusyError, KeyFileError, KeyFileAccessError, BrokerKeyMissingError, IntegrityError, StoreError.
    """
    lock = hold(profile)
    unwanted = threading.Event()
    unlocking = asyncio.to_thread(unlock, profile, passphrase, progress, time.time_ns() // 1_000_000, unwanted)
    work = asyncio.ensure_future(unlocking)
    try:
        keys, store = await asyncio.shield(work)
    except BaseException:
        unwanted.set()
        await asyncio.wait({work})  # its thread may be writing: the profile is held until it has ended
        if work.exception() is None:
            work.result()[1].close()
        lock.release()
        raise
    return keys, store, lock


def is_restored(profile: Profile, store: Store) -> bool:
    """Count this start; True when the database has seen fewer starts than the file beside it.

    A database that was put back from an older copy would use ratchet keys a second time: its chains must not send.
    """
    path = profile.starts_file
    text = path.read_text("ascii", "replace") if path.exists() else ""
    beside = int(text) if text.isdigit() else 0
    with store.transaction():
        inside = int.from_bytes(store.get("starts") or b"", "big")
        store.put("starts", (max(beside, inside) + 1).to_bytes(8, "big"))
    write_private(
        path, str(max(beside, inside) + 1).encode()
    )  # after the commit: a crash between looks like no restore
    return beside > inside
