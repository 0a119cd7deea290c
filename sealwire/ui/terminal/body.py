"""The text of a message with what stands out in it: emphasis, lists, code, links, mentions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rich.style import Style
from rich.text import Text

from sealwire.peer.events import Message
from sealwire.ui.views import markup
from sealwire.ui.views.safe import screen_lines

MENTION: Final = re.compile(r"(?<![\w@])@([a-z0-9][a-z0-9_-]{0,31})")
INDENT: Final = "  "


def body(message: Message, own: str, style: Callable[[str], Style]) -> Text:
    """Return the text of a message, harmless and styled; what is no markup is the sender's, character by character."""
    text = Text(style=style("text"), overflow="fold")
    for number, line in enumerate(markup.parse("\n".join(screen_lines(message.text)))):
        if number:
            text.append("\n")
        _line(text, line, message, own, style)
    return text


def _line(text: Text, line: markup.MarkupLine, message: Message, own: str, style: Callable[[str], Style]) -> None:
    if line.marker:
        text.append(INDENT * line.indent + line.marker + " ")
    for span in line.spans:
        start = len(text)
        text.append(span.text, _style(span, style))
        if not span.code:
            _mentions(text, start, message, own, style)


def _style(span: markup.Span, style: Callable[[str], Style]) -> Style | None:
    if span.code:
        return style("code")
    if span.link is not None:
        return style("link")
    if span.bold or span.italic:
        return Style(bold=span.bold or None, italic=span.italic or None)
    return None


def _mentions(text: Text, start: int, message: Message, own: str, style: Callable[[str], Style]) -> None:
    for match in MENTION.finditer(text.plain, start):
        if match[1] in message.mentions or match[1] == own:
            text.stylize(style("mention"), *match.span())
