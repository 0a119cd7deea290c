"""What waits for one device: stored rows, then a tail of messages neither stored nor delivered.

A mailbox is AWAY (no link session), BACKLOG (something waits, nothing may overtake it) or LIVE (an arriving message
is handed over at once). The transitions live in ``router``; the data and their invariants live here:

* ``rows`` are stored, in order of arrival, and the first ``sent`` of them are in flight;
* ``tail`` comes after every row; entries in flight come before everything not in flight;
* ``messages`` = rows + unstored entries: the quota count.

Source: protocol.md §5.2.
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import TYPE_CHECKING, Final

from sealwire.ids import Mailbox as MailboxId
from sealwire.ids import Mid

if TYPE_CHECKING:
    from sealwire.broker.links import Account, Link

AWAY: Final = 0
BACKLOG: Final = 1
LIVE: Final = 2

# States of an entry. From STORED on it is final for its sender and counts in ACCEPTED.
PEND: Final = 0
COMMIT: Final = 1
STORED: Final = 2
TAKEN: Final = 3
REFUSED: Final = 4

_COMPACT: Final = 1024
"""Acknowledged rows kept at the front of the array before it is cut: makes taking from the front cheap."""


class Rows:
    """Row references of stored mail, 8 bytes each: appended at the end, taken from the front.

    ``append`` is the array's own method: it runs once per stored message.
    """

    __slots__ = ("_at", "_head", "append")

    def __init__(self) -> None:
        self._at = array("Q")
        self._head = 0
        self.append = self._at.append

    def __len__(self) -> int:
        return len(self._at) - self._head

    def __getitem__(self, index: int) -> int:
        return self._at[self._head + index]

    def take(self, count: int) -> list[int]:
        """Take the ``count`` oldest rows."""
        head = self._head + count
        taken = self._at[self._head : head].tolist()
        if head == len(self._at) or (head >= _COMPACT and head * 2 >= len(self._at)):
            del self._at[:head]
            head = 0
        self._head = head
        return taken

    def slice(self, start: int, count: int) -> list[int]:
        """Return up to ``count`` rows from ``start`` on."""
        start += self._head
        return self._at[start : start + count].tolist()


class Entry:
    """One message for one mailbox, from arrival until it is final; from then on only its size and row matter."""

    __slots__ = ("at", "envelope", "flying", "link", "mailbox", "mid", "seq", "size", "state")

    fan: Fan | None = None
    index = 0

    def __init__(
        self,
        link: Link | None,
        seq: int,
        mailbox: Mailbox | None,
        mid: Mid,
        envelope: bytes | None,
        size: int,
        at: float,
        state: int = PEND,
    ) -> None:
        self.link = link
        self.seq = seq
        self.mailbox = mailbox
        self.mid = mid
        self.envelope = envelope
        self.size = size
        self.at = at
        self.state = state
        self.flying = False


class FanEntry(Entry):
    """One target of a FANOUT."""

    __slots__ = ("fan", "index")

    fan: Fan
    index: int

    def __init__(
        self,
        fan: Fan,
        index: int,
        link: Link,
        seq: int,
        mailbox: Mailbox | None,
        mid: Mid,
        envelope: bytes,
        size: int,
        at: float,
    ) -> None:
        # Not through Entry's: this runs a thousand times for a frame.
        self.fan = fan
        self.index = index
        self.link = link
        self.seq = seq
        self.mailbox = mailbox
        self.mid = mid
        self.envelope = envelope
        self.size = size
        self.at = at
        self.state = PEND
        self.flying = False


class Fan:
    """A FANOUT in its sender's queue of unanswered numbers: final when each of its targets is."""

    __slots__ = ("envelope", "left", "size", "state")

    def __init__(self, envelope: bytes, targets: int) -> None:
        self.envelope = envelope
        self.size = len(envelope)
        self.left = targets
        self.state = PEND

    def settle(self) -> bool:
        """One more target is final; whether all are now."""
        self.left -= 1
        if self.left:
            return False
        self.state = STORED
        self.envelope = b""
        return True


class Share:
    """What one sender has queued in a mailbox."""

    __slots__ = ("bytes", "messages")

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0


class Mailbox:
    """One registered device's mail and what the router must know about the device."""

    __slots__ = (
        "account",
        "bytes",
        "curve",
        "expired",
        "id",
        "link",
        "messages",
        "mode",
        "one_time_left",
        "patience",
        "prekeys_id",
        "reading",
        "rows",
        "sent",
        "shares",
        "tail",
    )

    def __init__(self, mailbox: MailboxId, account: Account, curve: bytes) -> None:
        self.id = mailbox
        self.account = account
        self.curve = curve
        self.mode = AWAY
        self.link: Link | None = None
        self.rows = Rows()
        self.sent = 0
        self.reading = False
        self.tail: deque[Entry] = deque()
        self.messages = 0
        self.bytes = 0
        self.shares: dict[Account, Share] | None = None
        self.prekeys_id = 0
        self.one_time_left = 0
        self.expired = 0  # messages, not yet told
        self.patience = 1  # how many times as long its acknowledgements may take

    def share(self, sender: Account) -> tuple[int, int]:
        """At most how many messages of ``sender`` wait here, and their bytes: queued since this mailbox was last LIVE.

        The disk knows no sender, so what has left since then cannot be taken off; the total bounds it from above.
        """
        share = None if self.shares is None else self.shares.get(sender)
        return (0, 0) if share is None else (min(self.messages, share.messages), min(self.bytes, share.bytes))

    def queue(self, entry: Entry, sender: Account) -> None:
        """Put an arriving entry behind everything that waits."""
        self.tail.append(entry)
        if self.shares is None:
            self.shares = {}
        share = self.shares.get(sender)
        if share is None:
            share = self.shares[sender] = Share()
        share.messages += 1
        share.bytes += entry.size

    def drop(self, entry: Entry) -> None:
        """An entry left for good: acknowledged or refused."""
        self.messages -= 1
        self.bytes -= entry.size

    def settle_stored(self, entry: Entry, row: int) -> None:
        """The entry is on disk: it leaves the tail, or stays in flight, as a row."""
        entry.state = STORED
        entry.envelope = None
        self.rows.append(row)
        if entry.flying:
            self.sent += 1
        else:
            self.tail.popleft()  # jobs follow arrival: the oldest unstored entry that waits is this one

    def forget_refused(self) -> None:
        """Refused entries leave the tail; what remains keeps its order."""
        self.tail = deque(entry for entry in self.tail if entry.state != REFUSED)

    def detach(self, inflight: deque[Entry]) -> None:
        """The link session ended: what it had in flight and not stored goes back to the front."""
        back = [entry for entry in inflight if entry.state <= COMMIT]
        for entry in back:
            entry.flying = False
        self.tail.extendleft(reversed(back))
        self.sent = 0
        self.reading = False
        self.link = None
        self.mode = AWAY
