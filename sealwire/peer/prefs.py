"""What a person has chosen that the cores must know; plain values from the settings."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

RECEIPT_PAUSE_S: Final = 1.0
"""Receipts wait up to this long, at random, and come at most this often: their times say less about the person."""


class Prefs(Struct, frozen=True):
    """Choices of one profile."""

    read_receipts: bool = True
    """Whether senders learn that their messages were read."""
    requests: bool = True
    """Whether strangers ask first: until an answer their messages are requests and nothing is told back to them."""
    typing: bool = True
    """Whether others see that one writes (and one sees it of them)."""
    fetch_files_up_to: int = 1024 * 1024
    """Bytes: files of accepted contacts up to this size are fetched when they are offered; 0: none."""
    delete_files: bool = True
    """Whether a fetched file in the profile's own folder goes with its message."""
    receipt_pause_s: float = RECEIPT_PAUSE_S


DEFAULTS: Final = Prefs()
