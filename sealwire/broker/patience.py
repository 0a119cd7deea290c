"""How long the broker waits for a device that acknowledges nothing.

Whoever takes mail and acknowledges none is let go soon: that costs an honest device, whose disk or line was slow for a
moment, a new connection and the same window once more, and nobody a message. A disk or a line that is always so slow
would come to nothing that way, for ever. So after each such end the device has twice the time, up to a limit, until it
has acknowledged something.

Source: protocol.md §2, §5.1.
"""

from __future__ import annotations

from sealwire.broker.links import Link
from sealwire.broker.port import BrokerSettings

TWICE = 2
"""Without growth a device that needs longer for its first acknowledgement than it is given gets the same mail again
and again, and no other."""


class Patience:
    """Judges link sessions, once a second each.

    Args:
        settings: looked at each time, because an operator may change them.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings

    def is_over(self, link: Link, now: float) -> bool:
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
