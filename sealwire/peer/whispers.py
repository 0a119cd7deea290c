"""Signs that somebody writes: to whom they go, what is believed, when they end.

They are never stored, cost no key of a session, and are the first to be dropped. Only accepted people get them and only
theirs are shown, so nobody learns by writing whether somebody is at the keyboard; who switches them off neither sends
nor sees any.

Source: protocol.md §11.4.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from sealwire.crypto.primitives import Rng
from sealwire.crypto.whisper import WHISPER_BYTES, can_whisper, open_whisper, seal_whisper
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import GROUP_ID_BYTES, GROUP_MARK, GroupId, Mailbox, Token, conversation_of, group_of
from sealwire.peer.events import Event, Typing
from sealwire.peer.pairs import Pair, Pairs
from sealwire.peer.people import People
from sealwire.peer.records import Now
from sealwire.peer.roster import Roster
from sealwire.wire.frames import encode_ephemeral
from sealwire.wire.header import TAG_BYTES
from sealwire.wire.whisper_content import PresenceSign, TypingSign, decode_whisper

AGAIN_S: Final = 4.0
"""Between two signs that one still writes."""
ENDS_AFTER_S: Final = 10.0
"""A sign that is not repeated ends by itself: the other side may be gone."""
HEARD_PER_S: Final = 50.0
"""Signs looked at; each costs two look-ups and up to two attempts to open it, and a broker could send any number."""
MAX_SKEW_MS: Final = 5 * 60 * 1000
"""Older or newer ones are replays, or of a clock that is too wrong to tell."""
MAX_AUDIENCE: Final = 32
"""Devices that are told: past it a sign from every member at every key would be a flood for nothing."""

_DIRECT: Final = bytes(GROUP_ID_BYTES)


class Seats(Protocol):
    """Who may say something in a group."""

    def hearers(self, conversation: str) -> Sequence[Mailbox]:
        """The devices of a group's other members, if we may say something there."""

    def speakers(self, conversation: str) -> Collection[str]:
        """The members who may."""


class _NoSeats:
    """There are no groups."""

    def hearers(self, _conversation: str) -> Sequence[Mailbox]:
        """Nobody."""
        return ()

    def speakers(self, _conversation: str) -> Collection[str]:
        """Nobody."""
        return ()


def _unseen(_name: str, _active: bool, _now: Now) -> None:
    return


class Whispers:
    """Signs in both directions; everything about them is in memory."""

    def __init__(
        self, pairs: Pairs, roster: Roster, people: People, rng: Rng, events: list[Event], is_on: bool
    ) -> None:
        self._pairs = pairs
        self._roster = roster
        self._people = people
        self._rng = rng
        self._events = events
        self._is_on = is_on
        self._out: list[tuple[Mailbox, bytes]] = []
        self._told: dict[str, float] = {}
        self._shown: dict[tuple[str, str], float] = {}
        self._latest_ms: dict[Mailbox, int] = {}
        self._room, self._refilled_s = HEARD_PER_S, 0.0
        self.seats: Seats = _NoSeats()
        """Set by the core that has groups."""
        self.seen: Callable[[str, bool, Now], None] = _unseen
        """Takes who said to be here; set by the core that keeps it."""

    # --- ours ---

    def typing(self, conversation: str, active: bool, now: Now) -> None:
        """We write there, or stopped; tells those who may know, and not more often than makes sense."""
        told_s = self._told.get(conversation)
        if not self._is_on or (told_s is None and not active):
            return
        if active and told_s is not None and now.mono_s - told_s < AGAIN_S:
            return
        self.spoke(conversation)
        content = TypingSign(group_of(conversation) or _DIRECT, active, now.ms).encode()
        if self.whisper(self._audience(conversation), content) and active:
            self._told[conversation] = now.mono_s

    def whisper(self, devices: Sequence[Mailbox], content: bytes) -> int:
        """Say this to those devices that can hear and may; returns how many."""
        before = len(self._out)
        for mailbox in devices:
            pair = self._pairs.of(mailbox)
            session = pair.active() if pair is not None else None
            if pair is not None and session is not None and can_whisper(session) and self._may_hear(pair):
                self._out.append((mailbox, seal_whisper(session, content, self._rng)))
        return len(self._out) - before

    def spoke(self, conversation: str) -> None:
        """We said something there: that ends our sign by itself."""
        self._told.pop(conversation, None)

    def _audience(self, conversation: str) -> Sequence[Mailbox]:
        if not conversation.startswith(GROUP_MARK):
            return self._roster.mailboxes(conversation) if self._people.is_accepted(conversation) else ()
        devices = self.seats.hearers(conversation)
        return devices if len(devices) <= MAX_AUDIENCE else ()

    def _may_hear(self, pair: Pair) -> bool:
        name = pair.account
        return not (self._people.is_blocked(name) or self._roster.blocked(name)) and self._roster.lists(
            pair.signed_card
        )

    def send_due(self, token: Token, frames: list[bytes]) -> None:
        """Hand over what is to be told now."""
        frames += [encode_ephemeral(token, mailbox, body) for mailbox, body in self._out]
        self._out.clear()

    # --- theirs ---

    def hear(self, body: bytes, now: Now) -> None:
        """An EPHEMERAL came. Whatever is wrong with it, it is as if it had not come."""
        if len(body) != WHISPER_BYTES or not self._spend(now):
            return
        tag = body[:TAG_BYTES]
        pair = self._pairs.by_tag(tag)
        if pair is None or tag not in pair.sessions or not self._may_hear(pair):
            return
        try:
            sign = decode_whisper(open_whisper(pair.sessions[tag], body))
        except (RefusedError, RemoteProtocolError):
            return
        if sign is None or not self._is_fresh(pair.mailbox, sign, now):
            return
        if isinstance(sign, PresenceSign):
            self.seen(pair.account, sign.active, now)
        elif self._is_on:
            self._show(pair.account, sign, now)

    def _spend(self, now: Now) -> bool:
        self._room = min(HEARD_PER_S, self._room + (now.mono_s - self._refilled_s) * HEARD_PER_S)
        self._refilled_s = now.mono_s
        if self._room < 1:
            return False
        self._room -= 1
        return True

    def _is_fresh(self, mailbox: Mailbox, sign: TypingSign | PresenceSign, now: Now) -> bool:
        if abs(sign.sent_at_ms - now.ms) > MAX_SKEW_MS or sign.sent_at_ms <= self._latest_ms.get(mailbox, 0):
            return False
        self._latest_ms[mailbox] = sign.sent_at_ms
        return True

    def _show(self, name: str, sign: TypingSign, now: Now) -> None:
        if sign.group == _DIRECT:
            conversation, may_be_shown = name, self._people.is_accepted(name)
        else:
            conversation = conversation_of(GroupId(sign.group))
            may_be_shown = name in self.seats.speakers(conversation)
        if not may_be_shown:
            return
        if not sign.active:
            self.heard_from(conversation, name)
            return
        if (conversation, name) not in self._shown:
            self._events.append(Typing(conversation, name, True))
        self._shown[conversation, name] = now.mono_s + ENDS_AFTER_S

    def heard_from(self, conversation: str, name: str) -> None:
        """They stopped, or said what they wrote."""
        if self._shown.pop((conversation, name), None) is not None:
            self._events.append(Typing(conversation, name, False))

    # --- the end of a turn ---

    def settle(self, now: Now, online: bool) -> None:
        """End what was not repeated; without a link nobody is told anything, and nothing is told later."""
        for (conversation, name), ends_s in list(self._shown.items()):
            if ends_s <= now.mono_s:
                self.heard_from(conversation, name)
        if not online:
            self._out.clear()
            self._told.clear()

    def deadline(self) -> float | None:
        """Monotonic time at which the next sign ends."""
        return min(self._shown.values(), default=None)
