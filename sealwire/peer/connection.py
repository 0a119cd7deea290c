"""When to connect, when to wait, when to give up: the back-off around one link at a time.

A process's first attempt is immediate. After a loss the next one comes somewhere in 0 … ``spread`` (the broker says how
wide), later ones with full jitter over a doubling interval, so that peers never return all at once.

Source: protocol.md §2.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import zmq

from sealwire.errors import BrokerUnreachableError, DeviceRefusedError, SealwireError, WrongBrokerKeyError
from sealwire.i18n import _, explain
from sealwire.peer.engine import Engine
from sealwire.peer.events import Connection
from sealwire.peer.inflow import LOOK_S
from sealwire.peer.keystore import Keys
from sealwire.peer.link import ATTEMPT_TIMEOUT_S, Link, LinkEvent
from sealwire.peer.profile import Profile
from sealwire.peer.records import Now

WRONG_KEY_AFTER: Final = 3
"""A handshake may also end without a word when the broker is just going down; three in a row are no accident."""
WRONG_KEY_PAUSE_S: Final = 0.2
"""Between the first of those, so that a wrong key is named within a second or two."""
REFUSED_PAUSE_S: Final = 5.0
NEVER: Final = float("inf")


class Connector:
    """Owns the link; turns what its monitor says into connection states for people."""

    def __init__(self, profile: Profile, keys: Keys, wake: Callable[[], None]) -> None:
        assert profile.broker_key is not None, "checked before a client starts"
        self._profile = profile
        self._link = Link(profile.broker_address, profile.broker_key, keys.connection_public, keys.connection_secret)
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._descriptors: list[int] = []
        self._frames: list[bytes] = []
        self._events: deque[LinkEvent] = deque()
        self._next_s = 0.0
        self._interval_s = profile.reconnect_first_s
        self._spread_s = 1.0
        self._deadline_s = self._look_s = NEVER
        self._admitted = self._was_open = False
        self._wrong_keys = 0
        self._failure: SealwireError | None = None
        self._stopped = False
        self._told = False
        self._stirred = False
        """Whether the monitor's descriptor signalled since it was drained. Nobody but :meth:`advance` touches the
        monitor, so until it does there is nothing to drain, and asking at every turn costs two system calls."""

    def failure(self) -> SealwireError | None:
        """Why there is no link, when that is more than a broker that does not answer."""
        return self._failure

    def deadline(self) -> float:
        """Monotonic time of the next thing to do without input."""
        if self._stopped:
            return NEVER
        return min(self._deadline_s, self._look_s) if self._link.is_open else self._next_s

    def advance(self, now: Now, engine: Engine) -> Connection | None:
        """Look at the link; returns a new connection state for people, if there is one."""
        if self._stopped:
            return None
        if engine.online:
            self._note_open(engine)
        if not self._link.is_open:
            return self._attempt() if now.mono_s >= self._next_s else None
        if self._stirred:
            self._stirred = False
            self._events.extend(self._link.drain_events())
        shown = None
        while self._events and self._link.is_open:
            if self._events[0] is LinkEvent.LOST and self._holds_frames():
                break  # what arrived before the end comes first: a RESET says why
            shown = self._on_event(self._events.popleft(), now, engine) or shown
        if self._link.is_open and not self._admitted and now.mono_s > self._deadline_s:
            shown = self._lost(now, engine, LinkEvent.UNREACHABLE)
        if self._link.is_open and now.mono_s >= self._look_s:
            self._look_s = now.mono_s + LOOK_S
            if self._link.is_flooded():
                shown = self._lost(now, engine, LinkEvent.LOST)
        return shown

    def _holds_frames(self) -> bool:
        if self.has_frames():
            self._wake()
        return bool(self._frames)

    def has_frames(self) -> bool:
        """Whether frames came since the last call of :meth:`take_frames`."""
        if not self._frames:
            self._frames = self._link.drain_frames()
        return bool(self._frames)

    def _note_open(self, engine: Engine) -> None:
        if not self._was_open:
            self._was_open = True
            self._failure = None
            self._wrong_keys = 0
            self._interval_s = self._profile.reconnect_first_s
            self._spread_s = max(1.0, engine.spread_s)

    def _attempt(self) -> Connection | None:
        self._admitted = self._was_open = False
        self._deadline_s = time.monotonic() + ATTEMPT_TIMEOUT_S
        try:
            self._descriptors = self._link.open()
        except zmq.ZMQError as error:
            self._stopped = True
            self._failure = BrokerUnreachableError(address=f"{self._profile.broker_address} ({error})")
            return Connection("stopped", *explained(self._failure))
        frames, events = self._descriptors
        self._loop.add_reader(frames, self._wake)
        self._loop.add_reader(events, self._stir)
        self._stir()  # ZeroMQ's descriptors signal edges only: look once without waiting
        return None if self._failure else Connection("connecting")

    def _stir(self) -> None:
        self._stirred = True
        self._wake()

    def take_told(self) -> bool:
        """Whether the engine was told of a connection or of its end since the last call."""
        told, self._told = self._told, False
        return told

    def _on_event(self, event: LinkEvent, now: Now, engine: Engine) -> Connection | None:
        if event is LinkEvent.ADMITTED:
            self._admitted = True
            self._deadline_s, self._look_s = NEVER, now.mono_s + LOOK_S
            engine.connect(now)
            self._told = True
            self._wake()
            return None
        return self._lost(now, engine, event)

    def _lost(self, now: Now, engine: Engine, event: LinkEvent) -> Connection | None:
        self._close()
        self._told = True
        engine.disconnected()
        self._wrong_keys = self._wrong_keys + 1 if event is LinkEvent.WRONG_KEY else 0
        if event is LinkEvent.REFUSED:
            self._failure = DeviceRefusedError()
            self._next_s = now.mono_s + REFUSED_PAUSE_S * (1 + random.random())  # noqa: S311 - spreads load
        elif event is LinkEvent.WRONG_KEY and self._wrong_keys < WRONG_KEY_AFTER:
            self._next_s = now.mono_s + WRONG_KEY_PAUSE_S
        else:
            self._schedule(now, 0.0)
        if self._wrong_keys >= WRONG_KEY_AFTER:
            profile = self._profile
            self._failure = WrongBrokerKeyError(address=profile.broker_address, key_file=profile.broker_key_source)
        return self._offline()

    def _offline(self) -> Connection:
        if self._failure is not None:
            return Connection("offline", *explained(self._failure))
        address = self._profile.broker_address
        text = _("The broker at {address} does not answer; trying again. Messages are queued.").format(address=address)
        return Connection("offline", text, BrokerUnreachableError.code)

    def _schedule(self, now: Now, least_s: float) -> None:
        if self._was_open:
            wait_s = random.random() * self._spread_s  # noqa: S311 - spreads load, guards nothing
        else:
            wait_s = random.random() * self._interval_s  # noqa: S311
            most_s = max(self._profile.reconnect_most_s, self._spread_s)
            self._interval_s = min(self._interval_s * 2, most_s)
        self._next_s = now.mono_s + max(wait_s, random.random() * least_s)  # noqa: S311

    def ended(self, now: Now, fatal: SealwireError | None, jitter_s: float) -> Connection | None:
        """The engine ends this connection (a RESET, a refused login, silence)."""
        was_open = self._link.is_open
        self._close()
        if fatal is not None:
            self._failure = fatal
            self._stopped = True
            return Connection("stopped", *explained(fatal))
        self._schedule(now, jitter_s)
        return self._offline() if was_open else None

    def drop(self, now: Now, pause_s: float) -> None:
        """End this connection without a word and pause."""
        self._close()
        self._next_s = now.mono_s + pause_s

    def take_frames(self) -> list[bytes]:
        """Frames that came since the last call."""
        frames, self._frames = self._frames, []
        return frames or self._link.drain_frames()

    def send(self, frames: list[bytes]) -> bool:
        """Hand frames over, then look at the socket again: its descriptor signals edges only."""
        sent = self._link.send(frames)
        self._wake()
        return sent

    def unwatch(self) -> None:
        """Stop looking at the descriptors, in the loop's own thread.

        A loop that still holds a closed one never wakes for the next client, whose descriptor may have its number.
        """
        for descriptor in self._descriptors:
            with contextlib.suppress(OSError, ValueError):
                self._loop.remove_reader(descriptor)
        self._descriptors = []

    def _close(self) -> None:
        self.unwatch()
        self._frames = []
        self._events.clear()
        self._look_s = NEVER
        self._link.close()

    def finish(self, linger_s: float) -> None:
        """Close for good; a goodbye under way gets a moment."""
        self._link.finish(int(linger_s * 1000))


def explained(error: SealwireError) -> tuple[str, str]:
    """(sentence, code) of an error, as a Connection event carries them."""
    sentence, hint = explain(error)
    return f"{sentence} {hint}".strip(), error.code
