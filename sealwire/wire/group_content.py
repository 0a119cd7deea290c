"""What two devices tell each other about a group, inside their own session. Tags 20 to 29 of a content.

The broker never imports this module (a contract that CI checks).

Source: protocol.md §16.4.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sealwire.wire.control import U32, U64, Bytes16, Bytes32

MAX_SHARED: Final = 50
"""Earlier messages in one content; a newcomer is sent at most a few of them."""
MAX_SHARED_TEXT_BYTES: Final = 15_000

Sequence = Annotated[int, Meta(ge=1, le=0xFFFF_FFFF)]
Epoch = Annotated[int, Meta(ge=1, le=0xFFFF_FFFF)]
SECRET_BYTES: Final = 32
Secret = Annotated[bytes, Meta(max_length=SECRET_BYTES)]
"""32 bytes, or empty: none is given (:func:`are_secrets`)."""
Account = Annotated[str, Meta(min_length=1, max_length=32)]


class Ended(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """How many messages were said in an epoch that is over: its last ones are missed, too."""

    epoch: Epoch
    count: U32


class SenderKeyGiven(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=20):
    """The sender key of the device that says this, with what is needed to follow the log as far as it knows it."""

    group: Bytes16
    epoch: Epoch
    sequence: Sequence
    head: Bytes32
    log_key: Bytes32
    chain_key: Bytes32
    iteration: U32
    verify_key: Bytes32
    ended: Ended | None = None

    def __repr__(self) -> str:
        return f"<SenderKeyGiven {self.group.hex()[:8]} {self.epoch}>"


class Invitation(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=21):
    """You are invited: the entry with this sequence says so."""

    group: Bytes16
    sequence: Sequence
    head: Bytes32
    log_key: Bytes32
    keeper: Secret

    def __repr__(self) -> str:
        return f"<Invitation {self.group.hex()[:8]}>"


class Notice(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=22):
    """The log stands here."""

    group: Bytes16
    sequence: Sequence
    head: Bytes32
    log_key: Secret
    keeper: Secret

    def __repr__(self) -> str:
        return f"<Notice {self.group.hex()[:8]} {self.sequence}>"


class Ask(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=23):
    """Where does the log stand with you?"""

    group: Bytes16


class SharedMessage(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Something said before, as whoever shares it tells it."""

    id: Bytes16
    author: Account
    sent_at_ms: U64
    text: Annotated[str, Meta(max_length=MAX_SHARED_TEXT_BYTES)]


class Shared(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=24):
    """What was said before a newcomer came."""

    group: Bytes16
    messages: Annotated[list[SharedMessage], Meta(min_length=1, max_length=MAX_SHARED)]


GroupNews = SenderKeyGiven | Invitation | Notice | Ask | Shared


def are_secrets(*values: bytes) -> bool:
    """Whether each is a secret or none: whoever was given a shorter one could not write the next entry with it.

    Source: protocol.md §16.4.
    """
    return all(len(value) in (0, SECRET_BYTES) for value in values)
