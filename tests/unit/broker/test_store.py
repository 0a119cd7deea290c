"""The SQLite store as the port promises it (sealwire/broker/port.py)."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from pathlib import Path

import pytest

from sealwire.broker.catalog import _ranges
from sealwire.broker.port import AddInvite, Committed, Job, Read, Refused, StorePrekeys
from sealwire.broker.store import SqliteStore, Writer
from sealwire.errors import StoreError, StoreFailedError
from sealwire.i18n import explain
from sealwire.ids import Mailbox, Mid

KEY = bytes(32)
BOX = Mailbox(b"b" * 16)
MID = Mid(b"m" * 16)
BALLAST = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "broker"


@pytest.fixture
def store(folder):
    store = SqliteStore(folder, KEY, BALLAST)
    yield store
    store.close()


def mails(*envelopes: bytes) -> list[tuple[Mailbox, Mid, bytes | int]]:
    return [(BOX, MID, envelope) for envelope in envelopes]


def read(store, rows) -> list[bytes]:
    event = store.apply(Job(1, reads=[Read(None, list(rows))]))
    return [envelope for _, _, envelope in event.slices[0].rows]


@pytest.mark.parametrize("count", [1, 31, 32, 33, 100])
def test_rows_come_back_in_the_order_they_went_in(store, count):
    envelopes = [os.urandom(50) for _ in range(count)]
    event = store.apply(Job(1, mails(*envelopes)))
    assert isinstance(event, Committed)
    assert list(event.rows) == sorted(event.rows)
    assert read(store, event.rows) == envelopes
    assert [(box, size) for box, _, size, _ in store.snapshot().mail] == [(BOX, 50)] * count


def test_deleted_rows_are_gone_and_numbers_rise(store):
    first = store.apply(Job(1, mails(b"a", b"b", b"c"))).rows
    second = store.apply(Job(1, mails(b"d"), deletes=[first[0], first[2]])).rows
    assert read(store, [first[1], second[0]]) == [b"b", b"d"]
    assert len(list(store.snapshot().mail)) == 2
    assert second[0] > first[2]


def test_fanout_rows_rise_in_one_order_with_the_others(store):
    job = Job(1, [(BOX, MID, b"a"), (BOX, MID, 0), (BOX, MID, b"b"), (BOX, MID, 0)], bodies=[b"body"])
    rows = store.apply(job).rows
    assert list(rows) == sorted(rows)
    assert read(store, rows) == [b"a", b"body", b"b", b"body"]
    assert [size for _, _, size, _ in store.snapshot().mail] == [1, 4, 1, 4]


def test_another_process_is_refused(folder, store):
    with pytest.raises(StoreError, match="another broker"):
        SqliteStore(folder, KEY, BALLAST)


def test_another_key_is_refused(folder, store):
    store.close()
    with pytest.raises(StoreError, match=r"broker\.db\.key"):
        SqliteStore(folder, bytes(31) + b"\1", BALLAST)


def test_a_damaged_first_page_is_not_called_another_key_alone(folder, store):
    store.close()
    content = bytearray(store.path.read_bytes())
    content[200] ^= 1
    store.path.write_bytes(content)
    with pytest.raises(StoreError, match=r"or its first page is damaged") as caught:
        SqliteStore(folder, KEY, BALLAST)
    assert "broker.py restore" in str(caught.value.params["hint"])


def test_a_newer_schema_is_refused(folder, store):
    store._db.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(StoreError, match="newer"):
        SqliteStore(folder, KEY, BALLAST)


def test_the_incarnation_lasts(folder, store):
    before = store.snapshot().incarnation
    store.close()
    again = SqliteStore(folder, KEY, BALLAST)
    assert again.snapshot().incarnation == before
    again.close()


def test_files_hold_no_envelope_and_are_private(folder, store):
    store.apply(Job(1, mails(b"a very recognisable envelope" * 10)))
    for path in folder.iterdir():
        assert b"recognisable" not in path.read_bytes()
    assert (folder / "broker.db").stat().st_mode & 0o077 == 0


def test_commits_are_synced(store):
    assert store._db.execute("PRAGMA synchronous").fetchall() == [(2,)]
    assert store._db.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    assert store._db.execute("PRAGMA locking_mode").fetchall() == [("exclusive",)]


def test_a_full_disk_keeps_nothing_of_the_job_and_gives_up_the_ballast(folder, store):
    kept = store.apply(Job(1, mails(b"kept", b"too"))).rows
    store._db.execute("PRAGMA max_page_count = 40")
    assert (folder / "ballast").exists()
    event = store.apply(Job(1, mails(*[os.urandom(4000)] * 100), deletes=[kept[0]]))
    assert isinstance(event, Refused)
    assert not (folder / "ballast").exists()
    assert read(store, kept) == [b"kept", b"too"]
    assert isinstance(store.apply(Job(1, deletes=[kept[0]])), Committed)
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert isinstance(store.apply(Job(1, mails(b"room"))), Committed)
    store.idle()
    assert (folder / "ballast").stat().st_size == BALLAST


def test_a_full_disk_still_reads(store):
    rows = store.apply(Job(1, mails(b"a"))).rows
    store._db.execute("PRAGMA max_page_count = 40")
    event = store.apply(Job(1, mails(*[os.urandom(4000)] * 100), reads=[Read("ref", list(rows))]))
    assert isinstance(event, Refused)
    assert event.slices[0].rows[0][2] == b"a"


def test_a_missing_row_is_a_failure_not_an_answer(store):
    with pytest.raises(StoreFailedError):
        store.apply(Job(1, reads=[Read(None, [2])]))


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_flipped_bit_is_never_served(folder, store, at):
    envelopes = [os.urandom(200) for _ in range(500)]
    store.apply(Job(1, mails(*envelopes)))
    store.close()
    path = folder / "broker.db"
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 1
    path.write_bytes(content)
    try:
        damaged = SqliteStore(folder, KEY, BALLAST)
    except StoreError:
        return
    try:
        got = read(damaged, [row for _, row, *_ in damaged.snapshot().mail])
    except StoreFailedError:
        got = envelopes  # found: that is the answer wanted
    assert got == envelopes  # not found: then the bit lies where nothing is stored
    damaged.close()


def start_and_serve(folder: Path) -> None:
    with closing(SqliteStore(folder, KEY, BALLAST)) as store:
        store.snapshot()
        store.apply(Job(1, ops=[AddInvite(None, bytes(32), 1, 1)]))


@pytest.mark.parametrize("table", ["account", "mail", "invite"])
def test_whoever_meets_a_damaged_page_is_told_what_to_do(folder, store, table):
    """When it opens the database, starts, or serves."""
    page = store._number(f"SELECT rootpage FROM sqlite_schema WHERE name = '{table}'")
    store.apply(Job(1, mails(b"one")))
    store.close()
    content = bytearray((folder / "broker.db").read_bytes())
    content[page * 4_096 - 100] ^= 1
    (folder / "broker.db").write_bytes(content)
    with pytest.raises(StoreError) as caught:
        start_and_serve(folder)
    sentence, advice = explain(caught.value)
    assert "a page of it is not what was written" in sentence
    assert "doctor --salvage" in advice


def test_the_wal_is_written_back_when_idle(store, monkeypatch):
    monkeypatch.setattr("sealwire.broker.store.CHECKPOINT_IDLE_PAGES", 2)
    store.apply(Job(1, mails(*[os.urandom(4000)] * 20)))
    assert store._wal_pages > 2
    store.idle()
    assert store._wal_pages == 0


def test_the_wal_is_written_back_before_it_fills_the_disk(store, monkeypatch):
    monkeypatch.setattr("sealwire.broker.store.CHECKPOINT_FORCED_PAGES", 2)
    store.apply(Job(1, mails(*[os.urandom(4000)] * 20)))
    assert store._wal_pages == 0


def test_prekeys_of_nobody_are_unknown(store):
    operation = StorePrekeys(None, BOX, 1, b"", b"", ())
    assert store.apply(Job(1, ops=[operation])).results[0].outcome == "unknown"


def test_ranges_join_neighbours():
    assert _ranges([]) == []
    assert _ranges([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]


def test_the_writer_keeps_the_order_and_ends_with_the_last_job(store):
    events = []
    writer = Writer(store, events.append, lambda error: pytest.fail(repr(error)))
    jobs = [Job(n, mails(b"x")) for n in range(20)]
    for job in jobs:
        writer.submit(job)
    writer.stop()
    assert [event.job for event in events] == jobs


def test_the_writer_looks_after_its_files_when_it_rests_and_not_between_jobs(store, monkeypatch):
    """What a checkpoint costs, every ACCEPTED of that moment would wait for."""
    rested, events = threading.Event(), []
    jobs = 0

    def idle() -> None:
        assert len(events) == jobs
        rested.set()

    monkeypatch.setattr(store, "idle", idle)
    monkeypatch.setattr("sealwire.broker.store.REST_S", 0.2)
    writer = Writer(store, events.append, pytest.fail)
    for _ in range(20):
        jobs += 1
        writer.submit(Job(1, mails(b"x")))
        while len(events) < jobs:
            pass
    assert not rested.is_set()
    assert rested.wait(5)
    writer.stop()


def test_under_load_the_log_is_written_back_when_it_is_large(store, monkeypatch):
    monkeypatch.setattr("sealwire.broker.store.CHECKPOINT_FORCED_PAGES", 50)
    for _ in range(10):
        store.apply(Job(1, mails(*[os.urandom(4_000)] * 10)))
    assert store._wal_pages <= 50


def test_a_failure_ends_the_writer_and_nothing_follows(store):
    failed = threading.Event()
    events = []
    writer = Writer(store, events.append, lambda _error: failed.set())
    writer.submit(Job(1, reads=[Read(None, [2])]))
    writer.submit(Job(1, mails(b"x")))
    assert failed.wait(5)
    writer.stop()
    assert events == []


def test_what_the_ballast_gave_is_kept_for_deletes(folder, store, monkeypatch):
    """Else mail fills it, no delete commits any more, and only an operator gets the broker out of it."""
    rows = store.apply(Job(1, mails(*[os.urandom(4000)] * 100))).rows
    store._db.execute("PRAGMA max_page_count = 40")
    assert isinstance(store.apply(Job(1, mails(*[os.urandom(4000)] * 100))), Refused)
    store._db.execute("PRAGMA max_page_count = 1000000")
    monkeypatch.setattr(store, "_free_bytes", lambda: BALLAST - 1)
    assert isinstance(store.apply(Job(1, mails(b"for the ballast's room"))), Refused)
    assert isinstance(store.apply(Job(1, deletes=list(rows))), Committed)
    assert isinstance(store.apply(Job(1, mails(b"onto freed pages"))), Committed)
    store.idle()
    assert (folder / "broker.db-wal").stat().st_size == 0
    monkeypatch.undo()
    store.idle()
    assert (folder / "ballast").exists()
