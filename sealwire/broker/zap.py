"""ZAP in a thread of its own: every CURVE handshake is ruled on here before the connection exists.

It fails closed: it is bound before the ROUTER, which enforces its domain, so that without an answer nobody gets in.

Source: protocol.md §2, RFC 27/ZAP.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from threading import Lock, Thread
from typing import Final

import zmq

from sealwire.broker.admission import Admission, Ruling
from sealwire.broker.port import BrokerSettings
from sealwire.errors import ZapFailedError

ENDPOINT: Final = "inproc://zeromq.zap.01"
DOMAIN: Final = b"sealwire"
_VERSION: Final = b"1.0"
_KEY_BYTES: Final = 32
_MAY_RESTART_EVERY_S: Final = 10.0
"""A thread that ends more often than this is not mended by another one: the process ends instead."""
_TEXT: Final = {Ruling.ADMIT: b"OK", Ruling.REFUSE: b"refused", Ruling.LATER: b"later"}


class SharedAdmission(Admission):
    """Admission behind a lock: the ZAP thread asks, the broker's loop tells."""

    _lock: Final = Lock()

    def adopt(self, settings: BrokerSettings) -> None:
        """See Admission."""
        with self._lock:
            super().adopt(settings)

    def learn(self, curve: bytes) -> None:
        """See Admission."""
        with self._lock:
            super().learn(curve)

    def forget(self, curve: bytes) -> None:
        """See Admission."""
        with self._lock:
            super().forget(curve)

    def ban(self, curve: bytes, until: float) -> None:
        """See Admission."""
        with self._lock:
            super().ban(curve, until)

    def charge(self, curve: bytes, address: str, now: float) -> None:
        """See Admission."""
        with self._lock:
            super().charge(curve, address, now)

    def admit(self, curve: bytes, address: str, now: float) -> Ruling:
        """See Admission."""
        with self._lock:
            return super().admit(curve, address, now)


class Zap:
    """Keeps a ZAP thread answering. While there is none, nobody gets in; nobody ever gets in unasked.

    Args:
        context: the ROUTER's; the endpoint is bound when this returns.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], admission: Admission, log: logging.Logger) -> None:
        self._context = context
        self._admission = admission
        self._log = log
        self._started_at = -_MAY_RESTART_EVERY_S
        self.restarts = 0
        self._thread = ZapThread(context, admission, log)

    def counts(self) -> Counter[Ruling]:
        """What was ruled so far."""
        return self._thread.rulings

    @property
    def is_alive(self) -> bool:
        """Whether handshakes are answered."""
        return self._thread.is_alive()

    @property
    def is_stuck(self) -> bool:
        """Whether the thread was found busy with one request for two looks."""
        return self._thread.is_stuck

    def look(self, now: float) -> None:
        """Start the thread again when it has ended. Called about once a second.

        Raises:
            ZapFailedError: it ended again at once, or one request keeps it. The process must end.
        """
        if self._thread.is_alive():
            if self._thread.look():
                raise ZapFailedError(detail="one request has kept it for over a second")
            return
        if now - self._started_at < _MAY_RESTART_EVERY_S:
            raise ZapFailedError(detail="it ended again")
        self._log.error("the thread that rules on connections has ended; it is started again")
        self._started_at = now
        self.restarts += 1
        self._thread = ZapThread(self._context, self._admission, self._log, self._thread.rulings)

    def join(self) -> None:
        """Wait for the end; the context must be ending."""
        self._thread.join()


class ZapThread:
    """Answers ZAP requests until the context ends.

    Args:
        context: the ROUTER's; the endpoint is bound when this returns.
        rulings: counts of what was answered, taken over from the thread before.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        admission: Admission,
        log: logging.Logger,
        rulings: Counter[Ruling] | None = None,
    ) -> None:
        self.rulings = Counter(dict.fromkeys(Ruling, 0)) if rulings is None else rulings
        self.is_stuck = False
        self._admission = admission
        self._log = log
        self._begun = self._done = self._seen = 0
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        self._socket.bind(ENDPOINT)
        self._thread = Thread(target=self._run, name="broker-zap", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether handshakes are answered."""
        return self._thread.is_alive()

    def look(self) -> bool:
        """Return whether the request seen at the last look is still not answered.

        Two looks by a loop that runs, not a time: a process that was stopped as a whole is not stuck.
        """
        begun = self._begun
        self.is_stuck = begun != self._done and begun == self._seen
        self._seen = begun
        return self.is_stuck

    def join(self) -> None:
        """Wait for the end; the context must be ending."""
        self._thread.join()

    def _run(self) -> None:
        socket = self._socket
        try:
            while True:
                request = socket.recv_multipart()
                self._begun += 1
                socket.send_multipart(self._answer(request))
                self._done = self._begun
        except zmq.ContextTerminated:
            pass
        except Exception:  # noqa: BLE001 - the top of a thread: it ends, and the loop starts another
            self._log.exception("ruling on connections failed")
        finally:
            socket.close()

    def _answer(self, request: list[bytes]) -> list[bytes]:
        number = request[1] if len(request) > 1 else b""
        try:
            ruling, user = self._rule(request)
        except Exception:  # noqa: BLE001 - the thread must outlive whatever a request holds
            self._log.exception("a connection could not be ruled on; it was refused")
            ruling, user = Ruling.LATER, b""
        self.rulings[ruling] += 1
        return [_VERSION, number, ruling.value.encode(), _TEXT[ruling], user, b""]

    def _rule(self, request: list[bytes]) -> tuple[Ruling, bytes]:
        if len(request) != 7 or request[0] != _VERSION or request[2] != DOMAIN:
            return Ruling.REFUSE, b""
        address, mechanism, key = request[3], request[5], request[6]
        if mechanism != b"CURVE" or len(key) != _KEY_BYTES:
            return Ruling.REFUSE, b""
        ruling = self._admission.admit(key, address.decode("ascii", "replace"), time.monotonic())
        return ruling, key.hex().encode() if ruling is Ruling.ADMIT else b""
