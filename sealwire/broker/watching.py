"""What the relay sees of a frame, for ``--watch``: there is nothing else to see.

Source: protocol.md §3.
"""

from __future__ import annotations

from msgspec import Struct

from sealwire.errors import RemoteProtocolError
from sealwire.wire.frames import (
    AT_BODY,
    AT_DELIVER_ENVELOPE,
    AT_FANOUT_COUNT,
    AT_FANOUT_TO,
    AT_SEND_ENVELOPE,
    AT_SEND_TO,
    Verb,
)
from sealwire.wire.many import decode_send_many

_SHOWN_IN = {Verb.HELLO, Verb.LOGIN, Verb.SEND, Verb.FANOUT, Verb.REQUEST}
_SHOWN_OUT = {Verb.CHALLENGE, Verb.WELCOME, Verb.DELIVER, Verb.RESPONSE, Verb.REJECT}


class Sight(Struct, frozen=True):
    """One frame: its verb, the mailbox it names (16 bytes or none), and all that is in it."""

    verb: str
    mailbox: bytes
    content: bytes


def seen_in(frame: bytes) -> Sight | None:
    """Return what a peer's frame shows, None for those that carry nothing."""
    verb = frame[0] if frame else 0
    if verb not in _SHOWN_IN:
        return None
    if verb == Verb.SEND:
        return _sight(verb, frame[AT_SEND_TO:AT_SEND_ENVELOPE], frame[AT_SEND_ENVELOPE:])
    if verb == Verb.FANOUT:
        count = int.from_bytes(frame[AT_FANOUT_COUNT:AT_FANOUT_TO], "big")
        return _sight(verb, b"", frame[AT_FANOUT_TO + 16 * count :])
    return _sight(verb, b"", frame[AT_BODY:])


def seen_together(frame: bytes) -> list[Sight | None]:
    """Return what each message of a peer's frame shows: a SEND_MANY has several."""
    if frame[0] != Verb.SEND_MANY:
        return [seen_in(frame)]
    try:
        return [seen_in(send) for send in decode_send_many(frame)]
    except RemoteProtocolError:
        return []


def seen_out(frame: bytes, mailbox: bytes) -> Sight | None:
    """Return what a frame to the device of ``mailbox`` shows."""
    verb = frame[0]
    if verb not in _SHOWN_OUT:
        return None
    return _sight(verb, mailbox, frame[AT_DELIVER_ENVELOPE if verb == Verb.DELIVER else 1 :])


def _sight(verb: int, mailbox: bytes, content: bytes) -> Sight:
    return Sight(Verb(verb).name, bytes(mailbox), bytes(content))
