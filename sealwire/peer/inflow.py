"""Notices a broker that brings bytes and never ends a message.

A message in parts comes out of ZeroMQ when its last part has come, and neither MAXMSGSIZE nor a high-water mark bounds
how many there are: a broker that never sends the last one would fill the memory of all its peers. Linux knows how much
has come on each connection; elsewhere nobody looks.

Source: protocol.md §2.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Final

UNHEARD_BYTES: Final = 16 * 1024 * 1024
"""What may come between two looks without a frame being there: more than the system itself keeps of a connection that
this process is too busy to read."""
LOOK_S: Final = 2.0
"""How often it is looked at: each look wakes an idle peer, and between two a fast line brings 200 MiB."""

_TCP_INFO: Final = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_RECEIVED_AT: Final = 128
"""Of tcpi_bytes_received (u64) in Linux's struct tcp_info, since 4.1."""
_RECEIVED: Final = struct.Struct("=Q")


class Inflow:
    """What comes on one connection.

    Args:
        fd: the connection's descriptor; it stays ZeroMQ's.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._heard_bytes = 0
        self.was_heard = True
        """Whether a frame came since the last look."""

    def is_endless(self) -> bool:
        """Look: whether much came since a frame did."""
        came_bytes = _received(self._fd)
        if self.was_heard:
            self.was_heard, self._heard_bytes = False, came_bytes
        return came_bytes - self._heard_bytes > UNHEARD_BYTES


def _received(fd: int) -> int:
    """How many bytes ever came on a connection, 0 where the system does not say."""
    if _TCP_INFO is None:
        return 0
    try:
        connected = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
        try:
            info = connected.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _RECEIVED_AT + _RECEIVED.size)
        finally:
            connected.detach()
    except OSError:
        return 0  # closed meanwhile, or no TCP
    return int(_RECEIVED.unpack_from(info, _RECEIVED_AT)[0]) if len(info) >= _RECEIVED_AT + _RECEIVED.size else 0
