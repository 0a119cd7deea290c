"""How long the broker waits for a device that acknowledges nothing, or says nothing.

Whoever takes mail and acknowledges none is let go soon: that costs an honest device, whose disk or line was slow for a
moment, a new connection and the same window once more, and nobody a message. A disk or a line that is always so slow
would come to nothing that way, for ever. So after each such end the device has twice the time, up to a limit, until it
has acknowledged something.

Ten thousand link sessions cost almost nothing while nothing happens on them: each second is looked at those that were
handed something, and in turns at all.

Source: protocol.md §2, §5.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sealwire.broker.links import Link
from sealwire.broker.port import BrokerSettings
from sealwire.ids import RoutingId
from sealwire.wire.frames import Reset

TWICE = 2
"""Without growth a device that needs longer for its first acknowledgement than it is given gets the same mail again
and again, and no other."""
ROUND: Final = 8
"""One in so many of all link sessions is looked at each second, so silence ends one up to so many seconds late. All ten
thousand at once are a pause of several milliseconds for whoever talks."""


class Patience:
    """Finds the link sessions that are over. Asked once a second.

    Args:
        settings: looked at each time, because an operator may change them.
        links: those that are open.
        roused: those that were handed something while nothing was in flight; emptied here.
        now: monotonic seconds.
    """

    def __init__(
        self, settings: BrokerSettings, links: Mapping[RoutingId, Link], roused: set[Link], now: float
    ) -> None:
        self._settings = settings
        self._links = links
        self._roused = roused
        self._owing: set[Link] = set()  # had something in flight at the last look
        self._round: list[Link] = []  # a round has still to come to these
        self._share = 1
        self._looked_at = now

    def ended(self, now: float) -> list[tuple[Link, Reset]]:
        """Return those that end now, and why."""
        for link in self._roused - self._owing:  # nothing was in flight at the last look: their time began then
            link.progress_at = max(link.progress_at, self._looked_at)
        self._owing |= self._roused
        self._roused.clear()
        self._looked_at = now
        over = [(link, Reset.STALLED) for link in self._owing if link.open and self._is_over(link, now)]
        self._owing = {link for link in self._owing if link.inflight}
        return over + [(link, Reset.SILENT) for link in self._next() if self._is_silent(link, now)]

    def _next(self) -> list[Link]:
        if not self._round:
            self._round = list(self._links.values())
            self._share = 1 + len(self._round) // ROUND
        now, self._round = self._round[: self._share], self._round[self._share :]
        return now

    def _is_silent(self, link: Link, now: float) -> bool:
        return link.open and now - link.heard > self._settings.silence_timeout_s

    def _is_over(self, link: Link, now: float) -> bool:
        """Return whether nothing was acknowledged for too long; then the device's next link session has longer."""
        mailbox = link.mailbox
        if link.acked != link.acked_before:
            mailbox.patience = 1
        elif link.inflight:
            first = self._settings.ack_timeout_s
            most = max(first, self._settings.slow_ack_timeout_s)
            if now - link.progress_at <= min(first * mailbox.patience, most):
                return False
            if first * mailbox.patience < most:
                mailbox.patience *= TWICE
            return True
        link.acked_before = link.acked
        link.progress_at = now
        return False
