"""The thread that moves files: one bulk connection, opened when there is something to move, and the mover's turns.

Everything it touches is its own: sockets, descriptors, the mover. Commands come through a queue, and what is told goes
back through ``tell``, called in this thread.

Source: protocol.md §17.3.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import selectors
import socket
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

import zmq

from sealwire.errors import LocalProtocolError
from sealwire.peer.download import Download
from sealwire.peer.inflow import LOOK_S
from sealwire.peer.link import ATTEMPT_TIMEOUT_S, Link, LinkEvent
from sealwire.peer.mover import Mover, Removal
from sealwire.peer.moves import (
    BeginDownload,
    BeginUpload,
    DiscardCopy,
    DiscardFinished,
    DiscardPart,
    DropBlob,
    Dropped,
    EndMove,
    KeepParts,
    MakeThumbnail,
    News,
    Order,
    Progressed,
    RunBegins,
)
from sealwire.peer.parcels import PART, DiskSink, DiskSource, Identity, discard, is_within
from sealwire.peer.upload import Upload

_log = logging.getLogger(__name__)

PAUSE_FIRST_S: Final = 0.5
PAUSE_MOST_S: Final = 8.0
PROGRESS_S: Final = 0.25
"""Progress of one file is told at most this often."""
STOP_S: Final = 5.0
COPIES: Final = "out"
"""In the profile's folder of files: copies made to be sent."""
COPY_AGE_S: Final = 600.0
"""A copy that no message names may be one that is just being made; after this it is left over."""
FRAMES_PER_TURN: Final = 16

Command = Callable[[Mover], None]


class Hauler:
    """Runs from the first :meth:`ask` until :meth:`stop`.

    Args:
        folder: the profile's own folder of files.
        tell: takes what has happened, in the hauler's thread.
    """

    def __init__(self, mover: Mover, link: Link, folder: Path, tell: Callable[[list[News]], None]) -> None:
        self._mover = mover
        self._link = link
        self._folder = folder
        self._tell = tell
        self._commands: SimpleQueue[Command | None] = SimpleQueue()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._may_connect = False
        self._admitted = False
        self._attempt_ends_s = self._next_s = self._look_s = 0.0
        self._pause_s = PAUSE_FIRST_S
        self._told_s: dict[int, float] = {}
        self._last: dict[int, Progressed] = {}
        self._fds: list[int] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._thread = Thread(target=self._run, name="sealwire-files", daemon=True)
        self._thread.start()

    # --- from other threads ----------------------------------------------------------------------------------

    def ask(self, command: Command) -> None:
        """Have something done to the mover, in its thread."""
        self._commands.put(command)
        self._wake()

    def carry_out(self, order: Order) -> None:
        """Have an order carried out, in the hauler's thread."""
        self.ask(lambda mover: carry_out(mover, order, self._folder))

    def may_connect(self, allowed: bool) -> None:
        """Whether the broker answers at all: the main link knows."""
        self.ask(lambda _mover: self._allow(allowed))

    def stop(self) -> None:
        """End: files stay where they are."""
        self._commands.put(None)
        self._wake()
        self._thread.join(STOP_S)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_write.send(b"\0")

    def _allow(self, allowed: bool) -> None:
        self._may_connect = allowed
        if allowed:
            self._next_s = 0.0

    # --- the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._take_commands():
                busy = self._turn(time.monotonic())
                if not busy:
                    self._wait()
            self._say_goodbye()
        except Exception:  # noqa: BLE001 - the top of the thread; files stay where they are, the next start goes on
            _log.exception("moving files ended")
        finally:
            self._selector.close()
            self._link.finish(100)
            self._wake_read.close()
            self._wake_write.close()

    def _take_commands(self) -> bool:
        with contextlib.suppress(Empty):
            while True:
                command = self._commands.get_nowait()
                if command is None:
                    return False
                command(self._mover)
        return True

    def _turn(self, now_s: float) -> bool:
        mover = self._mover
        self._look_at_link(now_s)
        frames = self._link.drain_frames(FRAMES_PER_TURN) if self._admitted else []
        for frame in frames:
            mover.receive(frame, now_s)
        mover.settle(now_s)
        out, hangup = mover.take()
        if out and not self._link.send(out):
            hangup = True
        if hangup:
            self._drop(now_s)
        worked = mover.work()
        self._report(now_s)
        return bool(frames or worked or out)  # ZeroMQ signals edges: after a send look again before waiting

    def _look_at_link(self, now_s: float) -> None:
        if not self._link.is_open:
            wanted = self._mover.is_busy and self._may_connect
            if wanted and now_s >= max(self._next_s, self._mover.not_before_s):
                self._connect(now_s)
            return
        for event in self._link.drain_events():
            if event is LinkEvent.ADMITTED:
                self._admitted = True
                self._mover.connect(now_s)
            else:
                self._drop(now_s)
                return
        if self._admitted and now_s >= self._look_s:
            self._look_s = now_s + LOOK_S
            if self._link.is_flooded():
                self._drop(now_s)
                return
        if self._mover.is_open:
            self._pause_s = PAUSE_FIRST_S
        elif not self._admitted and now_s > self._attempt_ends_s:
            self._drop(now_s)

    def _connect(self, now_s: float) -> None:
        self._admitted = False
        self._attempt_ends_s = now_s + ATTEMPT_TIMEOUT_S
        self._look_s = now_s + LOOK_S
        try:
            for descriptor in self._link.open():
                self._selector.register(descriptor, selectors.EVENT_READ)
                self._fds.append(descriptor)
        except zmq.ZMQError:
            self._drop(now_s)

    def _drop(self, now_s: float) -> None:
        for descriptor in self._fds:
            self._selector.unregister(descriptor)
        self._fds = []
        self._link.close()
        self._admitted = False
        self._mover.disconnected()
        self._next_s = now_s + random.random() * self._pause_s  # noqa: S311 - spreads load, guards nothing
        self._pause_s = min(self._pause_s * 2, PAUSE_MOST_S)

    def _report(self, now_s: float) -> None:
        """Tell what happened: progress seldom, everything else at once and after the progress before it."""
        news, self._mover.news[:] = list(self._mover.news), []
        told: list[News] = []
        for one in news:
            if isinstance(one, Progressed):
                self._last[one.row] = one
                continue
            told += self._progress(one.row)
            told.append(one)
        for row in [key for key in self._last if now_s - self._told_s.get(key, 0.0) >= PROGRESS_S]:
            self._told_s[row] = now_s
            told += self._progress(row)
        if not self._mover.is_busy:
            self._told_s.clear()
        if told:
            self._tell(told)

    def _progress(self, row: int) -> list[News]:
        last = self._last.pop(row, None)
        return [] if last is None else [last]

    def _wait(self) -> None:
        now_s = time.monotonic()
        due_s = self._mover.deadline(now_s) if self._mover.is_busy or self._link.is_open else now_s + 60.0
        if self._last:
            due_s = min(due_s, now_s + PROGRESS_S)
        if not self._link.is_open and self._mover.is_busy and self._may_connect:
            due_s = min(due_s, max(self._next_s, self._mover.not_before_s))
        if self._link.is_open:
            due_s = min(due_s, self._look_s)
        self._selector.select(max(0.0, due_s - now_s))
        with contextlib.suppress(OSError):
            self._wake_read.recv(4096)

    def _say_goodbye(self) -> None:
        self._mover.goodbye()
        frames, _hangup = self._mover.take()
        self._link.send(frames)


def carry_out(mover: Mover, order: Order, folder: Path) -> None:
    """Do what is asked about one file.

    Args:
        folder: the profile's own folder of files.
    """
    match order:
        case BeginUpload():
            mover.queue(Upload, order.plan.row, lambda: _upload(order, mover.news))
        case BeginDownload():
            mover.queue(Download, order.plan.row, lambda: _download(order, mover.news, folder))
        case RunBegins(row=row, run=run):
            job = mover.job(row)
            if isinstance(job, Upload):
                job.run_begins(run)
        case EndMove(row=row):
            mover.end(row)
        case DropBlob(row=row, blob=blob):
            mover.remove(Removal(row, blob, mover.news))
        case DiscardPart(row=row):
            mover.end(row)
            discard(part_of(folder, row))
        case KeepParts():
            keep_parts(folder, order)
        case DiscardCopy(path=path) | DiscardFinished(path=path):
            if is_within(Path(path), folder / COPIES if isinstance(order, DiscardCopy) else folder):
                discard(Path(path))
            if isinstance(order, DiscardFinished):
                mover.news.append(Dropped(order.row))
        case MakeThumbnail():
            raise LocalProtocolError("thumbnails are made by another process")


def _upload(order: BeginUpload, news: list[News]) -> Upload:
    return Upload(order.plan, DiskSource(Path(order.source), Identity(*order.identity)), news)


def _download(order: BeginDownload, news: list[News], folder: Path) -> Download:
    plan = order.plan
    target = folder if order.target is None else Path(order.target)
    return Download(plan, DiskSink(part_of(folder, plan.row), target, order.name), news)


def part_of(folder: Path, row: int) -> Path:
    """Return where a file lies until it is whole: under a name that nobody else chose."""
    return folder / f"{row}{PART}"


def keep_parts(folder: Path, wanted: KeepParts) -> None:
    """Delete what is here of files that nobody waits for any more, and copies that nobody sent after all."""
    if not folder.is_dir():
        return
    for path in folder.glob(f"*{PART}"):
        if path.stem.isdigit() and int(path.stem) not in wanted.rows:
            discard(path)
    for path in (folder / COPIES).glob("*"):
        if os.path.abspath(path) not in wanted.copies and _age_s(path) > COPY_AGE_S:
            discard(path)


def _age_s(path: Path) -> float:
    """Since it is there: a second name for an old file is as old as its file by mtime, and is new by ctime."""
    try:
        found = path.lstat()
        return time.time() - max(found.st_mtime, found.st_ctime)
    except OSError:
        return 0.0
