"""People in a group, over ``testing.Network``: what they do, and what each of them sees."""

from __future__ import annotations

from sealwire.crypto.group_entry import Invited, Kind, Role, encode_text
from sealwire.crypto.membership import MAX_INVITED_MS
from sealwire.ids import GroupId, conversation_of
from sealwire.peer.events import Group as GroupEvent
from sealwire.peer.events import Message, Warning
from sealwire.peer.groups.group import Group
from sealwire.testing.network import Network, VirtualPeer

SETTLE_S = 3.0
"""Time in which nudges and receipts go out."""


class Company:
    """A group, and the people around it."""

    def __init__(self, net: Network, founder: VirtualPeer, name: str = "the group") -> None:
        self.net = net
        self.founder = founder
        result = founder.turn([], lambda engine, now: engine.groups.begin(name, now))
        assert isinstance(result, tuple)
        self.id: GroupId = result[0]
        self.conversation = conversation_of(self.id)
        self.settle()

    def settle(self, seconds: float = SETTLE_S) -> None:
        self.net.advance(seconds)

    # --- what people do ---

    def act(self, peer: VirtualPeer, kind: Kind, subject: str = "", value: bytes = b"") -> int:
        """Ask for an entry; returns its ticket. Nothing has happened yet."""
        result = peer.turn([], lambda engine, now: engine.groups.act(self.of(peer), kind, now, subject, value))
        assert isinstance(result, int)
        return result

    def do(self, peer: VirtualPeer, kind: Kind, subject: str = "", value: bytes = b"") -> None:
        """Ask for an entry and let everybody learn of it."""
        self.act(peer, kind, subject, value)
        self.settle()

    def invite(self, by: VirtualPeer, guest: VirtualPeer, role: Role = Role.MEMBER, days: float = 30) -> None:
        self.know(by, guest)
        until_ms = self.net.now.ms + min(int(days * 24 * 3600 * 1000), MAX_INVITED_MS)
        value = Invited(guest.identity.card.card.fingerprint, role, until_ms).encode()
        self.do(by, Kind.INVITE, guest.name, value)

    def accept(self, guest: VirtualPeer) -> None:
        self.do(guest, Kind.ACCEPT, value=guest.identity.card.encode())

    def join(self, by: VirtualPeer, *guests: VirtualPeer, role: Role = Role.MEMBER) -> None:
        for guest in guests:
            self.invite(by, guest, role)
            self.accept(guest)

    def know(self, peer: VirtualPeer, other: VirtualPeer) -> None:
        """Look somebody up, as inviting them does."""
        if peer.engine.contact(other.name) is None:
            peer.turn([], lambda engine, _: engine.find(other.name))
            self.net.run()

    def say(self, peer: VirtualPeer, text: str) -> str:
        return peer.send(self.conversation, text)

    def remove(self, by: VirtualPeer, name: str) -> None:
        self.do(by, Kind.REMOVE, name)

    def rename(self, by: VirtualPeer, name: str) -> None:
        self.do(by, Kind.RENAME, value=encode_text(name))

    # --- what they see ---

    def of(self, peer: VirtualPeer) -> Group:
        group = peer.engine.groups.book.get(self.id)
        assert group is not None, f"{peer.name} knows no such group"
        return group

    def members(self, peer: VirtualPeer) -> set[str]:
        state = self.of(peer).membership
        assert state is not None
        return set(state.joined())

    def state(self, peer: VirtualPeer) -> str:
        group = peer.engine.groups.book.get(self.id)
        return "" if group is None else group.state

    def heard(self, peer: VirtualPeer) -> list[str]:
        """Texts of others in this group, in order."""
        said = [e for e in peer.events if isinstance(e, Message) and e.conversation == self.conversation]
        return [message.text for message in said if message.kind == "text"]

    def notices(self, peer: VirtualPeer) -> list[str]:
        """What stands between the texts."""
        return [m.text for m in peer.store.history(self.conversation, 99, None) if m.kind == "notice"]

    def changes(self, peer: VirtualPeer) -> list[str]:
        return [e.change for e in peer.events if isinstance(e, GroupEvent) and e.id == self.conversation]

    def agree(self, *peers: VirtualPeer) -> bool:
        """Whether all have the same head and the same members."""
        return len({(self.of(peer).head.hash, frozenset(self.members(peer))) for peer in peers}) == 1


def warned(peer: VirtualPeer) -> list[str]:
    """Codes of warnings shown."""
    return [e.name for e in peer.events if isinstance(e, Warning)]
