"""Who is in a group: a pure function from one entry of its log to the next state, the same for everybody.

Whatever breaks a rule changes nothing, and every rule depends on the log alone; so all who have the same head have the
same members, whoever appended what.

Source: protocol.md §16.2.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from sealwire.crypto.card import MAX_DEVICES, Card, SignedCard
from sealwire.crypto.group_entry import (
    MAX_GROUP_NAME_BYTES,
    MAX_TOPIC_BYTES,
    Body,
    Invited,
    Kind,
    Role,
    SignedBody,
    read_card,
    read_create,
    read_device,
    read_role,
    read_switch,
    read_text,
    read_timer,
)
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import Mailbox, Millis

MAX_MEMBERS: Final = 1_000
"""Accounts in a group or invited to it; without it one log makes every member encrypt without end."""
MAX_INVITED_MS: Final = 30 * 24 * 3600 * 1000
"""The longest an invitation may stand open."""

_LEADS: Final = frozenset({Role.OWNER, Role.ADMIN})
_EVERYBODY: Final = frozenset(Role)
RIGHTS: Final[dict[Kind, frozenset[Role]]] = {
    Kind.INVITE: _LEADS,
    Kind.REMOVE: _LEADS,
    Kind.LEAVE: _EVERYBODY,
    Kind.ROLE: frozenset({Role.OWNER}),
    Kind.RENAME: _LEADS,
    Kind.TOPIC: _LEADS,
    Kind.TIMER: _LEADS,
    Kind.HISTORY: frozenset({Role.OWNER}),
    Kind.DEVICE: _EVERYBODY,
    Kind.REKEY: frozenset({Role.OWNER, Role.ADMIN, Role.MEMBER}),
}
"""Who among those who joined may append what; for some kinds more is asked below."""
SPEAKS: Final = frozenset({Role.OWNER, Role.ADMIN, Role.MEMBER})


class DeviceRef(msgspec.Struct, frozen=True, array_like=True):
    """What a group needs to know of a member's device: all of it follows from the card in the log."""

    card_hash: bytes
    mailbox: bytes
    sk: bytes


class Member(msgspec.Struct, frozen=True, array_like=True):
    """Somebody who joined or is invited."""

    fingerprint: bytes
    role: int
    joined: bool
    by: str
    """Who invited; the own name of the group's creator."""
    until_ms: int
    devices: tuple[DeviceRef, ...] = ()
    since: int = 0
    """Sequence of the entry that let them in."""
    sees_past: bool = False
    """Whether the log said, when they joined, that they see what was said before."""


class Membership(msgspec.Struct, frozen=True, array_like=True):
    """A group at one head of its log."""

    realm: str
    name: str
    topic: str
    timer_s: int
    shares_history: bool
    epoch: int
    epoch_ms: int
    """Time of the entry that began the epoch."""
    is_known_outside: bool
    """Somebody who left or declined knows the log key."""
    members: dict[str, Member]

    def joined(self) -> dict[str, Member]:
        """Those who joined."""
        return {name: member for name, member in self.members.items() if member.joined}

    def leads(self, name: str) -> bool:
        """Whether somebody is owner or admin."""
        member = self.members.get(name)
        return member is not None and member.joined and member.role in _LEADS

    def speaks(self, name: str) -> bool:
        """Whether somebody joined and may say something."""
        member = self.members.get(name)
        return member is not None and member.joined and member.role in SPEAKS

    def device(self, name: str, card_hash: bytes) -> DeviceRef | None:
        """A device of somebody who joined."""
        member = self.members.get(name)
        devices = member.devices if member is not None and member.joined else ()
        return next((device for device in devices if device.card_hash == card_hash), None)

    def has(self, name: str, mailbox: bytes) -> bool:
        """Whether a mailbox is that of a device of somebody who joined."""
        member = self.members.get(name)
        devices = member.devices if member is not None and member.joined else ()
        return any(device.mailbox == mailbox for device in devices)

    def may(self, name: str, kind: Kind, subject: str = "") -> bool:
        """Whether an entry of this kind by this member would count, as far as rights go.

        Source: protocol.md §16.2.
        """
        member, other = self.members.get(name), self.members.get(subject)
        if member is None:
            return False
        if kind in (Kind.ACCEPT, Kind.DECLINE):
            return not member.joined and self._keeps_an_owner_without(name)
        if not member.joined or member.role not in RIGHTS.get(kind, frozenset()):
            return False
        match kind:
            case Kind.INVITE:
                return other is None
            case Kind.REMOVE:
                reaches = other is not None and (member.role == Role.OWNER or other.role > Role.ADMIN)
                return reaches and subject != name
            case Kind.ROLE:
                return other is not None and other.joined
            case Kind.LEAVE:
                return len(self.joined()) == 1 or self._keeps_an_owner_without(name)
            case _:
                return True

    def is_last_owner(self, name: str) -> bool:
        """Whether nobody else who joined is an owner, and somebody is."""
        member = self.members.get(name)
        return member is not None and member.role == Role.OWNER and not self._keeps_an_owner_without(name)

    def _keeps_an_owner_without(self, name: str) -> bool:
        return any(member.role == Role.OWNER for other, member in self.joined().items() if other != name)

    def epoch_after(self, kind: Kind, subject: str = "") -> int:
        """The epoch that holds after an entry of this kind.

        Source: protocol.md §16.2.
        """
        gone = self.members.get(subject)
        removes = kind is Kind.REMOVE and gone is not None and gone.joined
        return self.epoch + (removes or kind in (Kind.LEAVE, Kind.DEVICE, Kind.REKEY))

    def changes_writer(self, name: str, kind: Kind) -> bool:
        """Whether an entry of this kind by this member replaces the log key.

        Source: protocol.md §16.2.
        """
        return kind is Kind.REMOVE or (kind is Kind.REKEY and self.leads(name))


_decode = msgspec.msgpack.Decoder(Membership).decode
encode_membership: Final = msgspec.msgpack.Encoder().encode
"""A membership as a client keeps it beside the log it follows from."""


def decode_membership(encoded: bytes) -> Membership:
    """Load what ``encode_membership`` wrote. Raises RemoteProtocolError. Source: protocol.md §16.2."""
    try:
        return _decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteProtocolError("no membership") from error


class Change(NamedTuple):
    """What an entry changed, for people."""

    kind: Kind
    by: str
    subject: str
    detail: str
    before: Membership | None


def apply(
    state: Membership | None, signed: SignedBody, start: bytes, sequence: int, writer_changed: bool
) -> tuple[Membership, Change]:
    """Return the state after an entry.

    Args:
        state: before it; None before the first one.
        start: the entry's outside, which its author signed too.
        writer_changed: whether the entry names another writer than the one before.

    Raises:
        RefusedError, RemoteProtocolError: it breaks a rule and changes nothing.

    Source: protocol.md §16.2.
    """
    body = signed.body
    if state is None or body.kind is Kind.CREATE:
        if state is not None or sequence != 1:
            raise RefusedError("not-allowed")
        after, detail = _create(signed, start)
    else:
        if writer_changed != state.changes_writer(body.author, body.kind):
            raise RefusedError("not-allowed")
        after, detail = _change(state, signed, start, sequence)
        if writer_changed:
            after = msgspec.structs.replace(after, is_known_outside=False)
    if body.epoch != after.epoch:
        raise RefusedError("not-allowed")
    return after, Change(body.kind, body.author, body.subject, detail, state)


def _ref(card: Card) -> DeviceRef:
    return DeviceRef(card.hash, card.mailbox, card.sk)


def _create(signed: SignedBody, start: bytes) -> tuple[Membership, str]:
    body = signed.body
    if body.kind is not Kind.CREATE:
        raise RefusedError("not-allowed")
    name, card = read_create(body.value)
    own = card.card
    if (own.account, own.hash) != (body.author, body.card_hash):
        raise RefusedError("not-allowed")
    signed.verify(start, own.sk)
    owner = Member(own.fingerprint, Role.OWNER, True, body.author, 0, (_ref(own),), 1)
    return Membership(own.realm, name, "", 0, False, 1, body.time_ms, False, {body.author: owner}), name


def _change(state: Membership, signed: SignedBody, start: bytes, sequence: int) -> tuple[Membership, str]:
    body = signed.body
    if not state.may(body.author, body.kind, body.subject):
        raise RefusedError("not-allowed")
    if body.kind in (Kind.ACCEPT, Kind.DECLINE):
        return _answer(state, signed, start, sequence)
    if body.kind is Kind.DEVICE:
        return _device(state, signed, start)
    device = state.device(body.author, body.card_hash)
    if device is None:
        raise RefusedError("not-allowed")
    signed.verify(start, device.sk)
    match body.kind:
        case Kind.INVITE:
            return _invite(state, body)
        case Kind.REMOVE | Kind.LEAVE:
            return _without(state, body)
        case Kind.ROLE:
            return _role(state, body)
        case Kind.REKEY:
            return _new_epoch(state, body.time_ms), ""
        case _:
            return _set(state, body)


def _set(state: Membership, body: Body) -> tuple[Membership, str]:
    replace = msgspec.structs.replace
    match body.kind:
        case Kind.RENAME:
            name = read_text(body.value, MAX_GROUP_NAME_BYTES, least=1)
            return replace(state, name=name), name
        case Kind.TOPIC:
            topic = read_text(body.value, MAX_TOPIC_BYTES)
            return replace(state, topic=topic), topic
        case Kind.TIMER:
            seconds = read_timer(body.value)
            return replace(state, timer_s=seconds), str(seconds)
        case _:
            shared = read_switch(body.value)
            return replace(state, shares_history=shared), "on" if shared else "off"


def _new_epoch(state: Membership, time_ms: Millis) -> Membership:
    return msgspec.structs.replace(state, epoch=state.epoch + 1, epoch_ms=time_ms)


def _with(state: Membership, name: str, member: Member | None) -> Membership:
    members = {other: kept for other, kept in state.members.items() if other != name}
    if member is not None:
        members[name] = member
    return msgspec.structs.replace(state, members=members)


def _invite(state: Membership, body: Body) -> tuple[Membership, str]:
    invited = Invited.decode(body.value)
    may_give = state.members[body.author].role == Role.OWNER or invited.role > Role.ADMIN
    open_ms = invited.until_ms - body.time_ms
    if not body.subject or not may_give or not 0 < open_ms <= MAX_INVITED_MS or len(state.members) >= MAX_MEMBERS:
        raise RefusedError("not-allowed")
    guest = Member(invited.fingerprint, invited.role, False, body.author, invited.until_ms)
    return _with(state, body.subject, guest), invited.role.name.lower().replace("_", "-")


def _own_card(state: Membership, card: SignedCard, body: Body) -> Card:
    """The card of the author's account as the log knows it."""
    own, member = card.card, state.members[body.author]
    if (own.realm, own.account, own.fingerprint) != (state.realm, body.author, member.fingerprint):
        raise RefusedError("not-allowed")
    return own


def _answer(state: Membership, signed: SignedBody, start: bytes, sequence: int) -> tuple[Membership, str]:
    body = signed.body
    guest = state.members[body.author]
    own = _own_card(state, read_card(body.value), body)
    if own.hash != body.card_hash or body.subject:
        raise RefusedError("not-allowed")
    signed.verify(start, own.sk)
    if body.kind is Kind.DECLINE:
        return msgspec.structs.replace(_with(state, body.author, None), is_known_outside=True), ""
    if body.time_ms > guest.until_ms:
        raise RefusedError("not-allowed")
    sees_past = state.shares_history
    joined = msgspec.structs.replace(guest, joined=True, devices=(_ref(own),), since=sequence, sees_past=sees_past)
    return _with(state, body.author, joined), ""


def _without(state: Membership, body: Body) -> tuple[Membership, str]:
    gone = body.author if body.kind is Kind.LEAVE else body.subject
    had_joined = state.members[gone].joined
    after = _with(state, gone, None)
    if body.kind is Kind.LEAVE:
        after = msgspec.structs.replace(after, is_known_outside=True)
    return (_new_epoch(after, body.time_ms) if had_joined else after), ""


def _role(state: Membership, body: Body) -> tuple[Membership, str]:
    role, member = read_role(body.value), state.members[body.subject]
    if role != Role.OWNER and not state._keeps_an_owner_without(body.subject):
        raise RefusedError("not-allowed")
    after = _with(state, body.subject, msgspec.structs.replace(member, role=role))
    return after, role.name.lower().replace("_", "-")


def _device(state: Membership, signed: SignedBody, start: bytes) -> tuple[Membership, str]:
    body = signed.body
    member, changed = state.members[body.author], read_device(body.value)
    speaker = state.device(body.author, body.card_hash)
    if isinstance(changed, SignedCard):
        own = _own_card(state, changed, body)
        if any(own.hash == known.card_hash for known in member.devices) or len(member.devices) >= MAX_DEVICES:
            raise RefusedError("not-allowed")
        if speaker is None and own.hash == body.card_hash:
            speaker = _ref(own)
        devices = (*member.devices, _ref(own))
    else:
        devices = tuple(known for known in member.devices if known.card_hash != changed)
        if len(devices) != len(member.devices) - 1 or not devices:
            raise RefusedError("not-allowed")
    if speaker is None:
        raise RefusedError("not-allowed")
    signed.verify(start, speaker.sk)
    after = _with(state, body.author, msgspec.structs.replace(member, devices=devices))
    return _new_epoch(after, body.time_ms), ""


def addresses(state: Membership) -> dict[Mailbox, str]:
    """The devices of everyone who joined, and whose they are."""
    joined = state.joined().items()
    return {Mailbox(device.mailbox): name for name, member in joined for device in member.devices}
