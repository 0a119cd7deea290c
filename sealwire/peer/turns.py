"""The one task that owns engine, store and link, and the order in which it does everything.

Each turn is one transaction over everything that waits — frames and commands alike — and then, in this order: commit,
send, publish. A commit that fails throws the engine away and makes it again from the store, so memory never runs ahead
of disk.

Source: protocol.md §5.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from msgspec import Struct

from sealwire.errors import LocalProtocolError, SealwireError, StoreError
from sealwire.i18n import explain
from sealwire.peer.connection import NEVER, Connector, explained
from sealwire.peer.engine import Engine
from sealwire.peer.events import Connection, Warning
from sealwire.peer.keystore import Keys
from sealwire.peer.login import Credentials
from sealwire.peer.moves import Order
from sealwire.peer.profile import Profile
from sealwire.peer.publisher import Publisher
from sealwire.peer.records import Now
from sealwire.peer.store import Store
from sealwire.peer.turn import Turn

T = TypeVar("T")
_log = logging.getLogger(__name__)

COMMANDS_PER_TURN: Final = 512
"""Commands in one transaction: bounds how long the first of them waits for its commit."""
STORE_PAUSE_S: Final = 2.0
"""Before trying again after a failed commit (a full disk)."""
PAUSE_S: Final = 0.02
"""How often a client whose reader lags looks whether it caught up."""
GOODBYE_S: Final = 0.5
INDEX_AFTER_S: Final = 0.2
"""How soon an idle peer goes on with the index of words: what is said in one breath is indexed in one piece."""


class _Command(Struct):
    run: Callable[[Now], Any]
    future: asyncio.Future[Any]


def clock() -> Now:
    """Both clocks, now."""
    return Now(time.time_ns() // 1_000_000, time.monotonic())


class Turns:
    """Runs a profile's turns from :meth:`start` to :meth:`stop`."""

    def __init__(self, profile: Profile, keys: Keys, store: Store) -> None:
        self._profile = profile
        self._keys = keys
        self._store = store
        self._wake = asyncio.Event()
        self._commands: deque[_Command] = deque()
        self._connector: Connector | None = None
        self._task: asyncio.Task[None] | None = None
        self._failed: SealwireError | None = None
        self._closed = False
        self._settled = False
        """Whether the engine has done everything that follows from what it was told."""
        self._is_lost = False
        """Whether the engine is ahead of the disk and could not be made anew yet."""
        self._index_s = NEVER
        self.on_moves: Callable[[list[Order]], None] = _nobody
        """Takes what shall be done about files, after the commit."""
        self.on_link: Callable[[bool], None] = _nobody
        """Hears whether the link session is open."""
        self.publisher = Publisher(self._wake.set)
        self.connection = Connection("offline")
        self.engine = self._make_engine()

    @property
    def started(self) -> bool:
        """Whether turns happen by themselves."""
        return self._task is not None

    @property
    def is_trying(self) -> bool:
        """Whether an attempt to connect is under way whose outcome nobody knows yet."""
        return self.connection.state == "connecting" or self.connection == Connection("offline")

    def failure(self) -> SealwireError | None:
        """Why there is no link, when that is more than a broker that does not answer."""
        return self._failed or (self._connector.failure() if self._connector is not None else None)

    def _make_engine(self) -> Engine:
        profile, keys = self._profile, self._keys
        credentials = Credentials(profile.broker_key or bytes(32), keys.connection_public, profile.invite_token)
        with self._store.transaction():
            return Engine(self._store, keys.vault, keys.identity, credentials, os.urandom, profile.prefs)

    def start(self) -> None:
        """Connect and go on in the background."""
        self._connector = Connector(self._profile, self._keys, self._wake.set)
        self._task = asyncio.create_task(self._run(), name=f"peer {self._profile.name}")

    async def stop(self) -> None:
        """Finish the turn under way, say goodbye, close the link."""
        self._closed = True
        self._wake.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connector is not None:
            self._connector.send(self._last_words())
            self._connector.unwatch()
            await asyncio.to_thread(self._connector.finish, GOODBYE_S)
        for command in self._commands:
            command.future.cancel()
        self.publisher.close()

    def _last_words(self) -> list[bytes]:
        """Receipts that wait out their pause would wait for the next start; then goodbye."""
        if self._is_lost:
            return []
        try:
            with self._store.transaction():
                self.engine.receipts.hurry()
                self.engine.settle(clock())
        except StoreError:
            return []  # nothing of it happened, so nothing of it is said
        self.engine.goodbye()
        return self.engine.take().frames

    def submit(self, run: Callable[[Now], T]) -> asyncio.Future[T]:
        """Run ``run`` inside the next turn's transaction; the future has its result after the commit.

        Raises:
            SealwireError: why there are no turns any more.
        """
        if self._failed is not None:
            raise self._failed
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._task is None:  # not started: there are no turns to wait for
            with self._store.transaction():
                future.set_result(run(clock()))
            return future
        self._commands.append(_Command(run, future))
        self._wake.set()
        return future

    async def _run(self) -> None:
        try:
            await self._loop()
        except Exception as error:  # noqa: BLE001 - the top of the loop: whatever it is, those who wait must hear of it
            _log.exception("the peer's loop ended")
            failure = error if isinstance(error, SealwireError) else LocalProtocolError(type(error).__name__)
            self._failed = failure
            for command in self._commands:
                if not command.future.done():
                    command.future.set_exception(failure)
            self._commands.clear()
            self._show(Connection("stopped", *explained(failure)))
            self.publisher.close()

    async def _loop(self) -> None:
        connector = self._connector
        assert connector is not None, "started"
        clockwork = asyncio.get_running_loop()
        while not self._closed:
            self._wake.clear()
            now = clock()
            if self._is_lost and not self._begin_again():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STORE_PAUSE_S):
                        await self._wake.wait()
                continue
            self._show(connector.advance(now, self.engine))
            due_s = self._due(connector, now)
            if due_s <= now.mono_s:
                if self._step(connector, now):
                    await asyncio.sleep(0)
                    continue
                due_s = now.mono_s if self._is_lost else min(self._index_s, self.engine.deadline(now))
            if self.publisher.lags():
                await asyncio.sleep(PAUSE_S)
                continue
            alarm = clockwork.call_at(min(due_s, connector.deadline()), self._wake.set)
            try:
                await self._wake.wait()
            finally:
                alarm.cancel()

    def _due(self, connector: Connector, now: Now) -> float:
        """Monotonic time of the next turn that has anything to do; the past when something is there already.

        A turn that has nothing to do costs half of one with input, and descriptors often wake for nothing.
        """
        if connector.take_told() or not self._settled or self._commands or connector.has_frames():
            return 0.0
        if self._index_s == NEVER and self._store.words_behind():
            self._index_s = now.mono_s + INDEX_AFTER_S
        return min(self._index_s, self.engine.deadline(now))

    def _step(self, connector: Connector, now: Now) -> bool:
        """One turn: commit, then send, then publish. True when there was something to do."""
        frames = [] if self.publisher.lags() else connector.take_frames()
        count = min(len(self._commands), COMMANDS_PER_TURN)
        idle = not frames and not count
        commands = [self._commands.popleft() for _ in range(count)]
        results: list[tuple[_Command, Any, SealwireError | None]] = []
        try:
            with self._store.transaction():
                for frame in frames:
                    self.engine.receive(frame, now)
                for command in commands:
                    results.append((command, *_attempt(command, now)))
                self.engine.settle(now)
                if idle and self._index_s <= now.mono_s:
                    self._store.index_words()
                    self._index_s = NEVER
        except StoreError as error:
            self._fail_stop(connector, error, commands)
            return False
        except Exception:
            self._commands.extendleft(reversed(commands))  # whoever waits hears of it where the loop ends
            raise
        turn = self.engine.take()
        self._settled = not turn.hangup and turn.fatal is None
        if turn.frames and not connector.send(turn.frames):
            turn.hangup = True
        self._publish_turn(turn, connector, now)
        for command, result, failure in results:
            if not command.future.done():
                command.future.set_exception(failure) if failure else command.future.set_result(result)
        return bool(frames or commands)

    def _fail_stop(self, connector: Connector, error: StoreError, commands: list[_Command]) -> None:
        """Nothing of this turn happened: start again from what the disk holds."""
        connector.drop(clock(), STORE_PAUSE_S)
        self._is_lost, self._settled = True, False
        self._begin_again()
        sentence, _hint = explain(error)
        self.publisher.publish(Warning("store", sentence))
        for command in commands:
            if not command.future.done():
                command.future.set_exception(error)

    def _begin_again(self) -> bool:
        """Make the engine anew; False while not even that can be committed: whoever asks meanwhile hears why."""
        try:
            self.engine = self._make_engine()
        except StoreError as error:
            waiting, self._commands = self._commands, deque()
            for command in waiting:
                if not command.future.done():
                    command.future.set_exception(error)
            return False
        self._is_lost = False
        self.on_moves(self.engine.take().moves)
        return True

    def _publish_turn(self, turn: Turn, connector: Connector, now: Now) -> None:
        if turn.opened and self.engine.online:
            self._show(Connection("online"))
        for event in turn.events:
            self.publisher.publish(event)
        for answer in turn.answers:
            self.publisher.answer(answer.ticket, answer.error)
        if turn.moves:
            self.on_moves(turn.moves)
        for resolved in turn.resolved:
            self.publisher.found(resolved.name, resolved.error)
        if turn.hangup or turn.fatal is not None:
            self.engine.disconnected()
            self._show(connector.ended(now, turn.fatal, turn.jitter_s))

    def _show(self, connection: Connection | None) -> None:
        if connection is not None and connection != self.connection:
            self.connection = connection
            self.publisher.publish(connection)
            self.on_link(connection.state == "online")
            failure = self._connector.failure() if self._connector is not None else None
            if failure is not None:
                self.publisher.refuse(failure)


def _nobody(_told: object) -> None:
    """Nothing moves files here."""


def _attempt(command: _Command, now: Now) -> tuple[Any, SealwireError | None]:
    try:
        return command.run(now), None
    except StoreError:
        raise  # the whole turn failed
    except SealwireError as error:
        return None, error
