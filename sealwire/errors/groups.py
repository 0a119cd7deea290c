"""What can go wrong with groups."""

from __future__ import annotations

from sealwire.errors.base import SealwireError, UsageError


class UnknownGroupError(SealwireError):
    """No group of that id or name is known here."""

    code = "unknown-group"
    exit = 5
    text = "There is no group {name} here."
    hint = "group list shows those you are in or invited to."


class GroupNameError(UsageError):
    """A group's name that would not be shown as it is, or one that several groups have."""

    code = "group-name"
    text = "This does not name a group: {detail}."
    hint = "group list shows the id of each."

    def __init__(self, detail: str) -> None:
        SealwireError.__init__(self, detail=detail)


class GroupTopicError(UsageError):
    """A group's topic that is too long, or would not be shown as it is."""

    code = "group-topic"
    text = "This cannot be a topic: {detail}."

    def __init__(self, detail: str) -> None:
        SealwireError.__init__(self, detail=detail)


class GroupRightError(SealwireError):
    """The log of the group does not give this right to us, or it cannot be done any more."""

    code = "group-right"
    exit = 8
    text = "You may not do that in the group {name}."
    hint = "group info shows what you are there, and who its owners are."


class GroupMemberError(GroupRightError):
    """Somebody who is in it, or invited, is invited again."""

    code = "group-member"
    text = "{member} is in the group {name} already, or invited."
    hint = "group info shows who is. To change what somebody may do there: group role."


class NotInGroupError(GroupRightError):
    """What was asked is about somebody who is not in it."""

    code = "not-in-group"
    text = "{member} is not in the group {name}."
    hint = "group info shows who is."


class LastOwnerError(GroupRightError):
    """A group keeps an owner as long as anybody else is in it."""

    code = "last-owner"
    text = "You are the last owner of the group {name}."
    hint = "Make somebody else owner first: group role."


class GroupBusyError(SealwireError):
    """Others were faster each time: nothing was appended."""

    code = "group-busy"
    exit = 7
    text = "The group {name} kept changing meanwhile; nothing was done."
    hint = "Look what changed, and try again."


class GroupLateError(SealwireError):
    """The broker has not said what became of an entry."""

    code = "group-late"
    exit = 7
    text = "The broker has not answered the change of the group {name} within {seconds} s."
    hint = "It may have been made all the same: look with group info before you try again."


class GroupStoppedError(SealwireError):
    """Two histories of the group exist."""

    code = "group-stopped"
    exit = 9
    text = "The group {name} has stopped: two different histories of it exist, and nothing is sent to it."
    hint = "Compare group info with the others. To go on with the history here: group accept."
