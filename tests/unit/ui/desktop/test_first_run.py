"""The first minutes, page by page."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea

from sealwire.errors import BindError, NameTakenError
from sealwire.testing.stage import INVITE, StageClient, StageLauncher
from sealwire.ui.desktop.bridge import Bridge
from sealwire.ui.desktop.first_run import FirstRun, Step


def page(window: FirstRun) -> Step:
    area = window.pages.currentWidget()
    assert isinstance(area, QScrollArea)
    step = area.widget()
    assert isinstance(step, Step)
    return step


@pytest.fixture
def launcher() -> StageLauncher:
    return StageLauncher(StageClient("alice"), new=True, broker=False)


@pytest.fixture
def window(launcher: StageLauncher, bridge: Bridge, shown: Any) -> FirstRun:
    made = FirstRun(launcher, bridge)
    shown(made)
    made.look()
    return made


def at(window: FirstRun, step: Step, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: page(window) is step)


def choose(window: FirstRun, first: str, second: str) -> None:
    window.name.first.setText(first)
    window.name.second.setText(second)
    window.name.go.click()


def test_start_a_broker_choose_a_passphrase_get_the_line(window: FirstRun, launcher: StageLauncher, qtbot: Any) -> None:
    at(window, window.broker, qtbot)
    window.broker.own.click()
    at(window, window.name, qtbot)
    assert launcher.started == 1
    assert "127.0.0.1:5555" in window.name.about.text()
    choose(window, "correct horse battery", "correct horse battery")
    at(window, window.friend, qtbot)
    assert launcher.passphrase == b"correct horse battery"
    assert window.friend.line.text() == INVITE
    with qtbot.waitSignal(window.ready) as ready:
        window.friend.go.click()
    assert ready.args == [launcher.client]


def test_join_with_an_invite(window: FirstRun, launcher: StageLauncher, qtbot: Any) -> None:
    at(window, window.broker, qtbot)
    qtbot.keyClicks(window.broker.invite, INVITE)
    qtbot.keyClick(window.broker.invite, Qt.Key.Key_Return)
    at(window, window.name, qtbot)
    choose(window, "x", "x")
    at(window, window.friend, qtbot)
    assert launcher.invites == [INVITE]


def test_what_is_no_invite_is_said_in_place(window: FirstRun, qtbot: Any) -> None:
    at(window, window.broker, qtbot)
    window.broker.invite.setText("http://example.org")
    window.broker.connect_button.click()
    assert "not an invite" in window.broker.problem.text.text()
    assert "Ask for the whole line" in window.broker.problem.text.text()
    assert page(window) is window.broker


def test_a_broker_that_cannot_start_says_what_to_do(window: FirstRun, launcher: StageLauncher, qtbot: Any) -> None:
    at(window, window.broker, qtbot)
    launcher.failure = BindError(address="tcp://127.0.0.1:5555", reason="Address already in use")
    window.broker.own.click()
    qtbot.waitUntil(lambda: window.broker.problem.isVisible())
    assert "Address already in use" in window.broker.problem.text.text()
    assert window.broker.own.isEnabled()


def test_try_again_finds_a_broker_that_was_started_meanwhile(
    window: FirstRun, launcher: StageLauncher, qtbot: Any
) -> None:
    at(window, window.broker, qtbot)
    launcher.broker = True
    window.broker.again_button.click()
    at(window, window.name, qtbot)


def test_two_different_passphrases_and_a_bad_name_stay_on_the_page(
    window: FirstRun, launcher: StageLauncher, qtbot: Any
) -> None:
    launcher.broker = True
    window.look()
    at(window, window.name, qtbot)
    choose(window, "one", "two")
    assert "different" in window.name.problem.text.text()
    window.name.name.setText("Not A Name")
    window.name.go.click()
    assert "1 to 32" in window.name.problem.text.text()
    assert launcher.invites == []


def test_an_empty_passphrase_is_allowed_and_said_aloud(window: FirstRun, launcher: StageLauncher, qtbot: Any) -> None:
    launcher.broker = True
    window.look()
    at(window, window.name, qtbot)
    assert "whoever can read the file is you" in window.name.judgement.text()
    window.name.first.setText("short")
    assert "short" in window.name.judgement.text()
    choose(window, "", "")
    at(window, window.friend, qtbot)


def test_a_taken_name_comes_back_to_the_name(window: FirstRun, launcher: StageLauncher, qtbot: Any) -> None:
    launcher.broker = True
    window.look()
    at(window, window.name, qtbot)
    launcher.failure = NameTakenError(name="alice")
    choose(window, "x", "x")
    qtbot.waitUntil(lambda: window.name.problem.isVisible())
    assert page(window) is window.name
    assert "already registered" in window.name.problem.text.text()


def test_closing_at_the_end_closes_the_client(
    window: FirstRun, launcher: StageLauncher, client: StageClient, qtbot: Any
) -> None:
    launcher.broker = True
    window.look()
    at(window, window.name, qtbot)
    choose(window, "x", "x")
    at(window, window.friend, qtbot)
    with qtbot.waitSignal(window.closed):
        window.close()
    qtbot.waitUntil(lambda: launcher.client.is_closed)


def test_without_motion_nothing_moves(window: FirstRun) -> None:
    from sealwire.ui.desktop.preferences import Preferences
    from sealwire.ui.desktop.theme import look

    look().apply(Preferences(theme="light", reduced_motion=True))
    window.progress.begin("x", "y")
    assert (window.progress.bar.minimum(), window.progress.bar.maximum()) == (0, 1)
    look().apply(Preferences(theme="light"))
    window.progress.begin("x", "y")
    assert (window.progress.bar.minimum(), window.progress.bar.maximum()) == (0, 0)
