"""The one who moves files: a bulk link session, a window of four requests, the files in turn. No I/O of its own.

Driven like the engine: frames and the time go in, frames come out; what is told stands in ``news``::

    mover.receive(frame, now_s) ...
    mover.settle(now_s)
    frames, hangup = mover.take()       # send them first: what is asked travels while we work
    busy = mover.work()                 # True: call again, there may be more

Source: protocol.md §17.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from sealwire.crypto.identity import Identity
from sealwire.crypto.primitives import Rng
from sealwire.errors import RemoteProtocolError, SealwireError
from sealwire.peer.download import Download
from sealwire.peer.login import Credentials, LinkSession, LinkState
from sealwire.peer.moves import Dropped, MoveFailed, News
from sealwire.peer.pulse import Beat, Pulse
from sealwire.peer.upload import Upload
from sealwire.peer.waits import heeded_s
from sealwire.wire.blobs import BULK_WINDOW, BlobDrop, BlobRequest, decode_bulk_response, encode_blob_request
from sealwire.wire.control import Response
from sealwire.wire.frames import (
    Code,
    Verb,
    decode_reject,
    decode_reset,
    decode_u64,
    encode_bye,
    encode_ping,
    encode_pong,
)

MAX_JOBS: Final = 4
"""Files that move at once each way; the others wait, so that each gets somewhere, and hold neither a descriptor nor
chunks meanwhile. Each way by itself: uploads wait for a broker that is full, and downloads are what empties it."""
IDLE_S: Final = 30.0
"""A connection that moves nothing is closed after so long."""
ANSWER_S: Final = 60.0
"""A request may wait for a disk; past this the link is given up and the file goes on over another one."""
REFUSED_S: Final = 5.0


class Removal:
    """A blob on its way out."""

    def __init__(self, row: int, blob: bytes, news: list[News]) -> None:
        self.row = row
        self._blob = blob
        self._news = news
        self._asked = False
        self.is_over = False
        self.wait_until_s = 0.0

    def next(self, request_id: int) -> BlobRequest | None:
        """Return the next request, None when there is none now."""
        if self._asked:
            return None
        self._asked = True
        return BlobDrop(id=request_id, blob=self._blob)

    def answered(self, _request: BlobRequest, response: Response, now_s: float) -> None:
        """Take an answer."""
        if response.code == Code.OK:
            self.is_over = True
            self._news.append(Dropped(self.row))
        else:
            self._asked = False
            self.wait_until_s = now_s + REFUSED_S

    def link_lost(self) -> None:
        """Ask again."""
        self._asked = False

    def work(self) -> bool:
        """There is none."""
        return False

    def close(self) -> None:
        """Stop."""
        self.is_over = True


Job = Upload | Download | Removal


class _Open(Struct):
    job: Job
    request: BlobRequest
    sent_s: float


class Mover:
    """One device's bulk connection and the files it moves."""

    def __init__(self, identity: Identity, credentials: Credentials, rng: Rng) -> None:
        self._identity = identity
        self._credentials = credentials
        self._rng = rng
        self._link = LinkSession(identity, credentials, rng, "bulk")
        self._pulse = Pulse()
        self._jobs: list[Job] = []
        self._queues: Final[dict[type[Job], dict[int, Callable[[], Job]]]] = {Upload: {}, Download: {}}
        """What waits for its turn: by way and message, how to begin it; oldest first."""
        self._open: dict[int, _Open] = {}
        self._next_id = 1
        self._frames: list[bytes] = []
        self._hangup = False
        self._idle_since_s = 0.0
        self.not_before_s = 0.0
        """No connection before this time: the broker asked for it."""
        self.news: list[News] = []

    # --- files -----------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether any file is under way."""
        return bool(self._jobs)

    def queue(self, way: type[Upload] | type[Download], row: int, make: Callable[[], Job]) -> None:
        """Have a file moved as soon as it is its turn; one of the same message that is under way ends."""
        self.end(row)
        self._queues[way][row] = make
        self._admit()

    def remove(self, removal: Removal) -> None:
        """Have a blob removed at once; a file of the same message that is under way ends."""
        self.end(removal.row)
        self._jobs.append(removal)

    def end(self, row: int) -> None:
        """Stop moving a file; both sides keep what they have."""
        for queue in self._queues.values():
            queue.pop(row, None)
        for job in self._jobs:
            if job.row == row:
                job.close()
        self._admit()

    def _admit(self) -> None:
        """Let go of what is over, and begin what waits where there is room."""
        self._jobs = [job for job in self._jobs if not job.is_over]
        for way, queue in self._queues.items():
            while queue and sum(isinstance(job, way) for job in self._jobs) < MAX_JOBS:
                row = next(iter(queue))
                try:
                    self._jobs.append(queue.pop(row)())
                except SealwireError as error:
                    self.news.append(MoveFailed(row, error))

    def job(self, row: int) -> Job | None:
        """The file of a message, if it is under way."""
        return next((job for job in self._jobs if job.row == row), None)

    # --- the link --------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the link session is open."""
        return self._link.state is LinkState.OPEN

    def connect(self, now_s: float) -> None:
        """A connection was admitted: greet."""
        self._link = LinkSession(self._identity, self._credentials, self._rng, "bulk")
        self._pulse.connected(now_s, self._rng)
        self._frames.append(self._link.greet())
        self._idle_since_s = now_s

    def disconnected(self) -> None:
        """The connection is gone: what was asked is asked again on the next one."""
        self._link.state = LinkState.DOWN
        self._open.clear()
        self._frames.clear()
        self._hangup = False
        for job in self._jobs:
            job.link_lost()

    def goodbye(self) -> None:
        """We leave: say so."""
        if self.is_open:
            self._frames.append(encode_bye(self._link.token))

    def receive(self, frame: bytes, now_s: float) -> None:
        """Take one frame; bytes that are not in the protocol end the link."""
        self._pulse.heard(now_s)
        try:
            self._dispatch(frame, now_s)
        except RemoteProtocolError:
            self._hangup = True

    def _dispatch(self, frame: bytes, now_s: float) -> None:
        if not frame or self._hangup:
            return
        verb = frame[0]
        if verb == Verb.RESET:
            _reason, jitter_ms = decode_reset(frame)
            self._give_up(now_s, max(heeded_s(jitter_ms), 1.0))
        elif self._link.state is LinkState.OPEN:
            self._open_frame(verb, frame, now_s)
        elif self._link.state is LinkState.GREETING:
            self._frames.append(self._link.prove(frame))
        elif verb == Verb.REJECT:
            _seq, _code, retry_after_ms = decode_reject(frame)
            self._give_up(now_s, max(heeded_s(retry_after_ms), REFUSED_S))
        else:
            self._link.open(frame)
            self._idle_since_s = now_s

    def _give_up(self, now_s: float, pause_s: float) -> None:
        self._hangup = True
        self.not_before_s = now_s + pause_s

    def _open_frame(self, verb: int, frame: bytes, now_s: float) -> None:
        match verb:
            case Verb.RESPONSE:
                self._answered(decode_bulk_response(frame), now_s)
            case Verb.PING:
                self._frames.append(encode_pong(self._link.token, decode_u64(frame)))
            case Verb.PONG:
                decode_u64(frame)
                self._pulse.answered()
            case _:
                raise RemoteProtocolError("unexpected verb")

    def _answered(self, response: Response, now_s: float) -> None:
        entry = self._open.pop(response.id, None)
        if entry is not None and not entry.job.is_over:
            entry.job.answered(entry.request, response, now_s)

    # --- turns -----------------------------------------------------------------------------------------------

    def work(self) -> bool:
        """Do a piece of each file's local work; True when there was any."""
        worked = False
        for job in self._jobs:
            worked = job.work() or worked
        self._admit()
        return worked

    def settle(self, now_s: float) -> None:
        """Ask for what can be asked now, and look at the link."""
        if self._jobs or self._open:
            self._idle_since_s = now_s
        if self.is_open and not self._hangup:
            self._ask(now_s)
            self._watch(now_s)
        elif self._link.state is not LinkState.DOWN and self._pulse.login_is_dead(now_s):
            self._hangup = True
        self._admit()

    def _ask(self, now_s: float) -> None:
        """Fill the window, one request of each file in turn."""
        asked = True
        while asked and len(self._open) < BULK_WINDOW:
            asked = False
            for job in list(self._jobs):
                if len(self._open) >= BULK_WINDOW or job.wait_until_s > now_s:
                    continue
                request = job.next(self._next_id)
                if request is not None:
                    asked = True
                    self._send(job, request, now_s)
            self._jobs = self._jobs[1:] + self._jobs[:1]

    def _send(self, job: Job, request: BlobRequest, now_s: float) -> None:
        self._open[self._next_id] = _Open(job, request, now_s)
        self._next_id = self._next_id % 0xFFFF_FFFF + 1
        self._frames.append(encode_blob_request(self._link.token, request))

    def _watch(self, now_s: float) -> None:
        beat = self._pulse.check(now_s, False)
        oldest_s = min((entry.sent_s for entry in self._open.values()), default=now_s)
        if beat is Beat.DEAD or now_s - oldest_s > ANSWER_S:
            self._hangup = True
        elif beat is Beat.PING:
            self._frames.append(encode_ping(self._link.token, 1))
        elif now_s - self._idle_since_s > IDLE_S:
            self.goodbye()
            self._hangup = True

    def take(self) -> tuple[list[bytes], bool]:
        """Return what to send, and whether to end the connection after it."""
        frames, self._frames = self._frames, []
        hangup, self._hangup = self._hangup, False
        return frames, hangup

    def deadline(self, now_s: float) -> float:
        """Monotonic time of the next turn that is due without input."""
        times = [now_s + 1.0]
        times += [job.wait_until_s for job in self._jobs if job.wait_until_s > now_s]
        return min(times)
