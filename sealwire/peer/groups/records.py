"""What a peer keeps about groups, and the port through which the cores read and write it.

Source: protocol.md §16.
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from sealwire.ids import GroupId, Mailbox, MessageId, Millis

State = Literal["knocking", "invited", "member", "left", "removed", "stopped"]
"""``knocking``: an invitation came whose log was not read yet; nobody is shown it."""

GOOD = 0
LEFT = 1
REMOVED = 2
"""What became of a member whose sender keys are kept: late words of those who left are still read."""


class GroupRecord(Struct):
    """A group: the pinned head, and the membership at the entry up to which the log was read."""

    id: GroupId
    state: State
    inviter: str
    sequence: int
    head: bytes
    keeper: bytes
    writer: bytes
    applied: int
    membership: bytes | None
    secrets: bytes
    """Log keys and the keeper's seed, sealed by the vault."""
    shared: int
    """How many earlier messages were taken from whoever invited us."""


class OwnKey(Struct):
    """The sender key of this device in one epoch."""

    group: GroupId
    epoch: int
    begun_ms: Millis
    sequence: int
    """Of the log when it was made."""
    given: bytes
    """Mailboxes that have it, one behind the other."""
    sealed: bytes


class HeardKey(Struct):
    """The sender key of another device in one epoch."""

    tag: bytes
    group: GroupId
    epoch: int
    mailbox: Mailbox
    account: str
    sequence: int
    """Of its owner's log when it was made."""
    status: int
    sealed: bytes
    left_sequence: int = 0
    """Of the entry by which its owner left the group; 0: they did not."""
    left_ms: Millis = 0
    """When that entry was read here."""


class GroupRecords(Protocol):
    """Reads and writes of one open transaction, about groups."""

    def groups(self) -> list[GroupRecord]:
        """Every group known here."""

    def put_group(self, record: GroupRecord) -> None:
        """Insert or replace."""

    def drop_group(self, group: GroupId) -> None:
        """Forget a group, its log and its keys; what was said in it stays in the history."""

    def group_entries(self, group: GroupId, after: int) -> list[bytes]:
        """Entries of a log above a sequence, in order."""

    def group_entry(self, group: GroupId, sequence: int) -> bytes | None:
        """One entry."""

    def add_group_entry(self, group: GroupId, sequence: int, entry: bytes) -> None:
        """Keep the next entry."""

    def own_keys(self, group: GroupId) -> list[OwnKey]:
        """This device's sender keys in a group, newest epoch first."""

    def put_own_key(self, key: OwnKey) -> None:
        """Insert or replace."""

    def drop_own_keys(self, group: GroupId, below_epoch: int) -> None:
        """Destroy those of older epochs."""

    def heard_tags(self) -> list[bytes]:
        """The tags of every key heard."""

    def heard_key(self, tag: bytes) -> HeardKey | None:
        """The key that a tag names."""

    def heard_keys(self, group: GroupId, mailbox: Mailbox | None = None) -> list[HeardKey]:
        """Keys heard in a group (from one device), newest epoch first."""

    def put_heard_key(self, key: HeardKey) -> None:
        """Insert or replace."""

    def drop_heard_keys(self, tags: list[bytes]) -> None:
        """Destroy keys."""

    def delivery(self, message: MessageId) -> tuple[GroupId, bytes] | None:
        """(group, who has it) of an own message in a group (peer/groups/states.py)."""

    def deliveries(self, group: GroupId) -> list[tuple[MessageId, bytes]]:
        """All of a group that somebody has not read yet."""

    def raise_delivery(self, message: MessageId, ranks: bytes) -> None:
        """Change who has it."""

    def begin_delivery(self, message: MessageId, group: GroupId, ranks: bytes) -> bool:
        """Begin to follow a message, if it is one of ours in the history; whether it is."""

    def drop_delivery(self, message: MessageId) -> None:
        """Everybody has read it."""
