"""The short lines around a conversation: whose window it is, who one talks to, what goes on below."""

from __future__ import annotations

from typing import Final

from sealwire.i18n import _, ngettext
from sealwire.ui.views import chats, desk
from sealwire.ui.views.banner import Banner
from sealwire.ui.views.desk import Desk
from sealwire.ui.views.safe import screen_name
from sealwire.ui.views.sentences import trust_word

SIGNS: Final = {"info": "·", "warning": "!", "error": "✗"}


def who(view: Desk, now_ms: int) -> str:
    """Return the own name, with the number of unread messages."""
    name, unread = screen_name(view.own), desk.unread(view, now_ms)
    return f"{name} ({unread})" if unread else name


def conversation(view: Desk, now_ms: int) -> str:
    """Return who one talks to, and what is set about it."""
    info = desk.open_chat(view)
    if info is None:
        return _("No conversation is open: Ctrl+K")
    parts = [("+" if info.is_group else "") + screen_name(info.title)]
    if info.trust is not None:
        parts.append(("✓ " if info.trust == "verified" else "") + trust_word(info.trust))
    if info.timer_s:
        parts.append(_("disappearing"))
    if chats.muted(info, now_ms):
        parts.append(_("muted"))
    return "  ·  ".join(parts)


def above(*banners: Banner) -> str:
    """Return what stands over a conversation, a line each: how serious it is, what it is, the key that helps."""
    offer = _("F2: what to do")
    return "\n".join(" ".join([SIGNS[one.tone], one.text, *([offer] if one.action else [])]) for one in banners)


def nothing(view: Desk) -> list[str]:
    """Return what stands where messages would: what to do next; nothing while there are some."""
    info = desk.open_chat(view)
    if info is not None and view.open is not None:
        return [] if view.open.messages else [_("No messages with {name} yet.").format(name=screen_name(info.title))]
    first = _("Choose a conversation with the arrows and Enter.") if view.chats else _("Nobody has written yet.")
    return [
        first,
        _("Ctrl+K and a name writes to somebody."),
        _("Ctrl+P shows everything by name, also how to bring a friend in."),
        _("F1 shows every key and every command."),
    ]


def below(view: Desk) -> str:
    """Return who is writing, or that the reader is far back."""
    opened = view.open
    if opened is None or not opened.has_newer:
        return desk.writing(view)
    if opened.missed:
        text = ngettext("{n} new message below: Ctrl+End", "{n} new messages below: Ctrl+End", opened.missed)
        return text.format(n=opened.missed)
    return _("You are far back: Ctrl+End goes to the end.")
