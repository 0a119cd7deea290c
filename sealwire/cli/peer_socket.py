"""A running peer serves the scripts of its user through a local socket: JSON-RPC, and whole verbs.

The protocol is that of ``--json``, with three differences (docs/scripting.md): events come only after ``subscribe``;
``verb`` does what a command line asks and sends back what it would have printed; nothing waits for the end of input.
Only the user who owns the profile's folder can connect, so no passphrase is asked for again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from sealwire import localsocket
from sealwire.cli import peer_verbs
from sealwire.cli.peer_wire import SOCKET_NAME, read_options
from sealwire.cli.streams import CALLER
from sealwire.errors import UsageError
from sealwire.i18n import _
from sealwire.peer.api import TalkClient
from sealwire.ui.jsonrpc import Server
from sealwire.ui.stdio import LineSplitter, TooLong

MAX_CALLERS: Final = 64
"""Connections at once: a script that forgets to close its own must not take all descriptors."""
MAX_UNSENT_BYTES: Final = 4 * 1024 * 1024
"""Not taken by a caller yet; past it the connection ends: a stopped script must not fill the peer's memory."""
_CHUNK_BYTES: Final = 65_536
_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def serving(client: TalkClient, folder: Path, timeout_s: float) -> AsyncIterator[None]:
    """Serve callers while the body runs. Where there is no such socket on this system, the body just runs."""
    if not localsocket.is_possible():
        yield
        return
    callers = Callers(client, timeout_s)
    server = await asyncio.start_unix_server(callers.meet, sock=localsocket.listen(folder, SOCKET_NAME))
    try:
        yield
    finally:
        server.close()
        await callers.close()
        localsocket.remove(folder, SOCKET_NAME)


class Callers:
    """Everyone connected."""

    def __init__(self, client: TalkClient, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._tasks: set[asyncio.Task[Any]] = set()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        task = asyncio.current_task()
        assert task is not None, "called by the server in a task of its own"
        if len(self._tasks) >= MAX_CALLERS:
            writer.close()
            return
        self._tasks.add(task)
        caller = Caller(self._client, writer, self._timeout_s)
        try:
            await caller.serve(reader)
        except OSError as error:
            _log.debug("a caller's connection ended: %s", error)
        finally:
            self._tasks.discard(task)
            await caller.close()

    async def close(self) -> None:
        """End every connection; verbs under way are cancelled."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Caller:
    """One connection. Its verbs write through it (``cli.streams``)."""

    def __init__(self, client: TalkClient, writer: asyncio.StreamWriter, timeout_s: float) -> None:
        self._client = client
        self._writer = writer
        self._server = Server(client, self._post, timeout_s, {"verb": self._verb, "subscribe": self._subscribe})
        self._stream: list[asyncio.Task[None]] = []
        self._sent = self._taken = 0
        self._took = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer until the other side closes; what is under way then is given up, as by Ctrl+C."""
        splitter = LineSplitter()
        while data := await reader.read(_CHUNK_BYTES):
            for line in splitter.feed(data):
                if not self._acknowledges(line):
                    await self._server.accept(line)

    async def close(self) -> None:
        """Give up what is open."""
        for task in self._stream:
            task.cancel()
        await asyncio.gather(*self._stream, return_exceptions=True)
        await self._server.close()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _post(self, line: str) -> None:
        transport = self._writer.transport
        if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            transport.abort()
        if transport.is_closing():
            raise BrokenPipeError
        self._writer.write(line.encode() + b"\n")
        await self._writer.drain()

    # --- methods ---

    async def _subscribe(self, _params: object) -> dict[str, Any]:
        if not self._stream:
            self._stream = [asyncio.create_task(self._server.publish()), asyncio.create_task(self._server.mark())]
        return {"subscribed": True}

    async def _verb(self, params: Any) -> dict[str, Any]:
        options = read_options(params.values.get("options"))
        if options.verb not in peer_verbs.ANSWERS:
            raise UsageError(_("The running peer does not know the verb {verb!r}.").format(verb=options.verb))
        CALLER.set(self)
        return {"exit": await peer_verbs.answer(self._client, options)}

    # --- what a verb writes ---

    def out(self, line: str) -> None:
        """One line of the caller's standard output."""
        self._tell("out", line)

    def err(self, line: str) -> None:
        """One line of the caller's standard error."""
        self._tell("err", line)

    async def line(self, line: str) -> None:
        """A line of standard output; returns when the caller says that it has left."""
        self._sent += 1
        number = self._sent
        self._tell("out", line, number)
        while self._taken < number:
            self._took.clear()
            await self._took.wait()

    def _tell(self, stream: str, text: str, number: int = 0) -> None:
        params = {"stream": stream, "text": text, "number": number}
        self._writer.write(json.dumps({"jsonrpc": "2.0", "method": "printed", "params": params}).encode() + b"\n")

    def _acknowledges(self, line: bytes | TooLong) -> bool:
        """``{"printed": n}``: everything up to number n has left the caller's process."""
        if isinstance(line, TooLong) or not line.startswith(b'{"printed"'):
            return False
        with contextlib.suppress(ValueError, KeyError, TypeError):
            self._taken = max(self._taken, int(json.loads(line)["printed"]))
            self._took.set()
        return True
