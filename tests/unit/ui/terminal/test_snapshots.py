"""The screen looks as it did: three sizes, three themes, a clock that stands still.

``python -m scripts.pictures --update`` writes the pictures again, to be looked at before they are committed.
"""

from __future__ import annotations

import difflib
import html
import re

import pytest

from scripts.pictures import (
    IMAGES,
    INVENTED,
    SCENES,
    SIZES,
    THEMES,
    Size,
    _conversation,
    essence,
    foreign,
    snapshot,
    take,
)


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


@pytest.mark.parametrize("language", INVENTED)
@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_longer_language_and_one_from_right_to_left_look_as_they_did(size: Size, language: str, speak) -> None:
    speak(language)
    before = essence(snapshot(size, language).read_text("utf-8"))
    now = essence(await foreign(size, language))
    assert now == before, "\n".join(difflib.unified_diff(before, now, "before", "now", lineterm="", n=0))


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_language_that_is_longer_by_two_fifths_is_not_cut_off(size: Size) -> None:
    shown = [line.split(" ", 2)[2] for line in essence(snapshot(size, "en_XA").read_text("utf-8"))]
    lines = [html.unescape(line).replace("\xa0", " ") for line in shown]
    open_ends = [line.count("[") - line.count("~]") for line in lines if "…" not in line]
    assert sum(line.count("~]") for line in lines) > 5
    assert 0 < open_ends.count(1) == open_ends.count(-1)  # the line of keys goes on below
