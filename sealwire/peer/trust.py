"""What a person decides about somebody's key: compared, taken back, a changed one accepted.

Source: protocol.md §13.
"""

from __future__ import annotations

from sealwire.errors import ComparedOtherKeyError, UntrustedPeerError
from sealwire.peer.events import Event
from sealwire.peer.inbox import Inbox
from sealwire.peer.mail import Mail
from sealwire.peer.pairs import Pairs
from sealwire.peer.records import Now
from sealwire.peer.roster import Roster, contact_event


class Trust:
    """Decisions, and what follows from them for mail that waited."""

    def __init__(self, roster: Roster, pairs: Pairs, inbox: Inbox, mail: Mail, events: list[Event]) -> None:
        self._roster = roster
        self._pairs = pairs
        self._inbox = inbox
        self._mail = mail
        self._events = events

    def set_verified(self, name: str, verified: bool, key: bytes, now: Now) -> None:
        """A person compared the digits (or takes it back). The contact exists.

        Args:
            key: the account key whose digits were compared. It is held against the pinned one here, in the turn that
                pins the verdict, so no change of keys slips in between.

        Raises:
            UntrustedPeerError: the contact's key is in question.
            ComparedOtherKeyError: another key is pinned by now.
        """
        contact = self._roster.find(name)
        assert contact is not None, "the caller has just looked"
        if contact.trust == "changed":
            raise UntrustedPeerError(name=name)
        if contact.account_key != key:
            raise ComparedOtherKeyError(name=name)
        if verified:
            self._mail.accept(name, now)
        self._events.append(contact_event(self._roster.set_verified(name, verified)))

    def approve(self, name: str, now: Now) -> None:
        """A person accepts the changed key: what waited goes to the new devices."""
        self._events.append(contact_event(self._roster.approve(name, now.ms)))
        self._mail.accept(name, now)
        if self._roster.mailboxes(name):
            self._mail.reach(name)
            self._inbox.retry(name, now)

    def session_age(self, name: str) -> tuple[int | None, int]:
        """(when the active session was opened or None, messages we sent since its RSA-OAEP secret)."""
        for mailbox in self._roster.mailboxes(name):
            pair = self._pairs.of(mailbox)
            session = pair.active() if pair is not None else None
            if session is not None:
                return session.created_ms, session.sent
        return None, 0
