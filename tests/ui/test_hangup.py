"""A terminal that goes away: its window is closed, the connection to it breaks."""

from __future__ import annotations

import os
import select
import shlex
import signal
import sys
from pathlib import Path

import pytest

from tests.ui.house import PATIENCE_S, ROOT, House, quick

pytestmark = pytest.mark.process


def on_a_terminal(words: list[str], folder: Path) -> tuple[int, int]:
    """Start a program on a terminal; returns its process and the end that a person would hold."""
    pid, held = os.forkpty()
    if pid == 0:
        try:
            os.chdir(folder)
            os.execvpe(words[0], words, quick(TERM="xterm-256color", TMPDIR=str(folder)))
        finally:
            os._exit(127)
    return pid, held


def read_until(held: int, part: bytes) -> None:
    said = b""
    while part not in said:
        assert select.select([held], [], [], PATIENCE_S)[0], said[-300:]
        said += os.read(held, 65_536)


def ends(pid: int) -> int:
    """The exit code of a child that must end by itself."""
    waiter = os.pidfd_open(pid)
    try:
        if not select.select([waiter], [], [], PATIENCE_S)[0]:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            pytest.fail("it goes on without its terminal")
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(waiter)


@pytest.mark.parametrize("before", ["", "trap '' HUP; "], ids=["told", "not told"])
def test_the_screen_ends_with_its_terminal_and_leaves_the_profile(house: House, before: str) -> None:
    pid, held = on_a_terminal(["sh", "-c", f"{before}exec {shlex.join(house.arguments('alice'))}"], house.folder)
    read_until(held, b"Ctrl+K")
    os.close(held)
    assert ends(pid) == 0
    house.peer("alice", "status")


def test_the_demonstration_ends_with_its_terminal_and_leaves_nothing(tmp_path: Path) -> None:
    pid, held = on_a_terminal([sys.executable, str(ROOT / "peer.py"), "--demo"], tmp_path)
    read_until(held, b"other side")
    os.close(held)
    assert ends(pid) == 0
    assert list(tmp_path.iterdir()) == []
