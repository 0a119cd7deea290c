"""One process per folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sealwire.locks import FileLock, HeldError

HOLDER = """
import pathlib, sys, time
from sealwire.locks import FileLock
lock = FileLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_holder_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"), pytest.raises(HeldError) as caught:
        FileLock(tmp_path / "lock")
    assert caught.value.pid == os.getpid()


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    for _turn in range(2):
        FileLock(tmp_path / "lock").release()


def test_what_an_earlier_holder_wrote_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("99999999999999999999\n")
    with FileLock(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.process
def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(HeldError) as caught:
            FileLock(path)
        assert caught.value.pid == process.pid
        process.send_signal(signal.SIGKILL)
        process.wait()
        FileLock(path).release()
