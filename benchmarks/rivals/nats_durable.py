"""NATS JetStream told to sync before it answers, which is what our broker promises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rivals import nats
from benchmarks.rivals.common import Server

NAME = "NATS JetStream, synced"
CLIENT = nats.CLIENT
DURABILITY = "file store with sync_interval: always, so an answered publish is on disk; limits retention, as above"

missing = nats.missing
sender, receiver = nats.Publisher, nats.Subscriber


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    with nats.running(folder, ", sync_interval: always") as server:
        yield server
