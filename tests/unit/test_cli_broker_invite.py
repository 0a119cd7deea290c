"""``broker.py invite`` and its QR code, as people meet it at a terminal and scripts in a pipe."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pexpect
import pytest

from sealwire import invite
from tests.unit.test_cli_broker import PROGRAM, Start, environment, run, start
from tests.unit.test_qr import read, rows_of_png, rows_of_terminal

__all__ = ["start"]

pytestmark = pytest.mark.process


def at_terminal(folder: Path, *words: str, columns: int = 80, **env: str) -> str:
    """What a terminal of this width shows."""
    command, *arguments = [*PROGRAM, "invite", *words]
    shown = pexpect.run(
        " ".join([command, *arguments]),
        timeout=20,
        cwd=str(folder),
        env={**environment(**env), "COLUMNS": str(columns), "PYTHONWARNINGS": "ignore"},
    )
    return shown.decode().replace("\r\n", "\n")


def code_in(shown: str) -> str:
    """The lines of a QR code."""
    return "\n".join(line for line in shown.split("\n") if line.startswith("\x1b["))


def test_a_terminal_shows_the_line_and_its_code(start: Start, tmp_path: Path) -> None:
    start(SEALWIRE_BROKER__REGISTRATION="invite")
    shown = at_terminal(tmp_path)
    line = shown.split("\n")[0]
    assert invite.decode(line).token is not None
    assert read(rows_of_terminal(code_in(shown))) == line
    assert "Treat it like a password." in shown


def test_a_narrow_terminal_shows_the_line_alone_and_says_why_when_asked(start: Start, tmp_path: Path) -> None:
    start(SEALWIRE_BROKER__REGISTRATION="invite")
    silent, asked = at_terminal(tmp_path, columns=40), at_terminal(tmp_path, "--qr", columns=40)
    assert code_in(silent) == code_in(asked) == ""
    assert "columns" not in silent
    assert re.search(r"needs \d+ columns; this terminal has 40", asked)


def test_a_terminal_without_block_characters_shows_the_line_alone(start: Start, tmp_path: Path) -> None:
    start(SEALWIRE_BROKER__REGISTRATION="invite")
    assert code_in(at_terminal(tmp_path, PYTHONIOENCODING="ascii")) == ""


def test_a_code_that_is_not_wanted_is_not_shown(start: Start, tmp_path: Path) -> None:
    start(SEALWIRE_BROKER__REGISTRATION="invite")
    assert code_in(at_terminal(tmp_path, "--no-qr")) == ""
    assert json.loads(at_terminal(tmp_path, "create", "--json"))["invite"].startswith("sealwire:")


def test_a_pipe_gets_the_line_and_nothing_else_even_when_a_code_is_asked_for(start: Start, tmp_path: Path) -> None:
    start(SEALWIRE_BROKER__REGISTRATION="invite")
    result = run(tmp_path, "invite", "create", "--qr")
    assert result.stdout.count("\n") == 1
    assert invite.decode(result.stdout).token is not None
    assert "--qr-file" in result.stderr


@pytest.mark.parametrize("name", ["code.png", "code.svg"])
def test_a_file_holds_the_code_for_its_owner_alone(start: Start, tmp_path: Path, name: str) -> None:
    start(SEALWIRE_BROKER__REGISTRATION="invite")
    path = tmp_path / name
    path.with_name(f"{name}.new").touch()
    result = run(tmp_path, "invite", "--json", "--qr-file", name)
    line = json.loads(result.stdout)["invite"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.with_name(f"{name}.new").exists(), "a file of a like name is nobody's to delete"
    if name.endswith(".png"):
        assert read(rows_of_png(path.read_bytes()), scale=1) == line
    again = run(tmp_path, "invite", "--qr-file", name)
    assert (again.returncode, again.stdout) == (2, "")
    assert "not overwritten" in again.stderr


@pytest.mark.parametrize("name", ["code.jpg", "nowhere/code.svg"])
def test_no_invite_is_made_for_a_file_that_cannot_be(start: Start, tmp_path: Path, name: str) -> None:
    start(SEALWIRE_BROKER__REGISTRATION="invite")
    assert run(tmp_path, "invite", "--qr-file", name).returncode == 2
    assert json.loads(run(tmp_path, "invite", "list", "--json").stdout) == {"invites": []}
