"""One running peer as a window sees it: the desk of the views, kept up with its events, and what people do with it.

Everything a screen shows comes from ``desk``; everything people do goes through here to the client's loop and comes
back as the next desk. A burst of events is one change for the screen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal

from sealwire.errors import DiskError, SealwireError
from sealwire.peer.api import FullClient
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Connection, Contact, Delivery, Event, Group, Message
from sealwire.ui.desktop.bridge import Bridge, Failed
from sealwire.ui.desktop.leaving import Leaving
from sealwire.ui.views import desk as desks
from sealwire.ui.views import timeline
from sealwire.ui.views.desk import Desk

T = TypeVar("T")

STALE_MS: Final = 40
"""Conversations whose row changed are read again together after this: a burst asks once for each."""

FRESH_MS: Final = 1_000
"""How often somebody who stopped writing without a word is looked for."""

FIRST_PAGE: Final = 60
"""Messages read when a conversation opens: two screens. More come while scrolling."""


def now_ms() -> int:
    """Return the reader's clock."""
    return time.time_ns() // 1_000_000


class Station(QObject):
    """A client and its desk."""

    changed = Signal()
    """The desk is another one; told once for many events."""
    opened = Signal()
    """Another conversation is open, or none."""
    said = Signal(object)
    """A ``views.Line`` that has no place of its own on the screen."""
    failed = Signal(object)
    """What people asked for could not be done: a ``SealwireError``."""
    arrived = Signal(object)
    """Somebody else's new message."""
    contact = Signal(object)
    """A ``Contact`` event."""
    ended = Signal()
    """The client was closed."""

    def __init__(self, client: FullClient, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.client = client
        self.bridge = bridge
        self.desk = Desk(client.name, client.fingerprint)
        self.leaving = Leaving(client)
        self._busy: set[str] = set()
        self._told = QTimer(self, singleShot=True, interval=0)
        self._told.timeout.connect(self.changed)
        self._stale = QTimer(self, singleShot=True, interval=STALE_MS)
        self._stale.timeout.connect(self._read_stale)
        self._writers = QTimer(self, interval=FRESH_MS)
        self._writers.timeout.connect(self._forget_writers)
        bridge.happened.connect(self._happened)

    def begin(self) -> None:
        """Read what there is and follow what happens."""
        self.ask(self._all(), self._took_all)
        self.bridge.follow(self.client.events(), self.ended.emit)
        self._writers.start()

    def ask(
        self,
        question: Coroutine[Any, Any, T],
        done: Callable[[T], None] | None = None,
        failed: Failed | None = None,
    ) -> None:
        """Run something on the client's loop; an error nobody takes is shown by the window."""
        self.bridge.ask(self, question, done, failed or self.failed.emit)

    def put(self, desk: Desk) -> None:
        """Take the next desk."""
        if desk is not self.desk:
            self.desk = desk
            self._told.start()
            if desk.stale and not self._stale.isActive():
                self._stale.start()

    # --- events ----------------------------------------------------------------------------------------------

    def _happened(self, event: Event) -> None:
        desk, lines = desks.reduce(self.desk, event, now_ms())
        self.put(desk)
        for line in lines:
            self.said.emit(line)
        match event:
            case Message(change=None) if event.sender != self.desk.own and event.kind != "notice":
                self.arrived.emit(event)
            case Contact():
                self.contact.emit(event)
                self.read_people()
            case Connection() | Delivery():
                self._count_queued()
            case Group():
                self._stale.start()
            case _:
                pass

    def _count_queued(self) -> None:
        self._once("status", self.client.status(), lambda now: self.put(replace(self.desk, queued=now.queued)))

    def read_people(self) -> None:
        """Read nicknames and who is blocked again."""
        self._once("people", self.client.people.people(), lambda found: self.put(desks.with_people(self.desk, found)))

    def read_chats(self) -> None:
        """Read the whole list of conversations again."""
        self._once("chats", self._all(), self._took_all)

    async def _all(self) -> tuple[Any, Any]:
        return await self.client.past.conversations(), await self.client.people.people()

    def _took_all(self, found: tuple[Any, Any]) -> None:
        self.put(desks.with_people(desks.with_chats(self.desk, found[0]), found[1]))

    def _read_stale(self) -> None:
        asked = sorted(self.desk.stale)
        self.desk = replace(self.desk, stale=frozenset())
        for conversation in asked:
            self.ask(
                self.client.past.conversation(conversation),
                lambda info: self.put(desks.with_chat(self.desk, info.id, info)),
                lambda _unknown: None,  # it is gone, or its first message has not arrived
            )

    def _forget_writers(self) -> None:
        self.put(desks.quiet_writers(self.desk, now_ms()))

    def _once(self, name: str, question: Coroutine[Any, Any, T], done: Callable[[T], None]) -> None:
        """Ask, unless the same question is still open."""
        if name in self._busy:
            question.close()
            return
        self._busy.add(name)

        def took(result: T) -> None:
            self._busy.discard(name)
            done(result)

        def failed(error: SealwireError) -> None:
            self._busy.discard(name)
            self.failed.emit(error)

        self.ask(question, took, failed)

    # --- the open conversation -------------------------------------------------------------------------------

    @property
    def chat(self) -> ConversationInfo | None:
        """The row of the open conversation."""
        return desks.open_chat(self.desk)

    @property
    def place(self) -> str:
        """The open conversation, or the empty text."""
        return self.desk.open.conversation if self.desk.open else ""

    def open(self, conversation: str, then: Callable[[], None] | None = None) -> None:
        """Open a conversation at its end."""
        self.ask(self._opening(conversation), lambda found: self._opened(*found, then))

    async def _opening(self, conversation: str) -> tuple[ConversationInfo, Any]:
        info = await self.client.past.conversation(conversation)
        return info, await self.client.past.page(info.id, FIRST_PAGE)

    def _opened(self, info: ConversationInfo, page: Any, then: Callable[[], None] | None) -> None:
        desk = desks.opening(self.desk, info, page)
        assert desk.open is not None
        self.put(replace(desk, open=timeline.opened(info, self.desk.own, page, FIRST_PAGE)))
        self.opened.emit()
        if then is not None:
            then()

    def close_chat(self) -> None:
        """Open none."""
        self.put(desks.closing(self.desk))
        self.opened.emit()

    def older(self) -> None:
        """Put the page before the window in front of it."""
        window = self.desk.open
        if window is None or not window.has_older or not window.messages:
            return
        page = self.client.past.page(window.conversation, timeline.PAGE, before_row=window.messages[0].row)
        self._once("page", page, lambda found: self._window(window.conversation, timeline.with_older, found))

    def newer(self) -> None:
        """Put the page after the window behind it."""
        window = self.desk.open
        if window is None or not window.has_newer or not window.messages:
            return
        page = self.client.past.page(window.conversation, timeline.PAGE, after_row=window.messages[-1].row)
        self._once("page", page, lambda found: self._window(window.conversation, timeline.with_newer, found))

    def _window(self, conversation: str, change: Callable[..., timeline.Timeline], page: Any) -> None:
        window = self.desk.open
        if window is not None and window.conversation == conversation:
            self.put(replace(self.desk, open=change(window, page)))

    def go_to_row(self, row: int, then: Callable[[], None]) -> None:
        """Show the part of the open conversation around a row."""
        window = self.desk.open
        if window is not None:
            page = self.client.past.around(window.conversation, row, timeline.PAGE)
            self.ask(page, lambda found: self._jumped(window.conversation, found, then))

    def go_to_end(self, then: Callable[[], None]) -> None:
        """Show the end of the open conversation."""
        window = self.desk.open
        if window is None:
            return
        if not window.has_newer:
            then()
            return
        page = self.client.past.page(window.conversation, FIRST_PAGE)
        self.ask(page, lambda found: self._jumped(window.conversation, found, then))

    def _jumped(self, conversation: str, page: Any, then: Callable[[], None]) -> None:
        window, chat = self.desk.open, self.chat
        if window is None or window.conversation != conversation:
            return
        last = chat.last.row if chat is not None and chat.last is not None else 0
        self.put(replace(self.desk, open=timeline.jumped(window, page, last)))
        self._told.stop()
        self.changed.emit()  # at once: what follows looks at the lines
        then()

    def read_up_to_end(self) -> None:
        """The end of the open conversation is before the reader's eyes."""
        window, chat = self.desk.open, self.chat
        if window is None or window.has_newer or not window.messages or chat is None or not chat.unread:
            return
        row = timeline.last_row(window)

        def marked(_nothing: None) -> None:
            self.put(replace(self.desk, stale=self.desk.stale | {window.conversation}))

        self._once(f"read {window.conversation} {row}", self.client.past.mark_read(window.conversation, row), marked)

    # --- what people do with words ---------------------------------------------------------------------------

    def send(
        self, text: str, reply_to: str | None = None, failed: Callable[[SealwireError], None] | None = None
    ) -> None:
        """Send a text to the open conversation."""
        place = self.place
        if place:
            self.ask(self.leaving.through(place, text, self._send(place, text, reply_to)), self.took, failed)

    def send_to(self, place: str, text: str, failed: Callable[[SealwireError], None]) -> None:
        """Send a text to a conversation that need not be open."""
        sending = self.leaving.through(place, text, self._send(place, text, None))
        self.ask(sending, lambda sent: self._went_to(place, sent), failed)

    def _went_to(self, place: str, sent: Message | None) -> None:
        if place == self.place:
            self.took(sent)
        else:
            self.put(replace(self.desk, stale=self.desk.stale | {place}))

    async def _send(self, place: str, text: str, reply_to: str | None) -> Message | None:
        if reply_to is None and not place.startswith("+"):
            sent = await self.client.send_text(place, text)
        else:
            sent = await self.client.talk.send(place, text, reply_to=reply_to)
        return await self.client.past.message(place, sent.id)

    def send_file(self, source: Path, caption: str = "", reply_to: str | None = None) -> None:
        """Send a file to the open conversation."""
        place = self.place
        if place:
            self.ask(self._send_file(place, source, caption, reply_to), self.took)

    async def _send_file(self, place: str, source: Path, caption: str, reply_to: str | None) -> Message | None:
        sent = await self.client.files.send(place, source, caption=caption, reply_to=reply_to)
        return await self.client.past.message(place, sent.id)

    def send_made(self, name: str, content: bytes) -> None:
        """Send what is in no file yet: it lies in the profile's own folder, and only until it was sent."""
        place = self.place
        if place:
            self.ask(self._send_made(place, name, content), self.took)

    async def _send_made(self, place: str, name: str, content: bytes) -> Message | None:
        path = await self.client.files.spool()
        try:
            await asyncio.to_thread(path.write_bytes, content)
        except OSError as error:
            raise DiskError(error.strerror or str(error)) from error
        sent = await self.client.files.send(place, path, name=name)
        return await self.client.past.message(place, sent.id)

    def change(self, question: Coroutine[Any, Any, Message], failed: Failed | None = None) -> None:
        """Run something that changes a message of the open conversation, and show how it stands then."""
        self.ask(question, self.took, failed)

    def took(self, message: Message | None) -> None:
        """A message came back from the client; our own are not told as events."""
        if message is None:
            return
        window = self.desk.open
        if window is not None:
            gone = message.deleted and message.change == "deleted" and message.row == 0
            window = timeline.without(window, message.id) if gone else timeline.with_message(window, message)
        self.put(replace(self.desk, open=window, stale=self.desk.stale | {message.conversation}))
