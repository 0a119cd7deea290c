"""The rooms of a client on a stage: words, the past, people, groups and files, answered from one box."""

from __future__ import annotations

import bisect
import os
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sealwire.errors import SealwireError, UnknownPeerError
from sealwire.peer.api.base import Sent, WaitFor
from sealwire.peer.api.groups import GroupInfo, Member, Role
from sealwire.peer.api.past import ConversationInfo, ExportFormat, Found, Retention
from sealwire.peer.api.people import Match, PersonInfo, Verification
from sealwire.peer.events import Attachment, Change, Delivery, File, FileState, Group, Message, Quote, Reaction
from sealwire.testing.stage_box import Box

DIGITS = "123456789012345678901234567890123456789012345678901234567890"


class Room:
    """One side of the box."""

    def __init__(self, box: Box) -> None:
        self._box = box


class TalkRoom(Room):
    """``client.talk``."""

    async def send(
        self,
        conversation: str,
        text: str,
        *,
        reply_to: str | None = None,
        wait: WaitFor = "queued",
        timeout_s: float = 10,
    ) -> Sent:
        """Store an own message; it stays queued until the test says more."""
        self._box.note("send", conversation, text, reply_to)
        quoted = self._box.find(reply_to) if reply_to else None
        quote = Quote(quoted.id, quoted.sender, quoted.text) if quoted else None
        return Sent(self._message(conversation, text, reply_to=quote).id, wait)

    async def edit(self, conversation: str, message_id: str, text: str) -> Message:
        """Other words."""
        self._box.note("edit", conversation, message_id, text)
        return self._change(message_id, "edited", text=text, edited_at_ms=self._box.now_ms())

    async def delete(self, conversation: str, message_id: str, *, for_everyone: bool = True) -> Message:
        """Take back, or forget here."""
        self._box.note("delete", conversation, message_id, for_everyone)
        message = self._change(message_id, "deleted", text="", deleted=True, reactions=(), file=None)
        if not for_everyone:
            self._box.drop(message)
        return message

    async def react(self, conversation: str, message_id: str, emoji: str) -> Message:
        """Set or take off the own reaction."""
        self._box.note("react", conversation, message_id, emoji)
        others = tuple(one for one in self._box.find(message_id).reactions if one.sender != self._box.name)
        own = (Reaction(self._box.name, emoji),) if emoji else ()
        return self._change(message_id, "reaction", reactions=others + own)

    async def pin(self, conversation: str, message_id: str, pinned: bool = True) -> Message:
        """Pin or unpin."""
        self._box.note("pin", conversation, message_id, pinned)
        return self._change(message_id, "pinned", pinned=pinned)

    async def forward(self, conversation: str, message_id: str, to: str) -> Sent:
        """Send a marked copy."""
        self._box.note("forward", conversation, message_id, to)
        return Sent(self._message(to, self._box.find(message_id).text, forwarded=True).id, "queued")

    async def cancel(self, message_id: str) -> Message:
        """Give up a queued one."""
        self._box.note("cancel", message_id)
        message = self._box.put(replace(self._box.find(message_id), state="failed"))
        self._box.events.put_nowait(Delivery(message.id, "failed", message.conversation, "It was cancelled."))
        return message

    async def typing(self, conversation: str, active: bool = True) -> None:
        """Only written down."""
        self._box.note("typing", conversation, active)

    async def set_timer(self, conversation: str, seconds: int) -> None:
        """Set the timer."""
        self._box.note("set_timer", conversation, seconds)
        self._box.set(conversation, timer_s=seconds)

    async def draft(self, conversation: str) -> str:
        """The draft."""
        return self._box.of(conversation).draft

    async def set_draft(self, conversation: str, text: str) -> None:
        """Keep it."""
        self._box.note("set_draft", conversation, text)
        self._box.set(conversation, draft=text)

    def _message(self, conversation: str, text: str, **more: Any) -> Message:
        box = self._box
        message = Message(
            box.new_id(), conversation, box.name, text, box.now_ms(), verified=True, state="queued", **more
        )
        return box.add(message)

    def _change(self, message_id: str, change: Change, **more: Any) -> Message:
        return replace(self._box.put(replace(self._box.find(message_id), **more)), change=change)


class PastRoom(Room):
    """``client.past``."""

    async def conversations(self) -> Sequence[ConversationInfo]:
        """All, the latest first."""
        return self._box.all()

    async def conversation(self, conversation: str) -> ConversationInfo:
        """One."""
        return self._box.info(conversation)

    async def page(
        self, conversation: str, limit: int = 50, *, before_row: int | None = None, after_row: int | None = None
    ) -> Sequence[Message]:
        """A page, oldest first."""
        rows = self._box.messages.get(conversation, [])
        if after_row is not None:
            start = bisect.bisect_right(rows, after_row, key=lambda one: one.row)
            return rows[start : start + limit]
        end = len(rows) if before_row is None else bisect.bisect_left(rows, before_row, key=lambda one: one.row)
        return rows[max(0, end - limit) : end]

    async def message(self, conversation: str, message_id: str) -> Message | None:
        """One message."""
        try:
            return self._box.find(message_id)
        except UnknownPeerError:
            return None

    async def around(self, conversation: str, row: int, limit: int = 50) -> Sequence[Message]:
        """A page with this row in its middle."""
        rows = self._box.messages.get(conversation, [])
        middle = bisect.bisect_left(rows, row, key=lambda one: one.row)
        return rows[max(0, middle - limit // 2) : middle + limit - limit // 2]

    async def row_at(self, conversation: str, ms: int) -> int | None:
        """The first row at or after a time."""
        return next((one.row for one in self._box.messages.get(conversation, []) if one.sent_at_ms >= ms), None)

    async def pinned(self, conversation: str) -> Sequence[Message]:
        """The pinned ones."""
        return [one for one in reversed(self._box.messages.get(conversation, [])) if one.pinned]

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50, before_row: int | None = None
    ) -> Sequence[Found]:
        """Every word of the query begins a word of the text; latest first."""
        words = [_folded(word) for word in query.split()]
        found = []
        for place, rows in self._box.messages.items():
            if conversation not in (None, place):
                continue
            for message in rows:
                marks = _marks(message.text, words)
                if marks and (before_row is None or message.row < before_row):
                    found.append(Found(message, marks))
        return sorted(found, key=lambda one: -one.message.row)[:limit]

    async def mark_read(self, conversation: str, up_to_row: int) -> None:
        """Read up to here."""
        self._box.note("mark_read", conversation, up_to_row)
        self._box.set(conversation, read_row=max(up_to_row, self._box.of(conversation).read_row))

    async def mute(self, conversation: str, until_ms: int) -> None:
        """No notifications until then."""
        self._box.note("mute", conversation, until_ms)
        self._box.set(conversation, muted_until_ms=until_ms)

    async def clear(self, conversation: str) -> int:
        """Forget all of it."""
        self._box.note("clear", conversation)
        return len(self._box.messages.pop(conversation, []))

    async def retention(self, conversation: str | None, rule: Retention | None = None) -> Retention:
        """The rule given last, or none."""
        return self._box.rule(conversation, rule)

    async def export(
        self,
        target: Path,
        kind: ExportFormat,
        conversation: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Only written down."""
        self._box.note("export", target, kind, conversation)
        return len(self._box.messages.get(conversation or "", []))

    async def import_(self, source: Path) -> int:
        """Only written down."""
        self._box.note("import", source)
        return 0

    async def backup(self, target: Path, passphrase: bytes) -> None:
        """Only written down."""
        self._box.note("backup", target)


def _folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))


def _marks(text: str, words: list[str]) -> tuple[tuple[int, int], ...]:
    """Where the words begin words of the text; nothing unless all of them do."""
    marks = []
    for word in words:
        at, hit = 0, False
        for piece in text.split():
            at = text.index(piece, at)
            if _folded(piece).startswith(word):
                marks.append((at, at + len(word)))
                hit = True
            at += len(piece)
        if not hit:
            return ()
    return tuple(sorted(marks))


class PeopleRoom(Room):
    """``client.people``."""

    async def person(self, name: str) -> PersonInfo:
        """One."""
        settings = self._box.of(name)
        return PersonInfo(self._box.contact(name), settings.nickname, settings.request, settings.blocked)

    async def people(self) -> list[PersonInfo]:
        """Everyone, by name."""
        return [await self.person(name) for name in sorted(self._box.contacts)]

    async def accept(self, name: str) -> PersonInfo:
        """Answer a request."""
        return await self._set(name, "accept", request=False)

    async def decline(self, name: str) -> PersonInfo:
        """Refuse it."""
        return await self._set(name, "decline", request=False, blocked=True)

    async def block(self, name: str, blocked: bool = True) -> PersonInfo:
        """Take nothing more, or again."""
        return await self._set(name, "block", blocked=blocked)

    async def nickname(self, name: str, nickname: str) -> PersonInfo:
        """A name of one's own."""
        return await self._set(name, "nickname", nickname=nickname)

    async def verification(self, name: str) -> Verification:
        """The same digits for everyone."""
        contact = self._box.contact(name)
        causes = ("A new device or a new installation.", "Somebody in between.") if contact.trust == "changed" else ()
        return Verification(name, DIGITS, f"SEALWIRE-VERIFY:1:{name}:{DIGITS}", contact.changed_ms, causes)

    async def check_code(self, name: str, code: str) -> Match:
        """The code shown is the right one."""
        self._box.note("check_code", name, code)
        if not code.startswith("SEALWIRE-VERIFY:"):
            return "not-a-code"
        if DIGITS not in code:
            return "different"
        self._box.know(name, "verified")
        return "same"

    async def share_presence(self, shared: bool | None = None) -> bool:
        """Off, or what was asked."""
        return bool(shared)

    async def _set(self, name: str, verb: str, **changes: Any) -> PersonInfo:
        self._box.contact(name)
        self._box.note(verb, name, *changes.values())
        self._box.set(name, **changes)
        return await self.person(name)


class GroupsRoom(Room):
    """``client.groups``: every right is granted."""

    async def settle(self, timeout_s: float) -> bool:
        """Everybody knows at once."""
        return True

    async def create(self, name: str, members: Sequence[str] = ()) -> GroupInfo:
        """Make one."""
        group_id = f"+{len(self._box.groups) + 1:032x}"
        own = Member(self._box.name, "owner")
        asked = tuple(Member(member, "member", invited=True) for member in members)
        info = GroupInfo(
            group_id, name, "", "member", "owner", (own, *asked), None, 1, 0, shares_history=False, head="0" * 64
        )
        self._box.note("create", name, tuple(members))
        self._box.groups[group_id] = info
        self._tell(info, "created")
        return info

    async def all(self) -> Sequence[GroupInfo]:
        """Every one."""
        return list(self._box.groups.values())

    async def info(self, group: str) -> GroupInfo:
        """One, by id or + and its name."""
        for info in self._box.groups.values():
            if group in (info.id, "+" + info.name):
                return info
        raise UnknownPeerError(name=group)

    async def invite(self, group: str, name: str, role: Role = "member") -> GroupInfo:
        """Ask somebody in."""
        info = await self.info(group)
        members = (*info.members, Member(name, role, invited=True))
        return self._put("invite", info, name, members=members)

    async def accept(self, group: str) -> GroupInfo:
        """Join."""
        return self._put("accept", await self.info(group), state="member")

    async def decline(self, group: str) -> GroupInfo:
        """Do not."""
        return self._put("decline", await self.info(group), state="left")

    async def leave(self, group: str) -> GroupInfo:
        """Leave."""
        return self._put("leave", await self.info(group), state="left")

    async def remove(self, group: str, name: str) -> GroupInfo:
        """Put somebody out."""
        info = await self.info(group)
        members = tuple(one for one in info.members if one.name != name)
        return self._put("remove", info, name, members=members)

    async def set_role(self, group: str, name: str, role: Role) -> GroupInfo:
        """Change a role."""
        info = await self.info(group)
        members = tuple(replace(one, role=role) if one.name == name else one for one in info.members)
        return self._put("role", info, name, role, members=members)

    async def rename(self, group: str, name: str) -> GroupInfo:
        """Another name."""
        return self._put("rename", await self.info(group), name, name=name)

    async def set_topic(self, group: str, topic: str) -> GroupInfo:
        """What it is about."""
        return self._put("topic", await self.info(group), topic, topic=topic)

    async def set_timer(self, group: str, seconds: int) -> GroupInfo:
        """The timer."""
        return self._put("timer", await self.info(group), seconds, timer_s=seconds)

    async def share_history(self, group: str, shared: bool) -> GroupInfo:
        """The history for newcomers."""
        return self._put("history", await self.info(group), shared, shares_history=shared)

    def _put(self, _verb: str, _info: GroupInfo, *words: object, **changes: Any) -> GroupInfo:
        self._box.note(f"group {_verb}", _info.id, *words)
        self._box.groups[_info.id] = replace(_info, **changes)
        return self._box.groups[_info.id]

    def _tell(self, info: GroupInfo, change: Any) -> None:
        self._box.events.put_nowait(Group(info.id, info.name, change, by=self._box.name))


class FilesRoom(Room):
    """``client.files``: nothing moves by itself."""

    async def send(
        self,
        conversation: str,
        source: Path,
        *,
        caption: str = "",
        name: str | None = None,
        reply_to: str | None = None,
        wait: WaitFor = "queued",
        timeout_s: float = 10,
    ) -> Sent:
        """An own message with a file that is on its way."""
        box = self._box
        box.note("send file", conversation, source, caption)
        try:
            size = os.stat(source).st_size
        except OSError as error:
            raise SealwireError(detail=f"{source}: {error.strerror}") from None
        carried = Attachment(name or source.name, size, "application/octet-stream", "sending", path=str(source))
        message = Message(
            box.new_id(),
            conversation,
            box.name,
            caption,
            box.now_ms(),
            verified=True,
            state="queued",
            kind="file",
            file=carried,
        )
        return Sent(box.add(message).id, "queued")

    async def spool(self) -> Path:
        """A path of nothing."""
        return Path("spooled")

    async def fetch(self, message_id: str, target: Path | None = None, *, timeout_s: float | None = None) -> File:
        """Whole at once."""
        self._box.note("fetch", message_id, target)
        return self._move(message_id, "done", str(target or "files"))

    async def pause(self, message_id: str) -> None:
        """Stop."""
        self._box.note("pause", message_id)
        self._move(message_id, "paused")

    async def resume(self, message_id: str) -> None:
        """Go on."""
        self._box.note("resume", message_id)
        self._move(message_id, "receiving")

    async def cancel(self, message_id: str) -> None:
        """Give up."""
        self._box.note("cancel file", message_id)
        self._move(message_id, "cancelled")

    async def save_copy(self, message_id: str, target: Path) -> None:
        """Only written down."""
        self._box.note("save_copy", message_id, target)

    async def of(self, conversation: str, limit: int = 200) -> Sequence[Message]:
        """Messages with files, latest first."""
        return [one for one in reversed(self._box.messages.get(conversation, [])) if one.file][:limit]

    def _move(self, message_id: str, state: FileState, path: str | None = None) -> File:
        message = self._box.find(message_id)
        assert message.file is not None
        done = message.file.size_bytes if state == "done" else message.file.done_bytes
        carried = replace(message.file, state=state, path=path or message.file.path, done_bytes=done)
        self._box.put(replace(message, file=carried))
        event = File(message.id, message.conversation, carried.name, state, done, carried.size_bytes, carried.path)
        self._box.events.put_nowait(event)
        return event
