"""The peer's encrypted SQLite database: implements ``records.Records``.

One connection, one process (EXCLUSIVE), WAL with synchronous=FULL: what a commit confirmed survives power loss.
The cipher (AEGIS) authenticates every page, so an altered database is refused, never read.

Source: protocol.md §14.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from sealwire import wal
from sealwire.errors import StoreError
from sealwire.ids import Mailbox, MessageId, Mid, Millis
from sealwire.peer.events import STATE_RANK, Message
from sealwire.peer.flights import Fan
from sealwire.peer.records import KINDS, PLAIN, ContactRecord, Details, DeviceRecord, OutboxRow, QuarantineRow
from sealwire.peer.shelves.base import STATEMENTS
from sealwire.peer.shelves.files import FileShelf
from sealwire.peer.shelves.groups import GroupShelf
from sealwire.peer.shelves.keeping import KeepingShelf
from sealwire.peer.shelves.past import PastShelf, shown_message
from sealwire.peer.shelves.people import PeopleShelf
from sealwire.peer.shelves.search import SearchShelf
from sealwire.peer.shelves.words import WordShelf

MAX_QUARANTINED: Final = 1_000
"""Unreadable envelopes kept: without a bound a stranger's garbage fills the disk."""
OLDEST: Final = 100
"""Of them that are looked at for one to give up: each look reads a whole envelope, for every message of a flood."""
CACHE_KIB: Final = 8_192

_SCHEMA_DIR = Path(__file__).parent / "schema"
SCHEMA_VERSION: Final = max(int(script.stem) for script in _SCHEMA_DIR.glob("*.sql"))
"""Each script takes the database from the version before it to its own."""


class Store(PeopleShelf, PastShelf, SearchShelf, WordShelf, KeepingShelf, GroupShelf, FileShelf):
    """The database of one profile."""

    def __init__(self, path: Path | None, key: bytes) -> None:
        """Open or create.

        Args:
            path: the file, or None for a database in memory (tests).
            key: 32 bytes, straight from the vault; no key derivation happens here.

        Raises:
            StoreError: it cannot be opened, is not ours, or was altered.
            StoreDamagedError: what was committed to its log cannot be read.
        """
        self.path, self._key = path, key
        try:
            self._db = apsw.Connection(str(path) if path else ":memory:", statementcachesize=STATEMENTS)
            self._prepare(key)
        except apsw.Error as error:
            raise StoreError(path=str(path), detail=str(error)) from error
        self._sql = self._db.cursor().execute
        self.open_words()

    def _prepare(self, key: bytes) -> None:
        db = self._db
        # A join is planned once and not again for each value: that cost twenty times the look-up itself.
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        if self.path:
            db.execute("PRAGMA cipher='aegis'")
            db.execute(f'PRAGMA key="raw:{key.hex()}"')
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        if self.path and db.pragma("synchronous") != 2:
            raise StoreError(path=str(self.path), detail="the disk does not take synchronous=FULL")
        if self.path:
            wal.settle(db, self.path)
        db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        db.execute("PRAGMA temp_store=MEMORY")
        db.execute("PRAGMA secure_delete=ON")  # what disappeared leaves no bytes behind in free pages
        version = db.pragma("user_version")
        if version > SCHEMA_VERSION:
            raise StoreError(path=str(self.path), detail="it was written by a newer version of Sealwire")
        for number in range(version + 1, SCHEMA_VERSION + 1):
            script = (_SCHEMA_DIR / f"{number:04}.sql").read_text(encoding="utf-8")
            with db:
                db.execute(script)
                db.pragma("user_version", number)

    def close(self) -> None:
        """Close; committed data is on disk already."""
        self._db.close()

    def copy_to(self, path: Path) -> None:
        """Copy everything committed into an empty file, under the same key. Raises apsw.Error."""
        copy = apsw.Connection(str(path))
        try:
            copy.execute("PRAGMA cipher='aegis'")
            copy.execute(f'PRAGMA key="raw:{self._key.hex()}"')
            with copy.backup("main", self._db, "main") as backup:
                while not backup.done:
                    backup.step(-1)
            copy.execute("PRAGMA journal_mode=DELETE")
        finally:
            copy.close()

    def check(self) -> None:
        """Read every page. Raises apsw.Error when one is not what was written."""
        answer = str(self._one("PRAGMA integrity_check(1)")[0])
        if answer != "ok":
            raise apsw.CorruptError(answer)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One unit of work: committed with fsync at the end, rolled back on any exception.

        Raises:
            StoreError: the commit failed; nothing of it happened.
        """
        try:
            self._sql("BEGIN IMMEDIATE", can_cache=False)
        except apsw.Error as error:
            raise StoreError(path=str(self.path), detail=str(error)) from error
        try:
            yield
            self._sql("COMMIT", can_cache=False)
        except BaseException as error:
            if not self._db.in_transaction:
                pass  # SQLite rolled back by itself (full disk, I/O error)
            else:
                self._sql("ROLLBACK")
            if isinstance(error, apsw.Error):
                raise StoreError(path=str(self.path), detail=str(error)) from error
            raise
        if self._wiped:
            self._empty_log()

    def _empty_log(self) -> None:
        """Pages as they were before stand in the write-ahead log until it is used again: take them away now."""
        try:
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._wiped = False
        except apsw.Error:
            pass  # everything is committed; the next transaction tries again

    # --- named values ---

    def get(self, key: str) -> bytes | None:
        """A named value."""
        row = self._one("SELECT value FROM meta WHERE key = ?", key)
        return row[0] if row else None

    def put(self, key: str, value: bytes) -> None:
        """Set a named value."""
        self._sql("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # --- contacts and device pairs ---

    def contact(self, name: str) -> ContactRecord | None:
        """A contact by account name."""
        row = self._one("SELECT * FROM contact WHERE name = ?", name)
        return ContactRecord(*row) if row else None

    def contacts(self) -> list[ContactRecord]:
        """All contacts by name."""
        return [ContactRecord(*row) for row in self._all("SELECT * FROM contact ORDER BY name")]

    def put_contact(self, contact: ContactRecord) -> None:
        """Insert or replace."""
        self._sql(
            "INSERT OR REPLACE INTO contact VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                contact.name,
                contact.account_key,
                contact.trust,
                contact.first_seen_ms,
                contact.changed_ms,
                contact.new_account_key,
                contact.devices,
                contact.checked_ms,
            ),
        )

    def device(self, mailbox: Mailbox) -> DeviceRecord | None:
        """A device pair's record."""
        row = self._one("SELECT * FROM device WHERE mailbox = ?", mailbox)
        return DeviceRecord(*row) if row else None

    def all_devices(self) -> list[DeviceRecord]:
        """Every device pair."""
        return [DeviceRecord(*row) for row in self._all("SELECT * FROM device")]

    def devices_of(self, account: str) -> list[DeviceRecord]:
        """Device pairs of an account."""
        return [DeviceRecord(*row) for row in self._all("SELECT * FROM device WHERE account = ?", account)]

    def put_device(self, device: DeviceRecord) -> None:
        """Insert or replace."""
        self._sql(
            "INSERT OR REPLACE INTO device VALUES (?, ?, ?, ?)",
            (device.mailbox, device.account, device.card, device.state),
        )

    # --- sessions, handshakes, prekeys ---

    def session(self, tag: bytes) -> tuple[Mailbox, bytes] | None:
        """(mailbox, sealed session) of an incoming tag."""
        row = self._one("SELECT mailbox, sealed FROM session WHERE tag = ?", tag)
        return (Mailbox(row[0]), row[1]) if row else None

    def sessions_of(self, mailbox: Mailbox) -> list[tuple[bytes, bytes]]:
        """(tag, sealed session) of a device pair."""
        return self._all("SELECT tag, sealed FROM session WHERE mailbox = ?", mailbox)

    def put_session(self, tag: bytes, mailbox: Mailbox, sealed: bytes) -> None:
        """Insert or replace."""
        self._sql("INSERT OR REPLACE INTO session VALUES (?, ?, ?)", (tag, mailbox, sealed))

    def delete_session(self, tag: bytes) -> None:
        """Forget a session; its handshake hash stays."""
        self._sql("DELETE FROM session WHERE tag = ?", (tag,))

    def handshake(self, digest: bytes) -> bytes | None:
        """The tag of the session that a handshake opened, if it was ever taken."""
        row = self._one("SELECT tag FROM handshake WHERE hash = ?", digest)
        return row[0] if row else None

    def put_handshake(self, digest: bytes, tag: bytes, spk_id: int) -> None:
        """Remember a handshake as taken."""
        self._sql("INSERT INTO handshake VALUES (?, ?, ?)", (digest, tag, spk_id))

    def forget_handshakes(self, spk_id: int) -> None:
        """Drop handshake hashes of a destroyed prekey whose sessions are gone too."""
        self._sql("DELETE FROM handshake WHERE spk_id = ? AND tag NOT IN (SELECT tag FROM session)", (spk_id,))

    def prekey(self, kind: str, number: int) -> bytes | None:
        """A sealed prekey secret (kind ``signed`` or ``once``)."""
        row = self._one("SELECT sealed FROM prekey WHERE kind = ? AND id = ?", kind, number)
        return row[0] if row else None

    def prekeys(self, kind: str) -> list[tuple[int, Millis]]:
        """(id, made at) of all secrets of a kind, oldest first."""
        return self._all("SELECT id, made_ms FROM prekey WHERE kind = ? ORDER BY id", kind)

    def put_prekey(self, kind: str, number: int, sealed: bytes, made_ms: Millis) -> None:
        """Keep a sealed prekey secret."""
        self._sql("INSERT OR REPLACE INTO prekey VALUES (?, ?, ?, ?)", (kind, number, sealed, made_ms))

    def delete_prekey(self, kind: str, number: int) -> None:
        """Destroy a prekey secret."""
        self._sql("DELETE FROM prekey WHERE kind = ? AND id = ?", (kind, number))

    # --- duplicates ---

    def seen(self, mid: Mid) -> bool:
        """Whether an envelope was already taken."""
        return self._one("SELECT 1 FROM seen WHERE mid = ?", mid) is not None

    def put_seen(self, mid: Mid, at_ms: Millis) -> bool:
        """Mark an envelope as taken; False when it was before."""
        self._sql("INSERT OR IGNORE INTO seen VALUES (?, ?)", (mid, at_ms))
        return self._db.changes() > 0

    def forget_seen(self, before_ms: Millis) -> None:
        """Drop marks older than a time."""
        self._sql("DELETE FROM seen WHERE at_ms < ?", (before_ms,))

    # --- outbox ---

    def last_outbox_row(self) -> int:
        """The largest row number in use, 0 for none."""
        return int(self._one("SELECT coalesce(max(row), 0) FROM outbox")[0])

    def add_outbox(self, rows: Iterable[OutboxRow]) -> None:
        """Append rows under the numbers they carry."""
        self._db.executemany(
            "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (r.row, r.account, r.mailbox, r.message, r.content, r.created_ms, r.counter, r.envelope, r.targets)
                for r in rows
            ],
        )

    def outbox_row(self, row: int) -> OutboxRow | None:
        """One row."""
        found = self._one("SELECT * FROM outbox WHERE row = ?", row)
        return OutboxRow(*found) if found else None

    def outbox_rows(self) -> list[tuple[int, str, Mailbox | None]]:
        """(row, account, mailbox) of everything queued, in order; a row for many devices once for each that is left."""
        rows: list[tuple[int, str, Mailbox | None]] = []
        sql = "SELECT row, account, mailbox, targets FROM outbox ORDER BY row"
        for row, account, mailbox, targets in self._all(sql):
            mailboxes = [mailbox] if targets is None else sorted(Fan.decode(targets).left)
            rows += [(row, account, target) for target in mailboxes]
        return rows

    def outbox_sealed(self) -> list[int]:
        """Rows with an envelope, which may have been sent."""
        return [row for (row,) in self._all("SELECT row FROM outbox WHERE envelope IS NOT NULL")]

    def outbox_fans(self) -> list[tuple[int, bytes]]:
        """(row, targets) of the rows for many devices."""
        return self._all("SELECT row, targets FROM outbox WHERE targets IS NOT NULL ORDER BY row")

    def keep_fan(self, row: int, targets: bytes) -> None:
        """Some devices have a row that is for many."""
        self._sql("UPDATE outbox SET targets = ? WHERE row = ?", (targets, row))

    def address_outbox(self, row: int, mailbox: Mailbox) -> None:
        """Give a row its device; an envelope made for another one is dropped."""
        self._sql("UPDATE outbox SET mailbox = ?, counter = NULL, envelope = NULL WHERE row = ?", (mailbox, row))

    def seal_outbox(self, row: int, counter: int, envelope: bytes) -> None:
        """Keep the envelope; from here on exactly these bytes are sent."""
        self._sql("UPDATE outbox SET counter = ?, envelope = ? WHERE row = ?", (counter, envelope, row))

    def delete_outbox(self, rows: Iterable[int]) -> None:
        """The rows are through (or given up)."""
        self._db.executemany("DELETE FROM outbox WHERE row = ?", [(row,) for row in rows])

    def outbox_of(self, message_id: MessageId) -> list[OutboxRow]:
        """What is queued of one message."""
        return [OutboxRow(*row) for row in self._all("SELECT * FROM outbox WHERE message = ? ORDER BY row", message_id)]

    def outbox_before(self, created_ms: Millis) -> list[int]:
        """Rows older than a time."""
        return [row for (row,) in self._all("SELECT row FROM outbox WHERE created_ms < ? ORDER BY row", created_ms)]

    # --- history ---

    def add_message(
        self,
        message_id: MessageId,
        conversation: str,
        sender: str,
        mine: bool,
        text: str,
        sent_at_ms: Millis,
        details: Details = PLAIN,
    ) -> int | None:
        """Append to the history; returns the row, or None when this author's id stands there already."""
        kind, answers, forwarded, timer_s, mentions, mentions_me = details
        author, answered = answers or (None, None)
        state = 0 if mine and kind != "notice" else STATE_RANK["delivered"]
        self.mortals += bool(mine and timer_s)
        self._sql(
            "INSERT OR IGNORE INTO message (id, conversation, sender, mine, text, sent_at_ms, state, kind,"
            " reply_author, reply_id, forwarded, timer_s, mentions, mentions_me)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(message_id, conversation, sender, mine, text, sent_at_ms, state, KINDS.index(kind)),
                *(author, answered, forwarded, timer_s, " ".join(mentions), mentions_me),
            ),
        )
        return self._db.last_insert_rowid() if self._db.changes() else None

    def accepted(self, message_id: MessageId) -> str | None:
        """The broker has every envelope of this message: from queued to sent. The conversation, when it rose."""
        row = self._one(
            "UPDATE message SET state = 1 WHERE id = ? AND mine = 1 AND state = 0"
            " AND NOT EXISTS (SELECT 1 FROM outbox WHERE message = id) RETURNING conversation",
            message_id,
        )
        if row is None:  # it waits for other devices (or is no message of a person's)
            self._sql("UPDATE message SET partly = 1 WHERE id = ? AND mine = 1 AND state = 0", (message_id,))
            return None
        return str(row[0])

    def fail(self, message_id: MessageId, reason: str | None, cancelled: bool = False) -> str | None:
        """From queued to failed. The conversation, when it was queued."""
        row = self._one(
            "UPDATE message SET state = 4, reason = ?, cancelled = ?"
            " WHERE id = ? AND mine = 1 AND state = 0 RETURNING conversation",
            reason,
            cancelled,
            message_id,
        )
        return row[0] if row else None

    def raise_state(self, message_id: MessageId, conversation: str, rank: int) -> range:
        """Raise the state of one of our messages; the ranks it passed up to the new one, none if it did not rise."""
        update = "UPDATE message SET state = ?1 WHERE id = ?2 AND conversation = ?3 AND mine = 1 AND state "
        self._sql(update + "= ?1 - 1", (rank, message_id, conversation))
        if self._db.changes():
            return range(rank, rank + 1)  # one step: nearly always
        sql = "SELECT state FROM message WHERE id = ? AND conversation = ? AND mine = 1 AND state < ?"
        found = self._one(sql, message_id, conversation, rank)
        if not found:
            return range(0)
        self._sql(update + "< ?1", (rank, message_id, conversation))
        return range(found[0] + 1, rank + 1)

    def requeue(self, message_id: MessageId) -> None:
        """Put a failed message back to queued."""
        self._sql("UPDATE message SET state = 0, reason = NULL WHERE id = ? AND mine = 1", (message_id,))

    def own_message(self, message_id: MessageId) -> Message | None:
        """One of our own messages."""
        row = self._one("SELECT * FROM shown WHERE id = ? AND mine = 1", message_id)
        return shown_message(row) if row else None

    def failed(self) -> list[Message]:
        """Our messages that failed and were neither given up nor taken back, oldest first."""
        rank = STATE_RANK["failed"]
        sql = "SELECT * FROM shown WHERE row IN (SELECT row FROM message WHERE mine = 1 AND state = ?"
        sql += " AND NOT cancelled AND NOT deleted) ORDER BY row"
        return [shown_message(row) for row in self._all(sql, rank)]

    # --- quarantine ---

    def quarantine(self, mid: Mid, envelope: bytes, reason: str, account: str | None, now_ms: Millis) -> None:
        """Keep an unreadable envelope; of too many the oldest go, first those that anybody could have sent."""
        self._sql(
            "INSERT INTO quarantine (mid, envelope, reason, account, at_ms) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (mid) DO UPDATE SET reason = excluded.reason, account = excluded.account",
            (mid, envelope, reason, account, now_ms),
        )
        while self._one("SELECT count(*) FROM quarantine")[0] > MAX_QUARANTINED:
            gone = self._one("DELETE FROM quarantine WHERE row = ? RETURNING mid", self._least_wanted())
            self._sql("DELETE FROM seen WHERE mid = ?", gone)  # never read: garbage leaves no marks for good

    def _least_wanted(self) -> int:
        """The row to give up: among the oldest the first of the least worth. A flood is found by looking at one row."""
        sql = "SELECT row, account IS NOT NULL, reason FROM quarantine ORDER BY row LIMIT ?"
        least: tuple[int, int] | None = None
        for row, is_known, reason in self._db.execute(sql, (OLDEST,)):
            worth = 2 if is_known or reason == "early" else int(reason == "group-behind")
            least = min(least or (worth, row), (worth, row))
            if worth == 0:
                break
        assert least is not None, "asked when there are too many"
        return least[1]

    def quarantined(self) -> Sequence[QuarantineRow]:
        """All of them, oldest first."""
        sql = "SELECT row, mid, envelope, reason, account FROM quarantine ORDER BY row"
        return [QuarantineRow(*row) for row in self._all(sql)]

    def openings_wait(self) -> bool:
        """Whether a quarantined envelope waits for an account to be looked up or decided about."""
        return self._one("SELECT 1 FROM quarantine WHERE account IS NOT NULL LIMIT 1") is not None

    def release(self, row: int) -> None:
        """A quarantined envelope was read or is given up."""
        self._sql("DELETE FROM quarantine WHERE row = ?", (row,))
