"""Three people, one broker, and everything that can go wrong at any moment: nothing is lost, doubled or reordered.

Real routers, stores and engines over ``testing.Network``. The rules kill processes at every boundary between two
effects, fill the disk, cut links and let time pass; at the end of each history everything heals and comes to rest.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.conftest import PEOPLE
from tests.depth import examples
from tests.property.troubles import WHO, Troubles

NAMES = st.sampled_from(sorted(PEOPLE))
ALLOWED_WARNINGS = {"refused", "reduced-secrecy", "protocol"}


class Histories(Troubles):
    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[tuple[str, str], list[str]] = {}
        self.count = 0

    @initialize()
    def register(self) -> None:
        self.people = {name: self.net.peer(name) for name in PEOPLE}
        self.net.run()

    @rule(sender=NAMES, recipient=NAMES, burst=st.integers(1, 4))
    def write(self, sender: str, recipient: str, burst: int) -> None:
        if sender == recipient or not self.people[sender].running:
            return
        for _ in range(burst):
            self.count += 1
            text = f"{sender} to {recipient} {self.count}"
            self.people[sender].send(recipient, text)
            self.sent.setdefault((sender, recipient), []).append(text)

    @rule(seconds=st.sampled_from([0.5, 3.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.net.advance(seconds)

    @rule(who=WHO)
    def a_peer_is_killed(self, who: int) -> None:
        peer = self._somebody(who)
        if peer.running:
            peer.crash()

    @rule(full=st.booleans())
    def the_disk_fills_or_empties(self, full: bool) -> None:
        self.net.disk_full = full

    @invariant()
    def nobody_is_shown_anything_twice_or_out_of_order(self) -> None:
        for (sender, recipient), texts in self.sent.items():
            shown = self.people[recipient].texts(sender)
            assert shown == texts[: len(shown)], (sender, recipient)

    def judge(self) -> None:
        self.heal(6, 30)
        for (sender, recipient), texts in self.sent.items():
            assert self.people[recipient].texts(sender) == texts, "lost"
        warned = {e.name for peer in self.people.values() for e in peer.events if e.type == "warning"}
        assert warned <= ALLOWED_WARNINGS, warned


TestHistories = Histories.TestCase
TestHistories.settings = examples(10, stateful_step_count=30)
