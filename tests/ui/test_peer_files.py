"""Files by verbs and by JSON-RPC, with real processes: sent, listed, fetched; broken off by kills and gone on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealwire.testing.processes import ROOT, Stage
from tests.conftest import PEOPLE

pytestmark = pytest.mark.process


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage(people={"alice": PEOPLE["alice"], "bob": PEOPLE["bob"]}) as running:
        running.run("--name", "bob", "status")  # it registers
        yield running


def test_the_verbs(stage: Stage, tmp_path: Path) -> None:
    source = tmp_path / "report.pdf"
    source.write_bytes(b"%PDF-1.7 " + os.urandom(2_000_000))
    sent = stage.run(
        "--name", "alice", "send", "bob", "--file", str(source), "--caption", "as asked", "--timeout", "60"
    )
    assert sent.returncode == 0, sent.stderr
    message_id, state = sent.stdout.split()
    assert state == "sent"
    assert stage.run("--name", "bob", "recv").stdout.endswith("\talice\talice\treport.pdf: as asked\n")
    row = stage.run("--name", "bob", "files", "alice").stdout.rstrip("\n").split("\t")
    assert row[1:] == [message_id, "alice", "offered", "2000009", "application/pdf", "report.pdf", "as asked"]
    target = tmp_path / "here.pdf"
    fetched = stage.run("--name", "bob", "fetch", message_id, "--to", str(target), "--timeout", "60")
    assert fetched.stdout == f"{target}\n"
    assert target.read_bytes() == source.read_bytes()
    again = tmp_path / "again.pdf"
    assert stage.run("--name", "bob", "fetch", message_id, "--to", str(again)).stdout == f"{again}\n"
    assert again.read_bytes() == source.read_bytes()
    assert stage.run("--name", "bob", "fetch", "ab" * 16).returncode == 5
    assert stage.run("--name", "alice", "send", "bob", "--file", str(tmp_path / "none")).returncode == 2


def test_standard_input_becomes_a_file(stage: Stage) -> None:
    sent = subprocess.run(
        [
            sys.executable,
            "peer.py",
            "--name",
            "alice",
            *stage.peer_flags,
            "send",
            "bob",
            "--stdin",
            "--as-file",
            "log.txt",
        ],
        cwd=ROOT,
        env=stage.environment,
        input=b"line\n" * 5_000,
        capture_output=True,
        check=True,
    )
    message_id = sent.stdout.decode().split()[0]
    stage.run("--name", "bob", "recv")
    path = stage.run("--name", "bob", "fetch", message_id, "--timeout", "60", "--json").stdout
    assert Path(json.loads(path)["path"]).read_bytes() == b"line\n" * 5_000
    assert list(stage.path.glob("**/alice/files/out/*")) == []
