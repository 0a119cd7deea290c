"""What can be done with words. Implements ``peer.api.talk``.

What is asked becomes a command of the next turn; its answer comes after that turn's commit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sealwire.errors import (
    BlockedPeerError,
    BrokerUnreachableError,
    NotReachedError,
    SealwireError,
    TextTooLongError,
    UnknownPeerError,
    UntrustedPeerError,
    UsageError,
)
from sealwire.errors.words import MessageFailedError
from sealwire.i18n import _
from sealwire.ids import GROUP_MARK, MessageId
from sealwire.peer.api.base import Sent, WaitFor
from sealwire.peer.events import STATE_RANK, DeliveryState, Message
from sealwire.peer.meetings import Meetings
from sealwire.peer.publisher import Reached
from sealwire.peer.records import Now
from sealwire.peer.timers import is_length
from sealwire.wire.word_content import MAX_TEXT_BYTES

if TYPE_CHECKING:
    from sealwire.peer.client import Client

LOOK_S: Final = 0.2
"""Between two looks at something that no event announces."""
FIRST_LINK_S: Final = 5.0
"""For the outcome of a first connection, before a message to somebody never seen is queued unasked."""
MAX_DRAFT_BYTES: Final = 64 * 1024
"""A draft longer than four messages is a file; without a bound a paste would be written to disk at every key."""


class TalkDesk:
    """``client.talk``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._meetings = Meetings()

    # --- new messages ---

    async def send(
        self,
        conversation: str,
        text: str,
        *,
        reply_to: str | None = None,
        wait: WaitFor = "queued",
        timeout_s: float = 10,
    ) -> Sent:
        """Like ``ClientApi.send_text``, to a person or a group; ``reply_to`` quotes a message of this conversation."""
        place = self._client.place(conversation)
        _check_text(text)

        def say(now: Now) -> MessageId:
            return self._client.engine.words.say(place, text, now, answers=reply_to)

        return await self._send(place, say, wait, timeout_s)

    async def forward(self, conversation: str, message_id: str, to: str) -> Sent:
        """Send a copy that is marked as forwarded and claims no author; a file goes as a file of its own."""
        source, target = self._client.place(conversation), self._client.place(to)
        row = await self._client.do(lambda _now: self._client.engine.words.named(source, message_id))
        if row.kind == "file":
            return await self._client.files.forward(row, target)

        def pass_on(now: Now) -> MessageId:
            return self._client.engine.words.forward(source, message_id, target, now)

        return await self._send(target, pass_on, "queued", FIRST_LINK_S)

    async def _send(self, place: str, say: Callable[[Now], MessageId], wait: WaitFor, timeout_s: float) -> Sent:
        if wait == "queued":
            return Sent((await self.queue(place, say, timeout_s)).hex(), "queued")
        ends, publisher = time.monotonic() + timeout_s, self._client.turns.publisher
        waiting: list[tuple[str, Reached]] = []

        def say_and_watch(now: Now) -> MessageId:
            said = say(now)
            waiting.append((said.hex(), publisher.reached(said.hex(), STATE_RANK[wait])))
            return said

        try:
            await self.queue(place, say_and_watch, timeout_s)
            message_id, reached = waiting[0]
            delivery = await asyncio.wait_for(reached, max(0.001, ends - time.monotonic()))
        except TimeoutError:
            raise self.late(place, wait, timeout_s) from None
        finally:
            for message_id, reached in waiting:
                publisher.forget(message_id, reached)
        return self._outcome(message_id, place, delivery.state, delivery.reason)

    async def queue(self, place: str, say: Callable[[Now], MessageId], timeout_s: float) -> MessageId:
        """Make something said durable; the directory is asked first about somebody never seen.

        Raises:
            BlockedPeerError, UnknownPeerError, UntrustedPeerError, and what ``say`` raises.
        """
        if place.startswith(GROUP_MARK):
            queued = self._client.turns.submit(say)
        else:
            queued = await self._to_person(place, say, timeout_s)
        return await queued

    async def _to_person(
        self, name: str, say: Callable[[Now], MessageId], timeout_s: float
    ) -> asyncio.Future[MessageId]:
        if self._client.engine.people.is_blocked(name):
            raise BlockedPeerError(name=name)
        async with self._meetings.with_(name):
            if self._client.engine.contact(name) is None and await self._has_link(min(timeout_s, FIRST_LINK_S)):
                error = await self._client.resolve(name, timeout_s)
                if error is not None:
                    raise error
            if self._client.is_in_question(name):
                raise UntrustedPeerError(name=name)
            return self._client.turns.submit(say)

    async def _has_link(self, timeout_s: float) -> bool:
        """Whether there is a link; a process that was just started waits for the outcome of its first attempt."""
        turns, ends = self._client.turns, time.monotonic() + timeout_s
        while turns.started and turns.is_trying and time.monotonic() < ends:
            await turns.publisher.news(min(LOOK_S, ends - time.monotonic()))
        return self._client.engine.online

    async def await_state(self, message_id: str, place: str, wait: WaitFor, timeout_s: float, ends: float) -> Sent:
        """Wait until an own message is as far as that.

        Raises:
            UnknownPeerError, MessageFailedError, and those of :meth:`late`.
        """
        rank, publisher = STATE_RANK[wait], self._client.turns.publisher
        reached = publisher.reached(message_id, rank)
        try:
            wanted = MessageId(bytes.fromhex(message_id))
            message = await self._client.do(lambda _now: self._client.store.own_message(wanted))
            if message is not None and message.state and STATE_RANK[message.state] >= rank:  # before we began to wait
                state, reason = message.state, await self._client.do(lambda _now: self._client.store.reason(wanted))
            else:
                delivery = await asyncio.wait_for(reached, max(0.001, ends - time.monotonic()))
                state, reason = delivery.state, delivery.reason
        except TimeoutError:
            raise self.late(place, wait, timeout_s) from None
        finally:
            publisher.forget(message_id, reached)
        return self._outcome(message_id, place, state, reason)

    def _outcome(self, message_id: str, place: str, state: DeliveryState, reason: str | None) -> Sent:
        if state != "failed":
            return Sent(message_id, state)
        if not place.startswith(GROUP_MARK) and self._client.engine.contact(place) is None:
            raise UnknownPeerError(name=place)
        raise MessageFailedError(reason or _("its reason is not known"))

    def late(self, place: str, wait: WaitFor, timeout_s: float) -> SealwireError:
        """Why something was not reached in time."""
        if self._client.is_in_question(place):
            return UntrustedPeerError(name=place)
        if not self._client.engine.online:
            failure = self._client.turns.failure()
            return failure or BrokerUnreachableError(address=self._client.profile.broker_address)
        return NotReachedError(state=_state_word(wait), seconds=f"{timeout_s:g}")

    # --- messages there are ---

    async def edit(self, conversation: str, message_id: str, text: str) -> Message:
        """Put other words in place of an own message, here and with everyone who has it."""
        place = self._client.place(conversation)
        _check_text(text)
        return await self._client.do(lambda now: self._client.engine.words.edit(place, message_id, text, now))

    async def delete(self, conversation: str, message_id: str, *, for_everyone: bool = True) -> Message:
        """Take an own message back everywhere (its place stays, marked); without ``for_everyone`` any, only here."""
        place, everywhere = self._client.place(conversation), for_everyone
        return await self._client.do(lambda now: self._client.engine.words.delete(place, message_id, now, everywhere))

    async def react(self, conversation: str, message_id: str, emoji: str) -> Message:
        """Set the own reaction to a message; the empty text takes it off."""
        place = self._client.place(conversation)
        return await self._client.do(lambda now: self._client.engine.words.react(place, message_id, emoji, now))

    async def pin(self, conversation: str, message_id: str, pinned: bool = True) -> Message:
        """Pin a message for everyone in the conversation, or unpin it."""
        place = self._client.place(conversation)
        return await self._client.do(lambda now: self._client.engine.words.pin(place, message_id, pinned, now))

    async def cancel(self, message_id: str) -> Message:
        """Give up an own message that is still queued: it fails with the reason that it was cancelled."""
        return await self._client.do(lambda _now: self._client.engine.words.cancel(message_id))

    # --- the conversation ---

    async def typing(self, conversation: str, active: bool = True) -> None:
        """Show that one is writing, unless that is switched off (``peer.typing``) or nobody is there."""
        place = self._client.place(conversation)
        await self._client.do(lambda now: self._client.engine.whispers.typing(place, active, now))

    async def set_timer(self, conversation: str, seconds: int) -> None:
        """Let new messages of this conversation disappear after this long on every side; 0 switches it off."""
        place = self._client.place(conversation)
        if not is_length(seconds):
            raise UsageError(_("A timer is 5 seconds to 366 days, or 0 for none."))
        if place.startswith(GROUP_MARK):
            await self._client.groups.set_timer(place, seconds)
            return
        name = (await self._client.known(place)).name
        await self._client.do(lambda now: self._client.engine.words.set_timer(name, seconds, now))

    async def draft(self, conversation: str) -> str:
        """What was written and not sent."""
        place = self._client.place(conversation)
        return await self._client.do(lambda _now: self._client.store.draft(place))

    async def set_draft(self, conversation: str, text: str) -> None:
        """Keep it over restarts; the empty text forgets it."""
        place = self._client.place(conversation)
        if text:
            _check_text(text, MAX_DRAFT_BYTES)
        await self._client.do(lambda _now: self._client.store.put_draft(place, text))


def _check_text(text: str, limit: int = MAX_TEXT_BYTES) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        size = 0  # half a character, which no UTF-8 text holds
    if size == 0:
        raise UsageError(_("There is nothing to send: the text is empty or not valid Unicode."))
    if size > limit:
        raise TextTooLongError(size=size, limit=limit)


def _state_word(state: WaitFor) -> str:
    return {"sent": _("sent"), "delivered": _("delivered"), "read": _("read")}.get(state, state)
