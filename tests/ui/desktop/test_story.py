"""The window over a real broker and a real friend: from the first start to an answer."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sealwire.cli.launcher import CliLauncher
from sealwire.cli.peer_options import parse
from sealwire.ui.desktop.desktop import Desktop
from sealwire.ui.desktop.main_window import MainWindow
from tests.ui.house import ROOT, Script, environment

pytestmark = pytest.mark.process
WAIT_MS = 60_000
SETTINGS = (
    "broker: {bind: 'tcp://127.0.0.1:0'}\npeer: {kdf_memory_mib: 8, kdf_passes: 1, requests: off}\n"
    "paths: {keys: keys, data: data}\n"
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "config.yaml").write_text(SETTINGS)
    (tmp_path / "empty").write_bytes(b"")
    yield tmp_path
    subprocess.run(
        [sys.executable, str(ROOT / "broker.py"), "--config", str(tmp_path / "config.yaml"), "stop"],
        env=environment(),
        capture_output=True,
        check=False,
    )


@pytest.fixture
def desktop(place: Path, qapp: Any, qtbot: Any) -> Iterator[Desktop]:
    gc.disable()
    options = parse(["--gui", "--name", "alice", "--config", str(place / "config.yaml")])
    made = Desktop(qapp, CliLauncher(options, environment()), lambda name: place / "data" / name)
    yield made
    if made.window is not None:
        qtbot.addWidget(made.window)
    made.finish()
    gc.collect()
    gc.enable()


@pytest.fixture
def friends() -> Iterator[list[Script]]:
    found: list[Script] = []
    yield found
    for script in found:
        script.end()


def friend(place: Path, line: str, friends: list[Script]) -> Script:
    words = ["--name", "bob", "--join", line, "--json", "--passphrase-file", "empty", "--config", "config.yaml"]
    script = Script(
        subprocess.Popen(
            [sys.executable, str(ROOT / "peer.py"), *words],
            cwd=place,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    )
    friends.append(script)
    return script


def said(window: MainWindow) -> list[tuple[str, str, str | None]]:
    model = window.pane.view.timeline
    found = (model.message_at(row) for row in range(model.rowCount()))
    return [(entry.message.sender, entry.message.text, entry.message.state) for entry in found if entry]


def is_file(line: dict[str, Any]) -> bool:
    return line.get("params", {}).get("type") == "message" and "file" in line["params"]


def test_from_nothing_to_an_answer(desktop: Desktop, place: Path, friends: list[Script], qtbot: Any) -> None:
    desktop.begin()
    first = desktop.first_run
    assert first is not None
    qtbot.waitUntil(first.broker.isVisible, timeout=WAIT_MS)
    first.broker.own.click()
    qtbot.waitUntil(first.name.isVisible, timeout=WAIT_MS)
    first.name.first.setText("correct horse")
    first.name.second.setText("correct horse")
    first.name.go.click()
    qtbot.waitUntil(first.friend.isVisible, timeout=WAIT_MS)
    line = first.friend.line.text()
    assert line.startswith("sealwire:127.0.0.1:")
    bob = friend(place, line, friends)
    first.friend.go.click()
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.isVisible(), timeout=WAIT_MS)
    window = desktop.window
    assert window is not None
    qtbot.waitUntil(lambda: any(one.get("params", {}).get("type") == "ready" for one in bob.lines), timeout=WAIT_MS)

    window.open("bob")
    qtbot.waitUntil(lambda: window.station.place == "bob", timeout=WAIT_MS)
    window.pane.composer.set_text("Are you there?")
    window.pane.composer.submit()
    reached = ("delivered", "read")
    qtbot.waitUntil(lambda: any(one[2] in reached for one in said(window)), timeout=WAIT_MS)
    assert said(window)[0][:2] == ("alice", "Are you there?")
    bob.tell('{"jsonrpc":"2.0","id":900,"method":"send","params":{"to":"alice","text":"Yes!"}}')
    qtbot.waitUntil(lambda: ("bob", "Yes!", None) in said(window), timeout=WAIT_MS)

    (place / "notes.txt").write_text("For bob. " * 1_000)
    window.station.send_file(place / "notes.txt")
    model = window.pane.view.timeline
    last = lambda: model.message_at(model.rowCount() - 1)  # noqa: E731
    qtbot.waitUntil(lambda: (e := last()) is not None and e.message.file is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: last().message.file.state == "done", timeout=WAIT_MS)  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: any(is_file(one) for one in bob.lines), timeout=WAIT_MS)


def test_a_broker_that_dies_is_a_quiet_banner_and_nothing_is_lost(
    desktop: Desktop, place: Path, friends: list[Script], qtbot: Any
) -> None:
    desktop.begin()
    first = desktop.first_run
    assert first is not None
    qtbot.waitUntil(first.broker.isVisible, timeout=WAIT_MS)
    first.broker.own.click()
    qtbot.waitUntil(first.name.isVisible, timeout=WAIT_MS)
    first.name.go.click()  # the empty passphrase is allowed
    qtbot.waitUntil(first.friend.isVisible, timeout=WAIT_MS)
    first.friend.go.click()
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.isVisible(), timeout=WAIT_MS)
    window = desktop.window
    assert window is not None
    stop = [sys.executable, str(ROOT / "broker.py"), "--config", str(place / "config.yaml"), "stop"]
    subprocess.run(stop, env=environment(), capture_output=True, check=True)
    qtbot.waitUntil(window.sidebar.link.isVisible, timeout=WAIT_MS)
    assert window.isEnabled()
