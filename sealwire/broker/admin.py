"""The administrator's way in: a local socket that only the broker's own user can open.

One JSON object a line each way, one request per connection. The socket lies in ``data/broker/``; where that path is
too long for the system it lies in a private folder for short-lived files, named in ``data/broker/admin.path``.
Whoever holds the data folder's lock owns both names, so leftovers of a killed broker are simply replaced.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sealwire.errors import NoBrokerHereError, SealwireError
from sealwire.i18n import explain

Request = Mapping[str, Any]
Handler = Callable[[Request], dict[str, Any]]

SOCKET_NAME = "admin.sock"
POINTER_NAME = "admin.path"
FALLBACK_PREFIX = "sealwire-"

MAX_PATH_BYTES = 100
"""Linux holds 107 bytes of a socket's path, macOS 103; a longer one fails at bind."""

MAX_LINE_BYTES = 64 * 1024
"""Of a request; without it a client could fill the broker's memory."""

MAX_ANSWER_BYTES = 1024 * 1024
"""Of an answer: every list comes in pages far below it."""

CLIENT_TIMEOUT_S = 2.0
"""A client that says nothing holds the next one up no longer than this."""

ANSWER_TIMEOUT_S = 15.0
"""Longer than any answer takes: a broker busy for that long is worth a sentence, not a hanging terminal."""

logger = logging.getLogger("sealwire.broker.admin")


class AdminServer:
    """Answers administrators in a thread of its own; handlers hand the work to the broker's loop.

    Args:
        folder: ``data/broker``; its lock is held by this process.
        handlers: by the request's ``do``; each returns the fields of the answer or raises SealwireError.
    """

    def __init__(self, folder: Path, handlers: Mapping[str, Handler]) -> None:
        self._folder = folder
        self._handlers = handlers
        self._wake_read, self._wake_write = socket.socketpair()
        _remove_leftovers(folder)
        self._path = _choose_path(folder)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)  # its folder is 0700 already: there is no moment in which others could connect
        self._listener.listen(8)
        self._thread = threading.Thread(target=self._serve, name="admin", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering and remove the socket."""
        self._wake_write.send(b"\0")
        self._thread.join(CLIENT_TIMEOUT_S + 1)
        for sock in (self._listener, self._wake_read, self._wake_write):
            sock.close()
        _remove_leftovers(self._folder)

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
                logger.info("an administrator's connection ended early: %s", error)

    def _answer(self, client: socket.socket) -> None:
        client.settimeout(CLIENT_TIMEOUT_S)
        try:
            request = json.loads(_read_line(client))
            answer = {"ok": True, **self._handlers[request["do"]](request)}
        except SealwireError as error:
            sentence, hint = explain(error)
            answer = {"ok": False, "name": error.code, "exit": error.exit, "message": sentence, "hint": hint}
        except (ValueError, KeyError, TypeError):
            answer = {"ok": False, "name": "usage", "exit": 2, "message": "not a request", "hint": ""}
        client.sendall(json.dumps(answer).encode() + b"\n")


def ask(folder: Path, request: Request) -> dict[str, Any]:
    """Send one request to the broker that runs on ``folder`` and return its answer.

    Raises:
        NoBrokerHereError: none runs there.
        AdminRefusedError: the broker says why it will not.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with client:
        client.settimeout(ANSWER_TIMEOUT_S)
        try:
            client.connect(str(_current_path(folder)))
            client.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(_read_line(client, MAX_ANSWER_BYTES))
        except (OSError, ValueError):
            raise NoBrokerHereError(path=folder.parent) from None
    if not answer["ok"]:
        raise AdminRefusedError(answer)
    assert isinstance(answer, dict)
    return answer


class AdminRefusedError(SealwireError):
    """The broker's answer to an administrator was an error; text, hint and exit code are its own."""

    code = "admin"

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(detail=str(answer.get("message", "")), hint=str(answer.get("hint", "")))
        self.exit = int(answer.get("exit", 1))  # type: ignore[misc]  # the broker's exit code, not this class's


def _read_line(sock: socket.socket, limit: int = MAX_LINE_BYTES) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        part = sock.recv(4_096)
        if not part or len(data) + len(part) > limit:
            raise ValueError("no line")
        data += part
    return data


def _choose_path(folder: Path) -> Path:
    """Return where to bind, having noted it in the folder when it lies elsewhere."""
    path = folder / SOCKET_NAME
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        return path
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    parent = runtime if os.path.isdir(runtime) and len(os.fsencode(runtime)) < MAX_PATH_BYTES // 2 else None
    path = Path(tempfile.mkdtemp(prefix=FALLBACK_PREFIX, dir=parent)) / SOCKET_NAME  # mkdtemp makes it 0700
    (folder / POINTER_NAME).write_text(f"{path}\n", "utf-8")
    return path


def _current_path(folder: Path) -> Path:
    """Return where the broker of this folder listens, if one does."""
    with contextlib.suppress(FileNotFoundError):
        return Path((folder / POINTER_NAME).read_text("utf-8").strip())
    return folder / SOCKET_NAME


def _remove_leftovers(folder: Path) -> None:
    """Remove the socket of this broker or of a killed one; only what this module made."""
    path = _current_path(folder)
    with contextlib.suppress(FileNotFoundError):
        (folder / SOCKET_NAME).unlink()
    if path.parent.name.startswith(FALLBACK_PREFIX) and path.name == SOCKET_NAME:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            path.parent.rmdir()
    with contextlib.suppress(FileNotFoundError):
        (folder / POINTER_NAME).unlink()
