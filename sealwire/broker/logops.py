"""What the store is asked about the logs of groups, and what it answers.

Source: protocol.md §16.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sealwire.crypto.group_log import LogEntry
from sealwire.ids import GroupId

LogOutcome = Literal["done", "there", "stale", "invalid", "quota"]


@dataclass(frozen=True, slots=True)
class AppendEntry:
    """Append an entry if it follows the last one of its log, compared and appended in one transaction."""

    ref: object
    account: str
    """Who asks; counted when it begins a group, and not stored beside it."""
    entry: LogEntry
    entries: int
    """Most entries of a log."""
    groups: int
    """Most groups that an account may begin."""


@dataclass(frozen=True, slots=True)
class ReadEntries:
    """Read the entries of a log above a sequence, as many as one answer holds."""

    ref: object
    group: GroupId
    after: int


@dataclass(frozen=True, slots=True)
class LogRows:
    """Where a log stands, and entries of it in order."""

    group: GroupId
    sequence: int
    head: bytes
    entries: tuple[bytes, ...]
