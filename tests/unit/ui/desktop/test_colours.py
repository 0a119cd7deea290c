"""Every pair of colours that meets on the screen can be told apart."""

from __future__ import annotations

import pytest

from sealwire.ui.desktop.colours import (
    ALL,
    AVATAR_TEXT,
    AVATARS,
    CONTRAST_DARK,
    CONTRAST_LIGHT,
    DARK,
    LIGHT,
    SHAPE_CONTRAST,
    SHAPE_PAIRS,
    TEXT_CONTRAST,
    TEXT_PAIRS,
    Colours,
    avatar,
    choose,
    contrast,
)

HIGH_CONTRAST = 7.0


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#777777") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1


@pytest.mark.parametrize("colours", ALL, ids=lambda one: one.name)
@pytest.mark.parametrize("pair", TEXT_PAIRS, ids="-on-".join)
def test_text_can_be_read_on_its_ground(colours: Colours, pair: tuple[str, str]) -> None:
    assert contrast(getattr(colours, pair[0]), getattr(colours, pair[1])) >= TEXT_CONTRAST


@pytest.mark.parametrize("colours", ALL, ids=lambda one: one.name)
@pytest.mark.parametrize("pair", SHAPE_PAIRS, ids="-on-".join)
def test_outlines_and_the_focus_can_be_seen(colours: Colours, pair: tuple[str, str]) -> None:
    assert contrast(getattr(colours, pair[0]), getattr(colours, pair[1])) >= SHAPE_CONTRAST


@pytest.mark.parametrize("colours", [CONTRAST_DARK, CONTRAST_LIGHT], ids=lambda one: one.name)
def test_the_high_contrast_looks_have_more_of_it_and_lines_around_everything(colours: Colours) -> None:
    for text, ground in TEXT_PAIRS:
        assert contrast(getattr(colours, text), getattr(colours, ground)) >= HIGH_CONTRAST, (text, ground)
    assert colours.outline >= 2


@pytest.mark.parametrize("colour", AVATARS)
def test_initials_can_be_read(colour: str) -> None:
    assert contrast(colour, AVATAR_TEXT) >= TEXT_CONTRAST


def test_a_person_has_the_same_colour_always() -> None:
    assert avatar("alice") == avatar("alice")
    assert {avatar(name) for name in ("a", "b", "c", "d", "e", "f", "g", "h")} == set(AVATARS)


@pytest.mark.parametrize(
    ("theme", "dark", "wish", "expected"),
    [
        ("system", False, False, LIGHT),
        ("system", True, False, DARK),
        ("system", True, True, CONTRAST_DARK),
        ("system", False, True, CONTRAST_LIGHT),
        ("light", True, True, LIGHT),
        ("dark", False, False, DARK),
        ("contrast", True, False, CONTRAST_DARK),
        ("contrast", False, False, CONTRAST_LIGHT),
    ],
)
def test_the_look_follows_the_setting_and_the_system(theme: str, dark: bool, wish: bool, expected: Colours) -> None:
    assert choose(theme, dark, wish) is expected
