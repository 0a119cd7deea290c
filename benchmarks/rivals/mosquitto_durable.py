"""Mosquitto told to write its database after every change: the nearest it has to a promise about disks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rivals import mosquitto
from benchmarks.rivals.common import Server

NAME = "Mosquitto, saving"
CLIENT = mosquitto.CLIENT
DURABILITY = (
    "autosave_on_changes with autosave_interval 1: its whole database is written and synced after each change, but no "
    "PUBACK waits for that, so it still promises less than we do"
)

missing = mosquitto.missing
sender, receiver = mosquitto.Publisher, mosquitto.Subscriber


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    with mosquitto.running(folder, "autosave_on_changes true\nautosave_interval 1\n") as server:
        yield server
