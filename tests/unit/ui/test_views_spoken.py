"""What a screen reader says about a message, and words for times, sizes and names."""

from __future__ import annotations

from datetime import UTC

import pytest

from sealwire.peer.events import Attachment, Message, Quote, Reaction
from sealwire.ui.views import spoken, words

NOW = 1_790_000_000_000


def said(text: str = "Hello", sender: str = "bob", **more: object) -> str:
    message = Message("1", "bob", sender, text, NOW, verified=True, **more)  # type: ignore[arg-type]
    return spoken.sentence(message, "alice", {"carol": "Carol Marsh"}, NOW, UTC)


def test_who_when_and_what():
    assert said() == "bob, 14:13: Hello"
    assert said(sender="alice", state="delivered") == "You, 14:13: Hello. State: delivered."


@pytest.mark.parametrize("text", ["Is it?", "终于。", "हाँ।", "(so)", "Yes."])
def test_a_voice_pauses_between_what_was_said_and_what_became_of_it(text: str):
    assert said(text, sender="alice", state="read") == f"You, 14:13: {text} State: read."
    assert said(text[:-1], sender="alice", state="read").endswith(". State: read.")


def test_reactions_are_told_by_name():
    reactions = (Reaction("alice", "👍"), Reaction("carol", "👍"), Reaction("bob", "🎉"))
    assert said(reactions=reactions) == ("bob, 14:13: Hello. you and Carol Marsh reacted with 👍. bob reacted with 🎉.")


def test_answers_name_what_they_answer():
    quote = Quote("0", "alice", "Shall we?")
    assert said(reply_to=quote) == "bob, 14:13, in reply to you (Shall we?): Hello"
    assert said(reply_to=Quote("0", "", "")) == "bob, 14:13, in reply to a message that is not here: Hello"


def test_what_was_done_to_a_message_is_in_the_sentence():
    text = said(edited_at_ms=NOW, pinned=True, expires_at_ms=NOW + 1)
    assert text == "bob, 14:13: Hello. Edited. Pinned. Disappears."
    assert said("", deleted=True) == "bob, 14:13: this message was deleted."
    assert said(forwarded=True) == "bob, 14:13, forwarded: Hello"
    assert said("carol joined.", kind="notice") == "carol joined. 14:13."


def test_a_file_is_told_with_size_and_state():
    file = Attachment("plan.pdf", 1_843_200, "application/pdf", "receiving", done_bytes=921_600)
    assert said("", kind="file", file=file) == ("bob, 14:13: File plan.pdf, 1.8 MiB, being fetched, 50 percent.")
    done = Attachment("a.txt", 1, "text/plain", "done")
    assert said("the log", kind="file", file=done) == "bob, 14:13: File a.txt, 1 byte, complete. the log"


def test_a_file_is_at_99_percent_until_it_is_whole():
    assert spoken.percent(Attachment("a", 1_000, "x/y", "receiving", done_bytes=1_000)) == 99
    assert spoken.percent(Attachment("a", 0, "x/y", "done")) == 100
    assert spoken.percent(Attachment("a", 0, "x/y", "offered")) == 0


def test_nobody_can_break_out_of_the_sentence():
    assert "\n" not in said("one\ntwo\x1b[1m")


def test_markup_is_not_read_aloud():
    assert said("**Now** or `never`\n- one") == "bob, 14:13: Now or never • one"
    assert said(reply_to=Quote("0", "alice", "*Shall* we?")) == "bob, 14:13, in reply to you (Shall we?): Hello"


def test_people_writing():
    assert spoken.typing_sentence([], {}) == ""
    assert spoken.typing_sentence(["carol"], {"carol": "Carol Marsh"}) == "Carol Marsh is writing."
    assert spoken.typing_sentence(["bob", "carol"], {}) == "bob and carol are writing."


# --- words ---


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "nobody"),
        (["bob"], "bob"),
        (["bob", "carol"], "bob and carol"),
        (["a", "b", "c", "d"], "a, b, c and d"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
    ],
)
def test_lists_of_names_end(names, text):
    assert words.listed(names) == text


@pytest.mark.parametrize(
    ("ms", "line", "short"),
    [
        (NOW, "Today", "14:13"),
        (NOW - 86_400_000, "Yesterday", "Sun"),
        (NOW - 3 * 86_400_000, "Friday, September 18", "Fri"),
        (NOW - 30 * 86_400_000, "Saturday, August 22", "22.08."),
        (NOW - 400 * 86_400_000, "Sunday, August 17, 2025", "2025"),
        (-5, "Thursday, January 1, 1970", "1970"),
        (10**18, "Friday, January 1, 9999", "9999"),
    ],
)
def test_days_in_words(ms, line, short):
    assert words.day_line(ms, NOW, UTC) == line
    assert words.short_time(ms, NOW, UTC) == short


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (1_024, "1.0 KiB"), (10_240, "10 KiB"), (2**31, "2.0 GiB"), (2**50, "1024 TiB")],
)
def test_sizes_in_words(size, text):
    assert words.size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1 second"), (90, "1 minute"), (3_600, "1 hour"), (86_400, "1 day"), (604_800, "1 week"), (0, "0 seconds")],
)
def test_spans_in_words(seconds, text):
    assert words.span(seconds) == text
