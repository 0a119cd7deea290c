"""Three people, one broker, and everything that can go wrong at any moment: nothing is lost, doubled or reordered.

Real routers, stores and engines over ``testing.Network``. The rules kill processes at every boundary between two
effects, fill the disk, cut links and let time pass; at the end of each history everything heals and comes to rest.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sealwire.testing import Network
from tests.conftest import PEOPLE
from tests.depth import examples

NAMES = st.sampled_from(sorted(PEOPLE))
ALLOWED_WARNINGS = {"refused", "reduced-secrecy", "protocol"}


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sealwire-history-"))
        self.net = Network(self.folder, PEOPLE)
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

    @rule(turns=st.integers(1, 12))
    def some_turns(self, turns: int) -> None:
        for _ in range(turns):
            self.net._pass(0.001)
            self.net._turn()

    @rule(seconds=st.sampled_from([0.5, 3.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.net.advance(seconds)

    @rule()
    def the_broker_is_killed_and_started(self) -> None:
        if self.net.broker_runs:
            self.net.kill_broker()
        self.net.start_broker()

    @precondition(lambda self: self.net.broker_runs)
    @rule()
    def the_broker_is_killed(self) -> None:
        self.net.kill_broker()

    @rule(name=NAMES)
    def a_peer_is_killed_and_started(self, name: str) -> None:
        if self.people[name].running:
            self.people[name].crash()
        self.people[name].start()

    @rule(name=NAMES)
    def a_peer_is_killed(self, name: str) -> None:
        if self.people[name].running:
            self.people[name].crash()

    @rule(name=NAMES)
    def a_commit_fails(self, name: str) -> None:
        peer = self.people[name]
        if peer.running and peer.inbound:
            peer.abort_turn(list(peer.inbound))

    @rule(name=NAMES)
    def a_link_breaks(self, name: str) -> None:
        if self.people[name].running:
            self.net.cut(self.people[name])

    @rule(full=st.booleans())
    def the_disk_fills_or_empties(self, full: bool) -> None:
        self.net.disk_full = full

    @invariant()
    def nobody_is_shown_anything_twice_or_out_of_order(self) -> None:
        for (sender, recipient), texts in self.sent.items():
            shown = self.people[recipient].texts(sender)
            assert shown == texts[: len(shown)], (sender, recipient)

    def teardown(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            stack.callback(self.net.close)
            self._heal()
            for (sender, recipient), texts in self.sent.items():
                assert self.people[recipient].texts(sender) == texts, "lost"
            warned = {e.name for peer in self.people.values() for e in peer.events if e.type == "warning"}
            assert warned <= ALLOWED_WARNINGS, warned

    def _heal(self) -> None:
        self.net.disk_full = False
        if not self.net.broker_runs:
            self.net.start_broker()
        for peer in self.people.values():
            if not peer.running:
                peer.start()
        for _ in range(6):
            self.net.advance(30)


TestHistories = Histories.TestCase
TestHistories.settings = examples(10, stateful_step_count=30)
