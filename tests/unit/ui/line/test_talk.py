"""The line interface as a transcript: what is typed and what happens on the left, what is said on the right."""

from __future__ import annotations

import asyncio
from datetime import UTC

import pytest
from msgspec.structs import replace

from sealwire.errors import LoginError, UnknownPeerError
from sealwire.peer.events import (
    Attachment,
    Connection,
    Contact,
    Delivery,
    File,
    Group,
    Message,
    Reaction,
    Ready,
    Typing,
    Warning,
)
from sealwire.testing.sample import GARDEN, NOW_MS, sample_client
from sealwire.testing.stage import StageClient
from sealwire.ui.announce import Announcer, Ways
from sealwire.ui.line.talk import Talk
from sealwire.ui.marks import ReadMarker
from sealwire.ui.views import Line
from sealwire.ui.views.commands import parse


class Paper:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.messages: list[Message] = []

    async def say(self, line: Line) -> None:
        self.said.append(line.text)

    async def message(self, message: Message, line: Line) -> None:
        self.messages.append(message)
        self.said.append(line.text)

    async def passphrase(self) -> bytes:
        return b"secret"


class Table:
    """A talk, its client and its paper; bob and carol are known."""

    def __init__(self, client: StageClient | None = None) -> None:
        self.client = client or StageClient("alice", lambda: NOW_MS)
        for name in ("bob", "carol"):
            self.client.box.know(name)
        self.paper = Paper()
        self.marker = ReadMarker(self.client)
        self.rung: list[str] = []
        announcer = Announcer(Ways(), self.rung.append, self.paper.said.append, lambda: NOW_MS)
        self.talk = Talk(self.client, self.paper, self.marker, lambda: NOW_MS, announcer)
        self.talk.view = replace(self.talk.view, zone=UTC)

    async def type(self, *lines: str) -> list[str]:
        before = len(self.paper.said)
        for line in lines:
            await self.talk.do(parse(line))
        return self.paper.said[before:]

    async def hear(self, *events: object) -> list[str]:
        before = len(self.paper.said)
        for event in events:
            await self.talk.hear(event)  # type: ignore[arg-type]
        return self.paper.said[before:]


@pytest.fixture
def table() -> Table:
    return Table()


async def test_what_a_script_says_and_changes_beside_this_interface_is_heard_here_once(table: Table) -> None:
    said = Message("ab" * 16, "bob", "alice", "by a script", NOW_MS, False, 7, "queued", here=True)
    assert await table.hear(said) == ["#1 14:13 you to bob (queued): by a script"]
    assert await table.hear(said) == []
    assert await table.hear(Delivery("ab" * 16, "sent", "bob")) == ["#1 to bob: sent."]
    edited = replace(said, text="put right", change="edited")
    assert await table.hear(edited) == ["#1 You edited: put right"]
    table.client.begin()
    await table.type("/to bob", "typed here")
    own = table.client.box.messages["bob"][-1]
    assert await table.hear(replace(own, here=True)) == []


async def test_a_state_that_overtakes_the_line_it_is_about_is_said_after_it(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = table.client.send_text

    async def send_text(*words: object, **how: object) -> object:
        sent = await sending(*words, **how)  # type: ignore[arg-type]
        await table.hear(Delivery(sent.id, "sent", "bob"))
        return sent

    monkeypatch.setattr(table.client, "send_text", send_text)
    await table.type("/to bob")
    assert await table.type("quickly") == ["#1 to bob: queued.", "#1 to bob: sent."]


async def test_text_needs_somebody_to_go_to(table: Table) -> None:
    (said,) = await table.type("hello")
    assert "/to NAME" in said
    assert table.talk.error is not None
    assert table.talk.error.exit == 2


async def test_opening_a_conversation_says_the_fingerprint_and_whether_it_is_verified(table: Table) -> None:
    (said,) = await table.type("/to bob")
    assert said.startswith("Writing to bob (not verified). Fingerprint 626f6200 ")


async def test_opening_a_conversation_with_someone_new_says_so(table: Table) -> None:
    (said,) = await table.type("/to frank")
    assert "frank, who is new here" in said


async def test_a_changed_key_is_said_when_the_conversation_is_opened(table: Table) -> None:
    table.client.box.know("bob", "changed")
    (said,) = await table.type("/to bob")
    assert "/approve bob" in said


async def test_lines_go_to_the_open_conversation_and_at_sends_once(table: Table) -> None:
    said = await table.type("/to bob", "hello", "@carol hi", "//slash")
    assert [what[1:3] for what in table.client.box.asked] == [("bob", "hello"), ("carol", "hi"), ("bob", "/slash")]
    assert said[1:] == ["#1 to bob: queued.", "#2 to carol: queued.", "#3 to bob: queued."]


async def test_states_rise_as_evidence_comes(table: Table) -> None:
    await table.type("@bob hi")
    for state in ("sent", "delivered"):
        await table.talk.hear(Delivery(f"{1:032x}", state, "bob"))  # type: ignore[arg-type]
    assert table.paper.said == ["#1 to bob: queued.", "#1 to bob: sent.", "#1 to bob: delivered."]


async def test_errors_are_one_line_with_the_next_step(table: Table) -> None:
    table.client.box.failure = UnknownPeerError(name="nobody")
    said = await table.type("@nobody hi", "/to bob")
    assert said[0] == ("Nobody is registered here under the name nobody. Check the spelling, or send them an invite.")
    assert len(said) == 2


async def test_ready_brings_what_was_not_written_before_and_then_what_comes(table: Table) -> None:
    table.client.stored("bob", "one")
    two = table.client.stored("bob", "two")
    said = await table.hear(Ready("alice", "ab" * 32), two, table.client.stored("bob", "three"))
    assert said[1:] == ["#1 14:13 bob: one", "#2 14:13 bob: two", "#3 14:13 bob: three"]
    await table.marker.flush()
    assert table.client.box.of("bob").read_row == 3


async def test_history_shows_own_and_other_messages(table: Table) -> None:
    table.client.stored("bob", "hi")
    table.client.stored("bob", "hello", "alice")
    said = await table.type("/to bob", "/history 2")
    assert said[1:] == ["#1 14:13 bob: hi", "#2 14:13 you to bob (read): hello"]
    assert table.client.box.of("bob").read_row == 0


async def test_verify_shows_the_digits_and_takes_the_verdict(table: Table) -> None:
    said = await table.type("/to bob", "/verify", "/verify bob yes")
    assert said[2] == "  12345 67890 12345 67890"
    assert said[-3].startswith("Your code as text: ")
    assert said[-2] == "When both are the same: /verify bob yes"
    assert said[-1] == "bob: verified."


async def test_info_contacts_status_retry_help(table: Table) -> None:
    said = await table.type("/info bob", "/contacts", "/status", "/retry", "/approve bob", "/help", "")
    text = "\n".join(said)
    assert "RSA-OAEP-3072" in text
    assert "bob: not verified." in said
    assert "0 messages queued." in said
    assert "0 messages are tried again." in said
    assert "/quit" in text


async def test_quit_ends(table: Table) -> None:
    assert not await table.talk.do(parse("/quit"))
    assert await table.talk.do(parse("/help"))


async def test_gaps_and_other_warnings_are_said(table: Table) -> None:
    await table.talk.hear(Warning("gap", "2 messages missing", "bob", 2))
    assert table.paper.said == ["bob: 2 messages missing."]


async def test_a_first_start_that_is_refused_ends_with_the_reason(table: Table) -> None:
    table.client.box.failure = LoginError(name="alice")
    with pytest.raises(LoginError):
        await table.talk.hear(Connection("stopped", "The broker refuses.", "login"))


async def test_a_link_that_ends_later_is_said_and_the_history_stays(table: Table) -> None:
    await table.talk.hear(Ready("alice", "ab" * 32))
    await table.talk.hear(Connection("stopped", "Another process logged in.", "superseded"))
    assert table.paper.said[-1] == "Another process logged in."


async def test_states_said_waits_for_what_is_shown_as_queued(table: Table) -> None:
    await table.type("@bob hi")
    await table.talk.states_said(0.01)  # gives up quietly
    await table.talk.hear(Delivery(f"{1:032x}", "sent", "bob"))
    await table.talk.states_said(10)


async def test_a_message_that_fails_later_is_an_error_of_the_run(table: Table) -> None:
    await table.type("@frank hi")
    await table.talk.hear(Delivery("f" * 32, "failed", "bob", "of an earlier run"))
    assert table.talk.error is None
    await table.talk.hear(Delivery(f"{1:032x}", "failed", "frank", "nobody is registered under the name frank"))
    assert table.talk.error is not None
    assert table.talk.error.exit == 5
    assert len(table.paper.said) == 3


# --- what else happens ---


async def test_changes_are_said_with_the_number_of_the_message(table: Table) -> None:
    message = table.client.stored("bob", "hi")
    await table.hear(message)
    edited = await table.client.talk.edit("bob", message.id, "hello")
    reacted = await table.client.talk.react("bob", message.id, "🎉")
    said = await table.hear(edited, reacted)
    assert said == ["#1 bob edited: hello", "#1 you reacted with 🎉."]
    gone = await table.client.talk.delete("bob", message.id)
    assert await table.hear(gone) == ["#1 bob deleted this message."]


async def test_a_reaction_to_something_never_said_here_is_not_said(table: Table) -> None:
    message = table.client.stored("bob", "long ago", reactions=(Reaction("bob", "🎉"),))
    changed = await table.client.talk.pin("bob", message.id)
    assert await table.hear(changed) == []


async def test_writing_is_said_once_and_only_in_the_open_conversation(table: Table) -> None:
    await table.type("/to bob")
    event = Typing("bob", "bob", True)
    assert await table.hear(event, event, Typing("carol", "carol", True)) == ["bob is writing."]
    await table.hear(table.client.stored("bob", "hi"))
    assert await table.hear(event) == ["bob is writing."]


async def test_a_file_is_said_at_each_change_of_state_and_not_at_each_piece(table: Table) -> None:
    def file(state: str, done: int) -> File:
        return File("1", "bob", "plan.pdf", state, done, 100)  # type: ignore[arg-type]

    said = await table.hear(file("receiving", 1), file("receiving", 50), file("done", 100))
    assert said == ["File plan.pdf is being fetched.", "File plan.pdf is complete."]


async def test_a_group_is_opened_by_name_and_written_to() -> None:
    table = Table(sample_client())
    said = await table.type("/to +Garden", "hello all")
    assert said[0] == "+Garden: 3 members; you are admin."
    assert said[1] == "#1 to +Garden: queued."
    assert table.client.box.asked[-1] == ("send", GARDEN, "hello all", None)


async def test_an_answer_is_said_with_what_it_answers(table: Table) -> None:
    await table.type("/to bob")
    await table.hear(table.client.stored("bob", "Shall we?"))
    (said,) = await table.type("/reply yes")
    assert said == "#2 14:13 you to bob (in reply to bob: Shall we?, queued): yes"


async def test_requests_and_forwarded_messages_say_so(table: Table) -> None:
    (said,) = await table.hear(table.client.stored("bob", "hi", request=True, forwarded=True))
    assert said == "#1 14:13 bob (asks to talk to you, forwarded): hi"


async def test_a_message_elsewhere_rings_once_and_the_open_conversation_does_not(table: Table) -> None:
    await table.type("/to bob")
    await table.hear(table.client.stored("bob", "hi"))
    assert table.rung == []
    await table.hear(table.client.stored("carol", "hi"), table.client.stored("carol", "again"))
    assert table.rung == ["\a"]
    await table.hear(Contact("dave", "ab" * 32, "changed"))
    assert table.rung == ["\a", "\a"]
    assert table.talk.names == {"dave"}


async def test_what_is_muted_rings_no_bell_and_a_mute_ends() -> None:
    table = Table(sample_client())
    await table.type("/to +Garden", "/mute 8h", "/to carol")
    in_the_garden = table.client.stored(GARDEN, "ring?", "bob")
    await table.hear(in_the_garden)
    assert table.rung == []
    await table.type("/to +Garden", "/unmute", "/to carol")
    await table.hear(table.client.stored(GARDEN, "and now?", "bob"))
    assert table.rung == ["\a"]


async def test_a_nickname_is_what_is_said_and_the_account_name_what_commands_take(table: Table) -> None:
    await table.hear(Ready("alice", "ab" * 32))
    said = await table.type("/to bob", "/nick bob Bobby", "hello")
    assert said[1:] == ["bob is Bobby here now.", "#1 to Bobby: queued."]
    assert table.talk.view.title == "Bobby", "the prompt"
    first = table.client.stored("bob", "hi")
    assert await table.hear(first, Typing("bob", "bob", True)) == ["#2 14:13 Bobby: hi", "Bobby is writing."]
    reacted = await table.client.talk.react("bob", first.id, "🎉")
    edited = await table.client.talk.edit("bob", first.id, "ho")
    assert (await table.hear(edited, reacted))[0] == "#2 Bobby edited: ho"
    assert "bob (Bobby): not verified, 1 unread message." in await table.type("/contacts")
    assert (await table.type("/who 2"))[0].startswith("Bobby, ")
    await table.type("/nick bob")
    assert (await table.hear(table.client.stored("bob", "again")))[0] == "#3 14:13 bob: again"
    assert table.talk.view.title == "bob"


async def test_the_line_for_a_friend_is_there_again_later(table: Table) -> None:
    async def invite() -> list[str]:
        return ["Send them this.", "sealwire:127.0.0.1:5555#KEY"]

    talk = Talk(table.client, table.paper, table.marker, lambda: NOW_MS, invite=invite)
    await talk.do(parse("/invite"))
    assert table.paper.said == ["Send them this.", "sealwire:127.0.0.1:5555#KEY"]


async def test_groups_complete_beside_people() -> None:
    table = Table(sample_client())
    await table.hear(Ready("alice", "ab" * 32))
    assert {"bob", "+Garden"} <= table.talk.names
    await table.hear(Group("+" + "7b" * 16, "Book club", "created", "bob"))
    assert "+Book club" in table.talk.names


async def test_a_file_on_its_way_holds_up_nothing_that_is_typed(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = table.client.stored("bob", "", kind="file", file=Attachment("plan.pdf", 9, "x/y", "offered"))
    await table.hear(offered)
    whole, fetch = asyncio.Event(), table.client.files.fetch

    async def slowly(*words: object, **how: object) -> File:
        await whole.wait()
        return await fetch(*words, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(table.client.files, "fetch", slowly)
    assert (await table.type("/to bob", "/fetch", "meanwhile"))[1:] == ["#2 to bob: queued."]
    whole.set()
    async with asyncio.timeout(10):
        while not table.paper.said[-1].startswith("plan.pdf is here: "):
            await asyncio.sleep(0)
    whole.clear()
    await table.type("/fetch")
    await table.talk.close()


async def test_a_backup_asks_for_its_passphrase(table: Table) -> None:
    (said,) = await table.type("/backup mine.backup")
    assert said == "The backup is in mine.backup."
