"""Who sits in a group and may say something there: what the cores of words, typing and presence ask about groups.

Source: protocol.md §16.2.
"""

from __future__ import annotations

from sealwire.crypto.membership import Membership, addresses
from sealwire.errors import GroupRightError, GroupStoppedError, NotInGroupError, UnknownGroupError
from sealwire.ids import Mailbox, group_of
from sealwire.peer.groups.group import Group, GroupBook


class Seats:
    """Answers about every group of this device."""

    def __init__(self, name: str, book: GroupBook) -> None:
        self._name = name
        self._book = book

    def check_speech(self, conversation: str) -> None:
        """Whether something may be said in a group by us.

        Raises:
            UnknownGroupError, GroupStoppedError, NotInGroupError, GroupRightError.
        """
        group = self._find(conversation)
        if group is None or group.membership is None or group.shown_state == "knocking":
            raise UnknownGroupError(name=conversation)
        if group.state == "stopped":
            raise GroupStoppedError(name=group.name)
        if group.shown_state in ("left", "removed"):
            raise NotInGroupError(name=group.name, member=self._name)
        if group.state != "member" or not group.membership.speaks(self._name):
            raise GroupRightError(name=group.name)

    def is_out(self, conversation: str) -> bool:
        """Whether we are in it no longer: nothing of ours goes there."""
        group = self._find(conversation)
        return group is None or group.shown_state in ("left", "removed")

    def members(self, conversation: str) -> list[str]:
        """Who is in a group, ourselves included; nobody when we are not."""
        state = self._joined(conversation)
        return [] if state is None else list(state.joined())

    def speakers(self, conversation: str) -> list[str]:
        """Those of them who may say something."""
        state = self._joined(conversation)
        return [] if state is None else [name for name in state.joined() if state.speaks(name)]

    def hearers(self, conversation: str) -> list[Mailbox]:
        """The devices of a group's other members, if we may say something there."""
        state = self._joined(conversation)
        if state is None or not state.speaks(self._name):
            return []
        return [box for box, name in addresses(state).items() if name != self._name]

    def _joined(self, conversation: str) -> Membership | None:
        group = self._find(conversation)
        return group.membership if group is not None and group.state == "member" else None

    def _find(self, conversation: str) -> Group | None:
        group_id = group_of(conversation)
        return self._book.get(group_id) if group_id is not None else None
