"""JSON-RPC 2.0 over standard input and output, one object per line (docs/scripting.md, docs/jsonrpc.schema.json)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from typing import Any

from sealwire.errors import NotReachedError, SealwireError
from sealwire.i18n import _, explain
from sealwire.peer.api import TalkClient
from sealwire.peer.events import Connection, Delivery, Event, Message, Ready, to_json
from sealwire.ui import rpc, views
from sealwire.ui.marks import ReadMarker
from sealwire.ui.rpc.params import (
    INTERNAL,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    Json,
    Params,
    RpcError,
)
from sealwire.ui.stdio import TooLong, Writer, lines

_log = logging.getLogger(__name__)

_EXIT_BASE = -32000
"""An error of Sealwire is this minus its exit code, so a script needs one table."""

MAX_OPEN = 256
"""Requests in work; the next line is read when one is answered. Without it a script could queue up all memory."""

MAX_UNDER_WAY = 1_000
"""Lines handed over and not yet taken by the reader; past that the next event waits for it."""

MAX_HISTORY = 1_000
"""Messages of one answer: it is one line, and the other side holds it whole."""

_SENDING = frozenset({"send", "file.send", "forward"})
"""What they queue has its last states told before the end."""
_PAGE = 500
_encode = json.JSONEncoder(separators=(",", ":")).encode
_LAST_STATES_S = 1.0


class Server:
    """One run of the interface: requests in, answers and events out.

    Args:
        more: further methods; each takes the parameters and returns the result or raises SealwireError.
        say: hears, before ``ready``, why it is waited for.
    """

    def __init__(
        self,
        client: TalkClient,
        write: Callable[[str], Awaitable[None]],
        timeout_s: float,
        more: Mapping[str, Callable[[Any], Awaitable[Json]]] | None = None,
        say: Callable[[str], object] = lambda _text: None,
    ) -> None:
        self._client = client
        self._write = write
        self._say = say
        self._waits_for: str | None = None
        self._timeout_s = timeout_s
        self._marker = ReadMarker(client)
        self._ready = asyncio.Event()
        self._room = asyncio.Semaphore(MAX_OPEN)
        self._open: dict[asyncio.Task[None], Json] = {}
        self._queued: set[str] = set()
        self._rose = asyncio.Event()
        self._under_way = 0
        self._last_line: asyncio.Future[None] | None = None
        self._methods: dict[str, Callable[[Params], Awaitable[Json]]] = {
            "send": self._send,
            "history": self._history,
            "contacts": self._contacts,
            "verify": self._verify,
            "approve": self._approve,
            "info": self._info,
            "retry": self._retry,
            "status": self._status,
            **rpc.methods(client),
            **(more or {}),
        }

    # --- events ----------------------------------------------------------------------------------------------

    async def publish(self) -> None:
        """Write every event until the client closes; ``ready`` is the first.

        Raises:
            SealwireError: a first start that the broker refuses.
        """
        before: list[Event] = []
        async for event in self._client.events():
            if self._ready.is_set():
                await self._event(event)
            elif isinstance(event, Ready):
                await self._start(event, before)
            elif isinstance(event, Connection) and views.is_refusal(event):
                await self._client.online(0)  # raises the reason
            else:
                self._waits(event)
                before = [*before[-_PAGE:], event]
        await self.written()

    def _waits(self, event: Event) -> None:
        """``ready`` is the first event, so until a first start is registered none can say what it waits for."""
        if isinstance(event, Connection) and event.reason is not None and event.reason != self._waits_for:
            self._waits_for = event.reason
            self._say(event.reason)

    async def mark(self) -> None:
        """Tell the client what was written, until cancelled."""
        await self._marker.run()

    async def _start(self, ready: Ready, before: list[Event]) -> None:
        await self._notify(ready)
        while page := await self._client.unread(_PAGE):
            for message in page:
                await self._event(message)
            await self.written()
            await self._marker.flush()
        self._ready.set()
        for event in before:
            await self._event(event)

    async def _event(self, event: Event) -> None:
        if isinstance(event, Message):
            self._message(event)
        else:
            self._notify(event)
        if self._under_way > MAX_UNDER_WAY:
            await self.written()
        if isinstance(event, Delivery):
            self._queued.discard(event.id)
            self._rose.set()

    def _message(self, message: Message) -> None:
        if message.here and message.change is None:
            return  # sent by this process, which its callers know
        if message.change is not None:  # it was told before: nothing new was read
            self._notify(message)
        elif message.sender == self._client.name or self._marker.is_new(message):
            self._marker.begins(message)
            self._notify(message).add_done_callback(lambda line: self._wrote(message, line))

    def _wrote(self, message: Message, line: asyncio.Future[None]) -> None:
        if not line.cancelled() and line.exception() is None:
            self._marker.wrote(message)

    def _notify(self, event: Event) -> asyncio.Future[None]:
        return self._line({"jsonrpc": "2.0", "method": "event", "params": to_json(event)})

    # --- requests --------------------------------------------------------------------------------------------

    async def accept(self, line: bytes | TooLong) -> None:
        """Start the work a line asks for; returns at once unless too much is open."""
        try:
            request = _request(line)
        except RpcError as error:
            await self._answer(None, {"error": error.answer})
            return
        await self._room.acquire()
        task = asyncio.create_task(self._handle(request))
        self._open[task] = request
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task, None)
        self._room.release()

    async def begun(self) -> None:
        """Wait until what was stored before has been told, at most for the time allowed: input may end at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._ready.wait()

    async def finish(self) -> None:
        """Answer what is open, let the outbox empty, at most for the time allowed."""
        try:
            async with asyncio.timeout(self._timeout_s):
                while self._open:
                    await asyncio.wait(self._open)
                settled = await self._client.settle(self._timeout_s)
        except TimeoutError:
            await self._answer_late()
            return
        if settled:
            await self._last_states()

    async def _answer_late(self) -> None:
        """No request goes without an answer: what still waits is told that the time is over."""
        late = dict(self._open)
        await self.close()
        error = NotReachedError(state=_("answered"), seconds=f"{self._timeout_s:g}")
        for request in late.values():
            if "id" in request:
                await self._answer(request["id"], {"error": _error(error)})

    async def _last_states(self) -> None:
        try:
            async with asyncio.timeout(_LAST_STATES_S):
                while self._queued:
                    self._rose.clear()
                    await self._rose.wait()
        except TimeoutError:
            return

    async def close(self) -> None:
        """Give up what is open and mark what was written."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._marker.flush()

    async def _handle(self, request: Json) -> None:
        try:
            method, params = self._method(request)
            answer: Json = {"result": await method(params)}
            if request["method"] in _SENDING and answer["result"]["state"] == "queued":
                self._queued.add(answer["result"]["id"])
        except RpcError as error:
            answer = {"error": error.answer}
        except SealwireError as error:
            answer = {"error": _error(error)}
        except Exception as error:  # noqa: BLE001 - the top of a request: whoever waits for an answer gets one
            _log.error("a request failed: %s", type(error).__name__)
            message = _("This request failed inside Sealwire.")
            answer = {"error": RpcError(INTERNAL, message, "internal", exit_code=1).answer}
        if "id" in request:
            await self._answer(request["id"], answer)

    async def _answer(self, request_id: object, answer: Json) -> None:
        await self._line({"jsonrpc": "2.0", "id": request_id, **answer})

    def _method(self, request: Json) -> tuple[Callable[[Params], Awaitable[Json]], Params]:
        name = request["method"]
        method = self._methods.get(name)
        if method is None:
            raise self._no_method(name)
        params = request.get("params", {})
        if not isinstance(params, dict):
            message = _("Parameters are named: an object, not a list.")
            raise RpcError(INVALID_PARAMS, message, "params", _("See docs/scripting.md."))
        return method, Params(params)

    def _no_method(self, name: str) -> RpcError:
        near = get_close_matches(name, self._methods, 1)
        hint = _("Did you mean {near}?").format(near=near[0]) if near else ", ".join(self._methods)
        return RpcError(METHOD_NOT_FOUND, _("There is no method {name!r}.").format(name=name), "method", hint)

    def _line(self, value: Json) -> asyncio.Future[None]:
        # ASCII only: exact for any reader, and harmless on a terminal.
        line = asyncio.ensure_future(self._write(_encode(value)))
        self._under_way += 1
        self._last_line = line
        line.add_done_callback(self._left)
        return line

    async def written(self) -> None:
        """Wait until everything handed over so far has left; lines leave in order."""
        if self._last_line is not None:
            await self._last_line

    def _left(self, _line: asyncio.Future[None]) -> None:
        self._under_way -= 1

    # --- methods ---------------------------------------------------------------------------------------------

    async def _send(self, params: Params) -> Json:
        to, text, reply_to = params.conversation("to"), params.text("text"), params.maybe_text("reply_to")
        wait, timeout_s = params.wait(), params.seconds("timeout", self._timeout_s)
        sent = await self._client.talk.send(to, text, reply_to=reply_to, wait=wait, timeout_s=timeout_s)
        return views.sent_json(sent)

    async def _history(self, params: Params) -> Json:
        limit = params.number("limit", 50, 1, MAX_HISTORY)
        messages = await self._client.history(params.conversation("conversation"), limit)
        return {"messages": [views.message_json(message) for message in messages]}

    async def _contacts(self, _none: Params) -> Json:
        return {"contacts": [views.contact_json(contact) for contact in await self._client.contacts()]}

    async def _verify(self, params: Params) -> Json:
        name, verdict = params.name("name"), params.verdict()
        if verdict is not None:
            await self._client.set_verified(name, verdict, params.maybe_text("digits"))
        return views.safety_json(await self._client.safety_number(name))

    async def _info(self, params: Params) -> Json:
        return views.session_json(await self._client.info(params.name("name")))

    async def _retry(self, _none: Params) -> Json:
        return {"count": await self._client.retry()}

    async def _approve(self, params: Params) -> Json:
        return views.contact_json(await self._client.approve(params.name("name")))

    async def _status(self, _none: Params) -> Json:
        return views.status_json(await self._client.status())


async def run(client: TalkClient, timeout_s: float, say: Callable[[str], object]) -> int:
    """Serve standard input and output until the former ends; return the exit code.

    Args:
        client: An opened client whose link is started.
        timeout_s: How long open requests and the outbox may take after the end of input.
        say: Writes a line for people, elsewhere than on standard output.

    Raises:
        SealwireError: a first start that the broker refuses.
        BrokenPipeError: nobody reads any more.
    """
    server = Server(client, Writer(1).post, timeout_s, say=say)
    publishing = asyncio.create_task(server.publish(), name="publish")
    marking = asyncio.create_task(server.mark(), name="mark")
    reading = asyncio.create_task(_read(server), name="read")
    try:
        ended, _pending = await asyncio.wait({publishing, reading}, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            await task  # raises why the stream ended, or that nobody takes what was written
        return 0
    finally:
        for task in (reading, publishing, marking):
            task.cancel()
        await asyncio.gather(reading, publishing, marking, return_exceptions=True)
        await server.close()


async def _read(server: Server) -> None:
    async for line in lines(0):
        if isinstance(line, TooLong) or line.strip():
            await server.accept(line)
    await server.begun()
    await server.finish()
    await server.written()


def _request(line: bytes | TooLong) -> Json:
    if isinstance(line, TooLong):
        raise RpcError(INVALID_REQUEST, _("A request is at most 1 MiB; this one was left out."), "too-long")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise RpcError(PARSE_ERROR, _("This line is not JSON."), "parse", _("One object per line.")) from None
    if isinstance(value, list):
        raise RpcError(INVALID_REQUEST, _("Batches are not supported."), "batch", _("Write one object per line."))
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0" or not isinstance(value.get("method"), str):
        hint = _('It looks like {"jsonrpc":"2.0","id":1,"method":"status"}.')
        raise RpcError(INVALID_REQUEST, _("This is not a JSON-RPC 2.0 request."), "request", hint)
    number = value.get("id")
    if not isinstance(number, str | int | float | None) or isinstance(number, bool) or not _has_form(number):
        raise RpcError(INVALID_REQUEST, _("An id is a text or a number."), "request")
    return value


def _has_form(number: str | int | float | None) -> bool:
    """Whether an answer can carry this id: Python reads NaN and 1e999, and no JSON holds them."""
    return not isinstance(number, float) or math.isfinite(number)


def _error(error: SealwireError) -> Json:
    message, hint = explain(error)
    return {
        "code": _EXIT_BASE - error.exit,
        "message": message,
        "data": {"exit": error.exit, "name": error.code, "hint": hint},
    }
