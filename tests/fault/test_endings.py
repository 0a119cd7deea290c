"""Being told to stop, in every state: a clean end, in time, with the exit code that was promised."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from zmq.utils import z85

from sealwire import localsocket
from sealwire.broker.keyfiles import read_public
from sealwire.testing.processes import ROOT, JsonPeer, Stage
from sealwire.wire import frames
from tests.conftest import PEOPLE
from tests.fault.conftest import leave
from tests.unit.broker.raw_peer import RawPeer, member

pytestmark = pytest.mark.process

END_S = 12
"""Half of what is promised, on a machine that does other things as well."""

TERM, INT = signal.SIGTERM, signal.SIGINT

TOLD_WHILE_IMPORTING = """
import os, sys
_, moment, way, program, *sys.argv[1:] = sys.argv
class Teller:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            os.kill(os.getpid(), int(way))
sys.meta_path.insert(0, Teller())
from sealwire.cli import start
sys.exit(start(program))
"""


def ended(process: subprocess.Popen[str], code: int) -> tuple[str, str]:
    """See that the process ends as it should; returns what it had written."""
    try:
        out, said = process.communicate(timeout=END_S)
    finally:
        process.kill()
    assert process.returncode == code, said
    assert "Traceback" not in said
    return out, said


Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(None, PEOPLE) as running:
        yield running


@pytest.fixture
def run(stage: Stage) -> Iterator[Run]:
    """Start a program of ours behind pipes."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, **more: object) -> subprocess.Popen[str]:
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        command = [sys.executable, *words]
        process = subprocess.Popen(command, cwd=ROOT, env=stage.environment, text=True, **{**streams, **more})
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


# --- while a program starts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "way", "words", "code"),
    [
        ("sealwire.cli.broker", INT, ["broker"], 0),
        ("sealwire.broker.server", TERM, ["broker"], 0),
        ("sealwire.cli.peer", TERM, ["peer", "--json"], 0),
        ("sealwire.peer.client", INT, ["peer", "--json"], 0),
        ("sealwire.peer.client", TERM, ["peer", "status"], 130),
    ],
)
def test_a_program_that_is_told_to_stop_while_it_starts(run, stage, tmp_path, moment, way, words, code):
    program, *rest = words
    own = ["--data", str(tmp_path), "--keys", str(tmp_path), "--bind", "tcp://127.0.0.1:0"]
    flags = own if program == "broker" else ["--name", "alice", *stage.peer_flags, *rest]
    assert ended(run("-c", TOLD_WHILE_IMPORTING, moment, str(int(way)), program, *flags), code) == ("", "")


# --- the broker ----------------------------------------------------------------------------------------------


@pytest.fixture
def broker(run: Run, tmp_path: Path) -> Callable[..., tuple[subprocess.Popen[str], str]]:
    """Start a broker of one's own; returns it and where it listens."""

    def start(folder: Path = tmp_path, *flags: str) -> tuple[subprocess.Popen[str], str]:
        places = ["--data", str(folder / "data"), "--keys", str(tmp_path / "keys")]
        process = run("broker.py", "--bind", "tcp://127.0.0.1:0", *places, *flags)
        while "ready on" not in (line := process.stderr.readline()):
            assert line
        return process, line.split()[-1]

    return start


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Callable[..., RawPeer]]:
    """A device that speaks frames; its CURVE key stays the same."""
    made: list[RawPeer] = []
    secrets: dict[str, bytes] = {}

    def make(address: str, name: str) -> RawPeer:
        curve = read_public(tmp_path / "keys" / "broker.pub")
        secret = secrets.setdefault(name, z85.decode(zmq.curve_keypair()[1]))
        made.append(RawPeer(address, curve, member(name, curve), secret))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_broker_amid_traffic_handshakes_and_silent_administrators(broker, peer, tmp_path):
    process, address = broker()
    alice, bob = peer(address, "alice"), peer(address, "bob")
    host, port = address.removeprefix("tcp://").split(":")
    administrator = socket.socket(socket.AF_UNIX)
    administrator.connect(str(localsocket.current(tmp_path / "data" / "broker", "admin")))
    with administrator, socket.create_connection((host, int(port))):
        bob.login()
        bob.close()
        alice.login()
        peer(address, "greeted").connect().greet()
        peer(address, "knocking").connect()
        for number in range(500):
            alice.send(bob.mailbox, b"%d" % number)
        alice.recv(frames.Verb.ACCEPTED)
        process.send_signal(TERM)
        process.send_signal(INT)  # impatience changes nothing
        ended(process, 0)
    accepted = 0
    while (frame := alice.recv(frames.Verb.ACCEPTED, frames.Verb.RESET))[0] == frames.Verb.ACCEPTED:
        accepted = frames.decode_u64(frame)
    process, address = broker()
    bob = peer(address, "bob")
    bob.login()
    got = [frames.decode_deliver(bob.recv(frames.Verb.DELIVER))[2] for _ in range(accepted)]
    assert got == [b"%d" % number for number in range(accepted)]
    process.send_signal(TERM)
    ended(process, 0)


def test_a_broker_that_nobody_watches_any_more(broker, peer, tmp_path):
    process, address = broker(tmp_path, "--watch")
    alice = peer(address, "alice")
    alice.login()
    for _ in range(1_000):  # a line each: more than a pipe holds
        alice.send(alice.mailbox, b"seen")
    while frames.decode_u64(alice.recv(frames.Verb.ACCEPTED)) < 1_000:
        pass
    process.send_signal(TERM)
    assert process.wait(END_S) == 0


def test_a_broker_with_a_full_disk_and_its_input_closed(broker, peer, small_disk):
    process, address = broker(small_disk)
    process.stdin.close()
    process.stdin = None
    alice, bob = peer(address, "alice"), peer(address, "bob")
    bob.login()
    bob.close()
    alice.login()
    leave(small_disk, 50_000)
    full = None
    while full is None or frames.decode_reject(full)[1] != frames.Code.STORAGE:
        alice.send(bob.mailbox, os.urandom(8_000))
        frame = alice.recv(frames.Verb.ACCEPTED, frames.Verb.REJECT)
        full = frame if frame[0] == frames.Verb.REJECT else None
    for _ in range(20):
        alice.send(bob.mailbox, b"held")
    process.send_signal(INT)
    ended(process, 0)


# --- peers ---------------------------------------------------------------------------------------------------


def a_peer(stage: Stage, name: str, *more: str, data: Path | None = None) -> list[str]:
    flags = [*stage.peer_flags, *(["--data", str(data)] if data else []), *more]
    return ["peer.py", "--name", name, *flags]


def test_a_peer_that_makes_its_keys(run, stage):
    """Keys are made by a thread that takes seconds: it is broken off, and nothing half made is left."""
    for way in (TERM, INT):
        name = f"newcomer{int(way)}"
        process = run(*a_peer(stage, name, "--json"))
        while "account key" not in (line := process.stderr.readline()):
            assert line
        began = time.monotonic()
        process.send_signal(way)
        assert ended(process, 0)[0] == ""
        assert time.monotonic() - began < END_S / 2
        left = {path.suffix for path in (stage.path / "keys").glob(f"{name}*")}
        assert left in (set(), {".key", ".pub"}), "none, or both where luck had found the primes just before"


def test_a_peer_whose_first_registration_is_not_answered(run, stage):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        where = ["--broker", f"tcp://127.0.0.1:{deaf.getsockname()[1]}", "--json"]
        process = run(*a_peer(stage, "mallory", *where))
        deaf.settimeout(END_S)
        with deaf.accept()[0]:
            process.send_signal(TERM)
            assert ended(process, 0) == ("", "")


def test_a_peer_without_a_broker(run, stage):
    nowhere = ["--broker", "tcp://127.0.0.1:9"]
    assert stage.run("--name", "alice", "status").returncode == 0
    process = run(*a_peer(stage, "alice", *nowhere, "--json"))
    while '"offline"' not in (line := process.stdout.readline()):
        assert line
    process.send_signal(INT)
    ended(process, 0)
    waiting = run(*a_peer(stage, "alice", *nowhere, "recv", "--follow"))
    while "does not answer" not in (line := waiting.stderr.readline()):
        assert line
    waiting.send_signal(signal.SIGHUP)
    ended(waiting, 0)


def test_a_peer_amid_traffic_whose_answers_nobody_reads(run, stage):
    bob = JsonPeer(stage, "bob")
    bob.wait_for("ready")
    process = run(*a_peer(stage, "alice", "--json"))
    while '"online"' not in (line := process.stdout.readline()):
        assert line
    for number in range(400):  # each has an answer and two or three events: more than a pipe holds
        params = {"to": "bob", "text": f"{number} {'.' * 200}"}
        process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": "send", "params": params}) + "\n")
        process.stdin.flush()
    bob.wait_for("message")
    process.send_signal(TERM)
    assert process.wait(END_S) == 0
    assert "Traceback" not in process.stderr.read()
    assert bob.stop() == 0


def test_a_peer_with_a_full_disk(run, stage, small_disk):
    stage.plant("small", PEOPLE["alice"])
    process = run(*a_peer(stage, "small", "--json", data=small_disk))
    while '"online"' not in (line := process.stdout.readline()):
        assert line
    leave(small_disk, 40_000)
    answer: dict[str, object] = {"result": {}}
    number = 0
    while "result" in answer:
        number += 1
        params = {"to": "bob", "text": "x" * 10_000}
        process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": "send", "params": params}) + "\n")
        process.stdin.flush()
        answer = {}
        while answer.get("id") != number:
            answer = json.loads(process.stdout.readline())
    process.send_signal(TERM)
    ended(process, 0)


@pytest.mark.parametrize("words", [["--json"], ["--plain"]])
def test_a_peer_that_starts_without_any_input(run, stage, words):
    process = run(*a_peer(stage, "bob", *words), stdin=None, preexec_fn=lambda: os.close(0))
    ended(process, 0)
