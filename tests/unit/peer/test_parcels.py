"""Both ends of a file on a real disk: what is sent stays what it was, what is fetched never replaces anything."""

from __future__ import annotations

import errno
import os
import shutil

import pytest

from sealwire.errors import DiskError, FileChangedError, FileUnreadableError, TargetExistsError
from sealwire.peer import parcels
from sealwire.peer.parcels import DiskSink, DiskSource, copy, discard, identity_of


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(b"0123456789")
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "files"
    path.mkdir()
    return path


def sink_of(tmp_path, target, name="name.txt", content=b"content"):
    sink = DiskSink(tmp_path / "parts" / "id.part", target, name)
    sink.write(0, content)
    return sink


# --- what is sent --------------------------------------------------------------------------------------------


def test_a_source_is_read_piece_by_piece(source):
    end = DiskSource(source, identity_of(source))
    assert end.read(2, 3) == b"234"
    end.check()
    end.close()


def test_a_source_that_changed_is_refused_at_the_start_and_at_the_end(source):
    identity = identity_of(source)
    end = DiskSource(source, identity)
    source.write_bytes(b"0123456789abc")
    with pytest.raises(FileChangedError):
        end.check()
    with pytest.raises(FileChangedError):
        DiskSource(source, identity)
    end.close()


def test_a_source_that_keeps_its_length_and_changes_its_time_is_another(source):
    identity = identity_of(source)
    os.utime(source, ns=(0, 1))
    with pytest.raises(FileChangedError):
        DiskSource(source, identity)


def test_a_source_that_shrinks_has_no_piece_behind_its_end(source):
    end = DiskSource(source, identity_of(source))
    os.truncate(source, 4)
    with pytest.raises(FileChangedError):
        end.read(2, 4)
    end.close()


def test_a_source_that_vanished_is_refused(source):
    identity = identity_of(source)
    source.unlink()
    with pytest.raises(FileUnreadableError, match="No such file"):
        DiskSource(source, identity)


def test_only_files_are_sent(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "nothing", tmp_path / "\udcff"):
        with pytest.raises(FileUnreadableError):
            identity_of(path)


# --- what is fetched -----------------------------------------------------------------------------------------


def test_a_finished_file_has_its_name_and_its_type(tmp_path, folder):
    path, media_type = sink_of(tmp_path, folder).finish()
    assert (path, media_type) == (str(folder / "name.txt"), "text/plain")
    assert (folder / "name.txt").read_bytes() == b"content"
    assert (folder / "name.txt").stat().st_mode & 0o777 == 0o600


def test_a_name_that_is_taken_gets_a_number_and_nothing_is_overwritten(tmp_path, folder):
    (folder / "name.txt").write_bytes(b"mine")
    (folder / "name (2).txt").symlink_to(tmp_path / "nowhere")
    path, _ = sink_of(tmp_path, folder).finish()
    assert path == str(folder / "name (3).txt")
    assert (folder / "name.txt").read_bytes() == b"mine"
    assert not (tmp_path / "nowhere").exists()


def test_a_path_of_ones_own_is_taken_as_it_is_and_never_overwritten(tmp_path, folder):
    sink = sink_of(tmp_path, folder / "wanted.bin")
    assert sink.finish()[0] == str(folder / "wanted.bin")
    with pytest.raises(TargetExistsError):
        sink_of(tmp_path, folder / "wanted.bin")
    late = sink_of(tmp_path, folder / "late.bin")
    (folder / "late.bin").write_bytes(b"came first")
    with pytest.raises(TargetExistsError):
        late.finish()
    assert (folder / "late.bin").read_bytes() == b"came first"
    late.close()


def test_a_path_in_no_folder_is_refused_before_anything_is_fetched(tmp_path, folder):
    with pytest.raises(DiskError, match="No such file"):
        DiskSink(tmp_path / "parts" / "id.part", folder / "nowhere" / "film.bin", "film.bin")


def test_a_symbolic_link_in_the_place_of_the_part_is_not_followed(tmp_path, folder):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "id.part").symlink_to(victim)
    with pytest.raises(DiskError):
        DiskSink(tmp_path / "parts" / "id.part", folder, "name.txt")
    assert victim.read_bytes() == b"precious"


def test_a_dangling_link_in_the_place_of_the_target_is_taken_and_not_followed(tmp_path, folder):
    (folder / "wanted.bin").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TargetExistsError):
        sink_of(tmp_path, folder / "wanted.bin")
    assert not (tmp_path / "elsewhere").exists()


def test_without_links_the_file_is_copied_and_still_nothing_is_overwritten(tmp_path, folder, monkeypatch):
    def no_links(*_args, **_more):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    (folder / "name.txt").write_bytes(b"mine")
    path, _ = sink_of(tmp_path, folder).finish()
    assert path == str(folder / "name (2).txt")
    assert (folder / "name (2).txt").read_bytes() == b"content"
    assert sorted(os.listdir(folder)) == ["name (2).txt", "name.txt"]


def test_a_full_disk_is_said_and_leaves_nothing_under_the_name(tmp_path, folder, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    sink = DiskSink(tmp_path / "parts" / "id.part", folder, "name.txt")
    monkeypatch.setattr(parcels, "write_at", full)
    with pytest.raises(DiskError) as error:
        sink.write(0, b"content")
    assert "No space left" in str(error.value)
    sink.close()
    assert os.listdir(folder) == []


def test_a_file_leaves_room_to_messages(tmp_path, folder, monkeypatch):
    free = [parcels.KEEP_FREE_BYTES + 7]
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(1 << 40, 0, free[0]))
    sink = DiskSink(tmp_path / "parts" / "id.part", folder, "name.txt")
    sink.write(0, b"content")
    free[0] = parcels.KEEP_FREE_BYTES
    with pytest.raises(DiskError, match="No space left"):
        sink.write(7, b"c")
    assert sink.there() == 7
    sink.close()


def test_a_failed_sync_is_an_error_and_not_a_finished_file(tmp_path, folder, monkeypatch):
    sink = sink_of(tmp_path, folder)

    def broken(_descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(DiskError):
        sink.finish()
    sink.close()
    assert os.listdir(folder) == []


def test_an_earlier_try_is_found_again(tmp_path, folder):
    sink_of(tmp_path, folder).close()
    again = DiskSink(tmp_path / "parts" / "id.part", folder, "name.txt")
    assert again.there() == 7
    assert again.read(3, 4) == b"tent"
    again.cut(3)
    assert again.there() == 3
    with pytest.raises(DiskError):
        again.read(0, 7)
    again.close()
    discard(tmp_path / "parts" / "id.part")
    assert os.listdir(tmp_path / "parts") == []


def test_a_copy_goes_where_nothing_is(tmp_path, source):
    copy(source, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"
    with pytest.raises(TargetExistsError):
        copy(source, tmp_path / "copy")
    with pytest.raises(DiskError):
        copy(source, tmp_path / "no folder" / "copy")


def test_a_file_that_had_its_name_before_a_crash_gets_no_second_one(tmp_path, folder):
    first, _ = sink_of(tmp_path, folder).finish()
    again, _ = DiskSink(tmp_path / "parts" / "id.part", folder, "name.txt").finish()
    assert again == first
    assert os.listdir(folder) == ["name.txt"]
