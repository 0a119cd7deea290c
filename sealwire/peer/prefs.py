"""What a person has chosen that the cores must know; plain values from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Prefs:
    """Choices of one profile."""

    read_receipts: bool = True
    """Whether senders learn that their messages were read."""
    requests: bool = True
    """Whether strangers ask first: until an answer their messages are requests and nothing is told back to them."""


DEFAULTS: Final = Prefs()
