"""The line above a conversation that says what is wrong with the link, or with this conversation, and what to do."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from sealwire.i18n import _, ngettext
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Connection
from sealwire.ui.views import sentences
from sealwire.ui.views.safe import screen_name

Action = Literal["", "retry", "key-change", "accept", "unblock", "verify", "group"]
"""What the banner's key or button does."""


class Banner(Struct, frozen=True):
    """One line; ``tone`` is said by a word or a sign too, never by a colour alone."""

    tone: Literal["info", "warning", "error"]
    text: str
    action: Action = ""


def link(connection: Connection, queued: int) -> Banner | None:
    """Say how the link is, unless it is as it should be."""
    if connection.state == "online":
        return None
    said = sentences.connection(connection)
    if queued:
        waiting = ngettext("{n} message waits here.", "{n} messages wait here.", queued).format(n=queued)
        said = f"{said} {waiting}"
    tone: Literal["info", "warning", "error"] = "info" if connection.state == "connecting" else "warning"
    return Banner("error" if connection.state == "stopped" else tone, said)


def chat(info: ConversationInfo) -> Banner | None:
    """Say what stands in the way of writing in a conversation."""
    name = screen_name(info.title)
    if info.trust == "changed":
        text = _("The key of {name} has changed. Nothing is sent until you decide.")
        return Banner("error", text.format(name=name), "key-change")
    if info.blocked:
        return Banner("warning", _("{name} is blocked: nothing comes in from them.").format(name=name), "unblock")
    if info.request and info.is_group:
        return Banner("info", _("You are invited to the group {name}.").format(name=name), "accept")
    if info.request:
        text = _("{name} wants to talk to you. Until you accept, they do not learn that you read this.")
        return Banner("info", text.format(name=name), "accept")
    if not info.can_write and info.is_group:
        return Banner("info", _("You can read this group, not write in it."), "group")
    if not info.can_write:
        return Banner("info", _("Nothing can be written here at the moment."))
    return None
