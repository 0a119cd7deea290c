"""The keys of the window, in one table: what is bound and what F1 shows cannot differ."""

from __future__ import annotations

from msgspec import Struct
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QWidget

from sealwire.i18n import _, pgettext
from sealwire.ui.desktop.ask import Sheet
from sealwire.ui.desktop.bits import button, label


class Key(Struct, frozen=True):
    """One combination."""

    verb: str
    keys: str
    """As Qt writes them; empty where a part of the window handles it by itself."""
    shown: str
    about: str


def table() -> list[Key]:
    """Return every key, in the order in which they are explained."""
    return [
        Key("switch", "Ctrl+K", "Ctrl+K", _("Go to a conversation")),
        Key("search", "Ctrl+F", "Ctrl+F", _("Search in this conversation")),
        Key("search-all", "Ctrl+Shift+F", "Ctrl+Shift+F", _("Search everywhere")),
        Key("next", "Alt+Down", "Alt+↓", _("Next conversation")),
        Key("previous", "Alt+Up", "Alt+↑", _("Previous conversation")),
        Key("unread", "Alt+A", "Alt+A", _("Next unread conversation")),
        Key("new", "Ctrl+N", "Ctrl+N", _("New conversation")),
        Key("new-group", "Ctrl+Shift+N", "Ctrl+Shift+N", _("New group")),
        Key("details", "Ctrl+I", "Ctrl+I", _("Details of this conversation")),
        Key("attach", "Ctrl+U", "Ctrl+U", _("Attach a file")),
        Key("emoji", "Ctrl+E", "Ctrl+E", _("Emoji")),
        Key("end", "Ctrl+End", "Ctrl+End", _("Go to the newest message")),
        Key("areas", "F6", "F6", _("Go to the next area: list, messages, writing, details")),
        Key("settings", "Ctrl+,", "Ctrl+,", _("Settings")),
        Key("lock", "Ctrl+L", "Ctrl+L", _("Lock the window")),
        Key("help", "F1", "F1", _("These keys")),
        Key("back", "Esc", "Esc", _("Back, or forget an answer or a correction")),
        Key("close", "Ctrl+W", "Ctrl+W", _("Close the window")),
        Key("quit", "Ctrl+Q", "Ctrl+Q", _("Quit")),
        Key("", "", "↑", _("In the empty field: correct the last message")),
        Key("", "", "Shift+Enter", _("Begin a new line")),
        Key("", "", "↑ ↓, Enter", _("In the messages: choose one, open its menu")),
    ]


class KeysSheet(Sheet):
    """Shows the table."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, pgettext("keyboard", "Keys"))
        places = QGridLayout()
        places.setHorizontalSpacing(24)
        places.setVerticalSpacing(4)
        places.setColumnStretch(1, 1)
        for line, key in enumerate(table()):
            places.addWidget(label(key.shown, "mono", wrap=False), line, 0, Qt.AlignmentFlag.AlignTop)
            about = label(key.about)
            about.setAlignment(Qt.AlignmentFlag.AlignTop)
            places.addWidget(about, line, 1)
        self.add(places)
        self.add_buttons(button(_("Close"), self.accept, "primary"))


def sequence(key: Key) -> QKeySequence:
    """Return the combination for Qt."""
    return QKeySequence(key.keys)
