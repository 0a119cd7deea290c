"""Who may talk to us: requests of strangers, answers to them, blocks, nicknames.

A stranger's messages are shown as a request and nothing goes back, no receipt and no sign of life, until a person
answers: by accepting, by writing, or by verifying. So nobody finds out by writing whether, when and on how many
devices somebody is here. A blocked person's messages are taken from the broker and dropped.

Source: protocol.md §12.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sealwire.i18n import _
from sealwire.peer.events import Event, Warning
from sealwire.peer.prefs import Prefs
from sealwire.peer.records import PersonRecord, Records

MAX_REQUESTS: Final = 200
"""Strangers whose requests wait; without it whoever registers names in bulk fills the list and the disk."""
MAX_REQUEST_MESSAGES: Final = 20_000
"""Messages kept of one request, as many as wait for a device at the broker: nothing that was accepted is dropped by
an ordinary burst, and a stranger cannot fill the disk before anybody agreed to talk."""


def _unheard(_name: str) -> None:
    """Nothing of theirs is under way."""


class People:
    """What is set here about other people; the directory and their keys are the roster's."""

    def __init__(self, records: Records, prefs: Prefs, events: list[Event]) -> None:
        self._records = records
        self._prefs = prefs
        records.asks_first = prefs.requests
        self._events = events
        self._people = {person.name: person for person in records.people()}
        self._told: set[str] = set()
        self.on_block: Callable[[str], None] = _unheard
        """Takes the name of whoever is blocked."""

    def find(self, name: str) -> PersonRecord:
        """What is set about a name; the defaults when nothing is."""
        return self._people.get(name) or PersonRecord(name)

    def all(self) -> list[PersonRecord]:
        """Everyone about whom something is set, by name."""
        return [self._people[name] for name in sorted(self._people)]

    def is_accepted(self, name: str) -> bool:
        """Whether this person is answered: receipts go out, files may be fetched."""
        person = self._people.get(name)
        return (person is not None and person.accepted) or not self._prefs.requests

    def is_blocked(self, name: str) -> bool:
        """Whether nothing of this person is taken."""
        person = self._people.get(name)
        return person is not None and person.blocked

    def may_write(self, name: str) -> bool:
        """Whether one more message of this person is kept; says once for each run when a limit stops a stranger."""
        if self.is_blocked(name):
            return False
        if self.is_accepted(name):
            return True
        written = self._records.received_count(name)
        full = written >= MAX_REQUEST_MESSAGES or (not written and self._records.request_count() >= MAX_REQUESTS)
        if full and name not in self._told:
            self._told.add(name)
            text = _("{name} wants to talk and has written more than is kept before an answer; the rest is dropped.")
            self._events.append(Warning("request-limit", text.format(name=name), name))
        return not full

    def accept(self, name: str) -> bool:
        """Talk with this person from now on; True when that is news."""
        was = self.find(name)
        if was.accepted and not was.blocked:
            return False
        self._put(PersonRecord(name, True, False, was.nickname))
        return not was.accepted

    def block(self, name: str, blocked: bool) -> None:
        """Take nothing from this person any more, or again."""
        was = self.find(name)
        self._put(PersonRecord(name, was.accepted, blocked, was.nickname))
        if blocked:
            self.on_block(name)

    def call(self, name: str, nickname: str) -> None:
        """Give a person a name that only this profile sees; empty takes it away."""
        was = self.find(name)
        self._put(PersonRecord(name, was.accepted, was.blocked, nickname))

    def _put(self, person: PersonRecord) -> None:
        self._people[person.name] = person
        self._records.put_person(person)
