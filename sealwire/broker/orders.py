"""What the store is asked for the broker's own upkeep and by its operator.

Operations like those of ``port``: each is carried out inside a job's transaction. Those of :data:`Must` have changed
memory already, so a full disk delays them and never drops them.

Source: protocol.md §5.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from sealwire.broker.blobjobs import DropBlobs
from sealwire.ids import Mailbox, Millis

# --- upkeep --------------------------------------------------------------------------------------------------


class Expire(Struct, frozen=True):
    """Delete rows that waited too long and count them for the device, in one transaction."""

    ref: object
    mailbox: Mailbox
    rows: tuple[int, ...]


class ExpiredTold(Struct, frozen=True):
    """The device has been told of this many expired messages."""

    ref: object
    mailbox: Mailbox
    count: int


class KeepClock(Struct, frozen=True):
    """Store where the mail clock stands: a restart goes on from there, whatever the wall clock says by then."""

    ref: object
    mail_ms: Millis


Upkeep = Expire | ExpiredTold | KeepClock

# --- the operator's, for the store ---------------------------------------------------------------------------

ACTIVE = 0
DISABLED = 1
DELETED = 2
"""States of an account on disk; a deleted one is only a name that nobody gets."""

BanKind = Literal["account", "device", "address"]


class Ban(Struct, frozen=True):
    """Whom to keep out, and until when."""

    kind: BanKind
    target: str
    """An account name, a mailbox in hex, or a network in CIDR form."""
    until_ms: Millis
    """0: until it is lifted."""
    reason: str
    """The operator's note."""


class AddBan(Struct, frozen=True):
    """Keep somebody out from the commit on."""

    ref: object
    ban: Ban


class RemoveBan(Struct, frozen=True):
    """Lift a ban."""

    ref: object
    kind: BanKind
    target: str


class SetState(Struct, frozen=True):
    """Disable an account (it keeps its mail and cannot log in), or make it ACTIVE again."""

    ref: object
    account: str
    state: int


class DropAccount(Struct, frozen=True):
    """Delete an account, its devices, their prekeys and their mail."""

    ref: object
    account: str
    release: bool
    """Whether anybody may register the name again; otherwise it stays reserved."""


class DeleteMail(Struct, frozen=True):
    """Delete stored rows that have left memory, one piece of a purge."""

    ref: object
    mailbox: Mailbox
    rows: tuple[int, ...]
    total: int
    """Rows of the whole purge, for the answer."""


class SetOwnLimits(Struct, frozen=True):
    """Replace what one account has of its own; an empty tuple leaves it with what everybody has."""

    ref: object
    account: str
    limits: tuple[tuple[str, float], ...]


class RevokeInvite(Struct, frozen=True):
    """Delete an invite."""

    ref: object
    token_hash: bytes


# --- the operator's, for the router alone --------------------------------------------------------------------


class ListUsers(Struct, frozen=True):
    """A page of accounts, by name."""

    after: str = ""


class ListLinks(Struct, frozen=True):
    """A page of link sessions, by device."""

    after: str = ""


class ListQueues(Struct, frozen=True):
    """A page of mailboxes in which something waits, by device."""

    after: str = ""


class ListBans(Struct, frozen=True):
    """The bans in force."""


class Kick(Struct, frozen=True):
    """End the link sessions of an account, or of one device (mailbox in hex); they may come back."""

    target: str


class Purge(Struct, frozen=True):
    """Delete what is stored for an account, or for one device (mailbox in hex)."""

    target: str


class ListLimits(Struct, frozen=True):
    """(in force, as configured) of each limit."""


class ListOwnLimits(Struct, frozen=True):
    """What one account has of its own."""

    account: str


class SetLimits(Struct, frozen=True):
    """Change limits for everybody until the broker ends: checked values, by name."""

    values: tuple[tuple[str, int | float | tuple[str, ...]], ...]


class ResetLimits(Struct, frozen=True):
    """Go back to what the settings say."""

    names: tuple[str, ...]


Stored = AddBan | RemoveBan | SetState | DropAccount | DeleteMail | RevokeInvite | SetOwnLimits
"""Orders that are operations of the store; their ``ref`` is filled in on the way."""
Order = (
    Stored
    | ListUsers
    | ListLinks
    | ListQueues
    | ListBans
    | ListLimits
    | ListOwnLimits
    | SetLimits
    | ResetLimits
    | Kick
    | Purge
)
Must = Expire | ExpiredTold | DropAccount | DeleteMail | DropBlobs
"""What a full disk delays and never drops."""
