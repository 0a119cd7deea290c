"""What the window asks people about: each opens a sheet, and does what was answered."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtWidgets import QDialog, QMenu, QWidget

from sealwire.i18n import _
from sealwire.peer.api.launcher import Launcher
from sealwire.peer.events import Message
from sealwire.ui import views
from sealwire.ui.desktop.ask import confirm
from sealwire.ui.desktop.details import FOREVER_MS
from sealwire.ui.desktop.keeping import BackupSheet, ExportSheet, choose_import
from sealwire.ui.desktop.keys import KeysSheet
from sealwire.ui.desktop.people_dialogs import InviteSheet, NewChat, NewGroup, Pick, Switcher, forward_choices
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.settings import SettingsSheet
from sealwire.ui.desktop.station import Station, now_ms
from sealwire.ui.desktop.verify import KeyChangeSheet, VerifySheet
from sealwire.ui.views import chats
from sealwire.ui.views.state import Line


class Errands(QObject):
    """Belongs to one window, over which the sheets open; what an answer changes there is told by signals."""

    chosen = Signal(str)
    """A conversation to open."""
    warned = Signal(str)
    """A sentence about the profile."""
    preferences_changed = Signal(object)

    def __init__(self, window: QWidget, station: Station) -> None:
        super().__init__(window)
        self._window = window
        self._station = station
        self.launcher: Launcher | None = None
        """Who can make an invite line; None in a demonstration."""

    def close_all(self) -> None:
        """Close every sheet: what it shows is not for whoever passes by."""
        for dialog in self._window.findChildren(QDialog):
            dialog.close()

    # --- going and finding -----------------------------------------------------------------------------------

    def switch(self) -> None:
        """Ask for a conversation."""
        switcher = Switcher(self._window, self._station)
        switcher.chosen.connect(self.chosen)
        switcher.show_over(self._window)

    def new_chat(self) -> None:
        """Ask for a name."""
        sheet = NewChat(self._window, self._station)
        sheet.chosen.connect(self.chosen)
        sheet.open()

    def new_group(self) -> None:
        """Ask for a group's name and people."""
        sheet = NewGroup(self._window, self._station)
        sheet.made.connect(self.chosen)
        sheet.open()

    def invite(self) -> None:
        """Show the line for a friend."""
        if self.launcher is not None:
            self._station.ask(self.launcher.invite_line(), lambda line: InviteSheet(self._window, line).open())

    def forward(self, message: Message) -> None:
        """Ask to whom."""
        note = _("The copy is marked as forwarded and names no author.")
        sheet = Pick(self._window, _("Forward to"), _("Forward"), forward_choices(self._station), note)
        sheet.picked.connect(lambda places: self._forward(message, places))
        sheet.open()

    def _forward(self, message: Message, places: list[str]) -> None:
        for place in places:
            question = self._station.client.talk.forward(message.conversation, message.id, place)
            self._station.ask(question, lambda _sent: self._station.read_chats())

    # --- keys ------------------------------------------------------------------------------------------------

    def _shown(self, name: str) -> str:
        info = self._station.desk.chats.get(name)
        return info.title if info is not None else name

    def verify(self, name: str) -> VerifySheet:
        """Show the digits to compare."""
        sheet = VerifySheet(self._window, self._station, name, self._shown(name))
        sheet.verified.connect(lambda _name: self._station.read_chats())
        sheet.change_wanted.connect(self.key_change)
        sheet.open()
        return sheet

    def key_change(self, name: str) -> KeyChangeSheet:
        """Show what happened to a key."""
        sheet = KeyChangeSheet(self._window, self._station, name, self._shown(name))
        sheet.compare_wanted.connect(self.verify)
        sheet.accepted_key.connect(lambda _name: self._station.read_chats())
        sheet.open()
        return sheet

    # --- the banner of a conversation ------------------------------------------------------------------------

    def banner(self, action: str) -> None:
        """Do what the banner's button says."""
        info = self._station.chat
        if info is None:
            return
        people, groups = self._station.client.people, self._station.client.groups
        match action:
            case "key-change":
                self.key_change(info.id)
            case "accept":
                question = groups.accept(info.id) if info.is_group else people.accept(info.id)
                self._station.ask(question, lambda _done: self._again(info.id))
            case "decline":
                question = groups.decline(info.id) if info.is_group else people.decline(info.id)
                self._station.ask(question, lambda _done: self._gone())
            case "unblock":
                self._station.ask(people.block(info.id, False), lambda _done: self._again(info.id))
            case "retry":
                self._station.ask(self._station.client.retry())
            case _:
                pass

    def _again(self, conversation: str) -> None:
        self._station.read_chats()
        self._station.open(conversation)

    def _gone(self) -> None:
        self._station.read_chats()
        self._station.close_chat()

    # --- a row of the list -----------------------------------------------------------------------------------

    def row_menu(self, conversation: str, at: QPoint) -> None:
        """Offer what can be done with a conversation without opening it."""
        info = self._station.desk.chats.get(conversation)
        if info is None:
            return
        menu = QMenu(self._window)
        menu.setAccessibleName(views.screen_name(info.title))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        muted = chats.muted(info, now_ms())
        last = info.last.row if info.last is not None else 0
        past = self._station.client.past
        menu.addAction(_("Open")).triggered.connect(lambda: self.chosen.emit(conversation))
        if info.unread:
            menu.addAction(_("Mark as read")).triggered.connect(
                lambda: self._station.ask(past.mark_read(conversation, last), lambda _none: self._station.read_chats())
            )
        menu.addAction(_("Notify again") if muted else _("Mute")).triggered.connect(
            lambda: self._station.ask(
                past.mute(conversation, 0 if muted else FOREVER_MS), lambda _none: self._station.read_chats()
            )
        )
        menu.popup(at)

    # --- the program -----------------------------------------------------------------------------------------

    def said(self, line: Line) -> None:
        """Something without a place of its own: a warning about the profile, a changed key elsewhere."""
        if line.voice == "alert":
            self.warned.emit(line.text)
            if not self._station.place:
                confirm(self._window, line.text, _("OK"), lambda: None, danger=False)

    def settings(self, preferences: Preferences, *, has_tray: bool, can_lock: bool) -> SettingsSheet:
        """Show the settings."""
        window = self._window
        sheet = SettingsSheet(window, self._station, preferences, has_tray=has_tray, can_lock=can_lock)
        sheet.changed.connect(self.preferences_changed)
        sheet.export_wanted.connect(lambda: self.export(None))
        sheet.backup_wanted.connect(lambda: BackupSheet(window, self._station).open())
        sheet.import_wanted.connect(lambda: choose_import(window, self._station, self))
        sheet.open()
        return sheet

    def export(self, conversation: str | None) -> None:
        """Ask for a file to export to."""
        ExportSheet(self._window, self._station, conversation).open()

    def keys(self) -> None:
        """Show the keys."""
        KeysSheet(self._window).open()
