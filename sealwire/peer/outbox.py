"""The outbox: what is on its way, in order per device, until the broker has it for good.

A row lives from the moment a person sent it until ACCEPTED. Within a link session rows travel under rising numbers;
a refusal for one device holds that device's later rows back until everything sent to it is answered, then RELEASE
and the same rows again, first one first. After a reset the very same envelopes go out again in the same order.

A row for many devices (a fan) stands in the queue of each and leaves as one FANOUT to all in whose queue it is first. A
device that refused it, or that something else waits for, gets it later, in its place.

Source: protocol.md §5.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable
from typing import Final

from msgspec.structs import replace

from sealwire.errors import RemoteProtocolError
from sealwire.ids import GROUP_MARK, Mailbox, MessageId, Millis, Token, mid_of
from sealwire.peer.flights import BACK_OFF_S, Fan, FanFlight, Flight, Settled, Target, Wave
from sealwire.peer.pairs import Pair
from sealwire.peer.records import Now, OutboxRow, Records
from sealwire.peer.waits import heeded_s
from sealwire.wire.control import Limits
from sealwire.wire.frames import MAX_FANOUT, Code, encode_fanout, encode_release, encode_send

MAX_AGE_MS: Final = 30 * 24 * 3600 * 1000
"""A message that could not be sent for 30 days fails: seen marks and prekeys live longer than it."""
FRESH_ROWS: Final = 2_048
"""Rows kept in memory between enqueue and sending; more are read back from the database."""
MAX_BACK_OFF_S: Final = 60.0

FINAL_CODES: Final = frozenset({Code.SIZE, Code.INVALID})
"""Refusals that no repetition mends: the message fails."""


class Outbox:
    """All rows of this device, and the numbers of the current link session."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._targets: defaultdict[Mailbox, Target] = defaultdict(Target)
        self._held: set[Mailbox] = set()  # a refusal happened: nothing goes out before RELEASE
        self._fresh: dict[int, OutboxRow] = {}
        self._unsaved: dict[int, OutboxRow] = {}
        self._next_row = records.last_outbox_row() + 1
        self._fans = {row: Fan.decode(targets) for row, targets in records.outbox_fans()}
        self._doubtful = set(records.outbox_sealed())  # sent once without an answer: the broker may have them
        self._unanswered: deque[Flight | FanFlight] = deque()
        self._rejected: dict[int, tuple[Code, int]] = {}
        self._bytes = 0
        self._seq = 0
        self._accepted = 0
        self._unsealed: dict[str, list[int]] = {}
        for row, account, mailbox in records.outbox_rows():
            if row in self._fans:
                self._fans[row].conversation = account
            if mailbox is not None:
                self._targets[mailbox].pending.append(row)
            elif account.startswith(GROUP_MARK):
                self._unsealed.setdefault(account, []).append(row)

    # --- what people add ---

    def add(self, account: str, mailbox: Mailbox | None, message: MessageId, content: bytes, now_ms: Millis) -> None:
        """Queue content for a device, or for an account whose devices are not known yet."""
        row = self._next_row
        self._next_row += 1
        self._unsaved[row] = OutboxRow(row, account, mailbox, message, content, now_ms)
        if mailbox is not None:
            self._targets[mailbox].pending.append(row)
        elif account.startswith(GROUP_MARK):
            self._unsealed.setdefault(account, []).append(row)

    def unsealed(self, conversation: str) -> list[OutboxRow]:
        """What is queued for a group and not sealed yet, in order."""
        rows = [self._fetch(row) for row in self._unsealed.get(conversation, ())]
        return [row for row in rows if row is not None]

    def spread(self, row: OutboxRow, mailboxes: Collection[Mailbox], envelope: bytes) -> None:
        """A group's row was sealed: it goes to many devices, behind everything that waits for each of them."""
        self._unsealed[row.account].remove(row.row)
        if self._unsaved.pop(row.row, None) is None:
            self._records.delete_outbox([row.row])
        number = self._next_row
        self._next_row += 1
        fan = self._fans[number] = Fan(set(mailboxes), conversation=row.account)
        self._unsaved[number] = replace(row, row=number, counter=0, envelope=envelope, targets=fan.encode())
        for mailbox in mailboxes:
            self._targets[mailbox].pending.append(number)

    def flush(self) -> None:
        """Write new rows, with their envelopes where they have one already, into the turn's transaction."""
        if not self._unsaved:
            return
        self._records.add_outbox(self._unsaved.values())
        sent = self.in_flight()
        for row in self._unsaved.values():
            is_addressed = row.mailbox is not None or row.targets is not None
            if row.row not in sent and is_addressed and len(self._fresh) < FRESH_ROWS:
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
            self._targets[first].pending.append(row)
            for other in others:
                self.add(account, other, waiting.message, waiting.content, waiting.created_ms)

    def readdress(self, account: str, mailboxes: list[Mailbox]) -> None:
        """An account's devices changed: what is queued for one that is gone goes to the first, sealed afresh."""
        self.flush()
        flying = self.in_flight()
        moved = []
        for row, owner, mailbox in self._records.outbox_rows():
            if owner == account and mailbox is not None and mailbox not in mailboxes and row not in flying:
                self._targets[mailbox].forget(row)
                self._records.address_outbox(row, mailboxes[0])
                self._fresh.pop(row, None)
                moved.append(row)
        self._targets[mailboxes[0]].pending.extend(moved)

    # --- the link session ---

    def link_lost(self) -> None:
        """Numbers and holds die with the link session; unanswered rows go back to the front, in order."""
        back: dict[Mailbox, list[int]] = {}
        self._doubtful |= self.in_flight()
        for flight in self._unanswered:
            for mailbox in flight.mailboxes:
                if self._awaits(flight, mailbox):
                    back.setdefault(mailbox, []).append(flight.row)
        for mailbox, target in self._targets.items():
            rows = sorted(back.get(mailbox, []) + [flight.row for flight in target.refused])
            target.pending.extendleft(reversed(rows))
            target.in_flight = 0
            target.refused.clear()
        self._held.clear()
        self._unanswered.clear()
        self._rejected.clear()
        self._bytes = self._seq = self._accepted = 0

    def _awaits(self, flight: Flight | FanFlight, mailbox: Mailbox) -> bool:
        """Whether a repeat would be for this device; one that was dropped while it flew is sent nothing of it again."""
        fan = self._fans.get(flight.row)
        return isinstance(flight, Flight) or (fan is not None and mailbox in fan.left)

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
        reachable: Callable[[Mailbox], bool],
        seal: Callable[[Pair, OutboxRow], tuple[int, bytes]],
        frames: list[bytes],
        unread: Collection[str] = (),
    ) -> None:
        """Send what may go now, oldest device first, inside the window.

        Args:
            pair_of: the pair with a session to that device, or None when it cannot be sent to yet.
            reachable: whether a device may be sent what was sealed for many.
            seal: encrypts a row; its result is kept before the frame leaves.
            unread: groups whose rows wait: who is still in them is not known on this link yet.
        """
        wave = Wave(token, limits, pair_of, reachable, unread, seal, frames)
        targets = self._targets
        ready = [m for m in self.waiting() if m not in self._held and targets[m].not_before_s <= now.mono_s]
        fans: dict[int, list[Mailbox]] = {}
        while (ready or fans) and not wave.is_full:
            for mailbox in ready:
                first = targets[mailbox].pending[0]
                row = first if first in self._fans else self._send_singles(mailbox, wave)
                if row is not None and self._fans[row].conversation not in unread and reachable(mailbox):
                    fans.setdefault(row, []).append(mailbox)
            sent = self._send_fan(min(fans), fans.pop(min(fans)), wave) if fans else []
            ready = [mailbox for mailbox in sent if targets[mailbox].pending]

    def _send_singles(self, mailbox: Mailbox, wave: Wave) -> int | None:
        """Send to one device, whose first row is no fan, until one is first or none is left; returns that fan's."""
        pending = self._targets[mailbox].pending
        pair = wave.pair_of(mailbox)
        while pair is not None and pending and pending[0] not in self._fans:
            row = self._fetch(pending[0])
            if row is None:  # given up meanwhile
                pending.popleft()
                continue
            if row.account != pair.account:  # the directory called somebody else's device theirs: never to them
                self._remember(row)
                return None
            if len(self._unanswered) < wave.limits.send_window_messages and row.envelope is None:
                row.counter, row.envelope = wave.seal(pair, row)
                if row.row not in self._unsaved:  # else the flush of this turn writes it whole
                    self._records.seal_outbox(row.row, row.counter, row.envelope)
            if not self._fits(row, wave):
                return None
            pending.popleft()
            self._send(row, mailbox, wave)
        return pending[0] if pair is not None and pending else None

    def _fits(self, row: OutboxRow, wave: Wave) -> bool:
        """Whether the window has room for a row; if not, this wave is over."""
        size = len(row.envelope or b"")
        no_number = len(self._unanswered) >= wave.limits.send_window_messages
        if no_number or (self._unanswered and self._bytes + size > wave.limits.send_window_bytes):
            self._remember(row)
            wave.is_full = True
        return not wave.is_full

    def _send(self, row: OutboxRow, mailbox: Mailbox, wave: Wave) -> None:
        envelope = row.envelope
        assert envelope is not None, "sealed by the caller"
        self._seq += 1
        size = len(envelope)
        self._unanswered.append(Flight(self._seq, row.row, mailbox, size, row.message, row.counter or 0))
        self._bytes += size
        self._targets[mailbox].in_flight += 1
        wave.frames.append(encode_send(wave.token, self._seq, mid_of(envelope), mailbox, envelope))

    def _send_fan(self, number: int, mailboxes: list[Mailbox], wave: Wave) -> list[Mailbox]:
        """Send a row to those in whose queue it is first; returns them, for what stands behind it."""
        row = self._fetch(number)
        if row is None or row.envelope is None:  # given up meanwhile
            for mailbox in mailboxes:
                self._targets[mailbox].pending.popleft()
            return mailboxes
        for at in range(0, len(mailboxes), MAX_FANOUT):
            if not self._fits(row, wave):
                break
            some = mailboxes[at : at + MAX_FANOUT]
            self._seq += 1
            size = len(row.envelope)
            self._unanswered.append(FanFlight(self._seq, number, some, size, row.message))
            self._bytes += size
            for mailbox in some:
                target = self._targets[mailbox]
                target.pending.popleft()
                target.in_flight += 1
            wave.frames.append(encode_fanout(wave.token, self._seq, mid_of(row.envelope), some, row.envelope))
        return mailboxes

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
        flight = next(flight for flight in self._unanswered if flight.seq == seq)
        if isinstance(flight, FanFlight):
            raise RemoteProtocolError("REJECT of a FANOUT")
        self._rejected[seq] = (code, retry_after_ms)
        self._held.add(flight.mailbox)  # whatever follows now would only be refused with it

    def partial(self, seq: int, retry_after_ms: int, refused: Iterable[tuple[int, Code]]) -> None:
        """PARTIAL came: single targets of a FANOUT were refused.

        Raises:
            RemoteProtocolError: no such FANOUT is unanswered, or it has no such target, or names one twice.
        """
        flight = next((flight for flight in self._unanswered if flight.seq == seq), None)
        if not isinstance(flight, FanFlight):
            raise RemoteProtocolError("PARTIAL of what is no open FANOUT")
        for index, code in refused:
            if index >= len(flight.mailboxes) or index in flight.refused:
                raise RemoteProtocolError("PARTIAL of a target that is not open")
            flight.refused[index] = (code, retry_after_ms)
            self._held.add(flight.mailboxes[index])

    def accept(self, seq: int) -> Settled:
        """ACCEPTED came: every number up to it is final.

        Raises:
            RemoteProtocolError: a number beyond what was sent.
        """
        if seq > self._seq:
            raise RemoteProtocolError("ACCEPTED beyond what was sent")
        settled = Settled([], [], [])
        while self._unanswered and self._unanswered[0].seq <= seq:
            flight = self._unanswered.popleft()
            self._bytes -= flight.size_bytes
            if isinstance(flight, FanFlight):
                self._accept_fan(flight, settled)
                continue
            target = self._targets[flight.mailbox]
            target.in_flight -= 1
            refusal = self._rejected.pop(flight.seq, None)
            if refusal is None:
                target.back_off_s = BACK_OFF_S
                settled.accepted.append(flight)
            else:
                settled.refused.append((flight, *refusal))
        self._accepted = max(self._accepted, seq)
        self._doubtful.difference_update(flight.row for flight in settled.accepted)
        if settled.accepted:
            self._records.delete_outbox([flight.row for flight in settled.accepted])
        return settled

    def _accept_fan(self, flight: FanFlight, settled: Settled) -> None:
        fan = self._fans.get(flight.row)
        taken = set(flight.mailboxes)
        for index, refusal in sorted(flight.refused.items()):
            mailbox = flight.mailboxes[index]
            taken.discard(mailbox)
            self._targets[mailbox].in_flight -= 1
            if self._awaits(flight, mailbox):
                settled.refused.append((flight.single(index), *refusal))
        for mailbox in taken:
            target = self._targets[mailbox]
            target.in_flight -= 1
            target.back_off_s = BACK_OFF_S
        if fan is not None and taken:
            fan.left -= taken
            fan.has_some = True
        settled.fans.append(flight.message)
        self._keep_fan(flight.row)

    def _keep_fan(self, row: int) -> bool:
        """Write what is left of a fan; when nothing is, the row goes. True when somebody has its message."""
        fan = self._fans.get(row)
        if fan is None:
            return True
        if fan.left:
            self._records.keep_fan(row, fan.encode())
        else:
            del self._fans[row]
            self._fresh.pop(row, None)
            self._doubtful.discard(row)
            self._records.delete_outbox([row])
        return fan.has_some

    def drop(self, row: int, mailbox: Mailbox) -> bool:
        """One device gets this row no more (the caller tells people). False: nobody has it, may have it, or will."""
        self.flush()
        fan = self._fans.get(row)
        if fan is None:
            return True
        fan.left.discard(mailbox)
        fan.has_some = fan.has_some or self.may_have_left(row)
        self._targets[mailbox].forget(row)
        return self._keep_fan(row) or bool(fan.left)

    def devices_of(self, row: OutboxRow) -> list[Mailbox | None]:
        """Where a row still has to go."""
        fan = self._fans.get(row.row)
        return [row.mailbox] if fan is None else [*sorted(fan.left)]

    def is_fan(self, row: int) -> bool:
        """Whether a row is for many devices."""
        return row in self._fans

    def fans(self) -> list[tuple[int, set[Mailbox]]]:
        """Rows on their way to many devices, and which of these still wait for them."""
        return [(row, set(fan.left)) for row, fan in self._fans.items()]

    def hold(self, flight: Flight, retry_after_ms: int, now: Now) -> None:
        """Keep a refused row for another try, behind a hold."""
        target = self._targets[flight.mailbox]
        target.refused.append(flight)
        self._held.add(flight.mailbox)
        if len(target.refused) == 1:
            pause_s = max(heeded_s(retry_after_ms), target.back_off_s)
            target.back_off_s = min(target.back_off_s * 2, MAX_BACK_OFF_S)
            target.not_before_s = now.mono_s + pause_s

    def give_up(self, row: int) -> None:
        """The row will never be sent (the caller tells people)."""
        self._doubtful.discard(row)
        self._fresh.pop(row, None)
        if self._unsaved.pop(row, None) is None:
            self._records.delete_outbox([row])
        for unsealed in self._unsealed.values():
            if row in unsealed:
                unsealed.remove(row)
        fan = self._fans.pop(row, None)
        for target in self._targets.values():
            target.refused = [flight for flight in target.refused if flight.row != row]
            if fan is not None and row in target.pending:
                target.forget(row)

    def release_due(self, token: Token, now: Now, frames: list[bytes]) -> None:
        """End the holds whose every number is answered and whose pause is over."""
        for mailbox in sorted(self._held):
            target = self._targets[mailbox]
            if target.in_flight == 0 and target.not_before_s <= now.mono_s:
                frames.append(encode_release(token, mailbox))
                self._held.remove(mailbox)
                rows = sorted(flight.row for flight in target.refused)
                target.refused.clear()
                target.pending.extendleft(reversed(rows))

    def deadline(self) -> float | None:
        """Monotonic time of the next hold that may end."""
        held = map(self._targets.__getitem__, self._held)
        return min((target.not_before_s for target in held if target.in_flight == 0), default=None)

    def unanswered(self) -> bool:
        """Whether an answer is owed to us."""
        return bool(self._unanswered)

    def in_flight(self) -> set[int]:
        """Rows that an answer is owed for: too late to give up."""
        return {flight.row for flight in self._unanswered}

    def unseal(self, row: OutboxRow, mailbox: Mailbox) -> None:
        """Seal a row afresh when its turn comes: it has surely not left."""
        self._fresh.pop(row.row, None)
        self._records.address_outbox(row.row, mailbox)

    def may_have_left(self, row: int) -> bool:
        """Whether the broker has this row, or may have it: a link that broke owes the answer for ever."""
        return row in self._doubtful or row in self.in_flight()

    def retry_now(self) -> None:
        """A person asks: do not wait out the pauses."""
        for target in self._targets.values():
            target.not_before_s = 0.0
