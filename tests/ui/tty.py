"""A terminal with a person at it: a real pseudo-terminal, and a screen that understands what is drawn on it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte

from tests.ui.house import PATIENCE_S, quick

AT_WORK = 0.1
"""Of the time waited: a program that had more of a processor is at work, one that only blinks has a hundredth."""
MOST_ROUNDS = 10
"""So often a program at work is waited for once more; one that works for ever is not."""


class Tty:
    """A program on a terminal of this size.

    Args:
        arguments: its command line.
        folder: where it runs.
        size: columns and lines.
        variables: added to its environment.
    """

    def __init__(self, arguments: list[str], folder: Path, size: tuple[int, int] = (100, 30), **variables: str) -> None:
        columns, lines = size
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.Stream(self.screen)
        self.raw = ""
        """Everything the terminal was told."""
        self.child = pexpect.spawn(
            arguments[0],
            arguments[1:],
            cwd=str(folder),
            env=quick(**{"TERM": "xterm-256color", **variables}),
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(lines, columns),
            timeout=PATIENCE_S,
        )

        self._news = threading.Condition()
        self._is_over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Always: a program whose terminal is not read stands still."""
        while True:
            try:
                told = self.child.read_nonblocking(65_536, timeout=None)
            except (pexpect.EOF, OSError, ValueError):
                told = ""
            with self._news:
                self.raw += told
                self._stream.feed(told)
                self._is_over = not told
                self._news.notify_all()
            if not told:
                return

    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def see(self, *parts: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until all of these stand on the screen."""
        seen = self._comes(lambda: all(part in self.text() for part in parts), patience_s)
        assert seen, f"not seen: {parts}\n{self.text()}"

    def gone(self, part: str) -> None:
        """Wait until this stands there no more."""
        assert self._comes(lambda: part not in self.text(), PATIENCE_S), f"still there: {part}\n{self.text()}"

    def _comes(self, condition: Callable[[], bool], patience_s: float) -> bool:
        """Wait for it; anew while the program is at work: keys of RSA take as long as chance and the machine want."""
        for _round in range(MOST_ROUNDS):
            before_s = self._worked_s()
            with self._news:
                if self._news.wait_for(lambda: condition() or self._is_over, patience_s):
                    return condition()
            if self._worked_s() - before_s < patience_s * AT_WORK:
                return False
        return False

    def _worked_s(self) -> float:
        """How long the program had a processor; 0 once it is gone."""
        try:
            fields = Path(f"/proc/{self.child.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc(5): utime, stime

    def send(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys)

    def ended(self) -> None:
        """Wait for the end, however it came."""
        with self._news:
            assert self._news.wait_for(lambda: self._is_over, PATIENCE_S), self.text()

    def end(self) -> int:
        """Wait for the end; returns the exit code."""
        self.ended()
        self._reader.join(PATIENCE_S)
        deadline = time.monotonic() + PATIENCE_S
        while self.child.isalive() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.child.close()
        assert self.child.exitstatus is not None, self.raw[-500:]
        return self.child.exitstatus

    def close(self) -> None:
        """Whatever still runs ends."""
        self.child.terminate(force=True)
        self._reader.join(PATIENCE_S)
        self.child.close(force=True)
