"""The doctor finds each thing it is there for, and saves what can be read."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from sealwire.broker import doctor, keyfiles
from sealwire.broker.backup import connect
from sealwire.broker.port import Job
from sealwire.broker.store import SqliteStore
from sealwire.crypto.identity import realm_of
from sealwire.ids import Mailbox, Mid
from tests.unit.test_cli_broker import Start, run, start

__all__ = ["start"]

pytestmark = pytest.mark.process

AT_MS = 1_800_000_000_000


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


def test_a_taken_port(stopped: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        assert examine(stopped, SEALWIRE_BROKER__BIND=bind) == ["port"]


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


def test_nothing_is_overwritten(stopped: Path) -> None:
    (stopped / "saved").touch()
    assert run(stopped, "doctor", "--salvage", "saved").returncode == 1
