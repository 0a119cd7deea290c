"""Every command against a client: what is asked of it, what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealwire.errors import InviteNeedsOperatorError, UsageError
from sealwire.peer.api.past import Retention
from sealwire.peer.events import Attachment, Message
from sealwire.testing.sample import GARDEN, NOW_MS, sample_client
from sealwire.testing.stage import StageClient
from sealwire.ui.orders import Orders, Work
from sealwire.ui.views.commands import Order, parse


class Desk:
    """A place that points at the last message, and keeps what is shown."""

    def __init__(self, client: StageClient) -> None:
        self.client = client
        self.current: str | None = "bob"
        self.shown: list[str] = []
        self.orders = Orders(client, self, lambda: NOW_MS)

    def message(self, number: int | None, *, own: bool | None = None, file: bool = False) -> tuple[str, str]:
        rows = self.client.box.messages[self.current or ""]
        if number is not None:
            return self.current or "", rows[number - 1].id
        for one in reversed(rows):
            if (own is None or (one.sender == "alice") is own) and (one.file or not file):
                return one.conversation, one.id
        raise UsageError("none")

    def show(self, message: Message) -> None:
        self.shown.append(message.text)

    async def beside(self, work: Work) -> list[str]:
        return await work()

    async def passphrase(self) -> bytes:
        return b"secret"

    async def type(self, line: str) -> list[str]:
        order = parse(line)
        assert isinstance(order, Order)
        return [one.text for one in await self.orders.do(order)]

    @property
    def asked(self) -> tuple[object, ...]:
        return self.client.box.asked[-1]


@pytest.fixture
def desk() -> Desk:
    return Desk(sample_client())


def last(desk: Desk, own: bool) -> str:
    return desk.message(None, own=own)[1]


async def test_words(desk: Desk) -> None:
    theirs, mine = last(desk, False), last(desk, True)
    assert await desk.type("/edit :tada: better") == ["Edited."]
    assert desk.asked == ("edit", "bob", mine, "🎉 better")
    assert await desk.type("/react tada") == ["You reacted with 🎉."]
    assert desk.asked == ("react", "bob", theirs, "🎉")
    assert await desk.type("/react off") == ["The reaction is taken off."]
    assert await desk.type("/pin") == ["Pinned."]
    assert await desk.type("/unpin") == ["Unpinned."]
    assert await desk.type("/reply good :+1:") == []
    assert desk.asked == ("send", "bob", "good 👍", theirs)
    assert desk.shown == ["good 👍"]
    assert await desk.type("/forward 1 carol") == []
    assert desk.asked[0] == "forward"
    assert desk.asked[3] == "carol"
    assert await desk.type("/cancel") == ["Given up: it is not sent."]
    assert await desk.type("/delete here") == ["Deleted here."]
    assert await desk.type("/delete") == ["Deleted for everyone."]
    with pytest.raises(UsageError, match="emoji"):
        await desk.type("/react word")


async def test_looking(desk: Desk) -> None:
    assert await desk.type("/history 2") == []
    assert desk.shown == ["Saturday is good 🎉", "I bring the cables. More at https://example.org/cables"]
    desk.shown.clear()
    await desk.type("/search saturd")
    assert desk.shown == ["No hurry. Is Saturday good?", "Saturday is good 🎉"]
    assert await desk.type("/search nothing-like-it") == ["Nothing found for nothing-like-it."]
    assert (await desk.type("/who"))[0].startswith("bob, ")
    assert "bob" in "".join(await desk.type("/contacts"))
    assert any("Garden, group" in line for line in await desk.type("/chats"))
    desk.shown.clear()
    assert await desk.type("/date 2026-09-21") == []
    assert len(desk.shown) > 3
    with pytest.raises(UsageError):
        await desk.type("/date tomorrow")
    assert await desk.type("/date 2099-01-01") == ["Nothing was said here from that day on."]
    desk.shown.clear()
    assert await desk.type("/files") == []
    assert len(desk.shown) == 1
    assert await desk.type("/pinned") == ["Nothing is pinned here."]


async def test_people(desk: Desk) -> None:
    told = await desk.type("/info")
    assert "RSA-OAEP-3072" in "".join(told)
    assert told[-1] == "New messages stay."
    assert len(await desk.type("/verify")) == 7
    changed = "\n".join(await desk.type("/verify dave"))
    assert "Another key is seen since" in changed
    assert "Somebody in between." in changed
    assert "Nothing is sent to dave until you decide." in changed
    assert await desk.type("/verify bob no") == ["bob: not verified."]
    assert "no verification code" in (await desk.type("/verify bob hello"))[0]
    assert "is verified" in (await desk.type(f"/verify bob SEALWIRE-VERIFY:{'1234567890' * 6}"))[0]
    assert "Do not trust" in (await desk.type("/verify bob SEALWIRE-VERIFY:99"))[0]
    assert (await desk.type("/approve dave"))[0].startswith("dave: not verified")
    assert await desk.type("/nick bob Bobby") == ["bob is Bobby here now."]
    assert await desk.type("/nick bob") == ["bob has no nickname here now."]
    assert (await desk.type("/requests"))[0].startswith("erin asks to talk to you: /accept erin")
    assert await desk.type("/accept erin") == ["You accepted erin."]
    assert await desk.type("/requests") == ["Nobody asks to talk to you."]
    assert (await desk.type("/decline erin"))[0].startswith("You declined erin")
    assert await desk.type("/block") == ["bob is blocked."]
    assert await desk.type("/unblock bob") == ["bob is not blocked any more."]
    assert await desk.type("/presence on") == ["Others see when you are online."]
    assert await desk.type("/presence") == ["Nobody sees when you are online."]


async def test_files(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert await desk.type(f"/file {tmp_path}/a.txt look :eyes:") == []
    assert desk.asked == ("send file", "bob", tmp_path / "a.txt", "look 👀")
    carried = Attachment("b.txt", 9, "text/plain", "offered")
    desk.client.stored("bob", "", kind="file", file=carried)
    assert "b.txt is here" in (await desk.type("/fetch"))[0]
    assert (await desk.type(f"/save {tmp_path}/c.txt"))[0].startswith("Copied to")
    desk.client.stored("bob", "", kind="file", file=carried)
    assert await desk.type("/pause") == ["Paused; what is here stays."]
    assert await desk.type("/resume") == ["It goes on."]
    assert "what was here" in (await desk.type("/stop"))[0]


async def test_a_file_that_is_complete_neither_pauses_nor_is_deleted(desk: Desk) -> None:
    whole = Attachment("b.txt", 9, "text/plain", "done", done_bytes=9)
    desk.client.stored("bob", "", kind="file", file=whole)
    for line in ("/pause", "/resume", "/stop"):
        with pytest.raises(UsageError, match="complete"):
            await desk.type(line)
    desk.client.stored("bob", "", sender="alice", kind="file", file=whole)
    assert await desk.type("/stop") == ["Given up: whoever has not fetched it yet gets it no more."]


async def test_groups(desk: Desk) -> None:
    assert await desk.type("/group new Book club: bob carol") == [
        "The group Book club is made. /to +Book club writes to it."
    ]
    assert desk.asked == ("create", "Book club", ("bob", "carol"))
    assert "+Garden: 3 members; you are admin." in await desk.type("/groups")
    with pytest.raises(UsageError, match="not a group"):
        await desk.type("/group info")
    desk.current = GARDEN
    lines = await desk.type("/group info")
    assert "Topic: Beds, seeds and who waters when" in lines
    assert "dave: member, invited." in lines
    assert await desk.type("/info") == lines, "what is open is a group"
    for line in ("/verify", "/verify +Garden yes", "/approve", "/block", "/nick +Garden Beds"):
        with pytest.raises(UsageError, match=f"Write {line.split()[0]} "):
            await desk.type(line)
    assert await desk.type("/group invite erin") == ["erin is asked to join."]
    assert (await desk.type("/group remove erin"))[0].startswith("erin is out")
    assert await desk.type("/group role bob read-only") == ["bob: may read only."]
    with pytest.raises(UsageError, match="A role"):
        await desk.type("/group role bob king")
    assert await desk.type("/group name Orchard") == ["The group is called Orchard now."]
    assert await desk.type("/group topic Apples") == ["The topic is: Apples"]
    assert await desk.type("/group timer 1d") == ["New messages disappear after 1 day, on every side."]
    assert await desk.type("/group history off") == ["People who join from now on do not see what was said before."]
    assert await desk.type("/group leave") == ["You left Orchard."]
    assert await desk.type("/accept +Orchard") == ["You are in Orchard now."]
    assert await desk.type("/decline +Orchard") == ["You do not join Orchard."]


async def test_this_conversation(desk: Desk, tmp_path: Path) -> None:
    assert await desk.type("/mute 8h") == ["Muted for 8 hours."]
    assert desk.asked == ("mute", "bob", NOW_MS + 28_800_000)
    assert await desk.type("/mute") == ["Muted. /unmute ends it."]
    assert await desk.type("/unmute") == ["Not muted any more."]
    assert await desk.type("/timer off") == ["New messages stay."]
    assert await desk.type("/keep") == ["Messages here stay until they are deleted."]
    assert await desk.type("/keep 30") == ["Messages here are deleted after 30 days, on this side."]
    assert desk.client.box.rules == {"bob": Retention(days=30)}
    assert await desk.type("/keep") == ["Messages here are deleted after 30 days, on this side."]
    with pytest.raises(UsageError, match="only here"):
        await desk.type("/clear")
    assert (await desk.type(f"/export {tmp_path}/x.json json"))[0].endswith("in clear.")
    assert desk.asked == ("export", tmp_path / "x.json", "json", "bob")
    assert await desk.type(f"/import {tmp_path}/x.json") == ["0 messages were new here."]
    assert (await desk.type(f"/backup {tmp_path}/b"))[0].startswith("The backup is in")
    assert (await desk.type("/clear yes"))[0].endswith("deleted here.")
    desk.current = None
    with pytest.raises(UsageError, match="who it is for"):
        await desk.type("/mute")


async def test_the_program(desk: Desk) -> None:
    assert await desk.type("/retry") == ["1 message is tried again."]
    assert any("Broker" in line for line in await desk.type("/status"))
    assert len(await desk.type("/help")) > 40
    with pytest.raises(InviteNeedsOperatorError):
        await desk.type("/invite")
    assert len(await desk.type("/help react")) == 1
