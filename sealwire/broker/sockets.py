"""The broker's ROUTER: how it is set, and whether this libzmq will do.

Source: protocol.md §2.
"""

from __future__ import annotations

from typing import Final

import zmq
from zmq.utils import z85

from sealwire.broker.zap import DOMAIN
from sealwire.errors import MissingPackageError
from sealwire.tcp import keepalive
from sealwire.wire.frames import MAX_FRAME_BYTES

LIBZMQ_FLOOR: Final = (4, 3, 5)
"""Older ones have overflows that a stranger can reach before logging in."""

_ZAP_ENFORCE_DOMAIN: Final = 93  # pyzmq has no name for it; without it a missing ZAP handler lets everybody in
LINGER_MS: Final = 500
"""What was told to peers last, such as RESET, has so long to leave."""
HANDSHAKE_MS: Final = 4_000
"""From accepting a connection to its last handshake frame. Whoever holds one open shall be gone within five seconds,
and libzmq's timer fires late: with 5,000, connections ended after up to 5.3. A line of 200 ms needs half a second."""
KEEPALIVE_IDLE_S: Final = 30
"""Where nothing came for so long, the system asks whether anybody is there; the other system answers by itself."""
KEEPALIVE_ANSWER_S: Final = 10
"""No answer to that for so long ends the connection: a dead one is found within 40 s. The system does it by a timer of
each connection; libzmq's own (HEARTBEAT_TTL, which peers therefore leave off) is looked for among those of all others
each time anything comes, which at 10,000 peers was most of what an idle PING cost."""

OPTIONS: Final = {
    zmq.ROUTER_MANDATORY: 1,  # a send to a dead link session is an error, not a silence
    zmq.ROUTER_HANDOVER: 0,  # nobody takes over another connection's id
    zmq.CURVE_SERVER: 1,
    _ZAP_ENFORCE_DOMAIN: 1,
    zmq.MAXMSGSIZE: MAX_FRAME_BYTES,
    zmq.RCVHWM: 64,  # per connection: past it TCP holds the peer back
    zmq.SNDHWM: 4096,  # above the windows: EAGAIN means a peer that does not read
    zmq.HANDSHAKE_IVL: HANDSHAKE_MS,
    zmq.BACKLOG: 4096,
    zmq.IPV6: 1,
    zmq.LINGER: LINGER_MS,  # before the bind: a connection that breaks while the socket closes has its listener's, and
    # with the default, which is for ever, libzmq then never ends
    zmq.HEARTBEAT_IVL: 0,  # peers start them; ours would cost a wake-up each
    **keepalive(KEEPALIVE_IDLE_S, KEEPALIVE_ANSWER_S),
}


def router_socket(context: zmq.Context[zmq.Socket[bytes]], curve_secret: bytes) -> zmq.Socket[bytes]:
    """Return a ROUTER that is ready to be bound; ZAP must be bound before that.

    Args:
        curve_secret: the broker's, 32 bytes.
    """
    router = context.socket(zmq.ROUTER)
    for option, value in OPTIONS.items():
        router.setsockopt(option, value)
    router.curve_secretkey = z85.encode(curve_secret)
    router.zap_domain = DOMAIN
    return router


def check_libzmq() -> None:
    """Make sure of what everything here rests on.

    Raises:
        MissingPackageError: this libzmq is too old or has no CURVE.
    """
    if zmq.zmq_version_info() < LIBZMQ_FLOOR or not zmq.has("curve"):
        command = "python -m pip install --upgrade pyzmq"
        raise MissingPackageError(package="pyzmq (libzmq 4.3.5 or newer, with CURVE)", command=command)
