"""The message that the composer answers or corrects, and the line that says so."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from sealwire.i18n import _
from sealwire.peer.events import Message
from sealwire.ui.views import spoken
from sealwire.ui.views.spoken import Names


class About(Struct, frozen=True):
    """What is being written belongs to another message."""

    kind: Literal["reply", "edit"]
    message: Message

    def line(self, names: Names) -> str:
        """The line above the composer."""
        begin = spoken.short(self.message.text)
        if self.kind == "edit":
            return _("Editing: {text}   Esc: leave it").format(text=begin)
        name = spoken.shown_name(self.message.sender, names)
        return _("Answer to {name}: {text}   Esc: no").format(name=name, text=begin)
