"""What this peer asks the directory, and what the answers change: contacts, sessions, and who can be sent to.

Source: protocol.md §6, §8, §12.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from sealwire.crypto.handshake import open_session
from sealwire.crypto.identity import Identity
from sealwire.crypto.prekeys import Bundle
from sealwire.crypto.primitives import Rng
from sealwire.errors import IntegrityError, RefusedError, RemoteProtocolError, SealwireError, UnknownPeerError
from sealwire.i18n import _, explain
from sealwire.ids import Mailbox
from sealwire.peer.events import Event, Warning
from sealwire.peer.pairs import Pair, Pairs
from sealwire.peer.records import Now, Records
from sealwire.peer.requests import Requests
from sealwire.peer.roster import Roster
from sealwire.peer.waits import heeded_s
from sealwire.wire.control import Response, decode_lookup_body
from sealwire.wire.frames import Code

RETRY_S: Final = 60.0
"""After an answer that cannot be used, and the longest pause of our own while the broker puts us off."""
FIRST_PAUSE_S: Final = 1.0
"""Before a question that was put off is asked again; it doubles, or a crowd that meets keeps the broker refusing."""
RENEW_EVERY_MS: Final = 3600 * 1000
"""A device is asked for (or opens on request) a fresh session at most once an hour: no two devices can drive
each other into endless handshakes."""


class Resolved(Struct, frozen=True):
    """A name was looked up: known, or the error that says why not. For those who wait for it inside this process."""

    name: str
    error: SealwireError | None


class _Reached(dict[Mailbox, bool]):
    """What was found out about devices, and how to find out about one more."""

    def __init__(self, find: Callable[[Mailbox], bool], basis: tuple[int, int]) -> None:
        super().__init__()
        self._find = find
        self.basis = basis
        """The editions of roster and pairs that it follows from."""

    def __missing__(self, mailbox: Mailbox) -> bool:
        found = self[mailbox] = self._find(mailbox)
        return found


class Directory:
    """Look-ups and bundles under way."""

    def __init__(
        self,
        records: Records,
        requests: Requests,
        roster: Roster,
        pairs: Pairs,
        identity: Identity,
        rng: Rng,
        events: list[Event],
    ) -> None:
        self._records = records
        self._requests = requests
        self._roster = roster
        self._pairs = pairs
        self._identity = identity
        self._rng = rng
        self._bundle_after: dict[Mailbox, float] = {}
        self._pauses_s: dict[Mailbox | str, float] = {}
        """The next pause of our own, by what was put off: a mailbox's bundle, or a name."""
        self._later: list[tuple[float, str]] = []
        self._reached = _Reached(self._is_reachable, (roster.edition, pairs.edition))
        self._events = events
        self.resolved: list[Resolved] = []

    def find(self, name: str) -> None:
        """Ask who an account is."""
        self._requests.lookup(name)

    def sendable(self, mailbox: Mailbox, now: Now) -> Pair | None:
        """The pair to send through, or None while a bundle or a person's decision is needed first.

        A device that its account's signed list no longer names gets nothing, whatever mailbox the directory gives.
        """
        pair = self._pairs.of(mailbox)
        owner = pair.account if pair is not None else self._roster.owner(mailbox)
        if owner is None or self._roster.blocked(owner):
            return None
        if pair is not None and not self._roster.lists(pair.signed_card):
            return None
        if pair is None or pair.wants_renewal(now.ms):
            self._ask_bundle(mailbox, now)
        return pair if pair is not None and pair.active() is not None else None

    def reachable(self) -> Callable[[Mailbox], bool]:
        """How to tell whether a device may be sent what was sealed for many, as contacts and pairs are now.

        It may when its account is known and neither is in question. That changes only with the roster or with whose
        cards we have, so until one of them does, every message to a crowd takes what was found for the one before.
        """
        basis = (self._roster.edition, self._pairs.edition)
        if self._reached.basis != basis:
            self._reached = _Reached(self._is_reachable, basis)
        return self._reached.__getitem__

    def _is_reachable(self, mailbox: Mailbox) -> bool:
        pair = self._pairs.of(mailbox)
        owner = pair.account if pair is not None else self._roster.owner(mailbox)
        is_known = owner is not None and not self._roster.blocked(owner)
        return is_known and (pair is None or self._roster.lists(pair.signed_card))

    def renew(self, mailbox: Mailbox, now: Now) -> None:
        """The other device cannot open our session: make a fresh one, at most once an hour."""
        pair = self._pairs.of(mailbox)
        if pair is not None and now.ms - pair.state.renewed_ms >= RENEW_EVERY_MS:
            pair.state.renewed_ms = now.ms
            pair.changed = True
            self._requests.bundle(mailbox)

    def _ask_bundle(self, mailbox: Mailbox, now: Now) -> None:
        if self._bundle_after.get(mailbox, 0.0) <= now.mono_s:
            self._requests.bundle(mailbox)  # once at a time; a useless answer sets the pause

    def due(self, now: Now) -> None:
        """Ask again what was to be asked later."""
        while self._later and self._later[0][0] <= now.mono_s:
            self._requests.lookup(heapq.heappop(self._later)[1])
        over = [mailbox for mailbox, at_s in self._bundle_after.items() if at_s <= now.mono_s]
        for mailbox in over:
            del self._bundle_after[mailbox]  # whoever still has mail for it asks in this very turn

    def deadline(self) -> float | None:
        """Monotonic time of the next repeated question."""
        return min([*self._bundle_after.values(), *(at_s for at_s, _name in self._later[:1])], default=None)

    def link_lost(self) -> None:
        """A new link is a new chance."""
        self._bundle_after.clear()
        self._pauses_s.clear()

    def _again_s(self, subject: Mailbox | str, response: Response, now: Now) -> float:
        """Monotonic time at which a question that the broker did not answer is asked again."""
        pause_s = RETRY_S if response.code == Code.UNKNOWN else self._pauses_s.get(subject, FIRST_PAUSE_S)
        self._pauses_s[subject] = min(2 * pause_s, RETRY_S)
        return now.mono_s + max(heeded_s(response.retry_after_ms), pause_s)

    # --- answers ---

    def looked_up(self, name: str, response: Response, now: Now) -> bool:
        """An account's device list came (or not); True when it is known and unchanged now."""
        if response.code == Code.UNKNOWN:
            self.resolved.append(Resolved(name, UnknownPeerError(name=name)))
            return False
        if response.code != Code.OK:
            if all(waits != name for _at_s, waits in self._later):  # once, or each wish would go round for good
                heapq.heappush(self._later, (self._again_s(name, response, now), name))
            return False
        self._pauses_s.pop(name, None)
        try:
            events = self._roster.take_list(name, decode_lookup_body(response.body), now.ms)
        except RemoteProtocolError:
            self._alarm(IntegrityError(name=name, detail="its answer is malformed"), name)
            return False
        except IntegrityError as error:
            self._alarm(error, name)
            return False
        self._events += events
        self.resolved.append(Resolved(name, None))
        return not self._roster.blocked(name)

    def bundle_came(self, mailbox: Mailbox, response: Response, now: Now) -> bool:
        """A device's bundle came (or not); True when a session was opened with it."""
        owner = self._roster.owner(mailbox)
        if response.code != Code.OK or owner is None:
            self._bundle_after[mailbox] = self._again_s(mailbox, response, now)
            if response.code == Code.UNKNOWN and owner is not None:
                self._requests.lookup(owner)
            return False
        try:
            bundle = Bundle.decode(response.body)
            self._roster.check_bundle(owner, mailbox, bundle)
            pair = self._pairs.of(mailbox)
            after_ms = pair.state.latest_ms if pair is not None else 0
            session = open_session(self._identity, bundle, now.ms, self._rng, after_ms)
        except (RemoteProtocolError, RefusedError):
            self._bundle_after[mailbox] = now.mono_s + RETRY_S
            self._alarm(IntegrityError(name=owner, detail="its keys are malformed"), owner)
            return False
        except IntegrityError as error:
            self._bundle_after[mailbox] = now.mono_s + RETRY_S
            self._alarm(error, owner)
            return False
        self._pairs.adopt(bundle.card, session)
        self._pauses_s.pop(mailbox, None)
        if bundle.opk_id == 0:
            text = _(
                "{name} has no one-time keys left at the broker: this conversation starts with reduced forward secrecy."
            )
            self._events.append(Warning("reduced-secrecy", text.format(name=owner), owner))
        return True

    def _alarm(self, error: IntegrityError, name: str) -> None:
        self._events.append(Warning("integrity", explain(error)[0], name))
        self.resolved.append(Resolved(name, error))
