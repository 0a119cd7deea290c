"""Small files: whole or absent, private, one holder."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from sealwire.errors import UsageError
from sealwire.files import PidLock, make_key_folder, make_private_folder, open_private, user_path, write_private


def test_a_private_file_is_whole_and_0600(tmp_path):
    write_private(tmp_path / "key", b"one")
    write_private(tmp_path / "key", b"two")
    assert (tmp_path / "key").read_bytes() == b"two"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["key"]


def test_a_leftover_of_a_crash_does_not_stop_a_write(tmp_path):
    (tmp_path / "key.new").write_bytes(b"half")
    write_private(tmp_path / "key", b"whole")
    assert (tmp_path / "key").read_bytes() == b"whole"


def test_every_folder_made_on_the_way_is_private(tmp_path):
    make_private_folder(tmp_path / "a" / "b" / "c")
    for folder in ("a", "a/b", "a/b/c"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700


def test_an_existing_folder_is_left_as_it_is(tmp_path):
    (tmp_path / "mine").mkdir(mode=0o755)
    (tmp_path / "mine").chmod(0o755)
    make_private_folder(tmp_path / "mine")
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o755


@pytest.mark.parametrize(("names", "mode"), [((), 0o700), (("notes",), 0o755)])
def test_a_checkouts_folder_of_keys_is_closed_with_the_first_unless_it_holds_something_else(tmp_path, names, mode):
    (tmp_path / "keys").mkdir(mode=0o755)
    (tmp_path / "keys").chmod(0o755)
    for name in (".gitignore", "README.md", *names):
        (tmp_path / "keys" / name).touch()
    make_key_folder(tmp_path / "keys")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == mode


def test_a_lock_held_by_another_process_names_it_and_dies_with_it(tmp_path):
    script = (
        "import sys, pathlib; from sealwire.files import PidLock; lock = PidLock(pathlib.Path(sys.argv[1]));"
        "assert lock.acquire() is None; print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    assert PidLock(tmp_path / "lock").acquire() == holder.pid
    holder.kill()
    holder.communicate()
    lock = PidLock(tmp_path / "lock")
    assert lock.acquire() is None
    assert (tmp_path / "lock").read_text() == str(os.getpid())
    lock.release()


def test_what_root_makes_in_the_folder_of_another_is_the_others(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda descriptor, uid, gid: given.append((os.fstat(descriptor), uid, gid)))
    for _twice in range(2):
        os.close(open_private(tmp_path / "made", os.O_WRONLY))
    owner = tmp_path.stat()
    assert given == [((tmp_path / "made").stat(), owner.st_uid, owner.st_gid)]
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o600


def test_nobody_is_led_to_another_file_by_a_link(tmp_path):
    (tmp_path / "theirs").write_text("keep")
    (tmp_path / "lock").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="lock"):
        PidLock(tmp_path / "lock").acquire()
    assert (tmp_path / "theirs").read_text() == "keep"


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_private(tmp_path / "key", b"old")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="space"):
        write_private(tmp_path / "key", b"new")
    assert (tmp_path / "key").read_bytes() == b"old"


@pytest.mark.parametrize("text", ["~nobody-has-this-name/x", "a\0b"])
def test_a_path_that_is_none_is_the_callers_mistake(text):
    with pytest.raises(UsageError, match="is no path here"):
        user_path(text)
    assert user_path("~/x").is_absolute()
