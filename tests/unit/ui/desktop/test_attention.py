"""Notifications say no more than was allowed, and lead where they came from."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

from sealwire.peer.events import Contact
from sealwire.testing.stage import StageClient
from sealwire.ui.desktop import attention
from sealwire.ui.desktop.attention import Caller, Tray, badge, plain, unread_of, without_markup
from sealwire.ui.desktop.lock import Idle
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.station import Station


class Wall:
    """Where notifications would hang."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []
        self.about: list[tuple[str, bool]] = []

    def show(self, title: str, body: str, place: str = "", can_reply: bool = False) -> None:
        self.shown.append((title, body))
        self.about.append((place, can_reply))


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def caller(station: Station, wall: Wall, qtbot: Any) -> Caller:
    window = QWidget()
    qtbot.addWidget(window)
    made = Caller(station, wall, window)
    made.setProperty("window", window)
    return made


SAID = "The spare key is under the pot"


@pytest.mark.parametrize(
    ("level", "expected"),
    [("name", ("bob", "New message")), ("full", ("bob", SAID)), ("none", ("Sealwire", "New message"))],
)
def test_three_levels(
    caller: Caller, wall: Wall, client: StageClient, on_loop: Any, qtbot: Any, level: str, expected: tuple[str, str]
) -> None:
    caller.set_preferences(Preferences(notify=level))  # type: ignore[arg-type]
    on_loop(client.hears, "bob", SAID)
    qtbot.waitUntil(lambda: bool(wall.shown))
    assert wall.shown == [expected]


def test_by_default_only_the_name_is_shown() -> None:
    assert Preferences().notify == "name"


@pytest.mark.parametrize(
    "preferences",
    [
        Preferences(notifications=False),
        Preferences(do_not_disturb=True),
        Preferences(quiet_hours=True, quiet_from=0, quiet_to=1_439),
    ],
)
def test_whoever_wants_quiet_has_it(
    caller: Caller,
    wall: Wall,
    client: StageClient,
    station: Station,
    on_loop: Any,
    qtbot: Any,
    preferences: Preferences,
) -> None:
    caller.set_preferences(preferences)
    with qtbot.waitSignal(station.arrived):
        on_loop(client.hears, "bob", SAID)
    assert wall.shown == []


def test_a_muted_conversation_is_quiet(
    caller: Caller, wall: Wall, client: StageClient, station: Station, on_loop: Any, qtbot: Any
) -> None:
    client.box.set("bob", muted_until_ms=9 * 10**13)
    station.read_chats()
    qtbot.waitUntil(lambda: station.desk.chats["bob"].muted_until_ms > 0)
    with qtbot.waitSignal(station.arrived):
        on_loop(client.hears, "bob", SAID)
    assert wall.shown == []


def test_a_locked_window_tells_nobody_who_it_was(
    caller: Caller, wall: Wall, client: StageClient, on_loop: Any, qtbot: Any
) -> None:
    caller.set_preferences(Preferences(notify="full"))
    caller.locked = True
    on_loop(client.hears, "bob", SAID)
    qtbot.waitUntil(lambda: bool(wall.shown))
    assert wall.shown == [("Sealwire", "New message")]


def test_a_changed_key_is_told_even_when_quiet(
    caller: Caller, wall: Wall, client: StageClient, on_loop: Any, qtbot: Any
) -> None:
    caller.set_preferences(Preferences(do_not_disturb=True))
    on_loop(client.happen, Contact("carol", "ab" * 32, "changed"))
    qtbot.waitUntil(lambda: bool(wall.shown))
    assert "The key of carol has changed" in wall.shown[0][1]


def test_a_burst_is_one_notification_and_then_a_number(
    caller: Caller, wall: Wall, client: StageClient, station: Station, on_loop: Any, qtbot: Any, monkeypatch: Any
) -> None:
    clock = [1_790_000_000_000]
    monkeypatch.setattr(attention, "now_ms", lambda: clock[0])
    heard: list[object] = []
    station.arrived.connect(heard.append)
    for number in range(5):
        on_loop(client.hears, "bob", f"{number}")
    qtbot.waitUntil(lambda: len(heard) == 5)
    assert wall.shown == [("bob", "New message")]
    assert caller._due.isActive()
    clock[0] += caller._due.interval()
    caller._due.start(0)  # that time is over
    qtbot.waitUntil(lambda: len(wall.shown) == 2)
    assert wall.shown[1] == ("bob", "4 more new messages")


def test_a_press_opens_the_conversation(
    caller: Caller, client: StageClient, wall: Wall, on_loop: Any, qtbot: Any
) -> None:
    on_loop(client.hears, "bob", SAID)
    qtbot.waitUntil(lambda: bool(wall.shown))
    with qtbot.waitSignal(caller.clicked) as clicked:
        caller.press()
    assert clicked.args == ["bob"]


@pytest.mark.parametrize(("level", "locked", "expected"), [("name", False, True), ("full", False, True),
                                                            ("none", False, False), ("full", True, False)])  # fmt: skip
def test_an_answer_is_offered_where_it_is_said_who_wrote(
    caller: Caller, client: StageClient, wall: Wall, on_loop: Any, qtbot: Any, level: str, locked: bool, expected: bool
) -> None:
    caller.set_preferences(Preferences(notify=level))  # type: ignore[arg-type]
    caller.locked = locked
    on_loop(client.hears, "bob", SAID)
    qtbot.waitUntil(lambda: bool(wall.shown))
    assert wall.about == [("bob", expected)]


def test_an_answer_is_sent_where_it_belongs(caller: Caller, client: StageClient, station: Station, qtbot: Any) -> None:
    with qtbot.waitSignal(station.opened):
        station.open("carol")
    caller.reply("bob", "In a minute")
    qtbot.waitUntil(lambda: client.box.messages["bob"][-1].text == "In a minute")
    assert station.place == "carol"
    assert client.box.messages["carol"][-1].text != "In a minute"
    caller.reply("bob", "   ")
    caller.reply("nobody-known", "x")
    qtbot.wait(50)
    assert client.box.messages["bob"][-1].text == "In a minute"


def test_an_answer_to_a_locked_window_is_a_draft(caller: Caller, client: StageClient, qtbot: Any) -> None:
    caller.locked = True
    with qtbot.waitSignal(caller.clicked) as clicked:
        caller.reply("bob", "In a minute")
    assert clicked.args == ["bob"]
    assert client.box.messages["bob"][-1].text != "In a minute"
    assert ("set_draft", "bob", "In a minute") in client.box.asked


@pytest.mark.parametrize("text", ["<b>bold</b>", "&lt;img&gt;", "a < b & c"])
def test_no_service_takes_a_name_for_markup(text: str) -> None:
    shown = plain(text)
    assert shown.replace("\u200b", "") == text
    assert "<b" not in shown
    assert "&l" not in shown


def test_the_tray_counts_and_offers_quiet(qtbot: Any, station: Station) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    tray = Tray(window, "alice")
    tray.count(unread_of(station))
    assert tray.icon.toolTip() == "Sealwire, alice: 3 unread messages"
    with qtbot.waitSignal(tray.disturb_toggled) as toggled:
        tray.disturb.trigger()
    assert toggled.args == [True]
    words = [action.text() for action in tray.menu.actions() if action.text()]
    assert words == ["Open Sealwire", "Do not disturb", "Quit"]
    tray.show("x", "y")  # without a tray on this desktop: nothing, and no error


def test_the_number_is_in_the_icon(qapp: QApplication) -> None:
    pictures = {number: badge(number).pixmap(64, 64).toImage() for number in (0, 1, 99, 100, 5_000)}
    assert pictures[0] != pictures[1] != pictures[99] != pictures[100]
    assert pictures[100] == pictures[5_000]


def test_nobody_there_locks_and_a_key_postpones_it(qtbot: Any) -> None:
    locked: list[bool] = []
    window = QWidget()
    qtbot.addWidget(window)
    idle = Idle(window, lambda: locked.append(True))
    idle.set_minutes(0)
    assert not idle._timer.isActive()
    idle.set_minutes(5)
    assert idle._timer.interval() == 300_000
    idle._timer.setInterval(80)
    from PySide6.QtCore import Qt

    for _key in range(3):
        qtbot.wait(40)
        QApplication.sendEvent(window, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, Qt.KeyboardModifier.NoModifier))
        assert locked == []
    qtbot.waitUntil(lambda: locked == [True])


def test_a_text_is_no_markup_for_the_desktop() -> None:
    assert "<" not in without_markup('<img src="http://elsewhere.example/seen.png"> 1 < 2')
