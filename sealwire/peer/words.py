"""Words between people, in conversations of two and in groups alike: said, answered, corrected, taken back.

What arrives is authenticated before it comes here; ``Said`` says by whom and where. What a person does here goes
through the same rules as what arrives, and then to everyone in the conversation.

Source: protocol.md §11.1, §11.2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from msgspec.structs import replace

from sealwire.crypto.primitives import Rng
from sealwire.errors import (
    BlockedPeerError,
    MessageIdError,
    NotYoursError,
    TextTooLongError,
    TooLateError,
    UnknownIdError,
    UnknownMessageError,
    UsageError,
)
from sealwire.i18n import _
from sealwire.ids import GROUP_MARK, MESSAGE_ID_BYTES, MessageId, message_of
from sealwire.peer.changes import EDIT_FOR_MS, Change, Changes, Post, Said, Verdict
from sealwire.peer.events import STATE_RANK, Delivery, Event, Message, MessageKind
from sealwire.peer.events import Change as Told
from sealwire.peer.inbox import Arrival
from sealwire.peer.mentions import mentioned
from sealwire.peer.people import People
from sealwire.peer.receipts import Receipts
from sealwire.peer.records import Details, MessageRow, Now, Records
from sealwire.peer.refusals import Refusals
from sealwire.peer.timers import Timers, timer_notice
from sealwire.wire.content import Content, Text
from sealwire.wire.word_content import (
    MAX_EDITS,
    MAX_REACTION_CHANGES,
    MAX_TEXT_BYTES,
    Delete,
    Edit,
    Pin,
    React,
    Ref,
    Timer,
    WordNews,
)

MAX_PINS: Final = 100
"""Pinned messages of a conversation that a person here may reach: past it nobody finds any."""

_FAILED: Final = STATE_RANK["failed"]
_TOLD: Final[dict[type[Change], Told]] = {Edit: "edited", Delete: "deleted", React: "reaction", Pin: "pinned"}


def _nobody(_conversation: str) -> Collection[str]:
    return ()


def _nothing(*_about: str) -> None:
    """Nobody wants to know."""


def _no_groups(_conversation: str) -> None:
    raise UsageError(_("There are no groups here."))


class Words:
    """The core of every conversation."""

    def __init__(
        self,
        name: str,
        records: Records,
        events: list[Event],
        rng: Rng,
        post: Post,
        people: People,
        receipts: Receipts,
        timers: Timers,
    ) -> None:
        self._name = name
        self._records = records
        self._events = events
        self._rng = rng
        self._post = post
        self._people = people
        self._receipts = receipts
        self._timers = timers
        self._changes = Changes(records)
        self._refusals = Refusals(events)
        self.group_members: Callable[[str], Collection[str]] = _nobody
        """Who is in a group, ourselves included; set by the core that has them, as is the next."""
        self.check_group: Callable[[str], None] = _no_groups
        """Raises why nothing may be said in a group."""
        self.heard_from: Callable[[str, str], None] = _nothing
        """Called when somebody said something in a conversation: they do not write any more."""
        self.spoke: Callable[[str], None] = _nothing
        """Called when we did."""
        self.on_withdrawn: Callable[[MessageRow], None] | None = None
        self.contents: dict[MessageKind, Callable[[MessageRow], Content | None]] = {"text": _text_of}
        """How a failed message of each kind is made again; None: something else has to happen first, and does."""

    # --- what arrives ---

    def hear(self, arrival: Arrival, content: Text | WordNews) -> None:
        """Content came, from somebody in a conversation of two or in a group."""
        at_ms, number = arrival.plain.sent_at_ms, MessageId(arrival.plain.message_id)
        said = Said(arrival.conversation, arrival.author, number, at_ms, arrival.now, arrival.pair.mailbox)
        self.take(said, content)

    def take(self, said: Said, content: Text | WordNews) -> None:
        """Believe what its author may say, and tell people; anything else is refused, counted and said."""
        match content:
            case Text():
                self._take_text(said, content)
            case Timer():
                self._take_timer(said, content)
            case _:
                self._take_change(said, content)

    def _take_text(self, said: Said, text: Text) -> None:
        if self._records.is_gone(said.conversation, said.author, said.id):
            return
        between_two = said.conversation == said.author
        if between_two and not self._people.may_write(said.author):
            return
        row = self._store(said, text)
        # A stranger hears nothing before an answer; a group is joined by consent.
        if said.device is not None and (not between_two or self._people.is_accepted(said.author)):
            self._receipts.owe(said.device, said.author, "delivered", [said.id])
        if row is not None:
            self.stored(row, said)

    def stored(self, row: int, said: Said) -> None:
        """A message of somebody was stored: let happen what waited for it, and tell people."""
        for earlier, change in self._changes.waiting_for(said):
            self._apply(earlier, change)
        self.heard_from(said.conversation, said.author)
        self.tell(row)

    def _store(self, said: Said, text: Text) -> int | None:
        mentions = self._mentions(said.conversation, text.text)
        details = Details(
            answers=(text.answers.author, text.answers.id) if text.answers else None,
            forwarded=text.forwarded,
            timer_s=text.timer_s,
            mentions=mentions,
            mentions_me=self._name in mentions and said.author != self._name,
        )
        return self._add(said, text.text, details)

    def _add(self, said: Said, text: str, details: Details) -> int | None:
        mine = said.author == self._name
        return self._records.add_message(said.id, said.conversation, said.author, mine, text, said.sent_at_ms, details)

    def _mentions(self, conversation: str, text: str) -> tuple[str, ...]:
        if "@" not in text:
            return ()
        is_group = conversation.startswith(GROUP_MARK)
        return mentioned(text, self.group_members(conversation) if is_group else (self._name, conversation))

    def _take_change(self, said: Said, change: Change) -> None:
        verdict, row = self._apply(said, change)
        if verdict is Verdict.DONE:
            self.tell(row, _TOLD[type(change)])
        elif verdict is Verdict.UNKNOWN:
            if said.conversation != said.author or self._people.is_accepted(
                said.author
            ):  # a stranger's waits for nothing
                self._changes.put_aside(said, change)
        elif verdict is not Verdict.STALE:
            self._refusals.note(said, verdict)

    def _apply(self, said: Said, change: Change) -> tuple[Verdict, int]:
        if not isinstance(change, Edit):
            return self._changes.apply(said, change)
        mentions = self._mentions(said.conversation, change.text)
        me = self._name in mentions and said.author != self._name
        return self._changes.apply(said, change, mentions, me)

    def tell(self, row: int, change: Told | None = None, here: bool = False) -> None:
        """Tell every interface of this profile how a message stands now; ``here``: by our own doing."""
        message = self._records.shown(row)
        assert message is not None, "it was stored or changed in this transaction"
        asks = message.request and not self._people.is_accepted(message.sender)
        self._events.append(replace(message, request=asks, change=change, here=here))

    def _take_timer(self, said: Said, timer: Timer) -> None:
        if said.conversation.startswith(GROUP_MARK):  # a group's timer stands in its signed log
            self._refusals.note(said, Verdict.FORM)
            return
        if not self._people.may_write(said.author):
            return  # each change of a timer is a line in the conversation: as many as messages
        new = self._timers.take(said.conversation, said.author, timer)
        if new is None:
            self._refusals.note(said, Verdict.FORM)
        elif new:
            self.notice(said, timer_notice(said.author, self._name, timer.seconds))

    def notice(self, said: Said, text: str) -> None:
        """Say something inside a conversation that nobody wrote: a timer was set, a member joined."""
        row = self._add(said, text, Details(kind="notice"))
        if row is not None:
            self.tell(row)

    # --- what a person does here ---

    def say(
        self, conversation: str, text: str, now: Now, *, answers: str | None = None, forwarded: bool = False
    ) -> MessageId:
        """Make a text durable and queue it; the caller has checked name, length and trust.

        Args:
            answers: id of the message of this conversation that it answers.

        Raises:
            UnknownMessageError, UsageError.
        """
        answered = self.named(conversation, answers) if answers is not None else None
        said = self._saying(conversation, now)
        self._answer(conversation, now)
        self.spoke(conversation)
        content = Text(
            text,
            Ref(answered.sender, answered.id) if answered else None,
            forwarded,
            self._timers.seconds(conversation),
        )
        row = self._store(said, content)
        assert row is not None, "a random id is nobody's"
        self.tell(row, here=True)
        self._post.say(conversation, said.id, content, now)
        return said.id

    def ref(self, conversation: str, message_id: str) -> Ref:
        """Name a message that another one answers. Raises UnknownMessageError."""
        answered = self.named(conversation, message_id)
        return Ref(answered.sender, answered.id)

    def forward(self, conversation: str, message_id: str, to: str, now: Now) -> MessageId:
        """Send a copy that says it is one, and not of whom: that could not be believed.

        Raises:
            UnknownMessageError, UsageError, TextTooLongError.
        """
        row = self.named(conversation, message_id)
        if row.kind != "text":  # a file is sent anew, by whoever can read it
            raise UnknownMessageError(id=message_id, conversation=conversation)
        size = len(row.text.encode())
        if size > MAX_TEXT_BYTES:  # of an export, or of what was said before we came
            raise TextTooLongError(size=size, limit=MAX_TEXT_BYTES)
        return self.say(to, row.text, now, forwarded=True)

    def edit(self, conversation: str, message_id: str, text: str, now: Now) -> Message:
        """Put other words in place of an own message.

        Raises:
            UnknownMessageError, NotYoursError, TooLateError.
        """
        row = self._own(conversation, message_id)
        if row.kind != "text":
            raise UnknownMessageError(id=message_id, conversation=conversation)
        if now.ms - row.sent_at_ms > EDIT_FOR_MS:
            raise TooLateError(detail=_("a message can be corrected for 7 days"))
        if row.revision >= MAX_EDITS:
            raise TooLateError(detail=_("this message was corrected too often"))
        self._do(row, Edit(row.id, row.revision + 1, text), now, quiet=row.state == _FAILED)
        return self._as_it_stands(row, "edited")

    def delete(self, conversation: str, message_id: str, now: Now, for_everyone: bool = True) -> Message:
        """Take an own message back everywhere, or delete any message here alone.

        Raises:
            UnknownMessageError, NotYoursError.
        """
        if not for_everyone:
            return self._delete_here(conversation, message_id, now)
        row = self._own(conversation, message_id)
        # What nobody has yet needs no taking back: it only must not leave.
        unsent = row.state == _FAILED or self._withdraw(row, _("it was taken back before it was sent"))
        self._do(row, Delete(row.id), now, quiet=unsent)
        return self._as_it_stands(row, "deleted")

    def _withdraw(self, row: MessageRow, why: str) -> bool:
        """Give up what is still queued of an own message; False when somebody has it or may get it."""
        message_id = MessageId(row.id)
        if row.state != 0 or not self._post.withdraw(message_id) or row.partly:
            return False
        if self.on_withdrawn is not None:
            self.on_withdrawn(row)
        self._post.withdraw_about(row.conversation, row.id)
        if self._records.fail(message_id, why, cancelled=True) is not None:
            self._events.append(Delivery(message_id.hex(), "failed", row.conversation, why))
        return True

    def _delete_here(self, conversation: str, message_id: str, now: Now) -> Message:
        found = self._records.named(conversation, _id_of(message_id))
        if len(found) != 1:
            raise UnknownMessageError(id=message_id, conversation=conversation)
        row = found[0]  # also a marked place, or a notice
        if row.mine:
            self._withdraw(row, _("it was deleted before it was sent"))
        self._records.take_back(row.row)
        message = self._as_it_stands(row)
        self._events.append(replace(message, change="expired", here=True))  # gone, not marked: as when its time is over
        self._records.remove(row.row, now.ms)
        return replace(message, change="deleted")

    def react(self, conversation: str, message_id: str, emoji: str, now: Now) -> Message:
        """Set the own reaction to a message; the empty text takes it off.

        Raises:
            UnknownMessageError, UsageError, TooLateError.
        """
        row = self.named(conversation, message_id)
        before = self._records.reaction(row.row, self._name)
        number = before.number + 1 if before else 1
        if number > MAX_REACTION_CHANGES:
            raise TooLateError(detail=_("this reaction was changed too often"))
        verdict = self._do(row, React(Ref(row.sender, row.id), number, emoji), now)
        if verdict is Verdict.FORM:
            raise UsageError(_("A reaction is one sign, such as an emoji."))
        return self._as_it_stands(row, "reaction")

    def pin(self, conversation: str, message_id: str, pinned: bool, now: Now) -> Message:
        """Pin a message for everyone, or unpin it.

        Raises:
            UnknownMessageError, UsageError.
        """
        row = self.named(conversation, message_id)
        if pinned and not row.pinned and self._records.pins(conversation) >= MAX_PINS:
            raise UsageError(_("{count} messages are pinned here: unpin one first.").format(count=MAX_PINS))
        if pinned != row.pinned:
            self._do(row, Pin(Ref(row.sender, row.id), row.pin_number + 1, pinned), now)
        return self._as_it_stands(row, "pinned")

    def set_timer(self, conversation: str, seconds: int, now: Now) -> None:
        """Let new messages between two disappear after this long, on both sides."""
        if seconds == self._timers.seconds(conversation):
            return
        said = self._saying(conversation, now)
        self._answer(conversation, now)
        timer = Timer(self._timers.next_number(conversation), seconds)
        if self._timers.take(conversation, self._name, timer) is None:
            raise UsageError(_("A timer is 5 seconds to 366 days, or 0 for none."))
        self.notice(said, timer_notice(self._name, self._name, seconds))
        self._post.say(conversation, said.id, timer, now)

    def cancel(self, message_id: str) -> Message:
        """Give up an own message that is still queued.

        Raises:
            UnknownIdError, TooLateError.
        """
        row = self._records.own_row(_id_of(message_id))
        if row is None:
            raise UnknownIdError(id=message_id)
        if row.state != 0:
            raise TooLateError(detail=_("this message is not queued any more"))
        if not self._withdraw(row, _("it was cancelled")):
            raise TooLateError(detail=_("this message is on its way, or may be"))
        return self._as_it_stands(row)

    def retry(self, now: Now) -> int:
        """Queue failed messages again; returns how many."""
        count = 0
        for message in self._records.failed():
            row = self._records.own_row(bytes.fromhex(message.id))
            if row is None or row.kind not in self.contents or self._people.is_blocked(row.conversation):
                continue
            content = self.contents[row.kind](row)
            if content is not None:
                self._records.requeue(MessageId(row.id))
                self._post.say(row.conversation, MessageId(row.id), content, now)
            count += 1
        return count

    # --- helpers ---

    def _saying(self, conversation: str, now: Now) -> Said:
        if conversation.startswith(GROUP_MARK):
            self.check_group(conversation)  # before anything is stored
        return Said(conversation, self._name, MessageId(self._rng(MESSAGE_ID_BYTES)), now.ms, now)

    def _check_blocked(self, conversation: str) -> None:
        if self._people.is_blocked(conversation):
            raise BlockedPeerError(name=conversation)

    def _answer(self, conversation: str, now: Now) -> None:
        """Whatever somebody else will see of us answers their request. Raises BlockedPeerError."""
        self._check_blocked(conversation)
        if not conversation.startswith(GROUP_MARK):
            self._post.accept(conversation, now)

    def _do(self, row: MessageRow, change: Change, now: Now, quiet: bool = False) -> Verdict:
        said = self._saying(row.conversation, now)
        if not quiet:
            self._check_blocked(row.conversation)
        verdict, _row = self._apply(said, change)
        if verdict is Verdict.DONE and not quiet:
            self._answer(row.conversation, now)
            self._post.say(row.conversation, said.id, change, now)
        return verdict

    def named(self, conversation: str, message_id: str) -> MessageRow:
        """The one message of this id; two of them (somebody took an id that was taken) can only be told apart by
        author, and nobody's reaction may go to the wrong one."""
        found = [row for row in self._records.named(conversation, _id_of(message_id)) if not row.deleted]
        if len(found) != 1 or found[0].kind == "notice":
            raise UnknownMessageError(id=message_id, conversation=conversation)
        return found[0]

    def _own(self, conversation: str, message_id: str) -> MessageRow:
        named = self._records.named(conversation, _id_of(message_id))
        own = next((row for row in named if row.mine and not row.deleted and row.kind != "notice"), None)
        if own is not None:
            return own
        if named and not named[0].mine:
            raise NotYoursError(id=message_id, author=named[0].sender)
        raise UnknownMessageError(id=message_id, conversation=conversation)

    def _as_it_stands(self, row: MessageRow, change: Told | None = None) -> Message:
        """The message after what was done with it here; whoever else looks on hears of it, too."""
        message = self._records.shown(row.row)
        assert message is not None, "its row was read in this transaction"
        message = replace(message, change=change)
        if change is not None:
            self._events.append(replace(message, here=True))
        return message


def _id_of(text: str) -> MessageId:
    """Return what a text names. Raises MessageIdError."""
    named = message_of(text)
    if named is None:
        raise MessageIdError(text)
    return named


def _text_of(row: MessageRow) -> Text:
    answers = Ref(row.reply_author, row.reply_id) if row.reply_author and row.reply_id else None
    return Text(row.text, answers, bool(row.forwarded), row.timer_s)
