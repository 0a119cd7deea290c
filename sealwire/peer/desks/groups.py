"""Groups: made, joined, led and left. Implements ``peer.api.groups``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from sealwire.crypto.card import account_fingerprint
from sealwire.crypto.group_entry import (
    MAX_GROUP_NAME_BYTES,
    MAX_TIMER_S,
    MAX_TOPIC_BYTES,
    MIN_TIMER_S,
    Invited,
    Kind,
    encode_text,
    is_plain,
    is_seen,
)
from sealwire.crypto.group_entry import Role as RoleNumber
from sealwire.crypto.membership import MAX_INVITED_MS
from sealwire.errors import (
    BrokerUnreachableError,
    GroupLateError,
    GroupMemberError,
    GroupNameError,
    GroupRightError,
    GroupStoppedError,
    GroupTopicError,
    LastOwnerError,
    NotInGroupError,
    SealwireError,
    UnknownGroupError,
    UntrustedPeerError,
    UsageError,
)
from sealwire.i18n import _
from sealwire.ids import GROUP_MARK, GroupId, conversation_of, group_of
from sealwire.peer.api.groups import GroupInfo, GroupState, Member, Role
from sealwire.peer.groups.group import Group
from sealwire.peer.patience import link_wait_s
from sealwire.peer.records import Now

if TYPE_CHECKING:
    from sealwire.crypto.membership import Member as LogMember
    from sealwire.crypto.membership import Membership
    from sealwire.peer.client import Client

LOOK_S: Final = 0.1
"""Between two looks at what no event announces."""
WAIT_S: Final = 30.0
"""For the broker's answer about an entry, with a log that has to be read first."""

ROLES: Final[dict[Role, RoleNumber]] = {
    "owner": RoleNumber.OWNER,
    "admin": RoleNumber.ADMIN,
    "member": RoleNumber.MEMBER,
    "read-only": RoleNumber.READ_ONLY,
}
_NAMES: Final[dict[int, Role]] = {number: name for name, number in ROLES.items()}


class GroupsDesk:
    """``client.groups``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    # --- looking ---

    async def all(self) -> Sequence[GroupInfo]:
        """Every group known here, invitations too."""
        return await self._client.do(lambda _now: self.known())

    def known(self) -> list[GroupInfo]:
        """The same, inside a turn."""
        return [self.describe(group) for group in self._shown()]

    async def info(self, group: str) -> GroupInfo:
        """One group."""
        return await self._client.do(lambda _now: self.describe(self.find(group)))

    def _shown(self) -> list[Group]:
        return [
            group for group in self._client.engine.groups.book if group.shown_state != "knocking" and group.membership
        ]

    def find(self, text: str) -> Group:
        """The group that an id, or ``+`` and a name, means here.

        Raises:
            UnknownGroupError: none.
            GroupNameError: several have this name.
        """
        groups = self._shown()
        group_id = group_of(text.lower())
        if group_id is not None:
            groups = [group for group in groups if group.id == group_id]
        else:
            groups = _called(text.removeprefix(GROUP_MARK).strip(), groups)
        if not groups:
            raise UnknownGroupError(name=text)
        if len(groups) > 1:
            raise GroupNameError(_("several groups here are called {name}").format(name=text))
        return groups[0]

    def describe(self, group: Group) -> GroupInfo:
        """What people and scripts see of a group; inside a turn."""
        state, head = group.membership, group.head
        assert state is not None, "only groups whose log was read are shown"
        assert group.shown_state != "knocking", "only groups whose log holds are shown"
        own = state.members.get(self._client.name)
        shown: GroupState = group.shown_state
        return GroupInfo(
            id=group.conversation,
            name=state.name,
            topic=state.topic,
            state=shown,
            role=_NAMES[own.role] if own is not None else "read-only",
            members=tuple(self._member(name, member) for name, member in sorted(state.members.items())),
            invited_by=own.by if own is not None and own.by != self._client.name else None,
            epoch=state.epoch,
            timer_s=state.timer_s,
            shares_history=state.shares_history,
            head=head.hash.hex(),
        )

    def _member(self, name: str, member: LogMember) -> Member:
        contact = self._client.engine.contact(name)
        same = contact is not None and account_fingerprint(contact.account_key) == member.fingerprint
        verified = name == self._client.name or (same and contact is not None and contact.trust == "verified")
        return Member(name, _NAMES[member.role], not member.joined, verified)

    async def settle(self, timeout_s: float) -> bool:
        """Wait until the others can learn of what was changed here; False when time ran out."""
        ends = time.monotonic() + timeout_s
        while await self._client.do(lambda _now: self._client.engine.groups.has_news()):
            if time.monotonic() >= ends:
                return False
            await asyncio.sleep(LOOK_S)
        return await self._client.settle(max(0.0, ends - time.monotonic()))

    # --- changing ---

    async def create(self, name: str, members: Sequence[str] = ()) -> GroupInfo:
        """Make a group with oneself as owner and invite people."""
        name, others = _name(name), [member for member in members if member.lower() != self._client.name]
        guests = dict([await self._guest(member) for member in others])  # each once, however often they are named
        made: list[GroupId] = []

        def begin(now: Now) -> int:
            group_id, ticket = self._client.engine.groups.begin(name, now)
            made.append(group_id)
            return ticket

        await self._append(name, begin)
        conversation = conversation_of(made[0])
        for guest, value in guests.items():
            await self._act(conversation, Kind.INVITE, guest, value)
        return await self.info(conversation)

    async def invite(self, group: str, name: str, role: Role = "member") -> GroupInfo:
        """Ask somebody in (owner, admin)."""
        if name.lower() == self._client.name:
            found = await self._client.do(lambda _now: self.find(group))
            raise GroupMemberError(name=found.name, member=name.lower())
        guest, value = await self._guest(name, role)
        return await self._act(group, Kind.INVITE, guest, value)

    async def _guest(self, name: str, role: Role = "member") -> tuple[str, bytes]:
        """(name, value of the entry) for somebody who is to be asked; the directory is asked who that is."""
        contact = await self._client.known(name)
        if contact.trust == "changed":
            raise UntrustedPeerError(name=contact.name)
        until_ms = time.time_ns() // 1_000_000 + MAX_INVITED_MS - 60_000  # the log bounds it by the entry's own time
        return contact.name, Invited(account_fingerprint(contact.account_key), _role(role), until_ms).encode()

    async def accept(self, group: str) -> GroupInfo:
        """Join a group one is invited to; go on with one that stopped because of two histories."""
        found = await self._client.do(lambda _now: self.find(group))
        if found.state == "stopped":
            await self._client.do(lambda _now: self._client.engine.groups.resume(found))
            return await self.info(found.conversation)
        if found.state != "invited":
            raise GroupRightError(name=found.name)
        return await self._act(group, Kind.ACCEPT, value=self._client.keys.identity.card.encode())

    async def decline(self, group: str) -> GroupInfo:
        """Do not join."""
        found = await self._client.do(lambda _now: self.find(group))
        if found.state != "invited":
            raise GroupRightError(name=found.name)
        return await self._act(group, Kind.DECLINE, value=self._client.keys.identity.card.encode())

    async def leave(self, group: str) -> GroupInfo:
        """Leave; the last owner names another first."""
        return await self._act(group, Kind.LEAVE)

    async def remove(self, group: str, name: str) -> GroupInfo:
        """Put somebody out (owner, admin); what is said from then on they cannot read."""
        return await self._act(group, Kind.REMOVE, name.lower())

    async def set_role(self, group: str, name: str, role: Role) -> GroupInfo:
        """Change what somebody may do (owner)."""
        value = bytes((_role(role),))
        found = await self._client.do(lambda _now: self.find(group))
        state, own = found.membership, self._client.name
        if state is not None and name.lower() == own and state.is_last_owner(own) and role != "owner":
            raise LastOwnerError(name=found.name)
        return await self._act(found.conversation, Kind.ROLE, name.lower(), value)

    async def rename(self, group: str, name: str) -> GroupInfo:
        """Give the group another name (owner, admin)."""
        return await self._act(group, Kind.RENAME, value=encode_text(_name(name)))

    async def set_topic(self, group: str, topic: str) -> GroupInfo:
        """Say what it is about (owner, admin)."""
        topic = topic.strip()
        if (fault := _fault(topic, MAX_TOPIC_BYTES)) is not None:
            raise GroupTopicError(fault)
        return await self._act(group, Kind.TOPIC, value=encode_text(topic))

    async def set_timer(self, group: str, seconds: int) -> GroupInfo:
        """Let new messages disappear after this long (owner, admin); 0 switches it off."""
        if seconds and not MIN_TIMER_S <= seconds <= MAX_TIMER_S:
            raise UsageError(_("A timer is 5 seconds to 366 days, or 0 for none."))
        return await self._act(group, Kind.TIMER, value=seconds.to_bytes(4, "big"))

    async def share_history(self, group: str, shared: bool) -> GroupInfo:
        """Let people who join from now on see what was said before, or not (owner)."""
        return await self._act(group, Kind.HISTORY, value=b"\x01" if shared else b"\x00")

    async def _act(self, group: str, kind: Kind, subject: str = "", value: bytes = b"") -> GroupInfo:
        """Append an entry, and wait until the log has it."""
        found = await self._client.do(lambda _now: self.find(group))
        if found.state == "stopped":
            raise GroupStoppedError(name=found.name)
        answers = kind in (Kind.ACCEPT, Kind.DECLINE)
        if found.state not in ("member", "invited") or (found.state == "invited") != answers:
            raise GroupRightError(name=found.name)
        state = found.membership
        if state is not None and not state.may(self._client.name, kind, subject):
            raise _why_not(state, self._client.name, kind, subject)
        await self._append(found.name, lambda now: self._client.engine.groups.act(found, kind, now, subject, value))
        return await self.info(found.conversation)

    async def _append(self, name: str, file: Callable[[Now], int]) -> None:
        """Hand an entry of the group of this name over and wait for what becomes of it.

        Raises:
            BrokerUnreachableError, GroupLateError, GroupRightError, GroupBusyError, RejectedError.
        """
        client = self._client
        await client.online(link_wait_s(WAIT_S))
        waiting: list[tuple[int, asyncio.Future[SealwireError | None]]] = []

        def begin(now: Now) -> None:
            ticket = file(now)
            waiting.append((ticket, client.turns.publisher.awaiting(ticket)))

        await client.do(begin)
        ticket, answer = waiting[0]
        try:
            error = await asyncio.wait_for(answer, WAIT_S)
        except TimeoutError:
            await client.do(lambda _now: client.engine.groups.logs.withdraw(ticket))
            if not client.engine.online:
                raise BrokerUnreachableError(address=client.profile.broker_address) from None
            raise GroupLateError(name=name, seconds=f"{WAIT_S:g}") from None
        if error is not None:
            raise error


def _why_not(state: Membership, own: str, kind: Kind, subject: str) -> GroupRightError:
    """What stands against an entry that would not count, as exactly as it can be said."""
    member = state.members.get(subject)
    if kind is Kind.LEAVE and state.is_last_owner(own):
        return LastOwnerError(name=state.name)
    if kind is Kind.INVITE and member is not None:
        return GroupMemberError(name=state.name, member=subject)
    if kind in (Kind.REMOVE, Kind.ROLE) and (member is None or (kind is Kind.ROLE and not member.joined)):
        return NotInGroupError(name=state.name, member=subject)
    return GroupRightError(name=state.name)


def _role(role: str) -> RoleNumber:
    for name, number in ROLES.items():
        if name == role:
            return number
    raise UsageError(_("A role is one of {roles}.").format(roles=", ".join(ROLES)))


def _name(text: str) -> str:
    name = text.strip()
    fault = _fault(name, MAX_GROUP_NAME_BYTES)
    if fault is None and not is_seen(name):
        fault = _("a name has at least one character that can be seen")
    if fault is not None:
        raise GroupNameError(fault)
    return name


def _fault(text: str, limit: int) -> str | None:
    """What stands against a name or a topic."""
    if len(text.encode("utf-8", "surrogatepass")) <= limit and is_plain(text):
        return None
    words = _("{limit} bytes at most, without control characters and without signs that turn the line around")
    return words.format(limit=limit)


def _called(name: str, groups: Sequence[Group]) -> list[Group]:
    """Those a name means: of groups one is in before invitations, which anybody can send under any name."""
    alike = [group for group in groups if group.name.casefold() == name.casefold()]
    for states in (("member", "stopped"), ("invited",), ("left", "removed")):
        found = [group for group in alike if group.shown_state in states]
        if found:
            return [group for group in found if group.name == name] or found
    return []
