"""The broker's loop: one thread, one ROUTER, one frame per message; commit, then send.

Everything that is decided is decided in ``router``. This module moves bytes, and its order is the promise: what a
store event allows to be said is said after that event, never before.

Source: protocol.md §2, §5.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import zmq
from msgspec.structs import replace
from zmq.backend import Socket as RawSocket
from zmq.backend import zmq_poll

from sealwire.broker.blobstore import BlobFiles, BlobHands
from sealwire.broker.errands import AttendedStore, Errand, StoreFacts, store_facts
from sealwire.broker.health import Vitals
from sealwire.broker.invites import plain_endpoint
from sealwire.broker.links import CHATTER_UNITS, Link
from sealwire.broker.monitor import Monitor, connection_of, shut_down
from sealwire.broker.port import BrokerKeys, BrokerSettings, Command, StoreEvent
from sealwire.broker.router import Router
from sealwire.broker.sockets import check_libzmq, router_socket
from sealwire.broker.store import Writer
from sealwire.broker.warden import Warden
from sealwire.broker.watching import Sight, seen_in, seen_out, seen_together
from sealwire.broker.zap import SharedAdmission, Zap
from sealwire.closing import end_context
from sealwire.errors import StoreFailedError
from sealwire.i18n import _
from sealwire.ids import RoutingId
from sealwire.wire.frames import AT_TOKEN
from sealwire.wire.many import gather_delivers

if TYPE_CHECKING:
    from sealwire.broker.metrics import Metrics

_NOBLOCK: Final = int(zmq.NOBLOCK)
_ID: Final = int(zmq.NOBLOCK | zmq.SNDMORE)
_POLLIN: Final = int(zmq.POLLIN)
_SHUTDOWN_S: Final = 2.0
"""How long an orderly end waits for the last commits."""
_DISK_S: Final = 10.0
"""A job under way at the end may be megabytes of write-back; a disk that has not answered for so long hangs."""
_SOCKETS_S: Final = 3.0
"""Above LINGER_MS: what libzmq still holds then ends with the process."""
_LOOK_S: Final = 1.0
"""How often the ZAP thread is looked at: one that ends is replaced within two. Also how long a flood may keep the loop
from its deadlines; without that whoever stays silent beside it stays for ever."""
_PONGS_S: Final = 0.1
"""PONGs go out with something else, or alone so often: ten thousand idle peers bring forty PINGs a second,
each PONG by itself wakes ZeroMQ's thread, and a peer waits ten seconds for it."""
_POLLED: Final = int(zmq.EVENTS)

Watch = Callable[[int, str, bytes, bytes], None]
"""(wall-clock ms, verb, mailbox or nothing, size in bytes, first 16 bytes) of what is relayed."""


class Server:
    """A broker that serves until it is told to stop.

    Args:
        data_dir: where the store lies.
        on_ready: called with the bound endpoint when the broker serves.
        metrics: told once a turn what goes out, and of each commit; None when nobody watches.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        keys: BrokerKeys,
        data_dir: Path,
        on_ready: Callable[[str], None],
        log: logging.Logger,
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = metrics
        self._turned_at = self._look_at = self._looked_at = self._pongs_at = time.monotonic()
        self._is_serving = False
        self._bytes_in = self._bytes_out = self._full_turns = 0
        self._settings = settings
        self._keys = keys
        self._data_dir = data_dir
        self._on_ready = on_ready
        self._log = log.getChild("broker")
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._stopping = self._hangs = False
        self._failure: BaseException | None = None
        self._events: deque[StoreEvent] = deque()
        self._commands: deque[tuple[Future[Any], Command]] = deque()
        self._watch: Watch | None = None

    # --- from other threads ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask for an orderly end; safe in any thread and in a signal handler."""
        self._stopping = True
        self._wake()

    def submit(self, command: Command) -> Future[Any]:
        """Hand an operator's command to the loop, in line with the frames.

        Returns:
            a future of the status (a dict) or of the operation's ``Result``, after its commit.
        """
        future: Future[Any] = Future()
        self._commands.append((future, command))
        self._wake()
        return future

    def errand(self, run: Callable[[Any], object]) -> Future[Any]:
        """Have something short done on the store's connection, in its thread, between two transactions."""
        errand = Errand(run=run)
        self._writer.submit(errand)
        return errand.done

    def vitals(self) -> Vitals:
        """Return what shows whether this broker is well."""
        if not self._is_serving:
            return Vitals(self._turned_at, None, False, False)
        is_alive, store = self._zap.is_alive and not self._zap.is_stuck, self._store
        return Vitals(self._turned_at, store.writing_since, is_alive, not self._stopping, store.refused_at)

    def counts(self) -> dict[str, int]:
        """Return what is counted outside of the router: bytes, connections, what ZAP ruled."""
        zap = {f"zap_{ruling.name.lower()}": count for ruling, count in self._zap.counts().items()}
        own = {"bytes_in": self._bytes_in, "bytes_out": self._bytes_out, "full_turns": self._full_turns}
        return {**own, **zap, **self._warden.counts(), "zap_restarts": self._zap.restarts}

    def store_facts(self) -> Future[StoreFacts]:
        """Ask the database how large it is, and for the oldest message that waits."""
        return self.errand(store_facts)

    def watch(self, see: Watch | None) -> None:
        """Call ``see`` in the loop for everything relayed from now on; None ends it."""
        self._watch = see
        self._wake()

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"\0")
        except OSError:
            pass  # full: the loop has enough to wake for; closed: it has ended

    # --- life ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve in this thread until :meth:`stop`.

        Raises:
            StoreError: the store does not open.
            StoreFailedError: the store failed or hangs; nothing that was not stored has been answered.
            MissingPackageError: this libzmq is too old or has no CURVE.
            zmq.ZMQError: the address cannot be bound.
        """
        check_libzmq()
        timed = None if self._metrics is None else self._metrics.commits.observe
        try:
            store = self._store = AttendedStore(self._data_dir, self._keys.db_key, self._settings.ballast_bytes, timed)
            try:
                self._serve(store)
            finally:
                if not self._hangs:  # else its thread is inside it, and would be waited for
                    store.close()
        finally:
            self._wake_read.close()
            self._wake_write.close()
            for future, _ in self._commands:
                future.cancel()

    def _serve(self, store: AttendedStore) -> None:
        settings = self._settings
        admission = SharedAdmission(settings)
        public, now = self._keys.curve_public, time.monotonic()
        files = BlobFiles(self._data_dir, settings.blob_keep_free_bytes)
        snapshot = store.snapshot()
        snapshot = replace(snapshot, blobs=files.survey(snapshot.blobs))
        self._router = Router(settings, public, snapshot, admission, os.urandom, now, _wall_ms())
        self._hands = BlobHands(files, self._wake, self._log)
        self._writer = writer = Writer(store, self._stored, self._fail)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        context.set(zmq.MAX_SOCKETS, 64)
        self._socket = router_socket(context, self._keys.curve_secret)
        self._recv = RawSocket.recv.__get__(self._socket)
        self._send = RawSocket.send.__get__(self._socket)
        self._get = RawSocket.get.__get__(self._socket)
        self._zap = Zap(context, admission, self._log)
        self._monitor = Monitor(context, self._socket)
        self._warden = Warden(self._monitor, self._router)
        try:
            self._socket.bind(settings.bind)
            self._is_serving = True
            self._on_ready(plain_endpoint(self._socket.get_string(zmq.LAST_ENDPOINT)))
            self._loop(writer)
            self._finish(writer)
        finally:
            is_done = self._end(writer, context)
        if not is_done:
            detail = _("it has not answered for {n} s").format(n=round(_DISK_S))
            raise StoreFailedError(path=store.path, detail=detail)

    def _end(self, writer: Writer, context: zmq.Context[zmq.Socket[bytes]]) -> bool:
        """Whatever happened: the last commits, then the sockets, then the threads behind them, each for so long.

        Returns:
            whether the disk answered.
        """
        self._hangs = not writer.stop(_DISK_S)
        is_done = self._hands.stop(_DISK_S) and not self._hangs
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close(linger=None if self._failure is None else 0)
        # A ZAP thread that is known to hang keeps the context: no use in waiting.
        if end_context(context, 0.0 if self._zap.is_stuck else _SOCKETS_S):
            self._zap.join()
        elif not self._zap.is_stuck:
            self._log.error("ZeroMQ did not end in %.0f s; the process ends without it", _SOCKETS_S)
        return is_done

    def _stored(self, event: StoreEvent) -> None:
        if not isinstance(event.job, Errand):
            self._events.append(event)
            self._wake()

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self._wake()

    # --- the loop --------------------------------------------------------------------------------------------

    def _loop(self, writer: Writer) -> None:
        router, events = self._router, self._events
        wake_fd = self._wake_read.fileno()
        sockets: list[Any] = [(self._socket, _POLLIN), (wake_fd, _POLLIN)]
        only_frames = sockets[:1]
        ready, due_at = sockets, 0.0
        while not self._stopping:
            pongs = router.pongs
            self._turned_at = now = time.monotonic()
            router.begin(now, _wall_ms())
            if now >= self._look_at:
                self._look_at = now + _LOOK_S
                self._zap.look(now)
            is_more = sockets[0] in ready and self._drain()
            if (
                ready == only_frames
                and now < due_at
                and 0 < router.relay.units == CHATTER_UNITS * (router.pongs - pongs)
            ):
                # Nothing came but PINGs, as from thousands of idle peers all day: nothing else has to be done sooner.
                ready = self._wait(sockets, due_at - now)
                continue
            if not is_more or now - self._looked_at >= _LOOK_S:
                self._looked_at = now
                self._warden.look(is_all_read=not is_more)
            while events:
                router.store_event(events.popleft())
                is_more = True
            is_more = self._hands.turn(router.blobs) or is_more
            if self._commands:
                self._take_commands()
            self._turn(writer)
            if is_more:
                ready = sockets
                continue
            wait_s = self._wait_s()
            due_at = now + wait_s
            ready = self._wait(sockets, wait_s)

    def _wait(self, sockets: list[Any], for_s: float) -> list[Any]:
        """Wait until one of these can be read; returns those that can."""
        ready: list[Any] = zmq_poll(sockets, int(for_s * 1000 + 0.999))
        if sockets[1] in ready:
            self._drain_wake()
        return ready

    def _wait_s(self) -> float:
        router = self._router
        wait_s = min(self._warden.wait_s, router.wait_s())
        if not router.sends:
            return wait_s
        return min(wait_s, max(0.0, self._pongs_at - self._turned_at)) if router.has_only_pongs else 0.0

    def _turn(self, writer: Writer) -> None:
        """Start the next commit, then say what the last ones allow."""
        router = self._router
        if self._failure is not None:
            raise self._failure  # nothing is answered any more: memory may be ahead of the disk
        router.end_turn()
        job = router.next_job()
        if job is not None:
            writer.submit(job)
        if self._metrics is not None:
            self._metrics.turn(router.sends, router.links, router.relay.now)
        if router.sends and not (router.has_only_pongs and self._turned_at < self._pongs_at):
            if self._watch is not None:
                self._show_sends()
            self._flush()
        if router.ephemerals:
            self._flush_ephemerals()
        if router.kicks:
            self._kick()
        while router.replies:
            future, reply = router.replies.pop(0)
            if isinstance(future, Future):
                future.set_result(reply)

    def _drain(self) -> bool:
        """Handle frames until the turn is used up (True: more may wait) or there are none."""
        relay, links, recv = self._router.relay, self._router.links, self._recv
        handle = self._router.handle if self._watch is None else self._show_and_handle
        limit = self._router.settings.turn_units
        last = b""
        size = 0
        is_first = True
        try:
            while relay.units < limit:
                rid = recv(_NOBLOCK)
                link = links.get(rid)
                if link is None:
                    self._slow(rid, last)
                else:
                    frame = recv(_NOBLOCK)
                    size += len(frame)
                    handle(link, frame)
                last = rid
                if is_first:  # often there is no second one, and to be told so by an exception costs twice as much
                    is_first = False
                    if not self._get(_POLLED) & _POLLIN:
                        return False
        except zmq.Again:
            return False
        finally:
            self._bytes_in += size
        self._full_turns += 1
        return True

    def _slow(self, rid: bytes, last: bytes) -> None:
        """An id that is no live link session: a connection before its login, after its end, or a stray part."""
        router, receive = self._router, self._socket
        if not receive.getsockopt(zmq.RCVMORE):
            router.relay.units += 1
            router.stray(last)  # type: ignore[arg-type]
            return
        frame = receive.recv(zmq.NOBLOCK, copy=False)
        if self._watch is not None:
            self._show(seen_in(frame.bytes))
        if frame.more:
            while receive.getsockopt(zmq.RCVMORE):
                self._recv(_NOBLOCK)
                router.relay.units += 1
            # What was under way when a connection was ended is nobody's: its descriptor may be a newcomer's by now.
            if not router.is_leaving(rid):  # type: ignore[arg-type]
                router.several_parts(connection_of(rid, frame))
        elif router.has_seen(rid):  # type: ignore[arg-type]
            router.second_frame(rid, frame.bytes)  # type: ignore[arg-type]
        else:
            router.first_frame(connection_of(rid, frame), frame.bytes)

    def _flush(self) -> None:
        sends, send = self._router.sends, self._send
        size, failed = 0, list[RoutingId]()
        for rid, frame in sends if len(sends) == 1 else gather_delivers(sends):
            try:
                send(rid, _ID)
                send(frame, _NOBLOCK)
                size += len(frame)
            except zmq.ZMQError:
                failed.append(rid)
        self._bytes_out += size
        sends.clear()
        self._router.pongs = 0
        self._pongs_at = self._turned_at + _PONGS_S
        for rid in failed:  # now: more to send may follow from it
            self._router.send_failed(rid)

    def _flush_ephemerals(self) -> None:
        for rid, frame in self._router.ephemerals:
            try:
                self._send(rid, _ID)
                self._send(frame, _NOBLOCK)
            except zmq.ZMQError:
                pass  # dropped first: whether the link session is over shows with the next DELIVER
        self._router.ephemerals.clear()

    def _kick(self) -> None:
        for connection in self._router.kicks:
            shut_down(connection.fd, connection.peer)
        self._router.kicks.clear()

    def _take_commands(self) -> None:
        while self._commands:
            future, command = self._commands.popleft()
            self._router.command(future, command)

    def _drain_wake(self) -> None:
        try:
            self._wake_read.recv(4096)
        except BlockingIOError:
            pass

    def _finish(self, writer: Writer) -> None:
        """An orderly end: commit what was taken in, answer it, then tell everybody."""
        router = self._router
        deadline = time.monotonic() + _SHUTDOWN_S
        wake: list[Any] = [(self._wake_read.fileno(), _POLLIN)]
        while router.has_unstored() and time.monotonic() < deadline:
            router.begin(time.monotonic(), _wall_ms())
            while self._events:
                router.store_event(self._events.popleft())
            self._turn(writer)
            zmq_poll(wake, 5)
            self._drain_wake()
        router.shutdown()
        self._flush()

    # --- watching --------------------------------------------------------------------------------------------

    def _show(self, sight: Sight | None) -> None:
        if sight is not None and self._watch is not None:
            self._watch(_wall_ms(), sight.verb, sight.mailbox, sight.content)

    def _show_and_handle(self, link: Link, frame: bytes) -> None:
        if frame.startswith(link.token, AT_TOKEN):
            for sight in seen_together(frame):
                self._show(sight)
        self._router.handle(link, frame)

    def _show_sends(self) -> None:
        links = self._router.links
        for rid, frame in self._router.sends:
            link = links.get(rid)
            self._show(seen_out(frame, b"" if link is None else link.mailbox.id))


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
