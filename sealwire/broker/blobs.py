"""Blobs at the broker: who owns them, how much, who may read, what is there of each. No I/O: jobs go out, results come.

An entry in the table comes first, then the bytes, then a sync and the entry's second half; on the way out the entry
goes first. So whatever dies in between leaves a file without an entry, which the next start deletes, and never an
entry that promises what is not there.

Source: protocol.md §17.2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final

from sealwire.broker.admission import Bucket
from sealwire.broker.blobjobs import (
    Asked,
    BlobDone,
    BlobJob,
    BlobOp,
    BlobRow,
    DropBlobs,
    EraseFiles,
    KeepBlob,
    PutChunk,
    ReadFile,
    SealBlob,
    SealFile,
)
from sealwire.broker.port import BrokerSettings, Op
from sealwire.crypto.primitives import H, equal
from sealwire.ids import Millis
from sealwire.wire import blobs as wire
from sealwire.wire.blobs import SEALED_CHUNK_BYTES, BlobId, BlobState, chunk_count, chunk_length
from sealwire.wire.frames import Code

QUEUE_BYTES: Final = 16 * 1024 * 1024
"""Chunks on their way to or from the disk, broker-wide; past it a request is answered BUSY."""
REFUSALS: Final = (Code.STORAGE, Code.RATE, Code.SIZE, Code.UNKNOWN, Code.QUOTA, Code.BUSY, Code.INVALID)
"""Why a request about a blob is refused; each is counted."""
BUSY_MS: Final = 100
FULL_MS: Final = 5_000
EXPIRE_BLOBS: Final = 100
"""Blobs that expire in one look: the rest a second later."""


class Blob:
    """One blob in memory."""

    __slots__ = ("account", "at_ms", "chunks", "done", "entered", "id", "next", "reader", "sealing", "size", "waiting")

    def __init__(self, row: BlobRow, entered: bool) -> None:
        self.id = row.blob
        self.account = row.account
        self.size = row.size
        self.reader = row.reader
        self.at_ms = row.at_ms
        self.done = row.done
        self.chunks = self.next = row.chunks  # on disk; handed to the disk
        self.entered = entered
        self.sealing: list[Asked] = []
        self.waiting: list[tuple[int, Asked]] = []  # for chunk n to be written, for -1: until nothing is under way


class Usage:
    """What one account holds, and how fast it moves."""

    __slots__ = ("bucket", "bytes", "files")

    def __init__(self) -> None:
        self.files = self.bytes = 0
        self.bucket: Bucket | None = None


class Blobs:
    """All blobs.

    Args:
        ops: the ledger's operations for the next job of the database.
        rows: what the database and the folder hold at the start, oldest first.
    """

    def __init__(self, settings: BrokerSettings, ops: deque[Op], rows: Iterable[BlobRow]) -> None:
        self._settings = settings
        self._ops = ops
        self._blobs: dict[BlobId, Blob] = {}
        self._usage: dict[str, Usage] = {}
        self._doomed: dict[str, tuple[BlobId, ...]] = {}
        self._moving = 0
        self.jobs: list[BlobJob] = []
        self.counts = dict.fromkeys(("blob_bytes_in", "blob_bytes_out", "blobs_expired", "blobs_lost"), 0)
        self.refusals = dict.fromkeys(REFUSALS, 0)
        lost = []
        for row in rows:
            if row.chunks < 0:
                lost.append(row.blob)
            else:
                self._add(Blob(row, entered=True))
        self.counts["blobs_lost"] += len(lost)
        self._forget(lost)

    def status(self) -> dict[str, int]:
        """How many, how large, and what was counted."""
        refused = {f"blob_rejected_{code.name.lower()}": count for code, count in self.refusals.items()}
        total = sum(usage.bytes for usage in self._usage.values())
        return {"blobs": len(self._blobs), "blob_bytes": total, **self.counts, **refused}

    def held_by(self, account: str) -> tuple[int, int]:
        """(files, bytes) of an account."""
        usage = self._usage.get(account)
        return (usage.files, usage.bytes) if usage is not None else (0, 0)

    # --- requests --------------------------------------------------------------------------------------------

    def ask(self, asked: Asked, request: wire.BlobRequest, now: float, mail_ms: Millis) -> None:
        """Take one request; its answer goes to ``asked``, now or later.

        Source: protocol.md §17.3.
        """
        match request:
            case wire.BlobOpen():
                self._open(asked, request, mail_ms)
            case wire.BlobPut():
                self._put(asked, request, now)
            case wire.BlobCommit():
                self._commit(asked, BlobId(request.blob))
            case wire.BlobStat():
                self._stat(asked, request)
            case wire.BlobGet():
                self._get(asked, request, now)
            case wire.BlobDrop():
                self._drop(asked, BlobId(request.blob))

    def _refuse(self, asked: Asked, code: Code, retry_after_ms: int = 0) -> None:
        self.refusals[code] += 1
        asked.answer(code, b"", retry_after_ms)

    def _open(self, asked: Asked, request: wire.BlobOpen, mail_ms: Millis) -> None:
        blob = self._blobs.get(BlobId(request.blob))
        account = asked.link.account_name
        if blob is not None:
            same = (blob.account, blob.size, blob.reader) == (account, request.size, request.reader)
            if not same:
                self._refuse(asked, Code.INVALID)
            elif blob.entered:
                self._tell(blob, asked)
            else:
                blob.waiting.append((-1, asked))
            return
        code = self._room(account, request.size)
        if code is not None:
            self._refuse(asked, code)
            return
        row = BlobRow(BlobId(request.blob), account, request.size, request.reader, mail_ms, False)
        self._add(Blob(row, entered=False))
        self._ops.append(KeepBlob(asked, row.blob, account, row.size, row.reader, mail_ms))

    def _room(self, account: str, size: int) -> Code | None:
        settings = self._settings
        files, held = self.held_by(account)
        if size > settings.blob_file_bytes or not wire.is_blob_size(size):
            return Code.SIZE
        if files >= settings.blob_files or held + size > settings.blob_quota_bytes:
            return Code.QUOTA
        return None

    def _put(self, asked: Asked, request: wire.BlobPut, now: float) -> None:
        blob = self._own(asked, BlobId(request.blob))
        if blob is None:
            return
        index, length = request.index, len(request.chunk)
        if index >= chunk_count(blob.size) or index > blob.next or length != chunk_length(blob.size, index):
            self._refuse(asked, Code.INVALID)
        elif index < blob.chunks:
            asked.answer(Code.OK)
        elif index < blob.next:
            blob.waiting.append((index, asked))
        elif self._may_move(asked, length, now):
            blob.next += 1
            blob.waiting.append((index, asked))
            self._moving += length
            self.jobs.append(PutChunk(blob.id, index * SEALED_CHUNK_BYTES, request.chunk))

    def _may_move(self, asked: Asked, length: int, now: float) -> bool:
        """Whether one more chunk may go to or from the disk; answers when not."""
        if self._moving + length > QUEUE_BYTES:
            self._refuse(asked, Code.BUSY, BUSY_MS)
            return False
        rate = self._settings.blob_bytes_per_s
        usage = self._usage_of(asked.link.account_name)
        if usage.bucket is None:
            usage.bucket = Bucket(rate, now)
        if usage.bucket.take(length, rate, max(rate, length), now):  # the least rate is less than a chunk a second
            return True
        self._refuse(asked, Code.RATE, usage.bucket.wait_ms(length, rate))
        return False

    def _commit(self, asked: Asked, blob_id: BlobId) -> None:
        blob = self._own(asked, blob_id)
        if blob is None:
            return
        if blob.done:
            asked.answer(Code.OK)
        elif blob.chunks < chunk_count(blob.size):
            self._refuse(asked, Code.INVALID)
        else:
            blob.sealing.append(asked)
            if len(blob.sealing) == 1:
                self.jobs.append(SealFile(blob.id, blob.size))

    def _stat(self, asked: Asked, request: wire.BlobStat) -> None:
        blob = self._readable(asked, request.blob, request.secret)
        if blob is not None:
            asked.answer(Code.OK, wire.encode_blob_state(BlobState(size=blob.size, chunks=blob.chunks, done=blob.done)))

    def _get(self, asked: Asked, request: wire.BlobGet, now: float) -> None:
        blob = self._readable(asked, request.blob, request.secret)
        if blob is None:
            return
        if not blob.done or request.index >= chunk_count(blob.size):
            self._refuse(asked, Code.INVALID)
            return
        length = chunk_length(blob.size, request.index)
        if self._may_move(asked, length, now):
            self._moving += length
            self.jobs.append(ReadFile(asked, blob.id, request.index * SEALED_CHUNK_BYTES, length))

    def _drop(self, asked: Asked, blob_id: BlobId) -> None:
        blob = self._blobs.get(blob_id)
        if blob is None or not blob.entered or blob.account != asked.link.account_name:
            asked.answer(Code.OK)  # not there, or nobody's business
            return
        self._remove(blob)
        self._ops.append(DropBlobs(asked, (blob.id,)))

    def _own(self, asked: Asked, blob_id: BlobId) -> Blob | None:
        blob = self._blobs.get(blob_id)
        if blob is None or not blob.entered or blob.account != asked.link.account_name:
            self._refuse(asked, Code.UNKNOWN)
            return None
        return blob

    def _readable(self, asked: Asked, blob_id: bytes, secret: bytes) -> Blob | None:
        """A blob whose secret is known; without it there is no such blob."""
        blob = self._blobs.get(BlobId(blob_id))
        if not equal(H("blob", secret), bytes(32) if blob is None else blob.reader) or blob is None:
            self._refuse(asked, Code.UNKNOWN)
            return None
        return blob

    def _tell(self, blob: Blob, asked: Asked) -> None:
        """Tell the owner what is there, once nothing is on its way to the disk."""
        if blob.chunks < blob.next:
            blob.waiting.append((-1, asked))
            return
        end = min(blob.size, blob.chunks * SEALED_CHUNK_BYTES)
        if not end:
            self._answer_state(blob, asked, b"")
            return
        self._moving += wire.TAIL_BYTES
        self.jobs.append(ReadFile(asked, blob.id, end - wire.TAIL_BYTES, wire.TAIL_BYTES))

    def _answer_state(self, blob: Blob, asked: Asked, tail: bytes) -> None:
        state = BlobState(size=blob.size, chunks=blob.chunks, done=blob.done, tail=tail)
        asked.answer(Code.OK, wire.encode_blob_state(state))

    # --- the files -------------------------------------------------------------------------------------------

    def done(self, event: BlobDone) -> None:
        """A job on the files has ended."""
        match event.job:
            case PutChunk(blob=blob_id, chunk=chunk):
                self._moving -= len(chunk)
                self._written(blob_id, len(chunk), event.outcome)
            case SealFile(blob=blob_id):
                self._synced(blob_id, event.outcome)
            case ReadFile(ref=asked, blob=blob_id, length=length):
                self._moving -= length
                assert isinstance(asked, Asked)
                self._was_read(asked, blob_id, event)
            case EraseFiles():
                pass

    def _written(self, blob_id: BlobId, length: int, outcome: str) -> None:
        blob = self._blobs.get(blob_id)
        if blob is None:
            return  # dropped meanwhile; its file goes with the job behind this one
        if outcome == "failed":
            self._lose(blob)
            return
        if outcome == "full":
            blob.next = blob.chunks  # what was queued behind it finds the file too short and is refused like it
            self._settle(blob, Code.STORAGE)
            return
        blob.chunks += 1
        self.counts["blob_bytes_in"] += length
        self._settle(blob, Code.OK)

    def _settle(self, blob: Blob, code: Code) -> None:
        """Answer who waits for what has been written, or for everything when nothing is under way any more."""
        waiting, blob.waiting = blob.waiting, []
        for index, asked in waiting:
            if code is Code.STORAGE and index >= 0:
                self._refuse(asked, code, FULL_MS)
            elif 0 <= index < blob.chunks:
                asked.answer(Code.OK)
            elif index < 0 and blob.chunks == blob.next:
                self._tell(blob, asked)
            else:
                blob.waiting.append((index, asked))

    def _synced(self, blob_id: BlobId, outcome: str) -> None:
        blob = self._blobs.get(blob_id)
        if blob is None:
            return
        if outcome == "done":
            self._ops.append(SealBlob(None, blob_id))
            return
        if outcome == "failed":
            self._lose(blob)
            return
        self._answer_sealing(blob, Code.STORAGE)

    def _answer_sealing(self, blob: Blob, code: Code) -> None:
        sealing, blob.sealing = blob.sealing, []
        for asked in sealing:
            if code is Code.OK:
                asked.answer(code)
            else:
                self._refuse(asked, code, FULL_MS)

    def _was_read(self, asked: Asked, blob_id: BlobId, event: BlobDone) -> None:
        blob = self._blobs.get(blob_id)
        if blob is None or event.outcome != "done":
            if blob is not None:
                self._lose(blob)
            self._refuse(asked, Code.UNKNOWN)
        elif len(event.content) == wire.TAIL_BYTES:
            self._answer_state(blob, asked, event.content)
        else:
            self.counts["blob_bytes_out"] += len(event.content)
            asked.answer(Code.OK, event.content)

    def _lose(self, blob: Blob) -> None:
        """The disk does not hold what it should: nobody may have it, and its owner hears UNKNOWN and begins again."""
        self.counts["blobs_lost"] += 1
        self._remove(blob)
        self._forget([blob.id])

    # --- the table -------------------------------------------------------------------------------------------

    def result(self, op: BlobOp, is_done: bool) -> None:
        """An operation of the database was committed, or refused by a full disk."""
        match op:
            case KeepBlob(ref=asked, blob=blob_id):
                self._kept(asked, blob_id, is_done)
            case SealBlob(blob=blob_id):
                blob = self._blobs.get(blob_id)
                if blob is not None:
                    blob.done = is_done
                    self._answer_sealing(blob, Code.OK if is_done else Code.STORAGE)
            case DropBlobs(ref=asked, blobs=blobs):
                self.jobs.append(EraseFiles(blobs))
                if isinstance(asked, Asked):
                    asked.answer(Code.OK)

    def _kept(self, asked: object, blob_id: BlobId, is_done: bool) -> None:
        assert isinstance(asked, Asked)
        blob = self._blobs.get(blob_id)
        if blob is None:  # its account was deleted meanwhile
            self._forget([blob_id])
            self._refuse(asked, Code.UNKNOWN)
            return
        if not is_done:
            self._remove(blob)
            for waiting in (asked, *(one for _, one in blob.waiting)):
                self._refuse(waiting, Code.STORAGE, FULL_MS)
            return
        blob.entered = True
        self._answer_state(blob, asked, b"")
        self._settle(blob, Code.OK)

    # --- coming and going ------------------------------------------------------------------------------------

    def _usage_of(self, account: str) -> Usage:
        usage = self._usage.get(account)
        if usage is None:
            usage = self._usage[account] = Usage()
        return usage

    def _add(self, blob: Blob) -> None:
        self._blobs[blob.id] = blob
        usage = self._usage_of(blob.account)
        usage.files += 1
        usage.bytes += blob.size

    def _remove(self, blob: Blob) -> None:
        """Out of memory at once; whoever waits is told."""
        del self._blobs[blob.id]
        usage = self._usage_of(blob.account)
        usage.files -= 1
        usage.bytes -= blob.size
        if blob.entered:
            for asked in (*blob.sealing, *(one for _, one in blob.waiting)):
                self._refuse(asked, Code.UNKNOWN)
            blob.sealing, blob.waiting = [], []

    def _forget(self, blobs: list[BlobId]) -> None:
        if blobs:
            self._ops.append(DropBlobs(None, tuple(blobs)))

    def tick(self, mail_ms: Millis) -> None:
        """Let go of what is too old, whoever owns it, whole or not."""
        oldest_ms = mail_ms - self._settings.blob_days * 24 * 3600 * 1000
        old = [blob for blob in islice(self._blobs.values(), EXPIRE_BLOBS) if blob.at_ms < oldest_ms and blob.entered]
        for blob in old:
            self._remove(blob)
        self.counts["blobs_expired"] += len(old)
        self._forget([blob.id for blob in old])

    def leave(self, account: str) -> None:
        """An account is being deleted: nothing of it may be had any more. Its rows go with the account's own."""
        gone = [blob for blob in self._blobs.values() if blob.account == account]
        for blob in gone:
            self._remove(blob)
        self._doomed[account] = self._doomed.get(account, ()) + tuple(blob.id for blob in gone)
        self._usage.pop(account, None)

    def left(self, account: str) -> None:
        """The account's rows are gone: so may the files."""
        blobs = self._doomed.pop(account, ())
        if blobs:
            self.jobs.append(EraseFiles(blobs))
