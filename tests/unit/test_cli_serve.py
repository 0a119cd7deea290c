"""A broker put together as its program does, and ended by what nobody foresaw."""

from __future__ import annotations

import dataclasses
import gc
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sealwire import config
from sealwire.broker import admin, keyfiles
from sealwire.broker.server import Server
from sealwire.cli.common import EXIT_FAILED
from sealwire.cli.serve import Serving
from sealwire.config import Settings
from sealwire.errors import BrokerKeyFileError, MonitoringBindError, StoreError
from sealwire.files import write_private

pytestmark = pytest.mark.process

START_S, END_S = 20.0, 10.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    flags = {"broker.bind": ("--bind", "tcp://127.0.0.1:0"), "limits.ballast_bytes": ("--ballast", "0 B")}
    flags |= {f"paths.{name}": (f"--{name}", str(tmp_path / name)) for name in ("keys", "data")}
    return config.load({}, tmp_path, None, flags)


@pytest.fixture
def run(settings: Settings) -> Iterator[Callable[[Callable[[Server], Any]], int]]:
    """Serve until what is done to the server once it is ready has ended it; returns the exit code."""
    begun: list[Serving] = []

    def run(harm: Callable[[Server], Any]) -> int:
        serving = Serving(settings, watch=False)
        begun.append(serving)
        codes: list[int] = []
        thread = threading.Thread(target=lambda: codes.append(serving.run()), daemon=True)
        thread.start()
        ready = threading.Event()
        for _ in range(int(START_S / 0.05)):
            if serving._is_ready:
                ready.set()
                break
            thread.join(0.05)
        assert ready.is_set()
        assert serving._server is not None
        harm(serving._server)
        thread.join(END_S)
        assert not thread.is_alive()
        return codes[0]

    kept = gc.get_threshold()
    yield run
    for serving in begun:
        serving.stop()
    gc.unfreeze()  # what a process of its own does for good
    gc.set_threshold(*kept)


def start_in_vain(settings: Settings) -> None:
    """Start a broker that must not come to serve; what stops it is raised."""
    serving = Serving(settings, watch=False)
    late = threading.Timer(END_S, serving.stop)
    late.start()
    try:
        serving.run()
    finally:
        late.cancel()


def test_told_to_stop_it_ends_with_0(run):
    assert run(lambda server: server.stop()) == 0


def test_a_mistake_in_the_loop_ends_a_broker_that_served_with_70_and_is_said(run, capsys):
    assert run(lambda server: server.submit(object())) == EXIT_FAILED  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert "the broker stops" in said
    assert "Sealwire stopped because of a mistake of its own (TypeError in " in said


def test_a_backup_that_nobody_asks_for_any_more_is_let_go(settings, run, tmp_path, monkeypatch):
    """Its program was killed: until the end of the broker every changed page would be written into that file, too."""
    monkeypatch.setattr("sealwire.cli.serve.COPY_S", 0.005)
    monkeypatch.setattr("sealwire.cli.serve.ABANDONED_S", 0.2)
    monkeypatch.setattr("sealwire.broker.backup.STEP_PAGES", 1)
    copy, request = tmp_path / "copy", {"do": "backup", "file": str(tmp_path / "copy")}
    held: list[bool] = []

    def harm(server: Server) -> None:
        large = "INSERT INTO body (targets, envelope) VALUES (1, zeroblob(4000000))"
        server.errand(lambda db: db.execute(large)).result(START_S)
        folder = settings.paths.data / "broker"
        assert not admin.ask(folder, {**request, "begin": True})["done"]
        held.append(is_open(copy))
        until = time.monotonic() + 5
        while is_open(copy) and time.monotonic() < until:
            time.sleep(0.02)
        held.append(is_open(copy))
        with pytest.raises(admin.AdminRefusedError, match="nobody asked"):
            admin.ask(folder, {**request, "begin": False})
        assert not copy.exists()
        assert not admin.ask(folder, {**request, "begin": True})["done"]
        admin.ask(folder, {"do": "backup end", "file": str(tmp_path / "another")})
        assert not admin.ask(folder, {**request, "begin": False})["done"]
        copy.rename(tmp_path / "elsewhere")
        copy.write_text("somebody's")
        admin.ask(folder, {"do": "backup end", "file": str(copy)})
        with pytest.raises(admin.AdminRefusedError, match="nobody asked"):
            admin.ask(folder, {**request, "begin": False})
        server.stop()

    assert run(harm) == 0
    assert held == [True, False]
    assert copy.read_text() == "somebody's"


def test_a_backup_into_a_folder_that_is_not_there_says_so_in_words(settings, run, tmp_path):
    def harm(server: Server) -> None:
        request = {"do": "backup", "file": str(tmp_path / "nowhere" / "copy"), "begin": True}
        with pytest.raises(admin.AdminRefusedError) as refused:
            admin.ask(settings.paths.data / "broker", request)
        assert "No such file or directory" in str(refused.value)
        assert "Errno" not in str(refused.value)
        server.stop()

    assert run(harm) == 0


def is_open(path: Path) -> bool:
    """Whether this process has that file open."""
    return any(os.path.realpath(link) == str(path) for link in Path("/proc/self/fd").iterdir())


def test_a_database_whose_keys_are_gone_is_not_served_under_new_ones(settings, run, tmp_path):
    assert run(lambda server: server.stop()) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    for gone in ({"broker.key", "broker.pub"}, {"broker.db.key"}, set(before)):
        for name in gone:
            (tmp_path / "keys" / name).unlink()
        with pytest.raises(BrokerKeyFileError, match="it is missing"):
            start_in_vain(settings)
        assert not any((tmp_path / "keys" / name).exists() for name in gone)
        for name in gone:
            write_private(tmp_path / "keys" / name, before[name])
    assert run(lambda server: server.stop()) == 0


def test_a_start_that_does_not_work_is_none_of_these(settings, tmp_path):
    folder = tmp_path / "data" / "broker"
    folder.mkdir(parents=True)
    (folder / "broker.db").write_bytes(os.urandom(8192))
    keyfiles.load_or_create(settings.paths.keys)
    with pytest.raises(StoreError) as told:
        start_in_vain(settings)
    assert told.value.exit == 1


def test_a_damaged_page_at_the_start_is_no_failure_that_another_start_mends(settings, run, tmp_path):
    assert run(lambda server: server.stop()) == 0
    database = tmp_path / "data" / "broker" / "broker.db"
    content = bytearray(database.read_bytes())
    for at in range(5_000, len(content), 1_000):
        content[at] ^= 1
    database.write_bytes(content)
    with pytest.raises(StoreError) as told:
        start_in_vain(settings)
    assert told.value.exit == 1


def test_monitoring_that_cannot_listen_is_a_start_that_does_not_work(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        watched = dataclasses.replace(settings, metrics=dataclasses.replace(settings.metrics, listen=listen))
        with pytest.raises(MonitoringBindError):
            start_in_vain(watched)
