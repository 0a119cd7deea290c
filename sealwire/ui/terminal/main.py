"""The screen with everything on it: conversations, timeline, composer, and the line that says what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import ClassVar, Final, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from sealwire.errors import SealwireError, UsageError
from sealwire.i18n import _
from sealwire.peer.api import FullClient
from sealwire.peer.events import Message
from sealwire.ui.announce import Announcer, Ways
from sealwire.ui.session import Session
from sealwire.ui.terminal.about import About
from sealwire.ui.terminal.acts import Acts
from sealwire.ui.terminal.ahead import leading
from sealwire.ui.terminal.chatlist import ChatList
from sealwire.ui.terminal.composer import Completions, Composer
from sealwire.ui.terminal.foot import Foot
from sealwire.ui.terminal.jobs import Job, Jobs, guarded
from sealwire.ui.terminal.screens.base import plain
from sealwire.ui.terminal.style import MAIN
from sealwire.ui.terminal.timeline import TimelineView
from sealwire.ui.views import banner, chats, desk, heading, timeline
from sealwire.ui.views.banner import Banner
from sealwire.ui.views.chats import REQUESTS
from sealwire.ui.views.notify import Attention
from sealwire.ui.views.safe import screen_name
from sealwire.ui.views.state import Line

NARROW: Final = 80
"""Columns below which the list and a conversation take turns."""
DRAFT_S: Final = 0.7
"""After the last key: a draft survives a crash, and not every key is a commit."""
TOAST_S: Final = 8.0


class MainScreen(Screen[None]):
    """Draws the desk and hands on what a person does."""

    DEFAULT_CSS = MAIN

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", show=False, priority=True),
        Binding("f2", "banner", show=False, priority=True),
        Binding("ctrl+k", "do('switch')", show=False, priority=True),
        Binding("ctrl+n", "do('switch')", show=False, priority=True),
        Binding("ctrl+f", "do('search')", show=False, priority=True),
        Binding("ctrl+o", "do('attach')", show=False, priority=True),
        Binding("ctrl+g", "do('about_this')", show=False, priority=True),
        Binding("alt+up", "neighbour(-1)", show=False, priority=True),
        Binding("alt+down", "neighbour(1)", show=False, priority=True),
        Binding("alt+a", "next_unread", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
        Binding("ctrl+end", "end", show=False, priority=True),
        Binding("r", "on_message('reply')", show=False),
        Binding("e", "on_message('edit')", show=False),
        Binding("d", "on_message('delete')", show=False),
        Binding("plus,a", "on_message('react')", show=False),
        Binding("p", "on_message('pin')", show=False),
        Binding("f", "on_message('forward')", show=False),
        Binding("escape", "back", show=False),
    ]

    def __init__(
        self,
        client: FullClient,
        ways: Ways,
        emit: Callable[[str], None],
        now_ms: Callable[[], int],
        zone: tzinfo | None = None,
    ) -> None:
        super().__init__()
        announcer = Announcer(ways, emit, lambda text: self.say(Line("alert", text)), now_ms)
        self.session = Session(client, self, announcer, now_ms, zone)
        self.acts = Acts(self)
        self.about: About | None = None
        self.drafted: tuple[str, str] = ("", "")
        """The open conversation and what is written in it: kept when the program ends."""
        self._leaving: list[tuple[str, str]] = []
        """What was said, by conversation, and is not stored yet."""
        self._now_ms = now_ms
        self._dirty = False
        self._jobs = Jobs(self.session.failed)
        self._outgoing = Jobs(self.session.failed)
        self._draft_timer: Timer | None = None
        self._banner: Banner | None = None

    def compose(self) -> ComposeResult:
        """The list on the left, the conversation on the right, the keys below both."""
        with Vertical(id="left"):
            yield Static(id="who", markup=False)
            yield ChatList(id="chats")
        with Vertical(id="talk"):
            yield Static(id="heading", markup=False)
            yield Static(id="banner", markup=False)
            yield TimelineView(self.session.client.name, id="timeline")
            yield Static(id="writing", markup=False)
            yield Static(id="about", markup=False)
            completions = Completions()
            yield completions
            yield Composer(completions, id="composer")
        yield Foot(id="foot")

    async def on_mount(self) -> None:
        """Read the list, then follow what happens."""
        self.set_classes("listing narrow" if self.size.width < NARROW else "listing")
        self.query_one(ChatList).focus()
        self.watch(self.app, "app_focus", self._looked_up, init=False)
        await self.session.begin()
        self.run_worker(self._listen(), group="client", exit_on_error=True)
        self.run_worker(self.session.tick(), group="client")
        self.run_worker(self._jobs.run(), group="client")
        self.run_worker(self._outgoing.run(), group="client")

    def _looked_up(self, focus: bool) -> None:
        """The window has the focus again: what stands in it is being read."""
        if focus:
            self.later(self.session.seen)

    async def _listen(self) -> None:
        await self.session.listen()
        self.app.exit(0)

    def later(self, job: Job) -> None:
        """Carry something out after everything asked before."""
        self._jobs.add(job)

    def aside(self, job: Awaitable[None]) -> None:
        """Carry something out beside everything else: it asks the person, or takes long."""
        self.run_worker(guarded(job, self.session.failed), group="aside")

    async def on_unmount(self) -> None:
        """End what the session started."""
        await self.session.close()

    # --- the session's screen --------------------------------------------------------------------------------

    def changed(self) -> None:
        """Draw once after everything that is happening now."""
        if not self._dirty:
            self._dirty = True
            self.call_later(self._draw)

    def say(self, line: Line) -> None:
        """Show it for some seconds."""
        severity: Literal["information", "error"] = "error" if line.voice == "alert" else "information"
        self.app.notify(line.text, severity=severity, timeout=TOAST_S, markup=False)

    def attention(self) -> Attention:
        """Where the reader looks."""
        opened = self.session.desk.open
        own = self.session.client.name
        if opened is None or not self.is_mounted or (self.has_class("narrow") and self.has_class("listing")):
            return Attention(own, self.app.app_focus)
        sees = self.query_one(TimelineView).is_stuck and not opened.has_newer and self.is_current
        return Attention(own, self.app.app_focus, opened.conversation if sees else None)

    # --- drawing ---------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        self._dirty = False
        if not self.is_mounted:
            return
        now, view = self._now_ms(), self.session.desk
        rows = desk.chat_rows(view, now)
        self.query_one(ChatList).show(rows)
        self.query_one("#who", Static).update(plain(heading.who(view, now)))
        opened = view.open
        place, items = opened.conversation if opened else "", desk.items(view, now)
        self.query_one(TimelineView).show(place, items, view.names, heading.nothing(view))
        self.query_one("#heading", Static).update(plain(heading.conversation(view, now)))
        self.query_one("#writing", Static).update(plain(heading.below(view)))
        self._draw_banner()
        self._draw_about()
        composer = self.query_one(Composer)
        composer.names = set(view.chats) | {f"+{info.title}" for info in view.chats.values() if info.is_group}
        info = desk.open_chat(view)
        composer.disabled = info is None or not (info.can_write or info.request)

    def _draw_banner(self) -> None:
        view = self.session.desk
        info = desk.open_chat(view)
        found = [one for one in (banner.link(view.link, view.queued), banner.chat(info) if info else None) if one]
        self._banner = found[-1] if found else None
        shown = self.query_one("#banner", Static)
        shown.display = bool(found)
        shown.set_classes(found[-1].tone if found else "")
        shown.update(plain(heading.above(*found)))

    def _draw_about(self) -> None:
        shown = self.query_one("#about", Static)
        shown.display = self.about is not None
        shown.update(plain(self.about.line(self.session.desk.names) if self.about else ""))

    def on_resize(self, event: events.Resize) -> None:
        """Narrow screens show one part at a time."""
        self.set_class(event.size.width < NARROW, "narrow")

    # --- conversations ---------------------------------------------------------------------------------------

    def open(self, conversation: str) -> None:
        """Open a conversation; what was written in the one before is kept."""
        if conversation == REQUESTS:
            self.aside(self.acts.requests())
            return
        if conversation in self.session.desk.chats:
            opening = leading(self.app, self.open_now(conversation))
            self.later(lambda: opening)
        else:  # the directory may have to be asked, which takes as long as it takes
            self.say(Line("system", _("Looking for {name} …").format(name=screen_name(conversation))))
            self.aside(leading(self.app, self.open_now(conversation)))

    async def open_now(self, conversation: str) -> None:
        """Open it, with its draft."""
        await self.typed_out()
        await self.keep_draft()
        self.about = None
        await self.session.open(conversation)
        self.remove_class("listing").add_class("talking")
        info = desk.open_chat(self.session.desk)
        composer = self.query_one(Composer)
        self.drafted = (conversation, info.draft if info else "")
        composer.put(self.drafted[1])
        self._draw()
        self.set_focus(self.query_one(TimelineView) if composer.disabled else composer)
        self.changed()  # the list kept its cursor while it had the focus
        await self.session.seen()

    async def typed_out(self) -> None:
        """Wait until what was typed stands in the composer or was said: it belongs to where it was typed."""
        composer = self.query_one(Composer)
        for place in (composer, composer, self.query_one("#talk"), self):  # a line that is entered goes up by these
            typed = asyncio.Event()
            place.call_later(typed.set)
            await typed.wait()
        self.drafted = (self.drafted[0], composer.text)

    async def keep_draft(self) -> None:
        """Keep what is written in the open conversation."""
        conversation, text = self.drafted
        if conversation and (self.about is None or self.about.kind == "reply"):
            await self.session.keep_draft(conversation, text)

    async def keep_all(self) -> None:
        """At the end: what was said and is not stored yet is a draft again, before what is written now."""
        place, written = self.drafted
        for where in {one for one, _text in self._leaving} | {place}:
            texts = [text for one, text in self._leaving if one == where] + [written] * (where == place)
            self.drafted = (where, "\n".join(filter(None, texts)))
            await self.keep_draft()

    @on(ChatList.Chosen)
    def _chosen(self, event: ChatList.Chosen) -> None:
        self.open(event.conversation)

    def action_neighbour(self, step: int) -> None:
        """The conversation above or below."""
        opened = self.session.desk.open
        found = chats.neighbour(self.query_one(ChatList).rows, opened.conversation if opened else None, step)
        if found is not None:
            self.open(found)

    def action_next_unread(self) -> None:
        """The next conversation with something unread."""
        opened = self.session.desk.open
        found = chats.next_unread(self.query_one(ChatList).rows, opened.conversation if opened else None)
        if found is None:
            self.say(Line("system", _("Nothing is unread.")))
        else:
            self.open(found)

    @on(Composer.Back)
    def action_back(self) -> None:
        """Out of an answer, to the end, to the list: the next of these that applies."""
        view = self.query_one(TimelineView)
        if self.about is not None:
            self.set_about(None)
        elif self.session.desk.open is not None and (not view.is_stuck or self.session.desk.open.has_newer):
            self.action_end()
        elif self.has_class("narrow"):
            self.later(self._to_list)
        else:
            self.query_one(ChatList).focus()

    async def _to_list(self) -> None:
        await self.typed_out()
        await self.keep_draft()
        self.drafted = ("", "")
        self.session.shut()
        self.remove_class("talking")
        self.add_class("listing")
        self.query_one(ChatList).focus()

    # --- the timeline ----------------------------------------------------------------------------------------

    @on(TimelineView.Edge)
    def _edge(self, event: TimelineView.Edge) -> None:
        opened = self.session.desk.open
        if opened is None or len(self._jobs) > 1:
            return
        if event.direction < 0 and opened.has_older:
            self.later(self.session.older)
        elif event.direction > 0 and opened.has_newer:
            self.later(self.session.newer)

    @on(TimelineView.Moved)
    def _moved(self) -> None:
        if self.query_one(TimelineView).is_stuck:
            self.later(self.session.seen)

    @on(TimelineView.Chosen)
    def _menu(self, event: TimelineView.Chosen) -> None:
        self.aside(self.acts.messages.menu(event.chosen))

    def action_page(self, direction: int) -> None:
        """A screen back or on."""
        self.query_one(TimelineView).action_page(direction)

    def action_end(self) -> None:
        """The end of the conversation."""
        self.later(self._to_end)

    async def _to_end(self) -> None:
        await self.session.to_end()
        self._draw()
        self.query_one(TimelineView).to_end()

    async def jump(self, message: Message) -> None:
        """Show a message in its conversation."""
        opened = self.session.desk.open
        if opened is None or opened.conversation != message.conversation:
            await self.open_now(message.conversation)
        if self.session.desk.open is None or timeline.index_of(self.session.desk.open, message.id) is None:
            await self.session.jump(message.conversation, message.row)
        self._draw()
        view = self.query_one(TimelineView)
        view.to_message(message.id)
        view.focus()

    def selected(self) -> Message | None:
        """The message that is selected, while the timeline has the focus."""
        view = self.query_one(TimelineView)
        return view.chosen() if view.has_focus else None

    def action_on_message(self, act: str) -> None:
        """A letter on the selected message."""
        chosen = self.selected()
        if chosen is not None:
            self.aside(self.acts.messages.on_message(act, chosen))

    # --- the composer ----------------------------------------------------------------------------------------

    def set_about(self, about: About | None) -> None:
        """Answer or correct a message, or stop doing so."""
        composer = self.query_one(Composer)
        if self.about is not None and self.about.kind == "edit":
            composer.put("")
        self.about = about
        if about is not None and about.kind == "edit":
            composer.put(about.message.text)
        self._draw_about()
        composer.focus()

    @on(Composer.Sent)
    def _sent(self, event: Composer.Sent) -> None:
        opened = self.session.desk.open
        conversation, about = opened.conversation if opened else None, self.about
        self.about = None
        self.drafted = (self.drafted[0], self.query_one(Composer).text)
        self._draw_about()
        leaving = (conversation or "", event.text)
        self._leaving.append(leaving)

        async def carry_out() -> None:
            try:
                await self.acts.said(event.text, conversation, about)
                await self.keep_draft()
            except SealwireError as error:
                await self._put_back(conversation, event.text, about)
                if isinstance(error, UsageError) or conversation != self.acts.current:
                    self.session.failed(error)
                else:
                    self.session.answer([self.acts.sentence(error)])
            self._leaving.remove(leaving)
            self.query_one(TimelineView).to_end()

        self._outgoing.add(carry_out)

    async def _put_back(self, place: str | None, text: str, about: About | None) -> None:
        """What could not be sent is not lost, nor said to somebody else; neither is what was typed meanwhile."""
        if place is not None and place != self.acts.current:
            await self.session.give_back(place, text)
            return
        composer = self.query_one(Composer)
        self.about = about
        composer.put(f"{text}\n{composer.text}" if composer.text else text)
        self._draw_about()

    @on(Composer.Changed)
    def _typed(self) -> None:
        opened, text = self.session.desk.open, self.query_one(Composer).text
        if opened is None:
            return
        self.drafted = (opened.conversation, text)
        if self._draft_timer is not None:
            self._draft_timer.stop()
        self._draft_timer = self.set_timer(DRAFT_S, lambda: self.later(self.keep_draft))
        if self.about is None or self.about.kind == "reply":
            self._outgoing.add(lambda: self.session.typing(opened.conversation, text))

    def on_paste(self, event: events.Paste) -> None:
        """While the list or the timeline has the focus: it can only be meant for the line."""
        self.query_one(Composer).pasted(event.text)

    @on(Composer.EditLast)
    def _edit_last(self) -> None:
        last = timeline.last_own(self.session.desk.open) if self.session.desk.open else None
        if last is not None:
            self.set_about(About("edit", last))

    # --- pages -----------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """Keys and commands."""
        self.acts.help()

    def action_do(self, what: str) -> None:
        """Open a page: ``switch``, ``search``, ``attach`` or ``about_this``."""
        acts = self.acts
        does = {
            "switch": acts.switch, "search": acts.search, "attach": acts.attach, "about_this": acts.people.about_this,
        }  # fmt: skip
        self.aside(leading(self.app, does[what]()))

    def action_banner(self) -> None:
        """Do what the banner offers."""
        if self._banner is not None and self._banner.action:
            self.aside(self.acts.people.banner(self._banner.action))
