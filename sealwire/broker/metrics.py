"""What the broker counts for those who watch it, in Prometheus's words. No name, key or id is ever a label.

The loop pays for this once a turn, never once a message: what it keeps anyway is read when somebody asks, and the
time of a delivery is taken of one message at a time.

Source: protocol.md §15.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from sealwire.broker.links import Link
from sealwire.ids import RoutingId
from sealwire.wire.frames import Verb, decode_deliver

SECONDS: Final = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2, 5, 15, 45)
"""Buckets of both histograms: from one fast sync to the longest wait for an ACK."""

Counts = Mapping[str, int | float | str]

GAUGES: Final = {
    "link_sessions": ("sealwire_link_sessions", "Devices that are logged in."),
    "connections": ("sealwire_connections", "Open TCP connections, logged in or not."),
    "connections_before_login": ("sealwire_connections_before_login", "Connections that have said HELLO only."),
    "accounts": ("sealwire_accounts", "Registered accounts."),
    "clock_behind_s": ("sealwire_clock_behind_seconds", "How far the wall clock is behind the newest mail's."),
    "devices": ("sealwire_devices", "Registered devices."),
    "accounts_disabled": ("sealwire_accounts_disabled", "Accounts an operator has disabled."),
    "bans": ("sealwire_bans", "Bans in force."),
    "waiting_messages": ("sealwire_waiting_messages", "Messages that wait for a device or for its acknowledgement."),
    "waiting_bytes": ("sealwire_waiting_bytes", "Envelope bytes of those."),
    "unstored_bytes": ("sealwire_unstored_bytes", "Envelope bytes taken in and not yet final."),
    "oldest_seconds": ("sealwire_oldest_waiting_seconds", "Age of the oldest stored message."),
    "store_bytes": ("sealwire_store_bytes", "Size of the database."),
    "store_free_bytes": ("sealwire_store_free_bytes", "Room inside it that deleted mail has left; it is used again."),
    "healthy": ("sealwire_healthy", "1 when /healthz says ok."),
    "blobs": ("sealwire_blobs", "Files that are kept, whole or not."),
    "blob_bytes": ("sealwire_blob_bytes", "Bytes of those, as their owners announced them."),
    "bulk_links": ("sealwire_bulk_connections", "Connections that move files."),
    "limits_changed": ("sealwire_limits_changed", "Limits that are not what the settings say."),
    "uptime_s": ("sealwire_uptime_seconds", "Seconds since the broker was ready."),
}
COUNTERS: Final = {
    "sends": ("sealwire_messages_in", "SEND and FANOUT frames taken from peers."),
    "delivers": ("sealwire_messages_out", "DELIVER frames handed to peers."),
    "bytes_in": ("sealwire_received_bytes", "Bytes of frames of logged-in peers."),
    "bytes_out": ("sealwire_sent_bytes", "Bytes of frames to peers."),
    "kicked": ("sealwire_kicks", "Connections shut down because they broke a rule."),
    "wrong_tokens": ("sealwire_wrong_tokens", "Frames dropped because their token was wrong."),
    "expired": ("sealwire_expired_messages", "Messages that waited too long and were deleted."),
    "ephemerals_dropped": ("sealwire_ephemerals_dropped", "Typing notices and the like that were dropped."),
    "blob_bytes_in": ("sealwire_blob_received_bytes", "Bytes of files written to the disk."),
    "blob_bytes_out": ("sealwire_blob_sent_bytes", "Bytes of files read by recipients."),
    "blobs_expired": ("sealwire_blobs_expired", "Files that were kept too long and were deleted."),
    "blobs_lost": ("sealwire_blobs_lost", "Files that the disk no longer holds as they were."),
    "bulk_wrong_tokens": ("sealwire_bulk_wrong_tokens", "Requests about files dropped because their token was wrong."),
    "bulk_turned_away": ("sealwire_bulk_turned_away", "Connections for files that came when there were too many."),
    "full_turns": ("sealwire_full_turns", "Turns of the loop that ended because their units were used up."),
    "zap_restarts": ("sealwire_zap_restarts", "Times the thread that rules on connections had to be started again."),
}
LABELLED: Final = {
    "logins": ("sealwire_logins", "result", "Logins by how they ended."),
    "ended": ("sealwire_link_ends", "reason", "Link sessions that ended, by the reason of protocol.md section 3."),
    "shut": ("sealwire_connections_shut", "reason", "Connections ended for what they are, logged in or not."),
    "zap": ("sealwire_zap_rulings", "result", "Connections by what ZAP ruled."),
    "blob_rejections": ("sealwire_blob_rejections", "reason", "Requests about files refused, by code."),
    "request_rejections": (
        "sealwire_request_rejections",
        "reason",
        "Requests (directory, groups) refused, by code.",
    ),
    "rejections": ("sealwire_rejections", "reason", "Messages refused, by the code of protocol.md section 3."),
}


PREFIXES: Final = {
    "rejections": "rejected_",
    "blob_rejections": "blob_rejected_",
    "ended": "ended_",
    "request_rejections": "request_rejected_",
    "shut": "shut_",
}
"""Counts whose label is the end of their name."""


class Metrics:
    """Histograms and counters of one broker.

    Args:
        ask: returns what the broker holds, under the names of the tables above; called in the asker's thread.
    """

    def __init__(self, ask: Callable[[], Counts] | None = None) -> None:
        self.ask = ask
        self._probe: tuple[Link, int, float] | None = None
        self._registry = CollectorRegistry()
        self.commits = Histogram(
            "sealwire_commit_seconds",
            "Time of one transaction with its sync.",
            registry=self._registry,
            buckets=SECONDS,
        )
        self.deliveries = Histogram(
            "sealwire_delivery_seconds",
            "From handing a message to a device until it acknowledged that; one message at a time is timed.",
            registry=self._registry,
            buckets=SECONDS,
        )
        self._registry.register(_Collector(self))

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self._registry)

    # --- in the loop -----------------------------------------------------------------------------------------

    def turn(self, sends: list[tuple[RoutingId, bytes]], links: Mapping[RoutingId, Link], now: float) -> None:
        """Look at what a turn is about to send.

        Args:
            now: monotonic seconds of this turn.
        """
        if self._probe is not None:
            link, seq, since = self._probe
            if link.open and link.acked < seq:
                return
            self._probe = None
            if link.open:
                self.deliveries.observe(now - since)
        self._probe = _probe(sends, links, now)


def _probe(
    sends: list[tuple[RoutingId, bytes]], links: Mapping[RoutingId, Link], now: float
) -> tuple[Link, int, float] | None:
    """The last frame of the turn, if it is a message: the link it goes to, its number, and when."""
    if not sends or sends[-1][1][0] != Verb.DELIVER:
        return None
    rid, frame = sends[-1]
    link = links.get(rid)
    return None if link is None else (link, decode_deliver(frame)[0], now)


class _Collector:
    """What is read when somebody asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: registering must not ask the broker."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the broker's own counts; those it did not give are left out."""
        ask = self._metrics.ask
        found = ask() if ask is not None else {}
        for key, (name, text) in GAUGES.items():
            if isinstance(value := found.get(key), int | float):
                yield GaugeMetricFamily(name, text, value=value)
        for key, (name, text) in COUNTERS.items():
            if isinstance(value := found.get(key), int | float):
                yield CounterMetricFamily(name, text, value=value)
        for key, (name, label, text) in LABELLED.items():
            family = CounterMetricFamily(name, text, labels=[label])
            for value, count in self._of(key, found):
                family.add_metric([value], count)
            yield family

    def _of(self, key: str, found: Counts) -> list[tuple[str, float]]:
        if key in PREFIXES:
            prefix = PREFIXES[key]
            codes = [name for name in found if name.startswith(prefix)]
            return [(name.removeprefix(prefix), float(found[name])) for name in codes]
        names = {"logins": {"ok": "logins", "refused": "logins_refused"}}.get(key) or {
            "admitted": "zap_admit",
            "refused": "zap_refuse",
            "later": "zap_later",
        }
        counts = {label: found.get(name) for label, name in names.items()}
        return [(label, float(count)) for label, count in counts.items() if isinstance(count, int | float)]
