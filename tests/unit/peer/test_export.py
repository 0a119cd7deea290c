"""What is written out can be read back, and nothing else can."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import RemoteProtocolError
from sealwire.peer import export
from sealwire.peer.events import Attachment, Message

ID = "0" * 31 + "1"
HELLO = Message(ID, "bob", "bob", "hello\nyou", 1_700_000_000_123, True, 5, edited_at_ms=1_700_000_001_000)


def entry(**changed: object) -> bytes:
    return json.dumps({**json.loads(export.entry("json", HELLO)), **changed}).encode()


def test_a_message_comes_back_as_it_was() -> None:
    found = export.read_entry(export.entry("json", HELLO).encode(), "alice")
    assert (found["id"], found["conversation"], found["from"], found["text"]) == (ID, "bob", "bob", "hello\nyou")
    assert found["sent_at_ms"] == HELLO.sent_at_ms
    assert export.read_head(export.head("json", "alice", 0).encode()) == "alice"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        entry(id="1"),
        entry(id=7),
        entry(text=None),
        entry(text="\ud800"),
        entry(text="x" * 15_001),
        entry(conversation="../../etc"),
        entry(conversation="carol"),
        entry(**{"from": "Bob"}),
        entry(sent_at="yesterday"),
        entry(sent_at=None),
        entry(sent_at="1969-12-31T00:00:00Z"),
        entry(conversation="alice", **{"from": "alice"}),
        b'{"text":"' + b"x" * export.MAX_LINE_BYTES + b'"}',
    ],
    ids=range(18),
)
def test_a_line_that_is_no_message_of_this_history_is_refused(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        export.read_entry(line, "alice")


def test_a_later_version_is_called_that() -> None:
    head = {**json.loads(export.head("json", "alice", 0)), "version": export.VERSION + 1}
    with pytest.raises(RemoteProtocolError, match="another version"):
        export.read_head(json.dumps(head).encode())


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(line: bytes) -> None:
    for read in (export.read_head, lambda line: export.read_entry(line, "alice")):
        try:
            read(line)
        except RemoteProtocolError:
            continue
        assert line.lstrip().startswith(b"{"), "only an object is taken"


def test_people_read_what_became_of_a_message() -> None:
    gone = Message(ID, "bob", "bob", "", 0, False, deleted=True)
    carried = Message(ID, "bob", "bob", "look", 0, False, file=Attachment("a.png", 3, "image/png", "done"))
    assert export.entry("text", gone).endswith("bob: (deleted)\n")
    assert export.entry("text", carried).endswith("bob: [file: a.png] look\n")


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\r", "\r\n", "\n"])
def test_no_text_can_look_like_the_line_of_somebody_else(sign: str) -> None:
    forged = Message(ID, "bob", "bob", f"hello{sign}2026-01-01T00:00:00.000Z  carol: forged", 0, False)
    _first, *others = export.entry("text", forged).splitlines()
    assert all(line.startswith("    ") for line in others)
    assert len(export.entry("html", forged).splitlines()) <= 3


def test_no_text_turns_around_what_stands_beside_it() -> None:
    turned = Message(ID, "bob", "bob", "\u202egnp.exe \u2066\x1b[2J", 0, False)
    for kind in ("text", "html"):
        written = export.entry(kind, turned)
        assert not {"\u202e", "\u2066", "\x1b"} & set(written)
        assert "\\u202egnp.exe" in written
    assert "<bdi>" in export.entry("html", turned), "each text has a direction of its own"
