"""A conversation on a screen: the window over its history, and the lines it is made of."""

from __future__ import annotations

from datetime import UTC

import pytest
from msgspec.structs import replace

from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Attachment, Delivery, File, Message, Quote, Reaction
from sealwire.ui.views import timeline
from sealwire.ui.views.timeline import DayLine, Entry, Local, NoticeLine, Reader, Timeline, UnreadLine

NOW = 1_790_000_000_000
DAY = 86_400_000
INFO = ConversationInfo("bob", "bob", False, None, 0, 0, read_row=2)
READER = Reader(NOW, UTC)


def said(row: int, sender: str = "bob", text: str = "", minutes_ago: float = 0, **more: object) -> Message:
    return Message(
        f"{row:032x}",
        "bob",
        sender,
        text or f"text {row}",
        NOW - round(minutes_ago * 60_000),
        verified=True,
        row=row,
        **more,  # type: ignore[arg-type]
    )


def shown(*messages: Message, **more: object) -> Timeline:
    return replace(timeline.opened(INFO, "alice", messages), **more)  # type: ignore[arg-type]


def kinds(view: Timeline) -> list[str]:
    return [type(item).__name__ for item in timeline.items(view, READER)]


# --- lines ---


def test_days_groups_and_the_unread_line_stand_where_they_belong():
    view = shown(
        said(1, minutes_ago=1_500),
        said(2, minutes_ago=20),
        said(3, minutes_ago=19),
        said(4, minutes_ago=2),
        said(5, "alice", minutes_ago=1),
    )
    items = timeline.items(view, READER)
    assert [type(item) for item in items] == [DayLine, Entry, DayLine, Entry, UnreadLine, Entry, Entry, Entry]
    assert [item.text for item in items if isinstance(item, DayLine)] == ["Yesterday", "Today"]
    assert items[4] == UnreadLine("2 new messages", 2)
    entries = [item for item in items if isinstance(item, Entry)]
    assert [entry.is_first for entry in entries] == [True, True, True, True, True]
    assert [entry.sender for entry in entries] == ["bob", "bob", "bob", "bob", "You"]


def test_messages_close_together_stand_under_one_name():
    view = shown(said(1, minutes_ago=3), said(2, minutes_ago=2), said(3, "alice", minutes_ago=1))
    entries = [item for item in timeline.items(view, READER) if isinstance(item, Entry)]
    assert [entry.is_first for entry in entries] == [True, False, True]


def test_an_answer_and_a_clock_that_jumps_back_begin_a_group():
    quote = Quote(said(1).id, "bob", "text 1")
    view = shown(said(1, minutes_ago=3), said(2, minutes_ago=2, reply_to=quote), said(3, minutes_ago=9))
    assert [item.is_first for item in timeline.items(view, READER) if isinstance(item, Entry)] == [True, True, True]


def test_notices_and_local_lines_stand_between_messages():
    view = shown(said(1), said(2, kind="notice", text="bob joined."), said(3))
    view = timeline.with_local(view, Local(1, NOW, "an answer"))
    view = timeline.with_local(view, Local(3, NOW, "the last word", is_alert=True))
    notices = [item for item in timeline.items(view, READER) if isinstance(item, NoticeLine)]
    assert [(one.text, one.is_alert) for one in notices] == [
        ("an answer", False),
        ("bob joined.", False),
        ("the last word", True),
    ]


def test_messages_of_blocked_people_are_folded():
    entry = timeline.items(shown(said(1)), replace(READER, blocked=frozenset({"bob"})))[-1]
    assert isinstance(entry, Entry)
    assert entry.is_folded
    assert timeline.sentence(entry, "alice", READER) == "A message of bob, who is blocked."


def test_the_unread_line_stays_where_it_was_when_the_conversation_was_opened():
    view = timeline.with_message(shown(said(1), said(2)), said(3))
    assert "UnreadLine" in kinds(view)
    view = timeline.with_message(view, said(4, "alice"))
    assert kinds(view).count("UnreadLine") == 1


# --- the window ---


def test_the_window_is_bounded_both_ways():
    view = shown(*(said(row) for row in range(1_000, 1_100)))
    for first in range(900, 500, -100):
        view = timeline.with_older(view, [said(row) for row in range(first, first + 100)])
    assert len(view.messages) == timeline.WINDOW
    assert view.messages[0].row == 600
    assert view.has_newer
    view = timeline.with_newer(view, [said(row) for row in range(1_000, 1_050)])
    assert (view.messages[-1].row, view.has_newer, view.has_older) == (1_049, False, True)
    for row in range(1_050, 1_600):
        view = timeline.with_message(view, said(row))
    assert len(view.messages) == timeline.WINDOW


def test_what_comes_while_the_reader_is_far_back_is_counted_not_shown():
    view = replace(shown(said(1)), has_newer=True)
    view = timeline.with_message(timeline.with_message(view, said(8)), said(9))
    assert ([one.row for one in view.messages], view.missed) == ([1], 2)
    view = timeline.with_newer(view, [said(8), said(9)])
    assert (view.missed, view.has_newer) == (0, False)


def test_a_jump_shows_another_part_and_knows_whether_it_is_the_end():
    view = timeline.jumped(shown(said(90)), [said(10), said(11)], 90)
    assert view.has_newer
    assert view.has_older
    assert not timeline.jumped(view, [said(89), said(90)], 90).has_newer


def test_a_message_told_twice_stands_once_and_late_ones_find_their_place():
    view = shown(said(1), said(3))
    view = timeline.with_message(timeline.with_message(view, said(2)), said(2))
    assert [one.row for one in view.messages] == [1, 2, 3]


def test_other_conversations_and_changes_of_older_messages_change_nothing():
    view = shown(said(5))
    assert timeline.with_message(view, replace(said(6), conversation="carol")) == view
    assert timeline.with_message(view, replace(said(2), change="edited")) == view


# --- changes ---


def test_a_change_replaces_the_message_and_keeps_row_and_state():
    own = said(1, "alice", state="read")
    changed = replace(own, text="new", row=0, state=None, edited_at_ms=NOW, change="edited")
    after = timeline.with_message(shown(own), changed).messages[0]
    assert (after.text, after.row, after.state, after.change) == ("new", 1, "read", None)
    assert timeline.marks(after) == ["edited"]


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        ("queued", "sent", "sent"),
        ("read", "delivered", "read"),
        ("failed", "queued", "queued"),
        ("sent", "failed", "failed"),
    ],
)
def test_states_only_rise_unless_a_failed_message_starts_over(before, event, after):
    view = timeline.with_delivery(shown(said(1, "alice", state=before)), Delivery(said(1).id, event, "bob"))
    assert view.messages[0].state == after


def test_the_reason_of_a_failure_is_said_below_the_message():
    view = timeline.with_delivery(
        shown(said(1, "alice", state="queued")), Delivery(said(1).id, "failed", "bob", "Full.")
    )
    assert timeline.items(view, READER)[-1] == NoticeLine("Full.", True)


def test_the_progress_of_a_file_reaches_its_message():
    carried = Attachment("plan.pdf", 1_000, "application/pdf", "offered")
    view = shown(said(1, kind="file", file=carried))
    view = timeline.with_file(view, File(said(1).id, "bob", "plan.pdf", "done", 1_000, 1_000, path="files/plan.pdf"))
    assert view.messages[0].file == replace(carried, state="done", done_bytes=1_000, path="files/plan.pdf")
    assert timeline.with_file(view, File("9", "bob", "x", "done", 1, 1)) == view


def test_a_message_that_disappeared_is_gone():
    assert timeline.without(shown(said(1), said(2)), said(1).id).messages == (said(2),)


def test_the_last_own_text_is_what_is_edited():
    view = shown(said(1, "alice"), said(2, "alice", deleted=True), said(3))
    found = timeline.last_own(view)
    assert found is not None
    assert found.row == 1
    assert timeline.last_own(shown(said(3))) is None


# --- small signs ---


def test_quotes_reactions_and_marks_in_a_line():
    message = said(
        1,
        reply_to=Quote("1", "alice", "a long text " * 20),
        reactions=(Reaction("alice", "👍"), Reaction("carol", "👍"), Reaction("dave", "🎉")),
        forwarded=True,
        pinned=True,
        expires_at_ms=NOW,
    )
    line = timeline.quote_line(message, "alice", {})
    assert line.startswith("You: a long text")
    assert len(line) < 80
    assert timeline.reaction_line(message) == "👍 2  🎉 1"
    assert timeline.marks(message) == ["forwarded", "pinned", "disappears"]
    unknown = replace(message, reply_to=Quote("1", "", ""))
    assert timeline.quote_line(unknown, "alice", {}) == "A message that is not here"


def test_escapes_in_names_and_texts_never_reach_the_screen():
    message = said(1, "bob\x1b[2J", kind="notice", text="a\x1b]0;title\x07\nb")
    view = shown(message, said(2, "bob\x1b[2J\u202e"))
    for item in timeline.items(view, READER):
        spoken = timeline.sentence(item, "alice", READER)
        assert "\x1b" not in spoken
        assert "\u202e" not in spoken
