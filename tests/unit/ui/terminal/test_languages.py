"""Pages in a language that is longer by two fifths: every button and every line has its room."""

from __future__ import annotations

from textual.widgets import Button

from sealwire.ui.terminal.screens.base import Row
from tests.unit.ui.terminal.seat import Seat, seated


def cut_off(seat: Seat) -> list[str]:
    """Return the buttons that stand beyond the page they are on."""
    return [
        str(one.label)
        for one in seat.app.screen.query(Button)
        if not seat.app.screen.query_one("#panel").content_region.contains_region(one.region) and one.region.width
    ]


async def test_buttons_stand_below_each_other_where_they_do_not_fit_side_by_side(speak) -> None:
    speak("en_XA")
    async with seated(size=(60, 30)) as seat:
        await seat.open("dave")
        await seat.press("f2")
        await seat.until(lambda: seat.app.screen.query(Row))
        row = seat.app.screen.query_one(Row)
        await seat.until(lambda: row.size.height == 2)
        assert cut_off(seat) == []
        assert {one.region.x for one in row.children} == {row.region.x}


async def test_buttons_that_fit_stand_side_by_side() -> None:
    async with seated(size=(100, 30)) as seat:
        await seat.open("dave")
        await seat.press("f2")
        await seat.until(lambda: seat.app.screen.query(Row))
        row = seat.app.screen.query_one(Row)
        await seat.until(lambda: len({one.region.y for one in row.children}) == 1)
        assert len({one.region.x for one in row.children}) == 2
        assert cut_off(seat) == []


async def test_a_group_with_many_rights_shows_every_button(speak) -> None:
    speak("en_XA")
    async with seated(size=(60, 40)) as seat:
        await seat.open("garden")
        await seat.press("ctrl+g")
        await seat.until(lambda: seat.app.screen.query(Row) and seat.app.screen.query_one(Row).size.height > 1)
        await seat.until(lambda: not cut_off(seat))
        assert len(seat.app.screen.query(Button)) > 2


async def test_the_palette_speaks_the_language_of_the_rest(speak) -> None:
    speak("en_XA")
    async with seated() as seat:
        await seat.press("ctrl+p")
        await seat.see("[Ŵĥáţ đô ýôû")
        await seat.type("zzzz")
        await seat.see("[Ñôţĥîñĝ ƒôûñđ.")
        assert "No matches" not in seat.text()
