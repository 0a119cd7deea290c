"""The peer's state machine: frames, commands and time go in; frames and events come out. No I/O.

One turn, driven by the shell (``peer.client``, or ``testing.Network`` without sockets)::

    with store.transaction():
        engine.receive(frame, now) ...      # and commands: send_text, approve, …
        engine.settle(now)                  # receipts, sending, acknowledging; writes back what changed
    turn = engine.take()                    # only after the commit:
    send(turn.frames); publish(turn.events)

When the commit fails, the engine is thrown away and made again from the records, so memory never runs ahead of disk.

Source: protocol.md §5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from sealwire.crypto.identity import Identity
from sealwire.crypto.primitives import Rng
from sealwire.crypto.vault import Vault
from sealwire.errors import LoginError, NameTakenError, RemoteProtocolError, ShutOutError, SupersededError
from sealwire.i18n import _, ngettext
from sealwire.ids import Mailbox, MessageId
from sealwire.peer.directory import Directory
from sealwire.peer.events import Event, Ready, Warning
from sealwire.peer.files import Files
from sealwire.peer.groups.hall import Hall
from sealwire.peer.inbox import Arrivals, Inbox
from sealwire.peer.keeping import Keeping
from sealwire.peer.login import Credentials, LinkSession, LinkState
from sealwire.peer.mail import Mail
from sealwire.peer.pairs import Pairs
from sealwire.peer.people import People
from sealwire.peer.prefs import DEFAULTS, Prefs
from sealwire.peer.presence import Presence
from sealwire.peer.pulse import Beat, Pulse
from sealwire.peer.receipts import Receipts
from sealwire.peer.records import ContactRecord, Now, Records
from sealwire.peer.requests import Requests
from sealwire.peer.roster import Roster
from sealwire.peer.timers import Timers
from sealwire.peer.trust import Trust
from sealwire.peer.turn import Turn
from sealwire.peer.upkeep import Upkeep
from sealwire.peer.waits import heeded_s
from sealwire.peer.whispers import Whispers
from sealwire.peer.words import Words
from sealwire.wire.content import Text
from sealwire.wire.control import Response, decode_response, encode_request
from sealwire.wire.frames import (
    Code,
    Reset,
    Verb,
    decode_deliver,
    decode_partial,
    decode_reject,
    decode_reset,
    decode_u64,
    encode_ack,
    encode_bye,
    encode_ping,
    encode_pong,
)
from sealwire.wire.word_content import Delete, Edit, Pin, React, Timer

HOUSEKEEPING_S: Final = 3600.0
SEEN_FOR_MS: Final = 180 * 24 * 3600 * 1000
"""Longer than any outbox row or broker expiry lives: a late duplicate is always recognised."""
MAX_DEFERRED: Final = 4_096
"""DELIVERs that wait for handshake capacity; the broker's window is 1,024, so more is a broken broker."""


class Engine:
    """One device of one account."""

    def __init__(
        self,
        records: Records,
        vault: Vault,
        identity: Identity,
        credentials: Credentials,
        rng: Rng,
        prefs: Prefs = DEFAULTS,
    ) -> None:
        card = identity.card.card
        self.name = card.account
        self.identity = identity
        self.fingerprint = card.fingerprint.hex()
        self._records = records
        self._credentials = credentials
        self._rng = rng
        self._events: list[Event] = []  # one list for all: people hear things in the order they happened
        self._pairs = Pairs(records, vault, rng)
        self._roster = Roster(records, card.realm, card.account)
        self._requests = Requests()
        self._upkeep = Upkeep(records, vault, identity, rng)
        self.people = People(records, prefs, self._events)
        self._inbox = Inbox(records, self._pairs, self._roster, self._upkeep, identity, self.people, rng, self._events)
        self._directory = Directory(records, self._requests, self._roster, self._pairs, identity, rng, self._events)
        places = (records, self._pairs, self._roster, self._directory, self.people)
        self.mail = Mail(self.name, card.hash, *places, prefs, rng, self._events)
        self.timers = Timers(records, self._events, self.mail.withdraw)
        self.keeping = Keeping(records, self.timers.age)
        self.receipts = Receipts(records, self.people, self.mail, rng, prefs.receipt_pause_s)
        self.mail.owe, self.mail.was_read = self.receipts.owe, self.timers.read
        told = (self.mail, self.people, self.receipts, self.timers)
        self.words = Words(self.name, records, self._events, rng, *told)
        self.whispers = Whispers(self._pairs, self._roster, self.people, rng, self._events, prefs.typing)
        self.presence = Presence(records, self._roster, self.people, self.whispers)
        self.words.heard_from, self.words.spoke = self.whispers.heard_from, self.whispers.spoke
        for kind in (Text, Edit, Delete, React, Pin, Timer):
            self._inbox.on(kind, self.words.hear, in_groups=True)
        hall = (self._pairs, self._roster, self._directory, self._requests, self.people, self._inbox, self.mail)
        self.groups = Hall(records, vault, identity, *hall, self.words, self.timers, rng, self._events)
        self.whispers.seats = self.groups.seats
        self.files = Files(self.name, records, self.words, self._inbox, self._roster, *told, prefs, rng, self._events)
        self.trust = Trust(self._roster, self._pairs, self._inbox, self.mail, self._events)
        self._link = LinkSession(identity, credentials, rng)
        self._turn = Turn()
        self._deferred: deque[bytes] = deque()
        self._received = self._acked = 0
        self._pulse = Pulse()
        self._cleaned_s = -HOUSEKEEPING_S
        self._handlers: dict[int, Callable[[bytes, Now], None]] = {
            Verb.ACCEPTED: self._on_accepted,
            Verb.REJECT: self._on_reject,
            Verb.PARTIAL: self._on_partial,
            Verb.RESPONSE: self._on_response,
            Verb.PING: self._on_ping,
            Verb.PONG: self._on_pong,
            Verb.EPHEMERAL: self._on_ephemeral,
        }
        if self.registered:
            self._events.append(Ready(self.name, self.fingerprint))

    @property
    def registered(self) -> bool:
        """Whether this profile was registered and its prekeys were stored once."""
        return self._records.get("registered") is not None

    @property
    def online(self) -> bool:
        """Whether the link session is open."""
        return self._link.state is LinkState.OPEN

    @property
    def spread_s(self) -> float:
        """Over how many seconds this broker wants its peers to return after a loss."""
        return self._link.spread_s

    # --- the link ---

    def connect(self, now: Now) -> None:
        """A connection was admitted: greet."""
        self._link = LinkSession(self.identity, self._credentials, self._rng)
        self._received = self._acked = 0
        self._deferred.clear()
        self._pulse.connected(now.mono_s, self._rng)
        self._turn.frames.append(self._link.greet())

    def disconnected(self) -> None:
        """The connection is gone: numbers die with it, what was unanswered goes out again."""
        self._link.state = LinkState.DOWN
        self.mail.outbox.link_lost()
        self._requests.link_lost()
        self._directory.link_lost()
        self.groups.logs.link_lost()
        self._deferred.clear()

    def goodbye(self) -> None:
        """We leave: say so."""
        if self.online:
            self._turn.frames.append(encode_bye(self._link.token))

    def receive(self, frame: bytes, now: Now) -> None:
        """Take one frame from the broker; bytes that are not in the protocol end the link."""
        self._pulse.heard(now.mono_s)
        try:
            self._dispatch(frame, now)
        except RemoteProtocolError as error:
            text = _("The broker sent something this version does not understand ({detail}); reconnecting.")
            self._events.append(Warning("protocol", text.format(detail=error.params["detail"])))
            self._turn.hangup = True

    def _dispatch(self, frame: bytes, now: Now) -> None:
        if not frame or self._turn.hangup:
            return
        verb = frame[0]
        if verb == Verb.RESET:
            self._on_reset(frame)
        elif self._link.state is LinkState.OPEN:
            if verb == Verb.DELIVER:
                self._on_deliver(frame, now)
            elif verb in self._handlers:
                self._handlers[verb](frame, now)
            else:
                raise RemoteProtocolError("unexpected verb")
        elif self._link.state is LinkState.GREETING:
            self._turn.frames.append(self._link.prove(frame))
        elif self._link.state is LinkState.PROVING and verb == Verb.REJECT:
            self._login_refused(frame)
        elif self._link.state is LinkState.PROVING:
            self._on_welcome(frame, now)

    def _on_welcome(self, frame: bytes, now: Now) -> None:
        welcome = self._link.open(frame)
        self._pulse.opened(now.mono_s)
        self.groups.logs.opened()
        self._turn.opened = True
        self.files.book.welcome(welcome.limits.blob_file_bytes)
        self.timers.confirm(now, welcome.time_ms)
        if welcome.expired:
            text = ngettext(
                "{count} message waited too long at the broker and expired.",
                "{count} messages waited too long at the broker and expired.",
                welcome.expired,
            )
            self._events.append(Warning("expired", text.format(count=welcome.expired), count=welcome.expired))
        upload = self._upkeep.due(welcome, now.ms, self._requests.new_id())
        if upload is not None:
            self._requests.publish(upload)
        elif not self.registered:
            self._registered()

    def _registered(self) -> None:
        self._records.put("registered", b"1")
        self._events.append(Ready(self.name, self.fingerprint))

    def _login_refused(self, frame: bytes) -> None:
        _seq, code, retry_after_ms = decode_reject(frame)
        self._turn.hangup = True
        if code in (Code.STORAGE, Code.BUSY, Code.RATE):
            self._turn.jitter_s = max(heeded_s(retry_after_ms), 1.0)
        elif code == Code.TAKEN:
            self._turn.fatal = NameTakenError(name=self.name)
        else:
            self._turn.fatal = LoginError(name=self.name)

    def _on_reset(self, frame: bytes) -> None:
        reason, jitter_ms = decode_reset(frame)
        self._turn.hangup = True
        self._turn.jitter_s = heeded_s(jitter_ms)
        if reason is Reset.SUPERSEDED:
            self._turn.fatal = SupersededError(name=self.name)
        elif reason in (Reset.BANNED, Reset.DELETED, Reset.VERSION):
            self._turn.fatal = (LoginError if reason is Reset.VERSION else ShutOutError)(name=self.name)

    def _on_ping(self, frame: bytes, _now: Now) -> None:
        self._turn.frames.append(encode_pong(self._link.token, decode_u64(frame)))

    def _on_pong(self, frame: bytes, _now: Now) -> None:
        decode_u64(frame)
        self._pulse.answered()

    def _on_ephemeral(self, frame: bytes, now: Now) -> None:
        self.whispers.hear(frame[1:], now)

    # --- arrivals ---

    def _on_deliver(self, frame: bytes, now: Now) -> None:
        self._pulse.delivered(now.mono_s)
        if self._deferred:
            if len(self._deferred) >= MAX_DEFERRED:
                raise RemoteProtocolError("DELIVER past the window")
            self._deferred.append(frame)
        elif not self._take(frame, now):
            self._deferred.append(frame)

    def _take(self, frame: bytes, now: Now) -> bool:
        seq, _mid, envelope = decode_deliver(frame)
        if seq != self._received + 1:
            raise RemoteProtocolError("a gap in the numbers of DELIVER")
        if not self._inbox.take(envelope, now):
            return False
        self._received = seq
        return True

    def _drain_deferred(self, now: Now) -> None:
        while self._deferred and self._take(self._deferred[0], now):
            self._deferred.popleft()

    def _digest_arrivals(self, now: Now) -> None:
        arrivals = self._inbox.arrivals
        if arrivals.adopted:
            self._inbox.retry(None, now)
            self._refill_prekeys(now)
        self._inbox.arrivals = Arrivals()
        for name in sorted(arrivals.lookups):
            self._directory.find(name)
        for mailbox in [mailbox for mailbox, name in arrivals.renew.items() if self.mail.may_notice(name)]:
            self._directory.renew(mailbox, now)
            self.groups.lost(mailbox)
        if arrivals.lost:
            self.mail.ask_renewals(now)

    def _refill_prekeys(self, now: Now) -> None:
        upload = self._upkeep.refill(now.ms, self._requests.new_id()) if self.online and self.registered else None
        if upload is not None:
            self._requests.publish(upload)

    # --- answers ---

    def _on_accepted(self, frame: bytes, now: Now) -> None:
        self.mail.accepted(decode_u64(frame), now)

    def _on_reject(self, frame: bytes, _now: Now) -> None:
        self.mail.outbox.reject(*decode_reject(frame))

    def _on_partial(self, frame: bytes, _now: Now) -> None:
        self.mail.outbox.partial(*decode_partial(frame))

    def _on_response(self, frame: bytes, now: Now) -> None:
        response = decode_response(frame)
        subject = self._requests.answered(response.id)
        match subject:
            case ("lookup", str(name)):
                self._looked_up(name, response, now)
            case ("bundle", bytes(mailbox)):
                self._directory.bundle_came(Mailbox(mailbox), response, now)
            case ("entries" | "append" as kind, bytes(group)):
                self.groups.answered(kind, group, response, now)
            case ("publish", _):
                self._published(response)

    def _looked_up(self, name: str, response: Response, now: Now) -> None:
        usable = self._directory.looked_up(name, response, now)
        if response.code == Code.UNKNOWN:
            self.mail.fail_unknown(name)
            self._inbox.retry(name, now)  # what claimed to come from them is said to be unreadable now
        elif usable:
            self.mail.reach(name)
            self._inbox.retry(name, now)

    def _published(self, response: Response) -> None:
        welcome = self._link.welcome
        if response.code == Code.OK and welcome is not None:
            self._upkeep.published(welcome)
            if not self.registered:
                self._registered()
        else:
            self._turn.hangup = True  # a fresh login finds out what the broker has and uploads again
            self._turn.jitter_s = 5.0

    # --- commands ---

    def send_text(self, name: str, text: str, now: Now) -> MessageId:
        """Make a text durable and queue it; the caller has checked name, length and trust."""
        return self.words.say(name, text, now)

    def retry(self, now: Now) -> int:
        """Queue failed messages again, and stop waiting out pauses; returns how many failed ones."""
        self.mail.outbox.retry_now()
        return self.words.retry(now)

    def find(self, name: str) -> None:
        """Ask the directory about a name; the answer comes as ``Turn.resolved``."""
        self._directory.find(name)

    def contact(self, name: str) -> ContactRecord | None:
        """A contact, if known."""
        return self._roster.find(name)

    def contacts(self) -> list[ContactRecord]:
        """All contacts by name."""
        return self._roster.all()

    def forget_chains(self) -> None:
        """The database is older than the last one used: no chain of it may send again; fresh sessions instead."""
        self._pairs.retire_all()
        self.groups.forget_chains()

    # --- the end of a turn ---

    def settle(self, now: Now) -> None:
        """Do what follows from this turn's input; everything written is in the open transaction."""
        self._drain_deferred(now)
        self._directory.due(now)
        self._digest_arrivals(now)
        self.groups.settle(now, self.online and not self._turn.hangup)
        self._digest_arrivals(now)
        self.timers.settle(now)
        self.receipts.settle(now)
        self.whispers.settle(now, self.online)
        self.presence.settle(now, self.online)
        self.files.settle(now)
        self._housekeeping(now)
        if self.online and not self._turn.hangup:
            self._send_due(now)
            self._watch(now)
        elif self._link.state is not LinkState.DOWN and self._pulse.login_is_dead(now.mono_s):
            self._turn.hangup = True  # the login is not answered
        self._turn.resolved += self._directory.resolved
        self._directory.resolved.clear()
        self._turn.answers += self.groups.take_answers()
        self.mail.outbox.flush()
        self._pairs.flush()

    def _send_due(self, now: Now) -> None:
        token, frames, welcome = self._link.token, self._turn.frames, self._link.welcome
        assert welcome is not None, "an open link session had its WELCOME"
        if self._received > self._acked:
            frames.append(encode_ack(token, self._received))
            self._acked = self._received
        self.mail.send_due(token, welcome.limits, now, frames)
        frames += [encode_request(token, request) for request in self._requests.due(now.mono_s)]
        self.whispers.send_due(token, frames)

    def _watch(self, now: Now) -> None:
        """Notice a dead link, ask an idle one for a sign of life, let old prekeys go once the mailbox is empty."""
        beat = self._pulse.check(now.mono_s, self.mail.outbox.unanswered() or self._requests.under_way())
        if beat is Beat.DEAD:
            self._turn.hangup = True
        elif beat is Beat.PING:
            self._turn.frames.append(encode_ping(self._link.token, 1))
        if self._pulse.has_drained(now.mono_s):
            self._upkeep.prune(now.ms)

    def _housekeeping(self, now: Now) -> None:
        if now.mono_s - self._cleaned_s < HOUSEKEEPING_S:
            return
        self._cleaned_s = now.mono_s
        self._records.forget_seen(now.ms - SEEN_FOR_MS)
        self._records.forget_aside(now.ms - SEEN_FOR_MS)
        self.keeping.clean(now.ms)
        self.mail.expire(now)
        self._refill_prekeys(now)

    def take(self) -> Turn:
        """What the turn wants done; call it after the commit."""
        turn, self._turn = self._turn, Turn()
        turn.events, turn.moves = list(self._events), self.files.book.take()
        self._events.clear()
        return turn

    def deadline(self, now: Now) -> float:
        """Monotonic time of the next turn that is due without input."""
        soon = (self.timers.deadline(now), self.receipts.deadline(), self.whispers.deadline())
        times = [self._cleaned_s + HOUSEKEEPING_S, *(at_s for at_s in soon if at_s is not None)]
        if self._link.state is not LinkState.DOWN:
            times.append(self._pulse.deadline(self.online))
        if self.online:
            cores = (self.mail.outbox, self._requests, self._directory, self.groups, self.presence)
            times += [wait for core in cores if (wait := core.deadline()) is not None]
        if self._deferred:
            times.append(now.mono_s + 0.05)
        return min(times)
