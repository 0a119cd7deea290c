"""How often an account takes the bundles of others.

Source: protocol.md §6.
"""

from __future__ import annotations

from typing import Final

from sealwire.broker.admission import Bucket
from sealwire.broker.port import BrokerSettings
from sealwire.ids import Mailbox

MAX_FETCH_BUCKETS: Final = 1_024
"""Mailboxes one account's fetches are counted for at once; past it the oldest counter is forgotten."""


class Fetches:
    """How often one account took bundles, per mailbox: one-time prekeys are few, and each fetch uses one up."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: dict[Mailbox, Bucket] = {}

    def wait_ms(self, mailbox: Mailbox, settings: BrokerSettings, now: float) -> int:
        """Count one fetch; return 0, or the time until the next is allowed.

        Source: protocol.md §6.
        """
        bucket = self._buckets.get(mailbox)
        if bucket is None:
            if len(self._buckets) >= MAX_FETCH_BUCKETS:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[mailbox] = Bucket(settings.bundle_fetches, now)
        rate = 1 / settings.bundle_fetch_pause_s
        return 0 if bucket.take(1, rate, settings.bundle_fetches, now) else bucket.wait_ms(1, rate)
