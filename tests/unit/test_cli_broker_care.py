"""Backups of a running broker, what is refused, and what a restore brings back."""

from __future__ import annotations

import json
import os
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from sealwire.broker import backup, keyfiles
from sealwire.broker.admin import AdminRefusedError, ask
from sealwire.broker.backup import Copying, connect, reason_of, stamp, verify
from sealwire.broker.port import Job
from sealwire.broker.store import SqliteStore
from sealwire.cli.broker import main
from sealwire.errors import BackupError
from sealwire.ids import Mailbox, Mid
from tests.unit.broker.raw_peer import RawPeer, member
from tests.unit.test_cli_broker import Start, run, start

__all__ = ["start"]

pytestmark = pytest.mark.process

KEY, REALM, AT_MS = bytes(range(32)), "a" * 26, 1_800_000_000_000


class Store(SqliteStore):
    def copy(self, path: Path) -> None:
        copying = Copying(path, KEY)
        while not copying.step(self._db):
            self.apply(Job(AT_MS, mails=[(Mailbox(bytes(16)), Mid(bytes(16)), os.urandom(50))]))  # it goes on


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A backup of 600 messages."""
    store = Store(tmp_path / "store", KEY, 0)
    for _turn in range(3):
        store.apply(Job(AT_MS, mails=[(Mailbox(bytes(16)), Mid(bytes(16)), os.urandom(2000))] * 200))
    store.copy(tmp_path / "made")
    store.close()
    stamp(tmp_path / "made", KEY, REALM, AT_MS + 1)
    return tmp_path / "made"


def test_a_backup_under_way_holds_a_state_that_is_whole(made: Path) -> None:
    facts = verify(made, KEY, REALM)
    assert (facts.taken_ms, facts.newest_ms) == (AT_MS + 1, AT_MS)
    assert facts.messages >= 600
    assert made.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in made.parent.iterdir()) == ["made", "store"]


def change(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def newer(path: Path) -> None:
    db = connect(path, KEY)
    db.execute("PRAGMA user_version = 99")
    db.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: change(path, 50_000), "damaged"),
        (lambda path: change(path, path.stat().st_size - 10), "damaged"),
        (lambda path: os.truncate(path, path.stat().st_size // 2), "damaged"),
        (lambda path: stamp(path, KEY, "b" * 26, 1), "another broker"),
        (newer, "newer version"),
        (lambda path: path.write_bytes(bytes(8192)), "does not open it, or its first page is damaged"),
        (lambda path: path.unlink(), "no such file"),
        (lambda path: (path.unlink(), path.mkdir()), "it is no file"),
    ],
)
def test_what_must_not_be_put_back_is_refused(made: Path, spoil, said: str) -> None:
    spoil(made)
    with pytest.raises(BackupError, match=said):
        verify(made, KEY, REALM)


def test_a_changed_bit_is_found_on_every_page_of_a_backup(holey: tuple[Path, list[int]], tmp_path: Path) -> None:
    store = Store(holey[0].parent, KEY, 0)
    store.copy(tmp_path / "copy")
    store.close()
    stamp(tmp_path / "copy", KEY, REALM, AT_MS)
    content = (tmp_path / "copy").read_bytes()
    for at in range(4_000, len(content), 4_096):
        change(tmp_path / "copy", at)
        with pytest.raises(BackupError):
            verify(tmp_path / "copy", KEY, REALM)
        (tmp_path / "copy").write_bytes(content)


def test_a_database_that_cannot_be_copied_for_its_damage_is_said_to_be_that(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    live, key = tmp_path / "data" / "broker" / "broker.db", keyfiles.load_or_create(tmp_path / "keys").db_key
    store = SqliteStore(live.parent, key, 0)
    rows = list(store.apply(Job(AT_MS, [(Mailbox(bytes(16)), Mid(bytes(16)), os.urandom(2_000))] * 300)).rows)
    store.apply(Job(AT_MS, deletes=rows))
    store.close()
    change(live, live.stat().st_size - 10)  # room that nothing reads but a copy
    for serve in (lambda: None, start):
        serve()
        assert main(["backup", "copy", "--json"]) == 1
        said = json.loads(capsys.readouterr().out)
        assert said["name"] == "store"
        assert "a page of it is not what was written" in said["message"]
        assert not (tmp_path / "copy").exists()
    shutil.copy(live, tmp_path / "other.db")
    backup.compact(tmp_path / "other.db", key)
    with backup.reading(tmp_path / "other.db", key) as db:
        assert not backup.facts(db).messages


def test_another_key_opens_nothing(made: Path) -> None:
    with pytest.raises(BackupError):
        verify(made, bytes(32), REALM)


def test_a_restore_is_another_incarnation_and_keeps_what_was_there(made: Path, tmp_path: Path) -> None:
    live = tmp_path / "store" / "broker.db"
    old = SqliteStore(live.parent, KEY, 0)
    before = old.snapshot().incarnation
    old.close()
    content = live.read_bytes()
    backup.restore(made, live, KEY)
    assert live.with_name("broker.db.replaced").read_bytes() == content
    fresh = SqliteStore(live.parent, KEY, 0)
    snapshot = fresh.snapshot()
    assert snapshot.incarnation != before
    assert len(list(snapshot.mail)) >= 600
    fresh.close()
    assert live.stat().st_mode & 0o777 == 0o600
    backup.restore(made, live, KEY)
    assert live.with_name("broker.db.replaced").read_bytes() == content
    assert live.with_name("broker.db.replaced.2").exists()


def test_a_restore_that_fails_leaves_no_half_copy(made: Path, tmp_path: Path) -> None:
    before = sorted((tmp_path / "store").iterdir())
    for unreadable in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(OSError, match=r"Is a directory|No such file"):
            backup.restore(unreadable, tmp_path / "store" / "broker.db", KEY)
    assert sorted((tmp_path / "store").iterdir()) == before


def test_a_backup_takes_nothing_of_a_like_name_away(made: Path, tmp_path: Path) -> None:
    (tmp_path / "again.new").write_text("somebody's")
    store = Store(tmp_path / "store", KEY, 0)
    store.copy(tmp_path / "again")
    with pytest.raises(BackupError, match="another process has it open"):
        verify(store.path, KEY, REALM)
    store.close()
    assert (tmp_path / "again.new").read_text() == "somebody's"


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """What is larger cannot be written, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_not_called_a_mistake_nor_a_database_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    SqliteStore(tmp_path / "data" / "broker", keyfiles.load_or_create(tmp_path / "keys").db_key, 0).close()
    assert main(["backup", "copy"]) == 0
    with files_up_to(48 * 1024):
        assert main(["backup", "another", "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["name"] == "backup"
    assert not (tmp_path / "another").exists()
    with files_up_to(16 * 1024):
        assert main(["restore", "copy", "--dry-run"]) == 0
    assert "The disk lets nobody look into the database here" in capsys.readouterr().err
    assert [reason_of(error) for error in (apsw.FullError("not an error"), OSError(5, "EIO"))] == [
        "No space left on device",
        "EIO",
    ]


def test_an_order_that_is_refused_is_in_the_audit_log_and_a_dry_run_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "broker"
    SqliteStore(folder, keyfiles.load_or_create(tmp_path / "keys").db_key, 0).close()
    (tmp_path / "broken").write_bytes(bytes(8192))
    assert main(["restore", "broken", "--dry-run"]) == 1
    assert not (folder / "audit.log").exists()
    assert main(["restore", "broken", "--yes"]) == 1
    assert main(["doctor", "--salvage", "broken"]) == 1
    change(folder / "broker.db", 5_000)
    assert main(["compact"]) == 1
    monkeypatch.setattr(backup, "compact", told_to_stop)
    assert main(["compact"]) == 130
    lines = [json.loads(line) for line in (folder / "audit.log").read_text("utf-8").splitlines()]
    assert [(line["action"], line["result"], Path(line.get("file", "")).name) for line in lines] == [
        ("restore", "backup", "broken"),
        ("salvage", "backup", "broken"),
        ("compact", "backup", ""),
        ("compact", "interrupted", ""),
    ]


def told_to_stop(*_args: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def holey(tmp_path: Path) -> tuple[Path, list[int]]:
    """A database most of which is room: (its path, the rows that are left)."""
    store = SqliteStore(tmp_path / "store", KEY, 0)
    rows = list(store.apply(Job(AT_MS, [(Mailbox(bytes(16)), Mid(bytes(16)), os.urandom(2_000))] * 300)).rows)
    store.apply(Job(AT_MS, deletes=rows[:280]))
    store.close()
    return tmp_path / "store" / "broker.db", rows[280:]


def left(folder: Path) -> list[int]:
    store = SqliteStore(folder, KEY, 0)
    rows = [row[1] for row in store.snapshot().mail]
    store.close()
    return rows


def test_a_compact_database_holds_what_it_held_under_the_same_numbers(holey: tuple[Path, list[int]]) -> None:
    live, rows = holey
    before, after = backup.compact(live, KEY)
    assert after < before / 4
    assert live.stat().st_size == after
    assert live.stat().st_mode & 0o777 == 0o600
    assert left(live.parent) == rows
    assert [path.name for path in live.parent.iterdir() if path.name.startswith("broker.db")] == ["broker.db"]


def test_a_damaged_database_is_not_made_compact_and_stays_as_it_is(holey: tuple[Path, list[int]]) -> None:
    live, _rows = holey
    content = bytearray(live.read_bytes())
    later_pages, first_page = range(4_296, len(content), 4_096), (200,)
    for places, said in ((later_pages, "it is damaged"), (first_page, "or its first page is damaged")):
        for at in places:
            content[at] ^= 1
        live.write_bytes(content)
        with pytest.raises(BackupError, match=said):
            backup.compact(live, KEY)
        assert live.read_bytes() == content
    assert not live.with_name("broker.db.new").exists()


def test_whoever_breaks_off_leaves_no_half_copy(holey: tuple[Path, list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    live, rows = holey
    with monkeypatch.context() as patched:
        patched.setattr(backup, "_check", told_to_stop)
        patched.setattr(backup, "renew", told_to_stop)
        for half_done in (lambda: backup.compact(live, KEY), lambda: backup.restore(live, live, KEY)):
            with pytest.raises(KeyboardInterrupt):
                half_done()
    assert [path.name for path in live.parent.glob("broker.db*")] == ["broker.db"]
    assert left(live.parent) == rows


def test_what_a_killed_attempt_left_behind_is_no_obstacle(holey: tuple[Path, list[int]]) -> None:
    live, rows = holey
    live.with_name("broker.db.new").write_bytes(b"half of one")
    backup.compact(live, KEY)
    assert left(live.parent) == rows


def test_the_programs_own_round_trip(start: Start, tmp_path: Path) -> None:
    broker = start()
    curve = keyfiles.read_public(tmp_path / "keys" / "broker.pub")
    peer = RawPeer(broker.endpoint, curve, member("alice", curve))
    peer.login()
    peer.close()
    assert run(tmp_path, "backup", "copy").returncode == 0
    assert run(tmp_path, "backup", "copy").returncode == 1  # never overwritten
    assert run(tmp_path, "restore", "copy").returncode == 1  # a broker runs
    assert broker.end() == 0
    facts = json.loads(run(tmp_path, "verify", "copy", "--json").stdout)
    assert (facts["accounts"], facts["devices"]) == (1, 1)
    assert abs(facts["taken_ms"] / 1000 - time.time()) < 60
    database = (tmp_path / "data" / "broker" / "broker.db").read_bytes()
    assert "dry run" in run(tmp_path, "restore", "copy", "--dry-run").stderr
    tried = json.loads(run(tmp_path, "restore", "copy", "--dry-run", "--json").stdout)
    assert (tried["devices"], tried["restored"], tried["replaces"]["devices"], tried["kept"]) == (1, False, 1, None)
    unasked = run(tmp_path, "restore", "copy")
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    assert (tmp_path / "data" / "broker" / "broker.db").read_bytes() == database
    assert run(tmp_path, "restore", "copy", "--yes").returncode == 0
    audit = (tmp_path / "data" / "broker" / "audit.log").read_text("utf-8").splitlines()
    assert [(line["action"], line["file"], line["result"]) for line in map(json.loads, audit)] == [
        ("backup", str(tmp_path / "copy"), "done"),
        ("backup", str(tmp_path / "copy"), "backup"),
        ("restore", str(tmp_path / "copy"), "broker-busy"),
        ("restore", str(tmp_path / "copy"), "usage"),
        ("restore", str(tmp_path / "copy"), "done"),
    ]
    start()
    assert json.loads(run(tmp_path, "status", "--json").stdout)["devices"] == 1


def test_a_dry_run_leaves_an_older_schema_and_a_log_as_they_are(start: Start, tmp_path: Path) -> None:
    start().end()
    assert run(tmp_path, "backup", "copy").returncode == 0
    folder = tmp_path / "data" / "broker"
    key = keyfiles.load_or_create(tmp_path / "keys").db_key
    db = connect(folder / "broker.db", key)
    db.execute("PRAGMA user_version = 4")
    db.execute("DROP TABLE account_limit")
    for suffix in ("", "-wal"):  # as a broker that was killed leaves them
        shutil.copy(folder / f"broker.db{suffix}", tmp_path / f"kept{suffix}")
    db.close()
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / f"kept{suffix}", folder / f"broker.db{suffix}")
    before = {path: path.read_bytes() for path in folder.glob("broker.db*")}
    tried = run(tmp_path, "restore", "copy", "--dry-run", "--json")
    assert json.loads(tried.stdout)["replaces"]["devices"] == 0
    assert {path: path.read_bytes() for path in folder.glob("broker.db*")} == before


def test_whoever_began_a_backup_before_another_one_is_told(start: Start, tmp_path: Path) -> None:
    start()
    folder = tmp_path / "data" / "broker"
    first, second = ({"do": "backup", "file": str(tmp_path / name)} for name in ("one", "two"))
    with pytest.raises(AdminRefusedError, match="another backup"):
        ask(folder, {**first, "begin": False})
    assert ask(folder, {**first, "begin": True})["done"]
    assert ask(folder, {**second, "begin": True})["done"]
    with pytest.raises(AdminRefusedError, match="another backup"):
        ask(folder, {**first, "begin": False})


def test_after_a_lost_disk_keys_and_backup_are_enough_and_neither_alone(start: Start, tmp_path: Path) -> None:
    start().end()
    assert run(tmp_path, "backup", "copy").returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    without = run(elsewhere, "restore", "../copy")
    assert (without.returncode, (elsewhere / "keys").exists()) == (6, False)
    shutil.copytree(tmp_path / "keys", elsewhere / "keys")
    assert run(elsewhere, "backup", "other").returncode == 6
    assert run(elsewhere, "restore", "../copy", "--dry-run").returncode == 0
    assert not (elsewhere / "data").exists()
    done = json.loads(run(elsewhere, "restore", "../copy", "--json").stdout)
    assert (done["restored"], done["replaces"], done["kept"]) == (True, None, None)
    assert run(elsewhere, "verify", "../copy").returncode == 0
    assert (elsewhere / "data" / "broker" / "broker.db").exists()


def test_a_database_is_made_compact_only_while_nobody_serves_from_it(start: Start, tmp_path: Path) -> None:
    assert run(tmp_path, "compact").returncode == 6  # no keys here, and none are made
    broker = start()
    busy = run(tmp_path, "compact")
    assert (busy.returncode, str(broker.process.pid) in busy.stderr) == (1, True)
    broker.end()
    sizes = json.loads(run(tmp_path, "compact", "--json").stdout)
    assert sizes["after_bytes"] <= sizes["before_bytes"]
    assert sizes["after_bytes"] == (tmp_path / "data" / "broker" / "broker.db").stat().st_size
    assert "MiB now." in run(tmp_path, "compact").stderr
    start()


def test_a_broker_at_rest_is_copied_as_well(start: Start, tmp_path: Path) -> None:
    start().end()
    made = run(tmp_path, "backup", "copy", "--json")
    assert json.loads(made.stdout) == json.loads(run(tmp_path, "verify", "copy", "--json").stdout)
