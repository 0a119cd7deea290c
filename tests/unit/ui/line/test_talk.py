"""The line interface as a transcript: what is typed and what happens on the left, what is said on the right."""

from __future__ import annotations

import pytest

from sealwire.errors import LoginError, UnknownPeerError
from sealwire.peer.events import Connection, Delivery, Message, Ready, Warning
from sealwire.ui.line.commands import parse
from sealwire.ui.line.talk import Talk
from sealwire.ui.marks import ReadMarker
from sealwire.ui.views import Line
from tests.unit.ui.fake_client import FINGERPRINT, NOW, FakeClient, contact, message


class Paper:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.messages: list[Message] = []

    async def say(self, line: Line) -> None:
        self.said.append(line.text)

    async def message(self, message: Message, line: Line) -> None:
        self.messages.append(message)
        self.said.append(line.text.split(" ", 1)[1])  # without the time


class Table:
    """A talk, its client and its paper."""

    def __init__(self, *stored: Message) -> None:
        self.client = FakeClient(*stored)
        self.paper = Paper()
        self.marker = ReadMarker(self.client)
        self.talk = Talk(self.client, self.paper, self.marker, lambda: NOW)

    async def type(self, *lines: str) -> list[str]:
        before = len(self.paper.said)
        for line in lines:
            await self.talk.do(parse(line))
        return self.paper.said[before:]


@pytest.fixture
def table() -> Table:
    return Table()


async def test_text_needs_somebody_to_go_to(table: Table) -> None:
    (said,) = await table.type("hello")
    assert "/to NAME" in said
    assert table.talk.error is not None
    assert table.talk.error.exit == 2


async def test_opening_a_conversation_says_the_fingerprint_and_whether_it_is_verified(table: Table) -> None:
    (said,) = await table.type("/to bob")
    assert said.startswith("Writing to bob (not verified). Fingerprint 0123abcd ")


async def test_opening_a_conversation_with_someone_new_says_so(table: Table) -> None:
    (said,) = await table.type("/to carol")
    assert "carol, who is new here" in said


async def test_a_changed_key_is_said_when_the_conversation_is_opened(table: Table) -> None:
    table.client.known["bob"] = contact("bob", "changed")
    (said,) = await table.type("/to bob")
    assert "/approve bob" in said


async def test_lines_go_to_the_open_conversation_and_at_sends_once(table: Table) -> None:
    said = await table.type("/to bob", "hello", "@carol hi", "//slash")
    assert [what[1:3] for what in table.client.asked] == [("bob", "hello"), ("carol", "hi"), ("bob", "/slash")]
    assert said[1:] == ["#1 to bob: queued.", "#2 to carol: queued.", "#3 to bob: queued."]


async def test_states_rise_as_evidence_comes(table: Table) -> None:
    await table.type("@bob hi")
    for state in ("sent", "delivered"):
        await table.talk.hear(Delivery(f"{1:032x}", state, "bob"))  # type: ignore[arg-type]
    assert table.paper.said == ["#1 to bob: queued.", "#1 to bob: sent.", "#1 to bob: delivered."]


async def test_errors_are_one_line_with_the_next_step(table: Table) -> None:
    table.client.fail = UnknownPeerError(name="nobody")
    said = await table.type("@nobody hi", "/to bob")
    assert said[0] == ("Nobody is registered here under the name nobody. Check the spelling, or send them an invite.")
    assert len(said) == 2


async def test_ready_brings_what_was_not_written_before_and_then_what_comes() -> None:
    table = Table(message("one", 1), message("two", 2))
    await table.talk.hear(Ready("alice", FINGERPRINT))
    await table.talk.hear(message("two", 2))  # its event was waiting already
    await table.talk.hear(message("three", 3))
    assert table.paper.said[1:] == ["bob: one", "bob: two", "bob: three"]
    await table.marker.flush()
    assert table.client.marked == 3


async def test_history_shows_own_and_other_messages(table: Table) -> None:
    table.client.stored = [message("hi", 1), message("hello", 2, sender="alice")]
    said = await table.type("/to bob", "/history 2")
    assert said[1:] == ["bob: hi", "you to bob: hello"]
    assert table.client.marked == 0


async def test_verify_shows_the_digits_and_takes_the_verdict(table: Table) -> None:
    said = await table.type("/to bob", "/verify", "/verify bob yes")
    assert said[2:5] == ["  12345 12345 12345 12345"] * 3
    assert said[-2] == "When both are the same: /verify bob yes"
    assert said[-1] == "bob: verified."


async def test_info_contacts_status_retry_help(table: Table) -> None:
    said = await table.type("/info bob", "/contacts", "/status", "/retry", "/approve bob", "/help", "")
    text = "\n".join(said)
    assert "RSA-OAEP-3072" in text
    assert "bob: not verified." in said
    assert "1 message queued." in said
    assert "2 messages are tried again." in said
    assert "/quit" in text


async def test_quit_ends(table: Table) -> None:
    assert not await table.talk.do(parse("/quit"))
    assert await table.talk.do(parse("/help"))


async def test_gaps_and_other_warnings_are_said(table: Table) -> None:
    await table.talk.hear(Warning("gap", "2 messages missing", "bob", 2))
    assert table.paper.said == ["bob: 2 messages missing."]


async def test_a_first_start_that_is_refused_ends_with_the_reason(table: Table) -> None:
    table.client.fail = LoginError(name="alice")
    with pytest.raises(LoginError):
        await table.talk.hear(Connection("stopped", "The broker refuses.", "login"))


async def test_a_link_that_ends_later_is_said_and_the_history_stays(table: Table) -> None:
    await table.talk.hear(Ready("alice", FINGERPRINT))
    await table.talk.hear(Connection("stopped", "Another process logged in.", "superseded"))
    assert table.paper.said[-1] == "Another process logged in."


async def test_states_said_waits_for_what_is_shown_as_queued(table: Table) -> None:
    await table.type("@bob hi")
    await table.talk.states_said(0.01)  # gives up quietly
    await table.talk.hear(Delivery(f"{1:032x}", "sent", "bob"))
    await table.talk.states_said(10)


async def test_a_message_that_fails_later_is_an_error_of_the_run(table: Table) -> None:
    await table.type("@carol hi")
    await table.talk.hear(Delivery("f" * 32, "failed", "bob", "of an earlier run"))
    assert table.talk.error is None
    await table.talk.hear(Delivery(f"{1:032x}", "failed", "carol", "nobody is registered under the name carol"))
    assert table.talk.error is not None
    assert table.talk.error.exit == 5
    assert len(table.paper.said) == 3
