"""The demonstration: alice, the broker and bob side by side in one terminal, and all of it real.

It plays some lines by itself, so that there is something to see; then it is the visitor's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import tzinfo
from typing import ClassVar, Final, Literal

from textual import events, on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.driver import Driver
from textual.widgets import RichLog, Static

from sealwire.errors import SealwireError
from sealwire.i18n import _, explain
from sealwire.peer.api import FullClient
from sealwire.peer.api.demo import DemoStage, Sight
from sealwire.ui.announce import Announcer, Ways
from sealwire.ui.session import Session
from sealwire.ui.terminal.composer import Completions, Composer
from sealwire.ui.terminal.driver import lasting
from sealwire.ui.terminal.jobs import Jobs
from sealwire.ui.terminal.screens.base import plain
from sealwire.ui.terminal.style import DEMO
from sealwire.ui.terminal.theme import THEMES
from sealwire.ui.terminal.timeline import TimelineView
from sealwire.ui.views import banner, desk, screen_text, sights
from sealwire.ui.views.notify import Attention, Rules
from sealwire.ui.views.state import Line

Name = Literal["alice", "bob"]
NAMES: Final[tuple[Name, Name]] = ("alice", "bob")
OTHER: Final[dict[Name, Name]] = {"alice": "bob", "bob": "alice"}
WAIT_S: Final = 30.0
NARROW: Final = 90
"""Columns below which one part is shown at a time."""
MAX_SIGHTS: Final = 2_000


def script() -> list[tuple[Name, str, bool]]:
    """Return what they say: who, the words, whether it answers the line before."""
    return [
        ("alice", _("Hello Bob! Can the broker read this?"), False),
        ("bob", _("No. A mailbox, a time and bytes like noise are all it has."), True),
        ("alice", _("And when one of us is away?"), False),
        ("bob", _("Then it keeps what it cannot read until we are back. Try it: F3."), True),
        ("bob", _("Lists work, too:\n- *emphasis* and `code`\n- :tada: and answers like these"), False),
    ]


class Side(Vertical):
    """One person: a heading, the conversation with the other, a line to write in. The session's ``Screen``."""

    def __init__(self, name: Name, now_ms: Callable[[], int], zone: tzinfo | None) -> None:
        super().__init__(id=name, classes="side")
        self.who: Name = name
        self.session: Session | None = None
        self._now_ms, self._zone = now_ms, zone
        self._dirty = False
        self._tasks: list[asyncio.Task[None]] = []
        self._jobs = Jobs(self._failed)
        self.moved = asyncio.Event()
        """The desk is another one."""

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        completions = Completions()
        yield Static(plain(self.who), classes="heading")
        yield TimelineView(self.who)
        yield Static(classes="writing", markup=False)
        yield completions
        yield Composer(completions)

    async def take(self, client: FullClient) -> None:
        """The peer runs: follow it."""
        announcer = Announcer(Ways(Rules(is_on=False)), lambda _text: None, self.app.notify, self._now_ms)
        self.session = Session(client, self, announcer, self._now_ms, self._zone)
        await self.session.begin()
        self._tasks = [
            asyncio.create_task(self.session.listen()),
            asyncio.create_task(self.session.tick()),
            asyncio.create_task(self._jobs.run()),
        ]

    async def leave(self) -> None:
        """The peer's program ends."""
        session, self.session = self.session, None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if session is not None:
            await session.close()
            await session.client.close()
        self.say_head(_("{name}: away").format(name=self.who))

    def changed(self) -> None:
        """Draw once after everything that happens now."""
        self.moved.set()
        if not self._dirty:
            self._dirty = True
            self.call_later(self._draw)

    def say(self, line: Line) -> None:
        """Below the heading is no room: a toast."""
        self.app.notify(line.text, markup=False)

    def attention(self) -> Attention:
        """Both sides are always looked at."""
        opened = self.session.desk.open if self.session else None
        return Attention(self.who, focused=True, conversation=opened.conversation if opened else None)

    def _draw(self) -> None:
        self._dirty = False
        if self.session is None:
            return
        view, now = self.session.desk, self._now_ms()
        opened = view.open.conversation if view.open else ""
        self.query_one(TimelineView).show(opened, desk.items(view, now), view.names)
        self.query_one(".writing", Static).update(plain(desk.writing(view)))
        found = banner.link(view.link, view.queued)
        self.say_head(f"{self.who}: {found.text}" if found else _("{name}: online").format(name=self.who))

    def say_head(self, text: str) -> None:
        """The line on top, while there is one."""
        if self.is_attached:
            self.query_one(".heading", Static).update(plain(text))

    @on(Composer.Sent)
    def _sent(self, event: Composer.Sent) -> None:
        event.stop()
        session = self.session
        if session is None:
            self.query_one(Composer).put(event.text)
            return
        self._jobs.add(lambda: session.send(OTHER[self.who], event.text))
        self.query_one(TimelineView).to_end()

    @on(Composer.Changed)
    def _typed(self) -> None:
        session, text = self.session, self.query_one(Composer).text
        if session is not None:
            self._jobs.add(lambda: session.typing(OTHER[self.who], text))

    def _failed(self, error: SealwireError) -> None:
        self.app.notify(_said(error), severity="error", markup=False)


class DemoApp(App[int]):
    """Three columns and a line that tells the story."""

    TITLE = "Sealwire"
    CSS = DEMO
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", show=False, priority=True),
        Binding("f3", "away", show=False, priority=True),
        Binding("f6", "column", show=False, priority=True),
    ]

    def __init__(
        self,
        stage: DemoStage,
        theme: str = "dark",
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        zone: tzinfo | None = None,
    ) -> None:
        super().__init__()
        for one in THEMES:
            self.register_theme(one)
        self.theme = theme
        self.failure: SealwireError | None = None
        self.is_yours = False
        """The story is told, the visitor may write."""
        self._stage = stage
        self._now_ms, self._zone = now_ms, zone
        self._sides: dict[Name, Side] = {name: Side(name, now_ms, zone) for name in NAMES}
        self._boxes: dict[str, str] = {}
        self._is_moving = False

    def compose(self) -> ComposeResult:
        """The story above, three columns, the keys below."""
        yield Static(id="story", markup=False)
        with Horizontal(id="columns"):
            yield self.side("alice")
            with Vertical(id="broker"):
                yield Static(plain(_("broker: all it ever sees")), classes="heading")
                yield RichLog(id="sights", max_lines=MAX_SIGHTS, wrap=True, markup=False, highlight=False)
            yield self.side("bob")
        yield Static(plain(_("Tab: other side   F3: bob leaves, returns   F6: next column   ^Q end")), id="foot")

    def side(self, name: Name) -> Side:
        """One of the two."""
        return self._sides[name]

    def get_driver_class(self) -> type[Driver]:
        """Return the platform's, which outlives its terminal."""
        return lasting(super().get_driver_class())

    def on_mount(self) -> None:
        """Begin the story."""
        self._play()

    def on_resize(self, event: events.Resize) -> None:
        """One column at a time where three have no room."""
        self.set_class(event.size.width < NARROW, "narrow")
        if not any(column.has_class("shown") for column in self.query("#columns > *")):
            self.side("alice").add_class("shown")

    def action_column(self) -> None:
        """Show the next column."""
        columns = list(self.query("#columns > *"))
        now = next((number for number, one in enumerate(columns) if one.has_class("shown")), 0)
        for number, one in enumerate(columns):
            one.set_class(number == (now + 1) % len(columns), "shown")

    def tell(self, text: str) -> None:
        """The next step of the story."""
        self.query_one("#story", Static).update(plain(text))

    # --- the story -------------------------------------------------------------------------------------------

    @work(exit_on_error=True)
    async def _play(self) -> None:
        try:
            await self._tell_all()
        except SealwireError as error:
            self.failure = error
            self.exit(error.exit)

    async def _tell_all(self) -> None:
        self.tell(
            _(
                "Alice and bob each make their keys: an RSA-3072 key to sign, another to decrypt, and X25519, Ed25519 "
                "and ML-KEM-768 keys. That takes some seconds. The broker gets public keys only."
            )
        )
        await self._stage.begin()
        self._follow()
        for name in NAMES:  # one after the other: the first mailbox to be welcomed is alice's
            await self._start(name)
        await self._compare()
        self.tell(
            _(
                "Their 60-digit safety numbers are the same: nobody swapped a key. The first envelope carries a "
                "384-byte RSA-OAEP block that only bob's key opens; then every message has a key of its own."
            )
        )
        for name in NAMES:
            await self._session(name).open(OTHER[name])
        await self._talk()
        self.is_yours = True
        self.tell(
            _(
                "Your turn: write on either side. F3 lets bob go; what alice writes then waits in the middle, and "
                "nothing there says from whom it is or what it says."
            )
        )
        self.side("alice").query_one(Composer).focus()

    def _session(self, name: Name) -> Session:
        session = self.side(name).session
        assert session is not None, "it was started"
        return session

    async def _start(self, name: Name) -> None:
        side = self.side(name)
        loop = asyncio.get_running_loop()

        def progress(line: str) -> None:  # keys are made in a thread
            loop.call_soon_threadsafe(side.say_head, f"{name}: {line}")

        client = await self._stage.peer(name, progress)
        await side.take(client)
        await client.online(WAIT_S)

    async def _compare(self) -> None:
        numbers = {(await self._session(name).client.safety_number(OTHER[name])).digits for name in NAMES}
        if len(numbers) != 1:
            raise SealwireError(detail=_("alice and bob see different safety numbers."))
        for name in NAMES:
            await self._session(name).client.set_verified(OTHER[name], True)

    async def _talk(self) -> None:
        for name, text, answers in script():
            session = self._session(name)
            before = session.desk.open.messages[-1].id if answers and session.desk.open else None
            await session.send(OTHER[name], text, before)
            await self._arrived(OTHER[name], text)
        first = self._session("alice")
        assert first.desk.open is not None
        first.take(await first.client.talk.react("bob", first.desk.open.messages[-1].id, "👍"))

    async def _arrived(self, name: Name, text: str) -> None:
        """Wait until the other has it on the screen: the next line may answer it."""
        side, begin = self.side(name), text.split("\n")[0]
        async with asyncio.timeout(WAIT_S):
            while not self._has(name, begin):
                side.moved.clear()
                await side.moved.wait()

    def _has(self, name: Name, begin: str) -> bool:
        opened = self._session(name).desk.open
        return opened is not None and any(one.text.startswith(begin) for one in opened.messages)

    @work
    async def _follow(self) -> None:
        log = self.query_one("#sights", RichLog)
        async for sight in self._stage.sights():
            self._meet(sight)
            log.write(sights.head(sight, self._boxes, self._zone))
            if sight.content:
                log.write("  " + sights.noise(sight))

    def _meet(self, sight: Sight) -> None:
        """The first mailbox to be welcomed is alice's: bob starts when she is there."""
        if sight.verb == "WELCOME" and sight.mailbox and sight.mailbox not in self._boxes and len(self._boxes) < 2:
            self._boxes[sight.mailbox] = NAMES[len(self._boxes)]

    @work
    async def action_away(self) -> None:
        """Bob's program ends, or starts again."""
        if not self.is_yours or self._is_moving:
            return
        self._is_moving = True
        try:
            bob = self.side("bob")
            if bob.session is not None:
                await bob.leave()
                self.tell(_("Bob's program has ended. What alice writes now waits at the broker. F3 brings him back."))
            else:
                await self._start("bob")
                await self._session("bob").open("alice")
                self.tell(_("Bob is back: his program has fetched what waited, and alice sees that it arrived."))
        finally:
            self._is_moving = False

    async def close(self) -> None:
        """End both peers and the stage."""
        for name in NAMES:
            with contextlib.suppress(SealwireError):
                await self.side(name).leave()
        await self._stage.close()


def _said(error: SealwireError) -> str:
    return screen_text(" ".join(filter(None, explain(error))))
