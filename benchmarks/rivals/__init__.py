"""The servers people would use instead, each started on loopback with a load client of its own.

A module here has NAME, CLIENT and DURABILITY (sentences for the report), ``missing`` (why it cannot run, or None),
``running`` (a context manager that yields a ``Server``), and the two ends of a pair, ``sender`` and ``receiver``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

KEYS = (
    "ours",
    "ours_disk",
    "nats",
    "nats_durable",
    "mosquitto",
    "mosquitto_durable",
    "rabbitmq",
    "prosody",
    "bare",
)
"""In the order of the report."""


def rival(key: str) -> ModuleType:
    return import_module(f"benchmarks.rivals.{key}")
