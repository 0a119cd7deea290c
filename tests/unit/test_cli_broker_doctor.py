"""The doctor finds each thing it is there for, and saves what can be read."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from sealwire import config, localsocket
from sealwire.broker import admin, doctor, keyfiles
from sealwire.broker.backup import compact, connect, reading
from sealwire.broker.blobjobs import KeepBlob
from sealwire.broker.orders import AddBan, Ban, KeepClock
from sealwire.broker.port import Job
from sealwire.broker.store import SqliteStore
from sealwire.cli import broker_doctor
from sealwire.cli.broker_office import AUDIT_NAME
from sealwire.crypto.identity import realm_of
from sealwire.errors import StoreError
from sealwire.files import PidLock
from sealwire.ids import Mailbox, Mid
from tests.conftest import shut_out
from tests.unit.test_cli_broker import Start, run, start

__all__ = ["start"]

pytestmark = pytest.mark.process

AT_MS = 1_800_000_000_000
PAGE_BYTES = 4_096


def examine(folder: Path, **env: str) -> list[str]:
    env = {"SEALWIRE_BROKER__BIND": "tcp://127.0.0.1:0", **env}
    result = run(folder, "doctor", "--json", **env)
    answer = json.loads(result.stdout)
    assert result.returncode == (0 if answer["ok"] else 1), result.stderr
    assert all(finding["sentence"].endswith(".") and finding["advice"] for finding in answer["findings"])
    return [finding["name"] for finding in answer["findings"]]


@pytest.fixture
def stopped(start: Start, tmp_path: Path) -> Path:
    """The folder of a broker that ended in order."""
    assert start().end() == 0
    return tmp_path


def test_a_broker_that_is_well_running_or_not(start: Start, tmp_path: Path) -> None:
    broker = start()
    assert examine(tmp_path) == []
    broker.end()
    assert examine(tmp_path) == []
    assert run(tmp_path, "doctor", SEALWIRE_BROKER__BIND="tcp://127.0.0.1:0").stdout == "Nothing found.\n"


@pytest.mark.parametrize("name", ["keys/broker.key", "keys/broker.db.key", "data/broker/broker.db", "keys"])
def test_wrong_modes(stopped: Path, name: str) -> None:
    (stopped / name).chmod(0o755)
    assert examine(stopped) == ["modes"]


@pytest.mark.parametrize(("name", "mode"), [("broker/audit.log", 0o644), ("broker/blobs", 0o755), (".", 0o777)])
def test_modes_by_which_others_read_orders_or_exchange_the_folder(tmp_path: Path, name: str, mode: int) -> None:
    fill(tmp_path, AT_MS)
    data = tmp_path / "data"
    (data / "broker" / "audit.log").touch(mode=0o600)
    (data / "broker" / "blobs").mkdir(mode=0o700, exist_ok=True)
    assert list(doctor.modes(tmp_path / "keys", data / "broker")) == []
    (data / name).chmod(mode)
    (found,) = doctor.modes(tmp_path / "keys", data / "broker")
    assert found.name == "modes"
    (data / name).chmod(0o1777)  # as /tmp: nobody moves what is not theirs
    assert len(list(doctor.modes(tmp_path / "keys", data / "broker"))) == (name != ".")


@pytest.mark.parametrize("name", ["broker.key", "broker.db.key"])
@pytest.mark.parametrize("how", ["gone", "empty"])
def test_keys_that_are_gone_or_hold_nothing(stopped: Path, name: str, how: str) -> None:
    (stopped / "keys" / name).unlink()
    if how == "empty":
        (stopped / "keys" / name).touch(mode=0o600)
    assert examine(stopped) == ["keys"]
    assert (stopped / "keys" / name).exists() == (how == "empty")


def test_a_folder_in_which_nothing_can_be_written(stopped: Path) -> None:
    lock = stopped / "data" / "broker" / "lock"
    lock.unlink()
    lock.mkdir()
    assert examine(stopped) == ["unwritable"]


def test_places_that_a_start_needs_and_may_not_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, folder = tmp_path / "keys", tmp_path / "data" / "broker"
    assert list(doctor.barred(keys, folder)) == []
    keys.touch()
    (found,) = doctor.barred(keys, folder)
    assert (found.name, str(keys) in found.sentence, "Not a directory" in found.sentence) == ("unwritable", True, True)
    keys.unlink()
    fill(tmp_path, AT_MS)
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "broker.db")
    (found,) = doctor.barred(keys, folder)
    assert str(folder / "broker.db") in found.sentence


def test_a_folder_that_may_not_be_entered_does_not_end_the_examination(tmp_path: Path) -> None:
    fill(tmp_path, AT_MS)
    with shut_out(tmp_path / "data"):
        assert list(doctor.modes(tmp_path / "keys", tmp_path / "data" / "broker")) == []


def test_a_key_of_another_database_is_not_called_damage(tmp_path: Path) -> None:
    fill(tmp_path, AT_MS)
    (found,) = doctor.database(tmp_path / "data" / "broker", bytes(32), AT_MS)
    assert (found.name, "broker.db.key" in found.sentence, "salvage" in found.advice) == ("database", True, False)


def test_a_disk_that_lets_nobody_look_is_not_called_damage(tmp_path: Path) -> None:
    key, folder = bytes(32), tmp_path
    (folder / "broker.db").mkdir()  # SQLite calls it an input or output error, as it does on a full disk
    (found,) = doctor.database(folder, key, AT_MS)
    assert (found.name, "could not be looked into" in found.sentence) == ("database", True)
    assert "restore" not in found.advice
    with pytest.raises(StoreError):
        compact(folder / "broker.db", key)
    assert not (folder / "broker.db.new").exists()


def test_a_taken_port(stopped: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        assert examine(stopped, SEALWIRE_BROKER__BIND=bind) == ["port"]
        assert [found.name for found in doctor.monitoring_port(bind.removeprefix("tcp://"))] == ["port"]


def test_a_port_is_asked_for_as_the_broker_asks(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    assert list(doctor.port(f"tcp://lo:{number}")) == []  # an interface is an address to ZeroMQ
    (found,) = doctor.port("tcp://192.0.2.1:5555")
    assert found.advice == "Change broker.bind."


def test_an_unclean_stop(start: Start, tmp_path: Path) -> None:
    start().end(signal.SIGKILL)
    assert examine(tmp_path) == ["unclean-stop"]
    start().end()
    assert examine(tmp_path) == []


def test_a_public_bind_with_open_registration(stopped: Path) -> None:
    bind = {"SEALWIRE_BROKER__BIND": "tcp://0.0.0.0:0"}
    assert examine(stopped, **bind) == ["open-registration"]
    assert examine(stopped, SEALWIRE_BROKER__REGISTRATION="invite", **bind) == []


def test_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    (found,) = doctor.space(tmp_path / "not" / "yet", lambda _path: 3 * 2**20)
    assert (found.name, "3 MiB free" in found.sentence) == ("space", True)
    assert list(doctor.space(tmp_path, lambda _path: 2**30)) == []


def fill(folder: Path, at_ms: int, count: int = 0) -> bytes:
    key = keyfiles.load_or_create(folder / "keys").db_key
    store = SqliteStore(folder / "data" / "broker", key, 0)
    for turn in range(1 + count // 100):
        body = os.urandom(1500)
        store.apply(Job(at_ms, mails=[(Mailbox(bytes(16)), Mid(turn.to_bytes(16, "big")), body)] * 100))
    store.close()
    return key


def test_a_clock_behind_the_newest_message(start: Start, stopped: Path) -> None:
    fill(stopped, 4_000_000_000_000)
    assert examine(stopped) == ["clock"]
    start()
    assert examine(stopped) == ["clock"], "a broker that runs is asked"
    assert list(doctor.clock(AT_MS, AT_MS - 1_000)) == []


def test_a_damaged_database_is_found_and_what_is_readable_is_saved(stopped: Path) -> None:
    key = fill(stopped, AT_MS - 10**11, 1_000)
    path = stopped / "data" / "broker" / "broker.db"
    content = bytearray(path.read_bytes())
    for at in range(len(content) // 2, len(content) // 2 + 10):
        content[at] ^= 0xFF
    path.write_bytes(content)
    assert examine(stopped) == ["database"]
    done = run(stopped, "doctor", "--salvage", "saved", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["tables"]["mail"]
    noted = json.loads((path.parent / AUDIT_NAME).read_text("utf-8").splitlines()[-1])
    assert (noted["action"], noted["by"]) == ("salvage", localsocket.user_name(os.geteuid()))
    assert path.read_bytes() == bytes(content)  # the damaged one is not touched
    db = connect(stopped / "saved", key, read_only=True)
    ((saved,),) = db.execute("SELECT count(*) FROM mail").fetchall()
    db.close()
    assert 1_000 <= saved < 1_100
    assert told["copied"] == saved
    assert run(stopped, "verify", "saved").returncode == 0
    assert run(stopped, "restore", "saved", "--yes").returncode == 0
    assert examine(stopped) == []
    assert (
        realm_of(keyfiles.load_or_create(stopped / "keys").curve_public)
        in run(stopped, "verify", "saved", "--json").stdout
    )


def test_bans_limits_and_files_are_saved_from_both_ends_of_what_is_damaged(tmp_path: Path) -> None:
    key = bytes(32)
    store = SqliteStore(tmp_path / "broker", key, 0)
    bans = [AddBan(None, Ban("account", f"n{number:05}", 0, "x" * 200)) for number in range(1_000)]
    store.apply(Job(AT_MS, ops=[*bans, KeepBlob(None, b"b" * 16, "alice", 1, b"r" * 32, AT_MS)]))
    store.close()
    path = tmp_path / "broker" / "broker.db"
    whole = doctor.salvage(path, key, tmp_path / "whole")
    assert (whole["ban"], whole["account_limit"], whole["blob"]) == ((1_000, 0), (0, 0), (1, 0))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    saved = doctor.salvage(path, key, tmp_path / "saved")
    assert saved["ban"][1] == 1
    assert 900 < saved["ban"][0] < 1_000
    with reading(tmp_path / "saved", key) as db:
        kept = [name for (name,) in db.execute("SELECT target FROM ban ORDER BY target").fetchall()]
    assert (kept[0], kept[-1], len(kept)) == ("n00000", "n00999", saved["ban"][0])


@pytest.mark.parametrize("damaged", [(1,), (3, 4), (3, -1), (0,)], ids=["leaf", "two", "last", "root"])
def test_mail_beside_damaged_pages_is_saved_whatever_its_numbers(tmp_path: Path, damaged: tuple[int, ...]) -> None:
    key, path = bytes(32), tmp_path / "broker" / "broker.db"
    SqliteStore(path.parent, key, 0).close()
    db = connect(path, key)
    for number in (*range(1, 101), *range(50_000_000, 50_000_100)):
        row = number, bytes(16), bytes(16), AT_MS, bytes(200)
        db.execute("INSERT INTO mail (row, mailbox, mid, at_ms, envelope) VALUES (?, ?, ?, ?, ?)", row)
    pages = db.execute("SELECT pageno, ncell FROM dbstat WHERE name = 'mail' ORDER BY pagetype, path").fetchall()
    db.close()  # the first page leads to all the others
    content = bytearray(path.read_bytes())
    for number in damaged:
        content[pages[number][0] * PAGE_BYTES - 100] ^= 1
    path.write_bytes(content)
    copied, missed = doctor.salvage(path, key, tmp_path / "saved")["mail"]
    assert copied == (0 if damaged == (0,) else 200 - sum(pages[number][1] for number in damaged))
    assert missed > 0


def test_an_examination_leaves_nothing_behind(start: Start, tmp_path: Path) -> None:
    start().end(signal.SIGKILL)
    before = {path: path.read_bytes() for path in (tmp_path / "data" / "broker").glob("broker.db*")}
    assert len(before) == 2  # with the log of what was not written back
    examine(tmp_path)
    key = keyfiles.load_or_create(tmp_path / "keys").db_key
    assert list(doctor.database(tmp_path / "data" / "broker", key, AT_MS)) == []
    assert {path: path.read_bytes() for path in (tmp_path / "data" / "broker").glob("broker.db*")} == before


def test_a_clock_behind_what_the_broker_noted_though_nothing_waits(stopped: Path) -> None:
    key = keyfiles.load_or_create(stopped / "keys").db_key
    store = SqliteStore(stopped / "data" / "broker", key, 0)
    store.apply(Job(AT_MS, ops=[KeepClock(None, 4_000_000_000_000)]))
    store.close()
    assert examine(stopped) == ["clock"]


def test_a_broker_whose_socket_is_gone_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "broker"
    folder.mkdir(parents=True, mode=0o700)
    lock = PidLock(folder / admin.LOCK)
    lock.acquire()
    assert [finding.name for finding in broker_doctor._findings(config.load({}, tmp_path))] == ["silent"]
    lock.release()


def test_a_broker_that_was_stopped_is_found(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "ANSWER_TIMEOUT_S", 0.1)
    broker = start()
    broker.process.send_signal(signal.SIGSTOP)
    try:
        settings = config.load({}, tmp_path)
        assert [finding.name for finding in broker_doctor._findings(settings)] == ["silent"]
    finally:
        broker.process.send_signal(signal.SIGCONT)


def test_nothing_is_overwritten_and_what_is_not_there_not_saved(stopped: Path) -> None:
    (stopped / "saved").touch()
    assert run(stopped, "doctor", "--salvage", "saved").returncode == 1
    result = run(stopped, "doctor", "--salvage", "other", "--data", "nowhere")
    assert "there is no such file" in result.stderr
    assert not (stopped / "nowhere").exists()
