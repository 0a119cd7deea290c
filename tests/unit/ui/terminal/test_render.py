"""Messages as lines of a terminal."""

from __future__ import annotations

from datetime import UTC

import pytest
from rich.cells import cell_len
from rich.style import Style

from sealwire.peer.events import Attachment, Message, Quote, Reaction
from sealwire.testing.sample import NOW_MS, sample_client
from sealwire.ui.terminal.about import About
from sealwire.ui.terminal.body import body
from sealwire.ui.terminal.render import Cache, Look, strips
from sealwire.ui.terminal.theme import THEMES
from sealwire.ui.views import timeline
from sealwire.ui.views.timeline import DayLine, Item, NoticeLine, Reader, UnreadLine


def message(text: str = "Hello", **more: object) -> Message:
    values = {"sender": "bob", "verified": True, **more}
    return Message("1", "bob", text=text, sent_at_ms=NOW_MS, row=1, **values)  # type: ignore[arg-type]


def lines(one: Message | Item, width: int = 40) -> list[str]:
    if isinstance(one, Message):
        view = timeline.Timeline("bob", "alice", (one,), read_row=1)
        one = timeline.items(view, Reader(NOW_MS, UTC))[-1]
    return [strip.text for strip in strips(one, Look(width, "alice"))]


@pytest.mark.parametrize("width", [1, 12, 30, 60, 200])
def test_every_line_is_as_wide_as_the_view_whatever_is_in_it(width):
    client = sample_client()
    for conversation in client.box.messages:
        view = timeline.opened(client.box.info(conversation), "alice", client.box.messages[conversation])
        for item in timeline.items(view, Reader(NOW_MS, UTC)):
            for strip in strips(item, Look(width, "alice")):
                assert strip.cell_length == width
                assert cell_len(strip.text) == width


def test_a_message_has_a_head_with_name_and_time_and_a_state_in_the_gutter():
    shown = lines(message(sender="alice", state="delivered"))
    assert shown == [
        "    You                            14:13",
        " ✓✓ Hello                               ",
    ]


@pytest.mark.parametrize(("state", "sign"), [("queued", "○"), ("sent", "✓"), ("read", "●"), ("failed", "✗")])
def test_each_state_has_a_shape_of_its_own(state, sign):
    assert lines(message(sender="alice", state=state))[1].startswith(f"  {sign} ")


def test_answers_reactions_and_marks_have_lines():
    one = message(
        reply_to=Quote("0", "alice", "Shall we meet on Saturday at the usual place?"),
        reactions=(Reaction("alice", "👍"), Reaction("bob", "👍")),
        edited_at_ms=NOW_MS,
        pinned=True,
    )
    assert [line.strip() for line in lines(one)][1:] == [
        "┃ You: Shall we meet on Satur…",
        "Hello",
        "👍 2  edited, pinned",
    ]


def test_a_file_shows_its_progress():
    moving = Attachment("plan.pdf", 1_843_200, "application/pdf", "receiving", done_bytes=921_600)
    shown = [line.strip() for line in lines(message("", file=moving, kind="file"), 60)]
    assert shown[1:] == ["▤ plan.pdf  1.8 MiB", "██████░░░░░░  50 % being fetched"]
    offered = Attachment("plan.pdf", 1, "application/pdf", "offered")
    assert [line.strip() for line in lines(message("for you", file=offered), 60)][1:] == [
        "for you",
        "▤ plan.pdf  1 byte",
        "not fetched yet",
    ]


def test_long_words_and_wide_characters_are_broken_within_the_view():
    shown = lines(message("漢字" * 40 + "x" * 100))
    assert all(cell_len(line) == 40 for line in shown)
    assert "".join(line.strip() for line in shown[1:]) == "漢字" * 40 + "x" * 100


def test_rules_and_notices():
    assert lines(DayLine("Today"), 20) == ["────── Today ───────"]
    assert lines(UnreadLine("1 new message", 1), 30)[0].strip("─") == " 1 new message "
    assert lines(NoticeLine("Muted.", False), 20) == ["    · Muted.        "]
    assert lines(NoticeLine("2 messages missing, really", True), 24) == [
        "    ! 2 messages        ",
        "      missing, really   ",
    ]


def test_nobodys_text_drives_the_terminal_or_is_markup():
    shown = "".join(lines(message("[bold red]x[/] \x1b[2J\x07 \u202eevil")))
    assert "[bold red]x[/]" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown


def test_links_code_and_mentions_stand_out():
    styles = {"text": Style(), "link": Style(underline=True), "code": Style(italic=True), "mention": Style(bold=True)}
    text = body(
        message("@alice see https://example.org/a. and `x`, not @nobody", mentions=("alice",)),
        "alice",
        styles.__getitem__,
    )
    marked = {text.plain[span.start : span.end]: span.style for span in text.spans}
    assert marked == {
        "@alice": styles["mention"],
        "https://example.org/a": styles["link"],
        "x": styles["code"],
    }
    assert text.plain == "@alice see https://example.org/a. and x, not @nobody"


def test_emphasis_lists_and_blocks_of_code():
    text = body(message("**so** and *so*\n- one\n  - two\n```\n**not** this\n```"), "alice", lambda name: Style())
    assert text.plain == "so and so\n• one\n  • two\n**not** this"
    assert [str(span.style) for span in text.spans if str(span.style) in ("bold", "italic")] == ["bold", "italic"]


def test_only_new_lines_are_made():
    view = timeline.Timeline("bob", "alice", (message(),), read_row=1)
    items = timeline.items(view, Reader(NOW_MS, UTC))
    cache, look = Cache(), Look(40, "alice")
    first = cache.strips(items, look)
    assert all(a is b for a, b in zip(first, cache.strips(items, look), strict=True))
    assert cache.strips(items, Look(41, "alice"))[0] is not first[0]


def test_the_line_above_the_composer():
    assert About("reply", message("a plan")).line({"bob": "Bobby"}) == "Answer to Bobby: a plan   Esc: no"
    assert About("edit", message("a plan")).line({}) == "Editing: a plan   Esc: leave it"


def test_the_themes_of_the_settings_are_there():
    assert [theme.name for theme in THEMES] == ["dark", "light", "contrast"]


@pytest.mark.parametrize(("number", "least"), [(0, 4.5), (1, 4.5), (2, 7.0)], ids=[theme.name for theme in THEMES])
def test_every_colour_of_text_can_be_read_on_its_ground(number, least):
    """WCAG 2.1: 4.5 to 1 for text, 7 to 1 for the theme that is made for it."""
    theme = THEMES[number]
    inks = [theme.foreground, theme.variables["foreground-muted"], theme.primary, theme.secondary, theme.accent]
    inks += [theme.warning, theme.error, theme.success]
    for ground in (theme.background, theme.surface):
        for ink in inks:
            assert contrast(ink, ground) >= least, (theme.name, ink, ground)


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
