"""A profile in one file: put back whole, under fresh keys, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sealwire.crypto.identity import realm_of
from sealwire.crypto.vault import KdfParams
from sealwire.errors import BackupError
from sealwire.ids import DeviceId, MessageId
from sealwire.peer import backup, keystore, opening
from sealwire.peer.keystore import Keys
from sealwire.peer.profile import Profile
from sealwire.peer.store import Store
from sealwire.testing.network import reissue
from tests.conftest import PEOPLE

BROKER = bytes(range(32))
CHEAP = KdfParams(64, 1)


def profile(folder: Path, name: str = "alice") -> Profile:
    return Profile(name, "tcp://127.0.0.1:1", BROKER, "broker.pub", None, folder / "keys", folder / "data" / name, 8, 1)


def live(folder: Path) -> tuple[Profile, Keys, Store]:
    made = profile(folder)
    keys = keystore.seal(
        made, b"old", reissue(PEOPLE["alice"], realm_of(BROKER), "alice", DeviceId(bytes(16)), 0), os.urandom
    )
    made.data_dir.mkdir(parents=True)
    store = Store(made.database, keys.vault.subkey("store"))
    assert not opening.is_restored(made, store)
    with store.transaction():
        store.add_message(MessageId(bytes(16)), "bob", "bob", False, "the secret text", 1)
    return made, keys, store


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    _, keys, store = live(tmp_path / "one")
    target = tmp_path / "alice.backup"
    backup.write(target, keys, store, b"new", CHEAP)
    store.close()
    return target


def test_a_backup_brings_keys_and_history_to_another_place(saved: Path, tmp_path: Path) -> None:
    there = profile(tmp_path / "two")
    backup.restore(there, saved, b"new")
    keys = keystore.open_keys(there, b"new")
    assert keys.identity.card == keystore.open_keys(profile(tmp_path / "one"), b"old").identity.card
    store = Store(there.database, keys.vault.subkey("store"))
    assert [message.text for message in store.history("bob", 10, None)] == ["the secret text"]
    assert opening.is_restored(there, store), "its chains must not send: somebody may have gone on with them"
    store.close()
    assert [path.stat().st_mode & 0o777 for path in (saved, there.key_file, there.database)] == [0o600] * 3


def test_nothing_in_a_backup_is_readable(saved: Path) -> None:
    content = saved.read_bytes()
    assert b"the secret text" not in content
    assert b"SQLite format 3" not in content
    assert b"alice" not in content


def test_leftovers_beside_a_backup_are_none(saved: Path) -> None:
    assert sorted(path.name for path in saved.parent.iterdir()) == ["alice.backup", "one"]


@pytest.mark.parametrize("passphrase", [b"", b"old"])
def test_another_passphrase_opens_nothing(saved: Path, tmp_path: Path, passphrase: bytes) -> None:
    there = profile(tmp_path / "two")
    with pytest.raises(BackupError):
        backup.restore(there, saved, passphrase)
    assert not there.key_file.exists()
    assert list(there.data_dir.iterdir()) == []


def test_every_byte_counts_and_so_does_the_length(saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    there = profile(tmp_path / "two")
    places = [0, 15, 16, 17, 20, 60, 200, len(content) // 2, len(content) - 33, len(content) - 1]
    broken = [content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] for at in places]
    broken += [content[:-1], content + b"x", content[: len(content) // 2], content[:10], b""]
    for number, bad in enumerate(broken):
        saved.write_bytes(bad)
        with pytest.raises(BackupError):
            backup.restore(there, saved, b"new")
        assert not there.key_file.exists(), number
        assert list(there.data_dir.iterdir()) == [], number


def test_a_profile_that_exists_is_never_replaced_and_neither_is_a_file(saved: Path, tmp_path: Path) -> None:
    here = profile(tmp_path / "one")
    before = here.key_file.read_bytes()
    with pytest.raises(BackupError, match="exists here"):
        backup.restore(here, saved, b"new")
    assert here.key_file.read_bytes() == before
    keys = keystore.open_keys(here, b"old")
    store = Store(here.database, keys.vault.subkey("store"))
    with pytest.raises(BackupError, match="not overwritten"):
        backup.write(saved, keys, store, b"", CHEAP)
    store.close()


def test_a_backup_of_a_newer_version_and_what_is_no_file_are_refused_as_such(saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    newer = tmp_path / "newer.backup"
    newer.write_bytes(content[:16] + b"\x02" + content[17:])
    os.mkfifo(tmp_path / "pipe")
    there = profile(tmp_path / "two")
    for source, why in ((newer, "a newer version"), (tmp_path / "pipe", "it is not a file"), (tmp_path, "not a file")):
        with pytest.raises(BackupError, match=rf"cannot be used: .*{why}") as refused:
            backup.restore(there, source, b"new")
        assert "Errno" not in str(refused.value)
    assert not there.key_file.exists()
    assert list(there.data_dir.iterdir()) == []


def test_a_backup_of_somebody_else_is_named(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="it is of alice"):
        backup.restore(profile(tmp_path / "two", "bob"), saved, b"new")
