"""Other people's text, bounded: what is held back is said."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.ui.views.bounded import MAX_CHARACTERS, MAX_LINES, MAX_MARKS, bounded, calmed, direction

ZALGO = "a" + "\u0301" * 16_000


def test_ordinary_text_is_shown_as_it_is() -> None:
    shown = bounded("Hello\nWorld, café 👍🏽 and e\u0301")
    assert (shown.text, shown.is_cut, shown.is_calmed) == ("Hello\nWorld, café 👍🏽 and e\u0301", False, False)


def test_sixteen_thousand_marks_on_one_letter_become_a_few_and_that_is_said() -> None:
    shown = bounded(ZALGO)
    assert shown.text == "a" + "\u0301" * MAX_MARKS
    assert shown.is_calmed


def test_a_long_text_is_cut_and_that_is_said() -> None:
    assert bounded("x" * (MAX_CHARACTERS + 1)).is_cut
    assert len(bounded("x" * 100_000).text) == MAX_CHARACTERS
    many = bounded("\n" * 15_000)
    assert many.is_cut
    assert len(many.lines) == MAX_LINES
    assert not bounded("x" * MAX_CHARACTERS).is_cut


@given(st.text(alphabet="ab\u0301\u0489\u202e\n\x00\ud800א", max_size=60))
def test_nothing_of_any_text_reorders_or_piles_up(text: str) -> None:
    shown = bounded(text)
    for line in shown.lines:
        assert not any(unicodedata.bidirectional(sign) in ("RLO", "LRO", "RLE", "LRE", "PDF") for sign in line)
        assert "\n" not in line
        run = 0
        for sign in line:
            run = run + 1 if unicodedata.category(sign) in ("Mn", "Me") else 0
            assert run <= MAX_MARKS


@pytest.mark.parametrize("word", ["Việt", "שָׁלוֹם", "ภาษาไทยที่", "नमस्ते"])
def test_marks_that_languages_need_stay(word: str) -> None:
    assert calmed(unicodedata.normalize("NFD", word)) == unicodedata.normalize("NFD", word)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "ltr"),
        ("שלום hello", "rtl"),
        ("123 مرحبا", "rtl"),
        ("123", "ltr"),
        ("", "ltr"),
        ("!" * 1_000 + "א", "ltr"),
    ],
)
def test_a_paragraph_goes_the_way_of_its_first_strong_letter(text: str, expected: str) -> None:
    assert direction(text) == expected


def test_a_paragraph_without_a_direction_takes_the_readers() -> None:
    assert direction("1 + 1", "rtl") == "rtl"
