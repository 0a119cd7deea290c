"""Receipts: what becomes of others' messages here, told to those who may know, a little later and not too often.

A receipt says that a device is running, so it is a means to watch people. It is owed only to accepted contacts, and for
those messages alone that are stored here; receipts are gathered and told at most once a second for each device, after a
pause of random length; and whoever is blocked meanwhile hears none.

Source: protocol.md §11.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from sealwire.crypto.primitives import Rng
from sealwire.ids import Mailbox, MessageId
from sealwire.peer.mail import Mail
from sealwire.peer.people import People
from sealwire.peer.records import Now, ReceiptState, Records
from sealwire.wire.content import MAX_RECEIPT_IDS


class Receipts:
    """Everything owed, in the database, and when it may be told, in memory."""

    def __init__(self, records: Records, people: People, mail: Mail, rng: Rng, pause_s: float) -> None:
        self._records = records
        self._people = people
        self._mail = mail
        self._rng = rng
        self._pause_s = pause_s
        self._fresh: dict[tuple[Mailbox, str, ReceiptState], list[MessageId]] = {}
        self._accounts: dict[Mailbox, str] = dict(records.receivers())
        self._due_s: dict[Mailbox, float | None] = dict.fromkeys(self._accounts)
        self._told_s: dict[Mailbox, float] = {}

    def owe(self, mailbox: Mailbox, account: str, state: ReceiptState, ids: Sequence[MessageId]) -> None:
        """These messages of a device were stored (or read): it may learn that."""
        self._fresh.setdefault((mailbox, account, state), []).extend(ids)

    def hurry(self) -> None:
        """The process is about to end: nothing waits out its pause."""
        self._due_s = dict.fromkeys(self._accounts, 0.0)

    def settle(self, now: Now) -> None:
        """Write down what is newly owed; queue what may be told by now."""
        for (mailbox, account, state), ids in self._fresh.items():
            self._records.owe_receipts(mailbox, account, state, ids)
            self._accounts[mailbox] = account
            self._due_s.setdefault(mailbox, None)
        self._fresh.clear()
        for mailbox, due_s in list(self._due_s.items()):
            if due_s is None:
                due_s = self._due_s[mailbox] = self._later(mailbox, now)
            if due_s <= now.mono_s:
                self._tell(mailbox, now)

    def _later(self, mailbox: Mailbox, now: Now) -> float:
        jitter = int.from_bytes(self._rng(4), "big") / 2**32
        told_s = self._told_s.get(mailbox, now.mono_s - self._pause_s)
        return float(max(now.mono_s + jitter * self._pause_s, told_s + self._pause_s))

    def _tell(self, mailbox: Mailbox, now: Now) -> None:
        del self._due_s[mailbox]
        is_blocked = self._people.is_blocked(self._accounts.pop(mailbox))
        states: tuple[ReceiptState, ...] = ("delivered", "read")
        for state in states:
            while ids := self._records.receipts(mailbox, state, MAX_RECEIPT_IDS):
                if not is_blocked:
                    self._mail.acknowledge(mailbox, state, ids, now)
                self._records.settle_receipts(mailbox, ids)
        self._told_s[mailbox] = now.mono_s

    def deadline(self) -> float | None:
        """Monotonic time at which the next receipts may be told."""
        return min((due_s for due_s in self._due_s.values() if due_s is not None), default=None)
