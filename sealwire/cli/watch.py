"""``broker.py --watch``: what the relay sees of each message, a line each. There is nothing else to see."""

from __future__ import annotations

import queue
import sys
import threading
from datetime import UTC, datetime
from typing import NamedTuple, TextIO

from sealwire.cli.common import say
from sealwire.i18n import _

SHOWN_BYTES = 16
"""Of an envelope: its session tag, or zeros before a handshake."""

MAX_WAITING = 10_000
"""Sights not yet printed; past it they are counted and dropped, so that a slow terminal never slows the relay."""


MAX_WHOLE = 500
"""The same where each has all its bytes: a frame holds up to 96 KiB."""


class Sight(NamedTuple):
    """What the relay sees of one frame."""

    wall_ms: int
    verb: str
    mailbox: bytes
    """16 bytes, or empty where the verb has none."""
    size: int
    content: bytes
    """Its first bytes, or all of them."""

    def line(self) -> str:
        """Return time, verb, mailbox, size and bytes, separated by tabs."""
        time = datetime.fromtimestamp(self.wall_ms / 1000, UTC).isoformat(timespec="milliseconds")
        shown = self.content.ljust(SHOWN_BYTES, b"\0").hex()
        return "\t".join((time.replace("+00:00", "Z"), self.verb, self.mailbox.hex() or "-", str(self.size), shown))


class Watcher:
    """Prints sights in a thread of its own, one flushed line each; :meth:`see` never blocks the loop that calls it."""

    def __init__(self, stream: TextIO | None = None, *, whole: bool = False) -> None:
        """``whole``: each line has every byte of its frame."""
        self._shown = None if whole else SHOWN_BYTES
        self._stream = stream if stream is not None else sys.stdout
        self._waiting: queue.Queue[Sight | None] = queue.Queue(MAX_WHOLE if whole else MAX_WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._print_all, name="watch", daemon=True)
        self._thread.start()

    def see(self, wall_ms: int, verb: str, mailbox: bytes, content: bytes) -> None:
        """Take one sight; called from the relay's loop."""
        try:
            self._waiting.put_nowait(Sight(wall_ms, verb, mailbox, len(content), content[: self._shown]))
        except queue.Full:
            self._dropped += 1

    def close(self, timeout_s: float = 2.0) -> None:
        """Print what is waiting, at most ``timeout_s`` long."""
        try:
            self._waiting.put(None, timeout=timeout_s)
        except queue.Full:
            return  # nobody reads: the thread ends with the process
        self._thread.join(timeout_s)

    def _print_all(self) -> None:
        while (sight := self._waiting.get()) is not None:
            try:
                self._stream.write(sight.line() + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                say(_("Nobody reads what --watch prints any more; the broker goes on without it."))
                return
            if self._waiting.empty():
                self._tell_dropped()
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            say(_("--watch left out {n} lines: they came faster than they were read.").format(n=dropped))
