"""Messages about messages: every side ends with the same conversation, in whatever order and how often they come."""

from __future__ import annotations

import contextlib
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import SealwireError
from sealwire.peer.changes import Said
from sealwire.peer.events import Message
from sealwire.wire.content import Content
from tests.depth import examples
from tests.unit.peer.rig import Side

NAMES = ("alice", "bob", "carol")
WORDS = st.sampled_from(["yes", "no", "@bob come", "later @alice", ""])
EMOJI = st.sampled_from(["👍", "👎", "❤️", ""])
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["say", "say", "answer", "edit", "delete", "react", "react", "pin", "unpin", "hear", "hear"]),
        st.integers(0, 5),
        WORDS,
        EMOJI,
    ),
    min_size=3,
    max_size=40,
)


def act(side: Side, what: str, target: str | None, text: str, emoji: str) -> None:
    words, here, now = side.words, side.conversation, side.now
    match what:
        case "say":
            side.say(text or "hm")
        case "answer" if target:
            side.say(text or "hm", answers=target)
        case "edit" if target:
            words.edit(here, target, text or "hm", now)
        case "delete" if target:
            words.delete(here, target, now)
        case "react" if target:
            words.react(here, target, emoji, now)
        case "pin" | "unpin" if target:
            words.pin(here, target, what == "pin", now)


def as_seen(message: Message) -> tuple[Any, ...]:
    """Everything but what only one side knows: the place in its history, the state of its own messages, local names."""
    return (
        message.sender, message.id, message.kind, message.text, message.sent_at_ms, message.reply_to, message.mentions,
        message.forwarded, message.edited_at_ms, message.deleted, message.reactions, message.pinned,
    )  # fmt: skip


def view(side: Side) -> list[tuple[Any, ...]]:
    return sorted((as_seen(message) for message in side.history()), key=lambda seen: seen[:2])


@given(STEPS, st.integers(0, 2**32))
@examples(25)
def test_all_sides_converge(steps, seed):
    dice = random.Random(seed)
    sides = [Side(name, *(other for other in NAMES if other != name)) for name in NAMES]
    waiting: list[list[tuple[Said, Content]]] = [[], [], []]
    everything: list[tuple[int, Said, Content]] = []
    for who, what, which, text, emoji in steps:
        side = sides[who]
        for one in sides:
            one.pass_(1)
        if what == "hear":
            for _ in range(which):
                if waiting[who]:
                    side.hear(*waiting[who].pop(dice.randrange(len(waiting[who]))))
            continue
        known = side.history()
        target = known[which % len(known)].id if known else None
        with contextlib.suppress(SealwireError):
            act(side, what, target, text, emoji)
        # The broker has it: from here on it is others' too, and can only be taken back by a message.
        side.store._sql("UPDATE message SET state = 1 WHERE mine AND state = 0")
        for said, content in side.take_out():
            everything.append((who, said, content))
            for other in range(3):
                if other != who:
                    waiting[other].append((said, content))
    for number, side in enumerate(sides):
        late = waiting[number] + [(said, content) for who, said, content in everything if who != number]
        dice.shuffle(late)  # the rest in any order, and everything once more
        for said, content in late:
            side.hear(said, content)
    views = [view(side) for side in sides]
    assert views[0] == views[1] == views[2]
    assert not any(side.warnings() for side in sides)
    assert all(side.store._one("SELECT count(*) FROM aside")[0] == 0 for side in sides)


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0, 60, 3_600, 86_400]), st.booleans()), max_size=20))
@examples(20)
def test_two_timers_converge(steps):
    sides = [Side("alice", "bob"), Side("bob", "alice")]
    waiting: list[list[tuple[Said, Content]]] = [[], []]
    for who, seconds, hear in steps:
        sides[who].words.set_timer(sides[who].conversation, seconds, sides[who].now)
        waiting[1 - who] += sides[who].take_out()
        if hear and waiting[who]:
            sides[who].hear(*waiting[who].pop())
    for number, side in enumerate(sides):
        for said, content in reversed(waiting[number]):
            side.hear(said, content)
    assert sides[0].timers.seconds("bob") == sides[1].timers.seconds("alice")
