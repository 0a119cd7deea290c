"""Power cuts in a recorded run of the real router, stores and engines; and that the judge would see a loss."""

from __future__ import annotations

import random
import subprocess
import sys

import apsw
import pytest

from sealwire.errors import SealwireError
from sealwire.testing.faultfs import Disk, Platter, Sync, Truncate, Write, left_open, mounted
from tests.fault.cuts import PAIR, Judge, points, record

POINTS = 200
"""``python -m scripts.powercuts`` cuts at 2,000."""
SEED = 20_260_101


def test_nothing_accepted_is_lost_and_nothing_is_shown_twice_wherever_the_power_fails(tmp_path):
    life = record(tmp_path / "life")
    dice = random.Random(SEED)
    judge = Judge(life, tmp_path / "work", dice)
    for at in points(life, POINTS, dice):
        try:
            judge.cut(at)
        except Exception as error:
            raise AssertionError(f"cut {judge.cuts} at operation {at} of {life.ops}, seed {SEED}") from error
    assert judge.cuts == POINTS
    assert judge.second_cuts > POINTS // 10


def test_the_story_goes_through_what_is_delicate(tmp_path):
    life = record(tmp_path / "life")
    assert len([op for op in life.facts.disk.ops if isinstance(op, Truncate)]) > 5, "no checkpoint was cut"
    for name, other in PAIR.items():
        assert [text for _, text in life.facts.shown[name]] == [text for _, text in life.facts.said[other]]
    assert len(life.facts.accepted) >= sum(map(len, life.facts.said.values()))


def test_the_judge_sees_what_a_lying_disk_loses(tmp_path):
    """A disk that says synced and is not is out of contract; here it shows that the judge is awake."""
    life = record(tmp_path / "life", lies=True)
    dice = random.Random(SEED)
    judge = Judge(life, tmp_path / "work", dice)
    found = 0
    for at in sorted(dice.randint(life.ops // 2, life.ops) for _ in range(10)):
        try:
            judge.cut(at)
        except (AssertionError, SealwireError, apsw.Error):
            found += 1
    assert found >= 8


# --- the disk itself -----------------------------------------------------------------------------------------


def test_what_a_story_that_breaks_off_leaves_open_is_closed_with_its_disk(tmp_path):
    opened = []

    def story() -> None:
        with mounted(Disk()):
            opened.append(apsw.Connection(str(tmp_path / "x.db")))
            opened[0].execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a)").fetchall()
            assert left_open() == opened
            raise InterruptedError

    with pytest.raises(InterruptedError):
        story()
    assert left_open() == []
    with pytest.raises(apsw.ConnectionClosedError):
        opened[0].execute("SELECT 1")


def test_a_process_that_leaves_databases_open_ends_whole(tmp_path):
    """Python takes the layer down before what is open over it, in an order nobody chose."""
    program = """
import gc, sys
import apsw
from sealwire.testing import faultfs
with faultfs.mounted(faultfs.Disk()):
    db = apsw.Connection(sys.argv[1])
    db.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a)").fetchall()
faultfs._vfs = None
gc.collect()
db.close()
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "x.db")], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.fixture
def platter(tmp_path):
    """A table whose making was synced and whose only row was not; its operations; its folder."""
    disk = Disk()
    with mounted(disk):
        db = apsw.Connection(str(tmp_path / "x.db"))
        wal = "PRAGMA journal_mode = WAL; CREATE TABLE t (a); PRAGMA synchronous = OFF; INSERT INTO t VALUES (1)"
        db.execute(wal).fetchall()
        ops = list(disk.ops)
        db.close()
    return Platter(ops), ops, tmp_path


def rows(folder, files):
    for path, content in files.items():
        (folder / path.rsplit("/", 1)[1]).write_bytes(content)
    db = apsw.Connection(str(folder / "x.db"))
    try:
        return db.execute("SELECT a FROM t").fetchall()
    finally:
        db.close()


def test_unsynced_rows_are_there_when_only_the_process_dies(platter, tmp_path):
    plate, ops, _ = platter
    plate.forward(len(ops))
    (tmp_path / "after").mkdir()
    assert rows(tmp_path / "after", plate.after_power_cut(lambda _path: "kept", random.Random(1))) == [(1,)]


def test_unsynced_rows_are_gone_when_everything_unsynced_is_lost(platter, tmp_path):
    plate, ops, _ = platter
    plate.forward(len(ops))
    (tmp_path / "after").mkdir()
    assert rows(tmp_path / "after", plate.after_power_cut(lambda _path: "lost", random.Random(1))) == []


def test_a_torn_write_breaks_at_a_sector(platter):
    plate, ops, folder = platter
    synced = max(at for at, op in enumerate(ops) if isinstance(op, Sync))
    last = max(at for at, op in enumerate(ops) if isinstance(op, Write) and len(op.data) > 1000)
    assert last > synced
    plate.forward(last + 1)
    torn = set()
    for seed in range(50):
        files = plate.after_power_cut(lambda _path: "prefix", random.Random(seed))
        torn.add(len(files[str(folder / "x.db-wal")]) % 512)
    whole = ops[last]
    assert len(torn) <= 4, "breaks lie on sectors, or where a write began or ended"
    assert 0 in torn
    assert whole.offset % 512 in torn


def test_a_name_is_lost_until_its_folder_was_synced(tmp_path):
    disk = Disk()
    with mounted(disk):
        apsw.Connection(str(tmp_path / "x.db")).execute("CREATE TABLE t (a)")
    first = next(at for at, op in enumerate(disk.ops) if isinstance(op, Sync))
    plate = Platter(disk.ops)
    plate.forward(first)
    assert plate.after_power_cut(lambda _path: "lost", random.Random(1)) == {}
    plate.forward(first + 1)
    assert str(tmp_path / "x.db") in plate.after_power_cut(lambda _path: "lost", random.Random(1))


def test_what_a_failed_sync_left_behind_is_lost(tmp_path):
    disk = Disk()
    with mounted(disk):
        db = apsw.Connection(str(tmp_path / "x.db"))
        db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (a)").fetchall()
        disk.fail("sync", "io", suffix="-wal", times=1)
        with pytest.raises(apsw.IOError):
            db.execute("INSERT INTO t VALUES (1)")
        assert disk.failed == 1
        db.execute("INSERT INTO t VALUES (2)")
        assert db.execute("SELECT a FROM t").fetchall() == [(2,)]
        ops = list(disk.ops)
        db.close()
    plate = Platter(ops)
    plate.forward(len(ops))
    (tmp_path / "after").mkdir()
    assert rows(tmp_path / "after", plate.after_power_cut(lambda _path: "lost", random.Random(1))) == [(2,)]
