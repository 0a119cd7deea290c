"""What one message may do to another: correct it, take it back, react to it, pin it.

The rules are the same for what arrives and for what a person does here, and they are made so that every side ends
with the same conversation, in whatever order and however often changes come: each kind of change has a number, the
larger one stands, and a message taken back stays so.

Source: protocol.md §11.1.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple, Protocol

from sealwire.ids import Mailbox, MessageId, Millis
from sealwire.peer.records import AsideRow, MessageRow, Now, ReactionRow, Records
from sealwire.wire.clusters import is_one_cluster
from sealwire.wire.content import Content, decode_content, encode_content
from sealwire.wire.word_content import MAX_REACTION_BYTES, Delete, Edit, Pin, React

EDIT_FOR_MS: Final = 7 * 24 * 3600 * 1000
"""By its author's clock: what was agreed on a week ago is not rewritten under those who agreed."""
MAX_REACTIONS: Final = 1_000
"""People who ever reacted to one message: as many as a group can have."""
MAX_AHEAD: Final = 1_000
"""How far a number everybody shares may jump: without it one person could use up all numbers and have the last word."""
MAX_NUMBER: Final = 1 << 31
"""Of such a number: half of what its field holds, so that the next one of our own always has a form. Without it whoever
counts up to the end, a thousand at a time, leaves a change in our outbox that nothing can read."""
MAX_ASIDE: Final = 500
"""Changes of one person in one conversation that wait for their messages; the oldest go."""

Change = Edit | Delete | React | Pin

_TAGS: Final[dict[type[Change], int]] = {Edit: 5, Delete: 6, React: 7, Pin: 8}


class Said(NamedTuple):
    """By whom, where and when something was said: authenticated by the session or the sender key it came in."""

    conversation: str
    """An account name, or ``+`` and the 32 hex digits of a group."""
    author: str
    id: MessageId
    sent_at_ms: Millis
    now: Now
    device: Mailbox | None = None
    """Where receipts go; None: nobody is told."""


class Post(Protocol):
    """How something gets to everyone in a conversation."""

    def say(self, conversation: str, message_id: MessageId, content: Content, now: Now) -> None:
        """Queue content for every device of the others."""

    def withdraw(self, message_id: MessageId) -> bool:
        """Give up what is still queued of a message; False when it is too late for a part of it."""

    def withdraw_about(self, conversation: str, message_id: bytes) -> None:
        """Give up what is still queued about a message of ours."""

    def accept(self, name: str, now: Now) -> None:
        """Talk with somebody from now on."""


class Verdict(Enum):
    """What became of a change."""

    DONE = "done"
    STALE = "stale"
    """A later one, or the same, stands already; or there is nothing left to change."""
    UNKNOWN = "unknown"
    """Its message is not here (yet)."""
    NOT_YOURS = "not-yours"
    TOO_LATE = "too-late"
    FORM = "form"
    """No number or sign that is allowed."""


class Outcome(NamedTuple):
    """The verdict, and the message it is about."""

    verdict: Verdict
    row: int = 0


class Changes:
    """Applies changes to the history."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def apply(self, said: Said, change: Change, mentions: tuple[str, ...] = (), mentions_me: bool = False) -> Outcome:
        """Let an authenticated change happen, or say why it does not.

        Args:
            mentions: those of the new text of an edit.
        """
        author, message_id = about(said, change)
        row = self._records.find(said.conversation, author, message_id)
        if row is None:
            return self._missing(said, change, author, message_id)
        if row.deleted or row.kind == "notice":
            return Outcome(Verdict.STALE)
        match change:
            case Edit():
                return self._edit(said, change, row, mentions, mentions_me)
            case Delete():
                self._records.take_back(row.row)
                return Outcome(Verdict.DONE, row.row)
            case React():
                return self._react(said, change, row)
            case Pin():
                return self._pin(said, change, row)

    def _missing(self, said: Said, change: Change, author: str, message_id: bytes) -> Outcome:
        if self._records.is_gone(said.conversation, author, message_id):
            return Outcome(Verdict.STALE)
        if isinstance(change, Edit | Delete) and self._records.named(said.conversation, message_id):
            return Outcome(Verdict.NOT_YOURS)
        return Outcome(Verdict.UNKNOWN)

    def _edit(self, said: Said, edit: Edit, row: MessageRow, mentions: tuple[str, ...], mentions_me: bool) -> Outcome:
        if row.kind != "text":
            return Outcome(Verdict.FORM)
        if said.sent_at_ms - row.sent_at_ms > EDIT_FOR_MS:
            return Outcome(Verdict.TOO_LATE)
        if (edit.revision, said.id) <= (row.revision, row.revision_id):
            return Outcome(Verdict.STALE)
        self._records.correct(row.row, edit.text, mentions, mentions_me)
        self._records.put_revision(row.row, edit.revision, said.id, said.sent_at_ms)
        return Outcome(Verdict.DONE, row.row)

    def _react(self, said: Said, react: React, row: MessageRow) -> Outcome:
        emoji = react.emoji
        if emoji and (len(emoji.encode()) > MAX_REACTION_BYTES or not is_one_cluster(emoji)):
            return Outcome(Verdict.FORM)
        before = self._records.reaction(row.row, said.author)
        if before is None and self._records.reactions_count(row.row) >= MAX_REACTIONS:
            return Outcome(Verdict.FORM)
        if before is not None and (react.number, said.id) <= (before.number, before.event):
            return Outcome(Verdict.STALE)
        self._records.put_reaction(row.row, said.author, ReactionRow(react.number, said.id, emoji))
        return Outcome(Verdict.DONE, row.row)

    def _pin(self, said: Said, pin: Pin, row: MessageRow) -> Outcome:
        if pin.number > min(row.pin_number + MAX_AHEAD, MAX_NUMBER):
            return Outcome(Verdict.FORM)
        if (pin.number, said.author) <= (row.pin_number, row.pin_by):
            return Outcome(Verdict.STALE)
        at_ms = min(said.sent_at_ms, said.now.ms)  # a clock ahead must not hold the first place for ever
        self._records.put_pin(row.row, pin.pinned, pin.number, said.author, at_ms)
        return Outcome(Verdict.DONE, row.row)

    # --- what comes before its message ---

    def put_aside(self, said: Said, change: Change) -> None:
        """Keep a change until its message comes: of one person and kind the one that would stand."""
        author, message_id = about(said, change)
        kind = _TAGS[type(change)]
        waiting = self._records.aside(said.conversation, author, message_id)
        if any(other.kind == _TAGS[Delete] for other in waiting):
            return  # there will be nothing left to change
        if isinstance(change, Delete):
            self._records.drop_aside(said.conversation, author, message_id)  # words of it least of all
        for other in waiting:
            if (other.by, other.kind) == (said.author, kind):
                known = decode_content(other.content)
                if _rank(known, other.event) >= _rank(change, said.id):
                    return
        content = encode_content(change)
        place = (said.conversation, author, message_id, said.author, kind, said.id)
        self._records.put_aside(AsideRow(*place, content, said.sent_at_ms, said.now.ms), MAX_ASIDE)

    def waiting_for(self, said: Said) -> list[tuple[Said, Change]]:
        """Take out what waited for the message that was just stored."""
        waiting = self._records.aside(said.conversation, said.author, said.id)
        if not waiting:
            return []
        self._records.drop_aside(said.conversation, said.author, said.id)
        return [_restored(row, said.now) for row in waiting]


def about(said: Said, change: Change) -> tuple[str, bytes]:
    """(author, id) of the message a change is about; an edit or deletion can only ever mean the author's own."""
    match change:
        case Edit() | Delete():
            return said.author, change.id
        case React() | Pin():
            return change.to.author, change.to.id


def _rank(change: object, event: bytes) -> tuple[int, bytes]:
    match change:
        case Edit():
            return change.revision, event
        case React():
            return change.number, event
        case Pin():
            return change.number, b""
        case _:
            return 0, b""


def _restored(row: AsideRow, now: Now) -> tuple[Said, Change]:
    content = decode_content(row.content)
    assert isinstance(content, Edit | Delete | React | Pin), "put_aside keeps nothing else"
    return Said(row.conversation, row.by, MessageId(row.event), row.sent_at_ms, now), content
