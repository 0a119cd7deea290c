"""Who plays in the demo: real processes, spoken to as any script would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import sealwire
from sealwire.cli.programs import Program, command
from sealwire.errors import SealwireError
from sealwire.i18n import _

_END_S = 5.0
"""A process that was asked to end gets this long before it is killed."""

_REMEMBERED_LINES = 5
"""Of a process's stderr, for the sentence when it ends too early."""

_LINE_BYTES = 1 << 20

Event = dict[str, Any]


class DemoError(SealwireError):
    """Somebody in the demo did not do what was expected in time."""

    code = "demo"
    text = "The demo stopped: {detail}"
    hint = "Please report it with everything printed above."


def environment() -> dict[str, str]:
    """Return the variables of this process without settings: a demo must not touch anyone's own broker or keys."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith("SEALWIRE_") or key == "SEALWIRE_LANG"
    }
    return {**kept, "PYTHONPATH": package_path(os.environ)}


def package_path(environ: Mapping[str, str]) -> str:
    """Return a search path on which a child finds this very package, wherever it lies."""
    package = str(Path(sealwire.__file__).resolve().parent.parent)
    return os.pathsep.join(filter(None, (package, environ.get("PYTHONPATH"))))


class Actor:
    """One process: its standard streams, and everything it said on stderr."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, heard: Callable[[str], None]) -> None:
        self.name = name
        self._process = process
        self._last: deque[str] = deque(maxlen=_REMEMBERED_LINES)
        self._heard = heard
        self._tasks = [asyncio.create_task(self._listen(), name=f"{name} stderr")]

    @staticmethod
    async def launch(program: Program, arguments: list[str]) -> asyncio.subprocess.Process:
        """Start ``broker`` or ``peer`` with its own interpreter."""
        return await asyncio.create_subprocess_exec(
            *command(program),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
            limit=_LINE_BYTES,
        )

    async def end(self) -> None:
        """Ask the process to end, and see that it does."""
        process = self._process
        if process.stdin is not None:
            process.stdin.close()  # peers end with their input
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            if self.name == "broker":
                process.terminate()
            await asyncio.wait_for(process.wait(), _END_S)
        if process.returncode is None:
            process.kill()
            await process.wait()
        await asyncio.wait(self._tasks, timeout=_END_S)
        for task in self._tasks:
            task.cancel()

    async def _listen(self) -> None:
        async for line in _lines(self._process.stderr):
            self._last.append(line)
            self._heard(line)

    def _gone(self) -> DemoError:
        said = " / ".join(self._last) or _("it said nothing")
        return DemoError(detail=_("{name} ended too early: {said}").format(name=self.name, said=said))


class BrokerActor(Actor):
    """The broker: where it listens, and what it sees of each message."""

    def __init__(self, process: asyncio.subprocess.Process, seen: Callable[[list[str]], None]) -> None:
        self._ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        super().__init__("broker", process, self._find_address)
        self._seen = seen
        self._tasks.append(asyncio.create_task(self._watch(), name="broker stdout"))

    async def address(self, timeout_s: float) -> str:
        """Return the broker's address once it is ready."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), timeout_s)
        except TimeoutError:
            raise self._gone() from None

    def _find_address(self, line: str) -> None:
        _before, mark, address = line.rpartition("ready on ")
        if mark and not self._ready.done():
            self._ready.set_result(address.strip())

    async def _watch(self) -> None:
        async for line in _lines(self._process.stdout):
            self._seen(line.split("\t"))
        if not self._ready.done():
            self._ready.set_exception(self._gone())


class PeerActor(Actor):
    """A peer behind its JSON-RPC interface (docs/scripting.md)."""

    def __init__(
        self,
        name: str,
        process: asyncio.subprocess.Process,
        heard: Callable[[str], None],
        seen: Callable[[Event], None],
    ) -> None:
        super().__init__(name, process, heard)
        self._seen = seen
        self._events: list[Event] = []
        self._answers: dict[int, asyncio.Future[Event]] = {}
        self._news = asyncio.Event()
        self._count = 0
        self._is_over = False
        self._tasks.append(asyncio.create_task(self._read(), name=f"{name} stdout"))

    async def ask(self, method: str, timeout_s: float, **params: object) -> Event:
        """Call a method and return its result.

        Raises:
            DemoError: an error came back, or nothing in time.
        """
        self._count += 1
        answer = self._answers[self._count] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": self._count, "method": method, "params": params}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        try:
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError:
            raise DemoError(detail=_("{name} did not answer.").format(name=self.name)) from None

    async def see(self, timeout_s: float, **wanted: object) -> Event:
        """Wait for an event with these fields, past or coming.

        Raises:
            DemoError: it did not come in time.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while (found := self._find(wanted)) is None:
                    if self._is_over:
                        raise self._gone()
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            what = ", ".join(f"{key} {value}" for key, value in wanted.items())
            raise DemoError(detail=_("{name} did not see this: {what}.").format(name=self.name, what=what)) from None
        return found

    def _find(self, wanted: dict[str, object]) -> Event | None:
        return next((e for e in self._events if all(e.get(key) == value for key, value in wanted.items())), None)

    async def _read(self) -> None:
        async for line in _lines(self._process.stdout):
            self._take(json.loads(line))
        self._is_over = True
        self._news.set()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self._gone())

    def _take(self, value: dict[str, Any]) -> None:
        if value.get("method") == "event":
            self._events.append(value["params"])
            self._seen(value["params"])
            self._news.set()
            return
        answer = self._answers.pop(value["id"])
        if "error" in value:
            answer.set_exception(DemoError(detail=f"{self.name}: {value['error']['message']}"))
        else:
            answer.set_result(value["result"])


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    assert stream is not None
    while line := await stream.readline():
        yield line.decode("utf-8", "replace").rstrip("\n")
