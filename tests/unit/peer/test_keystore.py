"""The key file: opened by its passphrase only, never changed by a failure."""

from __future__ import annotations

import os
import stat

import pytest

from sealwire.crypto.identity import realm_of
from sealwire.errors import BrokerKeyMissingError, KeyFileAccessError, KeyFileError, OtherBrokerError
from sealwire.peer import keystore
from sealwire.peer.profile import Profile
from sealwire.testing import reissue
from tests.vectors.people import NOW_MS, person

BROKER = bytes(range(32))


@pytest.fixture
def profile(tmp_path):
    made = Profile("alice", "tcp://127.0.0.1:1", BROKER, "broker.pub", None, tmp_path / "keys", tmp_path / "data", 1, 1)
    identity = reissue(person("alice"), realm_of(BROKER), "alice", os.urandom(16), NOW_MS)
    keystore.seal(made, b"open sesame", identity, os.urandom)
    return made


def test_it_opens_with_its_passphrase(profile):
    keys = keystore.open_keys(profile, b"open sesame")
    assert keys.identity.card.card.account == "alice"
    assert keystore.exists(profile.keys_dir, "alice")


def test_files_are_private_and_the_card_is_not(profile):
    assert stat.S_IMODE(profile.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(profile.keys_dir.stat().st_mode) == 0o700
    assert "BEGIN SEALWIRE CARD" in profile.public_file.read_text()


@pytest.mark.parametrize("damage", ["other passphrase", "truncated", "flipped", "empty", "huge"])
def test_whatever_is_wrong_is_one_error_and_leaves_the_file_alone(profile, damage):
    whole = profile.key_file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    content = {"truncated": whole[:-1], "flipped": bytes(flipped), "empty": b"", "huge": bytes(3 << 20)}
    profile.key_file.write_bytes(content.get(damage, whole))
    before = profile.key_file.read_bytes()
    with pytest.raises(KeyFileError) as caught:
        keystore.open_keys(profile, b"wrong" if damage == "other passphrase" else b"open sesame")
    assert caught.value.exit == 4
    assert profile.key_file.read_bytes() == before


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_key_file_that_cannot_be_read_is_not_called_a_wrong_passphrase(profile, make):
    profile.key_file.unlink()
    make(profile.key_file)
    with pytest.raises(KeyFileAccessError, match="it is not a file") as caught:
        keystore.open_keys(profile, b"open sesame")
    assert caught.value.exit == 4


def test_no_keys_are_made_for_a_folder_that_takes_none(tmp_path):
    (tmp_path / "keys").touch()
    profile = Profile("alice", "x", BROKER, "broker.pub", None, tmp_path / "keys", tmp_path / "data", 1, 1)
    steps = []
    with pytest.raises(KeyFileAccessError):
        keystore.create(profile, b"", steps.append, os.urandom, NOW_MS)
    assert steps == []


def test_a_key_file_under_another_name_is_refused(profile):
    profile.key_file.rename(profile.keys_dir / "bob.key")
    other = Profile("bob", "x", BROKER, "broker.pub", None, profile.keys_dir, profile.data_dir, 1, 1)
    with pytest.raises(KeyFileError):
        keystore.open_keys(other, b"open sesame")


def test_a_profile_of_another_broker_says_so(profile):
    other = Profile("alice", "x", bytes(32), "broker.pub", None, profile.keys_dir, profile.data_dir, 1, 1)
    with pytest.raises(OtherBrokerError, match="another broker"):
        keystore.open_keys(other, b"open sesame")


def test_without_a_broker_key_nothing_is_made(tmp_path):
    unpinned = Profile("alice", "x", None, "keys/broker.pub", None, tmp_path / "keys", tmp_path / "data")
    with pytest.raises(BrokerKeyMissingError):
        keystore.create(unpinned, b"", lambda _line: None, os.urandom, NOW_MS)
    assert not (tmp_path / "keys").exists()


def test_no_secret_is_in_a_repr(profile):
    keys = keystore.open_keys(profile, b"open sesame")
    for secret in (keys.connection_secret, keys.identity.device.ik, keys.identity.device.sk):
        assert secret.hex() not in repr(keys) + repr(keys.identity) + repr(keys.vault)
        assert repr(secret) not in repr(keys) + repr(keys.identity) + repr(keys.vault)
