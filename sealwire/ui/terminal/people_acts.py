"""What can be done with people, groups and conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from sealwire.errors import SealwireError
from sealwire.i18n import _
from sealwire.peer.api.groups import Role
from sealwire.ui.terminal.screens.base import Ask, Confirm, Menu
from sealwire.ui.terminal.screens.groups import GroupScreen, NewGroup
from sealwire.ui.terminal.screens.people import Person
from sealwire.ui.terminal.screens.trust import KeyChange, Verify
from sealwire.ui.views import groups, trust, words
from sealwire.ui.views.banner import Action
from sealwire.ui.views.commands import FOREVER_S, span_seconds
from sealwire.ui.views.safe import screen_name

if TYPE_CHECKING:
    from sealwire.ui.terminal.main import MainScreen

SPANS: Final = ("off", "1h", "1d", "1w", "4w")
MUTES: Final = ("1h", "8h", "1d", "1w")


class PeopleActs:
    """Pages about a person or a group, and what they lead to."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self._session = main.session
        self._client = main.session.client

    async def about_this(self) -> None:
        """About the open conversation: a person or a group."""
        conversation = self._main.acts.opened()
        await (self.group(conversation) if conversation.startswith("+") else self.person(conversation))

    def _shown(self, name: str) -> str:
        return self._session.desk.names.get(name) or name

    async def person(self, name: str) -> None:
        """Everything about a person."""
        person = await self._client.people.person(name)
        info = await self._client.info(name)
        chat, now, zone = self._session.desk.chats.get(name), self._session.now_ms(), self._session.desk.zone
        page = Person(person, info, chat, now, zone)
        match await self._main.app.push_screen_wait(page):
            case "verify":
                await self.verify(name)
            case "key-change":
                await self.key_change(name)
            case "nick":
                nickname = await self._main.app.push_screen_wait(
                    Ask(_("Nickname"), _("Seen only here; empty takes it away."), person.nickname)
                )
                if nickname is not None:
                    await self._client.people.nickname(name, nickname.strip())
            case "block" | "unblock" as act:
                await self._block(name, act == "block")
            case str(act):
                await self.on_chat(act, name)
        await self._again(name)

    async def _block(self, name: str, blocked: bool) -> None:
        text = _("Nothing comes in from {name} any more; they hear nothing of it. In groups they are folded away.")
        question = Confirm(_("Block?"), text.format(name=screen_name(self._shown(name))), _("Block"), _("No"))
        sure = await self._main.app.push_screen_wait(question) if blocked else True
        if sure:
            await self._client.people.block(name, blocked)

    async def _again(self, conversation: str) -> None:
        """Read what may be another now."""
        await self._session.people_changed()
        await self._session.refresh(conversation)

    async def on_chat(self, act: str, conversation: str) -> None:
        """Do something with a conversation."""
        past, now = self._client.past, self._session.now_ms()
        match act:
            case "mute":
                choices = [(span, words.span(span_seconds(span))) for span in MUTES]
                choice = await self._main.app.push_screen_wait(Menu(_("Mute for"), [*choices, ("", _("For good"))]))
                if choice is not None:
                    seconds = span_seconds(choice) if choice else FOREVER_S
                    await past.mute(conversation, now + seconds * 1000)
            case "unmute":
                await past.mute(conversation, 0)
            case "timer":
                await self._timer(conversation)
            case "pinned" | "files":
                await self._main.acts.listed(act)

    async def _timer(self, conversation: str) -> None:
        choices = [
            (span, words.span(span_seconds(span)) if span != "off" else _("New messages stay")) for span in SPANS
        ]
        text = _("New messages disappear on every side after this long. A photograph of a screen does not.")
        choice = await self._main.app.push_screen_wait(Menu(_("Timer"), choices, text))
        if choice is None:
            return
        seconds = span_seconds(choice)
        if conversation.startswith("+"):
            await self._client.groups.set_timer(conversation, seconds)
        else:
            await self._client.talk.set_timer(conversation, seconds)

    async def verify(self, name: str) -> None:
        """Compare keys."""
        value = await self._client.people.verification(name)
        contact = (await self._client.people.person(name)).contact
        page = Verify(self._client, value, contact.trust, self._shown(name), self._session.failed)
        await self._main.app.push_screen_wait(page)
        await self._again(name)

    async def key_change(self, name: str) -> None:
        """A changed key: compare, accept, or later."""
        value = await self._client.people.verification(name)
        now, zone = self._session.now_ms(), self._session.desk.zone
        match await self._main.app.push_screen_wait(KeyChange(trust.change_page(value, self._shown(name), now, zone))):
            case "compare":
                await self.verify(name)
            case "accept":
                await self._client.approve(name)
        await self._again(name)

    async def banner(self, action: Action) -> None:
        """Do what the line above the conversation offers."""
        conversation = self._main.acts.opened()
        match action:
            case "key-change":
                await self.key_change(conversation)
            case "unblock":
                await self._client.people.block(conversation, False)
            case "group":
                await self.group(conversation)
            case "accept":
                await self._answer(conversation)
        await self._again(conversation)

    async def _answer(self, conversation: str) -> None:
        info = self._session.desk.chats[conversation]
        name = screen_name(info.title)
        choices = [("accept", _("Accept")), ("decline", _("Decline; they hear nothing of it"))]
        choice = await self._main.app.push_screen_wait(Menu(_("{name} asks").format(name=name), choices))
        if choice is None:
            return
        room = self._client.groups if info.is_group else self._client.people
        await (room.accept(conversation) if choice == "accept" else room.decline(conversation))

    # --- groups ----------------------------------------------------------------------------------------------

    async def new_group(self) -> str | None:
        """Make a group; returns its id."""
        made = await self._main.app.push_screen_wait(NewGroup())
        return (await self._client.groups.create(*made)).id if made is not None else None

    async def make_group(self) -> None:
        """Make a group and open it."""
        made = await self.new_group()
        if made is not None:
            self._main.open(made)

    async def group(self, conversation: str) -> None:
        """The page of a group, until nothing more is to be done there."""
        while True:
            info = await self._client.groups.info(conversation)
            page = groups.page(info, self._client.name, self._session.desk.names)
            choice = await self._main.app.push_screen_wait(GroupScreen(page))
            if choice is None:
                break
            try:
                await self._on_group(choice, page)
            except SealwireError as error:
                self._session.failed(error)
            await self._again(conversation)

    async def _on_group(self, choice: str, page: groups.GroupPage) -> None:
        api, ask = self._client.groups, self._main.app.push_screen_wait
        match choice:
            case "invite":
                name = await ask(Ask(_("Invite someone"), _("Their account name:")))
                if name:
                    await api.invite(page.id, name.strip())
            case "rename":
                name = await ask(Ask(_("Rename"), _("The new name:"), page.title))
                if name:
                    await api.rename(page.id, name.strip())
            case "topic":
                topic = await ask(Ask(_("Topic"), _("What it is about:")))
                if topic is not None:
                    await api.set_topic(page.id, topic.strip())
            case "timer":
                await self._timer(page.id)
            case "history":
                info = await api.info(page.id)
                await api.share_history(page.id, not info.shares_history)
            case "leave":
                question = Confirm(_("Leave?"), page.title, _("Leave"), _("Stay"))
                if await ask(question):
                    await api.leave(page.id)
            case "accept":
                await api.accept(page.id)
            case "decline":
                await api.decline(page.id)
            case member:
                await self._on_member(member.removeprefix("member:"), page)

    async def _on_member(self, name: str, page: groups.GroupPage) -> None:
        row = next(row for row in page.members if row.name == name)
        choices = [(act, groups.member_act_label(act)) for act in row.acts]
        choice = await self._main.app.push_screen_wait(Menu(row.shown, [*choices, ("", _("Write to them"))]))
        if choice == "":
            self._main.open(name)
        elif choice == "remove":
            await self._client.groups.remove(page.id, name)
        for role in get_args(Role):
            if choice == role:
                await self._client.groups.set_role(page.id, name, role)
