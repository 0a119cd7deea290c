"""The pulse of a link: a dead one is noticed, an idle one asked for a sign of life, a drained mailbox recognised.

Source: protocol.md §2.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from sealwire.crypto.primitives import Rng

SILENCE_S: Final = 10.0
"""Something is owed to us and nothing at all came for this long: the link is dead."""
PING_EVERY_S: Final = 240.0
"""Idle links are asked for a sign of life this often, ± 10 % so that peers spread out. ZeroMQ's heartbeats find a dead
line sooner; this finds a program that hangs, and costs the broker as much as two or three of those. The broker ends a
link after 300 s of silence."""
DRAINED_AFTER_S: Final = 10.0
"""No DELIVER for this long after a login: the mailbox was empty, old prekeys may go."""
_MARGIN_S: Final = 0.01


class Beat(Enum):
    """What to do about a link now."""

    FINE = "fine"
    PING = "ping"
    DEAD = "dead"


class Pulse:
    """One connection's signs of life, by the monotonic clock."""

    def __init__(self) -> None:
        self._heard_s = self._owed_s = self._delivered_s = 0.0
        self._ping_s = PING_EVERY_S
        self._owed = self._pinged = self._drained = False

    def connected(self, now_s: float, rng: Rng) -> None:
        """A connection begins."""
        self._heard_s = now_s
        self._ping_s = PING_EVERY_S * (0.9 + rng(1)[0] / 1280)
        self._pinged = self._owed = False

    def opened(self, now_s: float) -> None:
        """The login succeeded: what waits in the mailbox comes now."""
        self._delivered_s = now_s
        self._drained = False

    def heard(self, now_s: float) -> None:
        """A frame came."""
        self._heard_s = now_s

    def delivered(self, now_s: float) -> None:
        """A DELIVER came."""
        self._delivered_s = now_s

    def answered(self) -> None:
        """Our PING came back."""
        self._pinged = False

    def login_is_dead(self, now_s: float) -> bool:
        """Whether a login waits for its answer too long."""
        return now_s - self._heard_s > SILENCE_S

    def check(self, now_s: float, owed: bool) -> Beat:
        """Judge an open link; ``owed`` says whether the broker owes us an answer. PING counts as sent."""
        owed = owed or self._pinged
        if owed and not self._owed:
            self._owed_s = now_s
        self._owed = owed
        if owed:
            return Beat.DEAD if now_s - max(self._heard_s, self._owed_s) > SILENCE_S else Beat.FINE
        if now_s - self._heard_s > self._ping_s:
            self._pinged = True
            return Beat.PING
        return Beat.FINE

    def has_drained(self, now_s: float) -> bool:
        """True once per login, when nothing was delivered for a while."""
        if self._drained or now_s - self._delivered_s <= DRAINED_AFTER_S:
            return False
        self._drained = True
        return True

    def deadline(self, is_open: bool) -> float:
        """Monotonic time of the next look."""
        if not is_open:
            return self._heard_s + SILENCE_S + _MARGIN_S
        times = [self._heard_s + self._ping_s + _MARGIN_S]
        if self._owed:
            times.append(max(self._heard_s, self._owed_s) + SILENCE_S + _MARGIN_S)
        if not self._drained:
            times.append(self._delivered_s + DRAINED_AFTER_S + _MARGIN_S)
        return min(times)
