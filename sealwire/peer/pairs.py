"""Device pairs: the sessions with one other device, and the order of what was said in both directions.

Everything here is loaded on demand, changed in memory and written back once a turn, inside the turn's transaction.

Source: protocol.md §11, §12.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec
from msgspec import Struct, field

from sealwire.crypto.card import Card, SignedCard
from sealwire.crypto.primitives import H, Rng
from sealwire.crypto.session import Session, active, kept
from sealwire.crypto.vault import Vault
from sealwire.ids import Mailbox, MessageId, Millis
from sealwire.peer.records import DeviceRecord, Records
from sealwire.wire.content import MAX_VOID, Content, Plaintext, encode_plaintext

MAX_MISSING: Final = 1_000
"""Counters remembered as missing per pair; a longer gap is counted but its late arrivals look like copies."""
UNANSWERED_OPENING_MS: Final = 7 * 24 * 3600 * 1000
"""An opening that nobody answered for a week is made again from a new bundle."""


class Order(Enum):
    """What a message's counter and previous hash say."""

    NEXT = "next"
    GAP = "gap"
    LATE = "late"
    FORK = "fork"


class PairState(msgspec.Struct, array_like=True):
    """What survives sessions: both directions' counters and hashes."""

    sent: int = 0
    sent_hash: bytes = bytes(32)
    received: int = 0
    received_hash: bytes = bytes(32)
    missing: list[int] = []
    void: list[tuple[int, int]] = []
    """(counter given up, counter of the message that said so, or 0)."""
    latest_ms: int = 0
    """Largest session time seen from or used towards this device."""
    renew_asked_ms: int = 0
    renewed_ms: int = 0
    retired_ms: int = 0
    """Sessions up to this time only receive: their chains may have been used by a later copy of this database."""


_decode_state = msgspec.msgpack.Decoder(PairState).decode


class Pair(Struct):
    """One other device: its card, the counters, the sessions."""

    mailbox: Mailbox
    account: str
    signed_card: SignedCard
    state: PairState
    sessions: dict[bytes, Session] = field(default_factory=dict)
    dirty: set[bytes] = field(default_factory=set)
    changed: bool = False

    @property
    def card(self) -> Card:
        """The device's card."""
        return self.signed_card.card

    def active(self) -> Session | None:
        """The session that sends: the one of the largest (time, T), so that both sides agree whatever crossed."""
        return active(s for s in self.sessions.values() if s.time_ms > self.state.retired_ms)

    def wants_renewal(self, now_ms: Millis) -> bool:
        """Whether a fresh session is due: none, a week old, 1,000 messages, or an opening nobody answered."""
        session = self.active()
        if session is None:
            return True
        if session.hs is not None:
            return now_ms - session.created_ms > UNANSWERED_OPENING_MS
        return session.needs_renewal(now_ms)

    def keep(self, session: Session) -> list[bytes]:
        """Add or advance a session; returns the tags of old ones that had to go."""
        self.sessions[session.tag_in] = session
        self.dirty.add(session.tag_in)
        self.state.latest_ms = max(self.state.latest_ms, session.time_ms)
        self.changed = True
        stay = {kept_session.tag_in for kept_session in kept(self.sessions.values())}
        dropped = [tag for tag in self.sessions if tag not in stay]
        for tag in dropped:
            del self.sessions[tag]
            self.dirty.discard(tag)
        return dropped

    def seal(
        self, own_card_hash: bytes, message_id: MessageId, content: Content, now_ms: Millis, rng: Rng
    ) -> tuple[int, bytes]:
        """Encrypt one message in the active session.

        Returns:
            (counter, envelope).

        Source: protocol.md §11.
        """
        session = self.active()
        assert session is not None, "the outbox asks only for pairs with a session"
        state = self.state
        counter = state.sent + 1
        waiting = [number for number, said_by in state.void if said_by == 0][:MAX_VOID]
        plaintext = encode_plaintext(
            sender=own_card_hash,
            recipient=self.card.hash,
            message_id=message_id,
            counter=counter,
            previous=state.sent_hash,
            sent_at_ms=now_ms,
            void=waiting,
            content=content,
        )
        after, envelope = session.encrypt(plaintext, rng)
        self.sessions[after.tag_in] = after
        self.dirty.add(after.tag_in)
        state.sent = counter
        state.sent_hash = H("plain", plaintext)
        if waiting:
            state.void = [(number, said_by or counter) for number, said_by in state.void]
        self.changed = True
        return counter, envelope

    def give_up(self, counter: int) -> None:
        """A message was encrypted but will never be sent: say so in the next one."""
        self.state.void = [(number, 0 if by == counter else by) for number, by in self.state.void]
        self.state.void.append((counter, 0))
        self.changed = True

    def arrived(self, counter: int) -> None:
        """A message was accepted by the broker: what it named as void needs no repeating."""
        if self.state.void:
            self.state.void = [(number, by) for number, by in self.state.void if by != counter]
            self.changed = True

    def note(self, plain: Plaintext, plaintext: bytes) -> tuple[Order, int]:
        """Judge a message's place in the order, and remember it.

        Returns:
            (verdict, how many messages are newly missing).

        Source: protocol.md §11.
        """
        state = self.state
        self.changed = True
        void = set(plain.void)
        if void:
            state.missing = [number for number in state.missing if number not in void]
        if plain.counter <= state.received:
            if plain.counter in state.missing:
                state.missing = [number for number in state.missing if number != plain.counter]
                return Order.LATE, 0
            return Order.FORK, 0
        expected = state.received + 1
        verdict, newly = Order.NEXT, 0
        if plain.counter == expected:
            if plain.previous != state.received_hash:
                verdict = Order.FORK
        else:
            skipped = plain.counter - expected
            named = [number for number in void if expected <= number < plain.counter]
            newly = skipped - len(named)
            if newly:
                verdict = Order.GAP
                recent = range(max(expected, plain.counter - MAX_MISSING), plain.counter)
                state.missing = (state.missing + [n for n in recent if n not in void])[-MAX_MISSING:]
        state.received = plain.counter
        state.received_hash = H("plain", plaintext)
        return verdict, newly


class Pairs:
    """All device pairs of this device."""

    def __init__(self, records: Records, vault: Vault, rng: Rng) -> None:
        self._records = records
        self._vault = vault
        self._rng = rng
        self._loaded: dict[Mailbox, Pair | None] = {}
        self._dropped: list[bytes] = []
        self.edition = 0
        """Grows with every device whose card is new here: what follows from whose cards we have holds until then."""

    def of(self, mailbox: Mailbox) -> Pair | None:
        """The pair with a device, if we ever had its card."""
        try:
            return self._loaded[mailbox]
        except KeyError:
            pass
        record = self._records.device(mailbox)
        pair = self._load(record) if record else None
        self._loaded[mailbox] = pair
        return pair

    def by_tag(self, tag: bytes) -> Pair | None:
        """The pair that has a session with this incoming tag."""
        for pair in self._loaded.values():
            if pair is not None and tag in pair.sessions:
                return pair
        found = self._records.session(tag)
        return self.of(found[0]) if found else None

    def adopt(self, card: SignedCard, session: Session) -> Pair:
        """Take a fresh session with the device of a verified card."""
        mailbox = card.card.mailbox
        pair = self.of(mailbox)
        if pair is None:
            pair = Pair(mailbox, card.card.account, card, PairState(missing=[], void=[]), changed=True)
            self._loaded[mailbox] = pair
            self.edition += 1
        self._dropped += pair.keep(session)
        return pair

    def retire_all(self) -> None:
        """No session of now may send again (a restored database): all of them only receive from here on."""
        for record in self._records.all_devices():
            pair = self.of(record.mailbox)
            assert pair is not None, "its record was just read"
            pair.state.retired_ms = max(pair.state.latest_ms, pair.state.retired_ms)
            pair.changed = True

    def flush(self) -> None:
        """Write back what changed, into the turn's transaction."""
        for pair in self._loaded.values():
            if pair is None or not (pair.changed or pair.dirty):
                continue
            state = msgspec.msgpack.encode(pair.state)
            self._records.put_device(DeviceRecord(pair.mailbox, pair.account, pair.signed_card.encode(), state))
            for tag in pair.dirty:
                sealed = self._vault.seal(b"session" + tag, pair.sessions[tag].encode(), self._rng)
                self._records.put_session(tag, pair.mailbox, sealed)
            pair.dirty.clear()
            pair.changed = False
        for tag in self._dropped:
            self._records.delete_session(tag)
        self._dropped.clear()

    def _load(self, record: DeviceRecord) -> Pair:
        sessions = {}
        for tag, sealed in self._records.sessions_of(record.mailbox):
            sessions[tag] = Session.decode(self._vault.open(b"session" + tag, sealed))
        card = SignedCard.decode(record.card)
        return Pair(record.mailbox, record.account, card, _decode_state(record.state), sessions)
