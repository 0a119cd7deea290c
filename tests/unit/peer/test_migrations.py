"""A profile that any earlier version of the store left behind opens, with all that is in it (protocol.md §14)."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from sealwire.errors import StoreError
from sealwire.peer import store as store_module
from sealwire.peer.store import SCHEMA_VERSION, Store

SCHEMA = Path(store_module.__file__).parent / "schema"
KEY = bytes(range(32))


def written_by(version: int, path: Path) -> None:
    """A database as the peer of that version left it: a contact, two messages, one of them still to be sent."""
    db = apsw.Connection(str(path))
    db.execute("PRAGMA cipher = 'aegis'")
    db.execute(f'PRAGMA key = "raw:{KEY.hex()}"')
    db.execute("PRAGMA journal_mode = WAL")
    db.execute((SCHEMA / "0001.sql").read_text("utf-8"))
    db.execute("INSERT INTO meta VALUES ('a', x'01')")
    db.execute("INSERT INTO contact (name, account_key, trust, first_seen_ms) VALUES ('bob', x'02', 'verified', 5)")
    db.execute("INSERT INTO message VALUES (1, x'03', 'bob', 'bob', 0, 'what bob wrote', 6, 2, NULL)")
    db.execute("INSERT INTO message VALUES (2, x'04', 'bob', 'alice', 1, 'not sent yet', 7, 0, NULL)")
    db.execute("INSERT INTO outbox VALUES (1, 'bob', NULL, x'04', x'05', 7, NULL, NULL)")
    for step in range(2, version + 1):
        db.execute((SCHEMA / f"{step:04}.sql").read_text("utf-8"))
    db.pragma("user_version", version)
    db.close()


def tables(store: Store) -> list[tuple[str, list[str]]]:
    names = [str(name) for (name,) in store._db.execute("SELECT name FROM sqlite_master ORDER BY name")]
    return [(name, list(map(str, store._db.execute(f"PRAGMA table_info({name})")))) for name in names]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_older_profile_opens_with_all_that_is_in_it(tmp_path: Path, version: int) -> None:
    written_by(version, tmp_path / "peer.db")
    for _start in range(2):
        store = Store(tmp_path / "peer.db", KEY)
        assert [contact.name for contact in store.contacts()] == ["bob"]
        shown = [(message.text, message.verified, message.request) for message in store.history("bob", 10, None)]
        assert shown == [("what bob wrote", True, False), ("not sent yet", True, False)]
        assert store.outbox_rows() == [(1, "bob", None)]
        assert store.get("a") == b"\x01"
        fresh = Store(None, KEY)
        assert tables(store) == tables(fresh)
        fresh.close()
        store.close()


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_migration_that_fails_leaves_the_profile_as_it_was(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_by(version, tmp_path / "peer.db")
    (tmp_path / "schema").mkdir()
    for script in SCHEMA.glob("*.sql"):
        (tmp_path / "schema" / script.name).write_text(script.read_text("utf-8"))
    (tmp_path / "schema" / f"{version + 1:04}.sql").write_text("CREATE TABLE half (x) STRICT;")  # no type: an error
    with monkeypatch.context() as patched:
        patched.setattr(store_module, "_SCHEMA_DIR", tmp_path / "schema")
        with pytest.raises(StoreError):
            Store(tmp_path / "peer.db", KEY)
    store = Store(tmp_path / "peer.db", KEY)
    assert len(store.history("bob", 10, None)) == 2
    store.close()
