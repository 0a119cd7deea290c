"""What is kept for how long, what is dropped, and what comes in from another history."""

from __future__ import annotations

from collections.abc import Sequence

from sealwire.ids import Millis
from sealwire.peer.events import STATE_RANK
from sealwire.peer.keeprecords import OldMessage
from sealwire.peer.records import KINDS
from sealwire.peer.shelves.base import Shelf
from sealwire.wire.word_content import MAX_EDITS


class KeepingShelf(Shelf):
    """The tables ``day`` and what stands about retention in ``conversation``."""

    def retention(self, conversation: str) -> tuple[int, int] | None:
        """(days, messages) of a conversation's own rule, None when it has none."""
        row = self._one("SELECT keep_days, keep_messages FROM conversation WHERE id = ?", conversation)
        return (row[0], row[1] or 0) if row and row[0] is not None else None

    def put_retention(self, conversation: str, days: int, messages: int) -> None:
        """Give a conversation a rule of its own."""
        sql = (
            "INSERT INTO conversation (id, keep_days, keep_messages) VALUES (?, ?, ?) ON CONFLICT (id)"
            " DO UPDATE SET keep_days = excluded.keep_days, keep_messages = excluded.keep_messages"
        )
        self._sql(sql, (conversation, days, messages))

    def mark_day(self, day: int) -> None:
        """Note the last message of this moment, once for each day."""
        self._sql("INSERT OR IGNORE INTO day SELECT ?, coalesce(max(row), 0) FROM message", (day,))

    def last_row_of_day(self, day: int) -> int | None:
        """The last message when this day (or the one marked before it) began; None when nothing is that old."""
        row = self._one("SELECT row FROM day WHERE day <= ? ORDER BY day DESC LIMIT 1", day)
        return int(row[0]) if row else None

    def row_beyond(self, conversation: str, messages: int) -> int | None:
        """The newest message that is beyond the number to keep, None when there is none."""
        sql = "SELECT row FROM message WHERE conversation = ? ORDER BY row DESC LIMIT 1 OFFSET ?"
        row = self._one(sql, conversation, messages)
        return int(row[0]) if row else None

    def drop_messages(self, conversation: str, up_to_row: int, most: int, now_ms: Millis) -> int:
        """Delete a conversation's messages up to a row, oldest first; queued ones stay. Returns how many went.

        Each leaves a mark, as one that is deleted alone does: a correction that comes late would otherwise wait for
        its message with the very words that were to go.
        """
        sql = "SELECT row FROM message WHERE conversation = ? AND row <= ? AND NOT (mine AND state = 0)"
        rows = self._all(sql + " ORDER BY row LIMIT ?", conversation, up_to_row, most)
        mark = "INSERT OR REPLACE INTO gone SELECT id, conversation, sender, ? FROM message WHERE row = ? AND kind <> ?"
        self._db.executemany(mark, [(now_ms, row, KINDS.index("notice")) for (row,) in rows])
        self._db.executemany("DELETE FROM reaction WHERE message = ?", rows)
        self._db.executemany("DELETE FROM message WHERE row = ?", rows)
        if rows:
            self._wipe()
        return len(rows)

    def first_row(self) -> int:
        """Below every row in use."""
        return min(0, int(self._one("SELECT coalesce(min(row), 0) FROM message")[0]))

    def add_old(self, messages: Sequence[tuple[int, OldMessage]]) -> int:
        """Put messages of another history before everything here, under the (negative) rows given.

        How often an own one was corrected before is not known any more: corrections go on from the middle of their
        numbers, so that whoever has the earlier ones takes the next.

        They count as read, and go into the index of words at once, since it never looks back. Returns how many were
        not here yet.
        """
        added = 0
        for row, old in messages:
            state = STATE_RANK["read"] if old.mine else STATE_RANK["delivered"]
            self._sql(
                "INSERT OR IGNORE INTO message (row, id, conversation, sender, mine, text, sent_at_ms, state, kind,"
                " forwarded, edited_at_ms, deleted, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(row, old.id, old.conversation, old.sender, old.mine, old.text, old.sent_at_ms, state),
                    *(KINDS.index(old.kind), old.forwarded, old.edited_at_ms, old.deleted),
                    MAX_EDITS // 2 if old.mine else 0,
                ),
            )
            if self._db.changes():
                added += 1
                self._sql("INSERT INTO message_words (rowid, text) VALUES (?, folded(?))", (row, old.text))
        return added
