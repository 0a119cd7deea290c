"""Who has what we said in a group: delivered and read are states of all devices, not of the first.

Source: protocol.md §16.6.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

from sealwire.ids import MAILBOX_BYTES, GroupId, Mailbox, MessageId, conversation_of
from sealwire.peer.events import STATE_RANK, STATES, Delivery, Event
from sealwire.peer.groups.records import GroupRecords

_ROW: Final = MAILBOX_BYTES + 1
_READ: Final = STATE_RANK["read"]


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

    def begin(self, group: GroupId, message: MessageId, mailboxes: Collection[Mailbox]) -> None:
        """A message is on its way to these devices."""
        self._records.put_delivery(message, group, b"".join(mailbox + b"\x00" for mailbox in sorted(mailboxes)))

    def receipt(self, mailbox: Mailbox, message: MessageId, rank: int) -> None:
        """A device says that it has a message, or that its person read it; of others' messages it says nothing."""
        found = self._records.delivery(message)
        ranks = _ranks(found[1]) if found is not None else {}
        if found is None or ranks.get(mailbox, rank) >= rank:
            return
        ranks[mailbox] = rank
        self._settle(found[0], message, ranks)

    def without(self, group: GroupId, mailboxes: Collection[Mailbox]) -> None:
        """These devices are no longer in the group: nobody waits for them."""
        for message, encoded in self._records.deliveries(group):
            ranks = _ranks(encoded)
            left = {mailbox: rank for mailbox, rank in ranks.items() if mailbox not in mailboxes}
            if len(left) < len(ranks):
                self._settle(group, message, left)

    def _settle(self, group: GroupId, message: MessageId, ranks: dict[Mailbox, int]) -> None:
        least = min(ranks.values(), default=0)
        if not ranks or least >= _READ:
            self._records.drop_delivery(message)
        else:
            self._records.put_delivery(message, group, b"".join(box + bytes((rank,)) for box, rank in ranks.items()))
        conversation = conversation_of(group)
        for rank in self._history.raise_state(message, conversation, least) if least else ():
            self._events.append(Delivery(message.hex(), STATES[rank], conversation))


def _ranks(encoded: bytes) -> dict[Mailbox, int]:
    rows = (encoded[at : at + _ROW] for at in range(0, len(encoded), _ROW))
    return {Mailbox(row[:MAILBOX_BYTES]): row[MAILBOX_BYTES] for row in rows}
