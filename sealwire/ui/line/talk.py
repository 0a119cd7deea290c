"""A conversation by lines: commands go to the client, events and answers come back as lines.

The same object serves a terminal and a pipe; only :class:`Out` differs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from sealwire.errors import SealwireError, UnknownPeerError, UsageError
from sealwire.errors.words import MessageFailedError
from sealwire.i18n import _, explain
from sealwire.peer.api import ContactInfo, FullClient
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Connection, Contact, Delivery, Event, File, Message, Ready
from sealwire.ui import views
from sealwire.ui.announce import Announcer
from sealwire.ui.line.shelf import Shelf
from sealwire.ui.marks import ReadMarker
from sealwire.ui.orders import Orders, Work
from sealwire.ui.views import Line, View, emoji, sentences
from sealwire.ui.views.commands import Command, Nothing, Order, Say
from sealwire.ui.views.notify import Attention

_SAYING = frozenset({"reply", "edit", "delete", "react", "pin", "unpin", "forward", "file"})
_PAGE = 500
"""Unread messages fetched at once: a full mailbox must not become one list."""


class Out(Protocol):
    """Where lines go."""

    async def say(self, line: Line) -> None:
        """Everything that is not a message."""

    async def message(self, message: Message, line: Line) -> None:
        """A message, new or from the history; returns when it has left this process."""

    async def passphrase(self) -> bytes:
        """Ask for a new passphrase. Raises UsageError when nobody can be asked."""


class Talk:
    """State and actions of one run of the line interface."""

    def __init__(
        self,
        client: FullClient,
        out: Out,
        marker: ReadMarker,
        now_ms: Callable[[], int],
        announcer: Announcer | None = None,
        *,
        numbers_all: bool = True,
        one_by_one: bool = False,
        invite: Work | None = None,
    ) -> None:
        self.view = View(name=client.name)
        self.error: SealwireError | None = None
        """The first command that failed: a script that pipes lines in gets its exit code."""
        self._people: set[str] = set()
        self.ready = asyncio.Event()
        self._client = client
        self._out = out
        self._marker = marker
        self._now_ms = now_ms
        self._announcer = announcer
        self._shelf = Shelf(client.name, numbers_all)
        self._shown: list[Message] = []
        self._one_by_one = one_by_one
        """A script's next line waits for the one before, however long it takes; a person's does not."""
        self._beside: set[asyncio.Task[None]] = set()
        self._orders = Orders(client, self, now_ms, invite)
        self._is_saying = False
        """A line that says or changes something is being carried out: it tells what it did, not the news."""
        self._overtaking: list[Delivery] = []
        """States of what is being said just now: they are told after it was."""
        self._rose = asyncio.Event()

    @property
    def names(self) -> set[str]:
        """Everybody and every group known here, for completion."""
        return self._people | {f"+{name}" for name in self.view.groups.values()}

    # --- what happens ----------------------------------------------------------------------------------------

    async def listen(self) -> None:
        """Say everything that happens until the client closes.

        Raises:
            SealwireError: a first start that the broker refuses.
        """
        async for event in self._client.events():
            await self.hear(event)

    async def hear(self, event: Event) -> None:
        """Say one event."""
        if isinstance(event, Message):
            await self._hear_message(event)
            return
        if isinstance(event, Delivery):
            if self._is_saying and event.id not in self.view.own:
                self._overtaking.append(event)
                return
            await self._note_failure(event)
        self.view, lines = views.reduce(self.view, event, self._now_ms())
        match event:
            case Ready():
                self._people = {contact.name for contact in await self._client.contacts()}
                groups = await self._client.groups.all()
                self.view = views.named(self.view, {group.id: group.name for group in groups})
                await self._read_nicknames()
                await self._say(*lines)
                await self._catch_up()
                self.ready.set()
                return
            case Connection() if not self.ready.is_set() and views.is_refusal(event):
                await self._client.online(0)  # raises the reason: without a registration there is nothing to do here
            case Contact():
                self._people.add(event.name)
                if self._announcer is not None:
                    self._announcer.key_changed(event)
            case File() if (number := self._shelf.known(event.id)) is not None:
                lines = [_with_number(line, number) for line in lines]
            case _:
                pass
        await self._say(*lines)
        self._rose.set()

    async def _hear_message(self, message: Message) -> None:
        if message.here and (self._is_saying or (message.id in self.view.own and message.change is None)):
            return
        if message.here and message.change is None:  # by a script or another interface beside this one
            await self._write_again(message)
            return
        own = message.sender == self.view.name
        if message.change is None and not own and not self._marker.is_new(message):
            return
        if message.change is not None and self._shelf.known(message.id) is None and message.change != "edited":
            return  # nobody here heard the message itself
        self.view, lines = views.reduce(self.view, message, self._now_ms())
        await self._write(message, lines[0])
        if self._announcer is not None and message.change is None:
            attention = Attention(self.view.name, focused=True, conversation=self.view.current)
            self._announcer.heard(message, await self._row(message.conversation), attention)

    async def _row(self, conversation: str) -> ConversationInfo | None:
        with contextlib.suppress(SealwireError):  # gone, or a name that never became a contact
            return await self._client.past.conversation(conversation)
        return None

    async def _note_failure(self, event: Delivery) -> None:
        """A message of this run that failed after it was queued is an error of this run; its line says so."""
        if event.state == "failed" and event.id in self.view.own and self.error is None:
            known = await self._known(event.to)
            self.error = MessageFailedError(event.reason or "") if known else UnknownPeerError(name=event.to)

    # --- what is asked ---------------------------------------------------------------------------------------

    async def do(self, command: Command) -> bool:
        """Carry out one line; False when it asks for the end. Errors are said, never raised."""
        self._is_saying = isinstance(command, Say) or (isinstance(command, Order) and command.verb in _SAYING)
        try:
            return await self._do(command)
        except SealwireError as error:
            await self.fail(error)
            return True
        finally:
            self._is_saying = False
            overtaking, self._overtaking = self._overtaking, []
            for event in overtaking:
                await self.hear(event)

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
            case Order(verb="to", who=str(who)):
                await self._open(who)
            case Order(verb="quit"):
                return False
            case Order():
                lines = await self._orders.do(command)
                if command.verb == "nick":
                    await self._read_nicknames()
                shown, self._shown = self._shown, []
                for message in shown:
                    await self._write_again(message)
                await self._say(*lines)
        return True

    async def _send(self, to: str, text: str) -> None:
        text = emoji.replaced(text)
        if to.startswith("+"):
            sent = await self._client.talk.send(to, text)
        else:
            sent = await self._client.send_text(to, text)
        number = self._shelf.number_of(sent.id, to, is_own=True)
        self.view, lines = views.sent(self.view, sent.id, to, sent.state, number)
        await self._say(*lines)

    async def _open(self, who: str) -> None:
        if who.startswith("+"):
            info = await self._client.groups.info(who)
            self.view = views.named(replace(self.view, current=info.id), {info.id: info.name})
            await self._say(Line("system", sentences.group_line(info)))
            return
        self.view = views.nicknamed(replace(self.view, current=who), self.view.names)
        known = await self._known(who)
        if known is None:
            await self._say(Line("system", sentences.opened_unseen(who)))
        else:
            await self._say(Line("alert" if known.trust == "changed" else "system", sentences.opened(known)))
        if self._announcer is not None:
            self._announcer.looked(who)

    async def _read_nicknames(self) -> None:
        people = await self._client.people.people()
        self.view = views.nicknamed(self.view, {one.contact.name: one.nickname for one in people if one.nickname})

    async def _known(self, name: str) -> ContactInfo | None:
        return next((contact for contact in await self._client.contacts() if contact.name == name), None)

    async def _catch_up(self) -> None:
        """Write what came since the last message written anywhere, page by page."""
        while page := await self._client.unread(_PAGE):
            for message in page:
                await self._write(message, views.message_line(self.view, message, self._now_ms()))
            await self._marker.flush()

    async def _write(self, message: Message, line: Line) -> None:
        number = self._shelf.number(message)
        await self._out.message(message, _with_number(line, number))
        self._marker.wrote(message)

    async def _write_again(self, message: Message) -> None:
        number = self._shelf.number(message)
        if message.sender == self.view.name and message.state is not None:
            self.view, _said = views.sent(self.view, message.id, message.conversation, message.state, number)
        line = views.message_line(self.view, message, self._now_ms())
        await self._out.message(message, _with_number(line, number))

    async def _say(self, *lines: Line) -> None:
        for line in lines:
            await self._out.say(line)

    # --- Place: where orders are given -----------------------------------------------------------------------

    @property
    def current(self) -> str | None:
        """The open conversation."""
        return self.view.current

    def message(self, number: int | None, *, own: bool | None = None, file: bool = False) -> tuple[str, str]:
        """Return (conversation, id) of a message. Raises UsageError."""
        return self._shelf.find(number, self.view.current, own, file)

    def show(self, message: Message) -> None:
        """Written once the order is carried out."""
        self._shown.append(message)

    async def beside(self, work: Work) -> list[str]:
        """Let the next line not wait for it."""
        if self._one_by_one:
            return await work()
        task = asyncio.create_task(self._say_later(work), name="beside")
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return []

    async def _say_later(self, work: Work) -> None:
        try:
            lines = [Line("system", text) for text in await work()]
        except SealwireError as error:
            await self.fail(error)
        else:
            await self._say(*lines)

    async def close(self) -> None:
        """Wait no more for what goes on beside; a file is fetched on at the next start."""
        for task in list(self._beside):
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)

    async def passphrase(self) -> bytes:
        """Ask where lines go."""
        return await self._out.passphrase()

    def _current(self) -> str:
        if self.view.current is None:
            raise UsageError(_("Say first who it is for: /to NAME, or @NAME and the text."))
        return self.view.current


def _with_number(line: Line, number: int) -> Line:
    return replace(line, text=f"#{number} {line.text}") if number else line
