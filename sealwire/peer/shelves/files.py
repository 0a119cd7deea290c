"""What is kept of files. Implements ``filerecords.FileRecords``.

Source: protocol.md §17.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sealwire.crypto.attachments import Run
from sealwire.ids import MAILBOX_BYTES, MessageId
from sealwire.peer.events import Attachment
from sealwire.peer.filerecords import FileRecord, Litter
from sealwire.peer.shelves.base import Shelf

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, bytes, bytes]]).decode

_COLUMNS: Final = (
    "row, message, mine, state, name, size, media_type, digest, blob, secret, key, runs, width, height, thumbnail,"
    " offered, done, path, reason, source, mtime_ns, is_copy, is_fresh, restarts, is_pictured, at_broker, accounts,"
    " taken, device, target"
)
_SELECT: Final = f"SELECT {_COLUMNS} FROM file "  # noqa: S608 - our own names
_COUNT: Final = _COLUMNS.count(",") + 1
_PLACES: Final = ", ".join("?" * _COUNT)
_UPDATES: Final = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ") if name != "row")
_PUT: Final = (
    f"INSERT INTO file ({_COLUMNS}) VALUES ({_PLACES})"  # noqa: S608 - our own names
    f" ON CONFLICT (row) DO UPDATE SET {_UPDATES}"
)


class FileShelf(Shelf):
    """The table ``file`` and its litter."""

    def put_file(self, file: FileRecord) -> None:
        """Insert or replace."""
        runs = [(run.first, run.header, tail) for run, tail in zip(file.runs, file.tails, strict=True)]
        self._sql(
            _PUT,
            (
                *(file.row, file.message, file.mine, file.state, file.name, file.size, file.media_type, file.digest),
                *(file.blob, file.secret, file.key, _encode(runs), file.width, file.height, file.thumbnail),
                *(file.offered, file.done, file.path, file.reason, file.source, file.mtime_ns, file.is_copy),
                *(file.is_fresh, file.restarts, file.is_pictured, file.at_broker, " ".join(file.accounts)),
                *(b"".join(sorted(file.taken)), file.device, file.target),
            ),
        )

    def file(self, row: int) -> FileRecord | None:
        """The file of a message."""
        found = self._one(_SELECT + "WHERE row = ?", row)
        return _record(found) if found else None

    def files_of(self, message: MessageId) -> list[FileRecord]:
        """Files whose messages have this id: nearly always one at most; our own first."""
        return [_record(found) for found in self._all(_SELECT + "WHERE message = ? ORDER BY mine DESC, row", message)]

    def files_moving(self) -> list[FileRecord]:
        """Files that move, oldest first."""
        sql = _SELECT + "WHERE state IN ('waiting', 'sending', 'receiving') ORDER BY row"
        return [_record(found) for found in self._all(sql)]

    def files_with_parts(self) -> list[int]:
        """Files of others that are not whole and still wanted."""
        sql = "SELECT row FROM file WHERE NOT mine AND state IN ('waiting', 'receiving', 'paused', 'failed')"
        return [row for (row,) in self._all(sql)]

    def file_copies(self) -> list[str]:
        """Sources that are copies of our own, also those that wait to be deleted."""
        sql = "SELECT source FROM {} WHERE is_copy AND source IS NOT NULL"
        return [source for table in ("file", "file_litter") for (source,) in self._all(sql.format(table))]

    def files_unpictured(self) -> list[FileRecord]:
        """Files whose thumbnail is still to be made."""
        return [_record(found) for found in self._all(_SELECT + "WHERE NOT is_pictured ORDER BY row")]

    def files_in(self, conversation: str, limit: int) -> list[int]:
        """Rows of messages with files in a conversation, latest first."""
        sql = (
            "SELECT f.row FROM file AS f JOIN message AS m ON m.row = f.row WHERE m.conversation = ?"
            " ORDER BY f.row DESC LIMIT ?"
        )
        return [row for (row,) in self._all(sql, conversation, limit)]

    def file_litter(self) -> list[Litter]:
        """What is left of files whose messages are gone."""
        rows = self._all("SELECT row, mine, blob, at_broker, path, source, is_copy FROM file_litter ORDER BY row")
        return [
            Litter(row, bool(mine), blob, bool(there), path, source, bool(is_copy))
            for row, mine, blob, there, path, source, is_copy in rows
        ]

    def add_litter(self, litter: Litter) -> None:
        """Remember something to take away."""
        self._sql("INSERT OR REPLACE INTO file_litter VALUES (?, ?, ?, ?, ?, ?, ?)", litter)

    def forget_litter(self, row: int) -> None:
        """It was taken away."""
        self._sql("DELETE FROM file_litter WHERE row = ?", (row,))

    def file_conversation(self, row: int) -> tuple[str, str]:
        """(conversation, author) of a file's message."""
        conversation, sender = self._one("SELECT conversation, sender FROM message WHERE row = ?", row)
        return conversation, sender


def _record(found: Any) -> FileRecord:
    row, message, mine, state, name, size, media_type, digest, blob, secret, key, runs, *rest = found
    width, height, thumbnail, offered, done, path, reason, source, mtime_ns, is_copy, *flags = rest
    is_fresh, restarts, is_pictured, at_broker, accounts, taken, device, target = flags
    decoded = _decode(runs)
    return FileRecord(
        row=row,
        message=MessageId(message),
        mine=bool(mine),
        state=state,
        name=name,
        size=size,
        media_type=media_type,
        digest=digest,
        blob=blob,
        secret=secret,
        key=key,
        runs=tuple(Run(first, header) for first, header, _ in decoded),
        tails=tuple(tail for _, _, tail in decoded),
        width=width,
        height=height,
        thumbnail=thumbnail,
        offered=offered,
        done=done,
        path=path,
        reason=reason,
        source=source,
        mtime_ns=mtime_ns or 0,
        is_copy=bool(is_copy),
        is_fresh=bool(is_fresh),
        restarts=restarts,
        is_pictured=bool(is_pictured),
        at_broker=bool(at_broker),
        accounts=tuple(accounts.split()),
        taken=frozenset(taken[at : at + MAILBOX_BYTES] for at in range(0, len(taken), MAILBOX_BYTES)),
        device=device,
        target=target,
    )


def attachment(columns: Any) -> Attachment | None:
    """Return what the view ``shown`` knows of a message's file."""
    name, size, media_type, state, done, path, width, height, thumbnail = columns
    if name is None:
        return None
    return Attachment(
        name=name,
        size_bytes=size,
        media_type=media_type,
        state=state,
        done_bytes=done,
        path=path,
        width=width or None,
        height=height or None,
        thumbnail=thumbnail,
    )
