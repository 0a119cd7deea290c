"""Whatever others write, a terminal shows it and does not obey it."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.ui.views import column, screen_lines, screen_name, screen_text

BIDI = [chr(point) for point in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]) | st.sampled_from([*BIDI, "\x1b", "\x9b", "\\"]))


def uncolumn(field: str) -> str:
    """Undo the escapes as docs/scripting.md tells scripts to."""
    short = {"t": "\t", "n": "\n", "\\": "\\"}

    def one(match: re.Match[str]) -> str:
        body = match.group(1)
        return short[body] if body in short else chr(int(body[1:], 16))

    return re.sub(r"\\(t|n|\\|x[0-9a-f]{2}|u[0-9a-f]{4})", one, field)


def is_harmless(text: str) -> bool:
    return not any(unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} or char in BIDI for char in text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hello", "hello"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31mred", "\\x9b31mred"),
        ("a\rb", "a\\x0db"),
        ("a\tb", "a    b"),
        ("a\nb\r\nc", "a b c"),
        ("evil\u202etxt.exe", "eviltxt.exe"),
        ("\u2066a\u2069", "a"),
        ("para\u2029graph", "para\\u2029graph"),
        ("grüße שלום 🙂 \u200f", "grüße שלום 🙂 \u200f"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_screen_text_shows_controls_and_drops_bidirectional_overrides(text: str, shown: str) -> None:
    assert screen_text(text) == shown


def test_screen_lines_keeps_the_lines_of_a_message() -> None:
    assert screen_lines("one\ntwo\r\nthree") == ["one", "two", "three"]
    assert screen_lines("") == [""]


@given(ANY_TEXT)
def test_screen_lines_are_harmless_for_any_text(text: str) -> None:
    assert all(is_harmless(line) for line in screen_lines(text))


def test_plain_names_stay_as_they_are_and_others_are_isolated() -> None:
    assert screen_name("bob-2_x") == "bob-2_x"
    assert screen_name("\u202eשרה\u200f") == "\u2068שרה\u2069"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("a\tb\nc\\d", "a\\tb\\nc\\\\d"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202e\u2028\x85", "\\u202e\\u2028\\x85"),
        ("already \\n written", "already \\\\n written"),
    ],
)
def test_column_escapes_what_would_leave_its_field(text: str, field: str) -> None:
    assert column(text) == field


@given(ANY_TEXT)
def test_column_is_harmless_and_loses_nothing(text: str) -> None:
    field = column(text)
    assert is_harmless(field)
    assert field.isprintable() or not any(char in field for char in "\t\n\r")
    assert uncolumn(field) == text


def test_a_pile_of_marks_is_cut_and_ordinary_scripts_are_left_alone() -> None:
    pile = "Z" + "\u0301" * 7_000 + "a"
    assert screen_text(pile) == "Z" + "\u0301" * 8 + "\u2026a"
    assert screen_lines(pile * 2) == ["Z" + "\u0301" * 8 + "\u2026aZ" + "\u0301" * 8 + "\u2026a"]
    for words in ("Привет, как дела у тебя сегодня?", "नमस्ते दुनिया कैसे हो आप सब", "สวัสดีครับทุกคนที่นี่", "e\u0301" * 500):
        assert screen_text(words) == words
