"""A conversation by lines: commands go to the client, events and answers come back as lines.

The same object serves a terminal and a pipe; only :class:`Out` differs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from sealwire.errors import RejectedError, SealwireError, UnknownPeerError, UsageError
from sealwire.i18n import _, explain, ngettext
from sealwire.peer.api import ClientApi, ContactInfo
from sealwire.peer.events import Connection, Delivery, Event, Message, Ready
from sealwire.ui import views
from sealwire.ui.line.commands import About, Command, Nothing, Plain, Say, Show, usage
from sealwire.ui.marks import ReadMarker
from sealwire.ui.views import Line, View, sentences

_PAGE = 500
"""Unread messages fetched at once: a full mailbox must not become one list."""


class Out(Protocol):
    """Where lines go."""

    async def say(self, line: Line) -> None:
        """Everything that is not a message."""

    async def message(self, message: Message, line: Line) -> None:
        """A message, new or from the history; returns when it has left this process."""


class Talk:
    """State and actions of one run of the line interface."""

    def __init__(self, client: ClientApi, out: Out, marker: ReadMarker, now_ms: Callable[[], int]) -> None:
        self.view = View(name=client.name)
        self.error: SealwireError | None = None
        """The first command that failed: a script that pipes lines in gets its exit code."""
        self.ready = asyncio.Event()
        self._client = client
        self._out = out
        self._marker = marker
        self._now_ms = now_ms
        self._rose = asyncio.Event()

    async def listen(self) -> None:
        """Say everything that happens until the client closes.

        Raises:
            SealwireError: a first start that the broker refuses.
        """
        async for event in self._client.events():
            await self.hear(event)

    async def hear(self, event: Event) -> None:
        """Say one event."""
        if isinstance(event, Message) and event.sender != self.view.name and not self._marker.is_new(event):
            return
        if isinstance(event, Delivery):
            await self._note_failure(event)
        self.view, lines = views.reduce(self.view, event, self._now_ms())
        match event:
            case Message():
                await self._write(event, lines[0])
                return
            case Ready():
                await self._say(*lines)
                await self._catch_up()
                self.ready.set()
                return
            case Connection() if not self.ready.is_set() and views.is_refusal(event):
                await self._client.online(0)  # raises the reason: without a registration there is nothing to do here
            case _:
                pass
        await self._say(*lines)
        self._rose.set()

    async def _note_failure(self, event: Delivery) -> None:
        """A message of this run that failed after it was queued is an error of this run; its line says so."""
        if event.state == "failed" and event.id in self.view.own and self.error is None:
            known = await self._known(event.to)
            self.error = RejectedError(reason=event.reason) if known else UnknownPeerError(name=event.to)

    async def do(self, command: Command) -> bool:
        """Carry out one line; False when it asks for the end. Errors are said, never raised."""
        try:
            return await self._do(command)
        except SealwireError as error:
            await self.fail(error)
            return True

    async def fail(self, error: SealwireError) -> None:
        """Say what went wrong and what to do."""
        self.error = self.error or error
        await self._say(Line("alert", views.screen_text(" ".join(filter(None, explain(error))))))

    async def states_said(self, timeout_s: float) -> None:
        """Wait until no own message of this run is shown as queued: what was sent is also said to be sent."""
        try:
            async with asyncio.timeout(timeout_s):
                while any(own.state == "queued" for own in self.view.own.values()):
                    self._rose.clear()
                    await self._rose.wait()
        except TimeoutError:
            return

    async def _do(self, command: Command) -> bool:
        match command:
            case Nothing():
                pass
            case Say(text, to):
                await self._send(to or self._current(), text)
            case Show(limit):
                await self._history(limit)
            case About("to", str(name)):
                await self._open(name)
            case About(verb, name):
                await self._about(verb, name or self._current())
            case Plain("quit"):
                return False
            case Plain(verb):
                await self._plain(verb)
        return True

    async def _send(self, to: str, text: str) -> None:
        sent = await self._client.send_text(to, text)
        self.view, lines = views.sent(self.view, sent.id, to, sent.state)
        await self._say(*lines)

    async def _open(self, name: str) -> None:
        self.view = replace(self.view, current=name)
        known = await self._known(name)
        if known is None:
            await self._say(Line("system", sentences.opened_unseen(name)))
        else:
            await self._say(Line("alert" if known.trust == "changed" else "system", sentences.opened(known)))

    async def _known(self, name: str) -> ContactInfo | None:
        return next((contact for contact in await self._client.contacts() if contact.name == name), None)

    async def _history(self, limit: int) -> None:
        name = self._current()
        messages = await self._client.history(name, limit)
        if not messages:
            await self._say(Line("system", _("No messages with {name} yet.").format(name=views.screen_name(name))))
        for message in messages:
            await self._out.message(message, views.message_line(self.view, message, self._now_ms()))

    async def _about(self, verb: str, name: str) -> None:
        match verb:
            case "info":
                lines = sentences.session(await self._client.info(name), self._now_ms())
            case "verify":
                lines = sentences.safety(await self._client.safety_number(name))
                lines.append(_("When both are the same: /verify {name} yes").format(name=name))
            case "approve":
                lines = [sentences.contact_line(await self._client.approve(name))]
            case _:
                lines = [sentences.contact_line(await self._client.set_verified(name, verb == "verified"))]
        await self._say(*(Line("system", line) for line in lines))

    async def _plain(self, verb: str) -> None:
        match verb:
            case "contacts":
                lines = [sentences.contact_line(contact) for contact in await self._client.contacts()]
                lines = lines or [_("Nobody yet. /to NAME writes to someone.")]
            case "retry":
                count = await self._client.retry()
                lines = [
                    ngettext("{n} message is tried again.", "{n} messages are tried again.", count).format(n=count)
                ]
            case "status":
                lines = sentences.status(await self._client.status())
            case _:
                lines = usage()
        await self._say(*(Line("system", line) for line in lines))

    async def _catch_up(self) -> None:
        """Write what came since the last message written anywhere, page by page."""
        while page := await self._client.unread(_PAGE):
            for message in page:
                await self._write(message, views.message_line(self.view, message, self._now_ms()))
            await self._marker.flush()

    async def _write(self, message: Message, line: Line) -> None:
        await self._out.message(message, line)
        self._marker.wrote(message)

    async def _say(self, *lines: Line) -> None:
        for line in lines:
            await self._out.say(line)

    def _current(self) -> str:
        if self.view.current is None:
            raise UsageError(_("Say first who it is for: /to NAME, or @NAME and the text."))
        return self.view.current
