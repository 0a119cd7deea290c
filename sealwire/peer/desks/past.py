"""What was said: conversations, pages, search, how long it is kept. Implements ``peer.api.past``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from sealwire.errors import UsageError
from sealwire.i18n import _
from sealwire.ids import GROUP_MARK
from sealwire.peer import search
from sealwire.peer.api.groups import GroupInfo
from sealwire.peer.api.past import ConversationInfo, Found, Retention
from sealwire.peer.desks.copies import FAR, PAGE, Copies
from sealwire.peer.events import Message

MAX_PAGE: Final = 1_000
"""Messages of one answer: each is held as an object, and the turn waits for it."""


class PastDesk(Copies):
    """``client.past``."""

    # --- conversations ---

    async def conversations(self) -> Sequence[ConversationInfo]:
        """All conversations, the latest first."""
        found = await self._client.do(lambda _now: [self._info(one) for one in self._ids()])
        return sorted(found, key=lambda one: one.last.row if one.last else 0, reverse=True)

    def _ids(self) -> set[str]:
        groups = (group.id for group in self._groups())
        return {*self._store.conversation_ids(), *self._store.drafted(), *groups}

    def _groups(self) -> list[GroupInfo]:
        """Groups one is in or asked into; those one left show while something of them is kept."""
        return [group for group in self._client.groups.known() if group.state in ("invited", "member", "stopped")]

    async def conversation(self, conversation: str) -> ConversationInfo:
        """One of them, also one in which nothing was said yet. Raises UnknownPeerError."""
        place = await self._known(conversation)
        return await self._client.do(lambda _now: self._info(place))

    def _info(self, conversation: str) -> ConversationInfo:
        store = self._store
        last = store.history(conversation, 1, None)
        muted_until_ms, draft, timer_s = store.settings_of(conversation)
        info = ConversationInfo(
            id=conversation,
            title=conversation,
            is_group=conversation.startswith(GROUP_MARK),
            last=last[-1] if last else None,
            unread=store.unread_count(conversation),
            mentions=store.mentions_count(conversation),
            read_row=store.read_up_to(conversation),
            draft=draft,
            timer_s=timer_s,
            muted_until_ms=muted_until_ms,
        )
        return self._of_group(info) if info.is_group else self._of_person(info)

    def _of_group(self, info: ConversationInfo) -> ConversationInfo:
        group = next((one for one in self._client.groups.known() if one.id == info.id), None)
        if group is None:
            return replace(info, can_write=False)
        return replace(
            info,
            title=group.name,
            timer_s=group.timer_s,
            request=group.state == "invited",
            can_write=group.state == "member" and group.role != "read-only",
        )

    def _of_person(self, info: ConversationInfo) -> ConversationInfo:
        engine = self._client.engine
        person, contact = engine.people.find(info.id), engine.contact(info.id)
        is_changed = contact is not None and contact.trust == "changed"
        return replace(
            info,
            title=person.nickname or info.id,
            request=info.last is not None and not engine.people.is_accepted(info.id),
            blocked=person.blocked,
            trust=contact.trust if contact is not None else None,
            can_write=not (person.blocked or is_changed),
        )

    async def mark_read(self, conversation: str, up_to_row: int) -> None:
        """This conversation has been read up to here (receipts go out if they are on)."""
        place = self.at(conversation)
        await self._client.do(lambda now: self._client.engine.mail.mark_read(up_to_row, now, place))

    async def mute(self, conversation: str, until_ms: int) -> None:
        """No notifications until then; 0 ends it."""
        place = await self._known(conversation)
        await self._client.do(lambda _now: self._store.mute(place, max(0, until_ms)))

    # --- pages ---

    async def page(
        self, conversation: str, limit: int = 50, *, before_row: int | None = None, after_row: int | None = None
    ) -> Sequence[Message]:
        """Messages before a row (the last ones without it), or after one; always oldest first."""
        place, count = self.at(conversation), min(limit, MAX_PAGE)
        if after_row is not None:
            return await self._client.do(lambda _now: self._store.history_after(place, count, after_row))
        return await self._client.do(lambda _now: self._store.history(place, count, before_row))

    async def message(self, conversation: str, message_id: str) -> Message | None:
        """One message."""
        try:
            wanted = bytes.fromhex(message_id)
        except ValueError:
            return None
        place = self.at(conversation)
        return await self._client.do(lambda _now: self._store.find_message(place, wanted))

    async def around(self, conversation: str, row: int, limit: int = 50) -> Sequence[Message]:
        """A page with this row in its middle, or nearer to an end when there is no more on that side."""
        count = min(limit, MAX_PAGE)
        before = [*await self.page(conversation, count, before_row=row)] if count > 1 else []
        after = await self.page(conversation, max(count - len(before), count - count // 2), after_row=row - 1)
        return [*before[max(0, len(before) + len(after) - count) :], *after]

    async def row_at(self, conversation: str, ms: int) -> int | None:
        """The first row said at or after a time (jump to date)."""
        place = self.at(conversation)
        return await self._client.do(lambda _now: self._store.row_at(place, ms))

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50, before_row: int | None = None
    ) -> Sequence[Found]:
        """Messages that hold every word of the query or a word that begins with it, accents folded; latest first."""
        place, wanted = self.at(conversation) if conversation is not None else None, search.parse(query)
        if wanted == search.Query():
            return []
        while await self._client.do(lambda _now: self._catch_up()):
            pass  # what came a moment ago must be found too; each round is one short turn
        count, before = min(limit, MAX_PAGE), FAR if before_row is None else before_row
        messages = await self._client.do(lambda _now: self._store.search(wanted, place, count, before))
        return [Found(message, search.marks(message.text, wanted)) for message in messages]

    def _catch_up(self) -> bool:
        self._store.index_words()
        return self._store.words_behind()

    async def pinned(self, conversation: str) -> Sequence[Message]:
        """The pinned messages, latest pin first."""
        place = self.at(conversation)
        return await self._client.do(lambda _now: self._store.pinned_in(place))

    # --- keeping ---

    async def clear(self, conversation: str) -> int:
        """Delete a conversation's messages here, and only here; returns how many."""
        place, count = await self._known(conversation), 0
        while gone := await self._client.do(lambda now: self._store.drop_messages(place, FAR, PAGE, now.ms)):
            count += gone
        return count

    async def retention(self, conversation: str | None, rule: Retention | None = None) -> Retention:
        """The rule of a conversation (None: the default of all), set first when one is given.

        Raises:
            UsageError: a negative number.
            UnknownPeerError, UnknownGroupError, GroupNameError.
        """
        place = await self._known(conversation) if conversation is not None else None
        if rule is not None:
            if rule.days < 0 or rule.messages < 0:
                raise UsageError(_("Days and numbers of messages to keep are 0 (no bound) or more."))
            await self._client.do(lambda now: self._client.engine.keeping.put_rule(place, rule, now.ms))
        return await self._client.do(lambda _now: self._client.engine.keeping.rule(place))
