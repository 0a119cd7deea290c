"""The index of words: made behind the messages, so that taking one in never waits for it.

``indexed`` says how far it is. Behind it triggers keep the index right, so what is corrected or deleted is gone from
it in the same transaction (FTS5 overwrites it: secure-delete).
"""

from __future__ import annotations

import unicodedata
from typing import Final

from sealwire.peer.events import Message
from sealwire.peer.search import Query, folded
from sealwire.peer.shelves.base import Shelf
from sealwire.peer.shelves.past import shown_message

INDEX_ROWS: Final = 250
"""Messages indexed in one piece: about 15 ms, so that nobody waits behind it."""


class SearchShelf(Shelf):
    """The table ``message_words``: texts as ``search.folded`` makes them, to put them in and to take them out."""

    def open_words(self) -> None:
        """Give SQL its ``folded``; make the index anew if this Python knows other characters than the one before.

        A text has to be taken out as it was put in: a letter that has become one since would leave something behind.
        """
        self._db.create_scalar_function("folded", lambda *texts: folded(str(texts[0])), 1, deterministic=True)
        version = unicodedata.unidata_version.encode()
        if self._one("SELECT 1 FROM meta WHERE key = 'unicode' AND value = ?", version):
            return
        with self._db:
            self._sql("INSERT INTO message_words (message_words) VALUES ('delete-all')")
            self._sql("UPDATE indexed SET row = (SELECT coalesce(min(row), 1) - 1 FROM message)")
            self._sql("INSERT OR REPLACE INTO meta VALUES ('unicode', ?)", (version,))

    def words_behind(self) -> bool:
        """Whether messages are not in the index yet."""
        sql = "SELECT (SELECT max(row) FROM message) > (SELECT row FROM indexed)"
        return bool(self._one(sql)[0])

    def index_words(self, rows: int = INDEX_ROWS) -> None:
        """Take the next messages into the index."""
        done = self._one("SELECT row FROM indexed")[0]
        sql = "SELECT max(row) FROM (SELECT row FROM message WHERE row > ? ORDER BY row LIMIT ?)"
        up_to = self._one(sql, done, rows)[0]
        if up_to is None:
            return
        sql = "INSERT INTO message_words (rowid, text) SELECT row, folded(text) FROM message WHERE row > ? AND row <= ?"
        self._sql(sql, (done, up_to))
        self._sql("UPDATE indexed SET row = ?", (up_to,))

    def search(self, query: Query, conversation: str | None, limit: int, before_row: int) -> list[Message]:
        """Messages that hold every part of the query, latest first; the index must not be behind."""
        if query.words:  # the index gives them latest first: nothing is collected but what is shown
            sql = (
                "SELECT row FROM message_words CROSS JOIN message ON row = message_words.rowid"
                " WHERE message_words MATCH ? AND message_words.rowid < ? AND coalesce(conversation = ?, 1)"
            )
            args: list[object] = [query.match, before_row, conversation]
        else:
            sql = "SELECT row FROM message WHERE row < ? AND coalesce(conversation = ?, 1)"
            args = [before_row, conversation]
        for piece in query.pieces:
            sql += " AND message.text LIKE ? ESCAPE '!'"
            args.append("%" + piece.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%")
        order = " ORDER BY message_words.rowid DESC LIMIT ?" if query.words else " ORDER BY row DESC LIMIT ?"
        found = self._all(sql + order, *args, limit)
        rows = (self._one("SELECT * FROM shown WHERE row = ?", row) for (row,) in found)
        return [shown_message(row, self.asks_first) for row in rows]
