"""The pane of one conversation: what stands in its way, its timeline, who is writing, and where one writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from sealwire.errors import SealwireError, TextTooLongError
from sealwire.i18n import _, ngettext
from sealwire.peer.api import MAX_TEXT_BYTES
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Message
from sealwire.ui import views
from sealwire.ui.desktop import dates
from sealwire.ui.desktop.bits import Banner, Elided, Problem, button, column, icon_button
from sealwire.ui.desktop.composer import Composer, local_paths
from sealwire.ui.desktop.deeds import Deeds
from sealwire.ui.desktop.drafts import Drafts
from sealwire.ui.desktop.emoji import EmojiPanel
from sealwire.ui.desktop.message_menu import Choice, choices, menu
from sealwire.ui.desktop.pictures import Pictures
from sealwire.ui.desktop.pieces import Spot
from sealwire.ui.desktop.station import Station, now_ms
from sealwire.ui.desktop.timeline_view import TimelineView
from sealwire.ui.views import banner, spoken, timeline
from sealwire.ui.views import desk as desks

TYPING_AGAIN_MS: Final = 3_000
"""How often somebody who goes on writing says so."""

DRAFT_MS: Final = 800
"""Without a key for this long, what is written is kept."""

ERROR_MS: Final = 12_000
"""An error that is about one action leaves by itself; whatever stays wrong has a banner of its own."""


class ChatPane(QWidget):
    """Shows the open conversation of a station."""

    banner_action = Signal(str)
    """What the banner's button asks for: ``key-change``, ``accept``, ``decline``, ``unblock``."""

    def __init__(self, station: Station, pictures: Pictures, *, rooms: bool = True) -> None:
        """``rooms``: False where only words are exchanged (the demonstration)."""
        super().__init__()
        self.setObjectName("chat")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAcceptDrops(rooms)
        self._rooms = rooms
        self._station = station
        self._shown = ""
        """The conversation whose words stand in the composer."""
        self._drafts = Drafts(station)
        self.view = TimelineView(pictures)
        self.composer = Composer(can_attach=rooms)
        self.deeds = Deeds(self, station, pictures)
        self.problem = Problem()
        self._build()
        self._connect(pictures)
        self.refresh()

    def _build(self) -> None:
        self.banner = Banner()
        self._banner_button = button("", lambda: self.banner_action.emit(self._action))
        self._banner_other = button(_("Decline"), lambda: self.banner_action.emit("decline"))
        self.banner.add(self._banner_other, self._banner_button)
        self._action: str = ""
        self._pinned = _Pinned(self._go_to)
        self._typing = Elided("", "small")
        self._typing.setFixedHeight(20)
        dismiss = icon_button(_("Dismiss"), "close", lambda: self.problem.say(""), 14)
        self.problem.add(dismiss)
        self._end = icon_button(_("Go to the newest message"), "down", self.go_to_end, 22)
        self._end.setParent(self.view)
        self._end.setObjectName("jump")
        self._end.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._end.hide()
        below = column(self._typing, self.problem, self.composer, spacing=2)
        below.setContentsMargins(12, 0, 12, 10)
        above = column(self.banner, self._pinned, spacing=4)
        above.setContentsMargins(10, 6, 10, 0)
        layout = column(spacing=0)
        layout.addLayout(above)
        layout.addWidget(self.view, 1)
        layout.addLayout(below)
        self.setLayout(layout)

    def _connect(self, pictures: Pictures) -> None:
        station, view, composer = self._station, self.view, self.composer
        station.changed.connect(self.refresh)
        station.opened.connect(self._opened)
        station.failed.connect(self.show_error)
        pictures.arrived.connect(view.refresh_message)
        view.near_start.connect(station.older)
        view.near_end.connect(station.newer)
        view.moved.connect(self._moved)
        view.pressed_spot.connect(self._pressed)
        view.menu_wanted.connect(self._menu)
        view.tool_wanted.connect(self._tool)
        view.typed.connect(composer.insert)
        composer.sent.connect(self._send)
        composer.corrected.connect(self._correct)
        composer.edit_last.connect(self._edit_last)
        composer.emoji.connect(self._emoji)
        composer.attach.connect(self.deeds.choose_files)
        composer.files_given.connect(self.deeds.send_files)
        composer.picture_given.connect(self.deeds.send_picture)
        composer.long_text_given.connect(self.deeds.send_long_text if self._rooms else self._too_long)
        composer.writing.connect(self._writing)
        self._problem_timer = QTimer(self, singleShot=True, interval=ERROR_MS)
        self._problem_timer.timeout.connect(lambda: self.problem.say(""))
        self._typing_timer = QTimer(self, singleShot=True, interval=TYPING_AGAIN_MS)
        self._draft_timer = QTimer(self, singleShot=True, interval=DRAFT_MS)
        self._draft_timer.timeout.connect(self.keep_draft)

    # --- showing ---------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the desk as it is."""
        desk = self._station.desk
        info = self._station.chat
        reader = desks.reader(desk, now_ms())
        in_group = info is not None and info.is_group
        self.view.keeping_place(
            lambda: self.view.timeline.show_items(desks.items(desk, now_ms()), desk.own, reader, in_group)
        )
        self._typing.put(desks.writing(desk))
        self._show_banner(info)
        self._show_missed()
        self._moved(self.view.is_at_end())

    def _show_banner(self, info: ConversationInfo | None) -> None:
        found = banner.chat(info) if info is not None else None
        self._action = found.action if found is not None else ""
        word = {
            "key-change": _("See what happened"), "accept": _("Accept"), "unblock": _("Unblock"),
            "retry": _("Try again"),
        }.get(self._action, "")  # fmt: skip
        self._banner_button.setText(word)
        self._banner_button.setAccessibleName(word or _("Decide"))
        self._banner_button.setVisible(bool(word))
        self._banner_other.setVisible(self._action == "accept")
        if found is not None:
            kind: Literal["alert", "calm"] = "calm" if found.tone == "info" else "alert"
            self.banner.set_kind(kind, "details" if found.tone == "info" else "warning")
        self.banner.say(found.text if found is not None else "")
        self._allow(info)

    def _allow(self, info: ConversationInfo | None) -> None:
        can_write = info is not None and info.can_write
        name = views.screen_name(info.title) if info is not None else ""
        hint = _("Message to {name}").format(name=name) if can_write else _("Nothing can be written here now")
        self.composer.allow(can_write, hint)

    def _show_missed(self) -> None:
        window = self._station.desk.open
        missed = window.missed if window is not None else 0
        text = ngettext("{n} new", "{n} new", missed).format(n=dates.number(missed)) if missed else ""
        self._end.setText(text)
        self._place_jump()

    def _opened(self) -> None:
        """Another conversation: its own draft, its own place."""
        place, info = self._station.place, self._station.chat
        self._change_words(place, info.draft if info is not None else "")
        self.view.timeline.clear()
        self.refresh()
        self._know_people(info)
        self._pinned.forget()
        if self._rooms and place:
            self._station.ask(self._station.client.past.pinned(place), self._pinned.show_latest, lambda _error: None)
        self.view.executeDelayedItemsLayout()
        self._go_to_unread()

    def _change_words(self, place: str, draft: str) -> None:
        """Put the draft of a conversation into the composer; what was typed while it opened stays in its own."""
        if place != self._shown:
            self.keep_draft()
        is_news = self._drafts.read(place, draft)
        if place != self._shown or is_news:
            self.composer.forget()
            self.composer.set_text(draft)
        self._shown = place

    def _know_people(self, info: ConversationInfo | None) -> None:
        self.composer.know([])
        if info is None:
            return
        if info.is_group and self._rooms:
            own = self._station.desk.own
            self._station.ask(
                self._station.client.groups.info(info.id),
                lambda group: self.composer.know([one.name for one in group.members if one.name != own]),
                lambda _error: None,
            )
        elif not info.is_group:
            self.composer.know([info.id])

    def _go_to_unread(self) -> None:
        """Begin where reading stopped, when that is above the first screen."""
        model = self.view.timeline
        for at in range(model.rowCount()):
            if isinstance(model.cell(at).item, timeline.UnreadLine):
                self.view.scrollTo(model.index(at), self.view.ScrollHint.PositionAtTop)
                return
        self.view.scrollToBottom()

    def show_error(self, error: SealwireError) -> None:
        """Say what went wrong with what was asked for here."""
        self.problem.show_error(error)
        self._problem_timer.start()

    # --- place -----------------------------------------------------------------------------------------------

    def go_to_end(self) -> None:
        """Show the newest message."""
        self._station.go_to_end(self.view.scrollToBottom)

    def _moved(self, at_end: bool) -> None:
        self._end.setVisible(not at_end)
        if at_end and self.isActiveWindow() and self.isVisible():
            self._station.read_up_to_end()

    def _place_jump(self) -> None:
        self._end.adjustSize()
        x = (
            14
            if self.layoutDirection() == Qt.LayoutDirection.RightToLeft
            else self.view.width() - self._end.width() - 18
        )
        self._end.move(x, self.view.height() - self._end.height() - 10)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the button at its corner."""
        super().resizeEvent(event)
        self._place_jump()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """What is in view counts as read when the window comes to the front."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange:
            self._moved(self.view.is_at_end())

    def _go_to(self, message_id: str) -> None:
        """Show a message, wherever it is in the history."""
        if self.view.go_to(message_id):
            return
        place = self._station.place
        question = self._station.client.past.message(place, message_id)
        self._station.ask(question, self._go_to_found)

    def _go_to_found(self, message: Message | None) -> None:
        if message is not None:
            self.go_to_message(message)

    def go_to_message(self, message: Message) -> None:
        """Show a message of the open conversation and choose it."""
        if not self.view.go_to(message.id):
            self._station.go_to_row(message.row, lambda: self._chosen(message.id))

    def _chosen(self, message_id: str) -> None:
        self.view.go_to(message_id)
        self.view.setFocus()

    # --- what people do --------------------------------------------------------------------------------------

    def _send(self, text: str, reply_to: str) -> None:
        self.go_to_end()
        place = self._shown

        def failed(error: SealwireError) -> None:
            self._give_back(place, text)
            self.show_error(error)

        self._station.send(text, reply_to or None, failed)
        self.keep_draft()

    def _give_back(self, place: str, text: str) -> None:
        if place == self._shown:
            self.composer.give_back(text)
        else:
            self._drafts.give_back(place, text)

    def _correct(self, message_id: str, text: str) -> None:
        client, place = self._station.client, self._station.place

        def failed(error: SealwireError) -> None:
            if place == self._shown:  # elsewhere it would correct nothing
                self.composer.correct(message_id, text)
            self.show_error(error)

        self._station.change(client.talk.edit(place, message_id, text), failed)

    def _too_long(self, text: str) -> None:
        self.show_error(TextTooLongError(len(text.encode("utf-8", "replace")), MAX_TEXT_BYTES))

    def _edit_last(self) -> None:
        window = self._station.desk.open
        last = timeline.last_own(window) if window is not None else None
        if last is not None and self._rooms:
            self.composer.correct(last.id, last.text)

    def _pressed(self, spot: Spot, message: Message) -> None:
        match spot.deed:
            case "quote":
                self._go_to(spot.argument)
            case "unfold":
                self.deeds.unfold()
            case _:
                self.deeds.press(spot, message)

    def _menu(self, message: Message, at: QPoint) -> None:
        info = self._station.chat
        own = message.sender == self._station.desk.own
        can_write = info is not None and info.can_write and self._rooms
        found = choices(message, own=own, can_write=can_write)
        menu(self, found, lambda choice: self._do(choice, message, at)).popup(at)

    def _do(self, choice: Choice, message: Message, at: QPoint) -> None:
        match choice.verb:
            case "reply":
                self._reply(message)
            case "edit":
                self.composer.correct(message.id, message.text)
            case "quote":
                self._go_to(choice.argument)
            case "react" if not choice.argument:
                self.deeds.pick_reaction(message, at)
            case _:
                self.deeds.do(choice, message)

    def _tool(self, what: str, message: Message) -> None:
        if what == "reply":
            self._reply(message)
        else:
            self.deeds.pick_reaction(message, self.cursor().pos())

    def _reply(self, message: Message) -> None:
        who = spoken.shown_name(message.sender, self._station.desk.names)
        self.composer.reply(message.id, who, spoken.short(message.text))

    def _emoji(self, near: QWidget) -> None:
        panel = EmojiPanel(self)
        panel.chosen.connect(self.composer.insert)
        panel.open_at(near)

    def _writing(self, active: bool) -> None:
        self._draft_timer.start()
        place = self._station.place
        if not place or not self._rooms or (active and self._typing_timer.isActive()):
            return
        if active:
            self._typing_timer.start()
        else:
            self._typing_timer.stop()
        self._station.ask(self._station.client.talk.typing(place, active), None, lambda _error: None)

    def keep_draft(self) -> None:
        """Keep what is written for the next time this conversation is open."""
        if self._rooms:
            self._drafts.keep(self._shown, self.composer.draft)

    # --- dropping --------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take files."""
        if event.mimeData().hasUrls() and self.composer.editor.isEnabled():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Send files."""
        paths: list[Path] = local_paths(event.mimeData())
        if paths:
            event.acceptProposedAction()
            self.deeds.send_files(paths)


class _Pinned(Banner):
    """The latest pinned message, one press away."""

    def __init__(self, go_to: object) -> None:
        super().__init__("calm", "pin")
        self._go = go_to
        self._message: Message | None = None
        self._button = button(_("Show"), self._press, "link")
        self.add(self._button)

    def show_latest(self, found: object) -> None:
        """Show the first of the pinned messages."""
        pinned = list(found)  # type: ignore[call-overload]
        self._message = pinned[0] if pinned else None
        text = _("Pinned: {text}").format(text=spoken.short(self._message.text)) if self._message else ""
        self.say(text)

    def forget(self) -> None:
        """Nothing is pinned."""
        self._message = None
        self.say("")

    def _press(self) -> None:
        if self._message is not None and callable(self._go):
            self._go(self._message.id)
