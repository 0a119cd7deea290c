"""Groups: their logs, their keys, and who has what was said in them.

Source: protocol.md §16.
"""

from __future__ import annotations

from operator import attrgetter

from sealwire.ids import GroupId, Mailbox, MessageId
from sealwire.peer.groups.records import GroupRecord, HeardKey, OwnKey
from sealwire.peer.shelves.base import Shelf

_group_row = attrgetter(*GroupRecord.__struct_fields__)
_own_row = attrgetter(*OwnKey.__struct_fields__)
_heard_row = attrgetter(*HeardKey.__struct_fields__)
_PARTS = ("grp_entry", "grp_own_key", "grp_heard_key", "grp_delivery")


class GroupShelf(Shelf):
    """The tables whose names begin with ``grp``."""

    def groups(self) -> list[GroupRecord]:
        """Every group known here."""
        return [GroupRecord(*row) for row in self._all("SELECT * FROM grp ORDER BY id")]

    def put_group(self, record: GroupRecord) -> None:
        """Insert or replace."""
        self._sql("INSERT OR REPLACE INTO grp VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _group_row(record))

    def drop_group(self, group: GroupId) -> None:
        """Forget a group, its log and its keys; what was said in it stays in the history."""
        for table in _PARTS:
            self._sql(f"DELETE FROM {table} WHERE grp = ?", (group,))  # noqa: S608 - our own tables
        self._sql("DELETE FROM grp WHERE id = ?", (group,))

    # --- logs ---

    def group_entries(self, group: GroupId, after: int) -> list[bytes]:
        """Entries of a log above a sequence, in order."""
        sql = "SELECT entry FROM grp_entry WHERE grp = ? AND sequence > ? ORDER BY sequence"
        return [entry for (entry,) in self._all(sql, group, after)]

    def group_entry(self, group: GroupId, sequence: int) -> bytes | None:
        """One entry."""
        row = self._one("SELECT entry FROM grp_entry WHERE (grp, sequence) = (?, ?)", group, sequence)
        return row[0] if row else None

    def add_group_entry(self, group: GroupId, sequence: int, entry: bytes) -> None:
        """Keep the next entry."""
        self._sql("INSERT INTO grp_entry VALUES (?, ?, ?)", (group, sequence, entry))

    # --- keys ---

    def own_keys(self, group: GroupId) -> list[OwnKey]:
        """This device's sender keys in a group, newest epoch first."""
        rows = self._all("SELECT * FROM grp_own_key WHERE grp = ? ORDER BY epoch DESC", group)
        return [OwnKey(*row) for row in rows]

    def put_own_key(self, key: OwnKey) -> None:
        """Insert or replace."""
        self._sql("INSERT OR REPLACE INTO grp_own_key VALUES (?, ?, ?, ?, ?, ?)", _own_row(key))

    def drop_own_keys(self, group: GroupId, below_epoch: int) -> None:
        """Destroy those of older epochs."""
        self._sql("DELETE FROM grp_own_key WHERE grp = ? AND epoch < ?", (group, below_epoch))

    def heard_tags(self) -> list[bytes]:
        """The tags of every key heard."""
        return [tag for (tag,) in self._all("SELECT tag FROM grp_heard_key")]

    def heard_key(self, tag: bytes) -> HeardKey | None:
        """The key that a tag names."""
        row = self._one("SELECT * FROM grp_heard_key WHERE tag = ?", tag)
        return HeardKey(*row) if row else None

    def heard_keys(self, group: GroupId, mailbox: Mailbox | None = None) -> list[HeardKey]:
        """Keys heard in a group (from one device), newest epoch first."""
        sql = "SELECT * FROM grp_heard_key WHERE grp = ?1 AND (?2 IS NULL OR mailbox = ?2) ORDER BY epoch DESC"
        return [HeardKey(*row) for row in self._all(sql, group, mailbox)]

    def put_heard_key(self, key: HeardKey) -> None:
        """Insert or replace."""
        self._sql("INSERT OR REPLACE INTO grp_heard_key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _heard_row(key))

    def drop_heard_keys(self, tags: list[bytes]) -> None:
        """Destroy keys."""
        self._db.executemany("DELETE FROM grp_heard_key WHERE tag = ?", [(tag,) for tag in tags])

    # --- who has what ---

    def delivery(self, message: MessageId) -> tuple[GroupId, bytes] | None:
        """(group, who has it) of an own message in a group (peer/groups/states.py)."""
        row = self._one("SELECT grp, ranks FROM grp_delivery WHERE message = ?", message)
        return (GroupId(row[0]), row[1]) if row else None

    def deliveries(self, group: GroupId) -> list[tuple[MessageId, bytes]]:
        """All of a group that somebody has not read yet."""
        return self._all("SELECT message, ranks FROM grp_delivery WHERE grp = ?", group)

    def begin_delivery(self, message: MessageId, group: GroupId, ranks: bytes) -> bool:
        """Begin to follow a message, if it is one of ours in the history; whether it is."""
        sql = "INSERT OR REPLACE INTO grp_delivery SELECT ?1, ?2, ?3 FROM message WHERE id = ?1 AND mine = 1"
        self._sql(sql, (message, group, ranks))
        return self._db.changes() > 0

    def raise_delivery(self, message: MessageId, ranks: bytes) -> None:
        """Somebody has it, or read it: in place, so that of a crowd's row nothing is written but what changed."""
        self._sql("UPDATE grp_delivery SET ranks = ? WHERE message = ?", (ranks, message))

    def drop_delivery(self, message: MessageId) -> None:
        """Everybody has read it."""
        self._sql("DELETE FROM grp_delivery WHERE message = ?", (message,))
