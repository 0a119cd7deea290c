"""The line at the lower edge."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from sealwire.i18n import LANGUAGES, use
from sealwire.ui.terminal.chatlist import ChatList
from sealwire.ui.terminal.foot import keys_for
from sealwire.ui.terminal.timeline import TimelineView


def test_each_part_of_the_screen_has_its_own_keys() -> None:
    said = [keys_for(place) for place in (ChatList(), TimelineView("alice"), None)]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_two_lines_of_a_narrow_screen_hold_it(language: str) -> None:
    use([language])
    places = (ChatList(), TimelineView("alice"), None)
    said = [keys_for(place) for place in places]
    use(["en"])
    for words in said:
        assert cell_len(words) <= 2 * 50, words
