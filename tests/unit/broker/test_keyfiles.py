"""The broker's key files: made once, private, never overwritten."""

from __future__ import annotations

import os
import shutil
import stat
import struct
from pathlib import Path

import pytest
import zmq
from zmq.utils import z85

from sealwire.broker import keyfiles
from sealwire.errors import BrokerKeyFileError
from sealwire.i18n import explain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a" / "keys"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_makes_private_files_and_a_public_one(folder: Path) -> None:
    keys = keyfiles.load_or_create(folder)
    assert mode(folder) == 0o700
    assert (mode(folder / "broker.key"), mode(folder / "broker.db.key")) == (0o600, 0o600)
    assert mode(folder / "broker.pub") == 0o644
    assert keyfiles.read_public(folder / "broker.pub") == keys.curve_public
    assert zmq.curve_public(z85.encode(keys.curve_secret)) == z85.encode(keys.curve_public)
    assert sorted(path.name for path in folder.iterdir()) == ["broker.db.key", "broker.key", "broker.pub"]


def test_later_starts_read_the_same_keys(folder: Path) -> None:
    assert keyfiles.load_or_create(folder) == keyfiles.load_or_create(folder)


def test_a_lost_public_file_is_made_again(folder: Path) -> None:
    keys = keyfiles.load_or_create(folder)
    (folder / "broker.pub").unlink()
    keyfiles.load_or_create(folder)
    assert keyfiles.read_public(folder / "broker.pub") == keys.curve_public


@pytest.mark.parametrize("name", ["broker.key", "broker.db.key"])
def test_a_secret_that_others_may_read_stops_the_start(folder: Path, name: str) -> None:
    keyfiles.load_or_create(folder)
    (folder / name).chmod(0o640)
    with pytest.raises(BrokerKeyFileError) as caught:
        keyfiles.load_or_create(folder)
    assert "mode 0640" in str(caught.value)
    assert explain(caught.value)[1] == f"Run: chmod 600 {folder / name}"


@pytest.mark.parametrize("name", ["broker.key", "broker.db.key"])
@pytest.mark.parametrize("content", [b"", b"# only words\n", b"short\n", b"~" * 40, b"\xff" * 100, b"zz" * 32])
def test_a_file_without_a_key_stops_the_start_and_is_left_untouched(folder: Path, name: str, content: bytes) -> None:
    keyfiles.load_or_create(folder)
    (folder / name).write_bytes(content)
    with pytest.raises(BrokerKeyFileError):
        keyfiles.load_or_create(folder)
    assert (folder / name).read_bytes() == content


@pytest.mark.parametrize("name", ["broker.key", "broker.db.key", "broker.pub", "."])
def test_what_the_system_does_not_let_us_use_is_said_of_its_file(folder: Path, name: str) -> None:
    keyfiles.load_or_create(folder)
    path = folder / name
    shutil.rmtree(path) if name == "." else path.unlink()
    path.touch() if name == "." else path.mkdir(mode=0o700)
    with pytest.raises(BrokerKeyFileError, match=r"cannot be used: (it is not a file|File exists)"):
        keyfiles.load_or_create(folder)


@pytest.mark.parametrize("name", ["broker.key", "broker.db.key", "broker.pub"])
def test_a_pipe_in_the_place_of_a_key_is_not_waited_for(folder: Path, name: str) -> None:
    keyfiles.load_or_create(folder)
    (folder / name).unlink()
    os.mkfifo(folder / name, 0o600)
    with pytest.raises(BrokerKeyFileError, match="it is not a file"):
        keyfiles.load_or_create(folder)


@pytest.mark.parametrize("content", [b"junk", z85.encode(bytes(32)) + b"\n"])
def test_a_public_file_of_another_key_stops_the_start(folder: Path, content: bytes) -> None:
    keyfiles.load_or_create(folder)
    (folder / "broker.pub").write_bytes(content)
    with pytest.raises(BrokerKeyFileError, match=r"does not belong to broker\.key"):
        keyfiles.load_or_create(folder)


def test_comments_are_skipped_and_no_key_looks_like_one(tmp_path: Path) -> None:
    path = tmp_path / "broker.pub"
    path.write_text("# words\n#\n\n" + z85.encode(b"\xff" * 32).decode() + "\n# more\n")
    assert keyfiles.read_public(path) == b"\xff" * 32
    with pytest.raises(struct.error):
        z85.decode("#" + "0" * 39)  # 84 * 85**4 is above 2**32


def test_secrets_are_not_in_the_repr(folder: Path) -> None:
    keys = keyfiles.load_or_create(folder)
    assert repr(keys.curve_secret) not in repr(keys)
    assert repr(keys.db_key) not in repr(keys)
