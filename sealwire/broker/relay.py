"""SEND, FANOUT, ACK and what follows from them: the broker's hot path.

One message costs one look-up on each side; no clock, no log, no hash, no check of a quota while its recipient takes
what comes. The tables of protocol.md §5.2 and §5.3 are the law here; each method names the rows it carries out.

Source: protocol.md §5.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from sealwire.broker.ledger import Ledger, read_slice
from sealwire.broker.links import MAX_HELD, WRONG_TOKENS, Account, Link
from sealwire.broker.mailbox import BACKLOG, LIVE, REFUSED, STORED, TAKEN, Entry, Fan, FanEntry, Mailbox
from sealwire.broker.port import BrokerSettings, Committed, Refused, Slice
from sealwire.errors import RemoteProtocolError
from sealwire.ids import Mailbox as MailboxId
from sealwire.ids import Mid, RoutingId
from sealwire.wire.frames import (
    AT_BODY,
    AT_SEND_ENVELOPE,
    AT_SEND_MID,
    AT_SEND_TO,
    AT_TOKEN,
    Code,
    Reset,
    Verb,
    decode_fanout_targets,
    encode_partial,
    encode_reject,
    encode_reset,
)

_send_fields = Struct(">Q16s16s").unpack_from
_u64 = Struct(">Q").unpack_from
_deliver_head = Struct(">BQ16s").pack
_accepted = Struct(">BQ").pack
_DELIVER: Final = int(Verb.DELIVER)
_ACCEPTED: Final = int(Verb.ACCEPTED)
_ACK_BYTES: Final = AT_BODY + 8

REFUSALS: Final = (*map(Code, range(Code.STORAGE, Code.SHARE + 1)),)
"""Why a message is refused; each is counted."""
RETRY_MS: Final = {Code.STORAGE: 2_000, Code.BUSY: 1_000, Code.QUOTA: 60_000, Code.SHARE: 60_000}
"""When to try again: a full disk soon, a full mailbox when its owner has been here."""


class Relay:
    """The link sessions, the mailboxes and the messages between them.

    Args:
        control: called with every authentic frame that is not about delivery.
        ended: called with a link session that has just ended.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        control: Callable[[Link, bytes], None],
        ended: Callable[[Link], None],
        now: float,
    ) -> None:
        self._settings = settings
        self._control = control
        self._ended = ended
        self._send_window = settings.send_window_messages
        self._send_window_bytes = settings.send_window_bytes
        self._window = settings.deliver_window_messages
        self._window_bytes = settings.deliver_window_bytes
        self._max_envelope = settings.envelope_bytes
        self._share = int(settings.quota_messages * settings.sender_share)
        self._dirty: list[Link] = []
        self.now = now
        self.units = 0
        self.links: dict[RoutingId, Link] = {}
        self.mailboxes: dict[MailboxId, Mailbox] = {}
        self.sends: list[tuple[RoutingId, bytes]] = []
        self.ledger = Ledger(settings, self._dirty)
        self.rejected = 0
        self.refusals = dict.fromkeys(REFUSALS, 0)
        self.wrong_tokens = 0
        self.past_sends = 0
        self.past_delivers = 0

    # --- link sessions ---------------------------------------------------------------------------------------

    def open(self, link: Link) -> None:
        """Take in a link session that has logged in; the device's older one ends first."""
        older = link.mailbox.link
        if older is not None:
            self.end(older, Reset.SUPERSEDED)
        self.links[link.rid] = link

    def attach(self, link: Link) -> None:
        """WELCOME is on its way: what waits follows it (AWAY → BACKLOG, or LIVE when nothing waits)."""
        mailbox = link.mailbox
        mailbox.link = link
        mailbox.mode = BACKLOG
        self._refill(link)

    def end(self, link: Link, reason: Reset | None) -> None:
        """End a link session; ``reason`` None or GONE says nothing to the peer."""
        if not link.open:
            return
        link.open = False
        del self.links[link.rid]
        if reason is not None and reason is not Reset.GONE:
            self.sends.append((link.rid, encode_reset(reason)))
        if link.mailbox.link is link:
            link.mailbox.detach(link.inflight)
        self.past_sends += link.rx
        self.past_delivers += link.tx
        link.inflight.clear()
        link.unanswered.clear()
        self._ended(link)

    # --- frames ----------------------------------------------------------------------------------------------

    def handle(self, link: Link, frame: bytes) -> None:
        """One frame of a live link session. Verb and token are compared in one step.

        The comparison may stop early: whoever guesses gets no answer, and 16 wrong ones end the connection, so
        there is no series of times to measure.
        """
        link.heard = self.now
        head = frame[:AT_BODY]
        if head == link.send_head:
            self._send(link, frame)
        elif head == link.ack_head:
            self._ack(link, frame)
        else:
            self._other(link, frame)

    def _send(self, link: Link, frame: bytes) -> None:
        size = len(frame) - AT_SEND_ENVELOPE
        cost = 1 + (size >> 12)
        self.units += cost
        if size <= 0:
            self.end(link, Reset.PROTOCOL)
            return
        seq, mid, to = _send_fields(frame, AT_BODY)
        unanswered = link.unanswered
        if (
            seq != link.rx + 1
            or len(unanswered) >= self._send_window
            or link.unanswered_bytes + size > self._send_window_bytes
        ):
            self.end(link, Reset.PROTOCOL)
            return
        link.rx = seq
        mailbox = self.mailboxes.get(to)
        entry = Entry(link, seq, mailbox, mid, frame[AT_SEND_ENVELOPE:], size, self.now)
        unanswered.append(entry)
        link.unanswered_bytes += size
        account = link.account
        account.units -= cost
        if account.units < 0 and not self._has_units(account, cost):
            self._reject(link, entry, to, Code.RATE)
        elif mailbox is None:
            self._reject(link, entry, to, Code.UNKNOWN)
        elif link.held and to in link.held:
            self._reject(link, entry, to, Code.HELD)
        elif size > self._max_envelope:
            self._reject(link, entry, to, Code.SIZE)
        else:
            code = self._arrive(entry, mailbox, account)
            if code:
                self._reject(link, entry, to, code)

    def _arrive(self, entry: Entry, mailbox: Mailbox, account: Account) -> Code | None:
        """NEW → PEND: handed to a LIVE link session with room, else into the tail; or why there is no room."""
        size = entry.size
        ledger = self.ledger
        peer = mailbox.link
        if (
            mailbox.mode == LIVE
            and peer is not None
            and len(peer.inflight) < self._window
            and peer.inflight_bytes + size <= self._window_bytes
        ):
            self._deliver(peer, entry, entry.envelope)
        else:
            code = self._full(mailbox, entry, account)
            if code:
                return code
            if mailbox.mode == LIVE:
                mailbox.mode = BACKLOG
            mailbox.queue(entry, account)
        mailbox.messages += 1
        mailbox.bytes += size
        ledger.unstored_bytes += size
        ledger.pending.append(entry)
        return None

    def _deliver(self, peer: Link, entry: Entry, envelope: bytes | None) -> None:
        assert envelope is not None
        entry.flying = True
        peer.tx = seq = peer.tx + 1
        peer.inflight.append(entry)
        peer.inflight_bytes += entry.size
        self.sends.append((peer.rid, _deliver_head(_DELIVER, seq, entry.mid) + envelope))

    def _ack(self, link: Link, frame: bytes) -> None:
        """ACK n: the oldest entries in flight are taken (PEND, COMMIT) or leave their rows (STORED)."""
        self.units += 1
        if len(frame) != _ACK_BYTES:
            self.end(link, Reset.PROTOCOL)
            return
        (upto,) = _u64(frame, AT_BODY)
        count = upto - link.acked
        if count <= 0:
            return
        if upto > link.tx:
            self.end(link, Reset.PROTOCOL)
            return
        link.acked = upto
        mailbox, ledger, inflight = link.mailbox, self.ledger, link.inflight
        stored = gone = gone_bytes = 0
        for _ in range(count):
            entry = inflight.popleft()
            link.inflight_bytes -= entry.size
            state = entry.state
            if state == REFUSED:
                continue  # it was answered and counted then
            if state == STORED:
                stored += 1
            else:
                entry.state = TAKEN
                entry.envelope = None
                ledger.settle(entry)
            gone += 1
            gone_bytes += entry.size
        if stored:  # rows keep the order of delivery: they are the oldest ones
            ledger.deletes += mailbox.rows.take(stored)
            mailbox.sent -= stored
        mailbox.messages -= gone
        mailbox.bytes -= gone_bytes
        if mailbox.mode == BACKLOG:
            self._refill(link)

    def _refill(self, link: Link) -> None:
        """BACKLOG: rows first, then the tail, then LIVE; nothing overtakes."""
        mailbox = link.mailbox
        if not self._has_room(link):
            return
        if mailbox.sent < len(mailbox.rows):
            read = read_slice(link)
            if read is not None:
                self.ledger.reads.append(read)
            return
        tail = mailbox.tail
        while tail:
            if not self._has_room(link):
                return
            entry = tail.popleft()
            self._deliver(link, entry, entry.envelope)
        mailbox.mode = LIVE
        mailbox.shares = None

    def _has_room(self, link: Link) -> bool:
        return len(link.inflight) < self._window and link.inflight_bytes + self._max_envelope <= self._window_bytes

    def _other(self, link: Link, frame: bytes) -> None:
        self.units += 1
        if frame[AT_TOKEN:AT_BODY] != link.token:
            self.wrong_tokens += 1
            link.wrong_tokens += 1
            if link.wrong_tokens >= WRONG_TOKENS:
                self.end(link, Reset.PROTOCOL)
            return
        try:
            if frame[0] == Verb.FANOUT:
                self._fanout(link, frame)
            else:
                self._control(link, frame)
        except RemoteProtocolError:
            self.end(link, Reset.PROTOCOL)

    # --- FANOUT ----------------------------------------------------------------------------------------------

    def _fanout(self, link: Link, frame: bytes) -> None:
        """n entries that share body and number; the sender's queue holds the number once."""
        targets, at = decode_fanout_targets(frame)
        (seq,) = _u64(frame, AT_BODY)
        size = len(frame) - at
        window_passed = len(link.unanswered) >= self._send_window
        if seq != link.rx + 1 or window_passed or link.unanswered_bytes + size > self._send_window_bytes:
            raise RemoteProtocolError("a number or a window passed")
        cost = 1 + len(targets) + (size >> 12)
        self.units += cost - 1  # the frame itself is counted
        link.rx = seq
        fan = Fan(frame[at:], len(targets))
        link.unanswered.append(fan)
        link.unanswered_bytes += size
        link.account.units -= cost
        limited = link.account.units < 0 and not self._has_units(link.account, cost)
        mid = Mid(frame[AT_SEND_MID:AT_SEND_TO])
        refused = []
        for index, to in enumerate(targets):
            mailbox = self.mailboxes.get(to)
            entry = FanEntry(link, seq, mailbox, mid, fan.envelope, size, self.now)
            entry.fan, entry.index = fan, index
            code = Code.RATE if limited else self._fan_in(link, entry, to)
            if code:
                entry.state = REFUSED
                self._count(code)
                refused.append((index, code))
                self._hold(link, to)
                fan.settle()
            elif index > len(refused):
                self.ledger.unstored_bytes -= size  # the first target has counted the body
        if refused:
            self._mark(link)
            self.sends.append((link.rid, encode_partial(seq, refused, self._retry_ms(link, refused[0][1]))))

    def _fan_in(self, link: Link, entry: Entry, to: MailboxId) -> Code | None:
        mailbox = entry.mailbox
        if mailbox is None:
            return Code.UNKNOWN
        if to in link.held:
            return Code.HELD
        if entry.size > self._max_envelope:
            return Code.SIZE
        return self._arrive(entry, mailbox, link.account)

    # --- refusals --------------------------------------------------------------------------------------------

    def _full(self, mailbox: Mailbox, entry: Entry, account: Account) -> Code | None:
        """Why a message that must wait cannot, if so. Asked only when it is not handed over at once."""
        settings = self._settings
        if self.ledger.unstored_bytes + entry.size > settings.unstored_bytes:
            return Code.BUSY
        if mailbox.messages >= settings.quota_messages or mailbox.bytes + entry.size > settings.quota_bytes:
            return Code.QUOTA
        if mailbox.share(account) >= self._share:
            return Code.SHARE
        return None

    def _has_units(self, account: Account, cost: int) -> bool:
        """Refill an account's units; when they are still overdrawn, give back what the refused frame took."""
        settings = self._settings
        earned = (self.now - account.units_at) * settings.account_units_per_s
        account.units_at = self.now
        account.units = min(settings.account_units_burst - cost, account.units + earned)
        if account.units >= 0:
            return True
        account.units += cost
        return False

    def _reject(self, link: Link, entry: Entry, to: MailboxId, code: Code) -> None:
        """NEW → REFUSED: answered at once, and what follows to the same mailbox is held until RELEASE."""
        entry.state = REFUSED
        entry.envelope = None
        self._count(code)
        self.sends.append((link.rid, encode_reject(entry.seq, code, self._retry_ms(link, code))))
        self._hold(link, to)
        self._mark(link)

    def _count(self, code: Code) -> None:
        self.rejected += 1
        self.refusals[code] += 1

    def _retry_ms(self, link: Link, code: Code) -> int:
        if code is Code.RATE:
            return max(1, int(-link.account.units * 1000 / self._settings.account_units_per_s) + 50)
        return RETRY_MS.get(code, 0)

    def _hold(self, link: Link, to: MailboxId) -> None:
        link.held.add(to)
        if len(link.held) > MAX_HELD:
            self.end(link, Reset.PROTOCOL)

    def _mark(self, link: Link) -> None:
        if not link.dirty:
            link.dirty = True
            self._dirty.append(link)

    # --- turns and the store ---------------------------------------------------------------------------------

    def end_turn(self) -> None:
        """Tell every sender how far its numbers are final: ACCEPTED n when the first n are, each by itself."""
        dirty = self._dirty
        if not dirty:
            return
        for link in dirty:
            link.dirty = False
            unanswered = link.unanswered
            answered = 0
            while unanswered and unanswered[0].state >= STORED:
                link.unanswered_bytes -= unanswered.popleft().size
                answered += 1
            if answered:
                link.answered += answered
                self.sends.append((link.rid, _accepted(_ACCEPTED, link.answered)))
        dirty.clear()

    def committed(self, event: Committed) -> None:
        """COMMIT → STORED, or deleted by the next job when it was taken meanwhile."""
        self.ledger.committed(event)

    def refused(self, event: Refused) -> None:
        """COMMIT → REFUSED: the disk is full. Those taken meanwhile stay taken."""
        self._refuse(self.ledger.refused(event), Code.STORAGE)

    def remove(self, mailbox: Mailbox) -> None:
        """The mailbox is deleted: its link session ends, nothing of it stays, whoever waits is answered."""
        if mailbox.link is not None:
            self.end(mailbox.link, Reset.DELETED)
        self.mailboxes.pop(mailbox.id, None)
        self._refuse(self.ledger.withdraw(mailbox), Code.UNKNOWN)

    def _refuse(self, entries: list[Entry], code: Code) -> None:
        """PEND or COMMIT → REFUSED."""
        for entry in entries:
            mailbox, link = entry.mailbox, entry.link
            assert mailbox is not None
            assert link is not None
            entry.envelope = None
            mailbox.drop(entry)
            self.ledger.settle(entry)
            if link.open:
                self._count(code)
                self.sends.append((link.rid, _late(entry, code)))
                self._hold(link, mailbox.id)

    def slice(self, piece: Slice) -> None:
        """Rows read back: they go out if the link session they were read for still wants exactly these."""
        link = piece.ref
        assert isinstance(link, Link)
        mailbox = link.mailbox
        if not link.open or mailbox.link is not link:
            return
        mailbox.reading = False
        for row, mid, envelope in piece.rows:
            if not self._has_room(link):
                return
            assert mailbox.rows[mailbox.sent] == row
            entry = Entry(None, 0, mailbox, mid, None, len(envelope), self.now, STORED)
            mailbox.sent += 1
            self._deliver(link, entry, envelope)
        self._refill(link)


def _late(entry: Entry, code: Code) -> bytes:
    if entry.fan is None:
        return encode_reject(entry.seq, code, RETRY_MS.get(code, 0))
    return encode_partial(entry.seq, [(entry.index, code)], RETRY_MS.get(code, 0))
