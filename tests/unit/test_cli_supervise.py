"""A supervised broker: what ends it, it is back; what it was told, it obeys; peers lose nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sealwire.cli.supervise import FINAL_CODES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Supervisor
from sealwire.testing.processes import ROOT, Process, Stage
from tests.conftest import PEOPLE
from tests.unit.test_cli_broker import Start, run, start

__all__ = ["start"]

pytestmark = pytest.mark.process


def child(code: str) -> list[str]:
    return [sys.executable, "-S", "-E", "-c", code]


def child_of(process: Process) -> int:
    pid = process.child.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.parametrize("code", sorted(FINAL_CODES))
def test_an_end_that_is_meant_is_final(code: int) -> None:
    assert Supervisor(child(f"raise SystemExit({code})"), lambda _s: pytest.fail("started again")).run() == code


def test_what_fails_at_the_first_start_is_not_tried_for_ever() -> None:
    assert Supervisor(child("raise SystemExit(1)"), lambda _s: pytest.fail("started again")).run() == 1


def test_failures_are_started_again_after_growing_pauses() -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) == 9

    assert Supervisor(child("raise SystemExit(70)"), pause).run() == 0
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_start_that_fails_after_a_failure_in_service_is_tried_again(tmp_path: Path) -> None:
    """A disk that gives errors for a while gives them to the next start as well."""
    first = tmp_path / "first"
    code = f"import os, sys; sys.exit(1 if os.path.exists({str(first)!r}) else open({str(first)!r}, 'w').close() or 70)"
    pauses: list[float] = []
    supervisor = Supervisor(child(code), lambda seconds: pauses.append(seconds) or len(pauses) == 3)
    assert supervisor.run() == 0
    assert len(pauses) == 3


def sending(text: str) -> bytes:
    request = {"jsonrpc": "2.0", "id": 1, "method": "send", "params": {"to": "bob", "text": text}}
    return json.dumps(request).encode() + b"\n"


def test_after_crashes_at_any_moment_under_load_the_peers_are_back_and_nothing_is_lost() -> None:
    dice = random.Random(6)
    with Stage(people={name: PEOPLE[name] for name in ("alice", "bob")}) as stage:
        stage.broker.stop()
        broker = stage.start_broker("--supervise")
        alice, bob = stage.peer("alice"), stage.peer("bob")
        alice.wait_for("ready")
        bob.wait_for("ready")
        assert "result" in alice.request("send", to="bob", text="before", wait="delivered")
        for crash in range(2):
            alice.write_later(b"".join(sending(f"{crash} {n}") for n in range(40)))
            time.sleep(dice.uniform(0.0, 0.1))
            since = time.monotonic()
            os.kill(child_of(broker), signal.SIGABRT)
            broker.hears("SIGABRT")
            broker.hears("ready on")
            assert "result" in alice.request("send", to="bob", text=f"after {crash}", wait="sent")
            assert time.monotonic() - since < 5  # two seconds on a machine of its own
        heard = [bob.wait_for("message")["text"] for _ in range(83)]
        in_order = [text for text in heard if not text.startswith("after")]
        assert in_order == ["before", *(f"{crash} {n}" for crash in range(2) for n in range(40))]
        assert {"after 0", "after 1"} < set(heard)
        assert broker.stop() == 0


def test_a_pause_of_the_machine_ends_nobodys_link() -> None:
    settings = {"SEALWIRE_LIMITS__ACK_TIMEOUT_S": "5", "SEALWIRE_LIMITS__HELLO_TIMEOUT_S": "1"}
    with Stage(people={name: PEOPLE[name] for name in ("alice", "bob")}, **settings) as stage:
        alice, bob = stage.peer("alice"), stage.peer("bob")
        alice.wait_for("ready")
        bob.wait_for("ready")
        assert "result" in alice.request("send", to="bob", text="before", wait="delivered")
        stage.broker.child.send_signal(signal.SIGSTOP)
        time.sleep(5.5)
        stage.broker.child.send_signal(signal.SIGCONT)
        assert "result" in alice.request("send", to="bob", text="after", wait="delivered")
        command = [sys.executable, "broker.py", *stage.folders, "status", "--json"]
        said = subprocess.run(command, cwd=ROOT, env=stage.environment, capture_output=True, check=True)
        assert json.loads(said.stdout)["logins"] == 2


def test_wrong_settings_are_told_before_anything_is_started(tmp_path: Path) -> None:
    result = run(tmp_path, "--supervise", "--bind", "nowhere")
    assert result.returncode == 3
    assert "starts again" not in result.stderr


def test_the_service_manager_hears_when_the_broker_serves(start: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        broker = start(NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert manager.recv(100) == b"READY=1"
        assert broker.end() == 0
        assert manager.recv(100) == b"STOPPING=1"
