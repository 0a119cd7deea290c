"""How often an account takes the bundles of others.

Source: protocol.md §6.
"""

from __future__ import annotations

from typing import Final

from sealwire.broker.admission import Bucket
from sealwire.broker.port import BrokerSettings
from sealwire.ids import Mailbox

MAX_FETCH_BUCKETS: Final = 1_024
"""Mailboxes one account's fetches are counted for at once. Past it no further one is asked for until a count has run
out: were a count forgotten before, whoever asks for enough other mailboxes would begin anew with the first."""


class Fetches:
    """How often one account took bundles, per mailbox: one-time prekeys are few, and each fetch uses one up."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: dict[Mailbox, Bucket] = {}

    def wait_ms(self, mailbox: Mailbox, settings: BrokerSettings, now: float) -> int:
        """Count one fetch; return 0, or the time until the next is allowed.

        Source: protocol.md §6.
        """
        if settings.bundle_fetch_pause_s == 0:
            return 0
        rate, burst = 1 / settings.bundle_fetch_pause_s, settings.bundle_fetches
        bucket = self._buckets.get(mailbox)
        if bucket is None:
            wait_ms = self._make_room(rate, burst, now)
            if wait_ms:
                return wait_ms
            bucket = self._buckets[mailbox] = Bucket(burst, now)
        return 0 if bucket.take(1, rate, burst, now) else bucket.wait_ms(1, rate)

    def _make_room(self, rate: float, burst: float, now: float) -> int:
        """Forget the counts that have run out; return 0, or the time until the first will have."""
        if len(self._buckets) < MAX_FETCH_BUCKETS:
            return 0
        for mailbox, bucket in list(self._buckets.items()):
            bucket.refill(rate, burst, now)
            if bucket.tokens >= burst:
                del self._buckets[mailbox]
        if len(self._buckets) < MAX_FETCH_BUCKETS:
            return 0
        return min(bucket.wait_ms(burst, rate) for bucket in self._buckets.values())
