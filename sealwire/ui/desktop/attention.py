"""Calling for attention: the tray's icon with its number, and notifications that say no more than was allowed."""

from __future__ import annotations

from typing import Final, Protocol

from PySide6.QtCore import QDateTime, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon, QWidget

from sealwire.i18n import _, ngettext
from sealwire.peer.events import Contact, Message
from sealwire.ui import views
from sealwire.ui.desktop import dates, icons
from sealwire.ui.desktop.preferences import Preferences, is_quiet
from sealwire.ui.desktop.station import Station, now_ms
from sealwire.ui.views import desk as desks
from sealwire.ui.views import notify
from sealwire.ui.views.notify import Attention, Notice, Notifier, Rules

TRAY_PX: Final = 64
MOST: Final = 99
SHOWN_MS: Final = 8_000


class Sink(Protocol):
    """Where notifications are shown."""

    def show(self, title: str, body: str, place: str = "", can_reply: bool = False) -> None:
        """Show one about a conversation; with a field for an answer when ``can_reply`` and the desktop has that."""


class Caller(QObject):
    """Decides by the rules of the views, and shows what they allow."""

    clicked = Signal(str)
    """A notification about this conversation was pressed."""

    def __init__(self, station: Station, sink: Sink, window: QWidget) -> None:
        super().__init__(window)
        self._station = station
        self._sink = sink
        self._window = window
        self._preferences = Preferences()
        self._notifier = Notifier()
        self._last = ""
        self.locked = False
        self._due = QTimer(self, singleShot=True)
        self._due.timeout.connect(self._tell_bursts)
        station.arrived.connect(self._arrived)
        station.contact.connect(self._contact)
        station.opened.connect(self._looked)

    def set_preferences(self, preferences: Preferences) -> None:
        """Follow these from now on."""
        self._preferences = preferences

    def rules(self) -> Rules:
        """Return the rules in force now."""
        time = QDateTime.currentDateTime().time()
        quiet = is_quiet(self._preferences, time.hour() * 60 + time.minute())
        content = "none" if self.locked else self._preferences.notify
        return Rules(self._preferences.notifications and not quiet, content)

    def _attention(self) -> Attention:
        looks = self._window.isActiveWindow() and not self.locked
        return Attention(self._station.desk.own, looks, self._station.place or None)

    def _arrived(self, message: Message) -> None:
        info = self._station.desk.chats.get(message.conversation)
        self._notifier, notice = notify.heard(self._notifier, message, info, self._attention(), self.rules(), now_ms())
        self._show(notice)
        self._wait()

    def _contact(self, event: Contact) -> None:
        content = "none" if self.locked else self._preferences.notify
        self._show(notify.key_changed(event, Rules(self._preferences.notifications, content)))

    def _tell_bursts(self) -> None:
        self._notifier, notices = notify.due(self._notifier, self.rules(), now_ms())
        for notice in notices:
            self._show(notice)
        self._wait()

    def _wait(self) -> None:
        due = notify.next_due_ms(self._notifier)
        if due is not None and not self._due.isActive():
            self._due.start(max(50, due - now_ms()))

    def _looked(self) -> None:
        self._notifier = notify.looked(self._notifier, self._station.place)

    def _show(self, notice: Notice | None) -> None:
        if notice is None:
            return
        self._last = notice.conversation
        self._sink.show(plain(notice.title), plain(notice.body), notice.conversation, self._can_reply(notice))
        QApplication.alert(self._window)

    def _can_reply(self, notice: Notice) -> bool:
        """Not while locked, nor where it is not said who wrote: nobody would know whom they answer."""
        info = self._station.desk.chats.get(notice.conversation)
        tells = self._preferences.notify != "none" and not self.locked
        return tells and info is not None and info.can_write and not info.request

    def press(self, place: str = "") -> None:
        """A notification was pressed; without a place it was the last one."""
        if place or self._last:
            self.clicked.emit(place or self._last)

    def reply(self, place: str, text: str) -> None:
        """A notification was answered. What cannot be sent now is a draft, and its conversation is shown."""
        info = self._station.desk.chats.get(place)
        if not text.strip() or info is None:
            return
        if self.locked or not info.can_write:
            self._keep(place, text)
        else:
            self._station.send_to(place, text, lambda _error: self._keep(place, text))

    def _keep(self, place: str, text: str) -> None:
        draft = self._station.client.talk.set_draft(place, text)
        self._station.ask(draft, lambda _kept: self.clicked.emit(place))


def plain(text: str) -> str:
    """Return a text that no notification service takes for markup: some read ``<b>`` and ``&lt;``."""
    return text.replace("<", "<\u200b").replace("&", "&\u200b")


class Tray(QObject):
    """The icon in the tray: its number, its menu, and the notifications of the desktop."""

    opened = Signal()
    quit_wanted = Signal()
    disturb_toggled = Signal(bool)
    notice_pressed = Signal()

    def __init__(self, parent: QWidget, name: str) -> None:
        super().__init__(parent)
        self._name = name
        self._unread = -1
        self.icon = QSystemTrayIcon(self)
        self.menu = QMenu(parent)
        self.menu.setAccessibleName("Sealwire")
        self.menu.addAction(_("Open Sealwire")).triggered.connect(self.opened)
        self.disturb: QAction = self.menu.addAction(_("Do not disturb"))
        self.disturb.setCheckable(True)
        self.disturb.toggled.connect(self.disturb_toggled)
        self.menu.addSeparator()
        self.menu.addAction(_("Quit")).triggered.connect(self.quit_wanted)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        self.icon.messageClicked.connect(self.notice_pressed)
        self.count(0)

    @staticmethod
    def is_there() -> bool:
        """Whether this desktop has a tray."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    def begin(self) -> None:
        """Show the icon."""
        self.icon.show()

    def count(self, unread: int) -> None:
        """Show how many are unread, in the icon and in its tip."""
        if unread == self._unread:
            return
        self._unread = unread
        self.icon.setIcon(badge(unread))
        text = ngettext("{n} unread message", "{n} unread messages", unread).format(n=dates.number(unread))
        name = views.screen_name(self._name)
        self.icon.setToolTip(_("Sealwire, {name}: {unread}").format(name=name, unread=text))

    def show(self, title: str, body: str, place: str = "", can_reply: bool = False) -> None:
        """Show a notification; one of the tray knows no conversation and takes no answer."""
        if self.icon.isVisible():
            self.icon.showMessage(title, without_markup(body), self.icon.icon(), SHOWN_MS)

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.opened.emit()


def without_markup(body: str) -> str:
    """Return a notification's text without a character that begins markup.

    Desktops may read the text as markup, with links and pictures from elsewhere, and Qt hands it on as it is.
    """
    return body.replace("<", "\u2039")


def badge(unread: int) -> QIcon:
    """Return the program's icon with a number on it."""
    picture = QPixmap(TRAY_PX, TRAY_PX)
    picture.fill(QColor(Qt.GlobalColor.transparent))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor("#0b6b64"))
    painter.drawRoundedRect(2, 2, TRAY_PX - 4, TRAY_PX - 4, 16, 16)
    icons.paint(painter, "seal", "#ffffff", QRectF(10, 10, TRAY_PX - 20, TRAY_PX - 20), 2.2)
    if unread > 0:
        _number(painter, dates.number(unread) if unread <= MOST else f"{MOST}+")
    painter.end()
    return QIcon(picture)


def _number(painter: QPainter, text: str) -> None:
    size = 34 if len(text) < 3 else 42
    place = QRectF(TRAY_PX - size, TRAY_PX - 34, size, 34)
    painter.setBrush(QColor("#b3261e"))
    painter.drawRoundedRect(place, 17, 17)
    font = painter.font()
    font.setPixelSize(24 if len(text) < 3 else 18)
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), text)


def unread_of(station: Station) -> int:
    """Return the number of unread messages in conversations that are not muted."""
    return desks.unread(station.desk, now_ms())
