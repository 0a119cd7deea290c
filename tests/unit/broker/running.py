"""A broker over real sockets, in a thread of the test's own process."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Event, Thread
from typing import Self

import zmq
from zmq.utils import z85

from sealwire.broker.port import BrokerKeys, BrokerSettings, Status
from sealwire.broker.server import Server
from tests.unit.broker.raw_peer import RawPeer, member

PUBLIC, SECRET = (z85.decode(key) for key in zmq.curve_keypair())
KEYS = BrokerKeys(PUBLIC, SECRET, bytes(32))
START_S = 30
END_S = 10
"""Every end of a broker is bounded far below this."""


class Broker:
    """A server that runs until :meth:`close`, with the error that ended it."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.failure: BaseException | None = None
        self.endpoint = ""
        self.peers: list[RawPeer] = []
        self._begun = Event()
        chosen = BrokerSettings(**{"bind": "tcp://127.0.0.1:0", "ballast_bytes": 0, **settings})
        self.server = Server(chosen, KEYS, folder, self._is_ready, logging.getLogger("sealwire"))
        # A daemon: one that does not end fails its test, and must not hold up the end of the run as well.
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()
        self._begun.wait(START_S)
        if not self.endpoint:
            self.close()
            raise AssertionError("the broker did not start") from self.failure

    def _run(self) -> None:
        try:
            self.server.run()
        except BaseException as error:
            self.failure = error
        finally:
            self._begun.set()

    def _is_ready(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._begun.set()

    def peer(self, name: str, keys: str = "alice", **more: object) -> RawPeer:
        """A peer that is not connected yet; it is closed with the broker."""
        peer = RawPeer(self.endpoint, PUBLIC, member(name, PUBLIC, keys), **more)
        self.peers.append(peer)
        return peer

    def login(self, name: str, keys: str = "alice", **more: object) -> RawPeer:
        peer = self.peer(name, keys, **more)
        peer.login()
        return peer

    def status(self) -> dict[str, int]:
        return self.server.submit(Status()).result(5)

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        self.server.stop()
        self.thread.join(END_S)
        assert not self.thread.is_alive(), "the broker does not end"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_how: object) -> None:
        self.close()
