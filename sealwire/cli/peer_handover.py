"""The other side of ``peer_socket``: a one-shot command that lets the running peer do the work.

No keys, no database, no passphrase, no network: what it loads is the standard library and the command line.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sealwire import localsocket
from sealwire.cli.common import EXIT_ERROR
from sealwire.cli.peer_options import Options
from sealwire.cli.peer_wire import SOCKET_NAME, write_options
from sealwire.cli.streams import put, say
from sealwire.i18n import _

LOOK_S = 0.1
BUSY_S = 5.0
"""A peer that starts listens well before that, and another one-shot command is done by then."""
ALONE = frozenset({"daemon", "restore"})
"""Verbs that are not for a running peer."""


def hand_over(options: Options, folder: Path) -> int | None:
    """Let the peer that runs on ``folder`` do it; returns the exit code, or None when none runs.

    Raises:
        BrokenPipeError: nobody reads what is printed.
    """
    if options.verb is None or options.verb in ALONE:
        return None
    connection = localsocket.connect(folder, SOCKET_NAME)
    if connection is None:
        return None
    with connection:
        request = {"jsonrpc": "2.0", "id": 1, "method": "verb", "params": {"options": write_options(options)}}
        connection.sendall(json.dumps(request).encode() + b"\n")
        for message in _messages(connection):
            if message.get("method") == "printed":
                _print(connection, message["params"])
            elif message.get("id") == 1:
                return _outcome(message)
    say(_("The running peer ended before it had answered."))
    return EXIT_ERROR


def is_served(folder: Path) -> bool:
    """Whether a peer that stays runs on ``folder``."""
    connection = localsocket.connect(folder, SOCKET_NAME)
    if connection is not None:
        connection.close()
    return connection is not None


def _messages(connection: socket.socket) -> Iterator[dict[str, Any]]:
    with connection.makefile("rb") as lines:
        for line in lines:
            yield json.loads(line)


def _print(connection: socket.socket, params: dict[str, Any]) -> None:
    if params["stream"] == "err":
        say(params["text"])
        return
    put(params["text"])
    if params["number"]:  # a message counts as received once its line has left this process
        connection.sendall(b'{"printed":%d}\n' % params["number"])


def _outcome(message: dict[str, Any]) -> int:
    error = message.get("error")
    if error is None:
        return int(message["result"]["exit"])
    say(error["message"])
    if error["data"]["hint"]:
        say(error["data"]["hint"])
    return int(error["data"]["exit"])
