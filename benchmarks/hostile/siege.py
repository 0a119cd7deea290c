"""One attack under way: connections are begun, fed, and watched until the broker ends them."""

from __future__ import annotations

import heapq
import selectors
import time
from dataclasses import dataclass, field

from benchmarks.hostile.kinds import TICK_S, Attack, Held, Target

PATIENCE_S = 15.0
"""For connections that are still to be cut off when no more are begun."""


@dataclass
class Siege:
    """An attack and what came of its connections, over all its stretches."""

    attack: Attack
    target: Target
    took: list[float] = field(default_factory=list)
    """Seconds from a connection's last honest byte until the broker ended it."""
    refused: int = 0
    """Connections that did not get that far."""
    begun: int = 0
    left: int = 0
    """Those that the broker should have ended in time, and had not."""

    def __post_init__(self) -> None:
        self.eyes = selectors.DefaultSelector()
        self.since: dict[Held, float] = {}
        self.meals: list[tuple[float, int, Held]] = []

    def until_cut_off(self) -> None:
        """Open as many as there may be at once, and wait until the broker has ended each."""
        attack = self.attack
        if attack.begin is None or attack.allowed_s is None:
            return
        seconds = attack.at_once / attack.a_second
        self._attack(seconds, again=False)
        until = time.monotonic() + PATIENCE_S
        while self.since and time.monotonic() < until:
            self._listen(TICK_S)
            self._feed()
        self.left += len(self.since)
        self._leave()

    def stretch(self, seconds: float) -> None:
        """Attack for so long, and leave."""
        self._attack(seconds, self.attack.again)
        self._leave()

    def _attack(self, seconds: float, again: bool) -> None:
        attack, began, first = self.attack, time.monotonic(), self.begun
        while (now := time.monotonic() - began) < seconds:
            there = len(self.since) if again else self.begun - first
            due = attack.begin is not None and self.begun - first <= now * attack.a_second
            if due and there < attack.at_once:
                self._begin()
                self._listen(0)
            else:
                self._listen(min(TICK_S, seconds - now))
            self._feed()

    def _begin(self) -> None:
        self.begun += 1
        try:
            raw = self.attack.begin(self.target)
        except (OSError, AssertionError):
            self.refused += 1
            return
        self.since[raw] = time.monotonic()
        self.eyes.register(raw.socket, selectors.EVENT_READ, raw)
        if self.attack.feed:
            heapq.heappush(self.meals, (time.monotonic(), self.begun, raw))

    def _listen(self, patience_s: float) -> None:
        if not self.since:
            time.sleep(patience_s)
            return
        for key, _what in self.eyes.select(patience_s):
            raw = key.data
            raw.socket.settimeout(0)
            try:
                ended = not raw.socket.recv(1 << 16)
            except BlockingIOError:
                ended = False
            except OSError:
                ended = True
            raw.socket.settimeout(5)
            if ended:
                self.took.append(time.monotonic() - self.since[raw])
                self._forget(raw)

    def _feed(self) -> None:
        now = time.monotonic()
        while self.meals and self.meals[0][0] <= now:
            due, number, raw = heapq.heappop(self.meals)
            if raw in self.since:
                self.attack.feed(raw)
                # From when it was due: counted from now, whoever is fed together would be so for ever.
                heapq.heappush(self.meals, (due + self.attack.feed_every_s, number, raw))

    def _forget(self, raw: Held) -> None:
        del self.since[raw]
        self.eyes.unregister(raw.socket)
        raw.socket.close()

    def _leave(self) -> None:
        for raw in list(self.since):
            self._forget(raw)
        self.meals.clear()

    def close(self) -> None:
        """No more of it."""
        self._leave()
        self.eyes.close()
