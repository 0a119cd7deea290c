"""The demo: what a newcomer sees first."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ui.house import ROOT, environment

pytestmark = pytest.mark.process

STEPS = ["Keys exchanged", "384-byte RSA-OAEP block", "Text", "Receipt", "Offline", "Return", "python broker.py"]


def test_the_transcript_of_a_pipe(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "peer.py"), "--demo"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(re.match(r"(alice|broker|bob) │ \S", line) for line in lines), lines
    told = [line for line in lines if " │ * " in line or " │ python" in line]
    found = [next((at for at, line in enumerate(told) if step in line), -1) for step in STEPS]
    assert -1 not in found, STEPS[found.index(-1)]
    assert found == sorted(found)
    sees_columns(lines)
    assert list(tmp_path.iterdir()) == []


def sees_columns(lines: list[str]) -> None:
    relayed = [line.removeprefix("broker │ ") for line in lines if line.startswith("broker │ ")]
    assert any(re.fullmatch(r"SEND mailbox [0-9a-f]{8} \d+ bytes [0-9a-f]{32}", line) for line in relayed)
    assert not any("Hello Bob" in line for line in relayed)
    assert any(re.match(r"bob │ \d\d:\d\d:\d\d alice: Hello Bob", line) for line in lines)
    assert any(line.startswith("alice │ delivered: Read this when you are back.") for line in lines)


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT])
def test_being_told_to_stop_leaves_nothing_behind(tmp_path: Path, way: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "peer.py"), "--demo"],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = int(process.stdout.readline().strip().rpartition(":")[2])
    process.send_signal(way)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, out + error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)
