"""The window in a language that is longer by two fifths and in one from right to left: nothing is cut off."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from sealwire import i18n
from sealwire.i18n.pseudo import LANGUAGES
from sealwire.testing.sample import GARDEN
from sealwire.testing.stage import StageClient, StageLauncher
from sealwire.ui.desktop import language as speech
from sealwire.ui.desktop import qt_words
from sealwire.ui.desktop.bridge import Bridge
from sealwire.ui.desktop.first_run import FirstRun
from sealwire.ui.desktop.lock import Remembered
from sealwire.ui.desktop.main_window import MainWindow
from sealwire.ui.desktop.pictures import Pictures
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.qt_words import OwnWords
from sealwire.ui.desktop.settings import SettingsSheet
from sealwire.ui.desktop.station import Station

CUT_PX = 1
"""What a rounded width may lack."""


@pytest.fixture(params=[*LANGUAGES])
def language(request: Any, qapp: QApplication, speak: Callable[[str], None]) -> Iterator[str]:
    """One of the languages that nobody speaks."""
    speak(request.param)
    speech.speak(qapp, [request.param])
    yield request.param
    speech.speak(qapp, [])


def cut_off(window: QWidget) -> list[str]:
    """Return the texts of labels and buttons that have less room than they need."""
    return [
        f"{type(one).__name__} {text!r}: {one.width()}x{one.height()}"
        for one in window.findChildren(QWidget)
        if (text := words(one)) and one.isVisible() and lacks_room(one)
    ]


def words(one: QWidget) -> str:
    return one.text() if isinstance(one, QLabel | QAbstractButton) else ""


def seen(window: QWidget, kind: type[Any]) -> list[Any]:
    return [one for one in window.findChildren(kind) if one.isVisible()]


def go(window: MainWindow, place: str, qtbot: Any) -> None:
    with qtbot.waitSignal(window.station.opened):
        window.open(place)


def lacks_room(one: QWidget) -> bool:
    if isinstance(one, QLabel) and one.wordWrap():
        return one.heightForWidth(one.width()) > one.height() + CUT_PX
    return one.sizeHint().width() > one.width() + CUT_PX


def has_room(window: QWidget, qtbot: Any) -> None:
    """Wait until the layouts are done: then every word has its room."""
    with contextlib.suppress(qtbot.TimeoutError):
        qtbot.waitUntil(lambda: not cut_off(window), timeout=1_000)
    assert cut_off(window) == []


@pytest.fixture
def window(language: str, station: Station, pictures: Pictures, shown: Any, qtbot: Any) -> MainWindow:
    made = MainWindow(station, pictures, Remembered(b"secret"))
    made.resize(1_100, 720)
    shown(made)
    return made


@pytest.mark.parametrize("width", [400, 1_100])
def test_the_window_and_its_details_have_room_for_their_words(window: MainWindow, width: int, qtbot: Any) -> None:
    window.resize(width, 720)
    go(window, "bob", qtbot)
    has_room(window, qtbot)
    window.toggle_details()
    qtbot.waitUntil(lambda: any("315f" in words(one) or "RSA" in words(one) for one in seen(window, QLabel)))
    has_room(window, qtbot)
    assert window.width() == width


def test_a_group_has_room_for_its_words(window: MainWindow, qtbot: Any) -> None:
    go(window, GARDEN, qtbot)
    window.toggle_details()
    qtbot.waitUntil(lambda: any("carol" in words(one).lower() for one in seen(window, QLabel)))
    has_room(window, qtbot)


def test_a_changed_key_and_the_digits_have_room(window: MainWindow, qtbot: Any) -> None:
    sheet = window.errands.key_change("dave")
    qtbot.waitUntil(lambda: "•" in sheet.causes.text())
    has_room(sheet, qtbot)
    sheet.close()
    digits = window.errands.verify("carol")
    qtbot.waitUntil(lambda: bool(digits.digits.text()))
    has_room(digits, qtbot)
    digits.close()


def test_the_settings_have_room(window: MainWindow, qtbot: Any) -> None:
    sheet = SettingsSheet(window, window.station, Preferences(), has_tray=True, can_lock=True)
    sheet.show()
    for page in range(sheet.tabs.count()):
        sheet.tabs.setCurrentIndex(page)
        has_room(sheet, qtbot)
    sheet.close()


def test_the_first_minutes_have_room(language: str, bridge: Bridge, shown: Any, qtbot: Any) -> None:
    made = FirstRun(StageLauncher(StageClient("alice"), new=True, broker=False), bridge)
    shown(made)
    made.look()
    qtbot.waitUntil(lambda: any(one.isVisible() for one in made.findChildren(QAbstractButton)))
    has_room(made, qtbot)


# --- from right to left --------------------------------------------------------------------------------------


def test_the_window_is_mirrored(
    qapp: QApplication, station: Station, pictures: Pictures, shown: Any, qtbot: Any
) -> None:
    def left_of(one: QWidget, other: QWidget) -> bool:
        return one.mapToGlobal(QPoint(0, 0)).x() < other.mapToGlobal(QPoint(0, 0)).x()

    speech.speak(qapp, ["ar"])
    made = MainWindow(station, pictures, Remembered(b"secret"))
    made.resize(1_100, 720)
    shown(made)
    go(made, "bob", qtbot)
    qtbot.waitUntil(lambda: left_of(made.pane, made.sidebar))
    assert made.header.title.alignment() & Qt.AlignmentFlag.AlignRight
    speech.speak(qapp, [])
    qtbot.waitUntil(lambda: left_of(made.sidebar, made.pane))
    assert made.layoutDirection() == Qt.LayoutDirection.LeftToRight


def test_a_word_without_room_is_found(qapp: QApplication, shown: Any) -> None:
    made = QWidget()
    narrow = QLabel("A sentence that is longer than this", made)
    narrow.resize(20, 20)
    shown(made)
    assert len(cut_off(made)) == 1
    narrow.adjustSize()
    assert cut_off(made) == []


# --- Qt's own words ------------------------------------------------------------------------------------------


def said(qapp: QApplication, code: str) -> list[str]:
    i18n.use([code])
    speech.speak(qapp, [code])
    found = [QCoreApplication.translate("QPlatformTheme", word) for word in ("Save", "Cancel", "Open", "Close")]
    found.append(QCoreApplication.translate("QFileDialog", "File &name:"))
    i18n.use(["en"])
    speech.speak(qapp, [])
    return found


@pytest.mark.parametrize("code", sorted(set(i18n.LANGUAGES) - {"en"}))
def test_qts_own_dialogs_speak_the_language_of_the_rest(qapp: QApplication, code: str) -> None:
    english = said(qapp, "en")
    assert english == ["Save", "Cancel", "Open", "Close", "File &name:"]
    assert not set(said(qapp, code)) & set(english)
    assert said(qapp, "en") == english


@pytest.mark.parametrize("code", sorted(set(i18n.LANGUAGES) - {"en"}))
def test_a_word_with_two_meanings_has_two_translations(code: str) -> None:
    """To go forward is not to forward a message; the keys of the keyboard are not those of the conversation."""
    i18n.use([code])
    forward, keys = i18n.pgettext("file dialog", "Forward"), i18n.pgettext("keyboard", "Keys")
    others, qts = (i18n._("Forward"), i18n._("Keys")), qt_words.words()["Forward"]
    i18n.use(["en"])
    assert forward not in {"Forward", others[0]}
    assert keys not in {"Keys", others[1]}
    assert qts == forward


def test_what_we_do_not_say_for_qt_stays_qts(qapp: QApplication) -> None:
    own = OwnWords(qapp)
    assert own.translate("QFileDialog", "File &name:") == "File name:"
    assert own.translate("QFileDialog", "Something else") == ""
    assert not own.isEmpty()
    own.deleteLater()
