"""What can go wrong with messages."""

from __future__ import annotations

from sealwire.errors.base import SealwireError, UsageError


class UnknownMessageError(SealwireError):
    """No message of that id in that conversation, or nothing that this can be done with."""

    code = "unknown-message"
    exit = 2
    text = "There is no message {id} in the conversation with {conversation} that this could be done with."
    hint = "history with --json shows the ids of messages."


class MessageIdError(UsageError):
    """What should name a message is not formed like an id."""

    code = "message-id"
    text = "{id!a} is not the id of a message: that is 32 hex digits."
    hint = "history with --json shows the ids of messages."

    def __init__(self, id: str) -> None:
        SealwireError.__init__(self, id=id)


class UnknownIdError(SealwireError):
    """No own message of that id in any conversation."""

    code = "unknown-id"
    exit = 2
    text = "There is no message of yours with the id {id}."
    hint = "history with --json shows the ids of messages."


class NotYoursError(SealwireError):
    """Only its author may change a message or take it back."""

    code = "not-yours"
    exit = 2
    text = "The message {id} was written by {author}: only they can change it or take it back."
    hint = "You can delete it here, for yourself."


class TooLateError(SealwireError):
    """What was asked about a message cannot be done any more."""

    code = "too-late"
    text = "It is too late for that: {detail}."
    hint = "Write a new message instead."


class MessageFailedError(SealwireError):
    """A message will not be sent: the broker refused it for good, it was given up, or nobody is there for it."""

    code = "message-failed"
    exit = 8
    text = "The message failed: {reason}."
    hint = "If it was not given up, retry sends it again, once the reason is gone."

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason.rstrip("."))
