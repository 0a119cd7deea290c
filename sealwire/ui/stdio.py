"""Standard input and output for a program that must not wait for either of them.

A reader that is slow, a file that never blocks, a pipe whose other end went away: all of these happen to scripts.
Threads of our own do the waiting. They are daemons that hold no lock of Python's streams, so the end of the program
never waits for a line that nobody will write.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
from collections.abc import AsyncIterator

MAX_LINE_BYTES = 1 << 20
"""A line past 1 MiB is refused as a whole; without a bound one endless line would take all memory."""

_CHUNK_BYTES = 1 << 16
_CHUNKS_AHEAD = 2
"""Chunks read before their lines are handled; a script that writes faster waits in its own pipe."""


class TooLong:
    """Stands for a line past :data:`MAX_LINE_BYTES`; its bytes were thrown away as they came."""


class LineSplitter:
    """Cuts bytes into lines and never holds more than one line."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._held = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """Return the lines that ``data`` completes, without their ends."""
        lines: list[bytes | TooLong] = []
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._hold(part)
            lines.append(self._take())
        self._hold(rest)
        return lines

    def close(self) -> list[bytes | TooLong]:
        """Return the last line when it had no end."""
        return [self._take()] if self._held or self._skipping else []

    def _hold(self, part: bytes) -> None:
        if self._skipping:
            return
        self._held += part
        if len(self._held) > self._limit:
            self._skipping = True
            self._held.clear()

    def _take(self) -> bytes | TooLong:
        if self._skipping:
            self._skipping = False
            return TooLong()
        line = bytes(self._held)
        self._held.clear()
        return line.removesuffix(b"\r")


async def lines(fd: int = 0) -> AsyncIterator[bytes | TooLong]:
    """Yield the lines of a file descriptor of any kind until it ends."""
    loop = asyncio.get_running_loop()
    ahead: asyncio.Queue[list[bytes | TooLong] | None] = asyncio.Queue(_CHUNKS_AHEAD)

    def put(batch: list[bytes | TooLong] | None) -> None:
        asyncio.run_coroutine_threadsafe(ahead.put(batch), loop).result()

    def read() -> None:
        # The loop is gone when the program ends first: then nobody wants the line.
        with contextlib.suppress(RuntimeError, asyncio.CancelledError, OSError):
            splitter = LineSplitter()
            while data := _read(fd):
                put(splitter.feed(data))
            put(splitter.close())
            put(None)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while (batch := await ahead.get()) is not None:
        for line in batch:
            yield line


def _read(fd: int) -> bytes:
    """``os.read`` and not ``sys.stdin``: a thread inside a Python stream keeps its lock at the end of the program."""
    try:
        return os.read(fd, _CHUNK_BYTES)
    except OSError:
        return b""  # a terminal that hung up reads as an error; for us it has ended


class Writer:
    """Writes whole lines to a file descriptor, in order, from a thread that may wait for its reader.

    Lines that come while the thread writes leave together in one call. All state belongs to the event loop; the
    thread gets bytes and reports back.
    """

    def __init__(self, fd: int = 1) -> None:
        self._fd = fd
        self._jobs: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._written: asyncio.Future[None] | None = None
        self._busy = False
        self._error: OSError | None = None
        threading.Thread(target=self._run, name="stdout", daemon=True).start()

    async def line(self, text: str) -> None:
        """Write one line and return when the other side's pipe has it.

        Raises:
            BrokenPipeError: nobody reads any more.
            OSError: the line could not be written, for instance to a full disk.
        """
        await self.post(text)

    def post(self, text: str) -> asyncio.Future[None]:
        """Write one line soon; the future says when the other side's pipe has it, or what went wrong.

        Raises:
            BrokenPipeError: nobody reads any more.
            OSError: the line could not be written, for instance to a full disk.
        """
        if self._error is not None:
            raise OSError(*self._error.args)  # with its number: EPIPE becomes BrokenPipeError
        self._waiting.append(text.encode("utf-8", "backslashreplace") + b"\n")
        if self._written is None:
            self._written = self._loop.create_future()
            self._loop.call_soon(self._submit)  # after everything that is ready now has had its say
        return self._written

    def _submit(self) -> None:
        if self._busy or self._written is None:
            return
        self._busy = True
        self._jobs.put((b"".join(self._waiting), self._written))
        self._waiting.clear()
        self._written = None

    def _run(self) -> None:
        while True:
            data, written = self._jobs.get()
            error = _write_all(self._fd, data)
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits for this
                self._loop.call_soon_threadsafe(self._finish, written, error)

    def _finish(self, written: asyncio.Future[None], error: OSError | None) -> None:
        self._busy = False
        self._error = self._error or error
        if not written.done():
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)
                written.exception()  # looked at: a line nobody waited for is no mistake
        self._submit()


def _write_all(fd: int, data: bytes) -> OSError | None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError as error:
        return error
    return None
