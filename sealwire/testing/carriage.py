"""A second connection in a network without sockets: the real mover over real files, by hand instead of a thread."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sealwire.ids import RoutingId
from sealwire.peer.hauler import carry_out
from sealwire.peer.login import Credentials
from sealwire.peer.mover import Mover
from sealwire.peer.moves import MakeThumbnail, News, Order

if TYPE_CHECKING:
    from sealwire.testing.network import VirtualPeer


class VirtualHauler:
    """What ``peer.hauler`` is to a running peer."""

    def __init__(self, peer: VirtualPeer, credentials: Credentials) -> None:
        self.peer = peer
        self.curve = peer.curve
        self.folder = peer.folder / "files"
        self.folder.mkdir(exist_ok=True)
        self.mover = Mover(peer.identity, credentials, os.urandom)
        self.rid: RoutingId | None = None
        self.inbound: deque[bytes] = deque()
        self.hostile: Callable[[Any, bytes], list[bytes]] | None = None
        self.told: list[News] = []

    def carry_out(self, order: Order) -> None:
        """Do what the engine ordered. Images get no thumbnails here: that takes a process."""
        if isinstance(order, MakeThumbnail):
            row = order.row
            self.peer.turn([], lambda engine, now: engine.files.thumbnail_made(row, None, now))
        else:
            carry_out(self.mover, order, self.folder)

    def lost(self) -> None:
        """The connection broke."""
        self.mover.disconnected()

    @property
    def wants_link(self) -> bool:
        """Whether there is something to move and a broker to move it to."""
        peer = self.peer
        ready = peer.net.now.mono_s >= self.mover.not_before_s
        return self.rid is None and self.mover.is_busy and peer.engine.online and ready

    def turn(self) -> bool:
        """One turn; False when nothing moved."""
        net, mover = self.peer.net, self.mover
        frames = list(self.inbound)
        self.inbound.clear()
        for frame in frames:
            mover.receive(frame, net.now.mono_s)
        mover.settle(net.now.mono_s)
        out, hangup = mover.take()
        net.to_broker(self, out)
        if hangup:
            net.cut(self)
        worked = mover.work()
        news, mover.news[:] = list(mover.news), []
        self.told += news
        for one in news:
            self.peer.turn([], lambda engine, now, one=one: engine.files.hear(one, now))  # type: ignore[misc]
        return bool(frames or worked or out or news)
