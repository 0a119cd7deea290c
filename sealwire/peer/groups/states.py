"""Who has what we said in a group: delivered and read are states of all devices, not of the first.

Source: protocol.md §16.6.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

from sealwire.ids import MAILBOX_BYTES, GroupId, Mailbox, MessageId, conversation_of
from sealwire.peer.events import STATE_RANK, STATES, Delivery, Event
from sealwire.peer.groups.records import GroupRecords

FOLLOWED: Final = 64
"""Messages whose receipts are looked up in memory; each takes 17 bytes a device. A crowd's come within a second or two,
and at the database each would ask three times."""
_ROW: Final = MAILBOX_BYTES + 1
_READ: Final = STATE_RANK["read"]
_QUEUED: Final = bytes((STATE_RANK["queued"],))


class MessageStates(Protocol):
    """The states of messages in the history."""

    def raise_state(self, message_id: MessageId, conversation: str, rank: int) -> range:
        """Raise the state of one of our messages; the ranks it passed up to the new one, none if it did not rise."""


class Deliveries:
    """For each message that somebody has not read: how far it is with each device."""

    def __init__(self, records: GroupRecords, history: MessageStates, events: list[Event]) -> None:
        self._records = records
        self._history = history
        self._events = events
        self._followed: dict[MessageId, tuple[GroupId, bytes]] = {}
        """The last ones, as they stand in the records."""

    def follows(self, message: MessageId) -> bool:
        """Whether a message is known, without asking the records, to be one of ours in a group."""
        return message in self._followed

    def begin(self, group: GroupId, message: MessageId, mailboxes: Collection[Mailbox]) -> None:
        """A message is on its way to these devices; what is none in the history (an edit, a nudge) is not followed."""
        ranks = _QUEUED.join(sorted(mailboxes)) + _QUEUED
        if self._records.begin_delivery(message, group, ranks):
            self._follow(message, group, ranks)

    def _follow(self, message: MessageId, group: GroupId, ranks: bytes) -> None:
        if message not in self._followed and len(self._followed) >= FOLLOWED:
            del self._followed[next(iter(self._followed))]
        self._followed[message] = (group, ranks)

    def receipt(self, mailbox: Mailbox, message: MessageId, rank: int) -> None:
        """A device says that it has a message, or that its person read it; of others' messages it says nothing."""
        found = self._followed.get(message) or self._records.delivery(message)
        if found is None:
            return
        group, ranks = found
        at = _place(ranks, mailbox)
        if at is not None and ranks[at] < rank:
            self._settle(group, message, ranks[:at] + bytes((rank,)) + ranks[at + 1 :])

    def without(self, group: GroupId, mailboxes: Collection[Mailbox]) -> None:
        """These devices are no longer in the group: nobody waits for them."""
        for message, ranks in self._records.deliveries(group):
            rows = (ranks[at : at + _ROW] for at in range(0, len(ranks), _ROW))
            left = b"".join(row for row in rows if row[:MAILBOX_BYTES] not in mailboxes)
            if len(left) < len(ranks):
                self._settle(group, message, left)

    def _settle(self, group: GroupId, message: MessageId, ranks: bytes) -> None:
        least = min(ranks[MAILBOX_BYTES::_ROW], default=0)
        if not ranks or least >= _READ:
            self._followed.pop(message, None)
            self._records.drop_delivery(message)
        else:
            self._follow(message, group, ranks)
            self._records.raise_delivery(message, ranks)
        conversation = conversation_of(group)
        for rank in self._history.raise_state(message, conversation, least) if least else ():
            self._events.append(Delivery(message.hex(), STATES[rank], conversation))


def _place(ranks: bytes, mailbox: Mailbox) -> int | None:
    """Where the rank of a device stands; a receipt of one in a crowd looks at its own row alone."""
    at = ranks.find(mailbox)
    while at >= 0 and at % _ROW:  # the end of one row and the beginning of the next happen to read like it
        at = ranks.find(mailbox, at + 1)
    return at + MAILBOX_BYTES if at >= 0 else None
