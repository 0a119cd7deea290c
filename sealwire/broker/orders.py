"""What the store is asked for the broker's own upkeep and by its operator.

Operations like those of ``port``: each is carried out inside a job's transaction. Those of :data:`Must` have changed
memory already, so a full disk delays them and never drops them.

Source: protocol.md §5.
"""

from __future__ import annotations

from dataclasses import dataclass

from sealwire.ids import Mailbox, Millis

# --- upkeep --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expire:
    """Delete rows that waited too long and count them for the device, in one transaction."""

    ref: object
    mailbox: Mailbox
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ExpiredTold:
    """The device has been told of this many expired messages."""

    ref: object
    mailbox: Mailbox
    count: int


@dataclass(frozen=True, slots=True)
class KeepClock:
    """Store where the mail clock stands: a restart goes on from there, whatever the wall clock says by then."""

    ref: object
    mail_ms: Millis


Order = Expire | ExpiredTold | KeepClock
Must = Expire | ExpiredTold
"""What a full disk delays."""
