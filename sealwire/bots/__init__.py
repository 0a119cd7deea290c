"""For programs in Python: one connection, its messages, and bots made of decorated functions (docs/scripting.md)."""

from __future__ import annotations

from sealwire.bots.bot import Bot, Context
from sealwire.bots.peer import Incoming, Peer, connect

__all__ = ["Bot", "Context", "Incoming", "Peer", "connect"]
