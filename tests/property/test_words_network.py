"""Two people change what they said while everything breaks and mail overtakes mail: in the end both see the same.

Real routers, stores and engines over ``testing.Network``; between broker and peers stands somebody who swaps envelopes.
"""

from __future__ import annotations

import contextlib
import random

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from sealwire.errors import SealwireError
from sealwire.peer.events import Message
from sealwire.testing.network import VirtualPeer
from sealwire.wire.frames import Verb, decode_deliver, encode_deliver
from tests.depth import examples
from tests.property.test_words import as_seen
from tests.property.troubles import Troubles

NAMES = ("alice", "bob")
ALLOWED_WARNINGS = {"refused", "reduced-secrecy", "protocol", "gap", "unreadable"}
"""Swapped envelopes look missing until they come; a first one that was overtaken waits for its session."""


class Swapping:
    """Sometimes hands over the envelope that came second in place of the first."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.is_on = True
        self._held: tuple[object, bytes] | None = None

    def __call__(self, peer: VirtualPeer, frame: bytes) -> list[bytes]:
        if self._held is not None and self._held[0] is not peer.rid:
            self._held = None  # another link: the broker sends it again
        if frame[0] != Verb.DELIVER:
            return [frame]
        if self._held is None:
            if self.is_on and self._dice.random() < 0.7:
                self._held = (peer.rid, frame)
                return []
            return [frame]
        first, second = decode_deliver(self._held[1]), decode_deliver(frame)
        self._held = None
        return [encode_deliver(first[0], second[1], second[2]), encode_deliver(second[0], first[1], first[2])]

    def let_go(self, peer: VirtualPeer) -> None:
        """What is held goes on."""
        if self._held is not None and self._held[0] is peer.rid and peer.rid is not None:
            peer.inbound.append(self._held[1])
        self._held = None


class Conversations(Troubles):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.people = {name: self.net.peer(name) for name in NAMES}
        self.net.run()
        for name in NAMES:
            self.people[name].hostile = Swapping(random.Random(seed + len(name)))

    def other(self, name: str) -> str:
        return NAMES[1 - NAMES.index(name)]

    def target(self, name: str, which: int) -> str | None:
        known = [m for m in self.people[name].store.history(self.other(name), 50, None) if m.kind == "text"]
        return known[which % len(known)].id if known else None

    @rule(name=st.sampled_from(NAMES), answering=st.booleans(), which=st.integers(0, 9))
    def say(self, name: str, answering: bool, which: int) -> None:
        peer, to = self.people[name], self.other(name)
        if not peer.running:
            return
        self.count += 1
        text, answered = f"{name} {self.count} @{to}", self.target(name, which) if answering else None
        with contextlib.suppress(SealwireError):
            peer.turn([], lambda engine, now: engine.words.say(to, text, now, answers=answered))

    @rule(
        name=st.sampled_from(NAMES),
        what=st.sampled_from(["edit", "edit", "delete", "react", "react", "pin", "unpin", "timer"]),
        which=st.integers(0, 9),
        emoji=st.sampled_from(["👍", "👎", ""]),
    )
    def change(self, name: str, what: str, which: int, emoji: str) -> None:
        peer, to = self.people[name], self.other(name)
        target = self.target(name, which) if peer.running else None
        if target is None:
            return
        self.count += 1
        text = f"{name} {self.count}, corrected"

        def act(engine, now):  # type: ignore[no-untyped-def]
            match what:
                case "edit":
                    engine.words.edit(to, target, text, now)
                case "delete":
                    engine.words.delete(to, target, now)
                case "react":
                    engine.words.react(to, target, emoji, now)
                case "timer":
                    engine.words.set_timer(to, (which % 3) * 86_400, now)
                case _:
                    engine.words.pin(to, target, what == "pin", now)

        with contextlib.suppress(SealwireError):
            peer.turn([], act)

    @rule(
        name=st.sampled_from(NAMES), what=st.sampled_from(["edit", "delete", "react", "pin"]), times=st.integers(1, 3)
    )
    def say_and_change(self, name: str, what: str, times: int) -> None:
        """In one breath, so that the change may overtake what it is about."""
        for _ in range(times):
            self.say(name, False, 0)
            self.change(name, what, -1, "👍")

    @rule(seconds=st.sampled_from([1.0, 15.0]))
    def time_passes(self, seconds: float) -> None:
        self.net.advance(seconds)

    def judge(self) -> None:
        self.heal(6, 30)
        views = [self._view(name) for name in NAMES]
        assert views[0] == views[1]
        timers = [self.people[name].engine.timers.seconds(self.other(name)) for name in NAMES]
        assert timers[0] == timers[1]
        for peer in self.people.values():
            assert peer.store._one("SELECT count(*) FROM aside")[0] == 0
            assert peer.store._one("SELECT count(*) FROM outbox")[0] == 0
        warned = {e.name for peer in self.people.values() for e in peer.events if e.type == "warning"}
        assert warned <= ALLOWED_WARNINGS, warned

    def calm(self) -> None:
        for peer in self.people.values():
            swapping = peer.hostile
            assert isinstance(swapping, Swapping)
            swapping.is_on = False
            swapping.let_go(peer)

    def _view(self, name: str) -> list[object]:
        shown: list[Message] = self.people[name].store.history(self.other(name), 500, None)
        # What was taken back before it was sent is a place on its author's side alone.
        unsent = {m.id for m in shown if m.state == "failed"}
        return sorted((as_seen(m) for m in shown if m.kind == "text" and m.id not in unsent), key=lambda seen: seen[:2])


TestConversations = Conversations.TestCase
TestConversations.settings = examples(10, stateful_step_count=30)
