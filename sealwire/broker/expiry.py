"""Mail that waited too long: it goes by a clock that cannot jump, from mailboxes whose device is away.

Rows are numbered in order of arrival and the mail clock never runs back, so one row number per hour says of all
stored mail how old it is at least. Nothing per message is kept for it.

Source: protocol.md §5.4.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from sealwire.broker.ledger import Ledger
from sealwire.broker.links import Link
from sealwire.broker.mailbox import AWAY, Mailbox
from sealwire.broker.orders import Expire, ExpiredTold, KeepClock
from sealwire.broker.port import BrokerSettings, Result
from sealwire.ids import Mailbox as MailboxId
from sealwire.ids import Millis

MARK_MS: Final = 3_600_000
"""Ages are known to the hour: 2,160 marks for the longest expiry, whatever the amount of mail."""
EXPIRE_ROWS: Final = 1_000
"""Rows that expire in one look, once a second; without it a full store's worth is one long transaction."""
LOOK_MAILBOXES: Final = 500
"""Mailboxes looked at once a second; without it 100,000 of them are a pause of the loop."""
DAY_MS: Final = 86_400_000
MAX_AGE_MS: Final = 90 * DAY_MS
"""The longest expiry that can be set: marks older than that say nothing any more."""


class Expiry:
    """Decides what expires. The router calls ``tick`` once a second.

    Args:
        ledger: where the operations go.
        mailboxes: the router's, by id.
        mail_ms: time of the mail clock at the start.
    """

    __slots__ = (
        "_age_ms",
        "_cutoff",
        "_high",
        "_ledger",
        "_mailboxes",
        "_marked_ms",
        "_marks",
        "_round",
        "_telling",
        "expired",
    )

    def __init__(
        self, settings: BrokerSettings, ledger: Ledger, mailboxes: Mapping[MailboxId, Mailbox], mail_ms: Millis
    ) -> None:
        self.adopt(settings)
        self._ledger = ledger
        self._mailboxes = mailboxes
        self._marked_ms = mail_ms
        self._marks: list[tuple[Millis, int]] = []  # (time, row): all below that row are at least so old
        self._high = 0
        self._cutoff = 0
        self._round: list[Mailbox] = []
        self._telling: list[tuple[Link, int]] = []
        self.expired = 0

    def adopt(self, settings: BrokerSettings) -> None:
        """Take over the age at which mail expires; what is not deleted yet by then goes by the new one."""
        self._age_ms = settings.quota_days * DAY_MS

    def restored(self, row: int, at_ms: Millis) -> None:
        """A row found at the start, in order of arrival."""
        if self._marks and self._marks[-1][0] // MARK_MS == at_ms // MARK_MS:
            self._marks.pop()
        self._marks.append((at_ms, row + 1))
        self._high = row

    def stored(self, row: int) -> None:
        """The newest row."""
        self._high = row

    def tick(self, mail_ms: Millis) -> None:
        """Mark the hour, let a bounded amount of what is too old expire, see who knows of what did."""
        if self._telling:
            self._telling = [(link, count) for link, count in self._telling if not self._is_told(link, count)]
        if mail_ms - self._marked_ms >= MARK_MS:
            self._marked_ms = mail_ms
            self._marks.append((mail_ms, self._high + 1))  # whatever is stored by now came before now
            self._ledger.ops.append(KeepClock(None, mail_ms))
        del self._marks[: max(0, self._old_enough(mail_ms - MAX_AGE_MS) - 1)]  # the last one speaks for all before it
        old = self._old_enough(mail_ms - self._age_ms)
        self._cutoff = self._marks[old - 1][1] if old else 0
        if self._cutoff:
            self._look()

    def _old_enough(self, at_ms: Millis) -> int:
        """How many marks were made by then."""
        return bisect_right(self._marks, at_ms, key=lambda mark: mark[0])

    def _look(self) -> None:
        if not self._round:
            self._round = list(self._mailboxes.values())
        room = EXPIRE_ROWS
        for _ in range(min(LOOK_MAILBOXES, len(self._round))):
            mailbox = self._round[-1]
            room -= self._expire(mailbox, room)
            if not room:
                return  # the same mailbox first, the next time
            self._round.pop()

    def _expire(self, mailbox: Mailbox, room: int) -> int:
        """Only mail of a device that is away: nobody can acknowledge it between here and the commit."""
        if mailbox.mode != AWAY or not len(mailbox.rows) or mailbox.rows[0] >= self._cutoff:
            return 0
        count = sum(row < self._cutoff for row in mailbox.rows.slice(0, room))
        rows = mailbox.rows.take(count)
        mailbox.messages -= count
        self._ledger.ops.append(Expire(None, mailbox.id, tuple(rows)))
        return count

    def committed(self, result: Result) -> None:
        """What expired is deleted and counted: the device hears of it when it comes."""
        op = result.op
        assert isinstance(op, Expire)
        self.expired += len(op.rows)
        mailbox = self._mailboxes.get(op.mailbox)
        if mailbox is not None:
            mailbox.expired += len(op.rows)
            mailbox.bytes -= result.freed_bytes

    def tell(self, link: Link, count: int) -> None:
        """The WELCOME of this link session names so many that expired."""
        self._telling.append((link, count))

    def _is_told(self, link: Link, count: int) -> bool:
        """When the device has said something after its WELCOME, they need not be told again."""
        if link.open and link.heard > link.since:
            link.mailbox.expired -= count
            self._ledger.ops.append(ExpiredTold(None, link.mailbox.id, count))
            return True
        return not link.open


def load_mail(
    mail: Iterable[tuple[MailboxId, int, int, Millis]],
    mailboxes: Mapping[MailboxId, Mailbox],
    expiry: Expiry,
    lost: Callable[[int], None],
) -> None:
    """Enter the mail that waits when the broker starts: (mailbox, row, size, time) in order of arrival.

    A million rows may wait and every start reads them all, so this does as little as it can for each.

    Args:
        lost: told the rows of mailboxes that are gone: their account was deleted, and the process died before all of
            their mail was.
    """
    next_mark = row = at_ms = 0
    for mailbox_id, row, size, at_ms in mail:
        if at_ms >= next_mark:
            if next_mark:
                expiry.restored(row - 1, next_mark)  # all before came within an hour, however long nothing came since
            expiry.restored(row, at_ms)
            next_mark = at_ms + MARK_MS
        mailbox = mailboxes.get(mailbox_id)
        if mailbox is None:
            lost(row)
        else:
            mailbox.rows.append(row)
            mailbox.bytes += size
    if row:
        expiry.restored(row, at_ms)
    for mailbox in mailboxes.values():
        mailbox.messages = len(mailbox.rows)
