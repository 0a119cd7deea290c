"""The administrator's way in: a local socket that only the broker's own user can open.

One JSON object a line each way, one request per connection. The socket ``admin`` lies in ``data/broker/``
(``localsocket``); whoever holds the data folder's lock owns it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sealwire import localsocket
from sealwire.broker.porter import Porter
from sealwire.errors import (
    AdminSocketGoneError,
    BrokerSilentError,
    NoAdminSocketError,
    NoBrokerHereError,
    SealwireError,
    UsageError,
)
from sealwire.files import PidLock
from sealwire.i18n import _, explain

Request = Mapping[str, Any]
Handler = Callable[[Request], dict[str, Any]]

SOCKET = "admin"
LOCK = "lock"
"""In the same folder: whoever serves has it."""

MAX_LINE_BYTES = 64 * 1024
"""Of a request; without it a client could fill the broker's memory."""

MAX_ANSWER_BYTES = 1024 * 1024
"""Of an answer: every list comes in pages far below it."""

CLIENT_TIMEOUT_S = 2.0
"""A client that says nothing holds the next one up no longer than this."""

ANSWER_TIMEOUT_S = 15.0
"""Longer than any answer takes: a broker busy for that long is worth a sentence, not a hanging terminal."""


class AdminServer:
    """Answers administrators in a thread of its own; handlers hand the work to the broker's loop.

    Args:
        folder: ``data/broker``; its lock is held by this process.
        handlers: by the request's ``do``; each returns the fields of the answer or raises SealwireError. ``by`` is who
            asks: the system's name for that user, None where it does not say.
    """

    def __init__(self, folder: Path, handlers: Mapping[str, Handler]) -> None:
        self._folder = folder
        self._handlers = handlers
        self._porter = Porter("admin", localsocket.listen(folder, SOCKET), self._answer)

    def close(self) -> None:
        """Stop answering and remove the socket."""
        self._porter.close(CLIENT_TIMEOUT_S + 1)
        localsocket.remove(self._folder, SOCKET)

    def _answer(self, client: socket.socket) -> None:
        client.settimeout(CLIENT_TIMEOUT_S)
        try:
            request = json.loads(_read_line(client))
            _check_text(request)
            request = {**request, "by": localsocket.user_name(localsocket.peer_user(client))}
            answer = {"ok": True, **self._handlers[request["do"]](request)}
        except SealwireError as error:
            sentence, hint = explain(error)
            answer = {"ok": False, "name": error.code, "exit": error.exit, "message": sentence, "hint": hint}
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            answer = {"ok": False, "name": "usage", "exit": 2, "message": "not a request", "hint": ""}
        client.sendall(json.dumps(answer).encode() + b"\n")


def ask(folder: Path, request: Request) -> dict[str, Any]:
    """Send one request to the broker that runs on ``folder`` and return its answer.

    Raises:
        NoAdminSocketError: this system has no local socket that only its user can open.
        UsageError: a word of it is no text, or it is too long.
        NoBrokerHereError: none runs there.
        AdminSocketGoneError: one runs there, and nobody can ask it.
        NotPermittedError: the folder is another user's.
        BrokerSilentError: one runs there and does not answer.
        AdminRefusedError: the broker says why it will not.
    """
    try:
        _check_text(request)
    except UnicodeEncodeError as error:
        raise UsageError(_("{word!a} is not text in UTF-8.").format(word=error.object)) from None
    line = json.dumps(request).encode() + b"\n"
    if len(line) > MAX_LINE_BYTES:
        sentence = _("This is too much for one request: it has {size} bytes, and the broker takes {limit}.")
        raise UsageError(sentence.format(size=len(line), limit=MAX_LINE_BYTES))
    if not localsocket.is_possible():
        raise NoAdminSocketError
    client = localsocket.connect(folder, SOCKET)
    if client is None:
        pid = PidLock(folder / LOCK).holder()
        if pid is None:
            raise NoBrokerHereError(path=folder.parent)
        raise AdminSocketGoneError(pid=pid, path=folder.parent)
    with client:
        client.settimeout(ANSWER_TIMEOUT_S)
        try:
            client.sendall(line)
            answer = json.loads(_read_line(client, MAX_ANSWER_BYTES))
        except (OSError, ValueError):
            raise BrokerSilentError from None
    if not answer["ok"]:
        raise AdminRefusedError(answer)
    assert isinstance(answer, dict)
    return answer


class AdminRefusedError(SealwireError):
    """The broker's answer to an administrator was an error; code, text, hint and exit code are its own."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(detail=str(answer.get("message", "")), hint=str(answer.get("hint", "")))
        # the broker's own, not this class's
        self.code = str(answer.get("name", self.code))  # type: ignore[misc]
        self.exit = int(answer.get("exit", 1))  # type: ignore[misc]


def _check_text(value: object) -> None:
    """Refuse what JSON can say and UTF-8 cannot, wherever it stands: no file and no database takes it.

    A terminal hands bytes that are no UTF-8 to a program as lone surrogates.

    Raises:
        UnicodeEncodeError: a string holds one.
    """
    match value:
        case str():
            value.encode()
        case list():
            for item in value:
                _check_text(item)
        case dict():
            for key, item in value.items():
                _check_text(key)
                _check_text(item)


def _read_line(sock: socket.socket, limit: int = MAX_LINE_BYTES) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        part = sock.recv(4_096)
        if not part or len(data) + len(part) > limit:
            raise ValueError("no line")
        data += part
    return data
