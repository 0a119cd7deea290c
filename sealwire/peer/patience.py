"""How long whoever asks something waits for the link, where the call itself has no word for it.

A command line says it once (``--timeout``) and asks many things; several command lines may ask the same client at the
same time. So it belongs to the task that asks.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

PATIENCE_S: Final[ContextVar[float | None]] = ContextVar("patience_s", default=None)
"""None: as long as the question is usually given."""


def link_wait_s(usual_s: float) -> float:
    """Return how long the task that runs waits for the link."""
    asked_s = PATIENCE_S.get()
    return usual_s if asked_s is None else asked_s
