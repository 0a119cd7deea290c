"""The connection to the broker: one DEALER socket per attempt, CURVE always, watched by its own monitor.

Plain non-blocking sockets whose descriptors wake the client's loop; nothing here waits.

Source: protocol.md §2.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import zmq
from zmq.utils.monitor import parse_monitor_message
from zmq.utils.z85 import encode as z85

from sealwire.closing import end_context
from sealwire.errors import RemoteProtocolError
from sealwire.peer.inflow import Inflow
from sealwire.tcp import keepalive
from sealwire.wire.frames import MAX_FRAME_BYTES
from sealwire.wire.many import apart, gather_sends

CONNECT_TIMEOUT_MS: Final = 4_000
HANDSHAKE_IVL_MS: Final = 10_000
ATTEMPT_TIMEOUT_S: Final = 6.0
"""TCP and CURVE together: past this the attempt is given up, whatever the monitor says."""
HEARTBEAT_MS: Final = 45_000
"""For what stands between: proxies that drop a connection on which nothing was said for 50 s are common, and whoever
waits for the next message must not find out by the clock. At the broker each costs a wake-up."""
HEARTBEAT_TIMEOUT_MS: Final = 20_000
KEEPALIVE_IDLE_S: Final = 20
KEEPALIVE_ANSWER_S: Final = 10
"""The system finds a line that was cut, at no cost to either program: after half a minute, or HEARTBEAT_TIMEOUT_MS
after a heartbeat that went out meanwhile."""
SNDHWM: Final = 4_096
"""Above the send window and everything else a peer may have under way: a send that finds it full means a dead link."""
RCVHWM: Final = 2_048
ZAP_REFUSED: Final = 400
"""ZAP's status for "no"; 500 is the broker's "come back later"."""
END_S: Final = 2.0
"""Beyond a goodbye's moment: a name that is being looked up keeps ZeroMQ for as long as the resolver likes."""
FRAMES_PER_DRAIN: Final = 512
"""Frames taken in one turn: bounds the transaction they go into."""


class LinkEvent(Enum):
    """What the monitor saw."""

    ADMITTED = "admitted"
    """TCP, CURVE and the broker's admission succeeded."""
    LOST = "lost"
    UNREACHABLE = "unreachable"
    WRONG_KEY = "wrong-key"
    """The handshake ended without a word: the other side could not open what we sealed to the pinned key."""
    REFUSED = "refused"
    """Admission says no to this connection key."""
    BUSY = "busy"
    """Admission says: not now, too many connections."""


_INPUT: Final = int(zmq.POLLIN)
"""As a plain number: to combine one with a member of an enumeration takes as long as the question itself."""
_EVENTS: Final[dict[int, LinkEvent]] = {
    zmq.EVENT_HANDSHAKE_SUCCEEDED: LinkEvent.ADMITTED,
    zmq.EVENT_DISCONNECTED: LinkEvent.LOST,
    zmq.EVENT_CLOSED: LinkEvent.UNREACHABLE,
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: LinkEvent.WRONG_KEY,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: LinkEvent.WRONG_KEY,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: LinkEvent.REFUSED,
}


class Link:
    """At most one connection; every attempt is a fresh socket, so nothing of an old one can leak into it."""

    def __init__(self, address: str, broker_key: bytes, connection_public: bytes, connection_secret: bytes) -> None:
        self._context = zmq.Context(1)
        self._address = address
        self._broker_key = z85(broker_key)
        self._public = z85(connection_public)
        self._secret = z85(connection_secret)
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._inflow: Inflow | None = None

    @property
    def is_open(self) -> bool:
        """Whether an attempt or a connection exists."""
        return self._socket is not None

    def open(self) -> list[int]:
        """Start an attempt; returns the descriptors whose readiness means: drain both.

        Raises:
            zmq.ZMQError: the address cannot be used at all.
        """
        self.close()
        socket = self._context.socket(zmq.DEALER)
        self._socket = socket
        for option, value in (
            (zmq.IMMEDIATE, 1),
            (zmq.LINGER, 0),
            (zmq.RECONNECT_IVL, -1),
            (zmq.SNDHWM, SNDHWM),
            (zmq.RCVHWM, RCVHWM),
            (zmq.MAXMSGSIZE, MAX_FRAME_BYTES),
            (zmq.HANDSHAKE_IVL, HANDSHAKE_IVL_MS),
            (zmq.CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS),
            (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
            (zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS),
            (zmq.HEARTBEAT_TTL, 0),  # the broker's system watches its end: libzmq's timers would cost it more
            *keepalive(KEEPALIVE_IDLE_S, KEEPALIVE_ANSWER_S).items(),
            (zmq.IPV6, 1),
        ):
            socket.setsockopt(option, value)
        socket.curve_serverkey = self._broker_key
        socket.curve_publickey = self._public
        socket.curve_secretkey = self._secret
        monitor = socket.get_monitor_socket(sum(_EVENTS) | zmq.EVENT_CONNECTED)
        self._monitor = monitor
        socket.connect(self._address)
        return [socket.fileno(), monitor.fileno()]

    def drain_events(self) -> list[LinkEvent]:
        """Everything the monitor saw since the last call."""
        events: list[LinkEvent] = []
        monitor = self._monitor
        if monitor is not None and _has_input(monitor):
            with contextlib.suppress(zmq.Again):
                while True:
                    message = parse_monitor_message(monitor.recv_multipart(zmq.NOBLOCK))
                    if message["event"] == zmq.EVENT_CONNECTED:
                        self._inflow = Inflow(int(message["value"]))
                    else:
                        events.append(_read(message))
        return events

    def drain_frames(self, most: int = FRAMES_PER_DRAIN) -> list[bytes]:
        """The frames that are there, at most so many, and those that came together apart.

        A multipart message is no frame of the protocol: it comes out as one empty frame, which the engine ignores
        (the broker never sends one; a hostile one gains nothing by it). One that never ends is for :meth:`is_flooded`.
        """
        frames: list[bytes] = []
        socket = self._socket
        if socket is not None and _has_input(socket):
            if self._inflow is not None:
                self._inflow.was_heard = True
            with contextlib.suppress(zmq.Again):
                while len(frames) < most:
                    parts = socket.recv_multipart(zmq.NOBLOCK)
                    frames += apart_or_whole(parts[0] if len(parts) == 1 else b"")
        return frames

    def is_flooded(self) -> bool:
        """Whether the broker brings bytes and no frame; to be asked each :data:`LOOK_S` seconds."""
        inflow = self._inflow
        if inflow is None or self._socket is None:
            return False
        inflow.was_heard = inflow.was_heard or _has_input(self._socket)
        return inflow.is_endless()

    def send(self, frames: list[bytes]) -> bool:
        """Hand frames to ZeroMQ in order; False when the connection cannot take them (it is dead or stuck)."""
        socket = self._socket
        if socket is None:
            return False
        try:
            for frame in gather_sends(frames):
                socket.send(frame, zmq.NOBLOCK)
        except zmq.ZMQError:
            return False
        return True

    def close(self) -> None:
        """End the connection or the attempt; what ZeroMQ still holds is dropped (the outbox has it)."""
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close(0)
            self._socket = None
        self._inflow = None
        if self._monitor is not None:
            self._monitor.close(0)
            self._monitor = None

    def finish(self, linger_ms: int = 500) -> None:
        """Close for good, giving a last goodbye a moment to leave."""
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close(linger_ms)
            self._socket = None
        self.close()
        end_context(self._context, linger_ms / 1000 + END_S)


def apart_or_whole(frame: bytes) -> list[bytes]:
    """The frame, or the DELIVERs that came together in it; one that cannot be read is left to the engine to refuse."""
    try:
        return apart(frame)
    except RemoteProtocolError:
        return [frame]


def _has_input(socket: zmq.Socket[bytes]) -> bool:
    """Whether something can be received: an exception that says no costs ten times as much, and most answers are no."""
    events = socket.getsockopt(zmq.EVENTS)
    return isinstance(events, int) and bool(events & _INPUT)


def _read(message: Mapping[str, Any]) -> LinkEvent:
    event = _EVENTS[int(message["event"])]
    if event is LinkEvent.REFUSED and message["value"] != ZAP_REFUSED:
        return LinkEvent.BUSY
    return event
