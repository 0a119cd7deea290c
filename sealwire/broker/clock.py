"""Time as the broker counts it: deadlines that a pause does not touch, and a mail clock that cannot jump.

Source: protocol.md §5.4.
"""

from __future__ import annotations

from typing import Final

from sealwire.ids import Millis

PAUSE_S: Final = 2.0
"""A loop that did not run for longer was paused (a suspended machine, SIGSTOP): all deadlines shift by it, or
every peer would be reset at once."""


class Clock:
    """Args: ``now``: monotonic seconds; ``mail_ms``: where the mail clock starts, milliseconds since 1970."""

    __slots__ = ("_mail_ms", "_raw", "_skipped", "_wall_ms", "now")

    def __init__(self, now: float, wall_ms: Millis, mail_ms: Millis) -> None:
        self.now = now
        self._raw = now
        self._skipped = 0.0
        self._wall_ms = wall_ms
        self._mail_ms = float(mail_ms)

    @property
    def mail_ms(self) -> Millis:
        """The time stored with messages: advances by the smaller of wall and monotonic clock, never back."""
        return int(self._mail_ms)

    def advance(self, now: float, wall_ms: Millis) -> float:
        """Take the time of this turn and return the time deadlines are measured in."""
        elapsed = now - self._raw
        if elapsed > PAUSE_S:
            self._skipped += elapsed
        # A wall clock set forward would expire mail, one set back would keep it for ever: neither moves this one.
        self._mail_ms += max(0.0, min(float(wall_ms - self._wall_ms), elapsed * 1000))
        self._raw = now
        self._wall_ms = wall_ms
        self.now = now - self._skipped
        return self.now
