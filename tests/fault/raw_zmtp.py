"""ZMTP under CURVE by hand, over a plain socket: what no libzmq would ever send.

Source: RFC 23/ZMTP, RFC 26/CurveZMQ.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import Self

from nacl.bindings import (
    crypto_box,
    crypto_box_afternm,
    crypto_box_beforenm,
    crypto_box_keypair,
    crypto_box_open,
    crypto_box_open_afternm,
    crypto_scalarmult_base,
)

SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
GREETING = SIGNATURE + b"\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)
LONG, COMMAND = 0x02, 0x04
"""Flags of a frame on the wire; whether more parts follow stands inside the box."""
MORE = b"\x01"
LAST = b"\x00"
WAIT_S = 15.0


class RawZmtp:
    """One connection. Each step is a method, so that a test can stop, lie or repeat between them.

    Args:
        secret: the connection key's secret half; None: a fresh one.
        source: the address it comes from, such as 127.0.0.2.
        routing_id: one that it chooses for itself, which no peer of ours does.
    """

    def __init__(
        self, endpoint: str, server_key: bytes, secret: bytes | None = None, source: str = "", routing_id: bytes = b""
    ) -> None:
        host, port = endpoint.removeprefix("tcp://").split(":")
        self.socket = socket.create_connection((host, int(port)), WAIT_S, (source, 0))
        self.server_key, self.routing_id = server_key, routing_id
        self.public, self.secret = crypto_box_keypair() if secret is None else (crypto_scalarmult_base(secret), secret)
        self.short_public, self.short_secret = crypto_box_keypair()
        self.number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_how: object) -> None:
        self.socket.close()

    # --- the handshake ---------------------------------------------------------------------------------------

    def greet(self) -> None:
        self.socket.sendall(GREETING)
        self._exactly(64)

    def hello_frame(self) -> bytes:
        box = crypto_box(bytes(64), b"CurveZMQHELLO---" + self._next(), self.server_key, self.short_secret)
        body = b"\x05HELLO\x01\x00" + bytes(72) + self.short_public + self.number.to_bytes(8, "big") + box
        return frame(body, COMMAND)

    def hello(self) -> None:
        self.socket.sendall(self.hello_frame())
        body = self.receive()
        assert body.startswith(b"\x07WELCOME"), body[:16]
        opened = crypto_box_open(body[24:], b"WELCOME-" + body[8:24], self.server_key, self.short_secret)
        self.server_short, self.cookie = opened[:32], opened[32:]
        self.shared = crypto_box_beforenm(self.server_short, self.short_secret)  # once: a flood has many messages

    def initiate_frame(self) -> bytes:
        random = os.urandom(16)
        vouch = crypto_box(self.short_public + self.server_key, b"VOUCH---" + random, self.server_short, self.secret)
        metadata = b"\x0bSocket-Type" + (6).to_bytes(4, "big") + b"DEALER"
        if self.routing_id:
            metadata += b"\x08Identity" + len(self.routing_id).to_bytes(4, "big") + self.routing_id
        box = crypto_box(
            self.public + random + vouch + metadata,
            b"CurveZMQINITIATE" + self._next(),
            self.server_short,
            self.short_secret,
        )
        return frame(b"\x08INITIATE" + self.cookie + self.number.to_bytes(8, "big") + box, COMMAND)

    def initiate(self) -> None:
        self.socket.sendall(self.initiate_frame())
        body = self.receive()
        assert body.startswith(b"\x05READY"), body[:16]

    def shake_hands(self) -> Self:
        self.greet()
        self.hello()
        self.initiate()
        return self

    # --- messages --------------------------------------------------------------------------------------------

    def part(self, body: bytes, flags: bytes = LAST) -> bytes:
        """One part of a message, as bytes for the wire."""
        box = crypto_box_afternm(flags + body, b"CurveZMQMESSAGEC" + self._next(), self.shared)
        return frame(b"\x07MESSAGE" + self.number.to_bytes(8, "big") + box)

    def send(self, body: bytes, flags: bytes = LAST) -> None:
        self.socket.sendall(self.part(body, flags))

    def message(self) -> bytes:
        """The next message of the server."""
        body = self.receive()
        assert body.startswith(b"\x07MESSAGE"), body[:16]
        return crypto_box_open_afternm(body[16:], b"CurveZMQMESSAGES" + body[8:16], self.shared)[1:]

    def receive(self) -> bytes:
        flags = self._exactly(1)[0]
        size = int.from_bytes(self._exactly(8 if flags & LONG else 1), "big")
        return self._exactly(size)

    def dribble(self, parts: Iterable[bytes]) -> bool:
        """Send one after the other; False as soon as the server has hung up."""
        for data in parts:
            if not self.is_open():
                return False
            try:
                self.socket.sendall(data)
            except OSError:
                return False
        return True

    def is_open(self) -> bool:
        """Whether the server has not hung up; what it said meanwhile is dropped."""
        return not is_closed(self.socket, 0.0)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            got = self.socket.recv(count - len(data))
            if not got:
                raise ConnectionError("the server hung up")
            data += got
        return data

    def _next(self) -> bytes:
        self.number += 1
        return self.number.to_bytes(8, "big")


def frame(body: bytes, flags: int = 0) -> bytes:
    if len(body) > 255:
        return bytes((flags | LONG,)) + len(body).to_bytes(8, "big") + body
    return bytes((flags, len(body))) + body


def is_closed(sock: socket.socket, within_s: float = WAIT_S) -> bool:
    """Whether the other side hangs up in that time; what it says until then is dropped."""
    sock.settimeout(within_s or 0.0)
    try:
        while sock.recv(65_536):
            pass
    except (BlockingIOError, TimeoutError):
        return False
    except OSError:
        return True
    else:
        return True
    finally:
        sock.settimeout(WAIT_S)
