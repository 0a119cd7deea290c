"""Whether a broker answers at an address: one connection, no login, nothing said."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import zmq

from sealwire.peer.link import Link, LinkEvent

PROBE_S: Final = 2.0
"""A broker on this machine answers in milliseconds, one across the world in less than a second."""
LOOK_S: Final = 0.02

_THERE = frozenset({LinkEvent.ADMITTED, LinkEvent.REFUSED, LinkEvent.BUSY})
"""Even a refusal is an answer, sealed with the key that was pinned."""


async def answers(address: str, broker_key: bytes | None, timeout_s: float = PROBE_S) -> bool:
    """Return whether something listens there, and holds the pinned key if one is given.

    Args:
        address: ``tcp://HOST:PORT``.
        broker_key: 32 bytes, or None when no key is known yet.
        timeout_s: after which it does not answer.
    """
    if broker_key is None:
        return await _listens(address, timeout_s)
    public, secret = (zmq.utils.z85.decode(half) for half in zmq.curve_keypair())
    link = Link(address, broker_key, public, secret)
    ends = time.monotonic() + timeout_s
    try:
        link.open()
        while time.monotonic() < ends:
            events = link.drain_events()
            if events:
                return events[0] in _THERE
            await asyncio.sleep(LOOK_S)
        return False
    except zmq.ZMQError:
        return False
    finally:
        link.finish(0)


async def _listens(address: str, timeout_s: float) -> bool:
    host, _colon, port = address.removeprefix("tcp://").rpartition(":")
    try:
        opening = asyncio.open_connection(host.strip("[]"), int(port))
        _reader, writer = await asyncio.wait_for(opening, timeout_s)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
