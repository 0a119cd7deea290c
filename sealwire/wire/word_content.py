"""What is said about messages: answers, corrections, reactions, pins, timers. Tags 5 to 19 of a content.

The broker never imports this module (a contract that CI checks).

Source: protocol.md §11.1.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sealwire.wire.control import Bytes16

MAX_TEXT_BYTES: Final = 15_000
"""UTF-8 bytes of one text: leaves room for the fields around it in the largest bucket."""
MAX_AUTHOR_CHARS: Final = 32
"""An account name (§7); longer names nobody."""
MAX_EDITS: Final = 100
"""Corrections of one message. Without it one message could be told anew for ever."""
MAX_REACTION_BYTES: Final = 64
"""UTF-8 bytes of one reaction: the longest emoji in use has 41; without it a reaction could be a page."""
MAX_REACTION_CHANGES: Final = 1_000
"""How often one person may change the reaction to one message, for the same reason."""
MAX_TIMER_S: Final = 366 * 24 * 3600
"""A year; longer is no disappearing message but a rule for keeping (and past it a time would overflow)."""


class Ref(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A message of the same conversation, by author and id: its words are looked up where it is stored.

    So nobody can put words into another person's mouth by quoting them, and a message of another conversation cannot be
    meant at all.
    """

    author: Annotated[str, Meta(min_length=1, max_length=MAX_AUTHOR_CHARS)]
    id: Bytes16


TimerSeconds = Annotated[int, Meta(ge=0, le=MAX_TIMER_S)]
Count = Annotated[int, Meta(ge=1, le=0xFFFF_FFFF)]


class Edit(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=5):
    """Other words in place of a message of the same author: who sends this and wrote that are one person."""

    id: Bytes16
    revision: Annotated[int, Meta(ge=1, le=MAX_EDITS)]
    """Counts up; of two with one number the one with the larger message id stands, on every side."""
    text: Annotated[str, Meta(max_length=MAX_TEXT_BYTES)]


class Delete(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=6):
    """A message of the same author is taken back; its place stays. Nothing undoes this."""

    id: Bytes16


class React(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=7):
    """The sender's one reaction to a message; the empty text takes it off."""

    to: Ref
    number: Annotated[int, Meta(ge=1, le=MAX_REACTION_CHANGES)]
    """Counts one person's changes of the reaction to this message: the largest (number, message id) stands."""
    emoji: Annotated[str, Meta(max_length=MAX_REACTION_BYTES)]


class Pin(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=8):
    """A message is pinned for everyone in the conversation, or no longer."""

    to: Ref
    number: Count
    """Counts all changes of this pin: the largest (number, account name) stands."""
    pinned: bool


class Timer(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=9):
    """New messages of this conversation between two disappear after this long; 0: they stay."""

    number: Count
    """Counts all changes of this timer: the largest (number, account name) stands."""
    seconds: TimerSeconds


WordNews = Edit | Delete | React | Pin | Timer
