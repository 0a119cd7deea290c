"""What a person sees as one character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.wire.clusters import MAX_CLUSTER_CHARS, is_one_cluster

ONE = {
    "letter": "a",
    "digit keycap": "1\ufe0f\u20e3",
    "thumb": "\U0001f44d",
    "dark thumb": "\U0001f44d\U0001f3ff",
    "red heart": "\u2764\ufe0f",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "kiss with skins": "\U0001f469\U0001f3fb\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468\U0001f3ff",
    "flag": "\U0001f1e9\U0001f1ea",
    "flag of a part": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "accent apart": "e\u0301",
    "devanagari": "\u0915\u094d\u0937"[:2],
}

NOT_ONE = {
    "nothing": "",
    "two letters": "ab",
    "two thumbs": "\U0001f44d\U0001f44d",
    "blank": " ",
    "line feed": "\n",
    "escape": "\x1b",
    "override": "\u202e",
    "mark alone": "\u0301",
    "joiner alone": "\u200d",
    "joiner at the end": "\U0001f468\u200d",
    "skin alone": "\U0001f3ff",
    "half a flag": "\U0001f1e9",
    "three flag letters": "\U0001f1e9\U0001f1ea\U0001f1eb",
    "unassigned": "\U000e1000",
    "half a character": "\ud83d",
    "a tower of marks": "e" + "\u0301" * MAX_CLUSTER_CHARS,
}


@pytest.mark.parametrize("text", ONE.values(), ids=ONE)
def test_one_visible_character_is_one(text):
    assert is_one_cluster(text)


@pytest.mark.parametrize("text", NOT_ONE.values(), ids=NOT_ONE)
def test_anything_else_is_not(text):
    assert not is_one_cluster(text)


@given(st.text(max_size=60))
def test_no_text_makes_it_fail(text):
    assert is_one_cluster(text) in (True, False)


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_what_holds_a_control_or_a_blank_is_never_one(before, after):
    for char in "\t\x00\x1b \u2028":
        assert not is_one_cluster(before + char + after)
