"""What a hostile broker can do to a peer, as tools for tests over ``testing.Network``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from sealwire.crypto.identity import Identity
from sealwire.crypto.prekeys import Bundle
from sealwire.errors import RemoteProtocolError
from sealwire.ids import mid_of
from sealwire.peer.events import Contact
from sealwire.testing.network import Network, VirtualPeer
from sealwire.wire.control import (
    LookupBody,
    Response,
    decode_lookup_body,
    decode_response,
    encode_lookup_body,
    encode_response,
)
from sealwire.wire.frames import AT_SEND_ENVELOPE, Code, Verb, decode_deliver, encode_deliver


class Mail:
    """Keeps every envelope for one peer back; what arrives instead is for the test to say."""

    def __init__(self, peer: VirtualPeer, pass_on: bool = False) -> None:
        self.envelopes: list[bytes] = []
        self._pass_on = pass_on
        peer.hostile = self

    def __call__(self, _peer: VirtualPeer, frame: bytes) -> list[bytes]:
        if frame[0] != Verb.DELIVER:
            return [frame]
        self.envelopes.append(decode_deliver(frame)[2])
        return [frame] if self._pass_on else []


def inject(peer: VirtualPeer, *envelopes: bytes) -> None:
    """Envelopes of the broker's choice, under numbers without a gap; then the connection breaks.

    The honest router behind it never hears the acknowledgements, so it goes on as if nothing had happened.
    """
    if not peer.engine.online:
        peer.net.run()
    first = peer.engine._received + 1
    peer.turn([encode_deliver(first + n, mid_of(envelope), envelope) for n, envelope in enumerate(envelopes)])
    peer.net.cut(peer)


def answers(change: Callable[[Response], Response | None]) -> Callable[[VirtualPeer, bytes], list[bytes]]:
    """A hostile directory: ``change`` takes every RESPONSE and returns another one, or None to leave it."""

    def towards(_peer: VirtualPeer, frame: bytes) -> list[bytes]:
        if frame[0] != Verb.RESPONSE:
            return [frame]
        response = decode_response(frame)
        altered = change(response)
        return [encode_response(altered)] if altered is not None else [frame]

    return towards


def lookup_of(response: Response) -> LookupBody | None:
    """The body of an answer to a look-up, if it is one."""
    try:
        return decode_lookup_body(response.body)
    except RemoteProtocolError:
        return None


def with_lookup(response: Response, body: LookupBody) -> Response:
    return with_body(response, encode_lookup_body(body))


def bundle_of(response: Response) -> Bundle | None:
    """The bundle in an answer, if it is one."""
    try:
        return Bundle.decode(response.body)
    except RemoteProtocolError:
        return None


def with_body(response: Response, body: bytes) -> Response:
    return Response(id=response.id, code=Code.OK, body=body)


def listing(identity: Identity, **changes: object) -> LookupBody:
    """What the directory would say of an account."""
    signed, mailbox = identity.devices, identity.card.card.mailbox
    body = LookupBody(devices=signed.devices.encode(), signature=signed.signature, mailboxes=[mailbox])
    return msgspec.structs.replace(body, **changes)


def friends(net: Network, *names: str) -> list[VirtualPeer]:
    """Peers that have all talked with the first one in both directions."""
    first, *others = peers = [net.peer(name) for name in names]
    net.run()
    for other in others:
        first.send(other.name, "hello")
        net.run()
        other.send(first.name, "hello")
        net.run()
    return peers


class Tap:
    """What one peer sends to the broker."""

    def __init__(self, peer: VirtualPeer) -> None:
        self.frames: list[bytes] = []
        real = peer.net.to_broker

        def to_broker(sender: VirtualPeer, sent: list[bytes]) -> None:
            if sender is peer:
                self.frames.extend(sent)
            real(sender, sent)

        peer.net.to_broker = to_broker  # type: ignore[method-assign]

    def envelopes(self) -> list[bytes]:
        """The envelopes of its SENDs."""
        return [frame[AT_SEND_ENVELOPE:] for frame in self.frames if frame[0] == Verb.SEND]


def held_back(net: Network, sender: VirtualPeer, recipient: VirtualPeer, *texts: str) -> list[bytes]:
    """Send texts; the broker keeps their envelopes (and hands nothing over until ``hostile`` is taken off)."""
    mail = Mail(recipient)
    for text in texts:
        sender.send(recipient.name, text)
    net.run()
    return mail.envelopes


def contact_states(peer: VirtualPeer, name: str) -> list[str]:
    return [event.state for event in peer.events if isinstance(event, Contact) and event.name == name]


def reasons(peer: VirtualPeer) -> list[str]:
    """Why envelopes lie in quarantine."""
    return [row.reason for row in peer.store.quarantined()]


def sessions(peer: VirtualPeer, other: VirtualPeer) -> int:
    """How many sessions a peer has stored with another device."""
    return len(peer.store.sessions_of(other.mailbox()))


def snapshot(peer: VirtualPeer, to: Path) -> None:
    """What a backup program, or a thief, would have copied."""
    peer.crash()
    shutil.copytree(peer.folder, to)
    peer.start()


def restore(peer: VirtualPeer, copy: Path) -> None:
    """Yesterday's database again, as the client starts with one (it sees the count of starts beside it)."""
    peer.crash()
    shutil.rmtree(peer.folder)
    shutil.copytree(copy, peer.folder)
    peer.start()
    peer.turn([], lambda engine, now: engine.forget_chains())
