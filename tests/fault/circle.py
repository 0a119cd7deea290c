"""A group and what a hostile broker, or a hostile member, can do to it, as tools for tests over ``testing.Network``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property

import msgspec

from sealwire.crypto.group_entry import Body, Invited, Kind, Role, SignedBody
from sealwire.crypto.group_log import Head, LogEntry, start_of
from sealwire.crypto.log_keys import LogKey, seal_entry
from sealwire.crypto.membership import MAX_INVITED_MS
from sealwire.crypto.sender_keys import ReceiverKey, SenderKey
from sealwire.errors import RemoteProtocolError
from sealwire.peer.groups.group import Group
from sealwire.testing.network import Network, VirtualPeer
from sealwire.wire.content import Content, Text
from sealwire.wire.control import EntriesBody, Response, decode_entries_body, encode_entries_body
from sealwire.wire.frames import Code, Verb
from sealwire.wire.group_content import SenderKeyGiven
from sealwire.wire.group_plain import GroupPlaintext, encode_group_plaintext
from tests.company import Company
from tests.fault.hostile import answers


class Circle(Company):
    """alice's group with bob and carol."""

    def __init__(self, net: Network) -> None:
        self.alice, self.bob = net.peer("alice"), net.peer("bob")
        self.carol = net.peer("carol", "mallory")
        net.run()
        super().__init__(net, self.alice)
        self.all = (self.alice, self.bob, self.carol)
        for guest in self.all[1:]:
            self.know(self.alice, guest)
            card = guest.identity.card.card
            value = Invited(card.fingerprint, Role.MEMBER, net.now.ms + MAX_INVITED_MS).encode()
            self.act(self.alice, Kind.INVITE, guest.name, value)
        self.settle(1.0)
        for guest in self.all[1:]:
            self.act(guest, Kind.ACCEPT, value=guest.identity.card.encode())
        self.settle(3.0)
        assert self.members(self.bob) == self.members(self.carol) == {"alice", "bob", "carol"}

    @cached_property
    def dave(self) -> VirtualPeer:
        """Somebody who is outside."""
        peer = self.net.peer("dave", "bob")
        self.net.run()
        return peer

    def talk(self) -> None:
        """Everybody says something, so that all have the keys of all."""
        for peer in self.all:
            self.say(peer, f"{peer.name} is here")
        self.settle()

    def reconnect(self, *peers: VirtualPeer) -> None:
        """They log in again, and so ask how far the log is."""
        for peer in peers:
            self.net.cut(peer)
        self.settle()


def entry_by(
    group: Group,
    author: VirtualPeer,
    kind: Kind,
    subject: str = "",
    value: bytes = b"",
    *,
    key: LogKey | None = None,
    head: Head | None = None,
    epoch: int | None = None,
    rotate: LogKey | None = None,
    time_ms: int | None = None,
) -> LogEntry:
    """An entry by a device that asks nobody whether it may: only the signatures are right.

    Args:
        key: signs and seals, instead of the log's own.
        rotate: the writer after it; the keeper signs, too, if ``group`` has its seed.
    """
    head, state = head or group.head, group.membership
    assert state is not None
    own = key or group.keys[head.writer]
    link = rotate.link(own, head.sequence + 1, os.urandom) if rotate is not None else b""
    start = start_of(head, head.keeper, (rotate or own).writer, link)
    holds = epoch if epoch is not None else state.epoch_after(kind, subject)
    card = author.identity.card.card
    body = Body(holds, card.account, card.hash, kind, subject, value, time_ms or author.net.now.ms)
    signed = SignedBody.sign(body, start, author.identity.device.sk)
    return seal_entry(start, own, signed.encode(), group.keeper_seed if rotate is not None else None, os.urandom)


def push(peer: VirtualPeer, entry: LogEntry) -> None:
    """Hand an entry to the broker past everything that a peer checks before it does."""
    peer.turn([], lambda engine, _now: engine._requests.append(entry.group, entry.encoded))
    peer.net.run()


def whisper(peer: VirtualPeer, to: VirtualPeer, content: Content) -> None:
    """Say anything to another device inside the session with it."""
    peer.turn([], lambda engine, now: engine.mail.post(to.mailbox(), content, now, to.name))
    peer.net.run()


class Tampered:
    """What the broker tells one peer of a group's log is for ``change`` to say; None leaves an answer as it is."""

    def __init__(self, peer: VirtualPeer, change: Callable[[EntriesBody], EntriesBody | None]) -> None:
        self.times = 0

        def altered(response: Response) -> Response | None:
            body = log_of(response)
            after = change(body) if body is not None else None
            if after is None:
                return None
            self.times += 1
            return Response(id=response.id, code=Code.OK, body=encode_entries_body(after))

        peer.hostile = answers(altered)


def log_of(response: Response) -> EntriesBody | None:
    """The body of an answer about a log, if it is one."""
    try:
        body: EntriesBody = decode_entries_body(response.body)
    except RemoteProtocolError:
        return None
    return body


def with_entries(body: EntriesBody, entries: Sequence[bytes], head: Head | None = None) -> EntriesBody:
    """The same answer with other entries (and another place where the log is said to end)."""
    if head is None:
        return msgspec.structs.replace(body, entries=list(entries))
    return EntriesBody(sequence=head.sequence, head=head.hash, entries=list(entries))


def own_key(group: Group, peer: VirtualPeer) -> SenderKeyGiven:
    """The sender key of a member as it gives it away, at the iteration reached."""
    found = peer.engine.groups._own.current(group)
    assert found is not None, "it has spoken in this epoch"
    kept, key = found
    log_key = group.keys[group.head.writer].secret
    place = (group.id, kept.epoch, kept.sequence, key.place.head, log_key)
    return SenderKeyGiven(*place, key.chain_key, key.iteration, key.verify_key)


def frames_of(net: Network, peer: VirtualPeer, verb: Verb) -> list[bytes]:
    """Frames of one kind that the broker hands to a peer from now on; they still arrive."""
    seen: list[bytes] = []

    def towards(_peer: VirtualPeer, frame: bytes) -> list[bytes]:
        if frame[0] == verb:
            seen.append(frame)
        return [frame]

    peer.hostile = towards
    return seen


def spoken(company: Company, peer: VirtualPeer, text: str, key: SenderKey | None = None, **other: object) -> bytes:
    """The envelope of something a member says, sealed under its key of now (or another), which stays where it is.

    Args:
        other: fields of the plaintext that claim something else.
    """
    group = company.of(peer)
    found = peer.engine.groups._own.current(group)
    assert found is not None, "it has spoken in this epoch"
    place, card = found[1].place, peer.identity.card.card
    plain = GroupPlaintext(
        version=1,
        group=group.id,
        sender=card.hash,
        epoch=place.epoch,
        sequence=group.head.sequence,
        head=group.head.hash,
        message_id=os.urandom(16),
        previous=found[1].previous,
        sent_at_ms=company.net.now.ms,
        content=Text(text),
    )
    plain = msgspec.structs.replace(plain, **other)
    return (key or found[1]).encrypt(encode_group_plaintext(plain), os.urandom)[1]


def heard_keys(peer: VirtualPeer, company: Company) -> list[ReceiverKey]:
    """Every sender key of others that a device holds for a group, as it could be stolen from it."""
    heard = peer.engine.groups._heard
    return [heard.open(kept) for kept in peer.store.heard_keys(company.id) if kept.sealed]
