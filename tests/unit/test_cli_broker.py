"""The broker's program as people and scripts meet it: real processes, their output and exit codes."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sealwire import invite, localsocket
from sealwire.cli.broker import parser as parser_of_broker
from sealwire.testing.processes import plant
from tests.conftest import PEOPLE

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, str(ROOT / "broker.py")]
READY = re.compile(r"sealwire broker ready on (tcp://127\.0\.0\.1:(\d+))(?:\x22})?\n")
START_S = 20

pytestmark = pytest.mark.process


def environment(**more: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SEALWIRE_", "LC_", "LANG", "XDG_"))}
    return {**clean, "SEALWIRE_LIMITS__BALLAST_BYTES": "0", "HOME": "/nonexistent", **more}


def run(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(**env), capture_output=True, text=True, timeout=START_S, check=False
    )


class Broker:
    """A broker process that said it is ready."""

    def __init__(self, folder: Path, *arguments: str, **env: str) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, "--bind", "tcp://127.0.0.1:0", *arguments],
            cwd=folder,
            env=environment(**env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.said = ""
        while not (match := READY.search(self.said)):
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line
        self.endpoint, self.port = match[1], int(match[2])

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=START_S)
        return self.process.returncode


Start = Callable[..., Broker]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Broker] = []

    def begin(*arguments: str, **env: str) -> Broker:
        started.append(Broker(tmp_path, *arguments, **env))
        return started[-1]

    yield begin
    for broker in started:
        broker.process.kill()
        broker.process.communicate()


# --- serving -------------------------------------------------------------------------------------------------


def test_a_first_start_makes_private_keys_and_a_signal_ends_it_cleanly(start: Start, tmp_path: Path) -> None:
    broker = start()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}
    assert modes == {"broker.key": 0o600, "broker.db.key": 0o600, "broker.pub": 0o644}
    assert all(stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700 for name in ("keys", "data", "data/broker"))
    files = [path for path in (tmp_path / "data").rglob("*") if not path.is_dir()]
    assert files
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    assert broker.end() == 0
    assert start().end(signal.SIGINT) == 0


def test_what_lives_as_long_as_the_broker_is_out_of_the_collectors_sight() -> None:
    """In a process of its own: what is frozen stays so."""
    program = (
        "import gc; from sealwire.cli.serve import settle_down; before = gc.get_threshold(); settle_down();"
        "print(gc.get_freeze_count() > 10_000, gc.isenabled(), gc.get_threshold()[0] > before[0])"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "True True True\n"


def test_a_second_broker_on_the_same_data_is_told_the_pid(start: Start, tmp_path: Path) -> None:
    first = start()
    second = run(tmp_path, "--bind", "tcp://127.0.0.1:0")
    assert second.returncode == 1
    assert f"PID {first.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_killed_broker_never_stops_the_next_start(start: Start, tmp_path: Path) -> None:
    assert start().end(signal.SIGKILL) == -signal.SIGKILL
    assert localsocket.current(tmp_path / "data" / "broker", "admin").exists()  # what kill -9 leaves behind
    start()
    assert run(tmp_path, "status").returncode == 0


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run(tmp_path, "--bind", f"tcp://127.0.0.1:{port}")
    assert result.returncode == 1
    assert result.stderr.startswith(f"The broker cannot listen on tcp://127.0.0.1:{port}: ")
    assert "Traceback" not in result.stderr


def test_a_secret_key_that_others_may_read_is_refused_with_the_command(start: Start, tmp_path: Path) -> None:
    start().end()
    (tmp_path / "keys" / "broker.key").chmod(0o644)
    result = run(tmp_path)
    assert result.returncode == 1
    assert "chmod 600" in result.stderr


def test_a_public_bind_with_open_registration_warns_loudly(start: Start, tmp_path: Path) -> None:
    warning = "registration is open: anybody who can connect can register"
    assert warning not in start().said
    (tmp_path / "public").mkdir()
    public = subprocess.Popen(
        [*PROGRAM, "--bind", "tcp://0.0.0.0:0"],
        cwd=tmp_path / "public",
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    with public:
        assert public.stderr is not None
        assert warning in public.stderr.readline()
        public.kill()


def test_a_data_folder_too_deep_for_a_socket_still_answers(tmp_path: Path, start: Start) -> None:
    deep = str(tmp_path.joinpath(*["a-rather-long-folder-name"] * 5))
    start("--data", deep)
    assert run(tmp_path, "status", "--data", deep).returncode == 0


# --- settings ------------------------------------------------------------------------------------------------


def test_three_mistakes_in_the_settings_are_named_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "broker:\n  bind: nowhere\nlog:\n  levle: info\nlimits:\n  quota_days: never\n"
    )
    result = run(tmp_path)
    assert result.returncode == 3
    lines = result.stderr.splitlines()
    assert lines[0].startswith("config.yaml:2:9: broker.bind: must be an address")
    assert lines[1] == "config.yaml:4:3: log.levle: is not a setting; did you mean log.level?"
    assert lines[2].startswith("config.yaml:6:15: limits.quota_days: must be a whole number from 1 to 90 (got 'never')")
    assert not (tmp_path / "keys").exists()  # nothing was begun


def test_a_missing_settings_file_and_a_bad_flag_are_settings_errors(tmp_path: Path) -> None:
    assert run(tmp_path, "--config", "none.yaml").returncode == 3
    result = run(tmp_path, "--bind", "127.0.0.1:5555")
    assert result.returncode == 3
    assert result.stderr.startswith("--bind: broker.bind: must be an address")


# --- verbs ---------------------------------------------------------------------------------------------------


def test_status_is_a_table_or_one_json_object(start: Start, tmp_path: Path) -> None:
    broker = start()
    assert broker.endpoint in run(tmp_path, "status").stdout
    status = json.loads(run(tmp_path, "status", "--json").stdout)
    assert (status["listening_on"], status["pid"], status["devices"]) == (broker.endpoint, broker.process.pid, 0)


def test_verbs_without_a_broker_say_how_to_start_one(tmp_path: Path) -> None:
    for verb in ("status", "invite"):
        result = run(tmp_path, verb)
        assert (result.returncode, result.stdout) == (6, "")
        assert "python broker.py" in result.stderr


def test_an_invite_names_address_key_and_a_fresh_token(start: Start, tmp_path: Path) -> None:
    broker = start(SEALWIRE_BROKER__REGISTRATION="invite")
    first, second = (invite.decode(run(tmp_path, "invite", "--uses", "2").stdout) for _turn in range(2))
    assert (first.host, first.port) == ("127.0.0.1", broker.port)
    assert first.key == second.key
    assert first.token != second.token
    assert first.token is not None
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data" / "broker").iterdir() if path.is_file())
    assert first.token not in stored


def test_an_invite_to_an_open_broker_has_no_token_and_says_so(start: Start, tmp_path: Path) -> None:
    start(SEALWIRE_BROKER__PUBLIC_ADDRESS="chat.example.org:5555")
    result = run(tmp_path, "invite")
    assert result.stdout.count("\n") == 1
    assert invite.decode(result.stdout).token is None
    assert invite.decode(result.stdout).host == "chat.example.org"
    assert "no token" in result.stderr


def test_no_invite_to_a_closed_broker(start: Start, tmp_path: Path) -> None:
    start(SEALWIRE_BROKER__REGISTRATION="closed")
    result = run(tmp_path, "invite")
    assert (result.returncode, result.stdout) == (2, "")


def join(folder: Path, name: str, line: str) -> subprocess.CompletedProcess[str]:
    (folder / "empty").touch()
    plant(folder / "keys", name, PEOPLE[name], invite.decode(line).key)
    words = [
        "--name",
        name,
        "--join",
        line,
        "--passphrase-file",
        str(folder / "empty"),
        "send",
        "nobody",
        "hello",
        "--timeout",
        "3",
    ]
    cheap = environment(SEALWIRE_PEER__KDF_MEMORY_MIB="8", SEALWIRE_PEER__KDF_PASSES="1")
    command = [sys.executable, str(ROOT / "peer.py"), *words]
    return subprocess.run(command, cwd=folder, env=cheap, capture_output=True, text=True, timeout=60, check=False)


def test_an_invite_lets_one_in_and_the_relay_sees_only_what_it_relays(start: Start, tmp_path: Path) -> None:
    broker = start("--watch", SEALWIRE_BROKER__REGISTRATION="invite")
    line = run(tmp_path, "invite").stdout.strip()
    elsewhere = tmp_path / "elsewhere"  # another machine has nothing but the line
    elsewhere.mkdir()
    assert join(elsewhere, "alice", line).returncode == 5  # she is in: the directory tells her who is not
    assert join(elsewhere, "bob", line).returncode == 4  # the line is used up
    broker.process.send_signal(signal.SIGTERM)
    seen, _said = broker.process.communicate(timeout=START_S)
    rows = [row.split("\t") for row in seen.splitlines()]
    assert [row[1] for row in rows][:4] == ["HELLO", "CHALLENGE", "LOGIN", "WELCOME"]
    for at, _verb, mailbox, size, first in rows:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at)
        assert re.fullmatch(r"[0-9a-f]{32}|-", mailbox)
        assert size.isdecimal()
        assert re.fullmatch(r"[0-9a-f]{32}", first)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["statsu"], "The nearest is status."),
        (["bakcup", "file"], "The nearest is backup."),
        (["user", "lsit"], "The nearest is list."),
        (["user", "disable"], "user disable needs a name."),
        (["invite", "revoke"], "invite revoke needs an id."),
        (["--bnid", "x"], "The nearest is --bind."),
        (["--watch", "status"], "--watch is for serving, not for status."),
        (["status", "--watch"], "--watch does not go with this."),
        (["invite", "--days", "0"], "must be a whole number from 1 to 365"),
        (["status", "now"], "'now' is one word too many."),
        (["invite", "list", "all"], "'all' is one word too many."),
        (["invite", "create", "bob"], "'bob' is one word too many."),
        (["invite", "revoke", ""], "invite revoke needs an id."),
        (["link", "kick", ""], "link kick needs a name."),
    ],
)
def test_what_there_is_not_is_a_usage_error_that_names_what_there_is(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    result = run(tmp_path, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr


def test_every_verb_answers_a_script_in_json() -> None:
    def leaves(parser: argparse.ArgumentParser, words: str) -> Iterator[tuple[str, set[str]]]:
        verbs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        for verb, below in verbs[0].choices.items() if verbs else ():
            yield from leaves(below, f"{words} {verb}")
        if not verbs:
            yield words, {option for action in parser._actions for option in action.option_strings}

    assert [words for words, options in leaves(parser_of_broker(), "broker.py") if "--json" not in options] == []


def test_help_offers_every_verb(tmp_path: Path) -> None:
    result = run(tmp_path, "--help")
    assert result.returncode == 0
    assert {"status", "invite", "user", "backup", "verify", "restore", "doctor"} <= set(
        re.findall(r"\w+", result.stdout)
    )


# --- machines that lack something ----------------------------------------------------------------------------


def test_a_missing_package_is_one_sentence_with_the_command(tmp_path: Path) -> None:
    bare = [sys.executable, "-S", "-E", str(ROOT / "broker.py")]  # without site-packages
    result = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True, timeout=START_S, check=False)
    assert result.returncode == 1
    assert "which is not installed here" in result.stderr
    assert "pip install" in result.stderr
    assert "Traceback" not in result.stderr


def old_python() -> str | None:
    found = [shutil.which(f"python3.{minor}") for minor in (10, 9, 8)]
    found += [str(p) for p in Path.home().glob(".pyenv/versions/3.[89]*/bin/python")]
    return next((p for p in found if p and runs(p)), None)


def runs(python: str) -> bool:
    return subprocess.run([python, "-V"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("program", ["broker.py", "peer.py"])
def test_an_old_python_is_told_which_one_is_needed(tmp_path: Path, program: str) -> None:
    python = old_python()
    if python is None:
        pytest.skip("no Python older than 3.11 on this machine")
    result = subprocess.run([python, str(ROOT / program)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Sealwire needs Python 3.11 or newer")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("program", ["broker.py", "peer.py"])
def test_entry_scripts_stay_short(program: str) -> None:
    assert len((ROOT / program).read_text().splitlines()) <= 10
