"""Who a text speaks to: ``@name`` of somebody who is in the conversation.

Nothing about it travels: every side reads the same text against the members it knows.

Source: protocol.md §11.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

MAX_MENTIONS: Final = 100
"""Names kept for one message: a text has room for a thousand, and each would be shown and searched."""

_AT_NAME: Final = re.compile(r"(?<![\w@])@([A-Za-z0-9][A-Za-z0-9_-]{0,31})(?![A-Za-z0-9])")


def mentioned(text: str, members: Collection[str]) -> tuple[str, ...]:
    """Return the members whose names stand behind an ``@`` in ``text``, each once, in the order of the text.

    A name may end a sentence: ``@bob-`` and ``@bob_`` mean bob when nobody of the longer name is there.
    """
    found: dict[str, None] = {}
    for match in _AT_NAME.finditer(text):
        name = match.group(1).lower()
        while name and name not in members and name[-1] in "-_":
            name = name[:-1]
        if name in members:
            found[name] = None
            if len(found) == MAX_MENTIONS:
                break
    return tuple(found)
