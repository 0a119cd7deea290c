"""What stands on the pages about people, groups and search results."""

from __future__ import annotations

from datetime import UTC

from msgspec.structs import replace

from sealwire.peer.api.groups import GroupInfo, Member
from sealwire.peer.api.past import Found
from sealwire.peer.api.people import Verification
from sealwire.peer.events import Message
from sealwire.testing.sample import NOW_MS, garden, sample_client
from sealwire.ui.views import desk, found, groups, heading, trust
from sealwire.ui.views.desk import Desk

DIGITS = "1234567890" * 6


# --- trust ---


def test_the_verification_page_has_digits_code_and_state():
    page = trust.verify_page(Verification("bob", DIGITS, "CODE", None), "unverified", "Bobby")
    assert page.digits == ("12345 67890 12345 67890",) * 3
    assert (page.title, page.code, page.is_verified) == ("Verify Bobby", "CODE", False)
    assert trust.verify_page(Verification("bob", DIGITS, "CODE", None), "verified", "bob").is_verified
    changed = trust.verify_page(Verification("bob", DIGITS, "CODE", NOW_MS), "changed", "bob")
    assert "has changed" in changed.state


def test_the_page_of_a_changed_key_says_since_when_and_why():
    value = Verification("bob", DIGITS, "CODE", NOW_MS - 60_000, ("A new phone.\x1b",))
    page = trust.change_page(value, "bob", NOW_MS, UTC)
    assert page.since == "Another key is seen since 14:12."
    assert page.causes == ("A new phone.\\x1b",)
    usual = trust.change_page(replace(value, causes=(), changed_ms=None), "bob", NOW_MS, UTC)
    assert len(usual.causes) == 2
    assert usual.since == "Another key is seen."


def test_below_the_digits_stand_the_code_and_what_is_known_of_a_change():
    value = Verification("bob", DIGITS, "CODE", NOW_MS - 60_000, ("A new phone.",))
    assert trust.compare_lines(value, "verified", "bob", NOW_MS, UTC) == ["Your code as text: CODE"]
    assert trust.compare_lines(value, "changed", "bob", NOW_MS, UTC) == [
        "Your code as text: CODE",
        "Another key is seen since 14:12.",
        "A new phone.",
        "Nothing is sent to bob until you decide. What you wrote waits here.",
    ]


def test_every_result_of_a_code_is_a_sentence():
    for match in ("same", "different", "other-person", "not-a-code"):
        assert trust.match_sentence(match, "bob").endswith(".")  # type: ignore[arg-type]


# --- groups ---


def owned(**changes: object) -> GroupInfo:
    members = (Member("alice", "owner"), Member("bob", "admin"), Member("dave", "member", invited=True))
    return replace(garden(), role="owner", members=members, **changes)  # type: ignore[arg-type]


def test_what_a_role_may_do():
    page = groups.page(owned(), "alice", {"bob": "Bobby"})
    assert page.acts == ("invite", "rename", "topic", "timer", "history", "leave")
    rows = {row.name: row for row in page.members}
    assert rows["alice"].shown == "alice (you), owner"
    assert rows["alice"].acts == ()
    assert rows["bob"].shown == "Bobby, admin"
    assert rows["bob"].acts == ("remove", "owner", "member", "read-only")
    assert rows["dave"].acts == ("remove",)
    admin = groups.page(garden(), "alice", {})
    assert "history" not in admin.acts
    assert {row.name: row.acts for row in admin.members}["bob"] == ("remove",)
    assert {row.name: row.acts for row in admin.members}["carol"] == ()
    assert groups.page(owned(state="invited"), "alice", {}).acts == ("accept", "decline")
    assert groups.page(owned(state="left"), "alice", {}).acts == ()
    member = groups.page(replace(owned(), role="member"), "alice", {})
    assert member.acts == ("leave",)


def test_every_act_has_words():
    for act in groups.page(owned(), "alice", {}).acts:
        assert groups.act_label(act)
    for choice in ("remove", "owner", "admin", "member", "read-only"):
        assert groups.member_act_label(choice)  # type: ignore[arg-type]


# --- search results ---


def result(text: str, *marks: tuple[int, int]) -> Found:
    return Found(Message("1", "bob", "bob", text, NOW_MS, verified=True, row=1), marks)


def test_a_result_shows_the_words_around_its_match():
    assert found.line(result("hello", (0, 5)), "alice", {"bob": "bob"}, {}) == "2026-09-21  bob: hello"
    own = replace(result("hi").message, sender="alice")
    assert found.line(Found(own, ()), "alice", {"bob": "Bobby"}, {}) == "2026-09-21  You, Bobby: hi"
    far = "x " * 200 + "needle" + " y" * 200
    shown = found.snippet(result(far, (400, 406)))
    assert "needle" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) < 130


def test_how_many_were_found_and_what_to_do():
    assert found.count(0, 50, "x", None) == "Nothing found for x. Words are found by their beginning."
    assert "Ctrl+T" in found.count(0, 50, "x", "bob")
    assert found.count(1, 50, "x", None) == "1 message found."
    assert found.count(50, 50, "x", None) == "The latest 50; more words find fewer."
    assert found.scope("bob") == "In bob only."


# --- headings ---


async def test_headings():
    client = sample_client()
    view = desk.with_chats(Desk("alice", zone=UTC), await client.past.conversations())
    assert heading.who(view, NOW_MS) == "alice (3)"
    assert heading.conversation(view, NOW_MS) == "No conversation is open: Ctrl+K"
    info = replace(view.chats["bob"], timer_s=60, muted_until_ms=NOW_MS + 1)
    view = desk.opening(view, info, [])
    assert heading.conversation(view, NOW_MS) == "bob  ·  ✓ verified  ·  disappearing  ·  muted"
    assert heading.below(view) == ""
    assert view.open is not None
    far = replace(view, open=replace(view.open, has_newer=True))
    assert heading.below(far) == "You are far back: Ctrl+End goes to the end."
    assert far.open is not None
    missed = replace(far, open=replace(far.open, missed=1))
    assert heading.below(missed) == "1 new message below: Ctrl+End"
