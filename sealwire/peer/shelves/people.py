"""What is set about people: answered, blocked, nicknames.

Source: protocol.md §12.
"""

from __future__ import annotations

from sealwire.peer.records import PersonRecord
from sealwire.peer.shelves.base import Shelf


class PeopleShelf(Shelf):
    """The table ``person``."""

    def people(self) -> list[PersonRecord]:
        """Everyone about whom something is set."""
        rows = self._all("SELECT name, accepted, blocked, nickname FROM person ORDER BY name")
        return [PersonRecord(name, bool(accepted), bool(blocked), nick) for name, accepted, blocked, nick in rows]

    def put_person(self, person: PersonRecord) -> None:
        """Insert or replace."""
        row = (person.name, person.accepted, person.blocked, person.nickname)
        self._sql("INSERT OR REPLACE INTO person VALUES (?, ?, ?, ?)", row)

    def received_count(self, name: str) -> int:
        """Messages of this person in the conversation with them."""
        return int(self._one("SELECT count(*) FROM message WHERE conversation = ? AND mine = 0", name)[0])

    def request_count(self) -> int:
        """Strangers whose request waits for an answer."""
        sql = "SELECT count(DISTINCT conversation) FROM shown WHERE request"
        return int(self._one(sql)[0])
