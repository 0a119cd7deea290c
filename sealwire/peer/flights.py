"""What the outbox keeps of each device's queue and of each number that is not answered yet.

Source: protocol.md §5.5, §16.6.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import Final, NamedTuple, Self

from msgspec import Struct, field

from sealwire.ids import MAILBOX_BYTES, Mailbox, MessageId, Token
from sealwire.peer.pairs import Pair
from sealwire.peer.records import OutboxRow
from sealwire.wire.control import Limits
from sealwire.wire.frames import Code

BACK_OFF_S: Final = 1.0
"""First pause after a refusal without retry-after; doubles up to a minute."""


class Flight(NamedTuple):
    """A SEND that is not answered yet."""

    seq: int
    row: int
    mailbox: Mailbox
    size_bytes: int
    message: MessageId
    counter: int

    @property
    def mailboxes(self) -> list[Mailbox]:
        """Where it went."""
        return [self.mailbox]


class FanFlight(Struct):
    """A FANOUT that is not answered yet."""

    seq: int
    row: int
    mailboxes: list[Mailbox]
    size_bytes: int
    message: MessageId
    refused: dict[int, tuple[Code, int]] = field(default_factory=dict)
    """By position among the mailboxes: why, and when again."""

    def single(self, index: int) -> Flight:
        """One of its targets, as if it had been sent to alone."""
        return Flight(self.seq, self.row, self.mailboxes[index], self.size_bytes, self.message, 0)


class Fan(Struct):
    """The devices that a row for many still has to reach, and whether it has reached any."""

    left: set[Mailbox]
    has_some: bool = False
    conversation: str = ""
    """The group's; it stands in another column."""

    def encode(self) -> bytes:
        """Return it as a column of the row."""
        return bytes((self.has_some,)) + b"".join(sorted(self.left))

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what :meth:`encode` wrote."""
        ends = range(1 + MAILBOX_BYTES, len(encoded) + 1, MAILBOX_BYTES)
        return cls({Mailbox(encoded[end - MAILBOX_BYTES : end]) for end in ends}, bool(encoded[0]))


class Target(Struct):
    """One device's queue."""

    pending: deque[int] = field(default_factory=deque)
    in_flight: int = 0
    refused: list[Flight] = field(default_factory=list)
    """Refused in this link session, to be sent again first."""
    not_before_s: float = 0.0
    back_off_s: float = BACK_OFF_S

    def forget(self, row: int) -> None:
        """The row is no longer for this device."""
        self.pending = deque(number for number in self.pending if number != row)
        self.refused = [flight for flight in self.refused if flight.row != row]


class Settled(NamedTuple):
    """What the answers of one turn mean for messages."""

    accepted: list[Flight]
    refused: list[tuple[Flight, Code, int]]
    fans: list[MessageId]
    """Messages to many devices that some of them have now."""


class Wave(Struct):
    """One pass over what waits."""

    token: Token
    limits: Limits
    pair_of: Callable[[Mailbox], Pair | None]
    reachable: Callable[[Mailbox], bool]
    unread: Collection[str]
    seal: Callable[[Pair, OutboxRow], tuple[int, bytes]]
    frames: list[bytes]
    is_full: bool = False
