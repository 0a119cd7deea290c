"""One group as this device knows it, and all of them.

Source: protocol.md §16.3.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct, field

from sealwire.crypto.group_entry import Kind
from sealwire.crypto.group_log import Head, LogEntry
from sealwire.crypto.log_keys import LogKey
from sealwire.crypto.membership import Membership, decode_membership, encode_membership
from sealwire.crypto.primitives import Rng, ed25519_public
from sealwire.crypto.vault import Vault
from sealwire.ids import GroupId, conversation_of
from sealwire.peer.groups.records import GroupRecord, GroupRecords, State
from sealwire.wire.group_content import Invitation

MAX_CLAIMS: Final = 16
"""Heads shown by members that the broker has not handed out yet; the lowest matter most and are kept."""
MAX_CANDIDATES: Final = 8
"""Log keys that no entry names yet: they may come before the entry. Without a bound a member fills memory."""

NUDGE_S: Final = 0.5
"""Before members are shown our head: several entries in a row are shown at once."""
NUDGE_EACH_S: Final = 0.01
"""More for each member: when a crowd joins, what all of them are told grows with its square."""


class Before(NamedTuple):
    """What a group goes back to when an invitation to it does not hold."""

    state: State
    inviter: str


class Call(msgspec.Struct, frozen=True, array_like=True):
    """An invitation to a group that we are in, as far as its log was read."""

    by: str
    invitation: Invitation


class Claim(NamedTuple):
    """A head that a member's device has shown."""

    sequence: int
    hash: bytes
    by: str
    at_s: float


class Act(Struct):
    """Something of ours that is to become an entry of the log."""

    kind: Kind
    subject: str = ""
    value: bytes = b""
    ticket: int = 0
    """Who waits for it; 0: nobody."""
    until_s: float = 0.0
    """Monotonic time after which it is given up, unless it is under way."""
    tries: int = 0
    entry: LogEntry | None = None
    """Under way to the broker."""
    key: LogKey | None = None
    """The log key that holds after it, when it changes."""


class _Secrets(msgspec.Struct, array_like=True):
    keys: list[bytes]
    keeper: bytes | None
    call: Call | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Secrets).decode


class Group(Struct):
    """A group. ``head`` is pinned and verified; ``membership`` is what the log says up to ``applied``."""

    id: GroupId
    state: State
    inviter: str
    head: Head
    applied: int = 0
    membership: Membership | None = None
    keys: dict[bytes, LogKey] = field(default_factory=dict)
    """By the writer that a log names them by."""
    keeper_seed: bytes | None = None
    shared: int = 0
    was: Before | None = None
    """Before another invitation came to a group that is known."""
    call: Call | None = None
    """It waits until the log says that we were put out before it."""
    candidates: deque[LogKey] = field(default_factory=lambda: deque(maxlen=MAX_CANDIDATES))
    claims: list[Claim] = field(default_factory=list)
    acts: deque[Act] = field(default_factory=deque)
    hinted: bool = False
    """Somebody who is not in the log, as far as it was read, has shown a higher head: worth a question, no more."""
    asked: bool = False
    """A request for entries is under way."""
    fetched_s: float | None = None
    """When the broker last said that there is nothing more; None: not in this link session."""
    not_before_s: float = 0.0
    """After an answer that could not be used."""
    nudge_s: float | None = None
    """When members are to be shown our head."""
    warned: set[str] = field(default_factory=set)
    """What was said already in this run."""
    is_dirty: bool = True

    @property
    def conversation(self) -> str:
        """How people and scripts name it."""
        return conversation_of(self.id)

    @property
    def name(self) -> str:
        """Its name, as far as the log was read."""
        return self.membership.name if self.membership is not None else ""

    @property
    def shown_state(self) -> State:
        """What people and scripts see: of a group that was known, what it was until an invitation holds."""
        return self.was.state if self.was is not None and self.state == "knocking" else self.state

    @property
    def is_current(self) -> bool:
        """Whether everything that is known of the log has been read, and nobody has shown more."""
        return self.applied == self.head.sequence and not self.claims

    @property
    def has_log_key(self) -> bool:
        """Whether the log key of now is here: an entry that changes it can be read before whoever wrote it gives it."""
        return self.head.writer in self.keys

    def nudge(self, now_s: float) -> None:
        """Members shall be shown our head, soon."""
        members = self.membership.members if self.membership is not None else {}
        self.nudge_s = self.nudge_s or now_s + NUDGE_S + NUDGE_EACH_S * len(members)

    def claim(self, claim: Claim) -> None:
        """Remember a head that is beyond ours."""
        if all(known.sequence != claim.sequence or known.hash != claim.hash for known in self.claims):
            self.claims = sorted([*self.claims, claim])[:MAX_CLAIMS]


class GroupBook:
    """All groups of this device, written back once a turn."""

    def __init__(self, records: GroupRecords, vault: Vault, rng: Rng) -> None:
        self._records = records
        self._vault = vault
        self._rng = rng
        self._groups = {record.id: self._load(record) for record in records.groups()}

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def get(self, group: bytes) -> Group | None:
        """A group, if it is known here."""
        return self._groups.get(GroupId(group))

    def is_shared_with(self, name: str) -> bool:
        """Whether somebody is in a group that we are in."""
        states = (group.membership for group in self if group.state in ("member", "stopped"))
        return any(state is not None and name in state.joined() for state in states)

    def unread(self) -> set[str]:
        """Groups of ours whose log this link has not shown yet: somebody may have been put out while we were away."""
        return {group.conversation for group in self if group.state == "member" and group.fetched_s is None}

    def add(self, group: Group) -> None:
        """Know a group from now on."""
        self._groups[group.id] = group

    def drop(self, group: Group) -> None:
        """Forget a group; its messages stay."""
        del self._groups[group.id]
        self._records.drop_group(group.id)

    def flush(self) -> None:
        """Write back what changed, into the turn's transaction."""
        for group in self._groups.values():
            if group.is_dirty:
                group.is_dirty = False
                self._records.put_group(self._record(group))

    def _record(self, group: Group) -> GroupRecord:
        secrets = _encode(_Secrets([key.secret for key in group.keys.values()], group.keeper_seed, group.call))
        head = group.head
        return GroupRecord(
            id=group.id,
            state=group.state,
            inviter=group.inviter,
            sequence=head.sequence,
            head=head.hash,
            keeper=head.keeper,
            writer=head.writer,
            applied=group.applied,
            membership=None if group.membership is None else encode_membership(group.membership),
            secrets=self._vault.seal(b"group" + group.id, secrets, self._rng),
            shared=group.shared,
        )

    def _load(self, record: GroupRecord) -> Group:
        secrets = _decode(self._vault.open(b"group" + record.id, record.secrets))
        keys = [LogKey(record.id, secret) for secret in secrets.keys]
        return Group(
            id=GroupId(record.id),
            state=record.state,
            inviter=record.inviter,
            head=Head(record.id, record.sequence, record.head, record.keeper, record.writer),
            applied=record.applied,
            membership=None if record.membership is None else decode_membership(record.membership),
            keys={key.writer: key for key in keys},
            keeper_seed=secrets.keeper,
            call=secrets.call,
            shared=record.shared,
            is_dirty=False,
        )


def is_keeper(seed: bytes, keeper: bytes) -> bool:
    """Whether a seed is that of a log's keeper. Source: protocol.md §16.1."""
    return len(seed) == len(keeper) and ed25519_public(seed) == keeper
