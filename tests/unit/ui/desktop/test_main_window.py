"""The window as a whole: going, finding, keys, widths, locking, closing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QDialog, QMenu, QPushButton, QWidget

from sealwire.peer.events import Connection, Contact
from sealwire.testing.sample import GARDEN
from sealwire.testing.stage import INVITE, StageClient, StageLauncher
from sealwire.ui.desktop.bits import Elided
from sealwire.ui.desktop.chat_list import Chat, Hit, RowModel, Title, marks
from sealwire.ui.desktop.errands import Errands
from sealwire.ui.desktop.group_details import GroupPart, OneLine
from sealwire.ui.desktop.keeping import BackupSheet, ExportSheet
from sealwire.ui.desktop.keys import KeysSheet, table
from sealwire.ui.desktop.lock import Remembered
from sealwire.ui.desktop.main_window import MainWindow
from sealwire.ui.desktop.people_dialogs import InviteSheet, NewChat, NewGroup, Pick, Switcher
from sealwire.ui.desktop.pictures import Pictures
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.settings import SettingsSheet
from sealwire.ui.desktop.sidebar import Sidebar
from sealwire.ui.desktop.station import Station
from sealwire.ui.desktop.verify import KeyChangeSheet, VerifySheet

CONTROL, ALT, SHIFT = (
    Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier,
)  # fmt: skip


@pytest.fixture
def window(station: Station, pictures: Pictures, shown: Any, qtbot: Any) -> MainWindow:
    made = MainWindow(station, pictures, Remembered(b"secret"))
    made.resize(1_100, 720)
    shown(made)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


def go(window: MainWindow, place: str, qtbot: Any) -> None:
    with qtbot.waitSignal(window.station.opened):
        window.open(place)


def titles(sidebar: Sidebar) -> list[str]:
    return [one.row.title for one in sidebar.list.rows.rows if isinstance(one, Chat)]


def dialog(kind: type[QDialog]) -> Any:
    found = [one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()]
    assert len(found) == 1, kind
    return found[0]


def press(parent: Any, word: str) -> None:
    buttons = parent.findChildren(QPushButton)
    next(one for one in buttons if one.accessibleName() == word or one.text() == word).click()


# --- the list ------------------------------------------------------------------------------------------------


def test_the_list_has_requests_first_then_the_latest(window: MainWindow, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: len(titles(window.sidebar)) == 5)
    assert titles(window.sidebar)[0] == "Requests"
    assert set(titles(window.sidebar)[1:]) == {"bob", "Garden", "dave", "Carol Marsh"}


def test_requests_open_into_a_list_and_close_again(window: MainWindow, qtbot: Any) -> None:
    window.sidebar._pressed(window.sidebar.list.rows.index(0))
    assert titles(window.sidebar) == ["erin"]
    window.sidebar.back.click()
    assert "bob" in titles(window.sidebar)


def test_rows_are_spoken(window: MainWindow) -> None:
    model = window.sidebar.list.rows
    at = model.place_of("bob")
    assert at is not None
    assert model.data(model.index(at), int(Qt.ItemDataRole.AccessibleTextRole)).startswith("bob, verified, 2 unread.")


def test_a_row_that_stays_keeps_its_place_when_others_move(qapp: Any) -> None:
    from PySide6.QtTest import QAbstractItemModelTester

    model = RowModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.show_rows([Title("a"), Title("b"), Title("c")])
    from PySide6.QtCore import QPersistentModelIndex

    kept = QPersistentModelIndex(model.index(2))
    model.show_rows([Title("c"), Title("a")])
    assert kept.row() == 0
    assert tester is not None
    assert not model.flags(model.index(0))


def test_a_search_finds_conversations_and_messages_and_leads_there(window: MainWindow, qtbot: Any) -> None:
    qtbot.keyClick(window, Qt.Key.Key_F, CONTROL | SHIFT)
    qtbot.keyClicks(window.sidebar.search, "beans")
    qtbot.waitUntil(lambda: any(isinstance(one, Hit) for one in window.sidebar.list.rows.rows))
    assert "1 message found" in window.sidebar.note.text()
    hit = next(one for one in window.sidebar.list.rows.rows if isinstance(one, Hit))
    assert [span.kind for span in marks(hit.found, "The beans need water")] == ["mark"]
    qtbot.keyClick(window.sidebar.search, Qt.Key.Key_Down)
    qtbot.keyClick(window.sidebar.list, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.station.place == GARDEN)
    qtbot.waitUntil(lambda: (m := window.pane.view.current_message()) is not None and "beans" in m.text)


def test_a_search_in_one_conversation_finds_only_there(window: MainWindow, qtbot: Any) -> None:
    go(window, "bob", qtbot)
    qtbot.keyClick(window, Qt.Key.Key_F, CONTROL)
    assert window.sidebar._scope_button.isVisible()
    qtbot.keyClicks(window.sidebar.search, "beans")
    qtbot.waitUntil(lambda: "No message" in window.sidebar.note.text())
    window.sidebar._scope_button.click()
    qtbot.waitUntil(lambda: "1 message" in window.sidebar.note.text())
    qtbot.keyClick(window.sidebar.search, Qt.Key.Key_Escape)
    assert window.sidebar.search.text() == ""


def test_a_broker_that_vanishes_is_a_quiet_banner(
    window: MainWindow, client: StageClient, on_loop: Any, qtbot: Any
) -> None:
    assert not window.sidebar.link.isVisible()
    on_loop(client.happen, Connection("offline"))
    qtbot.waitUntil(window.sidebar.link.isVisible)
    assert "The broker is gone" in window.sidebar.link.text.text()
    assert QApplication.activeModalWidget() is None
    on_loop(client.happen, Connection("online"))
    qtbot.waitUntil(lambda: not window.sidebar.link.isVisible())


def test_somebody_new_sees_two_ways_to_begin(bridge: Any, pictures: Pictures, shown: Any, qtbot: Any) -> None:
    client = StageClient("alice")
    client.begin()
    station = Station(client, bridge)
    window = MainWindow(station, pictures, Remembered(b""))
    shown(window)
    station.begin()
    qtbot.waitUntil(window.sidebar._nobody.isVisible)
    words = [one.text() for one in window.sidebar._nobody.findChildren(QPushButton)]
    assert words == ["Write to somebody", "Invite a friend"]


# --- keys ----------------------------------------------------------------------------------------------------


def test_the_switcher_goes_where_a_few_letters_lead(window: MainWindow, qtbot: Any) -> None:
    qtbot.keyClick(window, Qt.Key.Key_K, CONTROL)
    switcher = dialog(Switcher)
    qtbot.keyClicks(switcher.search, "gar")
    qtbot.keyClick(switcher.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.station.place == GARDEN)


def test_the_switcher_moves_with_the_arrows(window: MainWindow, qtbot: Any) -> None:
    window.errands.switch()
    switcher = dialog(Switcher)
    first = switcher.list.currentIndex().row()
    qtbot.keyClick(switcher.search, Qt.Key.Key_Down)
    assert switcher.list.currentIndex().row() == first + 1
    qtbot.keyClick(switcher.search, Qt.Key.Key_Up)
    qtbot.keyClick(switcher.search, Qt.Key.Key_Escape)


def test_alt_and_arrows_go_through_the_conversations(window: MainWindow, qtbot: Any) -> None:
    go(window, "bob", qtbot)
    order = [one.row.id for one in window.sidebar.list.rows.rows if isinstance(one, Chat)][1:]
    after = order[order.index("bob") + 1]
    qtbot.keyClick(window, Qt.Key.Key_Down, ALT)
    qtbot.waitUntil(lambda: window.station.place == after)
    qtbot.keyClick(window, Qt.Key.Key_Up, ALT)
    qtbot.waitUntil(lambda: window.station.place == "bob")


def test_alt_a_goes_to_what_is_unread(window: MainWindow, qtbot: Any) -> None:
    qtbot.keyClick(window, Qt.Key.Key_A, ALT)
    qtbot.waitUntil(lambda: window.station.place == GARDEN)  # it mentions alice


def test_f6_goes_through_the_areas(window: MainWindow, qtbot: Any) -> None:
    go(window, "bob", qtbot)
    window.pane.composer.editor.setFocus()
    seen = []
    for _step in range(3):
        qtbot.keyClick(window, Qt.Key.Key_F6)
        seen.append(QApplication.focusWidget())
    assert seen == [window.sidebar.list, window.pane.view, window.pane.composer.editor]


def test_every_key_that_is_explained_is_bound_and_every_verb_exists(window: MainWindow) -> None:
    verbs = window._verbs()
    assert {key.verb for key in table() if key.verb} == set(verbs)
    combinations = [key.keys for key in table() if key.keys]
    assert len(set(combinations)) == len(combinations)


def test_f1_shows_the_keys(window: MainWindow, qtbot: Any) -> None:
    qtbot.keyClick(window, Qt.Key.Key_F1)
    dialog(KeysSheet).close()


# --- widths --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [400, 560, 640, 900, 980, 1_600])
def test_every_width_shows_what_it_should(window: MainWindow, qtbot: Any, width: int) -> None:
    go(window, "bob", qtbot)
    window.resize(width, 600)
    qtbot.waitUntil(lambda: window.width() == width)
    narrow = width < 640
    assert window.sidebar.isVisible() is not narrow
    assert window.header.back_button.isVisible() is narrow
    window.toggle_details()
    assert window.details.isVisible()
    assert window.middle.isVisible() is (width >= 980)
    window.grab()


def test_on_a_narrow_window_escape_leads_back_to_the_list(window: MainWindow, qtbot: Any) -> None:
    window.resize(420, 600)
    go(window, "bob", qtbot)
    assert not window.sidebar.isVisible()
    window.back()
    qtbot.waitUntil(window.sidebar.isVisible)
    assert window.station.place == ""


# --- details and groups --------------------------------------------------------------------------------------


def test_the_details_of_a_person(window: MainWindow, client: StageClient, qtbot: Any) -> None:
    from sealwire.ui.desktop.details import PersonPart

    go(window, "carol", qtbot)
    window.toggle_details()
    part = window.details.findChild(PersonPart)
    qtbot.waitUntil(lambda: part.nickname.text() == "Carol Marsh")
    assert part.trust.text() == "not verified"
    part.nickname.setText("Carol M.")
    part.nickname.editingFinished.emit()
    qtbot.waitUntil(lambda: client.box.of("carol").nickname == "Carol M.")
    part.block.click()
    press(dialog(QDialog), "Block")
    qtbot.waitUntil(lambda: client.box.of("carol").blocked)


def test_timer_and_mute_are_set_where_one_talks(window: MainWindow, client: StageClient, qtbot: Any) -> None:
    from sealwire.ui.desktop.details import _Rules

    go(window, "bob", qtbot)
    window.toggle_details()
    rules = window.details.findChild(_Rules)
    rules.timer.activated.emit(2)
    qtbot.waitUntil(lambda: client.box.of("bob").timer_s == 3_600)
    rules.mute.activated.emit(rules.mute.count() - 1)
    qtbot.waitUntil(
        lambda: client.box.of("bob").muted_until_ms > 10**14 - 1 or client.box.of("bob").muted_until_ms > 10**12
    )


def test_a_group_shows_members_and_what_may_be_done(window: MainWindow, client: StageClient, qtbot: Any) -> None:
    go(window, GARDEN, qtbot)
    window.toggle_details()
    part = window.details.findChild(GroupPart)
    qtbot.waitUntil(lambda: part.topic.text() == "Beds, seeds and who waters when")
    names = [one.accessibleName() for one in part.findChildren(type(window.header.title))]
    assert "alice (you), admin" in names
    part._do("topic")
    line = dialog(OneLine)
    line.line.setText("Tomatoes")
    line._take()
    qtbot.waitUntil(lambda: part.topic.text() == "Tomatoes")
    part._do("leave")
    press(dialog(QDialog), "Leave")
    qtbot.waitUntil(lambda: client.box.groups[GARDEN].state == "left")


def test_files_are_listed_and_lead_to_their_message(window: MainWindow, qtbot: Any) -> None:
    go(window, "bob", qtbot)
    window.toggle_details()
    found: Callable[[], list[Any]] = lambda: [  # noqa: E731
        one for one in window.details.findChildren(QPushButton) if one.text() == "network-plan.pdf"
    ]
    qtbot.waitUntil(lambda: bool(found()))
    found()[0].click()
    qtbot.waitUntil(lambda: (m := window.pane.view.current_message()) is not None and m.file is not None)


# --- people --------------------------------------------------------------------------------------------------


def test_a_new_conversation_needs_a_name_that_is_one(window: MainWindow, qtbot: Any) -> None:
    qtbot.keyClick(window, Qt.Key.Key_N, CONTROL)
    sheet = dialog(NewChat)
    sheet.name.setText("Not a name")
    sheet.go.click()
    assert "not an account name" in sheet.problem.text.text()
    sheet.name.setText("carol")
    sheet.go.click()
    qtbot.waitUntil(lambda: window.station.place == "carol")


def test_a_new_group_is_made_with_those_who_are_ticked(window: MainWindow, client: StageClient, qtbot: Any) -> None:
    window.errands.new_group()
    sheet = dialog(NewGroup)
    sheet.go.click()
    assert "Give the group a name" in sheet.problem.text.text()
    sheet.name.setText("Choir")
    items = [sheet.people.item(at) for at in range(sheet.people.count())]
    bob = next(item for item in items if item.text() == "bob")
    qtbot.mouseClick(sheet.people.viewport(), Qt.MouseButton.LeftButton, pos=sheet.people.visualItemRect(bob).center())
    assert sheet.people.checked() == ["bob"]
    sheet.others.setText("frank, grace")
    sheet.go.click()
    qtbot.waitUntil(lambda: window.station.place.startswith("+") and window.station.place != GARDEN)
    assert client.box.groups[window.station.place].name == "Choir"


def test_forwarding_asks_to_whom(window: MainWindow, client: StageClient, qtbot: Any) -> None:
    go(window, "bob", qtbot)
    window.errands.forward(client.box.messages["bob"][0])
    pick = dialog(Pick)
    pick.people.item(0).setCheckState(Qt.CheckState.Checked)
    place = pick.people.checked()[0]
    pick._done()
    qtbot.waitUntil(lambda: client.box.messages[place][-1].forwarded)


def test_the_invite_line_is_shown_and_copied(window: MainWindow, qtbot: Any) -> None:
    window.errands.launcher = StageLauncher(StageClient("alice"))
    window.errands.invite()
    qtbot.waitUntil(lambda: any(isinstance(one, InviteSheet) for one in QApplication.topLevelWidgets()))
    sheet = dialog(InviteSheet)
    press(sheet, "Copy the line")
    assert QApplication.clipboard().text() == INVITE
    sheet.close()


# --- keys of people ------------------------------------------------------------------------------------------


def test_verifying_is_one_screen_and_one_press(window: MainWindow, client: StageClient, qtbot: Any) -> None:
    go(window, "carol", qtbot)
    window.header.verify_button.click()
    sheet: VerifySheet = dialog(VerifySheet)
    qtbot.waitUntil(lambda: bool(sheet.digits.text()))
    assert len("".join(sheet.digits.text().split())) == 60
    assert sheet.code._modules
    assert not sheet.undo.isVisible()
    sheet.same.click()
    qtbot.waitUntil(lambda: client.box.contact("carol").trust == "verified")
    qtbot.waitUntil(lambda: window.header.about.whole().startswith("verified"))


def test_a_pasted_code_says_what_it_proves(window: MainWindow, client: StageClient, qtbot: Any) -> None:
    sheet = window.errands.verify("carol")
    sheet.paste.setText("hello")
    sheet.check.click()
    qtbot.waitUntil(lambda: bool(sheet.answer.text.text()))
    assert sheet.answer.text.text() == "This is no verification code; one begins with sealwire-compare:."
    qtbot.waitUntil(lambda: bool(sheet._text))
    sheet.paste.setText(sheet._text)
    sheet.check.click()
    qtbot.waitUntil(lambda: "carol" in sheet.answer.text.text() or "Carol" in sheet.answer.text.text())
    sheet.close()


def test_a_changed_key_says_who_when_why_and_has_two_buttons(
    window: MainWindow, client: StageClient, qtbot: Any
) -> None:
    go(window, "dave", qtbot)
    window.pane._banner_button.click()
    sheet: KeyChangeSheet = dialog(KeyChangeSheet)
    qtbot.waitUntil(lambda: "•" in sheet.causes.text())
    assert "dave" in sheet.title.text()
    assert "Another key is seen since" in sheet.since.text()
    assert [one.text() for one in sheet.findChildren(QPushButton)] == ["Accept new key", "Compare digits"]
    sheet.take.click()
    qtbot.waitUntil(lambda: client.box.contact("dave").trust == "unverified")
    qtbot.waitUntil(lambda: not window.pane.composer.editor.isReadOnly())


def test_comparing_after_a_change_leads_back_to_the_decision(window: MainWindow, qtbot: Any) -> None:
    window.errands.key_change("dave").compare.click()
    sheet = dialog(VerifySheet)
    qtbot.waitUntil(lambda: "has changed" in sheet.state.text.text())
    sheet.same.click()
    dialog(KeyChangeSheet).close()


def test_a_key_that_changes_elsewhere_is_said(
    window: MainWindow, client: StageClient, on_loop: Any, qtbot: Any
) -> None:
    go(window, "bob", qtbot)
    on_loop(client.happen, Contact("carol", "ab" * 32, "changed"))
    qtbot.waitUntil(window.pane.problem.isVisible)
    assert "carol" in window.pane.problem.text.text()


def test_a_stranger_is_accepted_and_declined(window: MainWindow, client: StageClient, qtbot: Any) -> None:
    go(window, "erin", qtbot)
    window.pane._banner_button.click()
    qtbot.waitUntil(lambda: not client.box.of("erin").request)
    client.box.set("erin", request=True)
    go(window, "erin", qtbot)
    qtbot.waitUntil(window.pane._banner_other.isVisible)
    window.pane._banner_other.click()
    qtbot.waitUntil(lambda: client.box.of("erin").blocked)
    qtbot.waitUntil(lambda: window.station.place == "")


# --- settings, copies ----------------------------------------------------------------------------------------


def test_settings_hold_at_once(window: MainWindow, client: StageClient, qtbot: Any) -> None:
    told: list[Preferences] = []
    window.preferences_changed.connect(told.append)
    sheet: SettingsSheet = window.settings()
    sheet.findChild(QCheckBox, "enter_sends").click()
    assert told[-1].enter_sends is False
    theme = next(one for one in sheet.findChildren(type(sheet.keep)) if one.objectName() == "theme")
    theme.activated.emit(2)
    assert told[-1].theme == "dark"
    assert told[-1].enter_sends is False
    qtbot.waitUntil(lambda: sheet.keep.isEnabled())
    sheet.close()


def test_without_a_tray_its_setting_is_off_and_says_why(window: MainWindow) -> None:
    sheet = window.settings()
    box = sheet.findChild(QCheckBox, "close_to_tray")
    assert not box.isEnabled()
    assert "no tray" in box.accessibleDescription()
    sheet.close()


def test_an_export_writes_a_file_and_says_how_many(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    window.errands.export("bob")
    sheet: ExportSheet = dialog(ExportSheet)
    sheet.write(tmp_path / "bob.json", "json")
    qtbot.waitUntil(lambda: "written" in sheet.done_banner.text.text())
    sheet.close()


def test_a_backup_needs_a_passphrase_twice(window: MainWindow, client: StageClient, qtbot: Any, tmp_path: Path) -> None:
    sheet = BackupSheet(window, window.station)
    sheet.write(tmp_path / "x")
    assert "needs a passphrase" in sheet.problem.text.text()
    sheet.first.setText("one")
    sheet.second.setText("two")
    sheet.write(tmp_path / "x")
    assert "different" in sheet.problem.text.text()
    sheet.second.setText("one")
    sheet.write(tmp_path / "x")
    qtbot.waitUntil(lambda: "backup is written" in sheet.done_banner.text.text())


# --- locking and closing -------------------------------------------------------------------------------------


def test_a_locked_window_shows_nothing_and_opens_with_the_passphrase(window: MainWindow, qtbot: Any) -> None:
    go(window, "bob", qtbot)
    sheet = window.errands.verify("bob")
    window.lock()
    assert window.is_locked
    assert not window._areas.isVisible()
    assert not sheet.isVisible()
    assert window.windowTitle() == "alice – Sealwire"
    qtbot.keyClick(window, Qt.Key.Key_K, CONTROL)
    assert QApplication.activePopupWidget() is None
    qtbot.keyClicks(window.curtain.passphrase, "wrong")
    qtbot.keyClick(window.curtain.passphrase, Qt.Key.Key_Return)
    assert "another passphrase" in window.curtain.problem.text.text()
    qtbot.keyClicks(window.curtain.passphrase, "secret")
    qtbot.keyClick(window.curtain.passphrase, Qt.Key.Key_Return)
    assert not window.is_locked
    qtbot.keyClick(window, Qt.Key.Key_L, CONTROL)
    assert window.is_locked


def test_without_a_passphrase_there_is_no_lock(station: Station, pictures: Pictures, shown: Any) -> None:
    window = MainWindow(station, pictures, Remembered(b""))
    shown(window)
    window.lock()
    assert not window.is_locked


def test_closing_ends_or_goes_to_the_tray_as_it_is_set(window: MainWindow, qtbot: Any) -> None:
    window.has_tray = True
    window.preferences = Preferences(close_to_tray=True)
    with qtbot.waitSignal(window.hidden_to_tray), qtbot.assertNotEmitted(window.quit_wanted):
        window.close()
    window.show()
    window.preferences = Preferences()
    with qtbot.waitSignal(window.quit_wanted):
        window.close()


def test_the_menu_of_a_row(window: MainWindow, client: StageClient, qtbot: Any) -> None:
    errands: Errands = window.errands
    errands.row_menu("bob", QPoint(10, 10))
    menu = next(one for one in window.findChildren(QMenu) if one.isVisible())
    words = {action.text(): action for action in menu.actions()}
    assert set(words) == {"Open", "Mark as read", "Mute"}
    words["Mark as read"].trigger()
    qtbot.waitUntil(lambda: not client.box.unread("bob"))
    menu.close()


def test_title_and_count(window: MainWindow, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: window.windowTitle() == "(3) alice – Sealwire")


def test_the_keys_begin_in_the_list_and_follow_the_details(
    station: Station, pictures: Pictures, opened: Any, shown: Any, qtbot: Any
) -> None:
    window = MainWindow(station, pictures, Remembered(b""))
    with qtbot.waitActive(window):
        shown(window)
        window.activateWindow()
    assert window.sidebar.list.hasFocus()
    opened("bob")
    window.pane.composer.editor.setFocus()
    window.resize(900, 600)  # the details take the place of the conversation
    window.toggle_details()
    assert window.details.back_button.hasFocus()
    title = next(one for one in window.details.findChildren(Elided) if one.whole() == "bob")
    assert title.alignment() & Qt.AlignmentFlag.AlignHCenter
    window.details.back_button.click()
    assert window.pane.composer.editor.hasFocus()


def test_a_locked_window_has_room_for_a_passphrase(station: Station, pictures: Pictures, shown: Any) -> None:
    window = MainWindow(station, pictures, Remembered(b"x"))
    window.resize(400, 500)
    shown(window)
    window.lock()
    assert window.curtain.passphrase.width() >= 280


def test_where_nobody_is_known_no_empty_list_is_offered(station: Station, shown: Any) -> None:
    parent = shown(QWidget())
    sheet = shown(NewGroup(parent, station))
    assert sheet.people.isVisible()
    station.desk = replace(station.desk, chats={})
    sheet = shown(NewGroup(parent, station))
    assert not sheet.people.isVisible()
    assert sheet.others.isVisible()
