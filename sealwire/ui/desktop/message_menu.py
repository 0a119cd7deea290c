"""What can be done with a message, by keyboard as by mouse: one menu with everything the bubble offers."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from PySide6.QtWidgets import QMenu, QWidget

from sealwire.i18n import _
from sealwire.peer.events import Message
from sealwire.ui.desktop import icons
from sealwire.ui.desktop.carried import verbs
from sealwire.ui.desktop.emoji import QUICK
from sealwire.ui.desktop.theme import look

QUICK_IN_MENU = 4


class Choice(Struct, frozen=True):
    """A line of the menu."""

    verb: str
    """``reply``, ``react``, ``copy``, ``edit``, ``delete``, ``forget``, ``forward``, ``pin``, ``unpin``, ``retry``,
    ``cancel``, ``all``, ``quote``, ``file``."""
    argument: str
    text: str
    icon: str


def choices(message: Message, *, own: bool, can_write: bool) -> list[Choice | None]:
    """Return the lines of a message's menu; None separates groups."""
    if message.deleted:
        return [Choice("forget", "", _("Remove it here"), "delete")]
    found: list[Choice | None] = []
    if can_write:
        found += [
            Choice("react", sign, _("React with {emoji}").format(emoji=sign), "") for sign in QUICK[:QUICK_IN_MENU]
        ]
        found += [Choice("react", "", _("Another reaction…"), "smile"), None]
        found.append(Choice("reply", "", _("Reply"), "reply"))
    if message.reply_to is not None and message.reply_to.id:
        found.append(Choice("quote", message.reply_to.id, _("Go to the message it answers"), "back"))
    found += _text(message, own, can_write)
    found += _file(message, own)
    found += _sending(message)
    found.append(None)
    pin = Choice("unpin", "", _("Unpin"), "pin") if message.pinned else Choice("pin", "", _("Pin"), "pin")
    found += [pin] if can_write else []
    if own and can_write:
        found.append(Choice("delete", "", _("Delete for everyone…"), "delete"))
    found.append(Choice("forget", "", _("Delete only here…"), "delete"))
    return found


def _text(message: Message, own: bool, can_write: bool) -> list[Choice | None]:
    found: list[Choice | None] = []
    if message.text:
        found.append(Choice("copy", "", _("Copy the text"), "copy"))
        found.append(Choice("all", "", _("Show the whole text"), "open"))
    if own and can_write and message.kind == "text":
        found.append(Choice("edit", "", _("Edit"), "edit"))
    found.append(Choice("forward", "", _("Forward…"), "forward"))
    return found


def _file(message: Message, own: bool) -> list[Choice | None]:
    if message.file is None:
        return []
    signs = {"fetch": "download", "pause": "pause", "resume": "play", "cancel": "close", "open": "open", "save": "save"}
    return [Choice("file", verb, word, signs[verb]) for verb, word in verbs(message.file, own)]


def _sending(message: Message) -> list[Choice | None]:
    if message.state == "failed":
        return [Choice("retry", "", _("Try to send it again"), "retry")]
    if message.state == "queued":
        return [Choice("cancel", "", _("Do not send it"), "close")]
    return []


def menu(parent: QWidget, found: list[Choice | None], do: Callable[[Choice], None]) -> QMenu:
    """Return the menu as a widget."""
    made = QMenu(parent)
    made.setAccessibleName(_("Message"))
    for choice in found:
        if choice is None:
            made.addSeparator()
            continue
        action = made.addAction(choice.text.replace("&", "&&"))
        if choice.icon:
            action.setIcon(icons.icon(choice.icon, look().colours.text, 18))
        action.triggered.connect(lambda _checked=False, choice=choice: do(choice))
    return made
