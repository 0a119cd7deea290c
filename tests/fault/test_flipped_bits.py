"""One bit changes in a database or its log: refused, or found on reading, and never an altered row.

The bits lie in the files of a process that was killed, so that the log is full.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import apsw
import pytest

from sealwire import wal
from sealwire.broker.port import Committed, Job, Read
from sealwire.broker.store import SqliteStore
from sealwire.errors import StoreDamagedError, StoreError
from sealwire.ids import Mailbox, MessageId, Mid
from sealwire.peer.store import Store
from tests.fault.source import SOURCE

KEY = bytes(range(32))
BOX = Mailbox(b"b" * 16)
FLIPS = 60
COMMITS = 24
PER_COMMIT = 6
ALL = COMMITS * PER_COMMIT

Served = list[bytes]


def written(number: int) -> bytes:
    return f"row {number} ".encode() + random.Random(number).randbytes(150).hex().encode()


ROWS: Served = [written(number) for number in range(ALL)]


# --- the two stores, each as: write in commits, half of them written back; read everything -------------------------


def write_broker(folder: Path) -> Callable[[], None]:
    store = SqliteStore(folder, KEY, 0)
    for at in range(0, ALL, PER_COMMIT):
        event = store.apply(Job(1, [(BOX, Mid(os.urandom(16)), row) for row in ROWS[at : at + PER_COMMIT]]))
        assert isinstance(event, Committed)
        if at == ALL // 2:
            store._checkpoint()
    return store.close


def read_broker(folder: Path) -> Served:
    with closing(SqliteStore(folder, KEY, 0)) as store:
        rows = [row for _, row, *_ in store.snapshot().mail]
        event = store.apply(Job(1, reads=[Read(None, rows, 1 << 30)]))
        look_at_every_page(store._db)
        return [envelope for _, _, envelope in event.slices[0].rows]


def write_peer(folder: Path) -> Callable[[], None]:
    folder.mkdir()
    store = Store(folder / "peer.db", KEY)
    for at in range(0, ALL, PER_COMMIT):
        with store.transaction():
            for row in ROWS[at : at + PER_COMMIT]:
                store.add_message(MessageId(os.urandom(16)), "bob", "bob", False, row.decode(), 1)
        if at == ALL // 2:
            store._db.wal_checkpoint()
    return store.close


def read_peer(folder: Path) -> Served:
    with closing(Store(folder / "peer.db", KEY)) as store, store.transaction():
        look_at_every_page(store._db)
        return [message.text.encode() for message in store.history("bob", 10_000, None)]


def look_at_every_page(db: apsw.Connection) -> None:
    """Those of tables that hold nothing here, too."""
    if db.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
        raise StoreError(path="", detail="quick_check")


Reader = Callable[[Path], Served]


@pytest.fixture(params=["broker", "peer"])
def killed(request, tmp_path: Path) -> tuple[str, Path, Reader]:
    """(name of the database, its folder as a killed process left it, how it is read)."""
    write, read = {"broker": (write_broker, read_broker), "peer": (write_peer, read_peer)}[request.param]
    close = write(tmp_path / "running")
    shutil.copytree(tmp_path / "running", tmp_path / "killed")
    close()
    return f"{request.param}.db", tmp_path / "killed", read


def outcome(folder: Path, read: Reader) -> str:
    """How a damaged store behaves; an altered row is an AssertionError."""
    try:
        served = read(folder)
    except StoreDamagedError:
        return "log refused"
    except (StoreError, apsw.Error):
        return "refused"
    assert served == ROWS[: len(served)], "altered, or out of order, or from the middle"
    if len(served) == ALL:
        return "harmless"
    assert len(served) == ALL - PER_COMMIT, "more than the last transaction is missing"
    return "last transaction left out"


def damaged(killed: Path, name: str, change: Callable[[bytearray], object]) -> Path:
    folder = killed.with_name("damaged")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(killed, folder)
    content = bytearray((folder / name).read_bytes())
    change(content)
    (folder / name).write_bytes(content)
    return folder


def flip(content: bytearray, at: int, bit: int) -> None:
    content[at] ^= 1 << bit


def outcomes(killed: Path, name: str, read: Reader, span: float = 1.0) -> Counter[str]:
    dice = random.Random(name)
    size = int((killed / name).stat().st_size * span)
    changes = [partial(flip, at=dice.randrange(size), bit=dice.randrange(8)) for _ in range(FLIPS)]
    return Counter(outcome(damaged(killed, name, change), read) for change in changes)


def test_an_undamaged_store_serves_everything(killed):
    _, folder, read = killed
    assert read(folder) == ROWS


def test_no_flipped_bit_in_the_database_is_served(killed):
    name, folder, read = killed
    found = outcomes(folder, name, read)
    assert found.total() == FLIPS
    assert found["last transaction left out"] == 0


def test_every_flipped_bit_in_a_database_without_a_log_is_found(killed):
    name, folder, read = killed
    assert read(folder) == ROWS  # opened and closed: the log is written back
    assert not (folder / f"{name}-wal").exists()
    found = outcomes(folder, name, read)
    assert found["refused"] == FLIPS, found


def test_no_flipped_bit_in_the_log_drops_more_than_the_last_transaction(killed):
    name, folder, read = killed
    found = outcomes(folder, f"{name}-wal", read)
    assert found["log refused"] > FLIPS // 3, found  # part of a log may be left over from before it was written back


def test_a_flipped_bit_in_the_head_of_the_log_is_refused(killed):
    name, folder, read = killed
    for at in range(32):
        assert outcome(damaged(folder, f"{name}-wal", partial(flip, at=at, bit=at % 8)), read) == "log refused"


def test_a_refused_log_is_left_as_it_was(killed):
    name, folder, read = killed
    broken = damaged(folder, f"{name}-wal", partial(flip, at=10, bit=3))
    before = (broken / f"{name}-wal").read_bytes()
    for _ in range(2):
        assert outcome(broken, read) == "log refused"
    assert (broken / f"{name}-wal").read_bytes() == before
    (broken / f"{name}-wal").unlink()  # what the error says
    assert read(broken) == ROWS[: len(read(broken))]


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_database_cut_short_is_refused(killed, part):
    name, folder, read = killed
    assert read(folder) == ROWS

    def cut_short(content: bytearray) -> None:
        del content[int(len(content) * part) :]

    assert outcome(damaged(folder, name, cut_short), read) == "refused"


# --- the log's reader alone ------------------------------------------------------------------------------------


def test_no_log_and_an_empty_log_have_lost_nothing(tmp_path):
    assert not wal.has_lost_commits(tmp_path / "none", 4096, 0, 0)
    (tmp_path / "empty").touch()
    assert not wal.has_lost_commits(tmp_path / "empty", 4096, 0, 0)


def test_a_head_of_noise_over_an_older_log_is_a_power_cut(killed):
    """A log begins afresh only after everything in it was written back."""
    name, folder, _ = killed
    broken = damaged(folder, f"{name}-wal", lambda content: content.__setitem__(slice(0, 32), os.urandom(32)))
    assert not wal.has_lost_commits(broken / f"{name}-wal", 4096, 0, 1 << 20)


def test_one_unfinished_transaction_is_a_power_cut_and_two_are_damage(killed):
    name, folder, _ = killed
    log = folder / f"{name}-wal"
    content = log.read_bytes()
    step = 24 + 4096
    salts = content[16:24]
    ends = [
        number + 1
        for number in range((len(content) - 32) // step)
        if content[32 + number * step + 4 :][:4] != bytes(4) and content[32 + number * step + 8 :][:8] == salts
    ]
    assert not wal.has_lost_commits(log, 4096, ends[-1], 1 << 20)
    assert not wal.has_lost_commits(log, 4096, ends[-2], 1 << 20)
    assert wal.has_lost_commits(log, 4096, ends[-3], 1 << 20)


def test_both_stores_look_behind_the_end_of_their_log():
    for module in ("broker/store.py", "peer/store.py"):
        assert "wal.settle(" in (SOURCE / module).read_text("utf-8")
