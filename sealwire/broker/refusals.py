"""Why a message is refused, what is answered then, and what is counted.

Quotas are asked only for a message that is not handed over at once, rates only when an account's units are used up: a
message that passes costs nothing here.

Source: protocol.md §3.1, §5.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sealwire.broker.ledger import Ledger
from sealwire.broker.links import MAX_HELD, Account, Link
from sealwire.broker.mailbox import REFUSED, Entry, Mailbox
from sealwire.broker.port import BrokerSettings
from sealwire.ids import Mailbox as MailboxId
from sealwire.ids import RoutingId
from sealwire.wire.frames import Code, encode_partial, encode_reject

REFUSALS: Final = (*map(Code, range(Code.STORAGE, Code.SHARE + 1)),)
"""Why a message is refused; each is counted."""
RETRY_MS: Final = {Code.STORAGE: 2_000, Code.BUSY: 1_000, Code.QUOTA: 60_000, Code.SHARE: 60_000}
"""When to try again: a full disk soon, a full mailbox when its owner has been here."""


class Refusals:
    """Says no.

    Args:
        sends: the router's list of frames to send.
        overdone: called with a link session that has too many mailboxes on hold.
    """

    __slots__ = ("_ledger", "_overdone", "_sends", "_settings", "by_code", "total")

    def __init__(
        self,
        settings: BrokerSettings,
        ledger: Ledger,
        sends: list[tuple[RoutingId, bytes]],
        overdone: Callable[[Link], None],
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._sends = sends
        self._overdone = overdone
        self.total = 0
        self.by_code = dict.fromkeys(REFUSALS, 0)

    # --- reasons ---------------------------------------------------------------------------------------------

    def full(self, mailbox: Mailbox, entry: Entry, account: Account) -> Code | None:
        """Return why a message that must wait cannot, if so."""
        settings = self._settings
        if self._ledger.unstored_bytes + entry.size > settings.unstored_bytes:
            return Code.BUSY
        quota = mailbox.account.own or settings
        if mailbox.messages >= quota.quota_messages or mailbox.bytes + entry.size > quota.quota_bytes:
            return Code.QUOTA
        messages, size = mailbox.share(account)
        part = settings.sender_share
        is_over = messages >= int(quota.quota_messages * part) or size + entry.size > quota.quota_bytes * part
        return Code.SHARE if messages and is_over else None

    def has_units(self, account: Account, cost: int, now: float) -> bool:
        """Refill an account's units; when they are still overdrawn, give back what the refused frame took.

        A frame dearer than the burst passes when all of that is saved up: it may be as small as 1, a FANOUT may cost a
        thousand, and what never passes would be tried for ever.
        """
        rate = account.own or self._settings
        earned = (now - account.units_at) * rate.account_units_per_s
        account.units_at = now
        full = rate.account_units_burst - cost
        account.units = min(full, account.units + earned)
        if account.units >= min(0, full):
            return True
        account.units += cost
        return False

    # --- answers ---------------------------------------------------------------------------------------------

    def reject(self, link: Link, entry: Entry, to: MailboxId, code: Code) -> None:
        """NEW → REFUSED: answered at once, and what follows to the same mailbox is held until RELEASE."""
        entry.state = REFUSED
        entry.envelope = None
        retry_ms = self._retry_ms(link, code, 1 + (entry.size >> 12))
        self._sends.append((link.rid, encode_reject(entry.seq, code, retry_ms)))
        self._refused(link, to, code)
        self._ledger.mark(link)

    def reject_some(
        self, link: Link, seq: int, refused: list[tuple[int, Code]], targets: list[MailboxId], cost: int
    ) -> None:
        """NEW → REFUSED for some targets of a FANOUT: one PARTIAL names them all."""
        retry_ms = self._retry_ms(link, refused[0][1], cost)
        self._sends.append((link.rid, encode_partial(seq, refused, retry_ms)))
        for index, code in refused:
            self._refused(link, targets[index], code)
        self._ledger.mark(link)

    def reject_late(self, entries: list[Entry], code: Code) -> None:
        """PEND or COMMIT → REFUSED: each leaves its mailbox, and whoever sent it hears of it if still here."""
        for entry in entries:
            mailbox, link = entry.mailbox, entry.link
            assert mailbox is not None
            assert link is not None
            entry.envelope = None
            mailbox.drop(entry)
            if link.open:
                self._sends.append((link.rid, _late(entry, code)))
                self._refused(link, mailbox.id, code)
        self._ledger.settle(entries)

    def _refused(self, link: Link, to: MailboxId, code: Code) -> None:
        self.total += 1
        self.by_code[code] += 1
        link.held.add(to)
        if len(link.held) > MAX_HELD:
            self._overdone(link)

    def _retry_ms(self, link: Link, code: Code, cost: int) -> int:
        if code is Code.RATE:
            rate = link.account.own or self._settings
            missing = min(cost, rate.account_units_burst) - link.account.units
            return max(1, int(missing * 1000 / rate.account_units_per_s) + 50)
        return RETRY_MS.get(code, 0)


def _late(entry: Entry, code: Code) -> bytes:
    if entry.fan is None:
        return encode_reject(entry.seq, code, RETRY_MS.get(code, 0))
    return encode_partial(entry.seq, [(entry.index, code)], RETRY_MS.get(code, 0))
