"""What the system does about a TCP connection that is ZeroMQ's: it notices a line that was cut, and counts what comes.

A message in parts comes out of ZeroMQ when its last part has come, and nothing in ZeroMQ bounds how many there are. So
both ends look at what the system has counted: the broker at its peers, a peer at its broker.

Source: protocol.md §2.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Final

import zmq

KEEPALIVE_PROBES: Final = 5
"""So often the system asks whether anybody is there before it gives a line up. With one question, a single packet lost
ended an idle connection: where 2 % are lost, 25 of 100 within two minutes."""
_WINDOWS_PROBES: Final = 10  # Windows asks so often, whatever it is told

_TCP_INFO: Final = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_RECEIVED_AT: Final = 128
"""Of tcpi_bytes_received (u64) in Linux's struct tcp_info, since 4.1."""
_RECEIVED: Final = struct.Struct("=Q")


def keepalive(idle_s: int, answer_s: int) -> dict[int, int]:
    """Return ZeroMQ's options by which the system ends a connection on which nothing came for both times together.

    TCP_MAXRT is the sum of them, although it is about what nobody confirms: with less, Linux asks only once.

    Args:
        idle_s: nothing came for so long: the system asks.
        answer_s: it asks again and again for so long.

    Source: protocol.md §2.
    """
    probes = _WINDOWS_PROBES if sys.platform == "win32" else KEEPALIVE_PROBES
    return {
        zmq.TCP_MAXRT: (idle_s + answer_s) * 1000,
        zmq.TCP_KEEPALIVE: 1,
        zmq.TCP_KEEPALIVE_IDLE: idle_s,
        zmq.TCP_KEEPALIVE_CNT: KEEPALIVE_PROBES,
        zmq.TCP_KEEPALIVE_INTVL: answer_s // probes,
    }


def received_bytes(fd: int) -> int | None:
    """Return how many bytes ever came on a connection, None where the system does not say. It stays open."""
    if _TCP_INFO is None:
        return None
    try:
        connected = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
        try:
            info = connected.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _RECEIVED_AT + _RECEIVED.size)
        finally:
            connected.detach()
    except OSError:
        return None  # closed meanwhile, or no TCP
    return int(_RECEIVED.unpack_from(info, _RECEIVED_AT)[0]) if len(info) >= _RECEIVED_AT + _RECEIVED.size else None
