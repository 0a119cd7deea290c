"""Answers one client after the other, in a thread of its own, until it is told to stop."""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable

logger = logging.getLogger("sealwire.broker.porter")


class Porter:
    """At the door of a listening socket, which is closed with it.

    Args:
        name: of the thread.
        answer: speaks with a client, within a time of its own; OSError: the client went away or never asked.
    """

    def __init__(self, name: str, listener: socket.socket, answer: Callable[[socket.socket], None]) -> None:
        self._name = name
        self._listener = listener
        self._answer = answer
        self._wake_read, self._wake_write = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def close(self, within_s: float) -> None:
        """Stop, after the client that is being answered."""
        self._wake_write.send(b"\0")
        self._thread.join(within_s)
        for sock in (self._listener, self._wake_read, self._wake_write):
            sock.close()

    def _serve(self) -> None:
        while True:
            readable, _writable, _broken = select.select([self._listener, self._wake_read], [], [])
            if self._wake_read in readable:
                return
            try:
                client, _address = self._listener.accept()
                with client:
                    self._answer(client)
            except OSError as error:
                logger.info("%s: a connection ended early: %s", self._name, error)
            except Exception:  # the thread must outlive whatever an answer does
                logger.exception("%s: a client could not be answered", self._name)
