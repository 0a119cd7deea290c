"""Notifications that can be answered in their place, where the desktop has that; elsewhere those of the tray.

Plasma and some others show a field for an answer (capability ``inline-reply`` of the notification service); a press
leads to the conversation that the notification is about, and not to that of the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from PySide6.QtCore import QObject, QSocketNotifier, Signal

from sealwire.i18n import _
from sealwire.ui.desktop.attention import without_markup
from sealwire.ui.desktop.bus import SIGNAL, Bus, BusError, Heard, Value, session

NAME: Final = "org.freedesktop.Notifications"
PATH: Final = "/org/freedesktop/Notifications"
MAX_KEPT: Final = 200
"""Notifications whose conversation is still known; an older one leads nowhere."""


class Plain(Protocol):
    """Where a notification without an answer is shown: the tray."""

    def show(self, title: str, body: str, place: str = "", can_reply: bool = False) -> None:
        """Show one."""


class Notices(QObject):
    """Shows notifications and tells what was done with them."""

    pressed = Signal(str)
    """A conversation."""
    replied = Signal(str, str)
    """A conversation, and what was written."""

    def __init__(self, otherwise: Plain, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._otherwise = otherwise
        self._bus: Bus | None = None
        self._owner = ""
        self._asked: dict[int, str] = {}
        self._shown: dict[int, str] = {}
        self._watch: QSocketNotifier | None = None

    def begin(self, environ: Mapping[str, str]) -> None:
        """Look whether this desktop takes answers."""
        bus = session(environ)
        if bus is None:
            return
        try:
            can = bus.ask(NAME, PATH, f"{NAME}.GetCapabilities", "")
            if can.body and isinstance(can.body[0], list) and "inline-reply" in can.body[0]:
                rule = f"type='signal',interface='{NAME}',path='{PATH}'"
                bus.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.AddMatch", "s", rule)
                self._owner = can.sender
                self._bus = bus
                self._watch = QSocketNotifier(bus.socket.fileno(), QSocketNotifier.Type.Read, self)
                self._watch.activated.connect(lambda *_any: self._hear())
                return
        except BusError:
            pass  # no service, or one that does not answer: the tray's notifications are what there is
        bus.close()

    @property
    def takes_replies(self) -> bool:
        """Whether a notification can be answered."""
        return self._bus is not None

    def show(self, title: str, body: str, place: str = "", can_reply: bool = False) -> None:
        """Show one; with a field for an answer when ``can_reply``."""
        if self._bus is None:
            self._otherwise.show(title, body, place, can_reply)
            return
        actions = ["default", _("Open")]
        hints: dict[str, str] = {"desktop-entry": "sealwire", "category": "im.received"}
        if can_reply:
            actions += ["inline-reply", _("Reply")]
        values: tuple[Value, ...] = ("Sealwire", 0, "sealwire", title, without_markup(body), actions, hints, -1)
        try:
            serial = self._bus.call(NAME, PATH, f"{NAME}.Notify", "susssasa{sv}i", *values)
        except BusError:
            self.end()
            self._otherwise.show(title, body, place, can_reply)
            return
        _keep(self._asked, serial, place)

    def _hear(self) -> None:
        assert self._bus is not None
        try:
            heard = self._bus.hear()
        except BusError:
            self.end()
            return
        for one in heard:
            self._take(one)

    def _take(self, heard: Heard) -> None:
        if heard.answers in self._asked:
            place = self._asked.pop(heard.answers)
            if heard.body and isinstance(heard.body[0], int):
                _keep(self._shown, heard.body[0], place)
            return
        if heard.kind != SIGNAL or heard.sender != self._owner or not heard.body or not isinstance(heard.body[0], int):
            return  # others on the bus may send signals of the same name
        found = self._shown.get(heard.body[0])
        if found is None:
            return
        match heard.member, heard.body[1:]:
            case "NotificationReplied", [str(text)]:
                self.replied.emit(found, text)
            case "ActionInvoked", ["default"]:
                self.pressed.emit(found)
            case "NotificationClosed", _:
                del self._shown[heard.body[0]]

    def end(self) -> None:
        """Hang up; what comes is shown by the tray again."""
        if self._watch is not None:
            self._watch.setEnabled(False)
        if self._bus is not None:
            self._bus.close()
        self._bus = self._watch = None


def _keep(known: dict[int, str], key: int, place: str) -> None:
    known[key] = place
    while len(known) > MAX_KEPT:
        del known[next(iter(known))]
