"""What stands in a whisper: 32 bytes, always.

The broker never imports this module (a contract that CI checks).

Source: protocol.md §11.4.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from sealwire.errors import RemoteProtocolError
from sealwire.ids import GROUP_ID_BYTES, Millis

TYPING: Final = 1
PRESENCE: Final = 2

_FORM = struct.Struct(f">BB{GROUP_ID_BYTES}sQ6x")


class TypingSign(NamedTuple):
    """Somebody writes, or stopped."""

    group: bytes
    """16 bytes; 16 zero bytes between two people."""
    active: bool
    sent_at_ms: Millis

    def encode(self) -> bytes:
        """Return the 32 bytes. Source: protocol.md §11.4."""
        return _FORM.pack(TYPING, self.active, self.group, self.sent_at_ms)


class PresenceSign(NamedTuple):
    """Somebody is here, or leaves."""

    active: bool
    sent_at_ms: Millis

    def encode(self) -> bytes:
        """Return the 32 bytes. Source: protocol.md §11.4."""
        return _FORM.pack(PRESENCE, self.active, bytes(GROUP_ID_BYTES), self.sent_at_ms)


def decode_whisper(content: bytes) -> TypingSign | PresenceSign | None:
    """Read what was whispered; None: a kind that a later version knows.

    Raises:
        RemoteProtocolError: another length, or a field that is none.

    Source: protocol.md §11.4.
    """
    if len(content) != _FORM.size or content[-6:] != bytes(6):
        raise RemoteProtocolError("a whisper of another form")
    kind, active, group, sent_at_ms = _FORM.unpack(content)
    if kind not in (TYPING, PRESENCE):
        return None
    if active > 1:
        raise RemoteProtocolError("neither yes nor no")
    if kind == TYPING:
        return TypingSign(group, bool(active), sent_at_ms)
    if group != bytes(GROUP_ID_BYTES):
        raise RemoteProtocolError("presence in a group")
    return PresenceSign(bool(active), sent_at_ms)
