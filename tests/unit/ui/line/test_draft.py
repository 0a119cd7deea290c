"""What is in the line and was not sent."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from prompt_toolkit.buffer import Buffer

from sealwire.errors import SealwireError
from sealwire.testing.sample import NOW_MS
from sealwire.testing.stage import StageClient
from sealwire.ui.line.draft import Draft, written
from sealwire.ui.line.talk import Talk
from sealwire.ui.marks import ReadMarker
from sealwire.ui.views import Line


class Desk:
    def __init__(self) -> None:
        self.client = StageClient("alice", lambda: NOW_MS)
        self.client.box.know("bob")
        self.client.box.know("carol")
        self.said: list[str] = []
        self.line = Buffer(multiline=True)
        self.talk = Talk(self.client, self, ReadMarker(self.client), lambda: NOW_MS)  # type: ignore[arg-type]
        self.draft = Draft(self.client, self.talk, self.line, self.say)

    async def say(self, line: Line) -> None:
        self.said.append(line.text)

    async def open(self, name: str) -> None:
        self.talk.view = replace(self.talk.view, current=name)
        await self.draft.look()


@pytest.mark.parametrize(
    ("text", "kept"),
    [("hello", "hello"), ("/to bob", ""), ("@bob hi", ""), ("//etc is a folder", "//etc is a folder"), ("  ", "")],
)
def test_commands_are_no_drafts(text: str, kept: str) -> None:
    assert written(text) == kept


async def test_what_was_told_and_not_taken_stays_kept_beside_what_is_written() -> None:
    desk = Desk()
    await desk.client.talk.set_draft("bob", "of yesterday")
    await desk.open("bob")
    assert desk.said == ["You had begun to write: of yesterday (Arrow up puts it into your line.)"]
    assert desk.line.text == ""
    desk.line.insert_text("new words")
    await desk.draft.close()
    assert await desk.client.talk.draft("bob") == "of yesterday\nnew words"
    desk.line.text = ""
    desk.draft.take()
    await desk.draft.keep()
    assert desk.line.text == await desk.client.talk.draft("bob") == "of yesterday"
    desk.line.text = ""  # sent
    await desk.draft.keep()
    assert await desk.client.talk.draft("bob") == ""


async def test_each_conversation_has_its_own_and_one_that_cannot_be_kept_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    await desk.open("bob")
    desk.line.text = "for bob"
    await desk.draft.keep()
    await desk.open("carol")
    assert (desk.said, await desk.client.talk.draft("bob")) == ([], "for bob")

    async def refused(*_words: object) -> str:
        raise SealwireError(detail="no")

    monkeypatch.setattr(desk.client.talk, "set_draft", refused)
    monkeypatch.setattr(desk.client.talk, "draft", refused)
    desk.line.text = "x"
    await desk.draft.close()
    await desk.open("bob")
    assert desk.said == []
