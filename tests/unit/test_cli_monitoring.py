"""Monitoring and the log of a real broker process."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from contextvars import copy_context
from pathlib import Path

import pytest

from sealwire import localsocket
from sealwire.cli import broker
from tests.unit.test_cli_broker import Start, run, start

__all__ = ["start"]

pytestmark = pytest.mark.process

LISTEN = {"SEALWIRE_METRICS__LISTEN": "127.0.0.1:0"}


def get(said: str, page: str) -> str:
    match = re.search(r"monitored on (http://127\.0\.0\.1:\d+)/metrics\n", said)
    assert match, said
    with urllib.request.urlopen(f"{match[1]}/{page}", timeout=5) as answer:
        return str(answer.read().decode())


def test_a_watched_broker_tells_numbers_and_that_it_is_well(start: Start) -> None:
    broker = start(**LISTEN)
    assert get(broker.said, "healthz") == get(broker.said, "readyz") == "ok\n"
    numbers = get(broker.said, "metrics")
    assert "sealwire_healthy 1.0" in numbers
    assert "sealwire_link_sessions 0.0" in numbers
    assert 'sealwire_zap_rulings_total{result="admitted"} 0.0' in numbers
    assert "sealwire_oldest_waiting_seconds 0.0" in numbers
    assert "sealwire_store_free_bytes 0.0" in numbers
    assert 'sealwire_link_ends_total{reason="stalled"} 0.0' in numbers
    assert 'sealwire_connections_shut_total{reason="overfull"} 0.0' in numbers
    assert broker.end() == 0


def test_nobody_is_told_anything_unless_asked_for(start: Start) -> None:
    assert "monitored" not in start().said


def test_a_taken_monitoring_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run(tmp_path, "--bind", "tcp://127.0.0.1:0", SEALWIRE_METRICS__LISTEN=address)
    assert result.returncode == 1
    assert result.stderr.startswith(f"The broker cannot be watched on {address}: ")


@pytest.mark.parametrize("address", ["0.0.0.0:9464", "192.0.2.1:9464", "9464", "chat.example.org:9464"])
def test_monitoring_is_never_for_other_machines(tmp_path: Path, address: str) -> None:
    result = run(tmp_path, SEALWIRE_METRICS__LISTEN=address)
    assert result.returncode == 3
    assert "metrics.listen: must be off, or an address of this machine alone" in result.stderr


def test_the_log_is_json_lines_when_asked_for(start: Start, tmp_path: Path) -> None:
    broker = start("--log-format", "json", SEALWIRE_LOG__LEVEL="warning")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(localsocket.current(tmp_path / "data" / "broker", "admin")))
    assert run(tmp_path, "status").returncode == 0  # answered after the one that went away
    broker.process.terminate()
    _out, said = broker.process.communicate(timeout=20)
    records = [json.loads(line) for line in (broker.said + said).splitlines()]
    assert all(set(record) == {"time", "level", "logger", "message"} for record in records)
    assert records[-1]["message"] == f"sealwire broker ready on {broker.endpoint}"  # the level is about the rest


def test_an_end_with_an_error_is_json_lines_as_well(start: Start, tmp_path: Path) -> None:
    first = start()
    second = run(tmp_path, "--bind", "tcp://127.0.0.1:0", SEALWIRE_LOG__FORMAT="json")
    assert second.returncode == 1
    said = [json.loads(line) for line in second.stderr.splitlines()]
    assert str(first.process.pid) in said[0]["message"]
    assert said[0]["level"] == "error"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--log-format", "json", "--nonsense"], 2),
        (["--log-format=json", "--bind", "nonsense"], 3),
        (["--log-format", "json", "--config", "missing.yaml"], 3),
    ],
)
def test_a_start_that_is_wrong_says_so_in_json_lines(
    words: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert copy_context().run(broker.main, words) == code
    assert json.loads(capsys.readouterr().err.splitlines()[0])["level"] == "error"
