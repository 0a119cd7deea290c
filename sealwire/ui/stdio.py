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
_LINES_AHEAD = 64
"""Lines read before they are handled; a script that writes faster waits in its own pipe."""


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
    ahead: asyncio.Queue[bytes | TooLong | None] = asyncio.Queue(_LINES_AHEAD)

    def put(line: bytes | TooLong | None) -> None:
        asyncio.run_coroutine_threadsafe(ahead.put(line), loop).result()

    def read() -> None:
        # The loop is gone when the program ends first: then nobody wants the line.
        with contextlib.suppress(RuntimeError, asyncio.CancelledError, OSError):
            splitter = LineSplitter()
            while data := _read(fd):
                for line in splitter.feed(data):
                    put(line)
            for line in splitter.close():
                put(line)
            put(None)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while (line := await ahead.get()) is not None:
        yield line


def _read(fd: int) -> bytes:
    """``os.read`` and not ``sys.stdin``: a thread inside a Python stream keeps its lock at the end of the program."""
    try:
        return os.read(fd, _CHUNK_BYTES)
    except OSError:
        return b""  # a terminal that hung up reads as an error; for us it has ended


class Writer:
    """Writes whole lines to a file descriptor, in order, from a thread that may wait for its reader."""

    def __init__(self, fd: int = 1) -> None:
        self._fd = fd
        self._jobs: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="stdout", daemon=True).start()

    async def line(self, text: str) -> None:
        """Write one line and return when the other side's pipe has it.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        written = self._loop.create_future()
        self._jobs.put((text.encode("utf-8", "backslashreplace") + b"\n", written))
        await written

    def _run(self) -> None:
        while True:
            data, written = self._jobs.get()
            error = _write_all(self._fd, data)
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits for this
                self._loop.call_soon_threadsafe(_finish, written, error)


def _write_all(fd: int, data: bytes) -> OSError | None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError as error:
        return error
    return None


def _finish(written: asyncio.Future[None], error: OSError | None) -> None:
    if written.done():
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(BrokenPipeError(*error.args))
