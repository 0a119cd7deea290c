"""What was said, and how far it was read."""

from __future__ import annotations

from typing import Any, Final

from sealwire.ids import MessageId
from sealwire.peer.events import STATES, Message, Quote, Reaction
from sealwire.peer.records import KINDS
from sealwire.peer.shelves.base import Shelf
from sealwire.peer.shelves.files import attachment

QUOTE_CHARS: Final = 120
"""Of a quoted message that are shown: enough to know which one it is."""


class PastShelf(Shelf):
    """Questions to the history."""

    def history(self, conversation: str, limit: int, before_row: int | None) -> list[Message]:
        """Oldest first."""
        sql = "SELECT * FROM shown WHERE conversation = ? AND row < ? ORDER BY row DESC LIMIT ?"
        rows = self._all(sql, conversation, before_row or 2**62, limit)
        return [shown_message(row, self.asks_first) for row in reversed(rows)]

    def history_after(self, conversation: str, limit: int, after_row: int) -> list[Message]:
        """Messages after a row, oldest first."""
        sql = "SELECT * FROM shown WHERE conversation = ? AND row > ? ORDER BY row LIMIT ?"
        return [shown_message(row, self.asks_first) for row in self._all(sql, conversation, after_row, limit)]

    def shown(self, row: int) -> Message | None:
        """One message as it stands."""
        found = self._one("SELECT * FROM shown WHERE row = ?", row)
        return shown_message(found, self.asks_first) if found else None

    def find_message(self, conversation: str, message_id: bytes) -> Message | None:
        """One message by its id; our own first, should two people have used the same."""
        sql = "SELECT * FROM shown WHERE id = ? AND conversation = ? ORDER BY mine DESC LIMIT 1"
        row = self._one(sql, message_id, conversation)
        return shown_message(row, self.asks_first) if row else None

    def row_at(self, conversation: str, ms: int) -> int | None:
        """The first row said at or after a time."""
        sql = "SELECT row FROM message WHERE conversation = ? AND sent_at_ms >= ? ORDER BY sent_at_ms, row LIMIT 1"
        row = self._one(sql, conversation, ms)
        return int(row[0]) if row else None

    def conversation_ids(self) -> list[str]:
        """Every conversation in which something was said; one look-up for each, however long they are."""
        sql = (
            "WITH RECURSIVE known (id) AS (SELECT min(conversation) FROM message UNION ALL"
            " SELECT (SELECT min(conversation) FROM message WHERE conversation > known.id) FROM known"
            " WHERE known.id IS NOT NULL) SELECT id FROM known WHERE id IS NOT NULL"
        )
        return [found for (found,) in self._all(sql)]

    def settings_of(self, conversation: str) -> tuple[int, str, int]:
        """(muted until, draft, timer in seconds) of a conversation."""
        row = self._one("SELECT muted_until_ms, draft, timer_s FROM conversation WHERE id = ?", conversation)
        return (int(row[0]), str(row[1]), int(row[2])) if row else (0, "", 0)

    def drafted(self) -> list[str]:
        """Conversations with something written and not sent."""
        return [found for (found,) in self._all("SELECT id FROM conversation WHERE draft <> ''")]

    def mentions_count(self, conversation: str) -> int:
        """How many unread messages of a conversation mention us."""
        sql = "SELECT count(*) FROM message WHERE conversation = ? AND row > ? AND mine = 0 AND mentions_me"
        return int(self._one(sql, conversation, self.read_up_to(conversation))[0])

    def pinned_in(self, conversation: str) -> list[Message]:
        """The pinned messages, latest pin first."""
        sql = "SELECT row FROM message WHERE conversation = ? AND pinned ORDER BY pinned_ms DESC, row DESC"
        return [found for (row,) in self._all(sql, conversation) if (found := self.shown(row)) is not None]

    def mute(self, conversation: str, until_ms: int) -> None:
        """Notify nothing of it until then."""
        sql = (
            "INSERT INTO conversation (id, muted_until_ms) VALUES (?, ?)"
            " ON CONFLICT (id) DO UPDATE SET muted_until_ms = excluded.muted_until_ms"
        )
        self._sql(sql, (conversation, until_ms))

    def read_up_to(self, conversation: str | None = None) -> int:
        """The row up to which everything was read: of all conversations, or of this one if that is further."""
        row = self._one("SELECT value FROM meta WHERE key = 'read'")
        everywhere = int.from_bytes(row[0], "big") if row else 0
        if conversation is None:
            return everywhere
        row = self._one("SELECT read_row FROM conversation WHERE id = ?", conversation)
        return max(everywhere, row[0] if row else 0)

    def put_read(self, up_to_row: int, conversation: str | None = None) -> None:
        """Move a read marker on; it never goes back."""
        if conversation is None:
            value = max(up_to_row, self.read_up_to()).to_bytes(8, "big")
            self._sql("INSERT OR REPLACE INTO meta VALUES ('read', ?)", (value,))
        else:
            sql = (
                "INSERT INTO conversation (id, read_row) VALUES (?, ?)"
                " ON CONFLICT (id) DO UPDATE SET read_row = max(read_row, excluded.read_row)"
            )
            self._sql(sql, (conversation, up_to_row))

    def received_from(self, name: str) -> list[tuple[MessageId, bool]]:
        """(id, whether it was read) of this person's messages in the conversation with them, oldest first."""
        sql = "SELECT id, row <= ? FROM message WHERE conversation = ? AND mine = 0 ORDER BY row"
        return [(MessageId(found), bool(read)) for found, read in self._all(sql, self.read_up_to(name), name)]

    def unread(self, limit: int) -> list[Message]:
        """Others' messages that were not read, oldest first."""
        sql = (
            "SELECT * FROM shown WHERE row IN (SELECT row FROM unread WHERE row > ? ORDER BY row LIMIT ?) ORDER BY row"
        )
        return [shown_message(row, self.asks_first) for row in self._all(sql, self.read_up_to(), limit)]

    def unread_count(self, conversation: str | None = None) -> int:
        """How many of them."""
        if conversation is None:
            return sum(self.unread_count(place) for place in self.conversation_ids())
        sql = "SELECT count(*) FROM message WHERE conversation = ? AND row > ? AND mine = 0 AND kind <> 2"
        return int(self._one(sql, conversation, self.read_up_to(conversation))[0])

    def queued_count(self) -> int:
        """How many own messages wait for the broker; receipts, keys and copies for more devices are none."""
        waiting = "SELECT message FROM outbox UNION SELECT message FROM file WHERE mine AND state IN "
        sql = "SELECT count(*) FROM message WHERE mine = 1 AND state = 0 AND id IN "
        return int(self._one(f"{sql} ({waiting} ('waiting', 'sending'))")[0])

    def unread_between(self, up_to_row: int, conversation: str | None) -> list[tuple[str, str, MessageId]]:
        """(conversation, sender, id) of others' messages not read before, up to a row, oldest first."""
        sql = "SELECT conversation, sender, id FROM unread WHERE row > ? AND row <= ? AND coalesce(conversation = ?, 1)"
        rows = self._all(sql + " ORDER BY row", self.read_up_to(), up_to_row, conversation)
        return [(place, sender, MessageId(found)) for place, sender, found in rows]


def shown_message(row: Any, asks_first: bool = True) -> Message:
    """Return a row of the view ``shown`` as the message that people see."""
    number, message_id, conversation, sender, mine, text, sent_at_ms, state, verified, request, *rest = row
    kind, forwarded, mentions, edited_at_ms, deleted, pinned, expires_at_ms, *about = rest
    return Message(
        id=message_id.hex(),
        conversation=conversation,
        sender=sender,
        text=text,
        sent_at_ms=sent_at_ms,
        verified=bool(verified),
        row=number,
        state=STATES[state] if mine and KINDS[kind] != "notice" else None,
        kind=KINDS[kind],
        request=bool(request) and asks_first,
        reply_to=_quote(*about[:3]),
        mentions=tuple(mentions.split()),
        forwarded=bool(forwarded),
        edited_at_ms=edited_at_ms,
        deleted=bool(deleted),
        reactions=_reactions(about[3]),
        pinned=bool(pinned),
        expires_at_ms=expires_at_ms,
        file=attachment(about[4:]),
    )


def _quote(message_id: bytes | None, sender: str, beginning: str) -> Quote | None:
    if message_id is None:
        return None
    return Quote(message_id.hex(), sender, " ".join(beginning.split())[:QUOTE_CHARS])


def _reactions(joined: str | None) -> tuple[Reaction, ...]:
    if not joined:
        return ()
    return tuple(Reaction(*line.split(" ", 1)) for line in joined.split("\n"))
