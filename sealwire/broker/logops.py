"""What the store is asked about the logs of groups, and what it answers.

Source: protocol.md §16.1.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from sealwire.crypto.group_log import LogEntry
from sealwire.ids import GroupId

LogOutcome = Literal["done", "there", "stale", "invalid", "quota"]


class AppendEntry(Struct, frozen=True):
    """Append an entry if it follows the last one of its log, compared and appended in one transaction."""

    ref: object
    account: str
    """Who asks; counted when it begins a group, and not stored beside it."""
    entry: LogEntry
    entries: int
    """Most entries of a log."""
    groups: int
    """Most groups that an account may begin."""


class ReadEntries(Struct, frozen=True):
    """Read the entries of a log above a sequence, as many as one answer holds."""

    ref: object
    group: GroupId
    after: int


class LogRows(Struct, frozen=True):
    """Where a log stands, and entries of it in order."""

    group: GroupId
    sequence: int
    head: bytes
    entries: tuple[bytes, ...]
