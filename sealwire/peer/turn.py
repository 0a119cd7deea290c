"""What one turn of the engine wants done, after its commit."""

from __future__ import annotations

from msgspec import Struct, field

from sealwire.errors import SealwireError
from sealwire.peer.directory import Resolved
from sealwire.peer.events import Event
from sealwire.peer.groups.acts import Answer
from sealwire.peer.moves import Order


class Turn(Struct):
    """What one turn wants done, after its commit."""

    frames: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    resolved: list[Resolved] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    """What became of entries that people wait for."""
    moves: list[Order] = field(default_factory=list)
    """What shall be done about files."""
    hangup: bool = False
    """End this connection."""
    fatal: SealwireError | None = None
    """Do not reconnect: tell the person."""
    opened: bool = False
    """The link session is open."""
    jitter_s: float = 0.0
    """Wait at least somewhere in 0 … this before reconnecting."""
