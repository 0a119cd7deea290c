"""Every version of the store there ever was is brought up to date with all that is in it (protocol.md §14)."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from sealwire.broker import backup
from sealwire.broker import store as store_module
from sealwire.broker.port import FindAccount, Job, Read
from sealwire.broker.store import SCHEMA_VERSION, SqliteStore
from sealwire.errors import StoreError
from sealwire.ids import Mailbox
from tests.unit.broker.rig import DB_KEY

SCHEMA = Path(store_module.__file__).parent / "schema"
BOX, MID, ENVELOPE = b"b" * 16, b"m" * 16, b"an envelope"


def written_by(version: int, folder: Path) -> None:
    """A database as the broker of that version left it, with a row in every table that version 1 had."""
    path = folder / "broker.db"
    path.touch()
    db = apsw.Connection(str(path))
    db.execute("PRAGMA cipher = 'aegis'")
    db.execute(f'PRAGMA key = "raw:{DB_KEY.hex()}"')
    db.execute("PRAGMA journal_mode = WAL")
    for step in range(1, version + 1):
        db.execute((SCHEMA / f"{step}.sql").read_text("utf-8"))
    db.execute("INSERT INTO meta VALUES ('incarnation', ?)", (b"i" * 16,))
    db.execute("INSERT INTO account (name, n_sign, version, devices, signature, mailboxes)"
               " VALUES ('alice', x'01', 1, x'02', x'03', ?)", (BOX,))  # fmt: skip
    db.execute("INSERT INTO device (mailbox, account, device, curve, card, card_signature)"
               " VALUES (?, 'alice', x'04', x'05', x'06', x'07')", (BOX,))  # fmt: skip
    db.execute("INSERT INTO one_time VALUES (?, 1, x'08')", (BOX,))
    db.execute("INSERT INTO invite VALUES (x'09', 1, 99)")
    db.execute("INSERT INTO mail VALUES (1, ?, ?, 5, ?)", (BOX, MID, ENVELOPE))
    db.execute("INSERT INTO body VALUES (1, 1, ?)", (ENVELOPE,))
    db.execute("INSERT INTO fan VALUES (2, ?, ?, 6, 1)", (BOX, MID))
    db.execute(f"PRAGMA user_version = {version}")
    db.close()


def tables(store: SqliteStore) -> list[object]:
    """Every table with its columns: what there is, whatever words made it."""
    names = [str(name) for (name,) in store._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [(name, sorted(map(str, store._db.execute(f"PRAGMA table_info({name})")))) for name in sorted(names)]


def without_position(found: list[object]) -> list[object]:
    """Columns that were added later stand behind the others; only that may differ."""
    return [(name, sorted(column.split(",", 1)[1] for column in columns)) for name, columns in found]  # type: ignore[misc]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_older_store_is_brought_up_to_date_with_all_that_is_in_it(tmp_path: Path, version: int) -> None:
    written_by(version, tmp_path)
    (tmp_path / "fresh").mkdir()
    fresh = SqliteStore(tmp_path / "fresh", DB_KEY, 0)
    store = SqliteStore(tmp_path, DB_KEY, 0)
    assert without_position(tables(store)) == without_position(tables(fresh))
    snapshot = store.snapshot()
    assert snapshot.incarnation == b"i" * 16
    assert [(row.mailbox, row.account, row.one_time_left) for row in snapshot.devices] == [(BOX, "alice", 1)]
    assert [row[1:] for row in snapshot.mail] == [(2, len(ENVELOPE), 5), (5, len(ENVELOPE), 6)]
    found = store.apply(Job(7, ops=[FindAccount(None, "alice")])).results[0]  # type: ignore[union-attr]
    assert found.account is not None
    assert [row[2] for row in store._rows(Read(None, [2, 5]))] == [ENVELOPE, ENVELOPE]
    store.apply(Job(8, [(Mailbox(BOX), MID, ENVELOPE)], deletes=[2, 5]))  # type: ignore[list-item]
    store.close()
    again = SqliteStore(tmp_path, DB_KEY, 0)
    assert [row[3] for row in again.snapshot().mail] == [8]
    again.close()
    fresh.close()


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_backup_of_an_older_store_is_put_back_and_brought_up_to_date(tmp_path: Path, version: int) -> None:
    made, live = tmp_path / "made", tmp_path / "live"
    for folder in (made, live):
        folder.mkdir()
    written_by(version, made)
    copy = made / "broker.db"
    backup.stamp(copy, DB_KEY, "realm", 1)
    assert backup.verify(copy, DB_KEY, "realm").messages == 2
    backup.restore(copy, live / "broker.db", DB_KEY)
    store = SqliteStore(live, DB_KEY, 0)
    snapshot = store.snapshot()
    assert snapshot.incarnation != b"i" * 16
    assert [(row.account, row.one_time_left) for row in snapshot.devices] == [("alice", 0)]
    assert [row[2] for row in store._rows(Read(None, [2, 5]))] == [ENVELOPE, ENVELOPE]
    store.close()


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_migration_that_fails_leaves_the_store_as_it_was(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_by(version, tmp_path)
    broken = tmp_path / "schema"
    broken.mkdir()
    for step in range(1, SCHEMA_VERSION):
        (broken / f"{step}.sql").write_text((SCHEMA / f"{step}.sql").read_text("utf-8"))
    (broken / f"{SCHEMA_VERSION}.sql").write_text("CREATE TABLE half (x) STRICT;")  # no type: an error
    with monkeypatch.context() as patched:
        patched.setattr(store_module, "_SCHEMA", broken)
        with pytest.raises(StoreError):
            SqliteStore(tmp_path, DB_KEY, 0)
    store = SqliteStore(tmp_path, DB_KEY, 0)  # and the right program still takes it
    assert len(list(store.snapshot().mail)) == 2
    store.close()


def test_there_is_a_file_for_each_version_and_no_other() -> None:
    assert {path.name for path in SCHEMA.glob("*.sql")} == {f"{n}.sql" for n in range(1, SCHEMA_VERSION + 1)}


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, DB_KEY, 0)
    store._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    store.close()
    before = (tmp_path / "broker.db").read_bytes()
    with pytest.raises(StoreError, match="newer"):
        SqliteStore(tmp_path, DB_KEY, 0)
    assert (tmp_path / "broker.db").read_bytes() == before
