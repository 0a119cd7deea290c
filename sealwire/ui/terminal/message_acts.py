"""What can be done with a message."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealwire.errors import UsageError
from sealwire.files import user_path
from sealwire.i18n import _
from sealwire.peer.events import Message
from sealwire.ui import views
from sealwire.ui.terminal.about import About
from sealwire.ui.terminal.screens.base import Ask, Confirm, Menu
from sealwire.ui.views import emoji, spoken
from sealwire.ui.views.state import Line

if TYPE_CHECKING:
    from sealwire.ui.terminal.main import MainScreen


class MessageActs:
    """The menu of a message and the letters on a selected one."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self._session = main.session
        self._client = main.session.client

    async def menu(self, message: Message) -> None:
        """Offer what can be done with a message."""
        title = spoken.short(message.text) or _("A message")
        choice = await self._main.app.push_screen_wait(Menu(title, self._message_acts(message)))
        if choice is not None:
            await self.on_message(choice, message)

    def _message_acts(self, message: Message) -> list[tuple[str, str]]:
        own, gone = message.sender == self._client.name, message.deleted
        acts = [] if gone else [("reply", _("Reply")), ("react", _("React")), ("forward", _("Forward"))]
        if own and not gone and message.kind == "text":
            acts.append(("edit", _("Edit")))
        if message.file is not None:
            acts = [*self._file_acts(message), *acts]
        if not gone:
            acts.append(("pin", _("Unpin") if message.pinned else _("Pin")))
            acts.append(("copy", _("Copy the text")))
        if own and not gone:
            acts.append(("delete", _("Delete for everyone")))
        acts.append(("delete here", _("Delete here only")))
        if own and message.state == "queued":
            acts.insert(0, ("cancel", _("Give up: do not send it")))
        if own and message.state == "failed":
            acts.insert(0, ("retry", _("Try again")))
        if message.sender in self._session.desk.blocked:
            acts.insert(0, ("unfold", _("Show messages of blocked people")))
        acts.append(("facts", _("Everything about it")))
        return acts

    def _file_acts(self, message: Message) -> list[tuple[str, str]]:
        assert message.file is not None
        match message.file.state:
            case "offered" | "failed" | "cancelled" if message.sender != self._client.name:
                return [("fetch", _("Get the file"))]
            case "sending" | "receiving" | "waiting":
                return [("pause", _("Pause")), ("stop", _("Give the file up"))]
            case "paused":
                return [("resume", _("Go on")), ("stop", _("Give the file up"))]
            case "done":
                return [("save", _("Save a copy …"))]
            case _:
                return []

    async def on_message(self, act: str, message: Message) -> None:
        """Do something with a message."""
        talk, conversation = self._client.talk, message.conversation
        match act:
            case "reply" if not message.deleted:
                self._main.set_about(About("reply", message))
            case "edit" if message.sender == self._client.name and not message.deleted:
                self._main.set_about(About("edit", message))
            case "react":
                await self._react(message)
            case "pin":
                self._session.take(await talk.pin(conversation, message.id, not message.pinned))
            case "forward":
                await self._forward(message)
            case "copy":
                self._main.app.copy_to_clipboard(message.text)
                self._main.say(Line("system", _("Copied, if this terminal allows it.")))
            case "delete":
                await self._delete(message)
            case "delete here":
                await talk.delete(conversation, message.id, for_everyone=False)
                self._session.forget(message)
            case "cancel":
                self._session.take(await talk.cancel(message.id))
            case "retry":
                await self._client.retry()
            case "unfold":
                self._session.unfold()
            case "facts":
                own, names, now = self._client.name, self._session.desk.names, self._session.now_ms()
                text = spoken.sentence(message, own, names, now, self._session.desk.zone)
                self._session.answer([Line("system", text)])
            case _:
                await self._on_file(act, message)

    async def _react(self, message: Message) -> None:
        own = {one.emoji for one in message.reactions if one.sender == self._client.name}
        choices = [(sign, sign) for sign in emoji.QUICK]
        choices.append((":", _("Another one …")))
        if own:
            choices.append(("off", _("Take mine off")))
        choice = await self._main.app.push_screen_wait(Menu(_("React"), choices))
        if choice == ":":
            asked = await self._main.app.push_screen_wait(Ask(_("React"), _("An emoji, or its name like :tada:")))
            choice = emoji.lookup(asked or "")
            if asked and not choice:
                raise UsageError(_("There is no emoji {name!r}; :tada: and 👍 are some.").format(name=asked[:40]))
        if choice:
            sign = "" if choice == "off" else choice
            self._session.take(await self._client.talk.react(message.conversation, message.id, sign))

    async def _forward(self, message: Message) -> None:
        target = await self._main.acts.pick()
        if target is not None:
            sent = await self._client.talk.forward(message.conversation, message.id, target)
            await self._session.stored(target, sent.id)

    async def _delete(self, message: Message) -> None:
        if message.sender != self._client.name:
            raise UsageError(_("Only its author can delete it for everyone; the menu has: delete here only."))
        text = spoken.short(message.text)
        question = Confirm(_("Delete for everyone?"), text, _("Delete"), _("Keep"))
        if await self._main.app.push_screen_wait(question):
            self._session.take(await self._client.talk.delete(message.conversation, message.id))

    async def _on_file(self, act: str, message: Message) -> None:
        files = self._client.files
        match act:
            case "fetch":
                await files.fetch(message.id)
            case "pause":
                await files.pause(message.id)
            case "resume":
                await files.resume(message.id)
            case "stop":
                await files.cancel(message.id)
            case "save":
                assert message.file is not None
                target = await self._main.app.push_screen_wait(
                    Ask(_("Save a copy"), _("Where to:"), str(Path.home() / message.file.name))
                )
                if target:
                    await files.save_copy(message.id, user_path(target))
                    self._main.say(Line("system", _("Copied to {path}.").format(path=views.screen_text(target))))
