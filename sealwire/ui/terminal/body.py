"""The text of a message with what stands out in it: links, mentions, code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rich.style import Style
from rich.text import Text

from sealwire.peer.events import Message
from sealwire.ui.views.safe import screen_lines

LINK: Final = re.compile(r"https?://[^\s<>\"'`]{1,2000}[^\s<>\"'`.,;:!?)\]}]")
CODE: Final = re.compile(r"`[^`\n]{1,500}`")
MENTION: Final = re.compile(r"(?<![\w@])@([a-z0-9][a-z0-9_-]{0,31})")


def body(message: Message, own: str, style: Callable[[str], Style]) -> Text:
    """Return the text of a message, harmless and styled; the characters are the sender's."""
    text = Text("\n".join(screen_lines(message.text)), style("text"), overflow="fold")
    plain = text.plain
    for match in LINK.finditer(plain):
        text.stylize(style("link"), *match.span())
    for match in CODE.finditer(plain):
        text.stylize(style("code"), *match.span())
    for match in MENTION.finditer(plain):
        if match[1] in message.mentions or match[1] == own:
            text.stylize(style("mention"), *match.span())
    return text
