"""What is seen at each width."""

from __future__ import annotations

import pytest

from sealwire.ui.desktop.adaptive import DETAILS_PX, LEAST, NARROW, WIDE, shape


@pytest.mark.parametrize(
    ("width", "chat", "details", "areas"),
    [
        (400, False, False, {"list"}),
        (400, True, False, {"chat"}),
        (400, True, True, {"details"}),
        (400, False, True, {"list"}),
        (639, True, False, {"chat"}),
        (640, False, False, {"list", "chat"}),
        (640, True, True, {"list", "details"}),
        (979, True, True, {"list", "details"}),
        (980, True, True, {"list", "chat", "details"}),
        (1_600, True, False, {"list", "chat"}),
        (1_600, True, True, {"list", "chat", "details"}),
    ],
)
def test_areas(width: int, chat: bool, details: bool, areas: set[str]) -> None:
    assert shape(width, chat, details).areas == areas


@pytest.mark.parametrize("width", range(LEAST, 1_700, 50))
@pytest.mark.parametrize("details", [False, True])
def test_the_conversation_always_has_room(width: int, details: bool) -> None:
    found = shape(width, True, details)
    if found.shows("chat"):
        taken = found.list_px + (DETAILS_PX if found.shows("details") else 0)
        assert width - taken >= 330
    assert LEAST < NARROW < WIDE
