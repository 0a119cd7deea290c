"""One run of the window, from the first start or the passphrase to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from sealwire import i18n
from sealwire.testing.sample import sample_client
from sealwire.testing.stage import StageLauncher
from sealwire.ui.desktop import leaving
from sealwire.ui.desktop import preferences as prefs
from sealwire.ui.desktop.desktop import Desktop
from sealwire.ui.desktop.lock import Remembered
from sealwire.ui.desktop.main_window import MainWindow
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.theme import look


@pytest.fixture
def launcher() -> StageLauncher:
    client = sample_client()
    client.begin()
    return StageLauncher(client)


@pytest.fixture
def desktop(qapp: Any, launcher: StageLauncher, tmp_path: Path, qtbot: Any) -> Iterator[Desktop]:
    import gc

    gc.disable()
    made = Desktop(qapp, launcher, lambda name: tmp_path / name)
    yield made
    for window in (made.window, made.unlock, made.first_run):
        if window is not None:
            qtbot.addWidget(window)
    made.finish()
    made.deleteLater()
    qapp.processEvents()
    gc.collect()
    gc.enable()


def test_the_passphrase_opens_the_window(desktop: Desktop, launcher: StageLauncher, qtbot: Any) -> None:
    launcher.passphrase = b"secret"
    desktop.begin()
    assert desktop.unlock is not None
    desktop.unlock.passphrase.setText("wrong")
    desktop.unlock.go.click()
    qtbot.waitUntil(desktop.unlock.problem.isVisible)
    assert "does not open" in desktop.unlock.problem.text.text()
    desktop.unlock.passphrase.setText("secret")
    desktop.unlock.go.click()
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.isVisible())
    assert desktop.unlock is None


def test_a_new_name_begins_with_the_first_start(desktop: Desktop, launcher: StageLauncher, qtbot: Any) -> None:
    launcher.new = True
    desktop.begin()
    assert desktop.first_run is not None
    name = desktop.first_run.name
    qtbot.waitUntil(name.isVisible)
    name.first.setText("secret words")
    name.second.setText("secret words")
    name.go.click()
    friend = desktop.first_run.friend
    qtbot.waitUntil(friend.isVisible)
    friend.go.click()
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.isVisible())
    assert desktop.window is not None
    assert desktop.window.remembered.is_it(b"secret words")


def test_a_given_passphrase_opens_without_a_question(desktop: Desktop, qtbot: Any) -> None:
    desktop.begin(b"")
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.isVisible())


def test_from_the_unlock_window_one_can_begin_another_name(desktop: Desktop, qtbot: Any) -> None:
    desktop.begin()
    assert desktop.unlock is not None
    desktop.unlock.new.click()
    qtbot.waitUntil(lambda: desktop.first_run is not None and desktop.first_run.isVisible())


def test_what_is_set_holds_at_once_and_at_the_next_start(desktop: Desktop, tmp_path: Path, qtbot: Any) -> None:
    desktop.begin(b"")
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.isVisible())
    assert desktop.window is not None
    desktop.window.preferences_changed.emit(Preferences(theme="dark", lock_minutes=7, enter_sends=False))
    assert look().colours.name == "dark"
    assert not desktop.window.pane.composer.editor.enter_sends
    assert desktop.idle._timer.interval() == 7 * 60_000
    assert prefs.load(tmp_path / "alice").theme == "dark"
    desktop.window.resize(777, 555)
    desktop.end()
    kept = prefs.load(tmp_path / "alice")
    assert kept.geometry
    assert kept.lock_minutes == 7


def test_a_start_may_be_minimised(desktop: Desktop, tmp_path: Path, qtbot: Any) -> None:
    prefs.save(tmp_path / "alice", Preferences(start_minimised=True))
    desktop.begin(b"")
    qtbot.waitUntil(lambda: desktop.window is not None)
    assert desktop.window is not None
    assert desktop.window.isMinimized() or not desktop.window.isVisible()


def test_a_notification_leads_to_its_conversation_and_its_answer_is_sent(
    desktop: Desktop, launcher: StageLauncher, qtbot: Any
) -> None:
    desktop.begin(b"")
    qtbot.waitUntil(lambda: desktop.window is not None and len(desktop.window.station.desk.chats) >= 5)
    assert desktop.window is not None
    station = desktop.window.station
    with qtbot.waitSignal(station.opened):
        desktop.notices.pressed.emit("carol")
    assert station.place == "carol"
    desktop.notices.replied.emit("bob", "In a minute")
    qtbot.waitUntil(lambda: launcher.client.box.messages["bob"][-1].text == "In a minute")
    assert station.place == "carol"


def opened_window(desktop: Desktop, place: str, qtbot: Any) -> MainWindow:
    desktop.begin(b"")
    qtbot.waitUntil(lambda: desktop.window is not None and len(desktop.window.station.desk.chats) >= 5)
    assert desktop.window is not None
    with qtbot.waitSignal(desktop.window.station.opened):
        desktop.window.open(place)
    return desktop.window


def test_what_was_typed_right_before_the_end_is_a_draft(desktop: Desktop, launcher: StageLauncher, qtbot: Any) -> None:
    window = opened_window(desktop, "bob", qtbot)
    qtbot.keyClicks(window.pane.composer.editor, "half a sent")
    window.quit_wanted.emit()  # Ctrl+Q, and the tray's menu
    desktop.finish()
    assert launcher.client.box.of("bob").draft == "half a sent"


def test_what_was_sent_right_before_the_end_is_stored_or_a_draft(
    desktop: Desktop, launcher: StageLauncher, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = opened_window(desktop, "bob", qtbot)
    monkeypatch.setattr(leaving, "LAST_S", 0.1)
    stored = launcher.client.send_text

    async def looks_somebody_up(to: str, text: str, *more: Any) -> Any:
        if text == "for ever":
            await asyncio.sleep(60)
        await asyncio.sleep(0.01)
        return await stored(to, text, *more)

    monkeypatch.setattr(launcher.client, "send_text", looks_somebody_up)
    for text in ("in time", "for ever"):
        window.pane.composer.set_text(text)
        window.pane.composer.submit()
    qtbot.keyClicks(window.pane.composer.editor, "and more")
    desktop.end()
    desktop.finish()
    assert launcher.client.box.messages["bob"][-1].text == "in time"
    assert launcher.client.box.of("bob").draft == "for ever\nand more"


def test_while_locked_in_any_way_nothing_outside_the_window_says_who_wrote(
    desktop: Desktop, launcher: StageLauncher, qtbot: Any
) -> None:
    launcher.passphrase = b"secret"
    desktop.begin()
    assert desktop.unlock is not None
    desktop.unlock.passphrase.setText("secret")
    desktop.unlock.go.click()
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.isVisible())
    assert desktop.window is not None
    desktop.window.lock()  # Ctrl+L, and the menu
    assert desktop.window.is_locked
    assert desktop.caller.rules().content == "none"
    desktop.window.curtain.passphrase.setText("secret")
    desktop.window.curtain.go.click()
    qtbot.waitUntil(lambda: not desktop.window.is_locked)
    assert desktop.caller.rules().content == "name"


def test_the_end_closes_what_was_opened(qapp: Any, launcher: StageLauncher, tmp_path: Path, qtbot: Any) -> None:
    made = Desktop(qapp, launcher, lambda name: tmp_path / name)
    made.begin(b"")
    qtbot.waitUntil(lambda: made.window is not None)
    qtbot.addWidget(made.window)
    made.finish()
    assert (launcher.client.is_closed, launcher.finished) == (True, 1)


def test_a_remembered_passphrase_is_not_kept() -> None:
    kept = Remembered(b"correct horse")
    assert kept.is_it(b"correct horse")
    assert not kept.is_it(b"Correct horse")
    assert not kept.is_it(b"")
    assert Remembered(b"").is_it(b"")
    assert not Remembered(b"").is_it(b"x")
    assert "horse" not in repr(kept)
    assert all(b"horse" not in value for value in vars(kept).values() if isinstance(value, bytes))


def test_a_language_of_ones_own_is_spoken_from_the_next_start_on(
    desktop: Desktop, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEALWIRE_LANG")
    prefs.save(tmp_path / "alice", Preferences(theme="light", language="ar"))
    desktop.begin(b"")
    qtbot.waitUntil(lambda: desktop.window is not None)
    assert desktop.window is not None
    assert desktop.window.layoutDirection() == Qt.LayoutDirection.RightToLeft
    assert desktop.window.sidebar.search.placeholderText() == i18n._("Search") != "Search"
    desktop._follow(Preferences(theme="light"))
    assert i18n.in_force() == desktop._spoken
    assert QApplication.layoutDirection() == Qt.LayoutDirection.LeftToRight


def test_one_start_in_another_language_wins_over_the_preferences(desktop: Desktop, tmp_path: Path) -> None:
    desktop._follow(Preferences(theme="light", language="ja"))
    assert i18n.in_force() in ([], ["en"])
