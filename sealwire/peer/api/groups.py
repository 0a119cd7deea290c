"""Groups: who is in, who may do what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

Role = Literal["owner", "admin", "member", "read-only"]
GroupState = Literal["invited", "member", "left", "removed", "stopped"]
"""``stopped``: the log has two heads; nothing is sent until a person looks."""


class Member(Struct, frozen=True):
    """Somebody in a group."""

    name: str
    role: Role
    invited: bool = False
    """Asked and not answered yet."""
    verified: bool = False


class GroupInfo(Struct, frozen=True):
    """A group as this device knows it from the signed log."""

    id: str
    """``+`` and 32 hex digits."""
    name: str
    topic: str
    state: GroupState
    role: Role
    """One's own."""
    members: tuple[Member, ...]
    invited_by: str | None
    epoch: int
    timer_s: int
    shares_history: bool
    """Whether a signed entry lets new members see what was said before."""
    head: str
    """Hex of the log's head: equal on every member's side."""


class GroupsApi(Protocol):
    """``client.groups``. ``group`` is an id, or ``+`` and a name that only one group here has.

    Raises:
        UnknownGroupError, GroupNameError, GroupRightError, GroupBusyError, GroupStoppedError, RejectedError,
        UnknownPeerError, UntrustedPeerError, UsageError, BrokerUnreachableError, NotReachedError.
    """

    async def settle(self, timeout_s: float) -> bool:
        """Wait until the others can learn of what was changed here; False when time ran out."""

    async def create(self, name: str, members: Sequence[str] = ()) -> GroupInfo:
        """Make a group with oneself as owner and invite people."""

    async def all(self) -> Sequence[GroupInfo]:
        """Every group known here, invitations too."""

    async def info(self, group: str) -> GroupInfo:
        """One group."""

    async def invite(self, group: str, name: str, role: Role = "member") -> GroupInfo:
        """Ask somebody in (owner, admin); an admin as member or read-only."""

    async def accept(self, group: str) -> GroupInfo:
        """Join a group one is invited to, or go on with one that stopped."""

    async def decline(self, group: str) -> GroupInfo:
        """Do not join."""

    async def leave(self, group: str) -> GroupInfo:
        """Leave; the last owner names another first."""

    async def remove(self, group: str, name: str) -> GroupInfo:
        """Put somebody out (owner, admin); what is said from then on they cannot read."""

    async def set_role(self, group: str, name: str, role: Role) -> GroupInfo:
        """Change what somebody may do (owner)."""

    async def rename(self, group: str, name: str) -> GroupInfo:
        """Give the group another name (owner, admin)."""

    async def set_topic(self, group: str, topic: str) -> GroupInfo:
        """Say what it is about (owner, admin)."""

    async def set_timer(self, group: str, seconds: int) -> GroupInfo:
        """Let new messages disappear after this long (owner, admin); 0 switches it off."""

    async def share_history(self, group: str, shared: bool) -> GroupInfo:
        """Let people who join from now on see what was said before, or not (owner)."""
