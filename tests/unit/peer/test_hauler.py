"""What a start tidies away in the folder of files, and what it must leave."""

from __future__ import annotations

import os
import time

import pytest

from sealwire.peer import hauler
from sealwire.peer.hauler import COPIES, COPY_AGE_S, keep_parts
from sealwire.peer.moves import KeepParts


@pytest.fixture
def folder(tmp_path):
    (tmp_path / COPIES).mkdir()
    return tmp_path


def test_parts_that_nobody_waits_for_go_and_everything_else_stays(folder):
    for name in ("3.part", "4.part", "film.part", "12", "note.txt"):
        (folder / name).write_bytes(b"x")
    keep_parts(folder, KeepParts(frozenset({4})))
    assert {path.name for path in folder.iterdir()} == {"4.part", "film.part", "12", "note.txt", COPIES}


def test_copies_that_no_message_names_go_once_they_are_old(folder, monkeypatch):
    wanted, left, old = (folder / COPIES / name for name in ("wanted", "left", "old"))
    for path in (wanted, left):
        path.write_bytes(b"x")
    (folder / "fetched.txt").write_bytes(b"an old file")
    os.utime(folder / "fetched.txt", (0, 0))
    os.link(folder / "fetched.txt", old)  # a second name, made a moment ago to be sent
    keep_parts(folder, KeepParts(frozenset(), frozenset({str(wanted)})))
    assert {path.name for path in (folder / COPIES).iterdir()} == {"wanted", "left", "old"}
    later = time.time() + COPY_AGE_S + 1
    monkeypatch.setattr(hauler.time, "time", lambda: later)
    keep_parts(folder, KeepParts(frozenset(), frozenset({str(wanted)})))
    assert {path.name for path in (folder / COPIES).iterdir()} == {"wanted"}
    assert (folder / "fetched.txt").read_bytes() == b"an old file"


def test_a_folder_that_is_not_there_is_tidy(tmp_path):
    keep_parts(tmp_path / "none", KeepParts(frozenset()))
    assert list(tmp_path.iterdir()) == []
