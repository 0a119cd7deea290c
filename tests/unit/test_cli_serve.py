"""A broker put together as its program does, and ended by what nobody foresaw."""

from __future__ import annotations

import dataclasses
import gc
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sealwire import config
from sealwire.broker.server import Server
from sealwire.cli.common import EXIT_FAILED
from sealwire.cli.serve import Serving
from sealwire.config import Settings
from sealwire.errors import BindError, StoreError

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


def test_told_to_stop_it_ends_with_0(run):
    assert run(lambda server: server.stop()) == 0


def test_a_mistake_in_the_loop_ends_a_broker_that_served_with_70_and_is_said(run, capsys):
    assert run(lambda server: server.submit(object())) == EXIT_FAILED  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert "the broker stops" in said
    assert "Sealwire stopped because of a mistake of its own (TypeError in " in said


def test_a_start_that_does_not_work_is_none_of_these(settings, tmp_path):
    folder = tmp_path / "data" / "broker"
    folder.mkdir(parents=True)
    (folder / "broker.db").write_bytes(os.urandom(8192))
    with pytest.raises(StoreError) as told:
        Serving(settings, watch=False).run()
    assert told.value.exit == 1


def test_monitoring_that_cannot_listen_is_a_start_that_does_not_work(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        watched = dataclasses.replace(settings, metrics=dataclasses.replace(settings.metrics, listen=listen))
        with pytest.raises(BindError):
            Serving(watched, watch=False).run()
