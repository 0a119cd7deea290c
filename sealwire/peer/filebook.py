"""The book of files: what is kept of each, what shall be done about it, and what people are told.

Source: protocol.md §17.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sealwire.crypto.attachments import HEADER_BYTES, Run
from sealwire.crypto.primitives import KEY_BYTES, Rng
from sealwire.errors import MessageIdError, UnknownFileError
from sealwire.ids import message_of
from sealwire.peer.events import Event, File, FileState
from sealwire.peer.filerecords import FileRecord, Litter
from sealwire.peer.moves import (
    BeginDownload,
    BeginUpload,
    DiscardCopy,
    DiscardFinished,
    DiscardPart,
    DropBlob,
    EndMove,
    KeepParts,
    MakeThumbnail,
    Order,
    Plan,
)
from sealwire.peer.prefs import Prefs
from sealwire.peer.records import MessageRow, Records
from sealwire.wire.file_content import FileOffer, FileRun
from sealwire.wire.word_content import Ref

BLOB_BYTES: Final = 16
_LIMIT: Final = "blob_file_bytes"


class FileBook:
    """Every file of a profile. Orders stand in :attr:`orders` until :meth:`take`, after the commit."""

    def __init__(
        self, records: Records, prefs: Prefs, rng: Rng, events: list[Event], is_answered: Callable[[str], bool]
    ) -> None:
        self._is_answered = is_answered
        self._records = records
        self._prefs = prefs
        self._rng = rng
        self._events = events
        self._swept: set[int] = set()
        self._looked_at: int | None = None
        """The records' count of wipes when litter was last looked for."""
        self.orders: list[Order] = []
        self._take_up()

    def _take_up(self) -> None:
        """A process begins: go on with everything that was moving."""
        parts, copies = self._records.files_with_parts(), self._records.file_copies()
        self.orders.append(KeepParts(frozenset(parts), frozenset(copies)))
        for file in self._records.files_moving():
            if file.mine and file.digest is not None:
                continue  # it is whole at the broker and waits for its thumbnail
            self._order(file)  # without a word to the disk: one that is full must not keep a profile from opening
        self.picture_all(None)

    def picture_all(self, name: str | None) -> None:
        """Have every thumbnail made that is still to be made (of what this person sent) and may be."""
        for file in self._records.files_unpictured():
            if name is None or self._records.file_conversation(file.row) == (name, name):
                self.picture(file)

    def picture(self, file: FileRecord) -> None:
        """Have a thumbnail made, unless there is one or a stranger sent it: each costs a process, before any answer."""
        conversation, author = self._records.file_conversation(file.row)
        if not file.is_pictured and (file.mine or conversation != author or self._is_answered(author)):
            self.orders.append(MakeThumbnail(file.row, file.source if file.mine else None, file.offered))

    @property
    def limit(self) -> int | None:
        """The largest blob the broker takes, 0 for none; None before it ever said so."""
        known = self._records.get(_LIMIT)
        return None if known is None else int.from_bytes(known, "big")

    def welcome(self, blob_file_bytes: int) -> None:
        """The broker said what it takes."""
        if blob_file_bytes != self.limit:
            self._records.put(_LIMIT, blob_file_bytes.to_bytes(8, "big"))

    # --- moving ----------------------------------------------------------------------------------------------

    def named(self, message_id: str) -> FileRecord:
        """The file of a message. Raises MessageIdError, UnknownFileError."""
        message = message_of(message_id)
        if message is None:
            raise MessageIdError(message_id)
        found = self._records.files_of(message)
        if not found:
            raise UnknownFileError(message_id)
        return found[0]

    def fresh_keys(self) -> dict[str, Any]:
        """Return everything a blob is made of that nobody may guess."""
        rng = self._rng
        runs = (Run(0, rng(HEADER_BYTES)),)
        return {
            "blob": rng(BLOB_BYTES),
            "secret": rng(KEY_BYTES),
            "key": rng(KEY_BYTES),
            "runs": runs,
            "tails": (b"",),
        }

    def begin(self, file: FileRecord) -> None:
        """Have a file moved. From here on nobody may take its stream for unused."""
        self._order(file)
        file.is_fresh, file.at_broker = False, file.mine
        self._records.put_file(file)

    def _order(self, file: FileRecord) -> None:
        if file.mine:
            assert file.source is not None, "what is sent has a source"
            self.orders.append(BeginUpload(self._plan(file), file.source, (file.size, file.mtime_ns)))
        else:
            self.orders.append(BeginDownload(self._plan(file), file.target, file.name))

    def _plan(self, file: FileRecord) -> Plan:
        return Plan(
            row=file.row,
            size=file.size,
            blob=file.blob,
            secret=file.secret,
            key=file.key,
            runs=file.runs,
            tails=file.tails,
            is_fresh=file.is_fresh,
            digest=file.digest or b"",
            limit=self.limit or 0,
        )

    def resume(self, file: FileRecord) -> None:
        """Have a file moved again, and say so."""
        if file.mine and not file.at_broker:  # what was there has been taken away: another blob, under other keys
            file = replace(file, **self.fresh_keys(), is_fresh=True, digest=None)
        file.reason = None
        file.state = "waiting"
        self.begin(file)
        self.tell(file, None, file.done)

    def discard_copy(self, file: FileRecord) -> None:
        """A copy that was made only to be sent is needed no longer."""
        if file.is_copy and file.source is not None:
            self.orders.append(DiscardCopy(file.source))
            file.source = None

    def drop(self, file: FileRecord, state: FileState) -> None:
        """The broker need not, or must not, keep a file of ours any longer."""
        self.orders.append(EndMove(file.row))
        if file.at_broker:
            self._records.add_litter(Litter(-file.row, True, file.blob, True, None, None, False))
            self._looked_at = None
        file.at_broker = False
        if state == "cancelled":
            self.discard_copy(file)
        if state == file.state:
            self._records.put_file(file)
        else:
            self.change(file, state)

    def change(self, file: FileRecord, state: FileState, *, done: int | None = None, reason: str | None = None) -> None:
        """Change the state of a file, and say so."""
        file.state = state
        file.reason = reason
        if done is not None:
            file.done = done
        self._records.put_file(file)
        self.tell(file, reason, file.done)

    def tell(self, file: FileRecord, reason: str | None, done: int) -> None:
        """Tell people how a file stands."""
        conversation, _author = self._records.file_conversation(file.row)
        path = file.source if file.mine else file.path
        told = File(
            id=file.message.hex(),
            conversation=conversation,
            name=file.name,
            state=file.state,
            done_bytes=done,
            size_bytes=file.size,
            path=path if file.state == "done" else None,
            reason=reason,
            thumbnail=file.thumbnail,
        )
        self._events.append(told)

    # --- the end of a turn -----------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Have taken away what is left of files whose messages are gone."""
        if self._looked_at == self._records.wipes:
            return
        self._looked_at = self._records.wipes
        for litter in self._records.file_litter():
            if litter.row not in self._swept:
                self._sweep(litter)

    def _sweep(self, litter: Litter) -> None:
        if litter.row > 0:
            self.orders.append(EndMove(litter.row))
        if litter.source is not None and litter.is_copy:
            self.orders.append(DiscardCopy(litter.source))
        if not litter.mine:
            self.orders.append(DiscardPart(litter.row))
        if litter.mine and litter.at_broker:
            self._wait_for(litter, DropBlob(litter.row, litter.blob))
        elif not litter.mine and litter.path is not None and self._prefs.delete_files:
            self._wait_for(litter, DiscardFinished(litter.row, litter.path))
        else:
            self._records.forget_litter(litter.row)

    def _wait_for(self, litter: Litter, order: Order) -> None:
        """It is forgotten once that is done: whatever dies before then leaves it for the next start."""
        self._swept.add(litter.row)
        self.orders.append(order)

    def dropped(self, row: int) -> None:
        """What was to go is gone."""
        self._records.forget_litter(row)
        self._swept.discard(row)

    def take(self) -> list[Order]:
        """What shall be done; call it after the commit."""
        orders, self.orders = self.orders, []
        return orders


def offer_of(file: FileRecord, own: MessageRow) -> FileOffer | None:
    """Return what is said to others of a file that is whole at the broker, None while it is not.

    Source: protocol.md §17.
    """
    if file.digest is None:
        return None
    return FileOffer(
        name=file.name,
        size=file.size,
        media_type=file.media_type,
        digest=file.digest,
        blob=file.blob,
        secret=file.secret,
        key=file.key,
        runs=[FileRun(run.first, run.header) for run in file.runs],
        caption=own.text,
        width=file.width,
        height=file.height,
        thumbnail=file.thumbnail or b"",
        answers=Ref(own.reply_author, own.reply_id) if own.reply_author and own.reply_id else None,
        forwarded=bool(own.forwarded),
        timer_s=own.timer_s,
    )
