"""Notices a broker that brings bytes and never ends a message.

A broker that never sends the last part of a message would fill the memory of all its peers. Linux knows how much has
come on each connection; elsewhere nobody looks.

Source: protocol.md §2.
"""

from __future__ import annotations

from typing import Final

from sealwire.tcp import received_bytes

UNHEARD_BYTES: Final = 16 * 1024 * 1024
"""What may come between two looks without a frame being there: more than the system itself keeps of a connection that
this process is too busy to read."""
LOOK_S: Final = 2.0
"""How often it is looked at: each look wakes an idle peer, and between two a fast line brings 200 MiB."""


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
        came_bytes = received_bytes(self._fd) or 0  # where the system says nothing, nobody is blamed
        if self.was_heard:
            self.was_heard, self._heard_bytes = False, came_bytes
        return came_bytes - self._heard_bytes > UNHEARD_BYTES
