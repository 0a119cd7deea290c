"""Every event as JSON: what the published schema says, nothing that stands at its default, no bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sealwire.peer.events import (
    Attachment,
    Connection,
    Contact,
    Delivery,
    Event,
    File,
    Group,
    Message,
    Quote,
    Reaction,
    Ready,
    Typing,
    Warning,
    to_json,
)
from tests.ui.schema_check import problems

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "jsonrpc.schema.json").read_text("utf-8"))
ID, GROUP = "0" * 31 + "1", "+" + "a" * 32
WORDS = Message(ID, "bob", "bob", "hello", 1_700_000_000_000, False, row=7)
PICTURE = Attachment("a.png", 9, "image/png", "done", 9, "/files/a.png", 1, 2, b"jpeg")
FULL = Message(
    ID, GROUP, "bob", "@carol hello", 1_700_000_000_000, True, 7, None, "file", True, Quote(ID, "carol", "hi"),
    ("carol",), True, 1_700_000_000_001, False, (Reaction("carol", "👍"),), True, 1_700_000_000_002, PICTURE, "edited",
)  # fmt: skip
EVENTS: list[Event] = [
    Ready("alice", "0" * 64),
    Connection("online"),
    WORDS,
    FULL,
    Delivery(ID, "sent", GROUP),
    Contact("bob", "0" * 64, "unverified"),
    Warning("gap", "2 messages from bob are missing.", "bob", 2),
    Typing(GROUP, "bob", False),
    File(ID, "bob", "a.png", "receiving", 0, 9),
    Group(GROUP, "team", "added", "alice", "carol", None),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_is_what_the_schema_says(event: Event) -> None:
    line = json.loads(json.dumps({"jsonrpc": "2.0", "method": "event", "params": to_json(event)}))
    assert problems(line, SCHEMA) == []


def test_plain_words_have_no_field_that_says_nothing() -> None:
    assert set(to_json(WORDS)) == {"v", "type", "id", "conversation", "from", "text", "sent_at", "verified"}


def test_a_false_that_means_something_is_told() -> None:
    assert to_json(Typing("bob", "bob", False))["active"] is False
    assert to_json(WORDS)["verified"] is False


def test_parts_are_objects_of_their_own_and_pictures_stay_here() -> None:
    told = to_json(FULL)
    assert told["reactions"] == [{"from": "carol", "emoji": "👍"}]
    assert told["reply_to"] == {"id": ID, "from": "carol", "text": "hi"}
    assert told["file"]["width"] == 1
    assert "thumbnail" not in told["file"]
    assert told["edited_at"] == "2023-11-14T22:13:20.001Z"
