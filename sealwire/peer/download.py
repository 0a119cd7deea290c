"""A download: from a blob to a file that has its name only when every byte of it is verified.

Source: protocol.md §17.1, §17.3.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import Final

from sealwire.crypto.attachments import ChunkStream, blob_size
from sealwire.crypto.primitives import equal
from sealwire.errors import DiskError, FileDamagedError, FileGoneError, RefusedError, SealwireError, TargetExistsError
from sealwire.peer.moves import Downloaded, MoveFailed, News, Plan, Progressed, Sink
from sealwire.peer.upload import MAX_STALLS, PAUSE_S, VERIFY_CHUNKS, WAITED_OUT
from sealwire.peer.waits import heeded_s
from sealwire.wire.blobs import (
    BULK_WINDOW,
    CHUNK_BYTES,
    BlobGet,
    BlobRequest,
    BlobStat,
    chunk_count,
    decode_blob_state,
)
from sealwire.wire.control import Response
from sealwire.wire.frames import Code

PREFETCH: Final = BULK_WINDOW + 1
"""Chunks asked for, or here and not opened yet: a window of them is on its way while one is being opened."""


class _At(Enum):
    REBUILD = "rebuild"
    ASK = "ask"
    ASKED = "asked"
    GET = "get"
    FINISH = "finish"
    ENDED = "ended"


class Download:
    """One file on its way here."""

    def __init__(self, plan: Plan, sink: Sink, news: list[News]) -> None:
        self.row = plan.row
        self._plan = plan
        self._sink = sink
        self._news = news
        self._size = blob_size(plan.size)
        self._count = chunk_count(self._size)
        self._ready: dict[int, bytes] = {}
        self._in_flight: set[int] = set()
        self._stalls = 0
        self.wait_until_s = 0.0
        self._there = -1  # chunks of an earlier try: not known yet
        self._goes_on = False
        self._rewind()

    def _rewind(self) -> None:
        plan = self._plan
        self._stream = ChunkStream(plan.key, plan.blob, plan.size, plan.runs)
        self._hash = hashlib.sha256()
        self._ready.clear()
        self._at = _At.REBUILD

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to do."""
        return self._at is _At.ENDED

    def close(self) -> None:
        """Stop; what is here stays for another try."""
        self._at = _At.ENDED
        self._sink.close()

    def link_lost(self) -> None:
        """Nothing that was asked will be answered."""
        self._in_flight.clear()
        if self._at in {_At.ASKED, _At.GET}:
            self._at = _At.ASK

    # --- asking ----------------------------------------------------------------------------------------------

    def next(self, request_id: int) -> BlobRequest | None:
        """Return the next request, None when there is none now."""
        plan = self._plan
        if self._at is _At.ASK:
            self._at = _At.ASKED
            return BlobStat(id=request_id, blob=plan.blob, secret=plan.secret)
        if self._at is not _At.GET:
            return None
        opened = self._stream.next_index
        for index in range(opened, min(opened + PREFETCH, self._count)):
            if index not in self._in_flight and index not in self._ready:
                self._in_flight.add(index)
                return BlobGet(id=request_id, blob=plan.blob, secret=plan.secret, index=index)
        return None

    def answered(self, request: BlobRequest, response: Response, now_s: float) -> None:
        """Take an answer.

        Raises:
            RemoteProtocolError: it is not one to this question.
        """
        if isinstance(request, BlobGet):
            self._in_flight.discard(request.index)
        if self._at in {_At.ENDED, _At.REBUILD}:
            return  # asked for before it began again
        if response.code in WAITED_OUT:
            self.wait_until_s = max(self.wait_until_s, now_s + heeded_s(response.retry_after_ms))
            self._at = _At.ASK if self._at is _At.ASKED else self._at
        elif response.code == Code.UNKNOWN:
            self._fail(FileGoneError(), forget=True)
        elif response.code != Code.OK:
            self._refused(now_s)
        elif isinstance(request, BlobGet):
            self._stalls = 0
            self._ready[request.index] = response.body
        else:
            state = decode_blob_state(response.body)
            if state.size != self._size:
                self._fail(FileDamagedError(), forget=True)  # the message says another size than there is
            elif state.done:
                self._at = _At.GET
                self._end_if_whole()
            else:
                self._refused(now_s)

    def _refused(self, now_s: float) -> None:
        """It is not whole at the broker (yet)."""
        self._stalls += 1
        if self._stalls > MAX_STALLS:
            self._fail(FileGoneError())
            return
        self.wait_until_s = max(self.wait_until_s, now_s + PAUSE_S)
        self._at = _At.ASK if self._at is _At.ASKED else self._at

    # --- what came -------------------------------------------------------------------------------------------

    def _open_next(self) -> bool:
        sealed = self._ready.pop(self._stream.next_index, None)
        if sealed is None:
            return False
        try:
            self._take(sealed)
        except RefusedError:
            self._damaged()
        else:
            self._end_if_whole()
        return True

    def _take(self, sealed: bytes) -> None:
        index = self._stream.next_index
        padded = self._stream.open(sealed)
        at = index * CHUNK_BYTES
        length = max(0, min(len(padded), self._plan.size - at))
        if padded.count(0, length) != len(padded) - length:
            raise RefusedError("damaged")  # something hides behind the end of the file
        if length:
            content = padded[:length]
            self._hash.update(content)
            self._sink.write(at, content)
        self._news.append(Progressed(self.row, min(self._plan.size, at + length)))

    def _end_if_whole(self) -> None:
        if self._at is not _At.GET or self._stream.next_index < self._count:
            return
        if equal(self._hash.digest(), self._plan.digest):
            self._at = _At.FINISH
        else:
            self._damaged()

    def _damaged(self) -> None:
        """It does not verify. What an earlier try left may be to blame: then once more from the beginning."""
        if not self._goes_on:
            self._fail(FileDamagedError(), forget=True)
            return
        self._goes_on = False
        try:
            self._sink.cut(0)
        except DiskError as error:
            self._fail(error)
            return
        self._there = 0
        self._rewind()

    # --- local work ------------------------------------------------------------------------------------------

    def work(self) -> bool:
        """Do a piece of what needs no answer; True when there was something."""
        try:
            if self._at is _At.REBUILD:
                self._rebuild()
                return True
            if self._at is _At.GET:
                return self._open_next()
            if self._at is _At.FINISH:
                path, media_type = self._sink.finish()
                self._at = _At.ENDED
                self._news.append(Downloaded(self.row, path, media_type))
                return True
        except (DiskError, TargetExistsError) as error:
            self._fail(error)
            return True
        return False

    def _rebuild(self) -> None:
        """Seal again what an earlier try left: the stream stands where it stood, if these are the same bytes."""
        if self._there < 0:
            self._there = min(self._sink.there(), self._plan.size) // CHUNK_BYTES
            self._goes_on = self._there > 0
            self._sink.cut(self._there * CHUNK_BYTES)
        for _ in range(VERIFY_CHUNKS):
            index = self._stream.next_index
            if index == self._there:
                self._at = _At.ASK
                self._news.append(Progressed(self.row, index * CHUNK_BYTES))
                return
            content = self._sink.read(index * CHUNK_BYTES, CHUNK_BYTES)
            self._hash.update(content)
            self._stream.seal(content)

    def _fail(self, error: SealwireError, forget: bool = False) -> None:
        self._at = _At.ENDED
        self._sink.close()
        self._news.append(MoveFailed(self.row, error, forget))
