"""Whether the broker is well, and the small HTTP port on which monitoring asks.

``/healthz`` says ``ok`` while the loop turns, the disk answers and connections are ruled on; ``/readyz`` while it also
takes work; ``/metrics`` gives the numbers. GET only, one request a connection, loopback only: there is no login.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from sealwire.broker.porter import Porters

TURN_S: Final = 5.0
"""The loop turns at least once a second; one that has not for so long hangs."""
WRITE_S: Final = 10.0
"""A transaction takes milliseconds; a disk that has not answered one for so long hangs."""
FULL_S: Final = 60.0
"""A full disk is tried again with the next message: longer ago than this says nothing of now."""
MAX_REQUEST_BYTES: Final = 4_096
"""Of a request with its headers; without it a local program could fill the broker's memory."""
REQUEST_S: Final = 2.0
"""A client that has not said its request by then is cut off; without it one that says nothing stayed for ever."""
MAX_CLIENTS: Final = 16
"""At once, each with a thread; without it a local program could take all threads of the broker. Prometheus and a
supervisor need one each; when more come, whoever has been there longest goes."""
BACKLOG: Final = 128
"""Connections the system holds until they are received: one that finds no place there tries again a second later."""


class Vitals(Struct, frozen=True):
    """What the broker shows of itself.

    Times are monotonic seconds. ``writing_since`` is None while nothing is being written, ``refused_at`` unless a full
    disk refused the last messages.
    """

    turned_at: float
    writing_since: float | None
    zap_answers: bool
    is_serving: bool
    refused_at: float | None = None


def problems(vitals: Vitals, now: float) -> list[str]:
    """Return what is wrong, one line each; nothing for a broker that is well."""
    found = []
    if now - vitals.turned_at > TURN_S:
        found.append(f"the loop has not turned for {now - vitals.turned_at:.0f} s")
    if vitals.writing_since is not None and now - vitals.writing_since > WRITE_S:
        found.append(f"the disk has not answered for {now - vitals.writing_since:.0f} s")
    if not vitals.zap_answers:
        found.append("new connections are not ruled on")
    return found


class Lookout:
    """Answers monitoring, each client in a thread of its own.

    Args:
        address: (host, port) on loopback; port 0 picks a free one.
        vitals: called in these threads.
        metrics: returns the text of ``/metrics``; called in these threads.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, address: tuple[str, int], vitals: Callable[[], Vitals], metrics: Callable[[], bytes]) -> None:
        self._pages: Mapping[bytes, Callable[[], tuple[int, bytes]]] = {
            b"/metrics": lambda: (200, metrics()),
            b"/healthz": lambda: _verdict(problems(vitals(), time.monotonic())),
            b"/readyz": lambda: _verdict(unready(vitals())),
        }
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        listener = socket.create_server(address, family=family, backlog=BACKLOG)
        self.port: int = listener.getsockname()[1]
        self._porters = Porters("broker-lookout", listener, self._speak, MAX_CLIENTS)

    def close(self) -> None:
        """Stop answering."""
        self._porters.close(2 * REQUEST_S + 1)

    def _speak(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):  # whoever asked went away or never asked: that is no event
            client.sendall(self._answer(_read_request(client)))

    def _answer(self, request: bytes) -> bytes:
        words = request.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response(400, b"not a request\n")
        if words[0] != b"GET":
            return _response(405, b"GET only\n")
        page = self._pages.get(words[1].split(b"?", 1)[0])
        return _response(404, b"/metrics, /healthz or /readyz\n") if page is None else _response(*page())


_REASON: Final = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Unavailable"}


def _response(status: int, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_REASON[status]}\r\n"
        "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _verdict(found: list[str]) -> tuple[int, bytes]:
    return (503, "".join(f"{line}\n" for line in found).encode()) if found else (200, b"ok\n")


def unready(vitals: Vitals) -> list[str]:
    """Return why it takes no work, one line each; nothing for a broker that does."""
    now = time.monotonic()
    found = problems(vitals, now)
    if not vitals.is_serving:
        found.append("the broker is starting or stopping")
    if vitals.refused_at is not None and now - vitals.refused_at < FULL_S:
        found.append("the disk is full: messages for devices that are away are refused")
    return found


def _read_request(client: socket.socket) -> bytes:
    """Read up to the empty line. Raises OSError: too long, too late, or gone."""
    deadline = time.monotonic() + REQUEST_S
    data = b""
    while b"\r\n\r\n" not in data:
        client.settimeout(max(0.001, deadline - time.monotonic()))
        part = client.recv(MAX_REQUEST_BYTES)
        data += part
        if not part or len(data) > MAX_REQUEST_BYTES or time.monotonic() > deadline:
            raise OSError("no request")
    return data
