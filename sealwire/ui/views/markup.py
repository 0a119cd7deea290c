"""A little markup in texts: bold, italic, code, code blocks, lists, links. Texts in, lines of spans out.

Nothing here ever fails, opens, loads or runs anything; time and output are linear in the text. What is no markup stays
as it was written, character by character. A link is only what its whole target shows: ``[bank](https://x.example)``
becomes the words and, after them, the target, and the target is what can be pressed.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final, Literal
from urllib.parse import urlsplit

from msgspec import Struct

MAX_SPANS: Final = 2_000
"""Pieces of one text that may differ in style; past it the rest is plain. Each may become an object on a screen."""
MAX_LINK_CHARS: Final = 2_000
"""A longer address is text: nobody can look it over before pressing it."""
MAX_INDENT: Final = 4
"""Levels of a list that are shown; deeper ones stand there, too."""

SCHEMES: Final = ("http", "https", "mailto")

Kind = Literal["text", "item", "code"]


class Span(Struct, frozen=True):
    """A piece of one line in one style."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    link: str | None = None
    """An http, https or mailto address; always equal to ``text``."""


class MarkupLine(Struct, frozen=True):
    """One line: words, an item of a list, or a line of a code block."""

    kind: Kind
    spans: tuple[Span, ...]
    marker: str = ""
    """Before an item: ``•`` or its number as it was written, such as ``3.``."""
    indent: int = 0
    """Level of an item, from 0."""


_FENCE: Final = re.compile(r" {0,3}```[^`]*\Z")
_ITEM: Final = re.compile(r"( {0,16})(?:([-*+•])|(\d{1,3}[.)])) +(?=\S)")
_MARKS: Final = re.compile(
    r"\\[\\`*_\[\]()#+\-.!]"  # an escape
    r"|`+"
    r"|\*\*|__|\*|_"
    r"|\[[^\[\]\n]{1,500}\]\([^()\s]{1,2000}\)"
    r"|(?<![\w@/])(?:https?://|mailto:)[^\s<>\"“”«»]{1,4000}",
    re.IGNORECASE,
)
_TRAILING: Final = ".,;:!?'’*_~"
_ADDRESS: Final = re.compile(r"[!-~]+\Z")
_PAIRS: Final = {")": "(", "]": "["}


def parse(text: str) -> tuple[MarkupLine, ...]:
    """Return the lines of a text, at least one."""
    lines = text.replace("\r\n", "\n").split("\n")
    fences = deque(number for number, line in enumerate(lines) if _FENCE.match(line))
    result: list[MarkupLine] = []
    left = MAX_SPANS
    number = 0
    while number < len(lines):
        end = _closing(fences, number)
        if end is not None:
            result += [MarkupLine("code", (Span(line, code=True),)) for line in lines[number + 1 : end]]
            left -= end - number
            number = end + 1
            continue
        line = _line(lines[number], left)
        left -= len(line.spans)
        result.append(line)
        number += 1
    return tuple(result) or (MarkupLine("text", (Span(""),)),)


def _closing(fences: deque[int], number: int) -> int | None:
    """The line that closes the code block which begins on this one; the fences before it are used up."""
    while fences and fences[0] < number:
        fences.popleft()
    if len(fences) < 2 or fences[0] != number:
        return None
    fences.popleft()
    return fences.popleft()


def _line(line: str, left: int) -> MarkupLine:
    item = _ITEM.match(line)
    if item is None:
        return MarkupLine("text", _spans(line, left))
    indent = min(len(item.group(1)) // 2, MAX_INDENT)
    return MarkupLine("item", _spans(line[item.end() :], left), item.group(3) or "•", indent)


class _Piece(Struct):
    """A stretch of a line while its emphasis is not known yet."""

    text: str
    code: bool = False
    link: bool = False
    bold: bool = False
    italic: bool = False


class _Open(Struct):
    """An emphasis that began and may end."""

    mark: str
    at: int
    """Position among the pieces; the piece there is the mark itself, and goes when it is closed."""


def _spans(line: str, left: int) -> tuple[Span, ...]:
    if left < 4:
        return (Span(line),)
    pieces: list[_Piece] = []
    opened: list[_Open] = []
    at = 0
    while len(pieces) < left - 3:
        match = _MARKS.search(line, at)
        if match is None:
            break
        if match.start() > at:
            pieces.append(_Piece(line[at : match.start()]))
        at = _take(line, match, pieces, opened)
    pieces.append(_Piece(line[at:]))
    return _joined(pieces)


def _take(line: str, match: re.Match[str], pieces: list[_Piece], opened: list[_Open]) -> int:
    """Take one mark; returns where to go on."""
    mark, start, end = match.group(), match.start(), match.end()
    if mark[0] == "\\":
        pieces.append(_Piece(mark[1]))
        return end
    if mark[0] == "`":
        return _take_code(line, mark, end, pieces)
    if mark[0] == "[":
        return _take_labelled(mark, end, pieces)
    if mark[0] in "*_":
        _take_emphasis(line, mark, start, end, pieces, opened)
        return end
    return _take_address(mark, start, pieces)


def _take_code(line: str, mark: str, end: int, pieces: list[_Piece]) -> int:
    if len(mark) <= 2:
        close = line.find(mark, end)
        if close > end and line[close : close + 3].count("`") == len(mark):
            pieces.append(_Piece(line[end:close], code=True))
            return close + len(mark)
    pieces.append(_Piece(mark))
    return end


def _take_labelled(mark: str, end: int, pieces: list[_Piece]) -> int:
    label, target = mark[1:-1].split("](", 1)
    if not is_address(target):
        pieces.append(_Piece(mark))
    elif label == target:
        pieces.append(_Piece(target, link=True))
    else:
        pieces += [_Piece(label + " ("), _Piece(target, link=True), _Piece(")")]
    return end


def _take_address(mark: str, start: int, pieces: list[_Piece]) -> int:
    address = mark
    while address and (address[-1] in _TRAILING or _is_unpaired(address)):
        address = address[:-1]
    pieces.append(_Piece(address or mark, link=is_address(address)))
    return start + len(address or mark)


def _is_unpaired(address: str) -> bool:
    """Whether the last character is a bracket that belongs to the sentence around the address."""
    opening = _PAIRS.get(address[-1])
    return opening is not None and address.count(address[-1]) > address.count(opening)


def is_address(target: str) -> bool:
    """Whether something may be pressed: http, https or mailto, in ASCII, naming its host without disguise."""
    if len(target) > MAX_LINK_CHARS or _ADDRESS.match(target) is None:
        return False  # letters of other scripts can look like ours: such an address stays text
    try:
        parts = urlsplit(target)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in SCHEMES:
        return False
    if parts.scheme == "mailto":
        return re.fullmatch(r"[\w.+-]+@[\w.-]+", parts.path, re.ASCII) is not None and not parts.query
    # bank.example@evil.example names evil.example: who reads it sees the bank.
    return bool(host) and "@" not in parts.netloc and "\\" not in target


def _take_emphasis(line: str, mark: str, start: int, end: int, pieces: list[_Piece], opened: list[_Open]) -> None:
    before, after = line[start - 1 : start], line[end : end + 1]
    # Only ** works inside a word (scripts without blanks need one that does): 2*3*4 and snake_case_names are words.
    inside = mark == "**"
    can_close = bool(before) and not before.isspace() and (inside or not _is_word(after))
    can_open = bool(after) and not after.isspace() and (inside or not _is_word(before))
    depth = next((depth for depth, one in enumerate(opened) if one.mark == mark), None)
    if can_close and depth is not None and opened[depth].at < len(pieces) - 1:
        begun = opened[depth].at
        for piece in pieces[begun + 1 :]:
            piece.bold = piece.bold or len(mark) == 2
            piece.italic = piece.italic or len(mark) == 1
        pieces[begun].text = ""
        del opened[depth:]  # what began inside and did not end is no emphasis
        return
    pieces.append(_Piece(mark))
    if can_open and depth is None:
        opened.append(_Open(mark, len(pieces) - 1))


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _joined(pieces: list[_Piece]) -> tuple[Span, ...]:
    """Put neighbours of one style together; links stay by themselves."""
    spans: list[Span] = []
    for piece in pieces:
        if not piece.text:
            continue
        span = Span(piece.text, piece.bold, piece.italic, piece.code, piece.text if piece.link else None)
        last = spans[-1] if spans else None
        style = (span.bold, span.italic, span.code)
        if last is not None and not (span.link or last.link) and style == (last.bold, last.italic, last.code):
            spans[-1] = Span(last.text + span.text, *style)
        else:
            spans.append(span)
    return tuple(spans) or (Span(""),)


def plain(text: str) -> str:
    """Return a text without its markup, for a list, a notification or a voice; links as they are shown."""
    lines = []
    for line in parse(text):
        words = "".join(span.text for span in line.spans)
        lines.append(f"{'  ' * line.indent}{line.marker} {words}" if line.kind == "item" else words)
    return "\n".join(lines)
