"""Which of the three areas are seen at a width: the list, the conversation, what is known about it. No Qt."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

NARROW: Final = 640
"""Below it, one area at a time."""

WIDE: Final = 980
"""From it on, three side by side."""

LEAST: Final = 400
"""The narrowest window."""

LIST_PX: Final = (250, 340)
DETAILS_PX: Final = 300

Area = Literal["list", "chat", "details"]


class Shape(Struct, frozen=True):
    """What is shown, and how wide the list is."""

    areas: frozenset[Area]
    list_px: int
    """0: all of the width."""

    def shows(self, area: Area) -> bool:
        """Whether an area is seen."""
        return area in self.areas


def shape(width: int, has_chat: bool, details: bool) -> Shape:
    """Return what is seen.

    Args:
        width: of the window.
        has_chat: whether a conversation is open.
        details: whether a person wants to see what is known about it.
    """
    details = details and has_chat
    if width < NARROW:
        only: Area = "details" if details else "chat" if has_chat else "list"
        return Shape(frozenset({only}), 0)
    list_px = min(max(LIST_PX[0], width * 3 // 10), LIST_PX[1])
    if not details:
        return Shape(frozenset({"list", "chat"}), list_px)
    if width < WIDE:
        return Shape(frozenset({"list", "details"}), list_px)
    return Shape(frozenset({"list", "chat", "details"}), list_px)
