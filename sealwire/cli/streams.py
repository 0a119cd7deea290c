"""Where a verb writes: this process's own streams, or those of the caller it works for.

A verb runs in the process of its command line, or inside a running peer that was asked to do it. It writes through
this module and need not know which.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from contextvars import ContextVar
from typing import Protocol

from sealwire.logs import printable


class Streams(Protocol):
    """What a caller has instead of this process's streams."""

    def out(self, line: str) -> None:
        """Data: one line of standard output."""

    def err(self, line: str) -> None:
        """Words for people: one line of standard error."""

    async def line(self, line: str) -> None:
        """A line of standard output; returns when it has left the caller's process."""


class Logged:
    """Words for people go into the log, whatever its level: for a collector that reads one object a line."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def out(self, line: str) -> None:
        """See Streams."""
        print(line, flush=True)

    def err(self, line: str) -> None:
        """See Streams."""
        self.record(line, logging.INFO)

    def record(self, line: str, level: int) -> None:
        """Write one line with its level: who watches the log looks for errors by that."""
        self._logger.handle(self._logger.makeRecord(self._logger.name, level, "", 0, line, (), None))

    async def line(self, line: str) -> None:
        """See Streams."""
        self.out(line)


_MARKS = "\u200e\u200f"
"""Direction marks: Arabic sentences hold them beside Latin words. They reach no further than their neighbours."""

CALLER: ContextVar[Streams | None] = ContextVar("caller", default=None)
"""Set in the task of a verb that works for somebody else."""


def put(line: str) -> None:
    """Write one line of data."""
    caller = CALLER.get()
    if caller is None:
        print(line, flush=True)
    else:
        caller.out(line)


def say(text: str, level: int = logging.INFO) -> None:
    """Write lines for people. Control characters from elsewhere cannot drive the terminal.

    Nobody to read them, or no room for them on a full disk, ends nothing: what was done is done.

    Args:
        level: of the record, where lines are records of a log.
    """
    caller = CALLER.get()
    with contextlib.suppress(OSError):
        for line in text.split("\n"):
            if caller is None:
                print(printable(line, _MARKS), file=sys.stderr, flush=True)
            elif isinstance(caller, Logged):
                caller.record(line, level)
            else:
                caller.err(line)


def can_ask() -> bool:
    """Whether a person sits at this process's own terminal and waits for the verb."""
    return CALLER.get() is None and sys.stdin.isatty()
