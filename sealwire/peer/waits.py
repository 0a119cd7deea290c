"""How long a broker may keep a peer waiting.

Waits come as 32 bits of milliseconds, up to seven weeks. One that a broker in the wrong hands asked for would outlast
it: the mail of whoever believed it would lie still long after the broker is in the right ones again.

Source: protocol.md §2.
"""

from __future__ import annotations

from typing import Final

MAX_WAIT_S: Final = 900.0
"""Longer than anything a broker with its usual settings asks for: ten minutes, for one more bundle of a device."""


def heeded_s(told_ms: int) -> float:
    """Return how long to wait when told to wait so long.

    Source: protocol.md §2.
    """
    return min(told_ms / 1000, MAX_WAIT_S)
