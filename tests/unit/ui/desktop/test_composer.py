"""Writing: what sends, what begins a line, what comes from the clipboard, names and corrections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QImage

from sealwire.peer.api import MAX_TEXT_BYTES
from sealwire.ui.desktop.composer import Composer

ENTER = Qt.Key.Key_Return
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def composer(shown: Any) -> Composer:
    made = Composer()
    made.resize(500, 120)
    shown(made)
    made.allow(True, "")
    made.editor.setFocus()
    return made


def pasted(composer: Composer, data: QMimeData) -> None:
    composer.editor.insertFromMimeData(data)


def test_enter_sends_and_shift_enter_begins_a_line(composer: Composer, qtbot: Any) -> None:
    sent: list[tuple[str, str]] = []
    composer.sent.connect(lambda text, reply: sent.append((text, reply)))
    qtbot.keyClicks(composer.editor, "one")
    qtbot.keyClick(composer.editor, ENTER, SHIFT)
    qtbot.keyClicks(composer.editor, "two")
    qtbot.keyClick(composer.editor, ENTER)
    assert sent == [("one\ntwo", "")]
    assert composer.text == ""


def test_with_the_other_setting_control_enter_sends(composer: Composer, qtbot: Any) -> None:
    composer.editor.enter_sends = False
    sent: list[str] = []
    composer.sent.connect(lambda text, _reply: sent.append(text))
    qtbot.keyClicks(composer.editor, "one")
    qtbot.keyClick(composer.editor, ENTER)
    assert sent == []
    qtbot.keyClick(composer.editor, ENTER, CONTROL)
    assert sent == ["one"]


@pytest.mark.parametrize("text", ["", "   ", "\n\n"])
def test_nothing_is_not_sent(composer: Composer, qtbot: Any, text: str) -> None:
    composer.set_text(text)
    with qtbot.assertNotEmitted(composer.sent):
        composer.submit()


def test_a_text_past_the_limit_stays_and_says_so(composer: Composer, qtbot: Any) -> None:
    composer.set_text("ä" * (MAX_TEXT_BYTES // 2 + 1))
    with qtbot.assertNotEmitted(composer.sent):
        composer.submit()
    assert "Too long" in composer._room.text()
    composer.set_text("ä" * (MAX_TEXT_BYTES // 2))
    with qtbot.waitSignal(composer.sent):
        composer.submit()


def test_html_from_the_clipboard_is_text(composer: Composer) -> None:
    data = QMimeData()
    data.setHtml("<b>bold</b>")
    data.setText("<b>bold</b>")
    pasted(composer, data)
    assert composer.text == "<b>bold</b>"


def test_a_paste_of_many_lines_is_one_draft(composer: Composer, qtbot: Any) -> None:
    data = QMimeData()
    data.setText("line\n" * 100)
    with qtbot.assertNotEmitted(composer.sent):
        pasted(composer, data)
    assert composer.text.count("\n") == 100


def test_a_paste_that_no_message_holds_is_given_away_whole(composer: Composer, qtbot: Any) -> None:
    data = QMimeData()
    data.setText("x" * 1_000_000)
    with qtbot.waitSignal(composer.long_text_given) as given:
        pasted(composer, data)
    assert len(given.args[0]) == 1_000_000
    assert composer.text == ""


def test_a_pasted_picture_and_pasted_files_are_given_away(composer: Composer, qtbot: Any, tmp_path: Path) -> None:
    image = QMimeData()
    image.setImageData(QImage(10, 10, QImage.Format.Format_RGB32))
    with qtbot.waitSignal(composer.picture_given):
        pasted(composer, image)
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile(str(tmp_path / "a")), QUrl("https://example.org")])
    with qtbot.waitSignal(composer.files_given) as given:
        pasted(composer, files)
    assert given.args == [[tmp_path / "a"]]
    assert composer.text == ""


def test_up_in_the_empty_field_asks_for_the_last_message(composer: Composer, qtbot: Any) -> None:
    with qtbot.waitSignal(composer.edit_last):
        qtbot.keyClick(composer.editor, Qt.Key.Key_Up)
    composer.set_text("x")
    with qtbot.assertNotEmitted(composer.edit_last):
        qtbot.keyClick(composer.editor, Qt.Key.Key_Up)


def test_a_correction_gives_back_what_was_being_written(composer: Composer, qtbot: Any) -> None:
    composer.set_text("half a thought")
    composer.correct("1" * 32, "old words")
    assert composer.draft == "half a thought"
    composer.set_text("new words")
    with qtbot.waitSignal(composer.corrected) as corrected:
        composer.submit()
    assert corrected.args == ["1" * 32, "new words"]
    assert composer.text == "half a thought"


def test_escape_forgets_a_correction_and_an_answer(composer: Composer, qtbot: Any) -> None:
    composer.correct("1" * 32, "old words")
    qtbot.keyClick(composer.editor, Qt.Key.Key_Escape)
    assert composer.text == ""
    composer.reply("2" * 32, "bob", "Hello")
    qtbot.keyClick(composer.editor, Qt.Key.Key_Escape)
    sent: list[str] = []
    composer.sent.connect(lambda _text, reply: sent.append(reply))
    composer.set_text("x")
    composer.submit()
    assert sent == [""]


def test_an_answer_carries_what_it_answers_once(composer: Composer) -> None:
    sent: list[str] = []
    composer.sent.connect(lambda _text, reply: sent.append(reply))
    composer.reply("2" * 32, "bob", "Hello")
    for text in ("yes", "no"):
        composer.set_text(text)
        composer.submit()
    assert sent == ["2" * 32, ""]


def test_a_text_that_failed_comes_back_before_what_was_written_since(composer: Composer) -> None:
    composer.set_text("later")
    composer.give_back("earlier")
    assert composer.text == "earlier\nlater"


def test_names_are_offered_after_an_at_and_taken_with_enter(composer: Composer, qtbot: Any) -> None:
    composer.know(["bob", "bella", "carol"])
    qtbot.keyClicks(composer.editor, "hi @b")
    assert composer._names.count() == 2
    qtbot.keyClick(composer.editor, Qt.Key.Key_Down)
    qtbot.keyClick(composer.editor, ENTER)
    assert composer.text == "hi @bella "
    qtbot.keyClicks(composer.editor, "me@b")
    assert not composer._names.isVisible()
    qtbot.keyClicks(composer.editor, " @c")
    qtbot.keyClick(composer.editor, Qt.Key.Key_Escape)
    assert not composer._names.isVisible()


def test_the_field_grows_with_its_text_and_stops(composer: Composer) -> None:
    low = composer.editor.height()
    composer.set_text("a\n" * 3)
    high = composer.editor.height()
    composer.set_text("a\n" * 300)
    assert low < high < composer.editor.height() < 400


def test_where_nothing_may_be_written_nothing_can_be(composer: Composer, qtbot: Any) -> None:
    composer.allow(False, "Nothing can be written here now")
    qtbot.keyClicks(composer.editor, "x")
    assert composer.text == ""
    assert composer.editor.placeholderText() == "Nothing can be written here now"
