"""The pane of a conversation: it shows what is, keeps its place, and passes on what people do."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QPlainTextEdit

from sealwire.errors import RejectedError, UntrustedPeerError
from sealwire.peer.events import Delivery
from sealwire.testing.sample import GARDEN, long_client
from sealwire.testing.stage import StageClient
from sealwire.ui.desktop.bridge import Bridge
from sealwire.ui.desktop.chat import ChatPane
from sealwire.ui.desktop.deeds import MAX_FILES, cannot_send
from sealwire.ui.desktop.emoji import EmojiPanel, name_of
from sealwire.ui.desktop.pictures import Pictures
from sealwire.ui.desktop.reader import TextReader
from sealwire.ui.desktop.station import Station
from sealwire.ui.desktop.timeline_view import KEPT
from sealwire.ui.views.timeline import WINDOW, UnreadLine

Open = Callable[[str], None]


@pytest.fixture
def pane(station: Station, pictures: Pictures, shown: Any) -> ChatPane:
    made = ChatPane(station, pictures)
    made.resize(700, 600)
    shown(made)
    return made


def texts(pane: ChatPane) -> list[str]:
    model = pane.view.timeline
    return [entry.message.text for at in range(model.rowCount()) if (entry := model.message_at(at))]


def dialogs(kind: type[QDialog] = QDialog) -> list[Any]:
    return [one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()]


def press(dialog: QDialog, word: str) -> None:
    from PySide6.QtWidgets import QPushButton

    next(one for one in dialog.findChildren(QPushButton) if one.text() == word).click()


def test_a_conversation_opens_where_reading_stopped(pane: ChatPane, opened: Open) -> None:
    opened("bob")
    model = pane.view.timeline
    assert any(isinstance(model.cell(at).item, UnreadLine) for at in range(model.rowCount()))
    assert "Are you in town tomorrow?" in texts(pane)


def test_a_text_goes_to_the_client_and_onto_the_screen(
    pane: ChatPane, opened: Open, client: StageClient, qtbot: Any, on_loop: Any
) -> None:
    opened("bob")
    pane.composer.set_text("On my way")
    pane.composer.submit()
    qtbot.waitUntil(lambda: texts(pane)[-1:] == ["On my way"])
    assert pane.view.is_at_end()
    on_loop(client.rises, pane.view.timeline.message_at(pane.view.timeline.rowCount() - 1).message.id, "delivered")
    last = lambda: pane.view.timeline.message_at(pane.view.timeline.rowCount() - 1).message  # noqa: E731
    qtbot.waitUntil(lambda: last().state == "delivered")


def test_a_text_that_cannot_be_sent_comes_back_with_the_reason(
    pane: ChatPane, opened: Open, client: StageClient, qtbot: Any, monkeypatch: Any
) -> None:
    opened("bob")

    async def refuse(*_words: object, **_more: object) -> None:
        raise UntrustedPeerError(name="bob")

    monkeypatch.setattr(client, "send_text", refuse)
    pane.composer.set_text("On my way")
    pane.composer.submit()
    qtbot.waitUntil(lambda: pane.composer.text == "On my way")
    assert pane.problem.isVisible()


def test_what_others_write_appears_and_is_read_while_one_looks(
    pane: ChatPane, opened: Open, client: StageClient, qtbot: Any, on_loop: Any
) -> None:
    opened("bob")
    pane.activateWindow()
    qtbot.waitUntil(pane.isActiveWindow)
    pane.view.scrollToBottom()
    on_loop(client.hears, "bob", "Are you there?")
    qtbot.waitUntil(lambda: texts(pane)[-1:] == ["Are you there?"])
    qtbot.waitUntil(lambda: not client.box.unread("bob"))


def test_scrolling_up_brings_older_pages_and_keeps_the_place(
    bridge: Bridge, pictures: Pictures, shown: Any, qtbot: Any
) -> None:
    station = Station(long_client(1_000), bridge)
    pane = ChatPane(station, pictures)
    pane.resize(700, 600)
    shown(pane)
    station.begin()
    with qtbot.waitSignal(station.opened):
        station.open("bob")
    first = texts(pane)[0]
    pane.view.verticalScrollBar().setValue(0)
    qtbot.waitUntil(lambda: texts(pane)[0] != first)
    row = next(
        at
        for at in range(pane.view.timeline.rowCount())
        if (e := pane.view.timeline.message_at(at)) and e.message.text == first
    )
    assert abs(pane.view.visualRect(pane.view.timeline.index(row)).top()) < 80
    assert not pane.view.is_at_end()
    for _page in range(8):
        before = texts(pane)[0]
        pane.view.verticalScrollBar().setValue(0)
        qtbot.waitUntil(lambda before=before: texts(pane)[0] != before)
    assert len(texts(pane)) <= WINDOW < KEPT
    pane.go_to_end()
    qtbot.waitUntil(lambda: texts(pane)[-1].startswith("Message number 999"))
    qtbot.waitUntil(pane.view.is_at_end)


def test_a_message_that_comes_while_one_reads_above_does_not_move_the_place(
    bridge: Bridge, pictures: Pictures, shown: Any, qtbot: Any, on_loop: Any
) -> None:
    client = long_client(300)
    station = Station(client, bridge)
    pane = ChatPane(station, pictures)
    pane.resize(700, 600)
    shown(pane)
    station.begin()
    with qtbot.waitSignal(station.opened):
        station.open("bob")
    bar = pane.view.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    value = bar.value()
    on_loop(client.hears, "bob", "new")
    qtbot.waitUntil(lambda: texts(pane)[-1:] == ["new"])
    assert bar.value() == value
    assert pane._end.isVisible()


def test_an_edit_and_a_reaction_reach_the_client(pane: ChatPane, opened: Open, client: StageClient, qtbot: Any) -> None:
    opened("bob")
    last = client.box.messages["bob"][-3]
    assert last.sender == "alice"
    qtbot.keyClick(pane.composer.editor, Qt.Key.Key_Up)
    assert pane.composer.text == last.text
    pane.composer.set_text("No hurry at all.")
    pane.composer.submit()
    qtbot.waitUntil(lambda: "No hurry at all." in texts(pane))
    pane.deeds.react(client.box.find(last.id), "👍")
    qtbot.waitUntil(lambda: bool(client.box.find(last.id).reactions))
    pane.deeds.react(client.box.find(last.id), "👍")
    qtbot.waitUntil(lambda: not client.box.find(last.id).reactions)


def test_deleting_asks_first(pane: ChatPane, opened: Open, client: StageClient, qtbot: Any) -> None:
    opened("bob")
    last = client.box.messages["bob"][-3]
    pane._do(_choice("delete"), last, QPoint())
    dialog = dialogs()[0]
    assert not client.box.find(last.id).deleted
    press(dialog, "Delete for everyone")
    qtbot.waitUntil(lambda: client.box.find(last.id).deleted)


def _choice(verb: str, argument: str = "") -> Any:
    from sealwire.ui.desktop.message_menu import Choice

    return Choice(verb, argument, "", "")


def test_the_menu_of_a_message_has_everything_its_bubble_offers(pane: ChatPane, opened: Open, qtbot: Any) -> None:
    opened("bob")
    view = pane.view
    view.setFocus()
    at = next(at for at in range(view.timeline.rowCount()) if (e := view.timeline.message_at(at)) and e.message.file)
    view.setCurrentIndex(view.timeline.index(at))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    menu = next(one for one in pane.findChildren(QMenu) if one.isVisible())
    words = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert {"Reply", "Pause", "Cancel", "Forward…", "Pin", "Delete only here…"} <= set(words)
    menu.close()


def test_typing_in_the_timeline_writes_in_the_composer(pane: ChatPane, opened: Open, qtbot: Any) -> None:
    opened("bob")
    pane.view.setFocus()
    qtbot.keyClicks(pane.view, "hi")
    assert pane.composer.text in ("hi", "h")
    qtbot.waitUntil(pane.composer.editor.hasFocus)


def test_a_changed_key_closes_the_field_and_says_why(pane: ChatPane, opened: Open, qtbot: Any) -> None:
    opened("dave")
    assert "key of dave has changed" in pane.banner.text.text()
    assert pane.composer.editor.isReadOnly()
    with qtbot.waitSignal(pane.banner_action) as asked:
        pane._banner_button.click()
    assert asked.args == ["key-change"]


def test_a_stranger_is_accepted_or_declined(pane: ChatPane, opened: Open, qtbot: Any) -> None:
    opened("erin")
    assert "wants to talk" in pane.banner.text.text()
    assert pane._banner_other.isVisible()


def test_drafts_stay_with_their_conversation(pane: ChatPane, opened: Open, client: StageClient, qtbot: Any) -> None:
    opened("carol")
    assert pane.composer.text == "By the way, who brings"
    pane.composer.set_text("something else")
    pane.keep_draft()
    qtbot.waitUntil(lambda: client.box.of("carol").draft == "something else")
    opened("bob")
    assert pane.composer.text == ""


def test_what_is_typed_while_another_conversation_opens_stays_in_its_own(
    pane: ChatPane, opened: Open, client: StageClient, station: Station, qtbot: Any
) -> None:
    opened("bob")
    with qtbot.waitSignal(station.opened):
        station.open("carol")
        pane.composer.set_text("for bob")
    assert pane.composer.text == "By the way, who brings"
    qtbot.waitUntil(lambda: client.box.of("bob").draft == "for bob")
    qtbot.waitUntil(lambda: station.desk.chats["bob"].draft == "for bob")  # the list shows it


def test_a_draft_that_was_sent_or_taken_back_does_not_return(
    pane: ChatPane, opened: Open, client: StageClient, station: Station, qtbot: Any
) -> None:
    opened("bob")
    for words in ("sent", "taken back"):
        pane.composer.set_text(words)
        pane.keep_draft()
        qtbot.waitUntil(lambda words=words: client.box.of("bob").draft == words)
        if words == "sent":
            pane.composer.submit()
        else:
            pane.composer.set_text("")
            pane.keep_draft()
        qtbot.waitUntil(lambda: client.box.of("bob").draft == "")
        qtbot.waitUntil(lambda: station.desk.chats["bob"].draft == "")


def test_what_could_not_be_sent_goes_back_to_where_it_was_written(
    pane: ChatPane, opened: Open, client: StageClient, station: Station, qtbot: Any, monkeypatch: Any
) -> None:
    async def refused(*_words: Any, **_more: Any) -> Any:
        while station.place != "carol":
            await asyncio.sleep(0.01)
        raise RejectedError(reason="The disk is full.")

    monkeypatch.setattr(client, "send_text", refused)
    monkeypatch.setattr(client.talk, "edit", refused)
    opened("bob")
    pane.composer.set_text("for bob")
    pane.composer.submit()
    with qtbot.waitSignal(station.opened):
        station.open("carol")
    qtbot.waitUntil(lambda: client.box.of("bob").draft == "for bob")
    assert "for bob" not in pane.composer.text
    own = next(one for one in reversed(client.box.messages["carol"]) if one.sender == "alice")
    pane.composer.correct(own.id, "other words")
    pane.composer.submit()
    qtbot.waitUntil(lambda: pane.composer.text == "other words")
    assert pane.composer._editing == own.id


def test_pinned_messages_stand_above_and_lead_there(pane: ChatPane, opened: Open, qtbot: Any) -> None:
    opened(GARDEN)
    qtbot.waitUntil(pane._pinned.isVisible)
    pane._pinned._button.click()
    qtbot.waitUntil(lambda: pane.view.current_message() is not None)
    assert pane.view.current_message().text == "Welcome, Bob."


def test_a_press_on_an_address_asks_before_it_leaves(
    pane: ChatPane, opened: Open, qtbot: Any, monkeypatch: Any
) -> None:
    from PySide6.QtGui import QDesktopServices

    gone: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: gone.append(url.toString()))
    opened("bob")
    view = pane.view
    at = view.timeline.rowCount() - 1
    rect = view.visualRect(view.timeline.index(at))
    place = next(
        QPoint(x, y)
        for y in range(rect.top(), rect.bottom(), 3)
        for x in range(rect.left(), rect.right(), 6)
        if (found := view.spot_under(QPoint(x, y))) and found[0].deed == "link"
    )
    for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
        button = Qt.MouseButton.LeftButton
        event = QMouseEvent(
            kind,
            QPointF(place),
            view.viewport().mapToGlobal(QPointF(place)),
            button,
            button,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(view.viewport(), event)
    assert gone == []
    press(dialogs()[0], "Open")
    assert gone == ["https://example.org/cables"]


def test_the_whole_of_a_long_text_opens_as_plain_text(pane: ChatPane, opened: Open, client: StageClient) -> None:
    opened("bob")
    message = replace(client.box.messages["bob"][0], text="<b>no</b>\u202e\x1b[2J\n" * 500)
    pane.deeds.do(_choice("all"), message)
    reader = dialogs(TextReader)[0]
    shown_text = reader.findChild(QPlainTextEdit).toPlainText()
    assert shown_text.startswith("<b>no</b>\\x1b[2J\n")
    assert "\u202e" not in shown_text
    reader.close()


def test_a_folder_of_any_size_is_not_walked_and_that_is_said(
    pane: ChatPane, opened: Open, tmp_path: Path, qtbot: Any
) -> None:
    opened("bob")
    (tmp_path / "holiday").mkdir()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "holiday"))])
    drop = QDropEvent(
        QPointF(10, 10), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    pane.dropEvent(drop)
    assert "holiday is a folder" in pane.problem.text.text()
    assert dialogs() == []


def test_too_many_files_and_missing_ones_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert cannot_send([tmp_path / "a"]) == ""
    assert "at most 20" in cannot_send([tmp_path / "a"] * (MAX_FILES + 1))
    assert "no file" in cannot_send([tmp_path / "none"])


def test_dropped_files_are_sent_after_a_yes(
    pane: ChatPane, opened: Open, client: StageClient, tmp_path: Path, qtbot: Any
) -> None:
    opened("bob")
    (tmp_path / "a.txt").write_bytes(b"x" * 1_000)
    pane.deeds.send_files([tmp_path / "a.txt"])
    press(dialogs()[0], "Send")
    qtbot.waitUntil(lambda: any(call[0] == "send_file" or "a.txt" in str(call) for call in client.box.asked))


def test_emoji_are_found_by_their_names(pane: ChatPane, opened: Open, qtbot: Any) -> None:
    opened("bob")
    pane._emoji(pane.composer)
    panel = dialogs(EmojiPanel)[0]
    qtbot.keyClicks(panel._search, "thumbs up")
    qtbot.keyClick(panel._search, Qt.Key.Key_Return)
    assert pane.composer.text == "👍"
    assert name_of("❤️") == "heavy black heart"


def test_messages_of_blocked_people_are_folded_until_asked_for(
    pane: ChatPane, opened: Open, client: StageClient, station: Station, qtbot: Any
) -> None:
    client.box.set("bob", blocked=True)
    station.read_people()
    opened(GARDEN)
    qtbot.waitUntil(lambda: "bob" in station.desk.blocked)
    model = pane.view.timeline

    def folded() -> list[bool]:
        return [
            e.is_folded for at in range(model.rowCount()) if (e := model.message_at(at)) and e.message.sender == "bob"
        ]

    qtbot.waitUntil(lambda: folded() == [True])
    pane.deeds.unfold()
    qtbot.waitUntil(lambda: folded() == [False])


def test_a_failed_message_says_why_in_its_place(
    pane: ChatPane, opened: Open, client: StageClient, qtbot: Any, on_loop: Any
) -> None:
    opened("bob")
    pane.composer.set_text("x")
    pane.composer.submit()
    qtbot.waitUntil(lambda: texts(pane)[-1:] == ["x"])
    on_loop(client.happen, Delivery(client.box.messages["bob"][-1].id, "failed", "bob", "Nobody has that name."))
    model = pane.view.timeline
    role = int(Qt.ItemDataRole.AccessibleTextRole)
    qtbot.waitUntil(lambda: "Nobody has that name." in model.data(model.index(model.rowCount() - 1), role))


def test_what_is_in_no_file_leaves_none_behind_outside_the_profile(
    pane: ChatPane, opened: Open, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened("bob")
    monkeypatch.chdir(tmp_path)  # the stage's own folder of files is where it stands
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    last = pane.view.timeline.message_at
    for send, word, name in (
        (lambda: pane.deeds.send_long_text("for bob alone"), "Send as a file", "text.txt"),
        (lambda: pane.deeds.send_picture(QImage(4, 4, QImage.Format.Format_RGB32)), "Send", "picture.png"),
    ):
        send()
        press(dialogs()[0], word)

        def is_there(name: str = name) -> bool:
            entry = last(pane.view.timeline.rowCount() - 1)
            return entry is not None and entry.message.file is not None and entry.message.file.name == name

        qtbot.waitUntil(is_there)
        qtbot.waitUntil(lambda: not dialogs())
    assert list((tmp_path / "tmp").iterdir()) == []
    assert (tmp_path / "spooled").read_bytes().startswith(b"\x89PNG")
