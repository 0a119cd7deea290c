"""One side of conversations without a network: the real core over a real database in memory."""

from __future__ import annotations

import itertools
from collections.abc import Collection

from sealwire.ids import MessageId
from sealwire.peer.changes import Said
from sealwire.peer.events import Event, Message, Warning
from sealwire.peer.people import People
from sealwire.peer.prefs import Prefs
from sealwire.peer.receipts import Receipts
from sealwire.peer.records import Now
from sealwire.peer.store import Store
from sealwire.peer.timers import Timers
from sealwire.peer.words import Words
from sealwire.wire.content import Content

START_MS = 1_790_000_000_000
GROUP = "+" + "ab" * 16


class Posted:
    """Keeps what was said; ``stuck`` messages are on their way already."""

    def __init__(self) -> None:
        self.said: list[tuple[MessageId, Content]] = []
        self.stuck = False

    def withdraw_about(self, conversation: str, message_id: bytes) -> None:
        """Nothing about it is queued here."""

    def accept(self, name: str, now: Now) -> None:
        """Everybody is accepted."""

    def say(self, conversation: str, message_id: MessageId, content: Content, now: Now) -> None:
        self.said.append((message_id, content))

    def withdraw(self, message_id: MessageId) -> bool:
        if self.stuck:
            return False
        self.said = [one for one in self.said if one[0] != message_id]
        return True


class Owed:
    """Stands for the receipts: what was owed."""

    def __init__(self) -> None:
        self.owed: list[MessageId] = []

    def owe(self, mailbox: object, account: str, state: str, ids: Collection[MessageId]) -> None:
        self.owed += ids


class Side:
    """Somebody in a group of everyone (or in a conversation of two), with a clock."""

    def __init__(self, name: str, *others: str, conversation: str | None = None) -> None:
        self.name = name
        self.conversation = conversation or (others[0] if len(others) == 1 else GROUP)
        self.store = Store(None, bytes(32))
        self.events: list[Event] = []
        self.room = Posted()
        self.receipts = Owed()
        self.now = Now(START_MS, 1_000.0)
        self.timers = Timers(self.store, self.events, self.room.withdraw)
        counter = itertools.count(1)
        owed: Receipts = self.receipts  # type: ignore[assignment]
        self.words = Words(
            name,
            self.store,
            self.events,
            lambda size: (name.encode() + next(counter).to_bytes(4, "big")).rjust(size, b"\0")[-size:],
            self.room,
            People(self.store, Prefs(requests=False), self.events),
            owed,
            self.timers,
        )
        self.words.group_members = lambda _group: (name, *others)
        self.words.check_group = lambda _group: None

    def pass_(self, seconds: float) -> None:
        self.now = Now(self.now.ms + round(seconds * 1000), self.now.mono_s + seconds)

    def say(self, text: str, **how: object) -> str:
        return self.words.say(self.conversation, text, self.now, **how).hex()  # type: ignore[arg-type]

    def take_out(self) -> list[tuple[Said, Content]]:
        """What was said since the last call, as the others hear it."""
        said, self.room.said = self.room.said, []
        return [(Said(GROUP, self.name, message_id, self.now.ms, self.now), content) for message_id, content in said]

    def hear(self, said: Said, content: Content) -> None:
        """Take what somebody said, in the conversation as it is called on this side."""
        here = GROUP if self.conversation == GROUP else said.author
        self.words.take(said._replace(conversation=here, now=self.now), content)  # type: ignore[arg-type]

    def history(self) -> list[Message]:
        return self.store.history(self.conversation, 1_000, None)

    def message(self, message_id: str) -> Message:
        return next(one for one in self.history() if one.id == message_id)

    def warnings(self) -> list[Warning]:
        return [event for event in self.events if isinstance(event, Warning)]


def talk(*sides: Side) -> None:
    """Everybody hears everything that was said."""
    for side in sides:
        for said, content in side.take_out():
            for other in sides:
                if other is not side:
                    other.hear(said, content)
