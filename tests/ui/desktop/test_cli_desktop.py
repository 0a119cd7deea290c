"""Without a screen the window's command says so, and offers the terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.ui.house import ROOT, environment

pytestmark = pytest.mark.process
NO_SCREEN = {"QT_QPA_PLATFORM": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}


def no_screen() -> dict[str, str]:
    return {key: value for key, value in environment(**NO_SCREEN).items() if value}


def without_libraries(said: str) -> bool:
    """Whether this machine lacks more than a screen: then that is said first, as it should be."""
    return "which is not installed on this system" in said


def test_in_a_script_it_says_what_works_instead(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "peer.py"), "--name", "alice", "--gui"],
        cwd=tmp_path,
        env=no_screen(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "no screen here" in done.stderr or without_libraries(done.stderr)
    assert done.stderr.splitlines()[-1] == "In a terminal it works without: peer.py --name alice"
    assert (done.stdout, list(tmp_path.iterdir())) == ("", [])


@pytest.mark.parametrize(("answer", "goes_on"), [("n", False), ("", True)])
def test_on_a_terminal_it_asks_and_goes_on_there(tmp_path: Path, answer: str, goes_on: bool) -> None:
    words = [str(ROOT / "peer.py"), "--demo", "--gui"]
    child = pexpect.spawn(sys.executable, words, cwd=str(tmp_path), env=no_screen(), timeout=60, encoding="utf-8")
    try:
        child.expect(r"Go on in this terminal instead\? \[Y/n\] ")
        child.sendline(answer)
        if goes_on:
            child.expect("other side")
            child.sendcontrol("q")
        child.expect(pexpect.EOF)
    finally:
        child.close()
    assert child.exitstatus == (0 if goes_on else 1)
