"""SEND, FANOUT, ACK and what follows from them: the broker's hot path.

One message costs one look-up on each side; no clock, no log, no hash, no check of a quota while its recipient takes
what comes. The tables of protocol.md §5.2 and §5.3 are the law here; each method names the rows it carries out.

Source: protocol.md §5.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from sealwire.broker.ledger import Ledger
from sealwire.broker.links import CHATTER_UNITS, MAX_CHATTER, WRONG_TOKENS, Account, Link
from sealwire.broker.mailbox import BACKLOG, LIVE, REFUSED, STORED, TAKEN, Entry, Fan, FanEntry, Mailbox
from sealwire.broker.port import BrokerSettings, Committed, Refused, Slice
from sealwire.broker.refusals import Refusals
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
    encode_reset,
)
from sealwire.wire.many import MANY_ITEM, MANY_ITEM_REST, MAX_MANY

_send_fields = Struct(">Q16s16s").unpack_from
_item_fields = MANY_ITEM.unpack_from
_ITEM_BYTES: Final = MANY_ITEM.size
_u64 = Struct(">Q").unpack_from
_deliver_head = Struct(">BQ16s").pack
_accepted = Struct(">BQ").pack
_DELIVER: Final = int(Verb.DELIVER)
_ACCEPTED: Final = int(Verb.ACCEPTED)
_ACK_BYTES: Final = AT_BODY + 8


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
        self._control = control
        self._ended = ended
        self.adopt(settings)
        self._dirty: list[Link] = []
        self.now = now
        self.units = 0
        self.links: dict[RoutingId, Link] = {}
        self.mailboxes: dict[MailboxId, Mailbox] = {}
        self.sends: list[tuple[RoutingId, bytes]] = []
        self.roused: set[Link] = set()  # handed something while nothing was in flight, since the last look at deadlines
        self.chatty: list[Link] = []  # those that chattered since then
        self.ledger = Ledger(settings, self._dirty)
        self.refusals = Refusals(settings, self.ledger, self.sends, lambda link: self.end(link, Reset.PROTOCOL))
        self.ends: dict[Reset | None, int] = dict.fromkeys((None, *Reset), 0)  # link sessions, by why they ended
        self.wrong_tokens = 0
        self.past_sends = 0
        self.past_delivers = 0

    def adopt(self, settings: BrokerSettings) -> None:
        """Take over what is asked of each message."""
        self._window = settings.deliver_window_messages
        self._window_bytes = settings.deliver_window_bytes
        self._max_envelope = settings.envelope_bytes

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
        self.ends[reason] += 1
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
            if len(frame) > AT_SEND_ENVELOPE:
                seq, mid, to = _send_fields(frame, AT_BODY)
                self._send(link, seq, mid, to, frame[AT_SEND_ENVELOPE:])
            else:
                self.end(link, Reset.PROTOCOL)
        elif head == link.many_head:
            self._send_many(link, frame)
        elif head == link.ack_head:
            self._ack(link, frame)
        else:
            self._other(link, frame)

    def _send_many(self, link: Link, frame: bytes) -> None:
        """Each message as if it had come alone: one that does not fit ends the link session after those before it."""
        at, end, send = AT_BODY, len(frame), self._send
        for _ in range(MAX_MANY):
            start = at + _ITEM_BYTES
            if start >= end:
                break
            length, seq, mid, to = _item_fields(frame, at)
            at = start + length - MANY_ITEM_REST
            if not start < at <= end:
                break
            send(link, seq, mid, to, frame[start:at])
            if at == end or not link.open:
                return
        self.end(link, Reset.PROTOCOL)

    def _send(self, link: Link, seq: int, mid: Mid, to: MailboxId, envelope: bytes) -> None:
        size = len(envelope)
        cost = 1 + (size >> 12)
        self.units += cost
        unanswered = link.unanswered
        if (
            seq != link.rx + 1
            or len(unanswered) >= link.send_window
            or link.unanswered_bytes + size > link.send_window_bytes
        ):
            self.end(link, Reset.PROTOCOL)
            return
        link.rx = seq
        mailbox = self.mailboxes.get(to)
        entry = Entry(link, seq, mailbox, mid, envelope, size, self.now)
        unanswered.append(entry)
        link.unanswered_bytes += size
        account = link.account
        account.units -= cost
        code: Code | None
        if account.units < 0 and not self.refusals.has_units(account, cost, self.now):
            code = Code.RATE
        elif mailbox is None:
            code = Code.UNKNOWN
        elif link.held and to in link.held:
            code = Code.HELD
        elif size > self._max_envelope:
            code = Code.SIZE
        else:
            code = self._arrive(entry, mailbox, account)
        if code:
            self.refusals.reject(link, entry, to, code)

    def _arrive(self, entry: Entry, mailbox: Mailbox, account: Account) -> Code | None:
        """NEW → PEND: handed to a LIVE link session with room, else into the tail; or why there is no room."""
        size = entry.size
        peer = mailbox.link
        if (
            mailbox.mode == LIVE
            and peer is not None
            and len(peer.inflight) < self._window
            and peer.inflight_bytes + size <= self._window_bytes
        ):
            self._deliver(peer, entry, entry.envelope)
        else:
            code = self._wait(entry, mailbox, account)
            if code:
                return code
        mailbox.messages += 1
        mailbox.bytes += size
        ledger = self.ledger
        ledger.unstored_bytes += size
        ledger.pending.append(entry)
        return None

    def _wait(self, entry: Entry, mailbox: Mailbox, account: Account) -> Code | None:
        """NEW → PEND in the tail; or why there is no room."""
        code = self.refusals.full(mailbox, entry, account)
        if code:
            return code
        if mailbox.mode == LIVE:
            mailbox.mode = BACKLOG
        mailbox.queue(entry, account)
        return None

    def _deliver(self, peer: Link, entry: Entry, envelope: bytes | None) -> None:
        assert envelope is not None
        entry.flying = True
        peer.tx = seq = peer.tx + 1
        inflight = peer.inflight
        if not inflight:
            self.roused.add(peer)
        inflight.append(entry)
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
            self._chat(link)
            return
        if upto > link.tx:
            self.end(link, Reset.PROTOCOL)
            return
        link.acked = upto
        mailbox, inflight = link.mailbox, link.inflight
        taken = []
        stored = refused = size = refused_bytes = 0
        for _ in range(count):
            entry = inflight.popleft()
            size += entry.size
            state = entry.state
            if state < STORED:
                entry.state = TAKEN
                entry.envelope = None
                taken.append(entry)
            elif state == STORED:
                stored += 1
            else:  # it was answered and counted when it was refused
                refused += 1
                refused_bytes += entry.size
        link.inflight_bytes -= size
        if taken:
            self.ledger.settle(taken)
        if stored:  # rows keep the order of delivery: they are the oldest ones
            self.ledger.deletes += mailbox.rows.take(stored)
            mailbox.sent -= stored
        mailbox.messages -= count - refused
        mailbox.bytes -= size - refused_bytes
        if mailbox.mode == BACKLOG:
            self._refill(link)

    def _refill(self, link: Link) -> None:
        """BACKLOG: rows first, then the tail, then LIVE; nothing overtakes."""
        mailbox = link.mailbox
        if not self._has_room(link):
            return
        if mailbox.sent < len(mailbox.rows):
            if not mailbox.reading:
                mailbox.reading = True
                self.ledger.reads.append(link)
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
            elif self._chat(link):
                self._control(link, frame)
        except RemoteProtocolError:
            self.end(link, Reset.PROTOCOL)

    def _chat(self, link: Link) -> bool:
        """A frame that moves no message: a flood of them ends the link session. Returns whether it goes on."""
        self.units += CHATTER_UNITS - 1  # the frame itself is counted
        if not link.chatter:
            self.chatty.append(link)
        link.chatter += 1
        if link.chatter > MAX_CHATTER:
            self.end(link, Reset.PROTOCOL)
        return link.open

    # --- FANOUT ----------------------------------------------------------------------------------------------

    def _fanout(self, link: Link, frame: bytes) -> None:
        """n entries that share body and number; the sender's queue holds the number once."""
        targets, at = decode_fanout_targets(frame)
        (seq,) = _u64(frame, AT_BODY)
        size = len(frame) - at
        window_passed = len(link.unanswered) >= link.send_window
        if seq != link.rx + 1 or window_passed or link.unanswered_bytes + size > link.send_window_bytes:
            raise RemoteProtocolError("a number or a window passed")
        cost = 1 + len(targets) + (size >> 12)
        self.units += cost - 1  # the frame itself is counted
        link.rx = seq
        fan = Fan(frame[at:], len(targets))
        link.unanswered.append(fan)
        link.unanswered_bytes += size
        link.account.units -= cost
        limited = link.account.units < 0 and not self.refusals.has_units(link.account, cost, self.now)
        refused = self._fan_out(link, fan, Mid(frame[AT_SEND_MID:AT_SEND_TO]), targets, limited)
        if len(refused) < len(targets):
            self.ledger.unstored_bytes += size  # the body is in memory once, whoever it is for
        for _ in refused:
            fan.settle()
        if refused:
            self.refusals.reject_some(link, seq, refused, targets, cost)

    def _fan_out(
        self, link: Link, fan: Fan, mid: Mid, targets: list[MailboxId], limited: bool
    ) -> list[tuple[int, Code]]:
        """NEW → PEND for each target, as ``_arrive`` does for one; return (index, code) of those refused.

        The usual case stands here in full: a call for each of a thousand targets costs as much as its work.
        """
        seq, size, now, envelope = link.rx, fan.size, self.now, fan.envelope
        window, window_bytes = self._window, self._window_bytes - size
        mailboxes, send, pend, rouse = self.mailboxes, self.sends.append, self.ledger.pending.append, self.roused.add
        is_plain = not (limited or link.held or size > self._max_envelope)
        refused = []
        for index, to in enumerate(targets):
            mailbox = mailboxes.get(to)
            entry = FanEntry(fan, index, link, seq, mailbox, mid, envelope, size, now)
            if is_plain and mailbox is not None and mailbox.mode == LIVE:
                peer = mailbox.link
                assert peer is not None
                if len(peer.inflight) < window and peer.inflight_bytes <= window_bytes:
                    entry.flying = True
                    peer.tx = number = peer.tx + 1
                    if not peer.inflight:
                        rouse(peer)
                    peer.inflight.append(entry)
                    peer.inflight_bytes += size
                    send((peer.rid, _deliver_head(_DELIVER, number, mid) + envelope))
                    mailbox.messages += 1
                    mailbox.bytes += size
                    pend(entry)
                    continue
            code = Code.RATE if limited else self._fan_in(link, entry, to)
            if code:
                entry.state = REFUSED
                refused.append((index, code))
        return refused

    def _fan_in(self, link: Link, entry: FanEntry, to: MailboxId) -> Code | None:
        """NEW → PEND for a target that is not plainly LIVE; or why not."""
        mailbox = entry.mailbox
        if mailbox is None:
            return Code.UNKNOWN
        if to in link.held:
            return Code.HELD
        if entry.size > self._max_envelope:
            return Code.SIZE
        code = self._arrive(entry, mailbox, link.account)
        if code is None:
            self.ledger.unstored_bytes -= entry.size  # counted for the body as a whole
        return code

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
        self.refusals.reject_late(self.ledger.refused(event), Code.STORAGE)

    def remove(self, mailbox: Mailbox) -> None:
        """The mailbox is deleted: its link session ends, nothing of it stays, whoever waits is answered."""
        if mailbox.link is not None:
            self.end(mailbox.link, Reset.DELETED)
        self.mailboxes.pop(mailbox.id, None)
        self.refusals.reject_late(self.ledger.withdraw(mailbox), Code.UNKNOWN)

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
