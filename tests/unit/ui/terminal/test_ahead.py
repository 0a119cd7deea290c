"""Keys that come faster than pages open."""

from __future__ import annotations

from sealwire.testing.sample import GARDEN
from sealwire.ui.terminal.ahead import AheadApp
from sealwire.ui.terminal.keys import Field
from tests.unit.ui.terminal.seat import seated


async def test_what_is_typed_ahead_reaches_the_page_and_the_conversation_it_is_meant_for():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("for bob, not sent")
        seat.rush("\x0bcarol\rhello carol\r\x0bgarden\rhello all\r")
        await seat.until(lambda: len(seat.did("send")) == 2)
        draft = "By the way, who brings"  # it stood there, and the words come behind it
        assert [call[1:3] for call in seat.did("send")] == [("carol", f"{draft}hello carol"), (GARDEN, "hello all")]
        assert await seat.client.talk.draft("bob") == "for bob, not sent"
        seat.rush("\x0b")
        await seat.see("Jump to a conversation")
        await seat.press("escape")
        seat.rush("and here\r")
        await seat.until(lambda: len(seat.did("send")) == 3)


async def test_keys_are_not_held_for_ever_where_nothing_comes():
    async with seated() as seat:
        await seat.open("bob")
        assert isinstance(seat.app, AheadApp)
        seat.app.hold_keys()
        seat.rush("still here")
        await seat.until(lambda: seat.composer.text == "still here")


async def test_keys_that_edit_are_not_overtaken_by_what_is_typed_after_them():
    async with seated() as seat:
        await seat.open("bob")
        seat.rush("a draft of another day\x15The fox\x7f\x7fox\x01> ")
        await seat.until(lambda: seat.composer.text == "> The fox")
        seat.rush("\x0bbog\x7fb")
        await seat.see("Jump to a conversation")
        await seat.until(lambda: seat.app.screen.query_one("#line", Field).value == "bob")


async def test_keys_typed_right_after_tab_belong_to_where_it_leads():
    async with seated() as seat:
        await seat.open("bob")
        seat.rush("not sent")
        for key in ("shift+tab", "up", "r"):
            seat.key(key)
        await seat.until(lambda: seat.main.about is not None)
        assert seat.main.about is not None
        assert seat.main.about.kind == "reply"
        assert seat.composer.text == "not sent"
        await seat.press("shift+tab", "shift+tab")
        assert seat.chats.has_focus
        seat.rush("\t\tand more")  # over the timeline, on which letters are commands
        await seat.until(lambda: seat.composer.text == "not sentand more")
        assert not seat.did("react")


async def test_the_keys_after_a_tab_out_of_the_line_reach_the_next_part_of_the_screen():
    async with seated() as seat:
        await seat.open("bob")
        assert seat.chats.rows[seat.chats.cursor].id == "bob"
        seat.rush("a draft\t")
        seat.key("down")
        seat.key("enter")
        await seat.until(lambda: seat.main.session.desk.open.conversation != "bob")
        assert not seat.did("send")
        assert await seat.client.talk.draft("bob") == "a draft"


async def test_the_cursor_of_the_list_stays_although_the_list_is_drawn_before_it_hears_of_its_focus():
    async with seated() as seat:
        await seat.open("bob")
        seat.main.set_focus(seat.chats)  # told to the list by an event that is still on its way
        assert not seat.chats.has_focus
        seat.chats.action_move(1)
        at = seat.chats.cursor
        seat.chats.show(list(seat.chats.rows))
        assert seat.chats.cursor == at


async def test_the_cursor_of_the_list_goes_to_what_was_opened_although_the_list_had_the_focus():
    async with seated() as seat:
        await seat.open("bob")
        await seat.open("carol")
        seat.main.set_focus(seat.chats)
        await seat.main.open_now("bob")  # read before: nothing but this draws the list again
        await seat.pilot.pause()
        assert seat.composer.has_focus
        assert seat.chats.rows[seat.chats.cursor].id == "bob"
