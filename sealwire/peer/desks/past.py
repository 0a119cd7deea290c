"""What was said: conversations, pages, search, copies. Implements ``peer.api.past``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from sealwire.crypto.vault import KdfParams
from sealwire.errors import BackupError, ExportError
from sealwire.i18n import _
from sealwire.peer import backup, export, search
from sealwire.peer.api.past import ConversationInfo, ExportFormat, Found
from sealwire.peer.events import Message

if TYPE_CHECKING:
    from sealwire.peer.client import Client

MAX_PAGE: Final = 1_000
"""Messages of one answer: each is held as an object, and the turn waits for it."""
PAGE: Final = 500
FAR: Final = 2**62


class PastDesk:
    """``client.past``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._store = client.store

    # --- conversations ---

    async def conversations(self) -> Sequence[ConversationInfo]:
        """All conversations, the latest first."""
        found = await self._client.do(lambda _now: [self._info(one) for one in self._store.conversation_ids()])
        return sorted(found, key=lambda one: one.last.row if one.last else -1, reverse=True)

    async def conversation(self, conversation: str) -> ConversationInfo:
        """One of them, also one in which nothing was said yet. Raises UnknownPeerError."""
        if not conversation.startswith("+"):
            conversation = (await self._client.known(conversation)).name
        return await self._client.do(lambda _now: self._info(conversation))

    def _info(self, conversation: str) -> ConversationInfo:
        store, engine = self._store, self._client.engine
        last = store.history(conversation, 1, None)
        person, contact = engine.people.find(conversation), engine.contact(conversation)
        muted_until_ms = store.muted_until(conversation)
        unread = store.unread_count(conversation)
        is_changed = contact is not None and contact.trust == "changed"
        return ConversationInfo(
            id=conversation,
            title=person.nickname or conversation,
            is_group=False,
            last=last[-1] if last else None,
            unread=unread,
            mentions=0,
            read_row=store.read_up_to(conversation),
            muted_until_ms=muted_until_ms,
            request=bool(last) and not engine.people.is_accepted(conversation),
            blocked=person.blocked,
            trust=contact.trust if contact is not None else None,
            can_write=not (person.blocked or is_changed),
        )

    async def mark_read(self, conversation: str, up_to_row: int) -> None:
        """This conversation has been read up to here (receipts go out if they are on)."""
        await self._client.do(lambda now: self._client.engine.mail.mark_read(up_to_row, now, conversation))

    async def mute(self, conversation: str, until_ms: int) -> None:
        """No notifications until then; 0 ends it."""
        await self._client.do(lambda _now: self._store.mute(conversation, max(0, until_ms)))

    # --- pages ---

    async def page(
        self, conversation: str, limit: int = 50, *, before_row: int | None = None, after_row: int | None = None
    ) -> Sequence[Message]:
        """Messages before a row (the last ones without it), or after one; always oldest first."""
        count = min(limit, MAX_PAGE)
        if after_row is not None:
            return await self._client.do(lambda _now: self._store.history_after(conversation, count, after_row))
        return await self._client.do(lambda _now: self._store.history(conversation, count, before_row))

    async def message(self, conversation: str, message_id: str) -> Message | None:
        """One message."""
        try:
            wanted = bytes.fromhex(message_id)
        except ValueError:
            return None
        return await self._client.do(lambda _now: self._store.find_message(conversation, wanted))

    async def around(self, conversation: str, row: int, limit: int = 50) -> Sequence[Message]:
        """A page with this row in its middle."""
        half = max(1, min(limit, MAX_PAGE) // 2)
        before = await self.page(conversation, half, before_row=row)
        return [*before, *await self.page(conversation, half, after_row=row - 1)]

    async def row_at(self, conversation: str, ms: int) -> int | None:
        """The first row said at or after a time (jump to date)."""
        return await self._client.do(lambda _now: self._store.row_at(conversation, ms))

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50, before_row: int | None = None
    ) -> Sequence[Found]:
        """Messages that hold every word of the query or a word that begins with it, accents folded; latest first."""
        wanted = search.parse(query)
        if wanted == search.Query():
            return []
        while await self._client.do(lambda _now: self._catch_up()):
            pass  # what came a moment ago must be found too; each round is one short turn
        count, before = min(limit, MAX_PAGE), FAR if before_row is None else before_row
        messages = await self._client.do(lambda _now: self._store.search(wanted, conversation, count, before))
        return [Found(message, search.marks(message.text, wanted)) for message in messages]

    def _catch_up(self) -> bool:
        self._store.index_words()
        return self._store.words_behind()

    # --- copies ---

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
        """
        ids = [conversation] if conversation else [one.id for one in await self.conversations()]
        part = target.with_name(target.name + ".part")
        try:
            with _new_file(target, part) as file:
                count = await self._write(file, kind, ids, progress or (lambda _count: None))
                file.flush()
                os.fsync(file.fileno())
            os.link(part, target)
        except OSError as error:
            raise ExportError(path=target, detail=error.strerror or str(error)) from error
        finally:
            part.unlink(missing_ok=True)
        return count

    async def _write(
        self, file: IO[str], kind: ExportFormat, ids: Sequence[str], progress: Callable[[int], None]
    ) -> int:
        now = await self._client.do(lambda now: now)
        file.write(export.head(kind, self._client.name, now.ms))
        count = 0
        for conversation in ids:
            title = (await self.conversation(conversation)).title
            file.write(export.chapter(kind, title))
            row = -FAR
            while page := await self.page(conversation, PAGE, after_row=row):
                row = page[-1].row
                lines = "".join(export.entry(kind, message) for message in page)
                await asyncio.to_thread(file.write, lines)
                count += len(page)
                progress(count)
        file.write(export.foot(kind))
        return count

    async def backup(self, target: Path, passphrase: bytes) -> None:
        """Write keys, history, contacts and settings of this profile into one new file under a passphrase.

        Raises:
            BackupError: the file exists or cannot be written.
        """
        profile = self._client.profile
        params = KdfParams(profile.kdf_memory_mib * 1024, profile.kdf_passes)
        # On the loop's own thread, between two turns: nothing else may write while the pages are copied.
        try:
            backup.write(target, self._client.keys, self._store, passphrase, params)
        except FileExistsError:
            raise BackupError(path=target, detail=_("it exists already, and is not overwritten")) from None


def _new_file(target: Path, part: Path) -> IO[str]:
    if target.exists():
        raise FileExistsError(0, _("it exists already, and is not overwritten"))
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="\n")
