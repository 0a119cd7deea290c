"""The list of conversations."""

from __future__ import annotations

from datetime import UTC

from msgspec.structs import replace

from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Attachment, Message
from sealwire.ui.views import chats
from sealwire.ui.views.chats import REQUESTS, Glance

NOW = 1_790_000_000_000
GLANCE = Glance("alice", NOW, UTC)


def info(name: str, row: int = 0, **more: object) -> ConversationInfo:
    last = Message(str(row), name, name, f"from {name}", NOW, verified=True, row=row) if row else None
    values = {"unread": 0, "mentions": 0, "read_row": 0, "trust": "unverified", **more}
    return ConversationInfo(name, name, name.startswith("+"), last, **values)  # type: ignore[arg-type]


def test_the_latest_is_first_and_silent_ones_are_last():
    rows = chats.rows([info("silent"), info("old", 3), info("new", 9)], GLANCE)
    assert [row.id for row in rows] == ["new", "old", "silent"]
    assert rows[2].preview == "Nothing said yet"


def test_requests_are_one_row_with_a_count_on_top():
    infos = [info("bob", 9), info("erin", 3, request=True), info("frank", 2, request=True)]
    row = chats.rows(infos, GLANCE)[0]
    assert (row.id, row.unread, row.preview) == (REQUESTS, 2, "erin and frank want to talk")
    assert [one.id for one in chats.requests(infos)] == ["erin", "frank"]


def test_blocked_people_are_not_listed_unless_open():
    infos = [info("bob", 9), info("mallory", 12, blocked=True)]
    assert [row.id for row in chats.rows(infos, GLANCE)] == ["bob"]
    assert [row.id for row in chats.rows(infos, replace(GLANCE, open="mallory"))] == ["mallory", "bob"]


def test_what_a_row_shows_of_its_last_message():
    names = {"carol": "Carol Marsh"}
    last = info("+g", 1).last
    assert last is not None
    assert chats.preview(replace(last, sender="carol"), "alice", names, True) == "Carol Marsh: from +g"
    assert chats.preview(replace(last, sender="alice"), "alice", names, True) == "You: from +g"
    assert chats.preview(replace(last, deleted=True), "alice", names, False) == "(deleted)"
    file = Attachment("a.txt", 1, "text/plain", "done")
    assert chats.preview(replace(last, text="", file=file), "alice", names, False) == "File: a.txt"
    assert chats.preview(replace(last, kind="notice"), "alice", names, True) == "from +g"


def test_drafts_and_writing_people_come_before_the_last_message():
    glance = replace(GLANCE, typing={"bob": ["bob"]})
    assert chats.rows([info("bob", 1, draft="so")], glance)[0].preview == "bob is writing."
    row = chats.rows([info("bob", 1, draft="so\nfar")], GLANCE)[0]
    assert (row.preview, row.has_draft) == ("Draft: so far", True)
    row = chats.rows([info("bob", 1, draft="so")], replace(GLANCE, open="bob"))[0]
    assert (row.preview, row.has_draft) == ("from bob", False)


def test_a_row_in_a_sentence():
    row = chats.rows([info("+g", 1, unread=2, mentions=1, muted_until_ms=NOW + 1, trust=None)], GLANCE)[0]
    assert row.spoken == "+g, group, 2 unread, 1 mention of you, muted. 14:13 +g: from +g"
    assert "verified" in chats.rows([info("bob", 1, trust="verified")], GLANCE)[0].spoken


def test_the_number_in_the_title_leaves_out_what_is_muted_and_who_only_asks():
    infos = [
        info("bob", 1, unread=2),
        info("carol", 2, unread=4, muted_until_ms=NOW + 1),
        info("erin", 3, unread=8, request=True),
        info("frank", 4, unread=16, muted_until_ms=NOW),
    ]
    assert chats.total_unread(infos, NOW) == 18


def test_next_unread_goes_round_and_prefers_mentions():
    infos = [info("a", 9), info("b", 8, unread=1), info("c", 7, unread=1, mentions=1), info("d", 6, unread=1)]
    rows = chats.rows(infos, GLANCE)
    assert chats.next_unread(rows, "a") == "c"
    assert chats.next_unread(rows, "c") == "d"
    assert chats.next_unread(rows[:1], "a") is None
    muted = chats.rows([info("a", 9), info("b", 8, unread=1, muted_until_ms=NOW + 1), info("d", 6, unread=1)], GLANCE)
    assert chats.next_unread(muted, None) == "d"
    assert chats.next_unread(muted[:2], None) == "b"


def test_neighbours_end_at_the_ends_and_skip_the_requests():
    rows = chats.rows([info("erin", 20, request=True), info("a", 9), info("b", 8)], GLANCE)
    assert chats.neighbour(rows, "a", 1) == "b"
    assert chats.neighbour(rows, "b", 1) == "b"
    assert chats.neighbour(rows, "a", -1) == "a"
    assert chats.neighbour(rows, None, 1) == "a"
    assert chats.neighbour([], None, 1) is None


def test_the_switcher_prefers_titles_that_begin_with_the_words():
    infos = [replace(info("zabob", 9), title="Zabob"), info("bob", 1), replace(info("carol", 5), title="Bo Marsh")]
    assert [one.id for one in chats.matches(infos, "bo")] == ["carol", "bob", "zabob"]
    assert [one.id for one in chats.matches(infos, "marsh b")] == ["carol"]
    assert [one.id for one in chats.matches(infos, "")] == ["zabob", "carol", "bob"]
