"""What can go wrong at any moment over ``testing.Network``, as rules for every machine that tells a history.

Processes are killed at every boundary between two effects, commits fail, links break. A machine adds what people do,
and what must hold once everything has healed.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from sealwire.testing import Network
from sealwire.testing.network import VirtualPeer
from tests.conftest import PEOPLE

WHO = st.integers(0, 11)
"""Somebody among those whom the machine has met: a multiple of two, three and four."""


class Troubles(RuleBasedStateMachine):
    """A network in a folder of its own, and everything that breaks in it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sealwire-history-"))
        self.net = Network(self.folder, PEOPLE)
        self.people: dict[str, VirtualPeer] = {}

    def _somebody(self, who: int) -> VirtualPeer:
        names = sorted(self.people)
        return self.people[names[who % len(names)]]

    @rule(turns=st.integers(1, 12))
    def some_turns(self, turns: int) -> None:
        for _ in range(turns):
            self.net._pass(0.001)
            self.net._turn()

    @rule()
    def the_broker_is_killed_and_started(self) -> None:
        if self.net.broker_runs:
            self.net.kill_broker()
        self.net.start_broker()

    @precondition(lambda self: self.net.broker_runs)
    @rule()
    def the_broker_is_killed(self) -> None:
        self.net.kill_broker()

    @rule(who=WHO)
    def a_peer_is_killed_and_started(self, who: int) -> None:
        peer = self._somebody(who)
        if peer.running:
            peer.crash()
        peer.start()

    @rule(who=WHO)
    def a_commit_fails(self, who: int) -> None:
        peer = self._somebody(who)
        if peer.running and peer.inbound:
            peer.abort_turn(list(peer.inbound))

    @rule(who=WHO)
    def a_link_breaks(self, who: int) -> None:
        peer = self._somebody(who)
        if peer.running:
            self.net.cut(peer)

    def heal(self, times: int, seconds: float) -> None:
        """Start what was killed, and let things come to rest."""
        self.net.disk_full = False
        if not self.net.broker_runs:
            self.net.start_broker()
        for peer in self.people.values():
            if not peer.running:
                peer.start()
        for _ in range(times):
            self.calm()
            self.net.advance(seconds)

    def calm(self) -> None:
        """What a machine does against people of its own accord ends."""

    def judge(self) -> None:
        """What must hold at the end of a history; called only once people have met."""
        raise NotImplementedError

    def teardown(self) -> None:
        try:
            if self.people:
                self.judge()
        finally:
            self.net.close()
            shutil.rmtree(self.folder, ignore_errors=True)
