"""Opening a profile: one process, and a restored database noticed."""

from __future__ import annotations

import os

import pytest

from sealwire.errors import ProfileBusyError
from sealwire.peer.opening import hold, is_restored
from sealwire.peer.profile import Profile
from sealwire.peer.store import Store


@pytest.fixture
def profile(tmp_path):
    made = Profile("alice", "tcp://127.0.0.1:1", bytes(32), "x", None, tmp_path / "keys", tmp_path / "data")
    made.data_dir.mkdir()
    return made


def test_a_second_holder_is_told_the_pid_of_the_first(profile):
    lock = hold(profile)
    with pytest.raises(ProfileBusyError, match=str(os.getpid())):
        hold(profile)
    lock.release()
    hold(profile).release()


def test_a_stale_lock_file_never_stops_a_start(profile):
    profile.lock_file.write_text("999999")
    lock = hold(profile)
    assert profile.lock_file.read_text() == str(os.getpid())
    lock.release()


def test_a_database_put_back_from_a_copy_is_noticed_once(profile):
    def start() -> bool:
        store = Store(profile.database, bytes(32))
        restored = is_restored(profile, store)
        store.close()
        return restored

    assert not start()
    copy = profile.database.read_bytes()
    assert not start()
    profile.database.write_bytes(copy)
    assert start()
    assert not start()


def test_a_crash_between_database_and_file_is_no_restore(profile):
    store = Store(profile.database, bytes(32))
    assert not is_restored(profile, store)
    profile.starts_file.write_text("0")
    assert not is_restored(profile, store)
