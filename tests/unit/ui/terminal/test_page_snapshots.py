"""Every page over the conversation looks as it did, in three sizes and three themes, while its window grows.

``python -m scripts.page_pictures`` writes the pictures again, to be looked at before they are committed.
"""

from __future__ import annotations

import difflib

import pytest

from scripts.page_pictures import PAGES, looks, page_snapshot, take_page
from scripts.pictures import SIZES, THEMES, essence
from sealwire.ui.terminal.screens.base import Page
from sealwire.ui.terminal.screens.finders import Finder

SHOWN = {
    "Ask": "ask",
    "Confirm": "confirm",
    "GroupScreen": "group",
    "Help": "help",
    "Invite": "friend",
    "KeyChange": "key-change",
    "Menu": "menu",
    "Messages": "pinned",
    "NewGroup": "new-group",
    "Notice": "notice",
    "Passphrase": "locked",
    "Person": "person",
    "Progress": "progress",
    "Requests": "requests",
    "Search": "search",
    "Switcher": "switch",
    "Verify": "verify",
    "Welcome": "first",
}
"""Which picture shows each page of the program."""


@pytest.mark.parametrize("page", PAGES)
async def test_every_page_is_as_it_was(page: str) -> None:
    for (size, theme), svg in zip(looks(page), await take_page(page), strict=True):
        before, now = essence(page_snapshot(page, size, theme).read_text("utf-8")), essence(svg)
        assert len(now) > 5
        assert now == before, "\n".join(difflib.unified_diff(before, now, "before", "now", lineterm="", n=0))


def test_every_page_has_its_pictures_in_each_size_and_theme() -> None:
    pages = {page.__name__ for page in (*Page.__subclasses__(), *Finder.__subclasses__())} - {"Finder"}
    assert pages == set(SHOWN), "a page without a picture"
    assert set(SHOWN.values()) <= set(PAGES)
    for page in PAGES:
        assert {size for size, _theme in looks(page)} == set(SIZES)
        assert {theme for _size, theme in looks(page)} == set(THEMES)
