"""Lines of the timeline: everything has its place, nothing leaves the width, and each state has a sign of its own."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap

from sealwire.peer.events import STATES, Attachment, Message, Quote, Reaction
from sealwire.ui.desktop import bubble, carried, lines
from sealwire.ui.desktop.canvas import Canvas, Cell
from sealwire.ui.desktop.pieces import Laid, Line, Sign
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.theme import look
from sealwire.ui.views.timeline import DayLine, Entry, NoticeLine, UnreadLine

NOW = 1_790_000_000_000


class Wall:
    """A gallery without pictures."""

    refusal = ""

    def find(self, message: Message, size: QSize) -> QPixmap | None:
        return None

    def problem(self, message: Message) -> str:
        return self.refusal


def canvas(width: float = 600, mirrored: bool = False) -> Canvas:
    return Canvas(width, look(), Wall(), mirrored)


def entry(text: str = "Hello", own: bool = False, first: bool = True, folded: bool = False, **more: object) -> Entry:
    sender = "alice" if own else "bob"
    state = "sent" if own else None
    fields = {"row": 1, "state": state, **more}
    message = Message("1" * 32, "bob", sender, text, NOW, True, **fields)  # type: ignore[arg-type]
    return Entry(message, "You" if own else "Bob", own, first, "12:00", folded)


def lay(one: Entry, on: Canvas | None = None, **cell: bool) -> Laid:
    return lines.lay(Cell(one, **cell), on or canvas(), NOW)


def words(laid: Laid) -> list[str]:
    return [piece.text for _rect, piece in laid.pieces if isinstance(piece, Line)]


def signs(laid: Laid) -> list[str]:
    return [piece.name for _rect, piece in laid.pieces if isinstance(piece, Sign)]


def paint(laid: Laid, on: Canvas) -> QImage:
    image = QImage(round(on.width), round(laid.height), QImage.Format.Format_RGB32)
    image.fill(QColor(look().colours.chat))
    painter = QPainter(image)
    for rect, piece in laid.pieces:
        piece.draw(painter, rect, on.mirrored)
    painter.end()
    return image


FILE = Attachment("plan.pdf", 2_000_000, "application/pdf", "receiving", 500_000)
PICTURE = Attachment("x.png", 5_000, "image/png", "done", 5_000, "/tmp/x.png", 4_000, 3_000)
EVERYTHING = [
    entry(),
    entry(own=True),
    entry("x" * 15_000),
    entry("word " * 3_000),
    entry("\n" * 15_000),
    entry("a" + "\u0301" * 16_000),
    entry("مرحبا، كيف حالك؟ " * 20),
    entry("<h1>HTML</h1> & more"),
    entry("👍"),
    entry("", deleted=True),
    entry(forwarded=True, edited_at_ms=NOW, pinned=True, expires_at_ms=NOW),
    entry(reply_to=Quote("2" * 32, "carol", "What " * 100)),
    entry(reply_to=Quote("2" * 32, "", "")),
    entry(reactions=tuple(Reaction(f"p{n}", chr(0x1F600 + n)) for n in range(40))),
    entry("", file=FILE),
    entry("caption", file=PICTURE),
    entry("", file=replace(FILE, name="x" * 300)),
    entry("", file=replace(FILE, name="\u202egnp.exe")),
    entry(folded=True),
    entry(own=True, state="failed"),
]


@pytest.mark.parametrize("density", ["bubbles", "compact"])
@pytest.mark.parametrize("number", range(len(EVERYTHING)))
def test_nothing_leaves_the_width(number: int, density: str) -> None:
    look().apply(Preferences(theme="light", density=density))  # type: ignore[arg-type]
    for width, mirrored in ((200, False), (200, True), (360, False), (700, True), (1_600, False)):
        on = canvas(width, mirrored)
        laid = lay(EVERYTHING[number], on, in_group=True)
        for rect, _piece in laid.pieces:
            assert rect.left() >= -0.5, rect
            assert rect.right() <= width + 0.5, rect
            assert rect.bottom() <= laid.height + 1, rect
        assert laid.height < 6_000
        paint(laid, on)


def test_own_messages_stand_at_the_other_side() -> None:
    theirs, ours = lay(entry()), lay(entry(own=True))
    assert theirs.outline.left() < 20
    assert ours.outline.right() > 580
    assert ours.outline.left() > 300


def test_mirrored_is_the_same_from_the_other_side() -> None:
    gone = entry("", deleted=True)
    theirs, mirrored = lay(gone), lay(gone, canvas(600, True))
    assert mirrored.outline == QRectF(
        600 - theirs.outline.right(), theirs.outline.y(), theirs.outline.width(), theirs.outline.height()
    )


@pytest.mark.parametrize("state", STATES)
def test_each_state_has_its_own_sign_and_its_word(state: str) -> None:
    laid = lay(entry(own=True, state=state))
    assert bubble.STATE_SIGNS[state] in signs(laid)  # type: ignore[index]
    from sealwire.ui.views.sentences import state_word

    assert state_word(state) in words(laid)  # type: ignore[arg-type]


def test_the_five_signs_differ() -> None:
    assert len(set(bubble.STATE_SIGNS.values())) == len(STATES)


def test_only_the_last_of_a_run_says_its_state_in_words_but_trouble_always_does() -> None:
    assert "sent" not in words(lay(entry(own=True), closes=False))
    assert "failed" in words(lay(entry(own=True, state="failed"), closes=False))


def test_a_failed_message_offers_another_try() -> None:
    laid = lay(entry(own=True, state="failed"))
    assert [spot.deed for spot in laid.spots] == ["retry"]


def test_a_cut_text_offers_the_rest() -> None:
    assert [spot.deed for spot in lay(entry("x" * 15_000)).spots] == ["all"]


def test_stacked_marks_are_held_back_and_that_is_said() -> None:
    assert "Some stacked marks are not shown." in words(lay(entry("a" + "\u0301" * 16_000)))


def test_a_group_names_who_speaks_once_in_a_run() -> None:
    assert "Bob" in words(lay(entry(), in_group=True))
    assert "Bob" not in words(lay(entry(first=False), in_group=True))
    assert "Bob" not in words(lay(entry()))


def test_the_time_stands_beside_a_short_text_and_below_a_long_one() -> None:
    short, long = lay(entry("Hi")), lay(entry("word " * 40))
    assert short.outline.height() < 45
    assert long.outline.height() > 60


def test_a_quote_leads_to_its_message() -> None:
    laid = lay(entry(reply_to=Quote("2" * 32, "carol", "What?")))
    spot = next(spot for spot in laid.spots if spot.deed == "quote")
    assert spot.argument == "2" * 32
    assert laid.spot_at(spot.rect.center()) == spot


@pytest.mark.parametrize(
    ("state", "own", "verbs"),
    [
        ("offered", False, ["fetch"]),
        ("offered", True, []),
        ("waiting", True, ["cancel"]),
        ("sending", True, ["pause", "cancel"]),
        ("receiving", False, ["pause", "cancel"]),
        ("paused", False, ["resume", "cancel"]),
        ("done", False, ["open", "save"]),
        ("failed", False, ["resume"]),
        ("cancelled", False, ["fetch"]),
    ],
)
def test_a_file_offers_what_can_be_done_with_it_now(state: str, own: bool, verbs: list[str]) -> None:
    path = "/tmp/plan.pdf" if state == "done" else None
    laid = lay(entry("", own, file=replace(FILE, state=state, path=path)))
    assert [spot.argument for spot in laid.spots if spot.deed == "file"] == verbs


def test_a_name_cannot_turn_its_ending_around() -> None:
    laid = lay(entry("", file=replace(FILE, name="photo_\u202egnp.exe")))
    assert any("gnp.exe" in text and "\u202e" not in text for text in words(laid))


@pytest.mark.parametrize(
    ("width", "height"), [(None, None), (4_000, 3_000), (1, 60_000), (60_000, 1), (0, 0), (-5, 3), (2**31, 2**31)]
)
def test_what_a_sender_says_about_a_picture_is_bounded(width: int | None, height: int | None) -> None:
    wide, high = carried.fitted(replace(PICTURE, width=width, height=height), 400)
    assert carried.LEAST <= wide <= carried.PICTURE
    assert carried.LEAST <= high <= carried.PICTURE


def test_a_refused_picture_is_a_file_with_the_reason() -> None:
    on = canvas()
    on.gallery.refusal = "too many pixels"  # type: ignore[attr-defined]
    laid = lay(entry("", file=PICTURE), on)
    assert "too many pixels" in words(laid)
    assert [spot.argument for spot in laid.spots if spot.deed == "file"] == ["open", "save"]


def test_days_news_and_the_program_are_told_apart_by_more_than_colour() -> None:
    day = lines.lay(Cell(DayLine("x")), canvas(), NOW)
    new = lines.lay(Cell(UnreadLine("2 new", 2)), canvas(), NOW)
    notice = lines.lay(Cell(NoticeLine("carol joined", False)), canvas(), NOW)
    alarm = lines.lay(Cell(NoticeLine("gone", True)), canvas(), NOW)
    assert words(day) != words(new) == ["2 new"]
    assert signs(notice) == ["details"]
    assert signs(alarm) == ["warning"]
    for laid in (day, notice, alarm):
        assert abs(laid.outline.center().x() - 300) < 2


def test_compact_lines_name_their_speaker_and_own_ones_have_a_stripe() -> None:
    look().apply(Preferences(theme="light", density="compact"))
    ours, theirs = lay(entry(own=True)), lay(entry())
    assert "You" in words(ours)
    assert "Bob" in words(theirs)
    assert len(ours.pieces) > len(theirs.pieces)


def test_reactions_say_who_under_the_pointer() -> None:
    laid = lay(entry(reactions=(Reaction("carol", "👍"), Reaction("dave", "👍"), Reaction("erin", "🎉"))))
    assert [(spot.argument, spot.hint) for spot in laid.spots] == [("👍", "carol, dave"), ("🎉", "erin")]


def test_one_line_of_the_timeline_costs_little() -> None:
    from time import process_time

    on, one = canvas(), entry("An ordinary message of some words, as people write them all day long.")
    lay(one, on)
    began = process_time()
    for _time in range(300):
        lay(one, on)
    assert process_time() - began < 0.6
