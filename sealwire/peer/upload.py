"""An upload: from a source on the disk to a blob that is whole, over any number of breaks.

Chunks are sealed once, in order, and kept until they are answered; a broken link repeats those very bytes. Whoever lost
the stream itself (another process went before) seals what has been sent again without sending it, compares where it
ends, and goes on in a run of its own.

Source: protocol.md §17.1, §17.3.
"""

from __future__ import annotations

import hashlib
from collections import deque
from enum import Enum
from typing import Final

from sealwire.crypto.attachments import ChunkStream, Run, blob_size, reader_of, tail_of
from sealwire.errors import (
    FileChangedError,
    FileQuotaError,
    FileRefusedError,
    FileTooLargeError,
    RemoteProtocolError,
    SealwireError,
)
from sealwire.peer.moves import Anew, MoveFailed, News, Plan, Progressed, RunWanted, Source, Uploaded, Waits
from sealwire.peer.waits import heeded_s
from sealwire.wire.blobs import (
    BULK_WINDOW,
    CHUNK_BYTES,
    BlobCommit,
    BlobDrop,
    BlobOpen,
    BlobPut,
    BlobRequest,
    BlobState,
    chunk_count,
    decode_blob_state,
)
from sealwire.wire.control import Response
from sealwire.wire.frames import Code

VERIFY_CHUNKS: Final = 32
"""Sealed again in one piece of work, 2 MiB: answers and other files wait no longer than that."""
AHEAD: Final = 2
"""Chunks sealed before there is room for them on the way: without them each answer waits for a seal."""
MAX_STALLS: Final = 20
"""Times in a row that the broker is asked how it stands without a chunk getting through."""
PAUSE_S: Final = 1.0
WAITED_OUT: Final = frozenset({Code.BUSY, Code.RATE, Code.STORAGE})


class _At(Enum):
    ASK = "ask"
    ASKED = "asked"
    VERIFY = "verify"
    WANT_RUN = "want run"
    SEND = "send"
    COMMIT = "commit"
    COMMITTED = "committed"
    DROP = "drop"
    DROPPED = "dropped"
    ENDED = "ended"


class Upload:
    """One file on its way to the broker."""

    def __init__(self, plan: Plan, source: Source, news: list[News]) -> None:
        self.row = plan.row
        self._plan = plan
        self._source = source
        self._news = news
        self._size = blob_size(plan.size)
        self._count = chunk_count(self._size)
        self._at = _At.ASK
        self._there = 0
        self._tail = b""
        self._kept: deque[tuple[int, bytes]] = deque()  # sealed and not answered
        self._in_flight: set[int] = set()
        self._refused = False
        self._stalls = 0
        self.wait_until_s = 0.0
        self._rewind()
        self._has_stream = plan.is_fresh

    def _rewind(self) -> None:
        plan = self._plan
        self._stream = ChunkStream(plan.key, plan.blob, plan.size, plan.runs)
        self._hash = hashlib.sha256()
        self._kept.clear()
        self._has_stream = False

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to do."""
        return self._at is _At.ENDED

    def close(self) -> None:
        """Stop; what the broker has stays there."""
        self._at = _At.ENDED
        self._source.close()

    def link_lost(self) -> None:
        """Nothing that was asked will be answered: ask how it stands first."""
        self._in_flight.clear()
        self._refused = False
        if self._at in {_At.ASKED, _At.SEND, _At.COMMIT, _At.COMMITTED}:
            self._at = _At.ASK
        elif self._at is _At.DROPPED:
            self._at = _At.DROP

    # --- what to ask -----------------------------------------------------------------------------------------

    def next(self, request_id: int) -> BlobRequest | None:
        """Return the next request, None when there is none now."""
        plan = self._plan
        match self._at:
            case _At.ASK if not self._in_flight:
                self._at = _At.ASKED
                return BlobOpen(id=request_id, blob=plan.blob, size=self._size, reader=reader_of(plan.secret))
            case _At.SEND if not self._refused:
                return self._put(request_id)
            case _At.COMMIT:
                self._at = _At.COMMITTED
                return BlobCommit(id=request_id, blob=plan.blob)
            case _At.DROP:
                self._at = _At.DROPPED
                return BlobDrop(id=request_id, blob=plan.blob)
        return None

    def _put(self, request_id: int) -> BlobRequest | None:
        if len(self._in_flight) >= BULK_WINDOW:
            return None
        waiting = next((one for one in self._kept if one[0] not in self._in_flight), None)
        if waiting is None:
            waiting = self._seal_next()
        if waiting is None:
            return None
        index, sealed = waiting
        self._in_flight.add(index)
        return BlobPut(id=request_id, blob=self._plan.blob, index=index, chunk=sealed)

    def _seal_next(self) -> tuple[int, bytes] | None:
        index = self._stream.next_index
        if index >= self._count:
            return None
        try:
            sealed = self._stream.seal(self._read(index))
        except FileChangedError as error:
            self._fail(error)
            return None
        self._kept.append((index, sealed))
        return index, sealed

    def _read(self, index: int) -> bytes:
        at = index * CHUNK_BYTES
        length = max(0, min(CHUNK_BYTES, self._plan.size - at))
        content = self._source.read(at, length) if length else b""
        self._hash.update(content)
        return content

    # --- what was answered -----------------------------------------------------------------------------------

    def answered(self, request: BlobRequest, response: Response, now_s: float) -> None:
        """Take an answer.

        Raises:
            RemoteProtocolError: it is not one to this question.
        """
        match request:
            case BlobOpen():
                self._opened(response, now_s)
            case BlobPut(index=index):
                self._was_put(index, response, now_s)
            case BlobCommit():
                self._was_committed(response, now_s)
            case BlobDrop():
                self._at = _At.ENDED
                self._source.close()
                self._news.append(Anew(self.row))

    def _opened(self, response: Response, now_s: float) -> None:
        if response.code == Code.OK:
            self._resume(decode_blob_state(response.body))
        elif response.code in WAITED_OUT:
            self._at = _At.ASK
            self._wait(response, now_s)
        elif response.code == Code.SIZE:
            self._fail(FileTooLargeError(self._plan.size, self._plan.limit))
        elif response.code == Code.QUOTA:
            self._fail(FileQuotaError())
        else:
            self._begin_anew()

    def _resume(self, state: BlobState) -> None:
        if state.size != self._size:
            raise RemoteProtocolError("a blob of another size than was opened")
        self._there, self._tail = state.chunks, state.tail
        first_kept = self._kept[0][0] if self._kept else self._stream.next_index
        if self._has_stream and first_kept <= state.chunks <= self._stream.next_index:
            while self._kept and self._kept[0][0] < state.chunks:
                self._kept.popleft()
            self._go_on()
        else:
            self._rewind()
            self._at = _At.VERIFY

    def _go_on(self) -> None:
        self._at = _At.SEND
        if self._there >= self._count:
            self._complete()

    def _was_put(self, index: int, response: Response, now_s: float) -> None:
        self._in_flight.discard(index)
        if response.code == Code.OK:
            self._kept = deque(one for one in self._kept if one[0] != index)
            self._stalls = 0
            self._there = max(self._there, index + 1)
            self._news.append(Progressed(self.row, min(self._plan.size, self._there * CHUNK_BYTES)))
            if self._there >= self._count and not self._kept:
                self._complete()
        elif response.code == Code.UNKNOWN:
            self._begin_anew()
            return
        else:
            self._refused = True
            self._wait(response, now_s)
        if self._refused and not self._in_flight and self._at is _At.SEND:
            self._refused = False
            self._at = _At.ASK  # what follows a refused chunk was refused with it: ask how it stands

    def _wait(self, response: Response, now_s: float) -> None:
        self._stalls += 1
        if response.code == Code.STORAGE:
            self._news.append(Waits(self.row))
        if response.code not in WAITED_OUT and self._stalls > MAX_STALLS:
            self._fail(FileRefusedError())
            return
        pause_s = max(heeded_s(response.retry_after_ms), PAUSE_S if response.code not in WAITED_OUT else 0.0)
        self.wait_until_s = max(self.wait_until_s, now_s + pause_s)

    def _complete(self) -> None:
        try:
            self._source.check()
        except FileChangedError as error:
            self._fail(error)
        else:
            self._at = _At.COMMIT

    def _was_committed(self, response: Response, now_s: float) -> None:
        if response.code == Code.OK:
            self._at = _At.ENDED
            self._source.close()
            self._news.append(Uploaded(self.row, self._hash.digest()))
        elif response.code == Code.UNKNOWN:
            self._begin_anew()
        else:
            self._at = _At.ASK
            self._wait(response, now_s)

    # --- local work ------------------------------------------------------------------------------------------

    def work(self) -> bool:
        """Do a piece of what needs no answer; True when there was something."""
        if self._at is _At.SEND and len(self._kept) - len(self._in_flight) < AHEAD:
            return self._seal_next() is not None
        if self._at is not _At.VERIFY:
            return False
        try:
            for _ in range(VERIFY_CHUNKS):
                index = self._stream.next_index
                if index == self._there:
                    self._verified()
                    break
                tail = tail_of(self._stream.seal(self._read(index)))
                if tail != self._expected(index, tail):
                    self._begin_anew()
                    break
        except FileChangedError as error:
            self._fail(error)
        return True

    def _expected(self, index: int, otherwise: bytes) -> bytes:
        """Where the stream must stand after a chunk, if that is known: at the end of what is there and of each run."""
        if index == self._there - 1:
            return self._tail
        plan = self._plan
        known = {run.first - 1: tail for run, tail in zip(plan.runs, plan.tails)}
        return known.get(index) or otherwise

    def _verified(self) -> None:
        if self._there >= self._count:
            self._has_stream = True
            self._complete()
        else:
            self._at = _At.WANT_RUN
            self._news.append(RunWanted(self.row, self._there, self._tail))

    def run_begins(self, run: Run) -> None:
        """The run that was wanted is stored: go on in it."""
        if self._at is _At.WANT_RUN and run.first == self._there == self._stream.next_index:
            self._stream.begin_run(run.header)
            self._has_stream = True
            self._go_on()

    # --- ends ------------------------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        self._at = _At.DROP
        self._kept.clear()

    def _fail(self, error: SealwireError) -> None:
        self._at = _At.ENDED
        self._source.close()
        self._news.append(MoveFailed(self.row, error))
