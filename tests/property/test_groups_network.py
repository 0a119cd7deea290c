"""A group whose people come, go, name it and talk while everything breaks: all read one log, and nobody hears too much.

Real routers, stores and engines over ``testing.Network``. alice and bob stay in it: between them nothing is lost.
carol and dave are asked in, join, leave and are put out at any moment.
"""

from __future__ import annotations

import contextlib
import os

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from sealwire.crypto.group_entry import Invited, Kind, Role, encode_text
from sealwire.crypto.membership import MAX_INVITED_MS
from sealwire.errors import SealwireError
from sealwire.testing.network import VirtualPeer
from tests.company import Company, warned
from tests.depth import examples
from tests.property.troubles import Troubles

STAY, COME_AND_GO = ("alice", "bob"), ("carol", "dave")
KEYS = {"carol": "mallory", "dave": "bob"}
NAMES = st.sampled_from(STAY + COME_AND_GO)
GUESTS = st.sampled_from(COME_AND_GO)
ALLOWED_WARNINGS = {"refused", "reduced-secrecy", "protocol", "unreadable", "group-log", "group-invite"}
"""Words under way to somebody who was put out meanwhile; an entry that another one made pointless; an invitation taken
back before it was read."""


class Meetings(Troubles):
    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, list[str]] = {}

    @initialize()
    def meet(self) -> None:
        self.people = {name: self.net.peer(name, KEYS.get(name)) for name in STAY + COME_AND_GO}
        self.net.run()
        self.group = Company(self.net, self.people["alice"])
        for name in STAY[1:] + COME_AND_GO:
            self.group.know(self.people["alice"], self.people[name])
        self.group.join(self.people["alice"], self.people["bob"])

    def _asks(self, name: str, kind: Kind, subject: str = "", value: bytes = b"") -> None:
        """Somebody wants an entry, if they know the group and are in it or asked into it."""
        peer = self.people[name]
        group = peer.engine.groups.book.get(self.group.id) if peer.running else None
        wanted = ("invited",) if kind is Kind.ACCEPT else ("member",)
        if group is not None and group.state in wanted:
            self.group.act(peer, kind, subject, value)

    @rule(name=NAMES)
    def somebody_talks(self, name: str) -> None:
        peer = self.people[name]
        if not peer.running:
            return
        text = f"{name} {sum(map(len, self.said.values()))}"
        with contextlib.suppress(SealwireError):  # not in it just now
            self.group.say(peer, text)
            self.said.setdefault(name, []).append(text)

    @rule(guest=GUESTS)
    def a_guest_is_asked(self, guest: str) -> None:
        card = self.people[guest].identity.card.card
        value = Invited(card.fingerprint, Role.MEMBER, self.net.now.ms + MAX_INVITED_MS - 60_000).encode()
        self._asks("alice", Kind.INVITE, guest, value)

    @rule(guest=GUESTS)
    def a_guest_joins(self, guest: str) -> None:
        self._asks(guest, Kind.ACCEPT, value=self.people[guest].identity.card.encode())

    @rule(guest=GUESTS)
    def a_guest_leaves(self, guest: str) -> None:
        self._asks(guest, Kind.LEAVE)

    @rule(guest=GUESTS)
    def a_guest_is_put_out(self, guest: str) -> None:
        self._asks("alice", Kind.REMOVE, guest)

    @rule(name=NAMES)
    def it_is_renamed(self, name: str) -> None:
        self._asks(name, Kind.RENAME, value=encode_text(f"as {name} calls it {os.urandom(2).hex()}"))

    @rule(name=st.sampled_from(STAY))
    def a_new_epoch_begins(self, name: str) -> None:
        self._asks(name, Kind.REKEY)

    @rule(seconds=st.sampled_from([0.5, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.net.advance(seconds)

    def judge(self) -> None:
        self.heal(5, 15)
        alice = self.people["alice"]
        inside = [peer for peer in self.people.values() if peer.name in self.group.members(alice)]
        outside = [peer for peer in self.people.values() if peer not in inside]
        assert all(self.group.state(peer) == "member" for peer in inside)
        assert self.group.agree(*inside), "one log, one membership"
        assert all(self.group.state(peer) != "member" for peer in outside)
        for peer in self.people.values():
            self._judge_heard(peer)
        self.group.say(alice, "the last word")
        self.net.advance(10)
        for peer in inside:
            assert peer is alice or self.group.heard(peer)[-1:] == ["the last word"], peer.name
        assert all("the last word" not in self.group.heard(peer) for peer in outside)
        assert {name for peer in self.people.values() for name in warned(peer)} <= ALLOWED_WARNINGS

    def _judge_heard(self, peer: VirtualPeer) -> None:
        for name, texts in self.said.items():
            heard = [text for text in self.group.heard(peer) if text in texts]
            assert heard == [text for text in texts if text in heard], "in order, and once"
            if name in STAY and peer.name in STAY and name != peer.name:
                assert heard == texts, "nothing is lost between those who stay"


TestMeetings = Meetings.TestCase
TestMeetings.settings = examples(3, stateful_step_count=20)
