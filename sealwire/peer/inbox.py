"""The inbox: opens what arrives, judges it, stores it; everything that cannot be read is kept and said so.

An envelope is marked as seen in the same transaction that stores it as message, duplicate or quarantine; only after
that commit does the engine acknowledge it. Nothing here answers the network about why something failed.

Source: protocol.md §9, §11, §12.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct, field

from sealwire.crypto.card import SignedCard
from sealwire.crypto.handshake import accept
from sealwire.crypto.identity import Identity
from sealwire.crypto.primitives import Rng, sha256
from sealwire.crypto.session import Session
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.i18n import _, ngettext
from sealwire.ids import Mailbox, MessageId, Mid, mid_of
from sealwire.peer.events import STATE_RANK, STATES, Delivery, DeliveryState, Event, Warning
from sealwire.peer.pairs import Order, Pair, Pairs
from sealwire.peer.people import People
from sealwire.peer.records import Now, QuarantineRow, Records
from sealwire.peer.roster import Roster
from sealwire.peer.upkeep import Upkeep
from sealwire.wire.content import DIRECT, Nothing, Plaintext, Receipt, Renew, decode_plaintext
from sealwire.wire.header import HandshakeHeader, decode_envelope

UNREADABLE_TOLD: Final = 20
"""Of unreadable messages told one by one in a minute; more are counted and told together. Anybody can send them."""
HANDSHAKES_PER_S: Final = 20.0
"""New handshakes cost 3 ms of asymmetric work each; more wait, unacknowledged, until there is room."""

NO_SESSION: Final = "no-session"
EARLY: Final = "early"
"""Like NO_SESSION, while somebody's opening waits to be judged: what follows an opening may arrive before that."""
BEHIND: Final = "group-behind"
"""Said in a group by somebody whose log is longer than ours: tried again when ours has grown. Nobody is told."""
REPLAYED: Final = "replayed"
WAITING: Final = "waiting"
"""The sender's device list or a person's decision is needed first; ``account`` says whose."""


_NOT_LOST: Final = frozenset({REPLAYED, "not-a-member", "may-not-speak", "repeated", "old-key"})
"""A fresh session would not make these readable."""


class UnreadError(Exception):
    """This envelope cannot be read (now); never leaves this module."""

    def __init__(self, reason: str, account: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.account = account


class _Fresh(Struct, frozen=True):
    """What to store when the first message of a new session has decrypted."""

    card: SignedCard
    digest: bytes
    spk_id: int
    opk_id: int


class Said(Protocol):
    """What every authenticated plaintext says about itself, between two devices or in a group."""

    @property
    def message_id(self) -> bytes:
        """16 random bytes of its author."""

    @property
    def sent_at_ms(self) -> int:
        """The author's clock."""


class Arrival(NamedTuple):
    """Content that was authenticated: who said it where, from which device, when."""

    pair: Pair
    """With the device that said it."""
    plain: Said
    now: Now
    conversation: str
    """The author's account between two people, ``+`` and 32 hex digits in a group."""
    author: str
    """The account whose device said it."""


Handler = Callable[[Arrival, Any], None]
"""Takes one kind of content; raises UnreadError when it must not be believed (it is then quarantined)."""


class Arrivals(Struct):
    """What one turn's envelopes mean for the rest of the peer; the engine takes and empties it."""

    lookups: set[str] = field(default_factory=set)
    renew: dict[Mailbox, str] = field(default_factory=dict)
    """Devices that asked for a fresh session, and whose they are."""
    lost: bool = False
    """Something could not be opened for lack of a session: ask for a fresh one."""
    adopted: bool = False
    """A session began: what was quarantined for lack of one may be readable now."""


class Inbox:
    """Opens envelopes for one device."""

    def __init__(
        self,
        records: Records,
        pairs: Pairs,
        roster: Roster,
        upkeep: Upkeep,
        identity: Identity,
        people: People,
        rng: Rng,
        events: list[Event],
    ) -> None:
        self._people = people
        self._records = records
        self._pairs = pairs
        self._roster = roster
        self._upkeep = upkeep
        self._identity = identity
        self._rng = rng
        self._events = events
        self._minute_s, self._told, self._untold = 0.0, 0, 0
        self._tokens = HANDSHAKES_PER_S
        self._refilled_s = 0.0
        self.arrivals = Arrivals()
        self.open_group: Callable[[bytes, bytes, Now], bool] = _no_group
        """Opens what is no session's: (tag, envelope, now); False when it is no group's either."""
        self.group_receipt: Callable[[Mailbox, MessageId, int], None] = _no_receipt
        self.is_of_group: Callable[[MessageId], bool] = _unknown
        """Whether one of our messages is known to be of a group; if not, the history says whether it is of two."""
        self._handlers: dict[type[Any], Handler] = {
            Receipt: self._on_receipt,
            Renew: self._on_renew,
            Nothing: self._on_nothing,
        }
        self._in_groups: set[type[Any]] = {Nothing}
        self._from_blocked: set[type[Any]] = {Renew, Nothing}

    def on(self, kind: type[Any], handler: Handler, *, in_groups: bool = False, from_blocked: bool = False) -> None:
        """Give another core one kind of content to take.

        Args:
            in_groups: whether it may also be said in a group. Without it the content is refused there.
            from_blocked: whether it is taken between two devices although the person is blocked. Without it the
                content is dropped.
        """
        self._handlers[kind] = handler
        if in_groups:
            self._in_groups.add(kind)
        if from_blocked:
            self._from_blocked.add(kind)

    def hear(self, arrival: Arrival, content: Any) -> None:
        """Hand authenticated content to whoever takes it.

        Raises:
            UnreadError: it may not be said there, or whoever takes it refuses it.
        """
        kind = type(content)
        if kind not in self._handlers:
            raise UnreadError("malformed")
        if arrival.conversation != arrival.author:
            if kind not in self._in_groups:
                raise UnreadError("malformed")
        elif kind not in self._from_blocked and self._people.is_blocked(arrival.author):
            return
        handler = self._handlers.get(kind)
        if handler is None:
            raise UnreadError("malformed")
        handler(arrival, content)

    def take(self, envelope: bytes, now: Now) -> bool:
        """Take one envelope for good; False when it has to wait for handshake capacity (nothing was done then)."""
        mid = mid_of(envelope)  # not the broker's word for it: nobody plants garbage under another's name
        if self._opens_session(envelope) and not self._records.seen(mid) and not self._spend(now):
            return False
        if not self._records.put_seen(mid, now.ms):
            return True
        try:
            self._open(envelope, now)
        except UnreadError as unread:
            early = unread.reason == NO_SESSION and self._records.openings_wait()
            self._set_aside(mid, envelope, UnreadError(EARLY) if early else unread, now)
        return True

    def retry(self, account: str | None, now: Now, reason: str = NO_SESSION) -> None:
        """Try quarantined envelopes again: those that waited for this account, and those set aside for this reason."""
        for row in self._records.quarantined():
            if not (row.reason in (reason, EARLY) or (account is not None and row.account == account)):
                continue
            try:
                self._open(row.envelope, now)
            except UnreadError as unread:
                if row.account is not None and not self._roster.blocked(row.account):
                    final = UnreadError(unread.reason if unread.account is None else "not-listed")
                    self._set_aside(row.mid, row.envelope, final, now)
                elif self._waits_for_other(row, unread):
                    self._set_aside(row.mid, row.envelope, unread, now)
            else:
                self._records.release(row.row)

    def _waits_for_other(self, row: QuarantineRow, unread: UnreadError) -> bool:
        """Whether what was set aside for one reason has another now: nothing else would wake it, or say it is lost."""
        if row.reason == EARLY and not self._records.openings_wait():
            return True
        if BEHIND in (row.reason, unread.reason):
            return row.reason != unread.reason
        return unread.account not in (None, row.account)

    def _set_aside(self, mid: Mid, envelope: bytes, unread: UnreadError, now: Now) -> None:
        self._records.quarantine(mid, envelope, unread.reason, unread.account, now.ms)
        if unread.reason in (EARLY, BEHIND):
            return
        if unread.account is not None:
            self.arrivals.lookups.add(unread.account)
            return
        self.arrivals.lost = self.arrivals.lost or unread.reason not in _NOT_LOST
        self._tell_unreadable(_reasons().get(unread.reason, unread.reason), now)

    def _tell_unreadable(self, reason: str, now: Now) -> None:
        if now.mono_s - self._minute_s >= 60:
            self._minute_s, self._told = now.mono_s, 0
        self._told += 1
        if self._told > UNREADABLE_TOLD:
            self._untold += 1
            return
        text = _("A message could not be read: {reason}. It is kept in quarantine.").format(reason=reason)
        self._events.append(Warning("unreadable", text, count=1 + self._untold))
        self._untold = 0

    def _opens_session(self, envelope: bytes) -> bool:
        try:
            hs = decode_envelope(envelope).hs
        except RemoteProtocolError:
            return False
        return hs is not None and self._records.handshake(sha256(hs)) is None

    def _spend(self, now: Now) -> bool:
        gained = (now.mono_s - self._refilled_s) * HANDSHAKES_PER_S
        self._tokens = min(HANDSHAKES_PER_S, self._tokens + gained)
        self._refilled_s = now.mono_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    # --- opening ---

    def _open(self, envelope: bytes, now: Now) -> None:
        try:
            parts = decode_envelope(envelope)
            if parts.hs is None and self.open_group(parts.tag, envelope, now):
                return
            if parts.hs is None:
                pair, session, fresh = self._established(parts.tag, NO_SESSION)
            else:
                pair, session, fresh = self._handshake(parts.hs, now)
            after, plaintext = session.decrypt(parts.message, self._rng)
            plain = decode_plaintext(plaintext)
        except RemoteProtocolError as error:
            raise UnreadError("malformed") from error
        except RefusedError as error:
            raise UnreadError(error.reason) from error
        self._check(plain, fresh.card.card.hash if fresh else session.peer_card_hash)
        if fresh is not None:
            pair = self._pairs.adopt(fresh.card, after)
            self._records.put_handshake(fresh.digest, after.tag_in, fresh.spk_id)
            if fresh.opk_id:
                self._upkeep.used(fresh.opk_id)
            self.arrivals.adopted = True
        else:
            assert pair is not None, "an established session has a pair"
            pair.keep(after)
        self._judge_order(pair, plain, plaintext)
        self.hear(Arrival(pair, plain, now, pair.account, pair.account), plain.content)

    def _established(self, tag: bytes, otherwise: str) -> tuple[Pair | None, Session, _Fresh | None]:
        pair = self._pairs.by_tag(tag)
        if pair is None or tag not in pair.sessions:
            raise UnreadError(otherwise)
        return pair, pair.sessions[tag], None

    def _handshake(self, hs: bytes, now: Now) -> tuple[Pair | None, Session, _Fresh | None]:
        digest = sha256(hs)
        known = self._records.handshake(digest)
        if known is not None:  # taken before: that session or nothing, never a second one
            return self._established(known, REPLAYED)
        accepted = accept(self._identity, hs, self._upkeep.signed, self._upkeep.once, now.ms)
        session, card = accepted.session, accepted.card
        if self._pairs.by_tag(session.tag_in) is not None or self._pairs.by_tag(session.tag_out) is not None:
            raise UnreadError(REPLAYED)
        name = card.card.account
        if self._roster.blocked(name) or not self._roster.lists(card):
            raise UnreadError(WAITING, name)
        header = HandshakeHeader.decode(hs)
        return None, session, _Fresh(card, digest, header.spk_id, accepted.opk_id)

    def _check(self, plain: Plaintext, sender_hash: bytes) -> None:
        own = self._identity.card.card.hash
        if plain.sender != sender_hash or plain.recipient != own or plain.conversation != DIRECT:
            raise UnreadError("not-for-us")

    def _judge_order(self, pair: Pair, plain: Plaintext, plaintext: bytes) -> None:
        order, missing = pair.note(plain, plaintext)
        if order is Order.GAP:
            text = ngettext(
                "{count} message from {name} is missing.", "{count} messages from {name} are missing.", missing
            )
            text = text.format(count=missing, name=pair.account)
            self._events.append(Warning("gap", text, pair.account, missing))
        elif order is Order.FORK:
            text = _(
                "{name}'s device seems to exist twice: two different messages claim the same place. "
                "Ask {name} whether its keys were copied."
            )
            self._events.append(Warning("clone", text.format(name=pair.account), pair.account))

    # --- content ---

    def _on_receipt(self, arrival: Arrival, receipt: Receipt) -> None:
        for named in receipt.ids:
            self._receipt(arrival.pair, MessageId(named), receipt.state)

    def _on_renew(self, arrival: Arrival, _renew: Renew) -> None:
        self.arrivals.renew[arrival.pair.mailbox] = arrival.author

    def _on_nothing(self, _arrival: Arrival, _nothing: Nothing) -> None:
        """A fresh session had nothing else to say."""

    def _receipt(self, pair: Pair, named: MessageId, state: DeliveryState) -> None:
        # A receipt may overtake the broker's ACCEPTED; it proves "sent" as well, so nobody sees a state skipped.
        of_group = self.is_of_group(named)
        ranks = range(0) if of_group else self._records.raise_state(named, pair.account, STATE_RANK[state])
        for rank in ranks:
            self._events.append(Delivery(named.hex(), STATES[rank], pair.account))
        if not ranks:
            self.group_receipt(pair.mailbox, named, STATE_RANK[state])


def _no_group(_tag: bytes, _envelope: bytes, _now: Now) -> bool:
    return False


def _unknown(_message: MessageId) -> bool:
    return False


def _no_receipt(_mailbox: Mailbox, _message: MessageId, _rank: int) -> None:
    """Nobody here speaks in groups."""


def _reasons() -> dict[str, str]:
    return {
        "undecryptable": _("its seal does not fit"),
        "malformed": _("its form is wrong"),
        NO_SESSION: _("it belongs to a conversation key this device does not have"),
        REPLAYED: _("it repeats an old opening"),
        "unknown-prekey": _("it uses a key this device no longer has"),
        "not-for-us": _("it was meant for someone else"),
        "not-a-member": _("whoever sent it is not in the group"),
        "may-not-speak": _("whoever sent it may only read in the group"),
        "repeated": _("another message was read in its place"),
        "old-key": _("it brings a key that is older than the one in use"),
        "not-listed": _("its sender's device is not on their signed list"),
    }
