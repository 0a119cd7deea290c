"""Carries out what a line asked for, for every interface that has a line to type in: orders in, sentences out."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Final, Protocol, get_args

from sealwire.errors import InviteNeedsOperatorError, UsageError
from sealwire.files import user_path
from sealwire.i18n import _, ngettext
from sealwire.peer.api import FullClient
from sealwire.peer.api.groups import Role
from sealwire.peer.api.past import ExportFormat, Retention
from sealwire.peer.events import Message
from sealwire.ui.views import chats, emoji, sentences, spoken, words
from sealwire.ui.views.commands import FOREVER_S, Order, day_ms, misused, span_seconds, usage
from sealwire.ui.views.safe import screen_name, screen_text
from sealwire.ui.views.state import Line
from sealwire.ui.views.trust import compare_lines, match_sentence

FOUND: Final = 20
"""Search results shown at once; more words find fewer."""
LISTED: Final = 50
_VERDICTS: Final = frozenset({"verified", "unverified", "code"})
"""What the words after ``/verify NAME`` make of it."""


Work = Callable[[], Awaitable[list[str]]]
"""Does something and returns what to say about it; raises SealwireError."""


class Place(Protocol):
    """Where an order was given: the open conversation, and which message is meant."""

    @property
    def current(self) -> str | None:
        """The open conversation."""

    def message(self, number: int | None, *, own: bool | None = None, file: bool = False) -> tuple[str, str]:
        """Return (conversation, id) of a message by its number, or of the last one that fits.

        Args:
            number: as the interface counts; None for the last one.
            own: True for own messages only, False for those of others only.
            file: only messages that carry one.

        Raises:
            UsageError: there is none.
        """

    def show(self, message: Message) -> None:
        """A message is shown again, with a number: part of a history, a search, a list."""

    async def beside(self, work: Work) -> list[str]:
        """Carry out what may take as long as it takes, so that what is typed next does not wait for it.

        Returns:
            What to say about it, or nothing where it is said when it is done.
        """

    async def passphrase(self) -> bytes:
        """Ask for a new passphrase, twice. Raises UsageError when nobody can be asked."""


Does = Callable[[Order], Awaitable[list[str]]]


class Orders:
    """The commands of ``views.commands`` against a client. Raises what the client raises."""

    def __init__(
        self,
        client: FullClient,
        place: Place,
        now_ms: Callable[[], int] | None = None,
        invite: Work | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        self._client = client
        self._zone = zone
        self._invite = invite
        self._place = place
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        self._digits: dict[str, str] = {}
        """Safety numbers as they were shown: a person's yes is about those."""
        self._does: Mapping[str, Does] = {
            **dict.fromkeys(("reply", "edit", "delete", "react", "pin", "unpin", "forward", "cancel"), self._talk),
            **dict.fromkeys(("chats", "contacts", "history", "search", "date", "pinned", "who", "files"), self._look),
            **dict.fromkeys(("info", "verify", "verified", "unverified", "code", "approve", "nick"), self._person),
            **dict.fromkeys(("requests", "accept", "decline", "block", "unblock", "presence"), self._person),
            **dict.fromkeys(("file", "fetch", "save", "pause", "resume", "stop"), self._file),
            **dict.fromkeys(("mute", "unmute", "timer", "keep", "clear", "export", "import", "backup"), self._here),
            **dict.fromkeys(("retry", "status", "invite", "help"), self._program),
            "groups": self._groups,
        }

    async def do(self, order: Order) -> list[Line]:
        """Carry out an order; return what to say about it.

        Raises:
            SealwireError: it cannot be done; the sentence says why.
        """
        does = self._group if order.verb.startswith("group ") else self._does[order.verb]
        return [Line("system", text) for text in await does(order)]

    def _current(self) -> str:
        if self._place.current is None:
            raise UsageError(_("Say first who it is for: /to NAME, or @NAME and the text."))
        return self._place.current

    async def _resolved(self, who: str | None) -> str:
        """Return the id of a conversation that was named, or of the open one."""
        if who is None:
            return self._current()
        return (await self._client.groups.info(who)).id if who.startswith("+") else who

    # --- words -----------------------------------------------------------------------------------------------

    async def _talk(self, order: Order) -> list[str]:
        talk, find = self._client.talk, self._place.message
        match order.verb:
            case "reply":
                conversation, message_id = find(order.number, own=None if order.number else False)
                sent = await talk.send(conversation, emoji.replaced(order.text), reply_to=message_id)
                self._place.show(await self._fetched(conversation, sent.id))
                return []
            case "edit":
                conversation, message_id = find(order.number, own=True)
                await talk.edit(conversation, message_id, emoji.replaced(order.text))
                return [_("Edited.")]
            case "delete":
                here = order.text == "here"
                conversation, message_id = find(order.number, own=None if here else True)
                await talk.delete(conversation, message_id, for_everyone=not here)
                return [_("Deleted here.") if here else _("Deleted for everyone.")]
            case "react":
                return [await self._react(order)]
            case "pin" | "unpin":
                conversation, message_id = find(order.number)
                await talk.pin(conversation, message_id, order.verb == "pin")
                return [_("Pinned.") if order.verb == "pin" else _("Unpinned.")]
            case "forward":
                conversation, message_id = find(order.number)
                target = await self._resolved(order.who)
                sent = await talk.forward(conversation, message_id, target)
                self._place.show(await self._fetched(target, sent.id))
                return []
        await talk.cancel(find(order.number, own=True)[1])
        return [_("Given up: it is not sent.")]

    async def _fetched(self, conversation: str, message_id: str) -> Message:
        message = await self._client.past.message(conversation, message_id)
        assert message is not None, "it was just stored"
        return message

    async def _react(self, order: Order) -> str:
        conversation, message_id = self._place.message(order.number, own=None if order.number else False)
        if order.text == "off":
            await self._client.talk.react(conversation, message_id, "")
            return _("The reaction is taken off.")
        sign = emoji.lookup(order.text)
        if not sign:
            raise UsageError(_("There is no emoji {name!r}; :tada: and 👍 are some.").format(name=order.text[:40]))
        await self._client.talk.react(conversation, message_id, sign)
        return _("You reacted with {emoji}.").format(emoji=sign)

    # --- looking ---------------------------------------------------------------------------------------------

    async def _look(self, order: Order) -> list[str]:
        past = self._client.past
        match order.verb:
            case "chats":
                glance = chats.Glance(self._client.name, self._now_ms(), open=self._place.current)
                rows = chats.rows(await past.conversations(), glance)
                return [row.spoken for row in rows[:LISTED]] or [_("No conversations yet. /to NAME begins one.")]
            case "contacts":
                names = await self._names()
                known = [sentences.contact_line(one, names.get(one.name, "")) for one in await self._client.contacts()]
                return known or [_("Nobody yet. /to NAME writes to someone.")]
            case "history":
                return self._all(await past.page(self._current(), order.number or 0), self._nothing_said())
            case "search":
                found = await past.search(order.text, None, FOUND)
                messages = [one.message for one in reversed(found)]
                return self._all(messages, _("Nothing found for {query}.").format(query=screen_text(order.text)))
            case "date":
                return await self._from_day(order.text)
            case "pinned":
                return self._all(await past.pinned(self._current()), _("Nothing is pinned here."))
            case "files":
                files = await self._client.files.of(self._current(), LISTED)
                return self._all(list(reversed(files)), _("No files here."))
        conversation, message_id = self._place.message(order.number)
        message = await self._fetched(conversation, message_id)
        return [spoken.sentence(message, self._client.name, await self._names(), self._now_ms(), None)]

    async def _names(self) -> dict[str, str]:
        """Nicknames by account name."""
        return {one.contact.name: one.nickname for one in await self._client.people.people() if one.nickname}

    def _all(self, messages: object, nothing: str) -> list[str]:
        assert isinstance(messages, list | tuple)
        for message in messages:
            self._place.show(message)
        return [] if messages else [nothing]

    def _nothing_said(self) -> str:
        return _("No messages with {name} yet.").format(name=screen_name(self._place.current or ""))

    async def _from_day(self, text: str) -> list[str]:
        conversation = self._current()
        row = await self._client.past.row_at(conversation, day_ms(text, None))
        if row is None:
            return [_("Nothing was said here from that day on.")]
        return self._all(list(await self._client.past.page(conversation, LISTED, after_row=row - 1)), "")

    # --- people ----------------------------------------------------------------------------------------------

    async def _person(self, order: Order) -> list[str]:
        people = self._client.people
        match order.verb:
            case "requests":
                return await self._requests()
            case "presence":
                shared = await people.share_presence(None if not order.text else order.text == "on")
                return [_("Others see when you are online.") if shared else _("Nobody sees when you are online.")]
            case "accept" | "decline" if (await self._resolved(order.who)).startswith("+"):
                return await self._group(Order(f"group {order.verb}", who=await self._resolved(order.who)))
        name = await self._resolved(order.who)
        if name.startswith("+"):
            return await self._of_group(order.verb, name)
        shown = screen_name(name)
        match order.verb:
            case "info":
                session = sentences.session(await self._client.info(name), self._now_ms(), self._zone)
                timer_s = (await self._client.past.conversation(name)).timer_s
                here = sentences.presence(await people.person(name), self._now_ms(), self._zone)
                return [*session, *here, sentences.timer(timer_s)]
            case "verify":
                number = await self._client.safety_number(name)
                self._digits[name] = number.digits
                value = await people.verification(name)
                below = compare_lines(value, number.trust, name, self._now_ms(), self._zone)
                last = _("When both are the same: /verify {name} yes").format(name=name)
                return [*sentences.safety(number), *below, last]
            case "verified" | "unverified":
                is_same, digits = order.verb == "verified", self._digits.get(name)
                return [sentences.contact_line(await self._client.set_verified(name, is_same, digits))]
            case "code":
                return [match_sentence(await people.check_code(name, order.text), name)]
            case "approve":
                return [sentences.contact_line(await self._client.approve(name))]
            case "nick":
                person = await people.nickname(name, order.text)
                if not person.nickname:
                    return [_("{name} has no nickname here now.").format(name=shown)]
                return [_("{name} is {nickname} here now.").format(name=shown, nickname=screen_name(person.nickname))]
            case "accept":
                await people.accept(name)
                return [_("You accepted {name}.").format(name=shown)]
            case "decline":
                await people.decline(name)
                return [_("You declined {name}; they hear nothing of it and are blocked.").format(name=shown)]
        blocked = order.verb == "block"
        await people.block(name, blocked)
        return [(_("{name} is blocked.") if blocked else _("{name} is not blocked any more.")).format(name=shown)]

    async def _of_group(self, verb: str, group: str) -> list[str]:
        """A command about one person, given where a group is open: only ``/info`` has an answer for it."""
        if verb != "info":
            raise misused("verify" if verb in _VERDICTS else verb)
        return sentences.group_lines(await self._client.groups.info(group))

    async def _requests(self) -> list[str]:
        asking = chats.requests(await self._client.past.conversations())
        lines = []
        for info in asking:
            form = (
                _("You are invited to +{name}: /accept +{name} or /decline +{name}.")
                if info.is_group
                else _("{name} asks to talk to you: /accept {name} or /decline {name}.")
            )
            lines.append(form.format(name=screen_name(info.title if info.is_group else info.id)))
        return lines or [_("Nobody asks to talk to you.")]

    # --- files -----------------------------------------------------------------------------------------------

    async def _file(self, order: Order) -> list[str]:
        files = self._client.files
        if order.verb == "file":
            conversation = self._current()
            sent = await files.send(conversation, user_path(order.path), caption=emoji.replaced(order.text))
            self._place.show(await self._fetched(conversation, sent.id))
            return []
        conversation, message_id = self._place.message(order.number, file=True)
        match order.verb:
            case "fetch":
                target = user_path(order.path) if order.path else None
                return await self._place.beside(partial(self._fetch, message_id, target))
            case "save":
                await files.save_copy(message_id, user_path(order.path))
                return [_("Copied to {path}.").format(path=screen_text(order.path))]
        return [await self._move(order.verb, conversation, message_id)]

    async def _move(self, verb: str, conversation: str, message_id: str) -> str:
        """Pause a file, let it go on, or give it up; one's own can be taken from the broker when it is whole, too."""
        files, message = self._client.files, await self._client.past.message(conversation, message_id)
        is_own = message is not None and message.sender == self._client.name
        if message is not None and message.file and message.file.state == "done" and not (is_own and verb == "stop"):
            raise UsageError(_("This file moves no more: it is complete."))
        match verb:
            case "pause":
                await files.pause(message_id)
                return _("Paused; what is here stays.")
            case "resume":
                await files.resume(message_id)
                return _("It goes on.")
        await files.cancel(message_id)
        if is_own:
            return _("Given up: whoever has not fetched it yet gets it no more.")
        return _("Given up; what was here of it is deleted.")

    async def _fetch(self, message_id: str, target: Path | None) -> list[str]:
        done = await self._client.files.fetch(message_id, target)
        return [_("{name} is here: {path}").format(name=screen_name(done.name), path=screen_text(done.path or ""))]

    # --- groups ----------------------------------------------------------------------------------------------

    async def _groups(self, order: Order) -> list[str]:
        lines = [sentences.group_line(info) for info in await self._client.groups.all()]
        return lines or [_("No groups yet. /group new NAME makes one.")]

    async def _group(self, order: Order) -> list[str]:
        groups, what = self._client.groups, order.verb.removeprefix("group ")
        if what == "new":
            return await self._new_group(order.text)
        group = await self._resolved(order.who)
        if not group.startswith("+"):
            raise UsageError(_("This is not a group. /to +NAME opens one, /groups lists them."))
        first, _blank, rest = order.text.partition(" ")
        match what:
            case "info":
                return sentences.group_lines(await groups.info(group))
            case "invite":
                await groups.invite(group, first)
                return [_("{name} is asked to join.").format(name=screen_name(first))]
            case "remove":
                await groups.remove(group, first)
                return [_("{name} is out; what is said from now on they cannot read.").format(name=screen_name(first))]
            case "role":
                return [await self._role(group, first, rest.strip())]
            case "name":
                info = await groups.rename(group, order.text)
                return [_("The group is called {name} now.").format(name=screen_name(info.name))]
            case "topic":
                info = await groups.set_topic(group, order.text)
                return [_("The topic is: {topic}").format(topic=screen_text(info.topic))]
            case "timer":
                return await self._here(Order("timer", who=group, seconds=span_seconds(order.text)))
            case "history":
                info = await groups.share_history(group, order.text == "on")
                return [sentences.shares_history(info.shares_history)]
            case "accept":
                info = await groups.accept(group)
                return [_("You are in {name} now.").format(name=screen_name(info.name))]
            case "decline":
                info = await groups.decline(group)
                return [_("You do not join {name}.").format(name=screen_name(info.name))]
        info = await groups.leave(group)
        return [_("You left {name}.").format(name=screen_name(info.name))]

    async def _new_group(self, text: str) -> list[str]:
        """``NAME: bob carol`` invites at once; without a colon all of it is the name."""
        name, _colon, members = text.partition(":")
        info = await self._client.groups.create(name.strip(), members.split())
        return [_("The group {name} is made. /to +{name} writes to it.").format(name=screen_name(info.name))]

    async def _role(self, group: str, name: str, role: str) -> str:
        for known in get_args(Role):
            if role == known:
                await self._client.groups.set_role(group, name, known)
                return _("{name}: {role}.").format(name=screen_name(name), role=sentences.role_word(known))
        raise UsageError(_("A role is owner, admin, member or read-only."))

    # --- this conversation, and the program ------------------------------------------------------------------

    async def _here(self, order: Order) -> list[str]:
        past = self._client.past
        match order.verb:
            case "mute":
                await past.mute(self._current(), self._now_ms() + order.seconds * 1000)
                if order.seconds >= FOREVER_S:
                    return [_("Muted. /unmute ends it.")]
                return [_("Muted for {span}.").format(span=words.span(order.seconds))]
            case "unmute":
                await past.mute(self._current(), 0)
                return [_("Not muted any more.")]
            case "timer":
                return [await self._timer(await self._resolved(order.who), order.seconds)]
            case "keep":
                rule = await past.retention(self._current())
                if order.number is not None:
                    rule = await past.retention(self._current(), Retention(order.number, rule.messages))
                return [sentences.kept(rule.days)]
            case "clear":
                if order.text != "yes":
                    raise UsageError(_("/clear yes deletes this conversation here, and only here."))
                count = await past.clear(self._current())
                return [
                    ngettext("{n} message is deleted here.", "{n} messages are deleted here.", count).format(n=count)
                ]
            case "export":
                kind: ExportFormat = "json" if order.text == "json" else "html" if order.text == "html" else "text"
                count = await past.export(user_path(order.path), kind, self._current())
                text = ngettext("{n} message is in {path}, in clear.", "{n} messages are in {path}, in clear.", count)
                return [text.format(n=count, path=screen_text(order.path))]
            case "import":
                count = await past.import_(user_path(order.path))
                return [ngettext("{n} message was new here.", "{n} messages were new here.", count).format(n=count)]
        await past.backup(user_path(order.path), await self._place.passphrase())
        return [_("The backup is in {path}.").format(path=screen_text(order.path))]

    async def _timer(self, conversation: str, seconds: int) -> str:
        if conversation.startswith("+"):
            await self._client.groups.set_timer(conversation, seconds)
        else:
            await self._client.talk.set_timer(conversation, seconds)
        return sentences.timer(seconds)

    async def _program(self, order: Order) -> list[str]:
        match order.verb:
            case "retry":
                count = await self._client.retry()
                return [ngettext("{n} message is tried again.", "{n} messages are tried again.", count).format(n=count)]
            case "status":
                return sentences.status(await self._client.status())
            case "invite":
                if self._invite is None:  # a pipe has no way to the broker's administration
                    raise InviteNeedsOperatorError(address=(await self._client.status()).broker)
                return await self._invite()
        return usage(order.text)
