"""One run of an interface that fills a screen: a client on one side, a desk on the other, and what goes between.

Nothing here draws. The interface hands in a :class:`Screen` that is told when the desk is another one, and calls the
methods when a person does something; every one of them may raise what the client raises.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from datetime import tzinfo
from pathlib import Path
from typing import Final, Protocol

from msgspec.structs import replace

from sealwire.errors import SealwireError
from sealwire.i18n import explain
from sealwire.peer.api import FullClient
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Connection, Contact, Event, Message
from sealwire.ui import views
from sealwire.ui.announce import Announcer
from sealwire.ui.views import desk as desks
from sealwire.ui.views import emoji, timeline
from sealwire.ui.views.desk import Desk
from sealwire.ui.views.notify import Attention
from sealwire.ui.views.state import Line
from sealwire.ui.views.timeline import PAGE

GATHER_S: Final = 0.05
"""Rows that went stale are read again together: a burst of a thousand messages is one question."""
EVENTS_AT_ONCE: Final = 100
"""After so many events the interface gets a turn, however many more wait."""
TYPING_EVERY_MS: Final = 4_000
"""How often the others are told that one goes on writing; shorter than they believe it (``desk.TYPING_MS``)."""
TICK_S: Final = 1.0


class Screen(Protocol):
    """What draws."""

    def changed(self) -> None:
        """The desk is another one; called often, draw soon and once."""

    def say(self, line: Line) -> None:
        """Something that has no place of its own on the desk."""

    def attention(self) -> Attention:
        """Where the reader looks; the conversation only when it is scrolled to its end."""


class Session:
    """What an interface knows and can do."""

    def __init__(
        self,
        client: FullClient,
        screen: Screen,
        announcer: Announcer,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        zone: tzinfo | None = None,
    ) -> None:
        self.client = client
        self.desk = Desk(client.name, client.fingerprint, zone=zone)
        self.now_ms = now_ms
        self._screen = screen
        self._announcer = announcer
        self._gathering: asyncio.Task[None] | None = None
        self._typed: tuple[str, int] = ("", 0)
        """The conversation others were last told about, and when."""
        self._marked: dict[str, int] = {}

    # --- the run ---------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Read the list of conversations and the people; nothing is open yet."""
        infos = await self.client.past.conversations()
        self._set(desks.with_people(desks.with_chats(self.desk, infos), await self.client.people.people()))

    async def listen(self) -> None:
        """Follow everything that happens until the client closes."""
        count = 0
        async for event in self.client.events():
            await self.hear(event)
            count += 1
            if count % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def tick(self) -> None:
        """Let time pass: who stopped writing without a word is forgotten. Runs until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            quiet = desks.quiet_writers(self.desk, self.now_ms())
            if quiet is not self.desk:
                self._set(quiet)

    async def close(self) -> None:
        """End what this object started; the client is not closed."""
        if self._gathering is not None:
            self._gathering.cancel()
            await asyncio.gather(self._gathering, return_exceptions=True)
        await self._announcer.close()

    async def hear(self, event: Event) -> None:
        """Take in one event."""
        reduced, lines = desks.reduce(self.desk, event, self.now_ms())
        self._set(reduced)
        for line in lines:
            self._screen.say(line)
        match event:
            case Message():
                info = self.desk.chats.get(event.conversation)
                self._announcer.heard(event, info, self._screen.attention())
                await self.seen()
            case Contact(state="changed"):
                self._announcer.key_changed(event)
            case Connection():
                await self._count_queued()
            case _:
                pass

    def _set(self, desk: Desk) -> None:
        self.desk = desk
        if desk.stale and (self._gathering is None or self._gathering.done()):
            self._gathering = asyncio.get_running_loop().create_task(self._read_again(), name="read again")
        self._screen.changed()

    async def _read_again(self) -> None:
        """Read stale rows once more, until none is."""
        while self.desk.stale:
            await asyncio.sleep(GATHER_S)
            for conversation in sorted(self.desk.stale):
                info = await self._row(conversation)
                self.desk = desks.with_chat(self.desk, conversation, info)
            await self._count_queued()
            self._screen.changed()

    async def _row(self, conversation: str) -> ConversationInfo | None:
        try:
            return await self.client.past.conversation(conversation)
        except SealwireError:
            return None  # gone, or a name that never became a contact

    async def _count_queued(self) -> None:
        queued = (await self.client.status()).queued
        if queued != self.desk.queued:
            self._set(replace(self.desk, queued=queued))

    # --- looking ---------------------------------------------------------------------------------------------

    async def open(self, conversation: str) -> None:
        """Open a conversation at its end, also one in which nothing was said yet."""
        info = await self.client.past.conversation(conversation)
        page = await self.client.past.page(conversation, PAGE)
        self._set(desks.opening(self.desk, info, page))
        self._announcer.looked(conversation)
        await self.seen()

    async def refresh(self, conversation: str) -> None:
        """Read a row again, now: something about its conversation was changed here."""
        self._set(desks.with_chat(self.desk, conversation, await self._row(conversation)))

    def unfold(self) -> None:
        """Show messages of blocked people in the open conversation."""
        self._set(replace(self.desk, unfolded=True))

    def shut(self) -> None:
        """Open none."""
        self._set(desks.closing(self.desk))

    async def seen(self) -> None:
        """Mark what the reader sees as read."""
        attention, opened = self._screen.attention(), self.desk.open
        if opened is None or not attention.focused or attention.conversation != opened.conversation:
            return
        row = timeline.last_row(opened)
        info = self.desk.chats.get(opened.conversation)
        known = max(info.read_row if info else 0, self._marked.get(opened.conversation, 0))
        if row > known and not opened.has_newer:
            self._marked[opened.conversation] = row
            await self.client.past.mark_read(opened.conversation, row)
            self._set(replace(self.desk, stale=self.desk.stale | {opened.conversation}))

    async def older(self) -> int:
        """Read a page before the window; returns how many messages came."""
        opened = self.desk.open
        if opened is None or not opened.has_older or not opened.messages:
            return 0
        page = await self.client.past.page(opened.conversation, PAGE, before_row=opened.messages[0].row)
        return self._move(opened.conversation, lambda now: timeline.with_older(now, page), len(page))

    async def newer(self) -> int:
        """Read a page after the window; returns how many messages came."""
        opened = self.desk.open
        if opened is None or not opened.has_newer:
            return 0
        page = await self.client.past.page(opened.conversation, PAGE, after_row=timeline.last_row(opened))
        return self._move(opened.conversation, lambda now: timeline.with_newer(now, page), len(page))

    async def jump(self, conversation: str, row: int) -> None:
        """Show a place in the history, opening its conversation."""
        if self.desk.open is None or self.desk.open.conversation != conversation:
            await self.open(conversation)
        page = await self.client.past.around(conversation, row, PAGE)
        last = await self.client.past.page(conversation, 1)
        last_row = last[-1].row if last else 0
        self._move(conversation, lambda now: timeline.jumped(now, page, last_row), len(page))

    async def to_end(self) -> None:
        """Show the end of the open conversation again."""
        if self.desk.open is not None and self.desk.open.has_newer:
            await self.open(self.desk.open.conversation)

    def _move(self, conversation: str, move: Callable[[timeline.Timeline], timeline.Timeline], count: int) -> int:
        opened = self.desk.open
        if opened is None or opened.conversation != conversation:
            return 0  # the reader went elsewhere meanwhile
        self._set(replace(self.desk, open=move(opened)))
        return count

    # --- writing ---------------------------------------------------------------------------------------------

    async def send(self, conversation: str, text: str, reply_to: str | None = None) -> None:
        """Say something."""
        text = emoji.replaced(text)
        if conversation.startswith("+") or reply_to is not None:
            sent = await self.client.talk.send(conversation, text, reply_to=reply_to)
        else:
            sent = await self.client.send_text(conversation, text)
        await self.stored(conversation, sent.id)
        self._typed = ("", 0)

    async def send_file(self, conversation: str, source: Path, caption: str = "") -> None:
        """Send a file."""
        sent = await self.client.files.send(conversation, source, caption=emoji.replaced(caption))
        await self.stored(conversation, sent.id)

    async def stored(self, conversation: str, message_id: str) -> None:
        """Take in an own message that is stored now."""
        message = await self.client.past.message(conversation, message_id)
        if message is not None:
            self.take(message)

    def take(self, message: Message) -> None:
        """Take in a message that an action returned."""
        self._set(desks.reduce(self.desk, message, self.now_ms())[0])

    def forget(self, message: Message) -> None:
        """A message was deleted here, and only here."""
        self.take(replace(message, change="expired"))

    async def typing(self, conversation: str, text: str) -> None:
        """Somebody types here; tell the others now and then, and when it ends."""
        now_ms, (told, at_ms) = self.now_ms(), self._typed
        with contextlib.suppress(SealwireError):  # nobody misses it, and what is typed is not lost
            if not text.strip() or text.startswith("/"):
                if told == conversation and now_ms - at_ms < desks.TYPING_MS:
                    self._typed = ("", 0)
                    await self.client.talk.typing(conversation, False)
            elif told != conversation or now_ms - at_ms >= TYPING_EVERY_MS:
                self._typed = (conversation, now_ms)
                await self.client.talk.typing(conversation, True)

    async def keep_draft(self, conversation: str, text: str) -> None:
        """Keep what is written and not sent."""
        known = self.desk.chats.get(conversation)
        if known is None or known.draft != text:
            await self.client.talk.set_draft(conversation, text)
            self._set(replace(self.desk, stale=self.desk.stale | {conversation}))

    async def give_back(self, conversation: str, text: str) -> None:
        """A text that could not be sent is the draft of its conversation, before what is written there."""
        draft = await self.client.talk.draft(conversation)
        await self.keep_draft(conversation, "\n".join(filter(None, (text, draft))))

    # --- saying ----------------------------------------------------------------------------------------------

    def answer(self, lines: Iterable[Line]) -> None:
        """Put answers of the program into the open conversation; without one they are said."""
        for line in lines:
            if self.desk.open is None:
                self._screen.say(line)
            else:
                self._set(replace(self.desk, open=desks.said(self.desk.open, line, self.now_ms())))

    def failed(self, error: SealwireError) -> None:
        """Say what went wrong and what to do."""
        self._screen.say(Line("alert", views.screen_text(" ".join(filter(None, explain(error))))))

    async def people_changed(self) -> None:
        """Nicknames or blocks may be others now."""
        self._set(desks.with_people(self.desk, await self.client.people.people()))
