"""Answers who comes to a listening socket, one after the other or side by side, until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
from collections.abc import Callable

logger = logging.getLogger("sealwire.broker.porter")


class Porter:
    """Answers one client after the other, in a thread of its own; the socket is closed with it.

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
                self._receive(client)
            except OSError as error:
                logger.info("%s: nobody came in: %s", self._name, error)
            except Exception:  # the thread must outlive whatever a client does
                logger.exception("%s: a client could not be received", self._name)

    def _receive(self, client: socket.socket) -> None:
        self._attend(client)

    def _attend(self, client: socket.socket) -> None:
        try:
            self._answer(client)
        except OSError as error:
            logger.info("%s: a connection ended early: %s", self._name, error)
        except Exception:  # the thread must outlive whatever an answer does
            logger.exception("%s: a client could not be answered", self._name)
        finally:
            self._part(client)

    def _part(self, client: socket.socket) -> None:
        client.close()


class Porters(Porter):
    """Answers clients side by side, each in a thread of its own: who stays silent holds nobody up.

    Args:
        most: at once. When one more comes, whoever has been there longest is cut off: the silent are.
    """

    def __init__(self, name: str, listener: socket.socket, answer: Callable[[socket.socket], None], most: int) -> None:
        self._room = threading.Semaphore(most)
        self._guard = threading.Lock()
        self._inside: list[socket.socket] = []
        super().__init__(name, listener, answer)

    def close(self, within_s: float) -> None:
        """Stop, and cut off whoever is inside."""
        super().close(within_s)
        while self._inside:
            self._cut_off_the_first()

    def _receive(self, client: socket.socket) -> None:
        if not self._room.acquire(blocking=False):
            self._cut_off_the_first()
            self._room.acquire()
        with self._guard:
            self._inside.append(client)
        try:
            threading.Thread(target=self._attend, args=(client,), name=self._name, daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            self._part(client)
            raise

    def _part(self, client: socket.socket) -> None:
        with self._guard, contextlib.suppress(ValueError):  # cut off
            self._inside.remove(client)
        super()._part(client)
        self._room.release()

    def _cut_off_the_first(self) -> None:
        with self._guard, contextlib.suppress(IndexError, OSError):  # it left meanwhile
            self._inside.pop(0).shutdown(socket.SHUT_RDWR)
