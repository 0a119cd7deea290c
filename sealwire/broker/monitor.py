"""The socket monitor: connections that never speak, and hints that one is gone.

libzmq sends monitor events blocking: a full queue stops its I/O thread after some hundred connections. So the queue has
no limit, and the loop takes from it when it has time. A thread that empties it would be woken for every event and take
the interpreter from the loop each time: thousands who come and go were a twentieth of a core by that alone.

Source: protocol.md §2.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import zmq

from sealwire.broker.links import Connection
from sealwire.broker.port import BrokerSettings

ENDPOINT: Final = "inproc://sealwire.monitor"
_GONE: Final = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
_EVENTS: Final = zmq.EVENT_ACCEPTED | _GONE
_EVENT: Final = struct.Struct("=HI")

Peer = tuple[str, int]


class Monitor:
    """The monitor of a ROUTER; made before the ROUTER is bound, closed before the context ends."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], router: zmq.Socket[bytes]) -> None:
        router.monitor(ENDPOINT, _EVENTS)
        self._socket = context.socket(zmq.PAIR)
        self._socket.rcvhwm = 0  # of both ends together: no limit
        self._socket.linger = 0
        self._socket.connect(ENDPOINT)

    def take(self, most: int) -> list[tuple[bool, int]]:
        """Return (came, descriptor) for the oldest of what happened and was not taken: True accepted, False gone."""
        events: list[tuple[bool, int]] = []
        while len(events) < most and int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            head, _endpoint = self._socket.recv_multipart(zmq.NOBLOCK)
            event, value = _EVENT.unpack(head)
            if event == zmq.EVENT_ACCEPTED:
                events.append((True, value))
            elif event & _GONE:
                events.append((False, value))
        return events

    def close(self) -> None:
        """No more of it; the ROUTER must have stopped telling."""
        self._socket.close()


class Doorstep:
    """Connections the broker has accepted and that have not spoken yet.

    Args:
        settings: looked at each time, because an operator may change them: how long one may stay silent, how many may
            at once (the oldest go first), how many connections there may be in all.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._waiting: dict[int, tuple[float, Peer | None]] = {}
        self._all: set[int] = set()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[int]:
        return iter(self._all)

    def came(self, fd: int, peer: Peer | None, now: float) -> bool:
        """A connection was accepted. Return whether there is room for it."""
        self._all.add(fd)
        self._waiting.pop(fd, None)
        self._waiting[fd] = (now, peer)
        return len(self._all) <= self._settings.max_connections

    def gone(self, fd: int) -> None:
        """A descriptor was closed."""
        self._all.discard(fd)
        self._waiting.pop(fd, None)

    def overdue(self, spoken: Callable[[Iterable[int]], list[int]], now: float) -> list[tuple[int, Peer | None]]:
        """Return who must go: (descriptor, peer). ``spoken`` returns those of some descriptors that said HELLO."""
        for fd in spoken(self._waiting):
            del self._waiting[fd]
        surplus = len(self._waiting) - self._settings.max_unclaimed
        late = []
        for fd, (since, peer) in self._waiting.items():  # oldest first
            if now - since < self._settings.hello_timeout_s and surplus <= 0:
                break
            surplus -= 1
            late.append((fd, peer))
        for fd, _ in late:
            del self._waiting[fd]
        return late


def peer_of(fd: int) -> Peer | None:
    """Return address and port at the other end of a descriptor, None when it is no connected socket."""
    try:
        with _borrowed(fd) as connected:
            return _peer(connected)
    except OSError:
        return None


@contextmanager
def _borrowed(fd: int) -> Iterator[socket.socket]:
    """The socket behind a descriptor that stays libzmq's: looked at, never closed."""
    connected = _behind(fd)
    try:
        yield connected
    finally:
        connected.detach()


@contextmanager
def _held(fd: int) -> Iterator[socket.socket]:
    """The same, and nobody can put another connection behind it meanwhile.

    When descriptors have run out there is no duplicate to be had, and shutting connections down is the only thing that
    helps: then it goes without, at the risk of ending one connection too many.
    """
    try:
        copy = os.dup(fd)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        with _borrowed(fd) as connected:
            yield connected
        return
    try:
        connected = _behind(copy)
    except OSError:  # no socket any more: the duplicate is ours alone to close
        os.close(copy)
        raise
    with connected:
        yield connected


def shut_down(fd: int, peer: Peer | None) -> bool:
    """End the connection behind ``fd`` if it still is the one to ``peer``; the descriptor stays libzmq's.

    Closing it would take it away under libzmq's feet; a duplicate shares the connection and may be shut down.
    """
    if fd < 0 or peer is None:
        return False
    try:
        with _held(fd) as connected:
            if _peer(connected) != peer:
                return False
            connected.shutdown(socket.SHUT_RDWR)
            return True
    except OSError:
        return False


def _behind(fd: int) -> socket.socket:
    # What it really is would be three questions to the system, and shows by its peer; AF_INET6 has room for each kind.
    return socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, fileno=fd)


def _peer(connected: socket.socket) -> Peer:
    name = connected.getpeername()
    if not isinstance(name, tuple):
        raise OSError("the descriptor was reused for something that is no peer")
    return str(name[0]), int(name[1])


def connection_of(rid: bytes, frame: zmq.Frame) -> Connection:
    """Read what ZeroMQ knows about the connection a frame came on.

    Source: protocol.md §2.
    """
    fd = int(frame.get(zmq.SRCFD))
    return Connection(
        rid=rid,  # type: ignore[arg-type]
        fd=fd,
        address=_text(frame, "Peer-Address"),
        peer=peer_of(fd),
        curve=bytes.fromhex(_text(frame, "User-Id")),
        chosen_id=_text(frame, "Routing-Id") != "",
    )


def _text(frame: zmq.Frame, name: str) -> str:
    try:
        return str(frame.get(name))
    except UnicodeDecodeError:
        return "?"  # only a routing id the peer chose can hold such bytes
    except zmq.ZMQError:
        return ""
