"""What a person can do from the full screen, typed or by a key, with the pages that ask for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from sealwire.errors import SealwireError, UsageError
from sealwire.files import user_path
from sealwire.i18n import _, explain
from sealwire.peer.events import Message
from sealwire.ui import views
from sealwire.ui.orders import Orders, Work
from sealwire.ui.terminal.about import About
from sealwire.ui.terminal.message_acts import MessageActs
from sealwire.ui.terminal.people_acts import PeopleActs
from sealwire.ui.terminal.screens.base import Ask, Messages
from sealwire.ui.terminal.screens.finders import NEW_GROUP, Search, Switcher
from sealwire.ui.terminal.screens.help import Help
from sealwire.ui.terminal.screens.people import Requests
from sealwire.ui.views import chats, emoji, spoken
from sealwire.ui.views.commands import Nothing, Order, Say, Spec, day_ms, misused, parse
from sealwire.ui.views.state import Line

if TYPE_CHECKING:
    from sealwire.ui.terminal.app import TerminalApp
    from sealwire.ui.terminal.main import MainScreen

FILES_SHOWN: Final = 200
_PAGES: Final = frozenset(
    {
        "to",
        "quit",
        "help",
        "search",
        "verify",
        "info",
        "requests",
        "pinned",
        "files",
        "date",
        "groups",
        "history",
        "invite",
    }
)
"""Commands that have a page here; the others answer in the conversation."""


class Acts:
    """The verbs of the full screen. Also the ``Place`` where typed commands are given."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self._session = main.session
        self._client = main.session.client
        self.messages = MessageActs(main)
        self.people = PeopleActs(main)
        self._orders = Orders(self._client, self, main.session.now_ms, zone=main.session.desk.zone)

    # --- typed -----------------------------------------------------------------------------------------------

    async def said(self, text: str, conversation: str | None, about: About | None) -> None:
        """Carry out what was typed into the composer.

        Raises:
            SealwireError: it cannot be done; the text goes back into the composer.
        """
        command = parse(text)
        match command:
            case Nothing():
                return
            case Order():
                await self._order(command)
                return
            case Say(words, to):
                target = to or conversation
        if target is None:
            raise UsageError(_("No conversation is open. Ctrl+K opens one."))
        if about is not None and about.kind == "edit":
            self._session.take(
                await self._client.talk.edit(about.message.conversation, about.message.id, emoji.replaced(words))
            )
        else:
            await self._session.send(target, words, about.message.id if about else None)

    async def _order(self, order: Order) -> None:
        if order.verb not in _PAGES and order.verb != "group info":
            lines = await self._orders.do(order)
            self._session.answer(lines)
            await self._session.people_changed()
            if self.current is not None:
                await self._session.refresh(self.current)
                if order.verb == "clear":
                    await self._session.open(self.current)
            return
        match order.verb:
            case "to":
                await self._to(order.who or "")
            case "quit":
                self._main.app.exit(0)
            case "help":
                self.help()
            case "invite":
                cast("TerminalApp", self._main.app).show_invite()
            case "search":
                self._main.aside(self.search(order.text))
            case "requests":
                self._main.aside(self.requests())
            case "pinned" | "files":
                self._main.aside(self.listed(order.verb))
            case "date":
                await self._to_day(order)
            case "verify" | "info" | "group info":
                await self._about(order)
            case "groups":
                self._main.aside(self.switch())
            case _:
                self._main.query_one("#timeline").focus()

    async def _about(self, order: Order) -> None:
        """The page of a person or a group, whichever was named or is open."""
        name = await self._resolved(order.who or self.opened())
        if order.verb == "group info" or (order.verb == "info" and name.startswith("+")):
            self._main.aside(self.people.group(name))
        elif name.startswith("+"):
            raise misused("verify")
        else:
            self._main.aside(self.people.verify(name) if order.verb == "verify" else self.people.person(name))

    async def _resolved(self, who: str) -> str:
        return (await self._client.groups.info(who)).id if who.startswith("+") else who

    async def _to(self, who: str) -> None:
        await self._main.open_now(await self._resolved(who))

    async def _to_day(self, order: Order) -> None:
        day = day_ms(order.text, self._session.desk.zone)
        row = await self._client.past.row_at(self.opened(), day)
        if row is None:
            raise UsageError(_("Nothing was said here from that day on."))
        await self._session.jump(self.opened(), row)

    async def command(self, spec: Spec) -> None:
        """Ask for the words of a command and carry it out; also where there is no line to type it in."""
        words = ""
        if spec.takes != "nothing":
            asked = await self._main.app.push_screen_wait(Ask(spec.form, spec.about))
            if asked is None:
                return
            words = asked
        await self.said(f"/{spec.verb} {words}", self.current, None)

    def opened(self) -> str:
        """Return the open conversation. Raises UsageError."""
        if self.current is None:
            raise UsageError(_("No conversation is open. Ctrl+K opens one."))
        return self.current

    def sentence(self, error: SealwireError) -> Line:
        """Return an error as a line of the conversation."""
        return Line("alert", views.screen_text(" ".join(filter(None, explain(error)))))

    # --- Place -----------------------------------------------------------------------------------------------

    @property
    def current(self) -> str | None:
        """The open conversation."""
        return self._session.desk.open.conversation if self._session.desk.open else None

    def message(self, number: int | None, *, own: bool | None = None, file: bool = False) -> tuple[str, str]:
        """The selected message, or the last one that fits. Raises UsageError."""
        if number is not None:
            raise UsageError(_("Here a message is selected with the arrows (Shift+Tab first), not by a number."))
        opened = self._session.desk.open
        chosen = self._main.selected()
        candidates = [chosen] if chosen is not None else list(reversed(opened.messages)) if opened else []
        for one in candidates:
            mine = one.sender == self._client.name
            if (own is None or mine is own) and (one.file is not None or not file) and one.kind != "notice":
                return one.conversation, one.id
        raise UsageError(_("No message here fits that."))

    def show(self, message: Message) -> None:
        """A message that an order stored."""
        self._session.take(message)

    async def beside(self, work: Work) -> list[str]:
        """What is typed next does not wait for it."""

        async def answer() -> None:
            self._session.answer([Line("system", text) for text in await work()])

        self._main.aside(answer())
        return []

    async def passphrase(self) -> bytes:
        """Ask for one, twice."""
        wait = self._main.app.push_screen_wait
        first = await wait(Ask(_("Passphrase of the backup"), _("Without it nobody can open the file."), secret=True))
        again = await wait(Ask(_("The same again"), "", secret=True)) if first is not None else None
        if first is None or again != first:
            raise UsageError(_("These were two different passphrases."))
        return first.encode("utf-8", "surrogateescape")

    # --- finding ---------------------------------------------------------------------------------------------

    def help(self) -> None:
        """Keys and commands."""
        self._main.app.push_screen(Help())

    async def switch(self) -> None:
        """Jump to a conversation, or begin one."""
        target = await self.pick()
        if target is not None:
            self._main.open(target)

    async def search(self, begin: str = "") -> None:
        """Search, and go where it leads."""
        view = self._session.desk
        titles = {info.id: info.title for info in view.chats.values()}
        page = Search(self._client, self.current, titles, view.names, begin)
        if await self._main.app.push_screen_wait(page) and page.chosen is not None:
            await self._main.jump(page.chosen)

    async def listed(self, what: str) -> None:
        """Pinned messages, or files."""
        conversation = self.opened()
        if what == "pinned":
            found, title, nothing = (
                await self._client.past.pinned(conversation),
                _("Pinned"),
                _("Nothing is pinned here."),
            )
        else:
            found = await self._client.files.of(conversation, FILES_SHOWN)
            title, nothing = _("Files"), _("No files here.")
        own, names, now = self._client.name, self._session.desk.names, self._session.now_ms()
        rows = [(one, spoken.sentence(one, own, names, now, self._session.desk.zone)) for one in found]
        chosen = await self._main.app.push_screen_wait(Messages(title, rows, nothing))
        if chosen is not None:
            await self._main.jump(chosen)

    async def retry(self) -> None:
        """Try failed messages again."""
        self._session.answer(await self._orders.do(Order("retry")))

    async def requests(self) -> None:
        """Who asks to talk."""
        asking = chats.requests(self._session.desk.chats.values())
        choice = await self._main.app.push_screen_wait(Requests(asking, self._client.name))
        if choice is not None:
            self._main.open(choice)

    async def pick(self) -> str | None:
        """Ask for a conversation, an old or a new one."""
        infos = chats.in_order(self._session.desk.chats.values())
        choice = await self._main.app.push_screen_wait(Switcher(infos, self._client.name))
        return await self.people.new_group() if choice == NEW_GROUP else choice

    async def attach(self) -> None:
        """Send a file into the open conversation."""
        conversation = self.opened()
        path = await self._main.app.push_screen_wait(Ask(_("Send a file"), _("Its path:"), str(Path.home()) + "/"))
        if path:
            await self._session.send_file(conversation, user_path(path))
