"""Files: sent and fetched by a thread of their own, thumbnails by a process. Implements ``peer.api.files``.

The core decides and remembers (``peer.files``); this module carries its orders to the hauler and what the hauler tells
back into turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sealwire.crypto.attachments import blob_size
from sealwire.errors import FileTooLargeError, FileUnreadableError, SealwireError, TextTooLongError, UsageError
from sealwire.files import make_private_folder, user_path
from sealwire.i18n import _
from sealwire.ids import MessageId, is_unicode
from sealwire.peer import thumbs
from sealwire.peer.api import Sent, WaitFor
from sealwire.peer.desks.talk import FIRST_LINK_S
from sealwire.peer.events import STATE_RANK, File, Message
from sealwire.peer.filerecords import FileRecord
from sealwire.peer.files import Sending
from sealwire.peer.hauler import COPIES, Hauler, keep_parts
from sealwire.peer.link import Link
from sealwire.peer.login import Credentials
from sealwire.peer.media import SNIFF_BYTES, sniff
from sealwire.peer.mover import Mover
from sealwire.peer.moves import Downloaded, KeepParts, MakeThumbnail, MoveFailed, News, Order, Progressed, Uploaded
from sealwire.peer.parcels import copy, discard, identity_of, is_within
from sealwire.peer.records import MessageRow, Now
from sealwire.wire.file_content import MAX_CAPTION_BYTES, MAX_FILE_BYTES

if TYPE_CHECKING:
    from sealwire.peer.client import Client

LOOK_S: Final = 0.5
"""Between two looks at whether a file still moves."""


class FilesDesk:
    """``client.files``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._folder = client.profile.files_dir
        self._hauler: Hauler | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._online = False
        self._one_thumbnail = asyncio.Semaphore(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._moved_s: dict[int, float] = {}
        self._errors: dict[int, SealwireError] = {}
        self._ended = asyncio.Event()
        client.turns.on_moves = self._take_orders
        client.turns.on_link = self._link_changed

    async def close(self) -> None:
        """Stop moving; everything stays where it is."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._hauler is not None:
            await asyncio.to_thread(self._hauler.stop)

    # --- between the core and those who work for it ----------------------------------------------------------

    def _take_orders(self, orders: list[Order]) -> None:
        for order in orders:
            match order:
                case KeepParts():
                    keep_parts(self._folder, order)
                case MakeThumbnail():
                    self._spawn(order)
                case _:
                    self._thread().carry_out(order)

    def _thread(self) -> Hauler:
        if self._hauler is None:
            profile, keys = self._client.profile, self._client.keys
            assert profile.broker_key is not None, "checked before a client starts"
            make_private_folder(self._folder)
            self._loop = asyncio.get_running_loop()
            credentials = Credentials(profile.broker_key, keys.connection_public, None)
            link = Link(profile.broker_address, profile.broker_key, keys.connection_public, keys.connection_secret)
            mover = Mover(keys.identity, credentials, os.urandom)
            self._hauler = Hauler(mover, link, self._folder, self._hear_from_thread)
            self._hauler.may_connect(self._online)
        return self._hauler

    def _link_changed(self, online: bool) -> None:
        self._online = online
        if self._hauler is not None:
            self._hauler.may_connect(online)

    def _hear_from_thread(self, news: list[News]) -> None:
        assert self._loop is not None, "the thread was started by it"
        with contextlib.suppress(RuntimeError):  # the loop has ended: the next start finds everything where it is
            self._loop.call_soon_threadsafe(self._hear, news)

    def _hear(self, news: list[News]) -> None:
        """What the hauler told becomes a command of the next turn."""
        for one in news:
            if isinstance(one, MoveFailed):
                self._errors[one.row] = one.error
            elif isinstance(one, Progressed | Uploaded | Downloaded):
                self._moved_s[one.row] = time.monotonic()
        with contextlib.suppress(SealwireError):
            told = self._client.turns.submit(lambda now: self._client.engine.files.hear_all(news, now))
            told.add_done_callback(self._heard)

    def _heard(self, told: asyncio.Future[None]) -> None:
        if not told.cancelled():
            told.exception()  # a failed commit is told as such, and the hauler is ordered anew
        ended, self._ended = self._ended, asyncio.Event()
        ended.set()

    def _spawn(self, order: MakeThumbnail) -> None:
        task = asyncio.get_running_loop().create_task(self._picture(order), name="thumbnail")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _picture(self, order: MakeThumbnail) -> None:
        async with self._one_thumbnail:
            made = None
            if order.source is not None:
                made = await thumbs.of_image(Path(order.source))
            elif order.offered is not None:
                made = await thumbs.again(order.offered)
        with contextlib.suppress(SealwireError):
            await self._client.do(lambda now: self._client.engine.files.thumbnail_made(order.row, made, now))

    # --- sending ---------------------------------------------------------------------------------------------

    async def send(
        self,
        conversation: str,
        source: Path,
        *,
        caption: str = "",
        name: str | None = None,
        reply_to: str | None = None,
        wait: WaitFor = "queued",
        timeout_s: float = 10,
    ) -> Sent:
        """Send a file. See ``FilesApi``; ``timeout_s`` counts from the last sign that it moves."""
        size = len(caption.encode(errors="replace"))
        if size > MAX_CAPTION_BYTES:
            raise TextTooLongError(size=size, limit=MAX_CAPTION_BYTES)
        path = _absolute(source)
        place = self._client.place(conversation)
        try:
            message = await self._queue(place, path, name, caption, reply_to, timeout_s)
        except SealwireError:
            if is_within(path, self._folder / COPIES):
                discard(path)  # no message names it
            raise
        if wait == "queued":
            return Sent(message.hex(), "queued")
        return await self._reach(message, place, wait, timeout_s)

    async def _queue(
        self,
        place: str,
        path: Path,
        name: str | None,
        caption: str,
        reply_to: str | None,
        timeout_s: float,
        forwarded: bool = False,
    ) -> MessageId:
        sending = await asyncio.to_thread(self._look_at, path, name)
        self._check_size(sending.size)

        def send(now: Now) -> MessageId:
            return self._client.engine.files.send(place, sending, caption, now, reply_to, forwarded)

        return await self._client.talk.queue(place, send, timeout_s)

    async def forward(self, row: MessageRow, place: str) -> Sent:
        """Send the file of a message to somebody else: sealed anew under keys of its own, marked as forwarded.

        Handing on the blob there is would end with whoever put it there, and the broker would see who read one file.
        """
        file = await self._client.do(lambda _now: self._client.store.file(row.row))
        assert file is not None, "a message of this kind has one"
        path = file.source if file.mine else file.path
        if path is None and file.mine:
            raise UsageError(_("The file is not here any more: it was a copy made to be sent."))
        if path is None or (file.state != "done" and not file.mine):
            raise UsageError(_("The file is not here (yet): fetch it first."))
        source = Path(path)
        if is_within(source, self._folder):  # it goes with its message, and that may be gone before this has left
            source = await asyncio.to_thread(_second_name, source, self._folder / COPIES)
        try:
            sent = await self._queue(place, source, file.name, row.text, None, FIRST_LINK_S, forwarded=True)
        except SealwireError:
            if is_within(source, self._folder / COPIES):
                discard(source)
            raise
        return Sent(sent.hex(), "queued")

    def _look_at(self, path: Path, name: str | None) -> Sending:
        identity = identity_of(path)
        try:
            with path.open("rb") as file:
                beginning = file.read(SNIFF_BYTES)
        except OSError as error:
            raise FileUnreadableError(path, error.strerror or str(error)) from error
        if len(beginning) > identity.size:  # what a kernel makes up while it is read: it would be sent as an empty file
            raise FileUnreadableError(path, _("there is more in it than its size says"))
        is_copy = is_within(path, self._folder / COPIES)
        return Sending(str(path), name or path.name, identity.size, identity.mtime_ns, sniff(beginning), is_copy)

    def _check_size(self, size: int) -> None:
        limit = self._client.engine.files.book.limit
        if size > MAX_FILE_BYTES or (limit is not None and blob_size(size) > limit):
            raise FileTooLargeError(size, MAX_FILE_BYTES if limit is None else limit)

    async def spool(self) -> Path:
        """Return a new empty file of this profile, to be filled and sent: it is deleted once that was done."""
        folder = self._folder / COPIES
        await asyncio.to_thread(make_private_folder, folder)
        path = folder / os.urandom(8).hex()
        await asyncio.to_thread(path.touch, 0o600)
        return path

    async def _reach(self, message: MessageId, place: str, wait: WaitFor, timeout_s: float) -> Sent:
        file = await self._client.do(lambda _now: self._client.engine.files.book.named(message.hex()))
        publisher, rank = self._client.turns.publisher, STATE_RANK[wait]
        reached = publisher.reached(message.hex(), rank)
        self._moved_s[file.row] = time.monotonic()
        try:
            while not reached.done() and file.row not in self._errors:
                if self._moved_s[file.row] + timeout_s < time.monotonic():
                    raise self._client.talk.late(place, wait, timeout_s)
                own = await self._client.do(lambda _now: self._client.store.own_message(message))
                if own is not None and own.state and STATE_RANK[own.state] >= rank:
                    break
                await asyncio.wait({reached}, timeout=LOOK_S)
        finally:
            publisher.forget(message.hex(), reached)
        if (error := self._errors.pop(file.row, None)) is not None:
            raise error
        ends = time.monotonic() + timeout_s
        return await self._client.talk.await_state(message.hex(), place, wait, timeout_s, ends)

    # --- fetching --------------------------------------------------------------------------------------------

    async def fetch(self, message_id: str, target: Path | None = None, *, timeout_s: float | None = None) -> File:
        """Get an offered file; returns when it is whole.

        Args:
            timeout_s: give up waiting (not fetching) when it did not move for so long; None: never.
        """
        place = None if target is None else _absolute(target)
        was = await self._client.do(lambda _now: self._client.engine.files.book.named(message_id))
        if was.state == "done" and not was.mine:
            return await self._have(was, message_id, place)
        wanted = None if place is None else str(place)
        self._errors.pop(was.row, None)  # before it begins: a path that is taken is told at once
        file = await self._client.do(lambda _now: self._client.engine.files.fetch(message_id, wanted))
        self._moved_s[file.row] = time.monotonic()
        while True:
            ended = self._ended
            file = await self._client.do(lambda _now: self._client.engine.files.book.named(message_id))
            if file.state == "done":
                return await self._event(file)
            if (error := self._errors.pop(file.row, None)) is not None:
                raise error
            if file.state in ("paused", "cancelled", "failed"):
                raise UsageError(_("The file is not being fetched any more."))
            if timeout_s is not None and self._moved_s[file.row] + timeout_s < time.monotonic():
                raise self._client.talk.late("", "sent", timeout_s)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), LOOK_S)

    async def _have(self, file: FileRecord, message_id: str, target: Path | None) -> File:
        return await self._event(file, None if target is None else await self._save(message_id, target))

    async def _event(self, file: FileRecord, copied_to: Path | None = None) -> File:
        conversation, _author = await self._client.do(lambda _now: self._client.store.file_conversation(file.row))
        path = str(copied_to) if copied_to is not None else file.source if file.mine else file.path
        return File(file.message.hex(), conversation, file.name, file.state, file.done, file.size, path, file.reason)

    async def pause(self, message_id: str) -> None:
        """Stop moving it for now; what is here stays."""
        await self._client.do(lambda _now: self._client.engine.files.pause(message_id))

    async def resume(self, message_id: str) -> None:
        """Go on."""
        await self._client.do(lambda _now: self._client.engine.files.resume(message_id))

    async def cancel(self, message_id: str) -> None:
        """Give it up and delete what is here of it."""
        await self._client.do(lambda _now: self._client.engine.files.cancel(message_id))

    async def save_copy(self, message_id: str, target: Path) -> None:
        """Copy a finished file to a new place. Never overwrites."""
        await self._save(message_id, target)

    async def _save(self, message_id: str, target: Path) -> Path:
        file = await self._client.do(lambda _now: self._client.engine.files.book.named(message_id))
        path = file.source if file.mine else file.path
        if file.state != "done" or path is None:
            raise UsageError(_("The file is not here (yet): fetch it first."))
        return await asyncio.to_thread(_copy, Path(path), _absolute(target), file.name)

    async def of(self, conversation: str, limit: int = 200) -> Sequence[Message]:
        """Messages with files in a conversation, latest first."""
        store, place = self._client.store, self._client.past.at(conversation)

        def read() -> list[Message]:
            shown = (store.shown(row) for row in store.files_in(place, limit))
            return [message for message in shown if message is not None]

        return await self._client.do(lambda _now: read())


def _absolute(path: Path) -> Path:
    """A path as it is kept. Raises UsageError: bytes that are no UTF-8, which the database has no form for."""
    found = os.path.abspath(user_path(path))
    if not is_unicode(found):
        raise UsageError(_("{word!a} is not text in UTF-8.").format(word=found))
    return Path(found)


def _second_name(path: Path, folder: Path) -> Path:
    """Give a file another name in a folder of ours, without copying it where that can be. Raises FileUnreadableError,
    DiskError."""
    make_private_folder(folder)
    second = folder / os.urandom(8).hex()
    identity_of(path)
    try:
        os.link(path, second, follow_symlinks=False)
    except OSError:  # a file system without links
        copy(path, second)
    return second


def _copy(source: Path, target: Path, name: str) -> Path:
    place = target / name if target.is_dir() else target
    copy(source, place)
    return place
