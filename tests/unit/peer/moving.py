"""A mover and a real broker without sockets, and files in memory."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from sealwire.crypto.attachments import HEADER_BYTES, Run
from sealwire.errors import DiskError, FileChangedError, TargetExistsError
from sealwire.peer.download import Download
from sealwire.peer.login import Credentials
from sealwire.peer.mover import Mover
from sealwire.peer.moves import Anew, Downloaded, MoveFailed, Plan, RunWanted, Uploaded
from sealwire.peer.upload import Upload
from sealwire.wire.blobs import decode_blob_request
from sealwire.wire.frames import Verb
from tests.unit.broker.rig import BROKER_CURVE, Rig

MAX_TURNS = 20_000


class MemorySource:
    """What is sent."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.changed = False
        self.closed = False

    def read(self, at: int, length: int) -> bytes:
        piece = self.content[at : at + length]
        if len(piece) != length:
            raise FileChangedError("source")
        return piece

    def check(self) -> None:
        if self.changed:
            raise FileChangedError("source")

    def close(self) -> None:
        self.closed = True


class MemorySink:
    """What is fetched."""

    def __init__(self, part: bytearray | None = None) -> None:
        self.part = bytearray() if part is None else part
        self.final: bytes | None = None
        self.room = 1 << 40
        self.is_taken = False

    def there(self) -> int:
        return len(self.part)

    def read(self, at: int, length: int) -> bytes:
        return bytes(self.part[at : at + length])

    def write(self, at: int, content: bytes) -> None:
        assert at == len(self.part), "chunks come in order"
        if at + len(content) > self.room:
            raise DiskError("no space left on device")
        self.part += content

    def cut(self, size: int) -> None:
        del self.part[size:]

    def finish(self) -> tuple[str, str]:
        if self.is_taken:
            raise TargetExistsError("final")
        assert self.final is None
        self.final = bytes(self.part)
        return "final", "text/plain"

    def close(self) -> None:
        """What is there stays."""


def plan_of(content: bytes, **changes) -> Plan:
    rng = os.urandom
    runs = (Run(0, rng(HEADER_BYTES)),)
    plan = Plan(
        int.from_bytes(rng(6), "big"), len(content), rng(16), rng(32), rng(32), runs, (b"",), True, limit=1 << 40
    )
    return dataclasses.replace(plan, **changes)


class Carrier:
    """A device with a mover at a broker; cuts, kills and counts what moves."""

    def __init__(self, rig: Rig, name: str = "alice", keys: str = "alice") -> None:
        self.rig = rig
        self.name, self.keys = name, keys
        self.client = rig.login(name, keys)
        self.news: list[object] = []
        self.puts: list[int] = []
        self.gets: list[int] = []
        self.runs: dict[int, Plan] = {}
        self.start()

    def start(self) -> None:
        """A process begins."""
        self.client = self.rig.connect(self.name, self.keys)
        credentials = Credentials(BROKER_CURVE, self.client.connection.curve, None)
        self.mover = Mover(self.client.identity, credentials, os.urandom)

    def cut(self) -> None:
        """The connection breaks."""
        self.rig.router.disconnected(self.client.connection.fd)
        self.client.vanish()
        self.rig.turn()
        self.mover.disconnected()
        self.client = self.rig.connect(self.name, self.keys)

    def upload(self, content: bytes, plan: Plan | None = None, source: MemorySource | None = None) -> Plan:
        plan = plan or plan_of(content)
        self.runs[plan.row] = plan
        news = self.mover.news
        self.mover.queue(Upload, plan.row, lambda: Upload(plan, source or MemorySource(content), news))
        return plan

    def download(self, plan: Plan, sink: MemorySink) -> None:
        self.mover.queue(Download, plan.row, lambda: Download(plan, sink, self.mover.news))

    def turn(self) -> bool:
        """One turn of the mover and of the broker; False when nothing moved."""
        mover, rig = self.mover, self.rig
        if mover.is_busy and mover._link.state.value == "down" and rig.now >= mover.not_before_s:
            mover.connect(rig.now)
        worked = False
        for frame in self.client.frames():
            worked = True
            mover.receive(frame, rig.now)
        mover.settle(rig.now)
        frames, hangup = mover.take()
        for frame in frames:
            self._count(frame)
            self.client.feed(frame)
        if hangup:
            self.cut()
        worked = mover.work() or worked
        worked = self._hear() or worked
        return bool(worked or frames)

    def _count(self, frame: bytes) -> None:
        if frame[0] == Verb.REQUEST:
            request = decode_blob_request(frame)
            name = type(request).__name__
            if name == "BlobPut":
                self.puts.append(request.index)
            elif name == "BlobGet":
                self.gets.append(request.index)

    def _hear(self) -> bool:
        """Do what the peer's core does with what is told."""
        news, self.mover.news[:] = list(self.mover.news), []
        for one in news:
            self.news.append(one)
            if isinstance(one, RunWanted):
                self.begin_run(one)
            elif isinstance(one, Anew):
                plan = self.runs[one.row]
                fresh = plan_of(b"", row=plan.row, size=plan.size)
                self.upload(b"", fresh, MemorySource(self.sources[one.row]))
        return bool(news)

    sources: dict[int, bytes] = {}

    def begin_run(self, wanted: RunWanted) -> None:
        plan = self.runs[wanted.row]
        run = Run(wanted.first, os.urandom(HEADER_BYTES))
        kept = [(old, tail) for old, tail in zip(plan.runs, plan.tails) if old.first < run.first]
        runs = (*(old for old, _ in kept), run)
        tails = (*(tail for _, tail in kept), wanted.tail)
        self.runs[plan.row] = dataclasses.replace(plan, runs=runs, tails=tails, is_fresh=False)
        job = self.mover.job(plan.row)
        assert isinstance(job, Upload)
        job.run_begins(run)

    def run(self, until=None) -> None:
        """Until nothing moves, or ``until`` says so; waits are waited out."""
        for _ in range(MAX_TURNS):
            if until is not None and until():
                return
            if self.turn():
                continue
            waits = [job.wait_until_s for job in self.mover._jobs if job.wait_until_s > self.rig.now]
            waits += [self.mover.not_before_s] if self.mover.not_before_s > self.rig.now else []
            if not waits:
                return
            self.rig.now = min(waits) + 0.001
        raise AssertionError("it does not come to rest")

    def told(self, kind):
        return [one for one in self.news if isinstance(one, kind)]

    def failures(self):
        return [type(one.error).__name__ for one in self.told(MoveFailed)]


def offered(plan: Plan, content: bytes) -> Plan:
    """What a recipient knows after the upload."""
    import hashlib

    return dataclasses.replace(plan, digest=hashlib.sha256(content).digest(), is_fresh=False)


def make_rig(folder: Path, **settings) -> Rig:
    base = Rig.__dataclass_fields__["settings"].default_factory()
    return Rig(folder, dataclasses.replace(base, blob_keep_free_bytes=0, **settings))


__all__ = ["Anew", "Carrier", "Downloaded", "MemorySink", "MemorySource", "Uploaded", "make_rig", "offered", "plan_of"]
