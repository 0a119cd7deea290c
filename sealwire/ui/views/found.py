"""Search results: one line each, the place of the match in its middle, and a sentence about how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sealwire.i18n import _, ngettext
from sealwire.peer.api.past import Found
from sealwire.peer.events import rfc3339
from sealwire.ui.views import spoken
from sealwire.ui.views.safe import screen_name, screen_text

AROUND: Final = 28
"""Characters shown before a match; a match near the end of a long text must be seen."""
SNIPPET: Final = 120


def line(one: Found, own: str, titles: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Return where, when, who and the words around the match."""
    message = one.message
    place = screen_name(titles.get(message.conversation) or message.conversation)
    who = _("You") if message.sender == own else spoken.shown_name(message.sender, names)
    where = place if place == who else f"{who}, {place}"
    return f"{rfc3339(message.sent_at_ms)[:10]}  {where}: {snippet(one)}"


def snippet(one: Found) -> str:
    """Return a part of the text with the first match in it."""
    text = one.message.text
    start = one.marks[0][0] if one.marks else 0
    begin = max(0, start - AROUND)
    cut = text[begin : begin + SNIPPET]
    shown = screen_text(cut)
    return ("…" if begin else "") + shown + ("…" if begin + SNIPPET < len(text) else "")


def scope(place: str | None) -> str:
    """Say where is searched."""
    if place is None:
        return _("Everywhere on this device. Only what is stored here can be found.")
    return _("In {place} only.").format(place=screen_name(place))


def count(number: int, limit: int, query: str, place: str | None) -> str:
    """Say how many were found, and what to do when it is none or too many."""
    if number == 0 and place is None:
        return _("Nothing found for {query}. Words are found by their beginning.").format(query=screen_text(query))
    if number == 0:
        form = _("Nothing found for {query} in {place}. Ctrl+T searches everywhere.")
        return form.format(query=screen_text(query), place=screen_name(place or ""))
    if number >= limit:
        return _("The latest {n}; more words find fewer.").format(n=number)
    return ngettext("{n} message found.", "{n} messages found.", number).format(n=number)
