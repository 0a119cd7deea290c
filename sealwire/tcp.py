"""What the system knows of a TCP connection that is ZeroMQ's: how much came on it, before ZeroMQ shows any of it.

A message in parts comes out of ZeroMQ when its last part has come, and nothing in ZeroMQ bounds how many there are. So
both ends look at what the system has counted: the broker at its peers, a peer at its broker.

Source: protocol.md §2.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Final

_TCP_INFO: Final = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_RECEIVED_AT: Final = 128
"""Of tcpi_bytes_received (u64) in Linux's struct tcp_info, since 4.1."""
_RECEIVED: Final = struct.Struct("=Q")


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
