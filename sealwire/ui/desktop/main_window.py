"""The window: the list, the conversation, what is known about it; at any width from 400 pixels on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QByteArray, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent, QShortcut
from PySide6.QtWidgets import QMenu, QStackedWidget, QWidget

from sealwire.i18n import _, pgettext
from sealwire.peer.events import Message
from sealwire.ui import views
from sealwire.ui.desktop import icons
from sealwire.ui.desktop.adaptive import DETAILS_PX, LEAST, shape
from sealwire.ui.desktop.bits import column, label, row
from sealwire.ui.desktop.chat import ChatPane
from sealwire.ui.desktop.details import Details
from sealwire.ui.desktop.errands import Errands
from sealwire.ui.desktop.header import Header
from sealwire.ui.desktop.keys import sequence, table
from sealwire.ui.desktop.lock import Curtain, Remembered
from sealwire.ui.desktop.pictures import Pictures
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.settings import SettingsSheet
from sealwire.ui.desktop.sidebar import Sidebar
from sealwire.ui.desktop.station import Station, now_ms
from sealwire.ui.desktop.theme import look
from sealwire.ui.views import chats
from sealwire.ui.views import desk as desks

START_PX: Final = QSize(1_080, 720)


class MainWindow(QWidget):
    """One profile."""

    quit_wanted = Signal()
    hidden_to_tray = Signal()
    lock_changed = Signal(bool)
    """Locked, in whatever way, or open again: what is told outside of the window depends on it."""
    preferences_changed = Signal(object)

    def __init__(self, station: Station, pictures: Pictures, remembered: Remembered, *, has_tray: bool = False) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setWindowIcon(icons.icon("seal", look().colours.accent, 64))
        self.setMinimumSize(LEAST, 420)
        self.station = station
        self.preferences = Preferences()
        self.has_tray = has_tray
        self.remembered = remembered
        self.sidebar = Sidebar(station)
        self.header = Header(station)
        self.pane = ChatPane(station, pictures)
        self.details = Details(station)
        self.errands = Errands(self, station)
        self.wants_details = False
        """Whether a person wants to see what is known about the conversation."""
        self._build()
        self._connect()
        self._bind_keys()
        self.refresh()
        self.sidebar.list.setFocus()

    def _build(self) -> None:
        empty = label(_("Choose a conversation, or press Ctrl+K."), "muted")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        nothing = QWidget()
        nothing.setObjectName("chat")
        nothing.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        nothing.setLayout(column(1, empty, 1, margin=20))
        chat = QWidget()
        chat.setLayout(column(self.header, self.pane, spacing=0))
        chat.layout().setStretch(1, 1)  # type: ignore[union-attr]
        self.middle = QStackedWidget()
        self.middle.addWidget(nothing)
        self.middle.addWidget(chat)
        self._areas = QWidget()
        self._areas.setObjectName("areas")
        self._areas.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        layout = row(self.sidebar, self.middle, self.details, spacing=1)
        layout.setStretch(1, 1)
        self._areas.setLayout(layout)
        self.curtain = Curtain(self.remembered)
        self._layers = QStackedWidget()
        self._layers.addWidget(self._areas)
        self._layers.addWidget(self.curtain)
        self.setLayout(column(self._layers))
        self.resize(START_PX)

    def _connect(self) -> None:
        station, errands = self.station, self.errands
        station.changed.connect(self.refresh)
        station.opened.connect(self._opened)
        station.said.connect(errands.said)
        errands.chosen.connect(self.open)
        errands.warned.connect(self.pane.problem.say)
        errands.preferences_changed.connect(self.preferences_changed)
        self.sidebar.chosen.connect(self.open)
        self.sidebar.found.connect(self.open_message)
        self.sidebar.new_chat.connect(errands.new_chat)
        self.sidebar.invite.connect(errands.invite)
        self.sidebar.menu_wanted.connect(self._menu)
        self.sidebar.row_menu.connect(errands.row_menu)
        self.header.back.connect(self.back)
        self.header.search.connect(lambda: self.sidebar_search(station.place))
        self.header.details.connect(self.toggle_details)
        self.header.verify.connect(lambda: errands.verify(station.place))
        self.details.back.connect(self.toggle_details)
        self.details.verify.connect(lambda: errands.verify(station.place))
        self.details.export_wanted.connect(errands.export)
        self.details.message_chosen.connect(self.open_message)
        self.pane.banner_action.connect(errands.banner)
        self.pane.deeds.forward = errands.forward
        self.pane.deeds.open_person = self.open
        self.curtain.opened.connect(self.unlock)

    # --- what is shown ---------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show title and areas as they are."""
        unread = desks.unread(self.station.desk, now_ms())
        name = views.screen_name(self.station.client.name)
        locked = self.is_locked
        title = _("{name} – Sealwire").format(name=name)
        self.setWindowTitle(f"({unread}) {title}" if unread and not locked else title)
        self._arrange()

    def _arrange(self) -> None:
        has_chat = bool(self.station.place)
        found = shape(self.width(), has_chat, self.wants_details)
        self.middle.setCurrentIndex(1 if has_chat else 0)
        self.sidebar.setVisible(found.shows("list"))
        self.middle.setVisible(found.shows("chat"))
        self.details.setVisible(found.shows("details"))
        self.header.back_button.setVisible(not found.shows("list"))
        self.header.details_button.setChecked(found.shows("details"))
        self._fix(self.sidebar, found.list_px)
        self._fix(self.details, DETAILS_PX if found.shows("chat") else 0)
        if found.shows("details"):
            self.details.reload() if not self.details._shown else None

    @staticmethod
    def _fix(widget: QWidget, width: int) -> None:
        widget.setMinimumWidth(width)
        widget.setMaximumWidth(width or 16_777_215)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width may show other areas."""
        super().resizeEvent(event)
        self._arrange()

    def apply(self, preferences: Preferences) -> None:
        """Follow these from now on."""
        self.preferences = preferences
        self.pane.composer.editor.enter_sends = preferences.enter_sends
        self.wants_details = preferences.details_open
        if preferences.geometry:
            self.restoreGeometry(QByteArray.fromHex(preferences.geometry.encode()))
        self._arrange()

    def place_on_screen(self) -> str:
        """Return where the window stands, for the next start."""
        return bytes(self.saveGeometry().toHex().data()).decode()

    # --- going -----------------------------------------------------------------------------------------------

    def open(self, conversation: str) -> None:
        """Open a conversation."""
        self.pane.keep_draft()
        self.station.open(conversation, self.pane.composer.editor.setFocus)

    def open_message(self, message: Message) -> None:
        """Open a message where it was said."""
        self.pane.keep_draft()
        if self.station.place == message.conversation:
            self.pane.go_to_message(message)
        else:
            self.station.open(message.conversation, lambda: self.pane.go_to_message(message))

    def _opened(self) -> None:
        self.details._shown = ""
        self.refresh()

    def back(self) -> None:
        """Close the details, the search, or the conversation where it stands alone."""
        if self.wants_details:
            self.toggle_details()
        elif self.sidebar.search.text():
            self.sidebar.end_search()
        elif not self.sidebar.isVisible():
            self.pane.keep_draft()
            self.station.close_chat()
            self.sidebar.list.setFocus()
        else:
            self.pane.composer.editor.setFocus()

    def toggle_details(self) -> None:
        """Show or hide what is known about the conversation."""
        self.wants_details = not self.wants_details
        self.details._shown = ""
        had_focus = self.details.isAncestorOf(self.focusWidget()) if self.focusWidget() is not None else False
        self._arrange()
        if not self.middle.isVisible():  # they take its place, and the focus would go to whatever comes first
            self.details.back_button.setFocus()
        elif had_focus or self.focusWidget() is None:
            self.pane.composer.editor.setFocus()

    def sidebar_search(self, scope: str) -> None:
        """Search in a conversation, or everywhere."""
        if not self.sidebar.isVisible():
            self.station.close_chat()
        self.sidebar.begin_search(scope)

    def step(self, step: int) -> None:
        """Open the conversation above or below."""
        rows = desks.chat_rows(self.station.desk, now_ms())
        found = chats.neighbour(rows, self.station.place or None, step)
        if found is not None:
            self.open(found)

    def next_unread(self) -> None:
        """Open the next conversation with something unread."""
        rows = desks.chat_rows(self.station.desk, now_ms())
        found = chats.next_unread(rows, self.station.place or None)
        if found is not None:
            self.open(found)

    def next_area(self) -> None:
        """Put the focus into the next area that is seen."""
        areas = [self.sidebar.list, self.pane.view, self.pane.composer.editor, self.details.back_button]
        seen = [area for area in areas if area.isVisible()]
        at = next((number for number, area in enumerate(seen) if area.hasFocus()), -1)
        if seen:
            seen[(at + 1) % len(seen)].setFocus(Qt.FocusReason.ShortcutFocusReason)

    # --- keys and menu ---------------------------------------------------------------------------------------

    def _verbs(self) -> dict[str, Callable[[], object]]:
        errands, pane = self.errands, self.pane
        return {
            "switch": errands.switch,
            "search": lambda: self.sidebar_search(self.station.place),
            "search-all": lambda: self.sidebar_search(""),
            "next": lambda: self.step(1),
            "previous": lambda: self.step(-1),
            "unread": self.next_unread,
            "new": errands.new_chat,
            "new-group": errands.new_group,
            "details": self.toggle_details,
            "attach": pane.deeds.choose_files,
            "emoji": lambda: pane.composer.emoji.emit(pane.composer),
            "end": pane.go_to_end,
            "areas": self.next_area,
            "settings": self.settings,
            "lock": self.lock,
            "help": errands.keys,
            "back": self.back,
            "close": self.close,
            "quit": self.quit_wanted.emit,
        }

    def settings(self) -> SettingsSheet:
        """Show the settings as they are."""
        can_lock = not self.remembered.is_empty
        return self.errands.settings(self.preferences, has_tray=self.has_tray, can_lock=can_lock)

    def _bind_keys(self) -> None:
        verbs = self._verbs()
        for key in table():
            if key.verb and key.verb != "back":  # Escape belongs first to what has the focus
                shortcut = QShortcut(sequence(key), self)
                shortcut.activated.connect(lambda verb=key.verb: self._do(verbs, verb))

    def _do(self, verbs: dict[str, Callable[[], object]], verb: str) -> None:
        if not self.is_locked or verb in ("quit", "close"):
            verbs[verb]()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Escape goes back when nobody else wanted it."""
        if event.key() == Qt.Key.Key_Escape and not self.is_locked:
            self.back()
        else:
            super().keyPressEvent(event)

    def _menu(self, at: QPoint) -> None:
        errands = self.errands
        menu = QMenu(self)
        menu.setAccessibleName(_("Menu"))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        lines: list[tuple[str, str, Callable[[], object]] | None] = [
            (_("New conversation"), "add", errands.new_chat),
            (_("New group"), "group", errands.new_group),
            (_("Invite a friend"), "invite", errands.invite),
            None,
            (_("Settings"), "settings", self.settings),
            (pgettext("keyboard", "Keys"), "details", errands.keys),
        ]
        if not self.remembered.is_empty:
            lines.append((_("Lock"), "lock", self.lock))
        lines += [None, (_("Quit"), "close", self.quit_wanted.emit)]
        for line in lines:
            if line is None:
                menu.addSeparator()
                continue
            action = menu.addAction(icons.icon(line[1], look().colours.text, 18), line[0])
            action.triggered.connect(lambda _checked=False, do=line[2]: do())
        menu.popup(at)

    # --- locking and closing ---------------------------------------------------------------------------------

    @property
    def is_locked(self) -> bool:
        """Whether the passphrase is asked for."""
        return self._layers.currentIndex() == 1

    def lock(self) -> None:
        """Hide everything until the passphrase is typed."""
        if not self.remembered.is_empty and not self.is_locked:
            self.pane.keep_draft()
            self.errands.close_all()
            self._layers.setCurrentIndex(1)
            self.curtain.passphrase.setFocus()
            self.lock_changed.emit(True)
            self.refresh()

    def unlock(self) -> None:
        """Show everything again."""
        self._layers.setCurrentIndex(0)
        self.lock_changed.emit(False)
        self.refresh()
        self.pane.composer.editor.setFocus()

    def come_forward(self) -> None:
        """Show the window and give it the focus."""
        self.showNormal() if self.isMinimized() else self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """To the tray when that is set and there is one; else the end."""
        self.pane.keep_draft()
        super().closeEvent(event)
        if self.preferences.close_to_tray and self.has_tray:
            self.hidden_to_tray.emit()
        else:
            self.quit_wanted.emit()
