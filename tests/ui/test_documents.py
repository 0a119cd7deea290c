"""What docs/scripting.md shows is run as it stands there: the commands in a shell, the programs in Python."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sealwire.broker.keyfiles import read_public
from sealwire.testing.processes import plant
from tests.conftest import PEOPLE
from tests.ui.house import PATIENCE_S, ROOT, House, Script, quick

pytestmark = pytest.mark.process

PAGE = (ROOT / "docs" / "scripting.md").read_text("utf-8")
KEYS = {"ops": "mallory", "backup": "alice", "echo": "bob", "adder": "mallory"}
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A broker, everybody the page names, their passphrase in the file that it names, and a log to send."""
    house = House(tmp_path_factory.mktemp("documents"))
    house.start_broker()
    house.plant("alice", "bob")
    broker_key = read_public(house.folder / "keys" / "broker.pub")
    for name, keys in KEYS.items():
        plant(house.folder / "keys", name, PEOPLE[keys], broker_key)
    (house.folder / "pass").write_text("\n")
    tools = house.folder / "tools"
    tools.mkdir()
    for name, body in {
        "python": f'[ "$1" = peer.py ] && shift && set -- "{ROOT / "peer.py"}" "$@"; exec "{sys.executable}" "$@"',
        "journalctl": "echo a line of the log",
        "jq": "exec cat",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    with ThreadPoolExecutor() as pool:
        status = "python peer.py --name {} --passphrase-file pass status"
        list(pool.map(lambda name: shell(house, status.format(name)), ("alice", "bob", *KEYS)))
    yield house
    house.stop_broker()


def variables(house: House) -> dict[str, str]:
    path = f"{house.folder / 'tools'}{os.pathsep}{os.environ['PATH']}"
    return quick(PATH=path, SEALWIRE_PEER__BROKER=house.address, PYTHONPATH=str(ROOT))


def shell(house: House, command: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=house.folder,
        env=variables(house),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 2,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), (command, done.stdout, done.stderr)
    return done.stdout


def started(house: House, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=house.folder, env=variables(house), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def stopped(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in err, err
    return out


def test_the_page_shows_as_much_as_is_run_here() -> None:
    assert [len(block.strip().splitlines()) for block in SHELL] == [4, 3, 1]
    assert [block.split("\n", 1)[0] for block in PYTHON] == [
        "import json, subprocess",
        "import asyncio",
        "from sealwire import Bot, Context",
        "with local_broker() as broker:",
    ]


def test_commands_of_one_shot(place: House) -> None:
    done, log, piped, follow = SHELL[0].strip().splitlines()
    for command in (done, log, piped):
        assert re.fullmatch(r"[0-9a-f]{32}\tsent\n", shell(place, command))
    watching = started(place, "bash", "-c", "exec " + follow.partition(" | ")[0])
    assert watching.stdout is not None
    lines = [watching.stdout.readline() for _each in range(3)]
    assert "backup done" in lines[0]
    assert "boot.log" in lines[1]
    assert "Filesystem" in lines[2]
    stopped(watching)


def test_a_peer_in_the_background(place: House) -> None:
    begin, *then = SHELL[1].strip().splitlines()
    daemon = started(place, "bash", "-c", "exec " + begin.removesuffix("&"))
    assert "\t" in shell(place, "\n".join(then)), "without a passphrase"
    stopped(daemon)


def test_lines_from_a_pipe(place: House) -> None:
    shell(place, SHELL[2])
    assert "\tfirst\n" in shell(place, "python peer.py --name bob --passphrase-file pass recv")


def test_a_script_over_standard_streams(place: House, tmp_path: Path) -> None:
    (place.folder / "echo.py").write_text(PYTHON[0])
    echo = started(place, "python", "echo.py")
    answer = answered(place, "echo", "say this")
    assert answer["text"] == "say this"
    stopped(echo)


def test_a_program_in_python(place: House) -> None:
    (place.folder / "program.py").write_text(PYTHON[1].replace("backup done", "by a program"))
    alice = place.script("alice")
    program = started(place, "python", "program.py")
    alice.event(type="message", text="by a program")
    assert alice.end() == 0
    program.send_signal(signal.SIGKILL)
    program.communicate()


def test_a_bot(place: House) -> None:
    (place.folder / "bot.py").write_text(PYTHON[2])
    bot = started(place, "python", "bot.py")
    assert answered(place, "adder", "/add 2 3")["text"] == "5"
    assert stopped(bot) == ""


def answered(house: House, to: str, text: str) -> dict[str, object]:
    """Alice writes, and hears the answer."""
    alice: Script = house.script("alice")
    alice.event(type="ready")
    assert "error" not in alice.ask("send", to=to, text=text)
    answer = alice.event(type="message", conversation=to)
    assert alice.end() == 0
    return answer
