"""Every page that opens over the conversations."""

from __future__ import annotations

from pathlib import Path

from sealwire.peer.events import Attachment
from sealwire.testing.sample import GARDEN, sample_client
from sealwire.ui.terminal.screens.base import Ask, Menu
from sealwire.ui.terminal.screens.finders import Search
from tests.unit.ui.terminal.seat import seated


async def test_help_lists_keys_and_commands_and_scrolls():
    async with seated() as seat:
        await seat.press("f1")
        await seat.see("Help", "Alt+Enter, Ctrl+J", "Ctrl+K")
        await seat.press("end")
        await seat.see("/quit: the end")
        await seat.press("escape")
        await seat.gone("Arrows: scroll")


async def test_search_finds_everywhere_or_here_and_goes_there():
    async with seated() as seat:
        await seat.open("bob")
        await seat.press("ctrl+f")
        await seat.see("Everywhere on this device.")
        await seat.type("see you")
        await seat.see("dave: See you on Monday.", "1 message found.")
        await seat.press("ctrl+t")
        await seat.see("Nothing found for see you in bob. Ctrl+T searches everywhere.")
        await seat.press("ctrl+t")
        await seat.see("1 message found.")
        await seat.press("enter")
        await seat.see("dave  ·  key changed", "See you on Monday.")
        chosen = seat.timeline.chosen()
        assert chosen is not None
        assert chosen.text == "See you on Monday."


async def test_search_moves_in_its_list_while_one_types():
    async with seated() as seat:
        await seat.press("ctrl+f")
        await seat.type("sat")
        await seat.see("2 messages found.")
        await seat.press("down", "enter")
        await seat.until(lambda: not isinstance(seat.app.screen, Search))
        await seat.until(lambda: seat.timeline.chosen() is not None)
        chosen = seat.timeline.chosen()
        assert chosen is not None
        assert chosen.text == "No hurry. Is Saturday good?"


async def test_a_changed_key_says_who_since_when_and_why_and_compares_before_it_accepts():
    async with seated() as seat:
        await seat.open("dave")
        await seat.see("✗ The key of dave has changed.", "F2: what to do")
        assert seat.composer.disabled
        await seat.press("f2")
        await seat.see("Another key is seen since 11:13.", "• Somebody in between.", "Compare digits", "Accept new key")
        await seat.press("enter")
        await seat.see("Verify dave", "12345 67890 12345 67890", "these digits are made with the new one")
        await seat.press("escape")
        await seat.press("f2")
        await seat.press("tab", "enter")
        await seat.until(lambda: seat.did("approve"))
        await seat.see("dave  ·  not verified")
        await seat.until(lambda: not seat.composer.disabled)


async def test_verification_by_digits_and_by_code():
    async with seated(size=(100, 50)) as seat:
        await seat.open("carol")
        await seat.press("ctrl+g")
        await seat.see("carol: not verified", "RSA-OAEP")
        await seat.press("enter")
        await seat.see("Verify Carol Marsh", "12345 67890 12345 67890", "▄", "They are the same", "Your code as text:")
        await seat.press("tab")
        await seat.press("enter")
        await seat.see("Do not trust this conversation.")
        await seat.press("tab")
        await seat.type("hello")
        await seat.press("enter")
        await seat.see("This is no verification code; one begins with")
        await seat.press("shift+tab", "shift+tab", "enter")
        await seat.until(lambda: seat.did("set_verified"))
        await seat.see("Carol Marsh  ·  ✓ verified")


async def test_a_request_is_looked_at_and_answered():
    async with seated() as seat:
        await seat.press("enter")
        await seat.see("Requests", "erin: Hi Alice, we met")
        await seat.press("enter")
        await seat.see("erin wants to talk to you.", "F2: what to do")
        await seat.press("f2")
        await seat.see("erin asks")
        await seat.press("enter")
        await seat.until(lambda: seat.did("accept"))
        await seat.gone("wants to talk")


async def test_a_persons_page_sets_nickname_mute_timer_and_block():
    async with seated(size=(100, 40)) as seat:
        await seat.open("bob")
        await seat.press("ctrl+g", "tab")
        await seat.press("enter")
        await seat.see("Nickname", "Seen only here")
        await seat.type("Bobby")
        await seat.press("enter")
        await seat.see("Bobby  ·  ✓ verified")
        await seat.press("ctrl+g", "tab", "tab", "enter")
        await seat.see("Mute for", "8 hours")
        await seat.press("down", "enter")
        await seat.until(lambda: seat.did("mute"))
        await seat.see("muted")
        await seat.press("ctrl+g", "tab", "tab", "tab", "enter")
        await seat.see("New messages disappear on every side")
        await seat.press("down", "enter")
        await seat.until(lambda: seat.did("set_timer") == [("set_timer", "bob", 3_600)])
        await seat.see("disappearing")
        await seat.press("ctrl+g", *["tab"] * 6, "enter")
        await seat.see("Block?", "they hear nothing of it")
        await seat.press("tab", "enter")
        await seat.see("Bobby is blocked")
        await seat.see("A message of Bobby, who is blocked.")
        await seat.press("f2")
        await seat.until(lambda: seat.client.box.of("bob").blocked is False)


async def test_a_group_is_made_and_its_page_does_what_the_role_allows():
    async with seated(size=(100, 40)) as seat:
        await seat.press("ctrl+k")
        await seat.type("zzz")
        await seat.see("Make a group")
        await seat.press("up", "enter")
        await seat.see("A new group")
        await seat.press("enter", "enter")
        await seat.see("A group needs a name.")
        await seat.type("Book club")
        await seat.press("enter")
        await seat.type("bob, carol")
        await seat.press("enter")
        await seat.until(lambda: seat.did("create") == [("create", "Book club", ("bob", "carol"))])
        await seat.see("+Book club")
        await seat.press("ctrl+g")
        await seat.see("alice (you), owner", "Carol Marsh, member, invited", "History for newcomers")
        await seat.press("down", "enter")
        await seat.see("Remove from the group", "Write to them")
        await seat.press("enter")
        await seat.until(lambda: seat.did("group remove"))
        await seat.gone("bob, member")
        await seat.press("tab", "enter")
        await seat.see("Their account name:")
        await seat.type("dave")
        await seat.press("enter")
        await seat.until(lambda: seat.did("group invite"))
        await seat.see("dave, member, invited")


async def test_an_admin_does_less_and_leaving_is_asked():
    async with seated(size=(100, 40)) as seat:
        await seat.open("garden")
        await seat.press("ctrl+g")
        await seat.see("+Garden: 3 members; you are admin.", "Beds, seeds and who waters when")
        assert not seat.shows("History for newcomers")
        await seat.press("enter")
        await seat.see("Write to them")
        assert not seat.shows("Remove from the group")
        await seat.press("escape", *["tab"] * 5, "enter")
        await seat.see("Leave?")
        await seat.press("tab", "enter")
        await seat.until(lambda: seat.client.box.groups[GARDEN].state == "left")
        await seat.press("escape")
        await seat.see("You can read this group, not write in it.")


async def test_the_menu_of_a_message_fits_it():
    client = sample_client()
    client.stored("bob", "", kind="file", file=Attachment("new-plan.pdf", 9, "application/pdf", "offered"))
    async with seated(client) as seat:
        await seat.open("bob")
        await seat.press("shift+tab", "up", "enter")
        await seat.see("Get the file", "Reply", "Delete here only")
        await seat.press("enter")
        await seat.until(lambda: seat.did("fetch"))
        await seat.until(lambda: seat.main.session.desk.open.messages[-1].file.state == "done")
        await seat.press("enter")
        await seat.see("Save a copy …")
        await seat.press("enter")
        await seat.until(lambda: isinstance(seat.app.screen, Ask))
        await seat.press("enter")
        await seat.until(lambda: seat.did("save_copy"))


async def test_own_messages_can_be_cancelled_retried_and_explained():
    async with seated() as seat:
        await seat.open("carol")
        await seat.press("shift+tab", "up", "enter")
        await seat.see("Try again")
        await seat.press("enter")
        await seat.until(lambda: seat.did("retry"))
        await seat.see("○ Then I can be there.")
        await seat.press("enter")
        await seat.see("Give up: do not send it")
        await seat.press("enter")
        await seat.until(lambda: seat.did("cancel"))
        await seat.see("✗ Then I can be there.", "! It was cancelled.")
        await seat.press("enter")
        await seat.until(lambda: isinstance(seat.app.screen, Menu))
        await seat.press("end", "enter")
        await seat.see("· You, 2026-09-19 13:53: Then I can be there. State: failed.")


async def test_a_message_is_forwarded_and_deleted_here():
    async with seated() as seat:
        await seat.open("bob")
        await seat.press("shift+tab", "up", "f")
        await seat.type("carol")
        await seat.press("enter")
        await seat.until(lambda: seat.did("forward"))
        assert seat.did("forward")[0][3] == "carol"
        await seat.press("enter")
        await seat.until(lambda: isinstance(seat.app.screen, Menu))
        await seat.press("end", "up", "enter")
        await seat.until(lambda: seat.did("delete"))
        await seat.gone("I bring the cables. More at https")


async def test_another_emoji_by_its_name():
    async with seated() as seat:
        await seat.open("bob")
        await seat.press("shift+tab", "up", "a")
        await seat.press("end", "enter")
        await seat.see("An emoji, or its name")
        await seat.type("hedgehog")
        await seat.press("enter")
        await seat.see("🦔 1")


async def test_files_and_pinned_messages_are_lists_to_jump_from(tmp_path: Path):
    (tmp_path / "a.txt").write_text("x")
    async with seated() as seat:
        await seat.open("garden")
        await seat.type("/pinned")
        await seat.press("enter")
        await seat.see("Welcome, Bob. Pinned.")
        await seat.press("enter")
        await seat.until(lambda: seat.timeline.chosen() is not None)
        await seat.press("ctrl+o")
        await seat.see("Send a file", "Its path:")
        await seat.press("ctrl+u")
        await seat.type(str(tmp_path / "a.txt"))
        await seat.press("enter")
        await seat.until(lambda: seat.did("send file"))
        await seat.see("▤ a.txt", "being sent")


async def test_every_command_is_in_the_palette_where_no_line_can_be_typed(tmp_path):
    async with seated() as seat:
        assert seat.composer.disabled
        await seat.press("ctrl+p")
        await seat.type("/backup")
        await seat.see("/backup FILE")
        await seat.press("down", "enter")
        await seat.see("keys, history and contacts in one file under a passphrase")
        await seat.type(f"{tmp_path}/all.backup")
        await seat.press("enter")
        for title in ("Passphrase of the backup", "The same again"):
            await seat.see(title)
            await seat.type("secret")
            await seat.press("enter")
        await seat.until(lambda: seat.did("backup") == [("backup", tmp_path / "all.backup")])
        await seat.press("ctrl+p")
        await seat.type("/presence")
        await seat.see("/presence [on|off]")
        await seat.press("down", "enter")
        await seat.type("on")
        await seat.press("enter")
        await seat.see("Others see when you are online.")


async def test_the_palette_does_things_by_name_and_changes_the_theme():
    async with seated() as seat:
        await seat.press("ctrl+p")
        await seat.type("theme: light")
        await seat.see("Theme: Light")
        await seat.press("down", "enter")
        await seat.until(lambda: seat.app.theme == "light")
        await seat.press("ctrl+p")
        await seat.type("bring a friend in")
        await seat.see("Bring a friend in")
        await seat.press("down", "enter")
        await seat.see("sealwire:127.0.0.1:5555#", "It works on this computer only.")
