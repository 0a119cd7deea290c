"""What a broker has of a message, for the demonstration: a verb, a mailbox, a size, bytes like noise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final

from sealwire.i18n import _
from sealwire.peer.api.demo import Sight
from sealwire.ui.views import words

SHOWN_BYTES: Final = 16
"""Of the content: enough to see that it is noise."""


def head(sight: Sight, boxes: Mapping[str, str], zone: tzinfo | None) -> str:
    """Return when, which verb, for whose mailbox, how large."""
    time = words.time_of_day(sight.at_ms, zone)
    size = words.size(len(sight.content))
    if not sight.mailbox:
        return _("{time} {verb}, {size}").format(time=time, verb=sight.verb, size=size)
    whose = boxes.get(sight.mailbox)
    if whose is None:
        box = sight.mailbox[:8]
        return _("{time} {verb}, mailbox {box}, {size}").format(time=time, verb=sight.verb, box=box, size=size)
    return _("{time} {verb}, mailbox of {name}, {size}").format(time=time, verb=sight.verb, name=whose, size=size)


def noise(sight: Sight) -> str:
    """Return the last bytes in hex: a message begins with the tag of its session, which is always the same."""
    shown = sight.content[-SHOWN_BYTES:].hex(" ")
    return f"… {shown}" if len(sight.content) > SHOWN_BYTES else shown
