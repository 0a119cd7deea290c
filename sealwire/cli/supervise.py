"""A parent that starts the broker again: whatever ends it, nothing accepted is lost, so starting is all there is to do.

It loads nothing of the broker's own: what could fail there fails in the child.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final

from sealwire.cli import programs, told
from sealwire.cli.common import EXIT_FAILED, say
from sealwire.i18n import _

FLAG: Final = "--supervise"
FINAL_CODES: Final = frozenset({0, 2, 3})
"""An orderly end, a wrong command, wrong settings: starting again changes nothing."""
FIRST_PAUSE_S: Final = 0.1
"""After a single crash the broker is back at once: peers wait for it."""
LONGEST_PAUSE_S: Final = 10.0
"""Pauses double up to this: without it a broker that cannot start would use a core."""
STEADY_S: Final = 10.0
"""A broker that served for so long has recovered: the next crash is a first one again."""


class Supervisor:
    """Runs a command, again and again.

    Args:
        command: the child's, with its program.
        pause: waits for so many seconds; returns whether the end was asked for.
    """

    def __init__(self, command: Sequence[str], pause: Callable[[float], bool] | None = None) -> None:
        self._command = list(command)
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._pause = pause or self._ending.wait

    def forward(self, number: int, _frame: FrameType | None = None) -> None:
        """Pass a signal on to the child, and start it no more. For SIGTERM and SIGINT."""
        self._ending.set()
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def run(self) -> int:
        """Return the exit code of the child that ended for good."""
        pause_s, has_served = FIRST_PAUSE_S, False
        while not self._ending.is_set():
            began = time.monotonic()
            code = self._once()
            lived = time.monotonic() - began
            has_served = has_served or lived >= STEADY_S or code < 0 or code == EXIT_FAILED
            if self._ending.is_set() or code in FINAL_CODES or not has_served:
                return code if code >= 0 else 128 - code
            if lived >= STEADY_S:
                pause_s = FIRST_PAUSE_S
            said = _("The broker ended ({how}); it starts again in {pause} s.").format(how=_how(code), pause=pause_s)
            say(said, logging.WARNING)
            if self._pause(pause_s):
                break
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
        return 0

    def _once(self) -> int:
        self._child = subprocess.Popen(self._command)  # noqa: S603 - this program itself, with this command line
        if self._ending.is_set():
            self._child.terminate()  # the signal came while it was being started
        return self._child.wait()


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else _("exit code {code}").format(code=code)


def supervise(arguments: Sequence[str]) -> int:
    """Serve with these arguments (without the flag itself) until an end that is meant."""
    supervisor = Supervisor([*programs.itself(), *arguments])
    told.handle(supervisor.forward)
    return supervisor.run()
