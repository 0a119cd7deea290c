"""What became of messages: corrections, reactions, pins, timers, drafts, and what came before its message.

Implements ``records.WordRecords``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sealwire.ids import Mailbox, MessageId, Millis
from sealwire.peer.records import KINDS, AsideRow, MessageRow, ReactionRow, ReceiptState, TimerRow
from sealwire.peer.shelves.base import Shelf

_MESSAGE = (
    "SELECT row, id, conversation, sender, mine, kind, text, sent_at_ms, state, revision, revision_id, deleted, pinned,"
    " pin_number, pin_by, reply_author, reply_id, forwarded, timer_s, partly FROM message "
)
_BEGIN = (
    "UPDATE message SET dies_at = ? + timer_s * 1000, expires_at_ms = ? + timer_s * 1000"
    " WHERE timer_s > 0 AND dies_at IS NULL "
)


class WordShelf(Shelf):
    """Everything beside the words themselves."""

    # --- single messages ---

    def reason(self, message_id: MessageId) -> str | None:
        """Why one of our own messages failed."""
        row = self._one("SELECT reason FROM message WHERE id = ? AND mine = 1", message_id)
        return row[0] if row else None

    def find(self, conversation: str, sender: str, message_id: bytes) -> MessageRow | None:
        """The message of this author and id in this conversation."""
        sql = _MESSAGE + "WHERE id = ? AND conversation = ? AND sender = ?"
        found = self._one(sql, message_id, conversation, sender)
        return _row(found) if found else None

    def named(self, conversation: str, message_id: bytes) -> list[MessageRow]:
        """Every message of this id in this conversation: nearly always one at most."""
        sql = _MESSAGE + "WHERE id = ? AND conversation = ?"
        return sorted(_row(found) for found in self._all(sql, message_id, conversation))

    def own_row(self, message_id: bytes) -> MessageRow | None:
        """Our own message of this id, in whatever conversation."""
        found = self._one(_MESSAGE + "WHERE id = ? AND mine = 1", message_id)
        return _row(found) if found else None

    def correct(self, row: int, text: str, mentions: tuple[str, ...], mentions_me: bool) -> None:
        """Put other words in place."""
        sql = "UPDATE message SET text = ?, mentions = ?, mentions_me = ? WHERE row = ?"
        self._sql(sql, (text, " ".join(mentions), mentions_me, row))
        self._wipe()

    def put_revision(self, row: int, revision: int, event: bytes, edited_at_ms: Millis) -> None:
        """Remember which edit the words are of."""
        sql = "UPDATE message SET revision = ?, revision_id = ?, edited_at_ms = ? WHERE row = ?"
        self._sql(sql, (revision, event, edited_at_ms, row))

    def take_back(self, row: int) -> None:
        """Leave nothing of a message but its place."""
        self._sql(
            "UPDATE message SET text = '', deleted = 1, edited_at_ms = NULL, forwarded = 0, reply_author = NULL,"
            " reply_id = NULL, mentions = '', mentions_me = 0, pinned = 0 WHERE row = ?",
            (row,),
        )
        self._sql("DELETE FROM reaction WHERE message = ?", (row,))
        self._wipe()

    def remove(self, row: int, now_ms: Millis) -> None:
        """Delete a message here, place and all, and remember that it was here."""
        sql = "INSERT OR REPLACE INTO gone SELECT id, conversation, sender, ? FROM message WHERE row = ?"
        self._sql(sql, (now_ms, row))
        self._sql("DELETE FROM reaction WHERE message = ?", (row,))
        self._sql("DELETE FROM message WHERE row = ?", (row,))
        self._wipe()

    def is_gone(self, conversation: str, sender: str, message_id: bytes) -> bool:
        """Whether a message was deleted here."""
        sql = "SELECT 1 FROM gone WHERE id = ? AND conversation = ? AND sender = ?"
        return self._one(sql, message_id, conversation, sender) is not None

    # --- reactions and pins ---

    def reaction(self, row: int, sender: str) -> ReactionRow | None:
        """One person's reaction, also one that was taken off."""
        found = self._one("SELECT number, event, emoji FROM reaction WHERE message = ? AND sender = ?", row, sender)
        return ReactionRow(*found) if found else None

    def reactions_count(self, row: int) -> int:
        """How many people ever reacted to a message."""
        return int(self._one("SELECT count(*) FROM reaction WHERE message = ?", row)[0])

    def put_reaction(self, row: int, sender: str, reaction: ReactionRow) -> None:
        """Set one person's reaction."""
        sql = "INSERT OR REPLACE INTO reaction (message, sender, number, event, emoji) VALUES (?, ?, ?, ?, ?)"
        self._sql(sql, (row, sender, *reaction))

    def put_pin(self, row: int, pinned: bool, number: int, by: str, at_ms: Millis) -> None:
        """Pin or unpin."""
        sql = "UPDATE message SET pinned = ?, pin_number = ?, pin_by = ?, pinned_ms = ? WHERE row = ?"
        self._sql(sql, (pinned, number, by, at_ms, row))

    def pins(self, conversation: str) -> int:
        """How many messages are pinned."""
        return int(self._one("SELECT count(*) FROM message WHERE conversation = ? AND pinned", conversation)[0])

    # --- changes that came first ---

    def put_aside(self, aside: AsideRow, most: int) -> None:
        """Keep a change for its message; of one person and conversation the oldest go past ``most``."""
        self._sql("INSERT OR REPLACE INTO aside VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", aside)
        count = "SELECT count(*) FROM aside WHERE conversation = ? AND by = ?"
        surplus = self._one(count, aside.conversation, aside.by)[0] - most
        if surplus > 0:
            oldest = "SELECT author, id, kind FROM aside WHERE conversation = ? AND by = ? ORDER BY at_ms LIMIT ?"
            for author, message_id, kind in self._all(oldest, aside.conversation, aside.by, surplus):
                self._sql(
                    "DELETE FROM aside WHERE conversation = ? AND author = ? AND id = ? AND by = ? AND kind = ?",
                    (aside.conversation, author, message_id, aside.by, kind),
                )

    def aside(self, conversation: str, author: str, message_id: bytes) -> list[AsideRow]:
        """What waits for a message."""
        sql = "SELECT * FROM aside WHERE conversation = ? AND author = ? AND id = ? ORDER BY by, kind"
        return [AsideRow(*row) for row in self._all(sql, conversation, author, message_id)]

    def drop_aside(self, conversation: str, author: str, message_id: bytes) -> None:
        """It waits no longer."""
        sql = "DELETE FROM aside WHERE conversation = ? AND author = ? AND id = ?"
        self._sql(sql, (conversation, author, message_id))

    def forget_aside(self, before_ms: Millis) -> None:
        """Drop what waited since before a time, and the marks of messages deleted before it."""
        self._sql("DELETE FROM aside WHERE at_ms < ?", (before_ms,))
        self._sql("DELETE FROM gone WHERE at_ms < ?", (before_ms,))

    # --- timers ---

    def timer(self, conversation: str) -> TimerRow:
        """The conversation's timer."""
        sql = "SELECT timer_s, timer_number, timer_by FROM conversation WHERE id = ?"
        found = self._one(sql, conversation)
        return TimerRow(*found) if found else TimerRow(0, 0, "")

    def put_timer(self, conversation: str, timer: TimerRow) -> None:
        """Set it."""
        self._sql(
            "INSERT INTO conversation (id, timer_s, timer_number, timer_by) VALUES (?, ?, ?, ?) ON CONFLICT (id)"
            " DO UPDATE SET timer_s = excluded.timer_s, timer_number = excluded.timer_number,"
            " timer_by = excluded.timer_by",
            (conversation, *timer),
        )

    def own_wait(self) -> bool:
        """Whether own messages with a timer have not begun to age: queued ones, and those that failed."""
        return self._one("SELECT 1 FROM message WHERE mine = 1 AND timer_s > 0 AND dies_at IS NULL LIMIT 1") is not None

    def begin_own(self, age_ms: int, now_ms: Millis) -> int:
        """Own messages with a timer that reached the broker begin to age; returns how many."""
        self._sql(_BEGIN + "AND mine = 1 AND state BETWEEN 1 AND 3", (age_ms, now_ms))
        return self._db.changes()

    def begin_read(self, up_to_row: int, age_ms: int, now_ms: Millis, conversation: str | None = None) -> int:
        """Others' messages with a timer up to a row have been read and begin to age; returns how many."""
        sql = _BEGIN + "AND mine = 0 AND row <= ? AND conversation = coalesce(?, conversation)"
        self._sql(sql, (age_ms, now_ms, up_to_row, conversation))
        return self._db.changes()

    def dying(self, age_ms: int, most: int) -> list[int]:
        """Rows whose time has come, at most so many."""
        sql = "SELECT row FROM message WHERE dies_at <= ? ORDER BY dies_at LIMIT ?"
        return [row for (row,) in self._all(sql, age_ms, most)]

    def next_death(self) -> int | None:
        """The age at which the next message disappears."""
        found = self._one("SELECT min(dies_at) FROM message WHERE dies_at IS NOT NULL")[0]
        return None if found is None else int(found)

    # --- drafts ---

    def draft(self, conversation: str) -> str:
        """What was written and not sent."""
        found = self._one("SELECT draft FROM conversation WHERE id = ?", conversation)
        return str(found[0]) if found else ""

    def put_draft(self, conversation: str, text: str) -> None:
        """Keep or forget it."""
        self._sql(
            "INSERT INTO conversation (id, draft) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET draft = excluded.draft",
            (conversation, text),
        )

    # --- receipts ---

    def owe_receipts(self, mailbox: Mailbox, account: str, state: ReceiptState, ids: Iterable[MessageId]) -> None:
        """Remember receipts for a device; one that says ``read`` stands for ``delivered`` too."""
        self._db.executemany(
            "INSERT INTO receipt (mailbox, account, message, state) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (mailbox, message) DO UPDATE SET state = 'read' WHERE excluded.state = 'read'",
            [(mailbox, account, message_id, state) for message_id in ids],
        )

    def receipts(self, mailbox: Mailbox, state: ReceiptState, most: int) -> list[MessageId]:
        """Messages of which a device is owed a receipt, oldest first."""
        sql = "SELECT message FROM receipt WHERE mailbox = ? AND state = ? ORDER BY row LIMIT ?"
        return [MessageId(message) for (message,) in self._all(sql, mailbox, state, most)]

    def receivers(self) -> list[tuple[Mailbox, str]]:
        """(device, account) of everyone to whom receipts are owed."""
        return self._all("SELECT DISTINCT mailbox, account FROM receipt")

    def settle_receipts(self, mailbox: Mailbox, ids: Iterable[MessageId]) -> None:
        """They were told."""
        sql = "DELETE FROM receipt WHERE mailbox = ? AND message = ?"
        self._db.executemany(sql, [(mailbox, message_id) for message_id in ids])


def _row(found: tuple[Any, ...]) -> MessageRow:
    row = MessageRow(*found)
    return row._replace(mine=bool(row.mine), kind=KINDS[found[5]], deleted=bool(row.deleted), pinned=bool(row.pinned))
