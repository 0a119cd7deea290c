"""How long messages are kept: rules for days and numbers, carried out once an hour.

What is older than so many days is told by marks: once for each day of the age clock (``peer.timers``) the last message
of that moment is noted, so neither a sender's clock nor a jump of our own makes anything disappear early.

Source: protocol.md §11.2.
"""

from __future__ import annotations

from typing import Final

from sealwire.ids import Millis
from sealwire.peer.api.past import Retention
from sealwire.peer.records import Records
from sealwire.peer.timers import Age

DAY_MS: Final = 24 * 3600 * 1000
DROPS_PER_TURN: Final = 2_000
"""Messages dropped at once: bounds how long frames wait for it; the next hour goes on."""
_KEY: Final = "retention"


class Keeping:
    """The rules of one profile."""

    def __init__(self, records: Records, age: Age) -> None:
        self._records = records
        self._age = age

    def rule(self, conversation: str | None) -> Retention:
        """The rule of a conversation, or the default of all."""
        own = self._records.retention(conversation) if conversation is not None else None
        if own is not None:
            return Retention(*own)
        saved = (self._records.get(_KEY) or b"0 0").decode().split()
        return Retention(int(saved[0]), int(saved[1]))

    def put_rule(self, conversation: str | None, rule: Retention, now_ms: Millis) -> None:
        """Set it; it takes effect at once."""
        if conversation is None:
            self._records.put(_KEY, f"{rule.days} {rule.messages}".encode())
        else:
            self._records.put_retention(conversation, rule.days, rule.messages)
        self.clean(now_ms)

    def clean(self, now_ms: Millis) -> int:
        """Note the day, then drop what no rule keeps; returns how many messages went."""
        today = self._age.ms // DAY_MS
        self._records.mark_day(today)
        left = DROPS_PER_TURN
        for conversation in self._records.conversation_ids():
            rule = self.rule(conversation)
            old = self._records.last_row_of_day(today - rule.days) if rule.days else None
            many = self._records.row_beyond(conversation, rule.messages) if rule.messages else None
            rows = [row for row in (old, many) if row is not None]  # of imported messages below 1
            if rows and left > 0:
                left -= self._records.drop_messages(conversation, max(rows), left, now_ms)
        return DROPS_PER_TURN - left
