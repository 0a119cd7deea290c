"""F1: every key and every command."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from sealwire.i18n import _
from sealwire.ui.terminal.screens.base import Page, plain
from sealwire.ui.views.commands import usage


def keys() -> list[tuple[str, str]]:
    """Return every key with what it does."""
    return [
        ("Enter", _("send; on a selected message: what can be done with it")),
        ("Alt+Enter, Ctrl+J", _("a new line in the message; a paste of many lines is one message")),
        ("Up", _("on an empty line: edit the last own message")),
        ("Tab", _("complete a /command, a :emoji: or a @name; else the next part of the screen")),
        ("Esc", _("back: out of an answer, to the end, to the list")),
        ("Ctrl+K", _("jump to a conversation, or begin one")),
        ("Alt+Up, Alt+Down", _("the conversation above, below")),
        ("Alt+A", _("the next one with unread messages")),
        ("Ctrl+F", _("search everything that was said")),
        ("Ctrl+P", _("everything that can be done, by name")),
        ("PgUp, PgDn", _("back and on in the conversation")),
        ("Shift+Tab, then arrows", _("select a message")),
        ("r e d + p f", _("on a selected message: reply, edit, delete, react, pin, forward")),
        ("Ctrl+O", _("send a file")),
        ("Ctrl+G", _("about this person or group")),
        ("F2", _("do what the line above the conversation offers")),
        ("Ctrl+Q", _("the end; what is queued goes out at the next start")),
    ]


class Help(Page[None]):
    """Keys and commands."""

    def content(self) -> ComposeResult:
        """Keys first, then commands."""
        width = max(len(key) for key, _about in keys())
        lines = [f"{key:<{width}}  {about}" for key, about in keys()]
        yield Static(plain("\n".join(lines)), id="keys")
        yield Static(plain("\n".join(["", _("Commands"), *usage()])), id="commands")

    def on_mount(self) -> None:
        """The page itself scrolls with the arrows."""
        body = self.query_one("#body")
        body.can_focus = True
        body.focus()

    def __init__(self) -> None:
        self.title_text = _("Help")
        self.hint_text = _("Arrows: scroll   Esc: back")
        super().__init__()
