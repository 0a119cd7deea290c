"""Looks after connections from outside of ZeroMQ: who came, who stays silent, who brings bytes and says nothing.

A message in parts reaches the broker when its last part has come, and neither MAXMSGSIZE nor a high-water mark bounds
how many there are: whoever never sends the last one fills memory before the broker has seen anything. The system knows
how much has come on each connection, so a connection that brought more than two frames hold since it last said
something is ended.

Source: protocol.md §2.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from sealwire.broker.monitor import Doorstep, Monitor, Peer, peer_of, shut_down
from sealwire.broker.router import Router
from sealwire.tcp import received_bytes
from sealwire.wire.frames import MAX_FRAME_BYTES

UNHEARD_BYTES: Final = 4 * MAX_FRAME_BYTES
"""What may come on a connection without a message being heard: a frame under way, and what waits in the system."""
GROWN_PAGES: Final = 8_192
"""Memory that has grown by this many pages (32 MiB) is a reason to look at every connection at once."""
LOOK_S: Final = 0.1
"""How often memory is looked at. A fast line brings some 30 MiB meanwhile, and up to three looks are needed."""
ALARM_LOOKS: Final = 8
"""Looks in a row at every connection after memory has grown."""
SHARE: Final = 0.001
"""Of a core that looking at connections may cost when nothing is suspected, whatever one look costs on this machine."""
AT_ONCE: Final = 64
"""Connections that came or went and are seen to in one look, or looked at in calm times: half a millisecond."""
LATE_AT_ONCE: Final = 16
"""Connections that are ended in one look because they stayed silent, for the same reason."""
HURRIED: Final = 256
"""Connections looked at in one piece after memory has grown: a millisecond."""
BUSY_LOOK_S: Final = 0.002
"""The next look when one of these did not suffice; without it a crowd of thousands is seen to too late."""


def resident_pages() -> int:
    """Return how much memory this process occupies, in pages; 0 where the system does not say."""
    try:
        file = os.open("/proc/self/statm", os.O_RDONLY)  # ten times a second: an object for it costs as much again
        try:
            return int(os.read(file, 128).split()[1])
        finally:
            os.close(file)
    except (OSError, ValueError, IndexError):
        return 0


class Inflow:
    """Finds connections that bring bytes without end.

    Args:
        received: bytes that ever came on a descriptor.
        resident: pages of memory in use.
        clock: seconds, to measure what looking costs.
    """

    def __init__(
        self,
        received: Callable[[int], int | None] = received_bytes,
        resident: Callable[[], int] = resident_pages,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._received = received
        self._resident = resident
        self._clock = clock
        self._calm_pages = resident()
        self._alarm = 0
        self._is_hurried = False
        self._round: deque[int] = deque()  # descriptors that a round has still to come to
        self._look_at = self._scan_at = 0.0
        self._base: dict[int, tuple[int, float]] = {}  # descriptor → (bytes when it was last heard, when that was)

    @property
    def is_hurried(self) -> bool:
        """Whether a round is under way that the memory's growth began."""
        return self._is_hurried

    def forget(self, fd: int) -> None:
        """The descriptor was closed, or stands for another connection from now on."""
        self._base.pop(fd, None)

    def is_due(self, now: float) -> bool:
        """Return whether it is time to look at connections; asks for memory at most every ``LOOK_S``."""
        if now < self._look_at:
            return self._is_hurried
        self._look_at = now + LOOK_S
        pages = self._resident()
        if pages - self._calm_pages > GROWN_PAGES:
            self._alarm, self._calm_pages = ALARM_LOOKS, pages
        self._calm_pages = min(self._calm_pages, pages)
        if self._alarm and not self._is_hurried:
            self._alarm -= 1
            self._is_hurried = True
            self._round.clear()
        return self._is_hurried or now >= self._scan_at

    def overfull(self, fds: Iterable[int], heard: Callable[[int], float], now: float) -> list[int]:
        """Return the descriptors of connections that must end. Call it only when every message has been read.

        It looks at some of them and goes on where it stopped: thousands at once are a pause for all.

        Args:
            fds: of all connections.
            heard: when a connection last said something, 0 for never.
        """
        began = self._clock()
        if not self._round:
            self._round.extend(fds)
        part = min(HURRIED if self._is_hurried else AT_ONCE, len(self._round))
        looked_at = [self._round.popleft() for _ in range(part)]
        found = [fd for fd in looked_at if self._is_overfull(fd, heard(fd))]
        self._is_hurried = self._is_hurried and bool(self._round)
        self._scan_at = now + (self._clock() - began) / SHARE
        return found

    def _is_overfull(self, fd: int, heard: float) -> bool:
        count = self._received(fd)
        if count is None:
            return False
        base, since = self._base.get(fd, (0, 0.0))
        if heard != since:
            self._base[fd] = count, heard
            return False
        if fd not in self._base:
            self._base[fd] = base, since
        return count - base > UNHEARD_BYTES


class Warden:
    """Carries out what the connections' states ask for.

    Called by the loop when nothing waits to be read: whoever is late then has nothing under way. Where there always is
    something it is called all the same, and late enough: ZeroMQ reads connections in turn, so that what one has said
    lies there for a moment and not for seconds.
    """

    def __init__(self, monitor: Monitor, router: Router) -> None:
        self._monitor = monitor
        self._router = router
        self._doorstep = Doorstep(router.settings)
        self._inflow = Inflow()
        self._late: deque[tuple[int, Peer | None]] = deque()
        self._is_full = False
        self.turned_away = self.silent = self.overfull = 0

    @property
    def wait_s(self) -> float:
        """How long the next look may be away."""
        return BUSY_LOOK_S if self._is_full or self._late or self._inflow.is_hurried else LOOK_S

    def counts(self) -> dict[str, int]:
        """Return what is counted here."""
        return {
            "connections": len(self._doorstep),
            "shut_full": self.turned_away,
            "shut_silent": self.silent,
            "shut_overfull": self.overfull,
        }

    def look(self, is_all_read: bool = True) -> None:
        """Deadlines and silent connections once a second, bytes without end more often.

        Thousands may come and go within a second. What that costs is paid in parts: whoever talks waits for one part.

        Args:
            is_all_read: else nobody can be blamed for bytes that nobody has heard.
        """
        router = self._router
        now = router.relay.now  # not the clock's own: a pause of the loop moves these deadlines as well
        is_tick = router.tick()
        self._take(now)
        if is_all_read and self._inflow.is_due(now):
            self._end_overfull(now)
        if is_tick:
            self._late.extend(self._doorstep.overdue(router.spoken, now))
        for _ in range(min(LATE_AT_ONCE, len(self._late))):
            self.silent += 1
            shut_down(*self._late.popleft())

    def _end_overfull(self, now: float) -> None:
        router = self._router
        for fd in self._inflow.overfull(self._doorstep, router.fds.heard, now):
            self.overfull += 1
            peer = peer_of(fd)
            router.overfull(fd, "" if peer is None else peer[0])
            shut_down(fd, peer)

    def _take(self, now: float) -> None:
        events = self._monitor.take(AT_ONCE)
        self._is_full = len(events) == AT_ONCE
        for came, fd in events:
            self._inflow.forget(fd)
            if came:
                self._came(fd, peer_of(fd), now)
            else:
                self._doorstep.gone(fd)
                self._router.disconnected(fd)

    def _came(self, fd: int, peer: Peer | None, now: float) -> None:
        if not self._doorstep.came(fd, peer, now):
            self.turned_away += 1
            shut_down(fd, peer)
