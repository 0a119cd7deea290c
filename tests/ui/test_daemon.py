"""A running peer does what one-shot commands of its user ask for, without keys and passphrase of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sealwire import localsocket
from tests.ui.house import PATIENCE_S, ROOT, House, quick
from tests.ui.schema_check import problems

pytestmark = pytest.mark.process

SCHEMA = json.loads((ROOT / "docs" / "jsonrpc.schema.json").read_text("utf-8"))


class Daemon:
    """``peer.py --name NAME daemon``, until the test is over."""

    def __init__(self, house: House, name: str) -> None:
        self.house, self.name = house, name
        self.folder = house.folder / "data" / name
        self.process = subprocess.Popen(
            house.arguments(name, "daemon"), cwd=house.folder, env=quick(), stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        self.said = [self.process.stderr.readline()]
        while "is running" not in self.said[-1]:
            assert self.said[-1], self.said
            self.said.append(self.process.stderr.readline())

    def ask(self, *words: str, stdin: str = "", code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """A one-shot command with nothing but the name: no broker, no passphrase."""
        return self.house.run([sys.executable, str(ROOT / "peer.py"), "--name", self.name, *words], stdin, code)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        assert self.process.stderr is not None
        assert "Traceback" not in self.process.stderr.read()
        self.process.stderr.close()
        return code


class Line:
    """JSON-RPC over the local socket."""

    def __init__(self, folder: Path) -> None:
        connection = localsocket.connect(folder, "peer")
        assert connection is not None
        self.socket: socket.socket = connection
        self.socket.settimeout(PATIENCE_S)
        self.lines: list[dict[str, Any]] = []
        self.file = connection.makefile("rw", encoding="utf-8", newline="\n")

    def tell(self, **request: Any) -> None:
        self.file.write(json.dumps({"jsonrpc": "2.0", **request}) + "\n")
        self.file.flush()

    def hear(self, **wanted: Any) -> dict[str, Any]:
        """The first line with these fields, at the top or in its params."""
        at = 0
        while True:
            while at < len(self.lines):
                line = self.lines[at]
                fields = {**line, **line.get("params", {})}
                if all(fields.get(key) == value for key, value in wanted.items()):
                    return line
                at += 1
            self.lines.append(json.loads(self.file.readline()))

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def daemons(house: House) -> Iterator[tuple[Daemon, Daemon]]:
    alice, bob = Daemon(house, "alice"), Daemon(house, "bob")
    yield alice, bob
    for daemon in (alice, bob):
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait()
        if daemon.process.stderr is not None:
            daemon.process.stderr.close()


def test_commands_go_through_the_running_peer(house: House, daemons: tuple[Daemon, Daemon]) -> None:
    alice, bob = daemons
    bob.ask("recv")
    identity, state = alice.ask("send", "bob", "--wait", "delivered", "-", stdin="from\na pipe\n").stdout.split()
    assert (len(identity), state) == (32, "delivered")
    received = bob.ask("recv", "--json").stdout.splitlines()
    assert [(json.loads(line)["from"], json.loads(line)["text"]) for line in received] == [("alice", "from\na pipe")]
    assert bob.ask("recv").stdout == "", "once received is received"
    assert "alice\tbob\tfrom" not in bob.ask("history", "alice", "1").stdout
    assert bob.ask("history", "alice", "1").stdout.endswith("alice\talice\tfrom\\na pipe\n")
    assert bob.ask("status").stdout.splitlines()[2] == "connection\tonline"
    unknown = alice.ask("send", "nobody", "hello", code=5)
    assert "nobody" in unknown.stderr
    assert unknown.stdout == ""
    assert alice.ask("verify", "bob").stdout.count("\n") == 3, "a person at another terminal is not asked"
    assert localsocket.current(alice.folder, "peer").stat().st_mode & 0o777 == 0o600

    # A second one says who is there; the first goes on and ends cleanly.
    busy = house.peer("alice", "daemon", code=1)
    assert str(alice.process.pid) in busy.stderr
    assert alice.stop() == bob.stop() == 0
    assert not localsocket.current(alice.folder, "peer").exists()


def test_a_socket_speaks_json_rpc_and_tells_events_to_who_asks(daemons: tuple[Daemon, Daemon]) -> None:
    alice, bob = daemons
    quiet, loud = Line(bob.folder), Line(bob.folder)
    loud.tell(id=1, method="subscribe")
    assert loud.hear(type="ready")["params"]["name"] == "bob"
    answer = loud.hear(id=1)
    assert problems(answer["result"], SCHEMA, SCHEMA["$defs"]["results"]["properties"]["subscribe"]) == []
    alice.ask("send", "bob", "an event", "--wait", "delivered")
    heard = loud.hear(type="message", text="an event")["params"]
    bob.ask("react", "alice", heard["id"], "👍")
    changed = loud.hear(type="message", change="reaction")["params"]
    assert [line for line in loud.lines if problems(line, SCHEMA)] == []
    assert (changed["id"], changed["reactions"]) == (heard["id"], [{"from": "bob", "emoji": "👍"}])
    quiet.tell(id="a", method="status")
    assert json.loads(quiet.file.readline())["id"] == "a", "no event came before the answer"
    quiet.tell(id="b", method="verb", params={"options": {"verb": "send"}})
    assert quiet.hear(id="b")["error"]["data"]["exit"] == 2
    quiet.tell(id="c", method="verb")
    assert quiet.hear(id="c")["error"]["data"]["exit"] == 2
    quiet.close()
    loud.close()
    assert alice.ask("status").returncode == 0


def test_a_message_whose_reader_died_before_printing_it_comes_again(daemons: tuple[Daemon, Daemon]) -> None:
    alice, bob = daemons
    bob.ask("recv")
    alice.ask("send", "bob", "precious", "--wait", "delivered")
    from sealwire.cli.peer_options import parse
    from sealwire.cli.peer_wire import write_options

    reader = Line(bob.folder)
    reader.tell(id=1, method="verb", params={"options": write_options(parse(["--name", "bob", "recv"]))})
    assert "precious" in reader.hear(method="printed", stream="out")["params"]["text"]
    reader.close()  # without saying that it left
    assert "precious" in bob.ask("recv").stdout


def test_a_killed_peer_leaves_nothing_in_the_way(house: House, daemons: tuple[Daemon, Daemon]) -> None:
    alice, _bob = daemons
    os.kill(alice.process.pid, signal.SIGKILL)
    alice.process.wait(PATIENCE_S)
    assert localsocket.current(alice.folder, "peer").exists()
    house.peer("alice", "status")
    again = Daemon(house, "alice")
    assert again.ask("status").returncode == 0
    assert again.stop() == 0


def test_an_interface_serves_commands_too(house: House) -> None:
    script = house.script("alice")
    script.event(type="ready")
    done = house.run([sys.executable, str(ROOT / "peer.py"), "--name", "alice", "status"])
    assert done.stdout.startswith("name\talice")
    assert script.end() == 0
