"""The timeline under the keys: where the reader is, what is asked for, and how long it takes with a long history."""

from __future__ import annotations

import time

from textual.events import MouseScrollUp

from sealwire.testing.sample import NOW_MS, long_client
from sealwire.testing.stage import StageClient
from sealwire.ui.views.timeline import WINDOW
from tests.unit.ui.terminal.seat import Seat, seated

APPEND_MS = 50.0
START_S = 1.0
HISTORY = 100_000


async def test_paging_back_reads_the_history_page_by_page_and_the_end_brings_it_back():
    async with seated(long_client(900)) as seat:
        await seat.open("bob")
        await seat.see("Message number 899 ")
        first = seat.main.session.desk.open.messages[0].row
        while seat.main.session.desk.open.messages[0].row > 300:
            await seat.press("pageup", "pageup", "pageup")
        assert len(seat.main.session.desk.open.messages) <= WINDOW
        assert seat.main.session.desk.open.messages[0].row < first
        await seat.see("You are far back: Ctrl+End goes to the end.")
        seat.client.hears("bob", "something new")
        await seat.see("1 new message below: Ctrl+End")
        await seat.press("ctrl+end")
        await seat.see("something new")
        assert seat.timeline.is_stuck


async def test_the_reader_stays_where_they_look_when_something_comes():
    async with seated(long_client(300)) as seat:
        await seat.open("bob")
        await seat.press("pageup", "pageup")
        before = seat.text()
        seat.client.hears("bob", "something new")
        await seat.until(lambda: seat.main.session.desk.open.messages[-1].text == "something new")
        await seat.pilot.pause()
        inner = [line[33:-1] for line in before.splitlines()[2:-4]]
        assert inner == [line[33:-1] for line in seat.text().splitlines()[2:-4]]
        assert seat.did("mark_read") == []


async def test_pages_that_come_in_front_do_not_move_what_is_read():
    async with seated(long_client(1_000)) as seat:
        await seat.open("bob")
        seat.timeline.action_first()
        rows = len(seat.main.session.desk.open.messages)
        await seat.until(lambda: len(seat.main.session.desk.open.messages) > rows)
        await seat.pilot.pause()
        await seat.see("Message number 900 ")


async def test_selecting_moves_through_messages_and_down_past_the_last_leaves():
    async with seated(long_client(50)) as seat:
        await seat.open("bob")
        await seat.press("shift+tab", "up", "up", "up")
        chosen = seat.timeline.chosen()
        assert chosen is not None
        assert chosen.row == 48
        await seat.press("down", "down", "down")
        assert seat.timeline.chosen() is None
        await seat.press("home", "up")
        await seat.press("end")
        assert seat.timeline.is_stuck


async def test_the_mouse_scrolls_selects_and_opens():
    async with seated(long_client(300)) as seat:
        await seat.open("bob")
        top = seat.timeline.top
        await seat.pilot._post_mouse_events([MouseScrollUp], "#timeline")
        await seat.until(lambda: seat.timeline.top < top)
        await seat.pilot.click("#timeline", offset=(10, 10))
        assert seat.timeline.selected is not None
        await seat.pilot.click("#timeline", offset=(10, 10), times=2)
        await seat.see("Reply", "Copy the text")


async def test_a_long_history_starts_and_grows_without_being_felt():
    """CPU time, so that a busy machine does not fail it; the limits are for people."""
    client = long_client(HISTORY)
    began = time.process_time()
    async with seated(client, size=(200, 60)) as seat:
        await seat.open("bob")
        await seat.see(f"Message number {HISTORY - 1} ")
        started = time.process_time() - began
        costs = [await _append(seat, client, number) for number in range(20)]
    assert sorted(costs)[len(costs) // 2] * 1_000 < APPEND_MS, costs
    assert started < 2 * START_S, started  # with the pilot's own waiting and ten key presses in it


async def _append(seat: Seat, client: StageClient, number: int) -> float:
    began = time.process_time()
    client.hears("bob", f"appended {number} {NOW_MS}")
    await seat.until(lambda: seat.shows(f"appended {number} "))
    return time.process_time() - began
