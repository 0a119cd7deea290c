"""The session bus of a Linux desktop, as far as notifications need it: calls with replies, and signals of one service.

Qt for Python cannot name the unsigned numbers that the notification service takes, and a library for it would be one
more package to trust. Source: the D-Bus Specification 0.43, "Message Protocol" and "Authentication Protocol"; the
socket is local, its other side is the desktop of the same user.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

MAX_MESSAGE_BYTES: Final = 1024 * 1024
"""The bus itself allows 128 MiB; nothing that is asked here is longer than a page."""
WAIT_S: Final = 1.0
"""For an answer at the start; a bus that is there answers within milliseconds."""

CALL, REPLY, ERROR, SIGNAL = 1, 2, 3, 4
_PATH, _INTERFACE, _MEMBER, _REPLY_SERIAL, _DESTINATION, _SENDER, _SIGNATURE = 1, 2, 3, 5, 6, 7, 8
Value = str | int | list[str] | dict[str, str]


class BusError(Exception):
    """There is no bus, or it does not speak as the specification says."""


class Heard(NamedTuple):
    """A message that came."""

    kind: int
    member: str
    sender: str
    answers: int
    """The serial of the call that this replies to, 0 for signals."""
    body: list[Value]


# --- bytes ---------------------------------------------------------------------------------------------------


class _Writer:
    def __init__(self) -> None:
        self.data = bytearray()

    def pad(self, to: int) -> None:
        self.data += bytes(-len(self.data) % to)

    def number(self, value: int, form: str = "<I") -> None:
        self.pad(4)
        self.data += struct.pack(form, value)

    def text(self, value: str) -> None:
        raw = value.replace("\0", "").encode("utf-8", "replace")
        self.number(len(raw))
        self.data += raw + b"\0"

    def signature(self, value: str) -> None:
        self.data += bytes([len(value)]) + value.encode() + b"\0"

    def array(self, align: int, items: list[Callable[[], None]]) -> None:
        self.number(0)
        at = len(self.data)
        self.pad(align)
        begin = len(self.data)
        for item in items:
            item()
        struct.pack_into("<I", self.data, at - 4, len(self.data) - begin)

    def entry(self, key: str, value: str) -> None:
        self.pad(8)
        self.text(key)
        self.signature("s")
        self.text(value)

    def field(self, code: int, kind: str, value: str) -> None:
        self.pad(8)
        self.data += bytes([code])
        self.signature(kind)
        self.signature(value) if kind == "g" else self.text(value)

    def values(self, signature: str, values: tuple[Value, ...]) -> None:
        for kind, value in zip(kinds(signature), values, strict=True):
            match kind, value:
                case "s", str():
                    self.text(value)
                case "u" | "i", int():
                    self.number(value, "<I" if kind == "u" else "<i")
                case "as", list():
                    self.array(4, [lambda one=one: self.text(one) for one in value])  # type: ignore[misc]
                case "a{sv}", dict():
                    self.array(8, [lambda k=k, v=v: self.entry(k, v) for k, v in value.items()])  # type: ignore[misc]
                case _:
                    raise ValueError(f"{kind} cannot be {value!r}")


def kinds(signature: str) -> list[str]:
    """Split the signatures that are used here."""
    found: list[str] = []
    while signature:
        kind = next(one for one in ("a{sv}", "as", signature[:1]) if signature.startswith(one))
        found.append(kind)
        signature = signature.removeprefix(kind)
    return found


def message(serial: int, destination: str, path: str, call: str, signature: str, *values: Value) -> bytes:
    """Return a method call; ``call`` is interface and member with a dot between them."""
    body = _Writer()
    body.values(signature, values)
    interface, _dot, member = call.rpartition(".")
    made = _Writer()
    made.data += bytes([ord("l"), CALL, 0, 1])
    made.number(len(body.data))
    made.number(serial)
    fields = [
        (_PATH, "o", path), (_INTERFACE, "s", interface), (_MEMBER, "s", member), (_DESTINATION, "s", destination),
    ]  # fmt: skip
    if signature:
        fields.append((_SIGNATURE, "g", signature))
    made.array(8, [lambda one=one: made.field(*one) for one in fields])  # type: ignore[misc]
    made.pad(8)
    return bytes(made.data + body.data)


class _Reader:
    def __init__(self, data: bytes, order: str, at: int = 0) -> None:
        self.data, self.order, self.at = data, order, at

    def pad(self, to: int) -> None:
        self.at += -self.at % to

    def number(self, form: str = "I") -> int:
        self.pad(4)
        (value,) = struct.unpack_from(self.order + form, self.data, self.at)
        self.at += 4
        return int(value)

    def take(self, size: int) -> str:
        if size > len(self.data) - self.at:
            raise BusError("a text past the end")
        raw = self.data[self.at : self.at + size]
        self.at += size + 1
        return raw.decode("utf-8", "replace")

    def text(self) -> str:
        return self.take(self.number())

    def signature(self) -> str:
        self.at += 1
        return self.take(self.data[self.at - 1])

    def value(self, kind: str) -> Value:
        match kind:
            case "s" | "o":
                return self.text()
            case "g":
                return self.signature()
            case "u" | "i":
                return self.number("I" if kind == "u" else "i")
            case "as":
                end = self.number() + self.at
                found: list[str] = []
                while self.at < end:
                    found.append(self.text())
                return found
        raise BusError(f"{kind} is not read here")


def parsed(data: bytes) -> tuple[Heard | None, int]:
    """Return the first message in ``data`` and its length; None when more must come.

    Raises:
        BusError: it is none, or longer than anything that is expected.
    """
    if len(data) < 16:
        return None, 0
    order = {ord("l"): "<", ord("B"): ">"}.get(data[0])
    if order is None or data[3] != 1:
        raise BusError("no message of the bus")
    size, _serial, fields = struct.unpack_from(order + "III", data, 4)
    begin = 16 + fields + -fields % 8
    if begin + size > MAX_MESSAGE_BYTES:
        raise BusError("a message that is too long")
    if len(data) < begin + size:
        return None, 0
    try:
        return _heard(data[: 16 + fields], data[begin : begin + size], order), begin + size
    except (struct.error, IndexError) as error:
        raise BusError("a damaged message") from error


def _heard(head: bytes, body: bytes, order: str) -> Heard:
    reader, found = _Reader(head, order, 16), dict[int, Value]()
    while reader.at < len(head):
        reader.pad(8)
        code = head[reader.at]
        reader.at += 1
        kind = reader.signature()
        found[code] = reader.value(kind)
    inside = _Reader(body, order)
    wanted = str(found.get(_SIGNATURE, ""))
    values = [inside.value(kind) for kind in kinds(wanted)] if head[1] in (REPLY, SIGNAL) else []
    answers = found.get(_REPLY_SERIAL, 0)
    return Heard(
        head[1], str(found.get(_MEMBER, "")), str(found.get(_SENDER, "")),
        answers if isinstance(answers, int) else 0, values,
    )  # fmt: skip


# --- the socket ----------------------------------------------------------------------------------------------


class Bus:
    """A connection. Not for more than one thread."""

    def __init__(self, address: str) -> None:
        """Connect and say who we are. Raises BusError."""
        self._serial = 0
        self._data = b""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.settimeout(WAIT_S)
            self.socket.connect(_place(address))
            self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
            if not self.socket.recv(512).startswith(b"OK "):
                raise BusError("the bus does not take this user")
            self.socket.sendall(b"BEGIN\r\n")
            self.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Hello", "")
        except (OSError, BusError) as error:
            self.socket.close()
            raise BusError(str(error)) from error

    def call(self, destination: str, path: str, call: str, signature: str, *values: Value) -> int:
        """Send a call; returns its serial, which the reply names. Raises BusError."""
        self._serial += 1
        try:
            self.socket.sendall(message(self._serial, destination, path, call, signature, *values))
        except OSError as error:
            raise BusError(str(error)) from error
        return self._serial

    def ask(self, destination: str, path: str, call: str, signature: str, *values: Value) -> Heard:
        """Send a call and wait for its reply; what else comes meanwhile is dropped. Raises BusError."""
        serial = self.call(destination, path, call, signature, *values)
        while True:
            for heard in self.hear():
                if heard.answers == serial:
                    if heard.kind == ERROR:
                        raise BusError(call)
                    return heard

    def hear(self) -> list[Heard]:
        """Return the messages that came; waits when there is nothing. Raises BusError."""
        try:
            came = self.socket.recv(64 * 1024)
        except OSError as error:
            raise BusError(str(error)) from error
        if not came:
            raise BusError("the bus went away")
        self._data += came
        found: list[Heard] = []
        while True:
            heard, size = parsed(self._data)
            if heard is None:
                return found
            found.append(heard)
            self._data = self._data[size:]

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def _place(address: str) -> str:
    for one in address.split(";"):
        kind, _colon, options = one.partition(":")
        known = dict(pair.split("=", 1) for pair in options.split(",") if "=" in pair)
        if kind == "unix" and "path" in known:
            return known["path"]
        if kind == "unix" and "abstract" in known:
            return "\0" + known["abstract"]
    raise BusError("no local address")


def session(environ: Mapping[str, str]) -> Bus | None:
    """Connect to the bus of this session; None where there is none."""
    address = environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return None
    with contextlib.suppress(BusError):
        return Bus(address)
    return None
