"""The small parts: faces, signs, dates, tips, codes, the collector."""

from __future__ import annotations

import gc
import re
from typing import Any

import pytest
import zxingcpp
from PySide6.QtCore import QDate, QDateTime, QLocale, QRectF, QTime
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from sealwire.errors import TextTooLongError
from sealwire.i18n import languages
from sealwire.ui.desktop import bits, dates, icons
from sealwire.ui.desktop import language as speech
from sealwire.ui.desktop.avatar import Avatar, initials
from sealwire.ui.desktop.colours import ALL, DARK, SHAPE_CONTRAST, contrast
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.qr_view import QrView
from sealwire.ui.desktop.sheet import sheet
from sealwire.ui.desktop.sweeper import Sweeper
from sealwire.ui.desktop.theme import look

NOW = QDateTime(QDate(2026, 11, 25), QTime(15, 30))


def ms(day: int, hour: int = 9, month: int = 11, year: int = 2026) -> int:
    return QDateTime(QDate(year, month, day), QTime(hour, 5)).toMSecsSinceEpoch()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("alice", "A"), ("Carol Marsh", "CM"), ("a-b_c", "AB"), ("", "?"), ("\u2068ünal\u2069", "Ü"), ("  ", "?")],
)
def test_initials(name: str, expected: str) -> None:
    assert initials(name) == expected


def test_a_sign_is_drawn_once_for_all_who_show_it(qapp: QApplication) -> None:
    first, other = icons.pixmap("add", "#123456", 20, 2.0), icons.pixmap("add", "#123457", 20, 2.0)
    again = icons.pixmap("add", "#123456", 20, 2.0)
    assert again.cacheKey() == first.cacheKey() != other.cacheKey()
    assert (again.devicePixelRatio(), again.width()) == (2.0, 40)


@pytest.mark.parametrize("name", icons.PATHS)
def test_every_sign_draws_something_within_its_square(name: str) -> None:
    image = QImage(24, 24, QImage.Format.Format_ARGB32)
    image.fill(QColor(0, 0, 0, 0))
    painter = QPainter(image)
    icons.paint(painter, name, "#ff0000", QRectF(0, 0, 24, 24))
    painter.end()
    drawn = sum(image.pixelColor(x, y).alpha() > 100 for x in range(24) for y in range(24))
    assert 4 < drawn < 400


def test_a_dressed_button_follows_the_look(qtbot: Any) -> None:
    made = bits.icon_button("Send", "send")
    qtbot.addWidget(made)
    before = made.icon().cacheKey()
    look().apply(Preferences(theme="dark"))
    assert made.icon().cacheKey() != before
    assert look().colours is DARK


@pytest.mark.parametrize("colours", ALL, ids=lambda one: one.name)
def test_every_place_in_the_sheet_is_filled(colours: Any) -> None:
    made = sheet(colours, 10)
    assert "$" not in made
    assert set(re.findall(r"#[0-9a-f]{6}", made)) <= {getattr(colours, name) for name in colours.__slots__}


def test_the_focus_can_be_seen_on_every_kind_of_control() -> None:
    made = sheet(DARK, 10)
    kinds = "QPushButton QToolButton QLineEdit QPlainTextEdit QListView QCheckBox QComboBox QTabBar"
    for kind in kinds.split():
        assert re.search(rf"{kind}:focus[^}}]*border: 2px solid {DARK.focus}", made, re.DOTALL), kind


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
@pytest.mark.parametrize("kind", ["primary", "danger", "plain", "link"])
def test_whoever_has_the_focus_differs_by_a_line_that_can_be_seen(qtbot: Any, theme: Any, kind: Any) -> None:
    look().apply(Preferences(theme=theme))
    window = QWidget()
    qtbot.addWidget(window)
    first, second = bits.button("One", kind=kind), bits.button("Two", kind=kind)
    window.setLayout(bits.column(first, second))
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    second.setFocus()
    rest = first.grab().toImage()
    first.setFocus()
    reached = first.grab().toImage()
    middle = rest.height() // 2
    pairs = [(rest.pixelColor(x, middle).name(), reached.pixelColor(x, middle).name()) for x in range(12)]
    assert max(contrast(*pair) for pair in pairs) >= SHAPE_CONTRAST


def test_the_frame_of_a_number_shows_the_focus(qtbot: Any) -> None:
    made = bits.Spin("Minutes", 0, 9, 1, "")
    qtbot.addWidget(made)
    frame = made.box.parentWidget()
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    made.box.setFocus()
    assert frame.property("reached")
    made.more.setFocus()
    assert not frame.property("reached")
    assert re.search(rf'boxed\[reached="true"\][^}}]*border: 2px solid {DARK.focus}', sheet(DARK, 10))


def test_a_tip_of_other_peoples_words_is_no_markup(qtbot: Any) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    bits.tip(widget, "<img src='http://example.org/x'>")
    assert "<img" not in widget.toolTip()
    bits.tip(widget, "")
    assert widget.toolTip() == ""


def test_an_ampersand_is_no_shortcut(qtbot: Any) -> None:
    made = bits.button("Salt & Pepper")
    qtbot.addWidget(made)
    assert made.shortcut().isEmpty()
    assert made.accessibleName() == "Salt & Pepper"


def test_a_long_name_ends_in_an_ellipsis_and_is_said_whole(qtbot: Any) -> None:
    made = bits.Elided("x" * 300)
    qtbot.addWidget(made)
    made.resize(100, 20)
    assert made.text().endswith("…")
    assert made.accessibleName() == "x" * 300


def test_copying_says_so(qtbot: Any) -> None:
    made = bits.copy_button(lambda: "the line")
    qtbot.addWidget(made)
    made.click()
    assert QApplication.clipboard().text() == "the line"
    assert made.text() == "Copied"


def test_a_problem_has_what_happened_and_what_to_do() -> None:
    said = bits.problem(TextTooLongError(20_000, 15_000))
    assert said.splitlines() == [
        "This text has 20000 bytes; one message holds at most 15000.",
        "Split it into several messages, or send it as a file.",
    ]


def test_days_are_said_as_people_say_them() -> None:
    today = NOW.date()
    assert dates.day(ms(25), today) == "Today"
    assert dates.day(ms(24, 23), today) == "Yesterday"
    assert dates.day(ms(20), today) == "Friday, 20 November 2026"
    assert dates.brief(ms(25), NOW) == "09:05"
    assert dates.brief(ms(24), NOW) == "Yesterday"
    assert dates.brief(ms(20), NOW) == "Fri"
    assert dates.brief(ms(3, year=2025), NOW) == "03/11/2025"


def test_a_senders_clock_may_say_anything() -> None:
    for at in (-(10**18), 0, 10**30):
        assert dates.clock(at)
        assert dates.day(at, NOW.date())
        assert dates.brief(at, NOW)


def test_dates_follow_the_locale(qapp: QApplication) -> None:
    speech.speak(qapp, ["de_DE", "de"])
    assert dates.day(ms(20), NOW.date()) == "Freitag, 20. November 2026"
    assert dates.size(1_843_200) == "1,8 MB"
    speech.speak(qapp, ["en_US", "en"])
    assert "9:05" in dates.clock(ms(20))
    assert "AM" in dates.clock(ms(20))


@pytest.mark.parametrize("language", ["ar", "he_IL"])
def test_the_window_is_mirrored_where_people_read_from_the_right(qapp: QApplication, language: str) -> None:
    speech.speak(qapp, languages({"SEALWIRE_LANG": language}))
    assert qapp.isRightToLeft()
    speech.speak(qapp, languages({"SEALWIRE_LANG": "C"}))
    assert not qapp.isRightToLeft()
    assert QLocale().name() == "en_150"


def test_a_code_is_dark_on_light_in_every_look(qtbot: Any) -> None:
    for theme in ("light", "dark", "contrast"):
        look().apply(Preferences(theme=theme))  # type: ignore[arg-type]
        view = QrView("code")
        qtbot.addWidget(view)
        view.show_text("sealwire:example.org:5555#key")
        view.resize(300, view.height())
        image = view.grab().toImage()
        middle = [image.pixelColor(x, image.height() // 2).lightness() for x in range(image.width())]
        assert {value for value in middle if value in (0, 255)} == {0, 255}


def test_a_code_can_be_read_back(qtbot: Any) -> None:
    view = QrView("code")
    qtbot.addWidget(view)
    view.show_text("sealwire:example.org:5555#key.token")
    view.resize(400, view.height())
    image = view.grab().toImage()
    grey = bytes(image.pixelColor(x, y).lightness() for y in range(image.height()) for x in range(image.width()))
    found = zxingcpp.read_barcodes(memoryview(grey).cast("B", (image.height(), image.width())))
    assert [one.text for one in found] == ["sealwire:example.org:5555#key.token"]


def test_a_face_is_painted(qtbot: Any) -> None:
    face = Avatar(40)
    qtbot.addWidget(face)
    face.show_face("bob", "bob")
    one = face.grab().toImage()
    face.show_face("+1", "Garden", is_group=True)
    assert face.grab().toImage() != one


def test_cycles_are_collected_in_this_thread_only(qapp: QApplication) -> None:
    sweeper = Sweeper()
    try:
        assert not gc.isenabled()
        threshold = gc.get_threshold()[0]
        keep: list[Any] = []
        while gc.get_count()[0] <= threshold:
            keep.append([])
        sweeper.sweep()
        assert gc.get_count()[0] < threshold
    finally:
        sweeper.stop()
    assert gc.isenabled()


def test_labels_are_plain(qtbot: Any) -> None:
    made = bits.label("<b>x</b>")
    qtbot.addWidget(made)
    assert isinstance(made, QLabel)
    assert made.sizeHint().width() > made.fontMetrics().horizontalAdvance("x") * 2
