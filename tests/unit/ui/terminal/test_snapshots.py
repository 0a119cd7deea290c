"""The screen looks as it did: three sizes, three themes, a clock that stands still.

``python -m scripts.pictures --update`` writes the pictures again, to be looked at before they are committed.
"""

from __future__ import annotations

import difflib
import re

import pytest

from scripts.pictures import IMAGES, SCENES, SIZES, THEMES, Size, _conversation, essence, snapshot, take


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_screen_is_as_it_was(size: Size, theme: str) -> None:
    before = essence(snapshot(size, theme).read_text("utf-8"))
    now = essence(await take(size, theme, _conversation))
    assert len(now) > 20
    assert now == before, "\n".join(difflib.unified_diff(before, now, "before", "now", lineterm="", n=0))


def test_a_picture_is_read_with_its_words_places_and_colours() -> None:
    shown = essence(snapshot((100, 30), "dark").read_text("utf-8"))
    assert any("2&#160;new&#160;messages" in line and "fill: #efc05a" in line for line in shown)
    light = essence(snapshot((100, 30), "light").read_text("utf-8"))
    assert [line.rsplit(" ", 1)[-1] for line in light if "verified" in line]
    assert shown != light


def test_the_pictures_of_the_guide_are_there_and_fetch_nothing() -> None:
    for name in SCENES:
        svg = (IMAGES / f"{name}.svg").read_text("utf-8")
        assert essence(svg)
        assert set(re.findall(r"https?://[\w.]+", svg)) <= {
            "http://www.w3.org",
            "https://www.textualize.io",
            "https://example.org",
        }
