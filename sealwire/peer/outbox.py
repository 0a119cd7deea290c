"""The outbox: what is on its way, in order per device, until the broker has it for good.

A row lives from the moment a person sent it until ACCEPTED. Within a link session rows travel under rising numbers;
a refusal for one device holds that device's later rows back until everything sent to it is answered, then RELEASE
and the same rows again, first one first. After a reset the very same envelopes go out again in the same order.

Source: protocol.md §5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sealwire.errors import RemoteProtocolError
from sealwire.ids import Mailbox, MessageId, Millis, Token, mid_of
from sealwire.peer.pairs import Pair
from sealwire.peer.records import Now, OutboxRow, Records
from sealwire.wire.control import Limits
from sealwire.wire.frames import Code, encode_release, encode_send

MAX_AGE_MS: Final = 30 * 24 * 3600 * 1000
"""A message that could not be sent for 30 days fails: seen marks and prekeys live longer than it."""
FRESH_ROWS: Final = 2_048
"""Rows kept in memory between enqueue and sending; more are read back from the database."""
BACK_OFF_S: Final = 1.0
"""First pause after a refusal without retry-after; doubles up to a minute."""
MAX_BACK_OFF_S: Final = 60.0

FINAL_CODES: Final = frozenset({Code.SIZE, Code.INVALID})
"""Refusals that no repetition mends: the message fails."""


class Flight(NamedTuple):
    """A SEND that is not answered yet."""

    seq: int
    row: int
    mailbox: Mailbox
    size_bytes: int
    message: MessageId
    counter: int


@dataclass(slots=True)
class Target:
    """One device's queue."""

    pending: deque[int] = field(default_factory=deque)
    in_flight: int = 0
    refused: list[Flight] = field(default_factory=list)
    """Refused in this link session, to be sent again first."""
    held: bool = False
    """A refusal happened: nothing goes out before RELEASE."""
    not_before_s: float = 0.0
    back_off_s: float = BACK_OFF_S


class Settled(NamedTuple):
    """What the answers of one turn mean for messages."""

    accepted: list[Flight]
    refused: list[tuple[Flight, Code, int]]


class Outbox:
    """All rows of this device, and the numbers of the current link session."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._targets: dict[Mailbox, Target] = {}
        self._fresh: dict[int, OutboxRow] = {}
        self._unsaved: dict[int, OutboxRow] = {}
        self._next_row = records.last_outbox_row() + 1
        self._unanswered: deque[Flight] = deque()
        self._rejected: dict[int, tuple[Code, int]] = {}
        self._bytes = 0
        self._seq = 0
        self._accepted = 0
        for row, _, mailbox in records.outbox_rows():
            if mailbox is not None:
                self._target(mailbox).pending.append(row)

    def _target(self, mailbox: Mailbox) -> Target:
        target = self._targets.get(mailbox)
        if target is None:
            target = self._targets[mailbox] = Target()
        return target

    # --- what people add ---

    def add(self, account: str, mailbox: Mailbox | None, message: MessageId, content: bytes, now_ms: Millis) -> None:
        """Queue content for a device, or for an account whose devices are not known yet."""
        row = self._next_row
        self._next_row += 1
        self._unsaved[row] = OutboxRow(row, account, mailbox, message, content, now_ms)
        if mailbox is not None:
            self._target(mailbox).pending.append(row)

    def flush(self) -> None:
        """Write new rows, with their envelopes where they have one already, into the turn's transaction."""
        if not self._unsaved:
            return
        self._records.add_outbox(self._unsaved.values())
        sent = self.in_flight()
        for row in self._unsaved.values():
            if row.row not in sent and row.mailbox is not None and len(self._fresh) < FRESH_ROWS:
                self._fresh[row.row] = row
        self._unsaved.clear()

    def address(self, account: str, mailboxes: list[Mailbox]) -> None:
        """An account's devices became known: rows that waited for them get one."""
        self.flush()
        for row, owner, mailbox in self._records.outbox_rows():
            if owner != account or mailbox is not None:
                continue
            waiting = self._records.outbox_row(row)
            assert waiting is not None, "listed a moment ago in the same transaction"
            first, *others = mailboxes
            self._records.address_outbox(row, first)
            self._target(first).pending.append(row)
            for other in others:
                self.add(account, other, waiting.message, waiting.content, waiting.created_ms)

    def readdress(self, account: str, mailboxes: list[Mailbox]) -> None:
        """An account's devices changed: what is queued for one that is gone goes to the first, sealed afresh."""
        self.flush()
        flying = self.in_flight()
        moved = []
        for row, owner, mailbox in self._records.outbox_rows():
            if owner == account and mailbox is not None and mailbox not in mailboxes and row not in flying:
                target = self._target(mailbox)
                target.pending = deque(number for number in target.pending if number != row)
                target.refused = [flight for flight in target.refused if flight.row != row]
                self._records.address_outbox(row, mailboxes[0])
                self._fresh.pop(row, None)
                moved.append(row)
        self._target(mailboxes[0]).pending.extend(moved)

    # --- the link session ---

    def link_lost(self) -> None:
        """Numbers and holds die with the link session; unanswered rows go back to the front, in order."""
        back: dict[Mailbox, list[int]] = {}
        for flight in self._unanswered:
            back.setdefault(flight.mailbox, []).append(flight.row)
        for mailbox, target in self._targets.items():
            rows = sorted(back.get(mailbox, []) + [flight.row for flight in target.refused])
            target.pending.extendleft(reversed(rows))
            target.in_flight = 0
            target.refused.clear()
            target.held = False
        self._unanswered.clear()
        self._rejected.clear()
        self._bytes = self._seq = self._accepted = 0

    def waiting(self) -> list[Mailbox]:
        """Devices that something is queued for, by the age of their first row."""
        rows = [(t.pending[0], mailbox) for mailbox, t in self._targets.items() if t.pending]
        return [mailbox for _, mailbox in sorted(rows)]

    def queued(self) -> int:
        """Rows not accepted yet that have a device."""
        return len(self._unanswered) + sum(len(t.pending) + len(t.refused) for t in self._targets.values())

    def pump(
        self,
        token: Token,
        limits: Limits,
        now: Now,
        pair_of: Callable[[Mailbox], Pair | None],
        seal: Callable[[Pair, OutboxRow], tuple[int, bytes]],
        frames: list[bytes],
    ) -> None:
        """Send what may go now, oldest device first, inside the window.

        Args:
            pair_of: the pair with a session to that device, or None when it cannot be sent to yet.
            seal: encrypts a row; its result is kept before the frame leaves.
        """
        for mailbox in self.waiting():
            target = self._targets[mailbox]
            if target.held or target.not_before_s > now.mono_s:
                continue
            pair = pair_of(mailbox)
            if pair is None:
                continue
            while target.pending:
                if len(self._unanswered) >= limits.send_window_messages:
                    return
                row = self._fetch(target.pending[0])
                if row is None:  # given up meanwhile
                    target.pending.popleft()
                    continue
                if row.account != pair.account:  # the directory called somebody else's device theirs: never to them
                    self._remember(row)
                    break
                if row.envelope is None:
                    row.counter, row.envelope = seal(pair, row)
                    if row.row not in self._unsaved:  # else the flush of this turn writes it whole
                        self._records.seal_outbox(row.row, row.counter, row.envelope)
                if self._unanswered and self._bytes + len(row.envelope) > limits.send_window_bytes:
                    self._remember(row)
                    return
                target.pending.popleft()
                self._send(token, target, row, mailbox, frames)

    def _send(self, token: Token, target: Target, row: OutboxRow, mailbox: Mailbox, frames: list[bytes]) -> None:
        envelope = row.envelope
        assert envelope is not None, "sealed by the caller"
        self._seq += 1
        size = len(envelope)
        self._unanswered.append(Flight(self._seq, row.row, mailbox, size, row.message, row.counter or 0))
        self._bytes += size
        target.in_flight += 1
        frames.append(encode_send(token, self._seq, mid_of(envelope), mailbox, envelope))

    def _fetch(self, row: int) -> OutboxRow | None:
        fresh = self._unsaved.get(row) or self._fresh.pop(row, None)
        return fresh if fresh is not None else self._records.outbox_row(row)

    def _remember(self, row: OutboxRow) -> None:
        if row.row not in self._unsaved:
            self._fresh[row.row] = row

    # --- answers ---

    def reject(self, seq: int, code: Code, retry_after_ms: int) -> None:
        """REJECT came; its meaning is drawn when everything before it is answered.

        Raises:
            RemoteProtocolError: no such number is unanswered.
        """
        if not self._accepted < seq <= self._seq or seq in self._rejected:
            raise RemoteProtocolError("REJECT of a number that is not open")
        self._rejected[seq] = (code, retry_after_ms)
        flight = next(flight for flight in self._unanswered if flight.seq == seq)
        self._target(flight.mailbox).held = True  # whatever follows now would only be refused with it

    def accept(self, seq: int) -> Settled:
        """ACCEPTED came: every number up to it is final.

        Raises:
            RemoteProtocolError: a number beyond what was sent.
        """
        if seq > self._seq:
            raise RemoteProtocolError("ACCEPTED beyond what was sent")
        settled = Settled([], [])
        while self._unanswered and self._unanswered[0].seq <= seq:
            flight = self._unanswered.popleft()
            self._bytes -= flight.size_bytes
            target = self._target(flight.mailbox)
            target.in_flight -= 1
            refusal = self._rejected.pop(flight.seq, None)
            if refusal is None:
                target.back_off_s = BACK_OFF_S
                settled.accepted.append(flight)
            else:
                settled.refused.append((flight, *refusal))
        self._accepted = max(self._accepted, seq)
        self._records.delete_outbox([flight.row for flight in settled.accepted])
        return settled

    def hold(self, flight: Flight, retry_after_ms: int, now: Now) -> None:
        """Keep a refused row for another try, behind a hold."""
        target = self._target(flight.mailbox)
        target.refused.append(flight)
        target.held = True
        if len(target.refused) == 1:
            pause_s = max(retry_after_ms / 1000, target.back_off_s)
            target.back_off_s = min(target.back_off_s * 2, MAX_BACK_OFF_S)
            target.not_before_s = now.mono_s + pause_s

    def give_up(self, row: int) -> None:
        """The row will never be sent (the caller tells people)."""
        self._fresh.pop(row, None)
        if self._unsaved.pop(row, None) is None:
            self._records.delete_outbox([row])
        for target in self._targets.values():
            target.refused = [flight for flight in target.refused if flight.row != row]

    def release_due(self, token: Token, now: Now, frames: list[bytes]) -> None:
        """End the holds whose every number is answered and whose pause is over."""
        for mailbox, target in self._targets.items():
            if target.held and target.in_flight == 0 and target.not_before_s <= now.mono_s:
                frames.append(encode_release(token, mailbox))
                target.held = False
                rows = sorted(flight.row for flight in target.refused)
                target.refused.clear()
                target.pending.extendleft(reversed(rows))

    def deadline(self) -> float | None:
        """Monotonic time of the next hold that may end."""
        held = [t.not_before_s for t in self._targets.values() if t.held and t.in_flight == 0]
        return min(held, default=None)

    def unanswered(self) -> bool:
        """Whether an answer is owed to us."""
        return bool(self._unanswered)

    def in_flight(self) -> set[int]:
        """Rows that an answer is owed for: too late to give up."""
        return {flight.row for flight in self._unanswered}

    def retry_now(self) -> None:
        """A person asks: do not wait out the pauses."""
        for target in self._targets.values():
            target.not_before_s = 0.0
