"""The screen with everything on it, driven by keys."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from textual import events

from sealwire.errors import RejectedError
from sealwire.peer.events import Attachment, Connection, Contact, File, Group, Typing, Warning
from sealwire.testing.sample import GARDEN, NOW_MS, sample_client
from sealwire.testing.stage import StageClient, StageLauncher
from sealwire.ui.announce import Ways
from sealwire.ui.views.state import Line
from tests.unit.ui.terminal.seat import seated


async def test_the_list_shows_everyone_and_a_conversation_opens_with_its_unread_line():
    async with seated() as seat:
        await seat.see("alice (3)", "Requests", "bob ✓", "Garden +", "dave !", "Carol Marsh", "Draft: By the way")
        await seat.press("down", "enter")
        await seat.see("bob  ·  ✓ verified", "2 new messages", "I bring the cables.", "Today")
        await seat.until(lambda: seat.did("mark_read"))
        await seat.see("alice (1)")
        assert seat.did("mark_read") == [("mark_read", "bob", seat.client.box.messages["bob"][-1].row)]


async def test_what_is_typed_is_sent_in_order_and_rises():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("one :tada:")
        await seat.press("enter")
        await seat.type("two")
        await seat.press("enter")
        await seat.until(lambda: len(seat.did("send")) == 2)
        assert [call[2] for call in seat.did("send")] == ["one 🎉", "two"]
        await seat.see("○ one 🎉", "two")
        sent = seat.client.box.messages["bob"][-1]
        seat.client.rises(sent.id, "delivered")
        await seat.see("✓✓ two")
        assert seat.composer.text == ""


async def test_what_cannot_be_sent_goes_back_into_the_line():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("hello")
        seat.client.box.failure, seat.client.box.failing = RejectedError(reason="full"), "send"
        await seat.press("enter")
        await seat.see("The broker refused the message: full.")
        await seat.until(lambda: seat.composer.text == "hello")


async def test_what_cannot_be_sent_does_not_land_in_front_of_somebody_else(monkeypatch):
    async with seated() as seat:

        async def refused(*_words: object, **_more: object) -> object:
            while seat.main.acts.current != "carol":
                await asyncio.sleep(0.01)
            raise RejectedError(reason="The disk is full.")

        monkeypatch.setattr(seat.client, "send_text", refused)
        await seat.open("bob")
        await seat.type("for bob alone\r")
        seat.main.open("carol")
        await seat.until(lambda: seat.client.box.of("bob").draft == "for bob alone")
        await seat.see("The disk is full.")
        assert seat.composer.text == "By the way, who brings"
        assert seat.main.acts.current == "carol"


async def test_messages_arrive_while_one_types_and_no_character_is_lost():
    async with seated() as seat:
        await seat.open("bob")
        for number, char in enumerate("while others talk and the link comes and goes"):
            await seat.type(char)
            if number % 5 == 0:
                seat.client.hears("bob", f"incoming {number}")
            if number % 9 == 0:
                seat.client.happen(Connection("offline" if number % 2 else "online"))
        assert seat.composer.text == "while others talk and the link comes and goes"
        await seat.see("incoming 40")


async def test_a_paste_is_one_message_and_keys_make_new_lines():
    async with seated() as seat:
        await seat.open("bob")
        seat.app.post_message(events.Paste("line one\n/quit\nline three"))
        await seat.until(lambda: seat.composer.text.count("\n") == 2)
        await seat.press("alt+enter")
        await seat.type("four")
        await seat.press("ctrl+j")
        await seat.type("five")
        await seat.press("enter")
        await seat.until(lambda: seat.did("send"))
        assert seat.did("send")[0][2] == "line one\n/quit\nline three\nfour\nfive"


async def test_a_paste_over_the_list_or_the_timeline_goes_into_the_line():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("see: ")
        await seat.press("shift+tab")
        assert seat.timeline.has_focus
        seat.app.post_message(events.Paste("one\ntwo"))
        await seat.until(lambda: seat.composer.text == "see: one\ntwo" and seat.composer.has_focus)
        await seat.press("escape")
        await seat.until(lambda: seat.chats.has_focus)
        seat.app.post_message(events.Paste(" three"))
        await seat.until(lambda: seat.composer.text == "see: one\ntwo three")


async def test_the_line_below_tells_what_the_keys_do_where_the_focus_is():
    async with seated() as seat:
        await seat.see("Conversations: ↑↓")
        await seat.open("bob")
        await seat.see("^F search")
        await seat.press("shift+tab")
        await seat.see("Messages: ↑↓", "r reply")
    async with seated(size=(60, 15)) as seat:  # also where the list stands alone
        await seat.see("Conversations: ↑↓", "^P all")


async def test_what_is_said_for_some_seconds_does_not_stand_over_the_line_one_types_in():
    async with seated() as seat:
        await seat.open("bob")
        seat.main.say(Line("alert", "Something went wrong."))
        await seat.type("goes on")
        await seat.see("Something went wrong.", "goes on")
        lines = seat.text().split("\n")
        assert next(n for n, line in enumerate(lines) if "Something went" in line) < len(lines) // 2


async def test_two_lines_typed_at_once_are_two_messages_and_no_character_is_lost():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("one\rtwo\rthree")
        await seat.until(lambda: len(seat.did("send")) == 2)
        assert [call[2] for call in seat.did("send")] == ["one", "two"]
        assert seat.composer.text == "three"


async def test_what_was_typed_just_before_another_conversation_opens_stays_in_its_own():
    async with seated() as seat:
        await seat.open("bob")
        seat.chats.post_message(seat.chats.Chosen("carol"))
        await seat.type("for bob")
        await seat.until(lambda: seat.main.session.desk.open.conversation == "carol")
        await seat.pilot.pause()
        assert (seat.client.box.of("bob").draft + seat.composer.text).replace("By the way, who brings", "") == "for bob"


async def test_words_complete():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("/rep")
        await seat.see("/reply [N] TEXT")
        await seat.press("tab")
        assert seat.composer.text == "/reply "
        seat.composer.put("")
        await seat.type("nice :hedge")
        await seat.press("down", "enter")
        assert seat.composer.text == "nice 🦔"
        await seat.type(" :ta")
        await seat.press("escape")
        await seat.press("enter")
        await seat.until(lambda: seat.did("send"))
        assert seat.did("send")[0][2] == "nice 🦔 :ta"


async def test_a_tab_right_after_a_word_completes_that_word_and_no_earlier_one():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("/")
        await seat.see("/to NAME")
        seat.rush("hel\t")
        await seat.until(lambda: seat.composer.text == "/help ")
        seat.composer.put("")
        seat.rush("done :tad\t!\r")
        await seat.until(lambda: seat.did("send_text") or seat.did("send"))
        assert "done 🎉!" in str(seat.asked)


async def test_a_draft_is_kept_over_conversations_and_shown_in_the_list():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("not yet")
        await seat.open("carol")
        assert seat.composer.text == "By the way, who brings"
        await seat.until(lambda: seat.client.box.of("bob").draft == "not yet")
        await seat.see("Draft: not yet")
        await seat.open("bob")
        assert seat.composer.text == "not yet"


async def test_up_on_an_empty_line_edits_the_last_own_message():
    async with seated() as seat:
        await seat.open("bob")
        await seat.press("up")
        await seat.see("Editing: No hurry. Is Saturday good?")
        assert seat.composer.text == "No hurry. Is Saturday good?"
        await seat.press("escape")
        assert seat.composer.text == ""
        await seat.press("up")
        await seat.type("!")
        await seat.press("enter")
        await seat.until(lambda: seat.did("edit"))
        assert seat.did("edit")[0][3] == "No hurry. Is Saturday good?!"
        await seat.see("edited")


async def test_letters_on_a_selected_message():
    async with seated() as seat:
        await seat.open("bob")
        await seat.press("shift+tab", "up")
        assert seat.timeline.chosen() == seat.client.box.messages["bob"][-1]
        await seat.press("r")
        await seat.see("Answer to bob: I bring the cables.")
        await seat.type("thanks")
        await seat.press("enter")
        await seat.until(lambda: seat.did("send"))
        assert seat.did("send")[0][3] == seat.client.box.messages["bob"][-2].id
        await seat.see("┃ bob: I bring the cables.")
        await seat.press("shift+tab", "up", "p")
        await seat.until(lambda: seat.did("pin"))
        await seat.press("a")
        await seat.see("React")
        await seat.press("enter")
        await seat.until(lambda: seat.did("react"))
        await seat.see("👍 1")


async def test_only_the_author_deletes_and_is_asked_first():
    async with seated() as seat:
        await seat.open("bob")
        await seat.press("shift+tab", "up", "d")
        await seat.see("Only its author can delete")
        await seat.press("up", "up", "d")
        await seat.see("Delete for everyone?", "No hurry.")
        await seat.press("tab", "enter")
        await seat.until(lambda: seat.did("delete"))
        await seat.see("(deleted)")


async def test_jumping_between_conversations():
    async with seated() as seat:
        await seat.press("alt+a")
        await seat.see("+Garden")  # somebody mentioned us there
        await seat.press("alt+a")
        await seat.see("bob  ·")
        await seat.press("alt+a")
        await seat.see("Nothing is unread.")
        await seat.press("alt+down")
        await seat.gone("bob  ·")
        await seat.press("alt+up")
        await seat.see("bob  ·")


async def test_a_narrow_screen_shows_one_part_at_a_time_and_follows_a_resize():
    async with seated(size=(60, 15)) as seat:
        assert seat.shows("Carol Marsh")
        await seat.press("down", "enter")
        await seat.see("bob  ·  ✓ verified")
        assert not seat.shows("Carol Marsh")
        await seat.pilot.resize_terminal(120, 30)
        await seat.see("Carol Marsh", "bob  ·  ✓ verified")
        await seat.pilot.resize_terminal(60, 15)
        await seat.gone("Carol Marsh")
        await seat.press("escape")
        await seat.see("Carol Marsh")
        assert seat.main.session.desk.open is None


async def test_the_link_and_what_waits_stand_above_the_conversation():
    async with seated() as seat:
        await seat.open("bob")
        seat.client.queued = 2
        seat.client.happen(Connection("offline"))
        await seat.see("! The broker is gone.", "2 messages wait here.")
        seat.client.queued = 0
        seat.client.happen(Connection("online"))
        await seat.gone("The broker is gone.")


async def test_what_stands_in_the_way_of_writing_is_told_and_decided_without_a_link_too():
    async with seated() as seat:
        await seat.open("dave")
        await seat.see("key of dave has changed")
        seat.client.happen(Connection("offline"))
        await seat.see("The broker is gone.", "key of dave has changed", "F2: what to do")
        await seat.press("f2")
        await seat.see("Accept new key")


async def test_who_writes_files_that_move_groups_and_warnings_reach_the_screen():
    async with seated() as seat:
        await seat.open("bob")
        seat.client.happen(Typing("bob", "bob", True))
        await seat.see("bob is writing.")
        message = next(one for one in seat.client.box.messages["bob"] if one.file)
        seat.client.happen(File(message.id, "bob", "network-plan.pdf", "receiving", 1_800_000, 1_843_200))
        await seat.see("97 % being fetched")
        seat.client.happen(Warning("gap", "", "bob", 2))
        await seat.see("! bob: 2 messages missing.")
        seat.client.box.groups[GARDEN] = replace(seat.client.box.groups[GARDEN], name="Orchard")
        seat.client.happen(Group(GARDEN, "Orchard", "renamed"))
        await seat.see("Orchard +")
        seat.client.happen(Contact("carol", "ab" * 32, "changed"))
        await seat.see("The key of carol has changed")


async def test_the_others_learn_that_one_writes_and_stops():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("hel")
        await seat.until(lambda: seat.did("typing"))
        await seat.press("backspace", "backspace", "backspace")
        await seat.until(lambda: len(seat.did("typing")) == 2)
        assert [call[2] for call in seat.did("typing")] == [True, False]
        await seat.type("/help")
        assert len(seat.did("typing")) == 2


@pytest.mark.parametrize("focused", [True, False])
async def test_a_message_is_read_and_silent_only_while_somebody_looks(focused):
    rung: list[str] = []
    async with seated(ways=Ways(sequence="osc9")) as seat:
        seat.app.emit = rung.append  # type: ignore[method-assign]
        seat.main.session._announcer._write = rung.append
        await seat.open("bob")
        await seat.until(lambda: seat.did("mark_read"))
        if not focused:
            seat.app.post_message(events.AppBlur())
            await seat.until(lambda: not seat.app.app_focus)
        said = seat.client.hears("bob", "are you there?")
        await seat.see("are you there?")
        if focused:
            await seat.until(lambda: len(seat.did("mark_read")) == 2)
            assert rung == []
        else:
            assert len(seat.did("mark_read")) == 1
            assert rung == ["\x1b]9;bob: New message\x07\a"]
            seat.app.post_message(events.AppFocus())
            await seat.until(lambda: seat.did("mark_read")[-1] == ("mark_read", "bob", said.row))


async def test_commands_open_pages_or_answer_in_the_conversation():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("/mute 8h")
        await seat.press("enter")
        await seat.see("· Muted for 8 hours.", "verified  ·  muted")
        await seat.type("/hepl")
        await seat.press("enter")
        await seat.see("Did you mean /help?")
        assert seat.composer.text == "/hepl"
        seat.composer.put("")
        await seat.type("/help")
        await seat.press("enter")
        await seat.see("Alt+Enter, Ctrl+J")
        await seat.press("escape")
        await seat.type("/invite")
        await seat.press("enter")
        await seat.see("sealwire:127.0.0.1:5555#")
        await seat.press("escape")
        await seat.type("/to +Garden")
        await seat.press("enter")
        await seat.see("+Garden")
        await seat.type("/quit")
        await seat.press("enter")
        await seat.until(lambda: seat.app.return_code == 0)


async def test_in_a_group_info_is_about_the_group_and_verify_asks_for_a_person():
    async with seated() as seat:
        await seat.open("Garden")
        for line in ("/info", "/info +Garden", "/group +Garden info"):
            await seat.type(line)
            await seat.press("enter")
            await seat.see("Beds, seeds and who waters when", "owner", "admin")
            await seat.press("escape")
            await seat.until(lambda: seat.app.screen is seat.main)
        await seat.type("/verify")
        await seat.press("enter")
        await seat.see("Write /verify [NAME]")


async def test_what_was_said_and_not_stored_when_the_program_ends_is_a_draft_again(monkeypatch):
    client, never = sample_client(), asyncio.Event()

    async def stuck(*_words, **_how):
        await never.wait()

    async with seated(client) as seat:
        await seat.open("bob")
        monkeypatch.setattr(client, "send_text", stuck)
        for line in ("first", "second"):
            await seat.type(line)
            await seat.press("enter")
        await seat.type("third")
        await seat.press("ctrl+q")
    await seat.app.keep()
    assert client.box.info("bob").draft == "first\nsecond\nthird"


async def test_a_line_entered_right_before_the_end_is_said_or_kept():
    client = sample_client()
    async with seated(client) as seat:
        await seat.open("bob")
        seat.rush("the last word\r")
        end = events.Key("ctrl+q", "\x11")
        end.set_sender(seat.app)
        seat.app.post_message(end)
        await seat.until(lambda: seat.app.return_code == 0)
    await seat.app.keep()
    assert client.box.info("bob").draft == "the last word" or seat.did("send")[-1][2] == "the last word"


async def test_a_file_on_its_way_holds_up_no_message(monkeypatch):
    client = sample_client()
    client.stored("bob", "", kind="file", file=Attachment("late.pdf", 9, "x/y", "offered"))
    whole, fetch = asyncio.Event(), client.files.fetch

    async def slowly(*words, **how):
        await whole.wait()
        return await fetch(*words, **how)

    monkeypatch.setattr(client.files, "fetch", slowly)
    async with seated(client) as seat:
        await seat.open("bob")
        for line in ("/fetch", "meanwhile"):
            await seat.type(line)
            await seat.press("enter")
        await seat.until(lambda: any(call[2] == "meanwhile" for call in seat.did("send")))
        assert not seat.did("fetch")
        whole.set()
        await seat.see("late.pdf is here:")


async def test_dates_and_numbers_in_commands():
    async with seated() as seat:
        await seat.open("bob")
        await seat.type("/date 2026-09-20")
        await seat.press("enter")
        await seat.until(lambda: seat.composer.text == "")
        await seat.type("/react 3 tada")
        await seat.press("enter")
        await seat.see("selected with the arrows")


async def test_the_program_ends_when_the_client_does():
    async with seated() as seat:
        await seat.client.close()
        await seat.until(lambda: seat.app.return_code == 0)


async def test_a_conversation_with_somebody_new_is_looked_for():
    client = sample_client()
    async with seated(client) as seat:
        await seat.press("ctrl+k")
        await seat.type("frank")
        await seat.see("Write to frank")
        await seat.press("enter")
        await seat.see("Looking for frank", "Nobody is registered here under the name frank.")
        client.box.know("frank")
        await seat.open("frank")
        await seat.see("frank  ·  not verified")
        assert client.box.now_ms() == NOW_MS


async def test_where_nothing_is_to_be_read_it_says_what_to_do():
    client = sample_client()
    client.box.know("frank")
    async with seated(client) as seat:
        await seat.see("Choose a conversation with the arrows and Enter.", "F1 shows every key")
        await seat.open("frank")
        await seat.see("No messages with frank yet.")
        await seat.gone("Choose a conversation")
    empty = StageClient("alice", lambda: NOW_MS)
    async with seated(empty, passphrase=None, launcher=StageLauncher(empty)) as seat:
        await seat.see("Passphrase of this profile")
        await seat.press("enter")
        await seat.see("Nobody has written yet.", "Ctrl+K and a name writes to somebody.")
