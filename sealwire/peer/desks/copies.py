"""Copies of what was said: exports in clear, their way back, and backups of a whole profile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from sealwire.crypto.vault import KdfParams
from sealwire.errors import ExportError, RemoteProtocolError
from sealwire.files import new_file, reading
from sealwire.i18n import _
from sealwire.ids import GROUP_MARK, group_of
from sealwire.peer import backup, export
from sealwire.peer.api import MAX_TEXT_BYTES
from sealwire.peer.api.past import ExportFormat
from sealwire.peer.events import Message
from sealwire.peer.keeprecords import OldMessage
from sealwire.peer.records import Now

if TYPE_CHECKING:
    from sealwire.peer.client import Client

PAGE: Final = 500
"""Messages read or written in one piece."""
FAR: Final = 2**62


class Copies:
    """Part of ``client.past``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._store = client.store

    def at(self, conversation: str) -> str:
        """Return a conversation in its final form. What was said with somebody unknown here can be looked at, too.

        Raises:
            UnknownGroupError, GroupNameError: ``+`` and a name that means no group here, or several.
        """
        if conversation.startswith(GROUP_MARK) and group_of(conversation.lower()) is None:
            return self._client.groups.find(conversation).conversation
        return conversation.lower()

    async def _known(self, conversation: str) -> str:
        """The same, of one that exists: something was said in it, or it can be talked in.

        Raises:
            UnknownPeerError too.
        """
        place = self.at(conversation)
        if await self._client.do(lambda _now: self._store.history(place, 1, None)):
            return place
        if place.startswith(GROUP_MARK):
            return self._client.groups.find(place).conversation
        return (await self._client.known(place)).name

    async def export(
        self,
        target: Path,
        kind: ExportFormat,
        conversation: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Write messages to a new file, in clear; returns how many. Never overwrites.

        Raises:
            ExportError: the file exists or cannot be written; nothing is left under its name.
            UnknownPeerError, UnknownGroupError, GroupNameError.
        """
        if conversation:
            ids = [await self._known(conversation)]
        else:
            ids = await self._client.do(lambda _now: self._store.conversation_ids())
        try:
            with new_file(target) as file:
                return await self._write(file, kind, ids, progress or (lambda _count: None))
        except FileExistsError as error:
            detail = _("it exists already, and is not overwritten")
            raise ExportError(path=error.filename or target, detail=detail) from None
        except OSError as error:
            raise ExportError(path=target, detail=error.strerror or str(error)) from error

    async def _write(
        self, file: IO[bytes], kind: ExportFormat, ids: Sequence[str], progress: Callable[[int], None]
    ) -> int:
        now = await self._client.do(lambda now: now)
        file.write(export.head(kind, self._client.name, now.ms).encode())
        count = 0
        for conversation in ids:
            file.write(export.chapter(kind, self._title(conversation)).encode())
            row = -FAR
            while page := await self._client.do(partial(self._page, conversation, row)):
                row = page[-1].row
                lines = "".join(export.entry(kind, message) for message in page).encode()
                await asyncio.to_thread(file.write, lines)
                count += len(page)
                progress(count)
        file.write(export.foot(kind).encode())
        return count

    def _title(self, conversation: str) -> str:
        """What stands above a conversation: of a group its name here, too, for its id says nothing to people."""
        group_id = group_of(conversation)
        group = self._client.engine.groups.book.get(group_id) if group_id is not None else None
        return f"{group.name} ({conversation})" if group is not None and group.name else conversation

    def _page(self, conversation: str, row: int, _now: Now) -> list[Message]:
        return self._store.history_after(conversation, PAGE, row)

    async def import_(self, source: Path) -> int:
        """Take in messages of a JSON export that are not here yet; returns how many.

        They come before everything that is here and count as read.

        Raises:
            ExportError: it cannot be read, is no export of this account, or a line of it is damaged. What was taken in
                before that line stays; the next try goes on.
        """
        reading = _Reading(source, self._client.name)
        added = 0
        try:
            count = await asyncio.to_thread(reading.open)
            row = await self._client.do(lambda _now: self._store.first_row()) - count
            while batch := await asyncio.to_thread(reading.batch, row):
                added += await self._client.do(partial(self._take, batch))
                row += len(batch)
        except OSError as error:
            raise ExportError(path=source, detail=error.strerror or str(error)) from error
        except RemoteProtocolError as error:
            detail = _("line {number} is not what an export holds ({detail})")
            detail = detail.format(number=reading.number, detail=error.params["detail"])
            raise ExportError(path=source, detail=detail) from error
        finally:
            reading.close()
        return added

    def _take(self, batch: list[tuple[int, OldMessage]], _now: Now) -> int:
        return self._store.add_old(batch)

    async def backup(self, target: Path, passphrase: bytes) -> None:
        """Write keys, history, contacts and settings of this profile into one new file under a passphrase.

        Raises:
            BackupError: the file exists or cannot be written.
        """
        profile = self._client.profile
        params = KdfParams(profile.kdf_memory_mib * 1024, profile.kdf_passes)
        # On the loop's own thread, between two turns: nothing else may write while the pages are copied.
        backup.write(target, self._client.keys, self._store, passphrase, params)


class _Reading:
    """A JSON export, line by line."""

    def __init__(self, source: Path, own: str) -> None:
        self._source = source
        self._own = own
        self._file: IO[bytes] | None = None
        self.number = 0

    def open(self) -> int:
        """Return how many lines there are, having read the first.

        Raises:
            OSError, RemoteProtocolError, ExportError.
        """
        with reading(self._source) as file:
            count = sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
        self._file = reading(self._source)
        if export.read_head(self._line()) != self._own:
            raise ExportError(path=self._source, detail=_("it is the history of somebody else"))
        return count

    def batch(self, row: int) -> list[tuple[int, OldMessage]]:
        """Return the next messages under the rows from this one on. Raises RemoteProtocolError, OSError.

        What had a time to disappear at is left out: it was to be gone by then, or soon.
        """
        batch: list[tuple[int, OldMessage]] = []
        while len(batch) < PAGE and (line := self._line()):
            found = export.read_entry(line, self._own)
            if "expires_at" not in found:
                batch.append((row + len(batch), _old(found, self._own)))
        return batch

    def _line(self) -> bytes:
        assert self._file is not None, "opened first"
        self.number += 1
        return self._file.readline(export.MAX_LINE_BYTES + 1)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def _old(found: dict[str, Any], own: str) -> OldMessage:
    return OldMessage(
        id=bytes.fromhex(found["id"]),
        conversation=found["conversation"],
        sender=found["from"],
        mine=found["from"] == own,
        text=found["text"][:MAX_TEXT_BYTES],
        sent_at_ms=found["sent_at_ms"],
        kind="notice" if found.get("kind") == "notice" else "text",
        forwarded=found.get("forwarded") is True,
        edited_at_ms=export.milliseconds(found["edited_at"]) if "edited_at" in found else None,
        deleted=found.get("deleted") is True,
    )
