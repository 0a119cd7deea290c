"""A broker that is watched: its numbers and its health on a loopback port of their own."""

from __future__ import annotations

import contextlib
import os
import time
from concurrent.futures import CancelledError

from sealwire.broker import invites
from sealwire.broker.health import Lookout, problems
from sealwire.broker.metrics import Counts, Metrics
from sealwire.broker.port import Status
from sealwire.broker.server import Server
from sealwire.cli.common import say
from sealwire.errors import MonitoringBindError

ANSWER_S = 2.0
"""A loop that does not answer for so long has its numbers left out: what it counts elsewhere is still told."""


class Monitoring:
    """What ``metrics.listen`` turns on.

    Args:
        listen: HOST:PORT on loopback.
    """

    def __init__(self, listen: str) -> None:
        self._listen = listen
        self._lookout: Lookout | None = None
        self.metrics = Metrics()

    def start(self, server: Server) -> None:
        """Answer from now on; says where.

        Raises:
            MonitoringBindError: the port is taken.
        """
        self._server = server
        self._began = time.monotonic()
        self.metrics.ask = self._counts
        host, port = invites.split_address(f"tcp://{self._listen}")
        try:
            self._lookout = Lookout((host.strip("[]"), port), server.vitals, self.metrics.text)
        except OSError as error:
            raise MonitoringBindError(address=self._listen, reason=os.strerror(error.errno or 0)) from error
        say(f"sealwire broker monitored on http://{invites.join_address(host, self._lookout.port)}/metrics")

    def close(self) -> None:
        """Stop answering."""
        if self._lookout is not None:
            self._lookout.close()

    def _counts(self) -> Counts:
        now = time.monotonic()
        found: dict[str, int | float | str] = {
            **self._server.counts(),
            "uptime_s": round(now - self._began),
            "healthy": int(not problems(self._server.vitals(), now)),
        }
        with contextlib.suppress(TimeoutError, CancelledError):
            found |= self._server.submit(Status()).result(ANSWER_S)
            store = self._server.store_facts().result(ANSWER_S)
            oldest = store.oldest_ms
            found["oldest_seconds"] = 0.0 if oldest is None else max(0.0, time.time() - oldest / 1000)
            found |= {"store_bytes": store.size_bytes, "store_free_bytes": store.free_bytes}
        return found
