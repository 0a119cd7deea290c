"""Our own broker with its fast path closed: recipients acknowledge late, every message goes through the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rivals import ours
from benchmarks.rivals.common import Server

NAME = "Sealwire, all to disk"
CLIENT = "the same, acknowledging 4 ms after a delivery"
DURABILITY = "encrypted in transit; no grace, so every message is stored with fsync before it is accepted"

missing = ours.missing
sender, receiver = ours.Publisher, ours.Subscriber


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    with ours.running(folder, grace_ms=0.0, delay_s=0.004) as server:
        yield server
