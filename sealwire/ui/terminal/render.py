"""From the lines of a timeline to strips of a terminal: pure, a message at a time, so that only new ones cost.

Everything other people wrote goes through ``views.safe`` first; rich never reads it as markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from sealwire.i18n import _
from sealwire.peer.events import Attachment, Message
from sealwire.ui.terminal.body import body
from sealwire.ui.views import spoken, timeline, words
from sealwire.ui.views.safe import screen_name
from sealwire.ui.views.spoken import Names
from sealwire.ui.views.timeline import DayLine, Entry, Item, NoticeLine, UnreadLine

GUTTER: Final = 4
"""Columns before a message: how far it got, one blank."""
TIME: Final = 6
"""Columns after it: a blank and the time."""
BAR: Final = 12
"""Columns of a progress bar."""
NARROWEST: Final = 12
"""Columns of text below which nothing is wrapped any further."""

STYLES: Final = (
    "text", "own", "other", "time", "state", "failed", "quote", "aside", "day", "unread", "notice", "alert", "file",
    "reaction", "mention", "code", "link", "selected", "bar",
)  # fmt: skip
"""Names of the styles a theme gives; ``timeline--NAME`` in the style sheet."""

_console = Console(width=10_000, color_system=None, legacy_windows=False)
"""Only to wrap: it draws nothing."""


@dataclass(frozen=True)
class Look:
    """How things are drawn: width, styles, and who looks."""

    width: int
    own: str
    styles: Mapping[str, Style] = field(default_factory=dict)
    names: Names = field(default_factory=dict)

    def style(self, name: str) -> Style:
        """A style of the theme; none in a test of the words alone."""
        return self.styles.get(name, Style.null())


def strips(item: Item, look: Look) -> list[Strip]:
    """Return the lines of one item, each exactly as wide as the view."""
    match item:
        case DayLine(text):
            return [_rule(text, look, "day")]
        case UnreadLine(text):
            return [_rule(text, look, "unread")]
        case NoticeLine(text, is_alert):
            return _notice(text, is_alert, look)
        case Entry():
            return _entry(item, look)


def _rule(text: str, look: Look, style: str) -> Strip:
    shown = f" {text} "
    room = max(0, look.width - cell_len(shown))
    left = room // 2
    return _strip([Segment("─" * left + shown + "─" * (room - left), look.style(style))], look)


def _notice(text: str, is_alert: bool, look: Look) -> list[Strip]:
    style = look.style("alert" if is_alert else "notice")
    sign = "! " if is_alert else "· "
    width = max(NARROWEST, look.width - GUTTER - len(sign))
    lines = _wrapped(Text(text, style), width)
    first = " " * GUTTER + sign
    rest = " " * len(first)
    return [
        _strip([Segment(first if number == 0 else rest, style), *_segments(line)], look)
        for number, line in enumerate(lines)
    ]


def _entry(entry: Entry, look: Look) -> list[Strip]:
    message = entry.message
    if entry.is_folded:
        text = _("A message of {name}, who is blocked.").format(name=entry.sender)
        return _notice(text, False, look)
    rows: list[list[Segment]] = []
    if entry.is_first:
        rows.append(_head(entry, look))
    quote = timeline.quote_line(message, look.own, look.names)
    if quote:
        width = max(NARROWEST, _room(look) - 2)
        rows.append([_gap(), Segment("┃ ", look.style("quote")), Segment(fit(quote, width), look.style("quote"))])
    rows += _content(entry, look)
    aside = _aside(message, look)
    if aside:
        rows.append([_gap(), *aside])
    return [_strip(row, look) for row in rows]


def _head(entry: Entry, look: Look) -> list[Segment]:
    name = fit(entry.sender, _room(look))
    style = look.style("own" if entry.is_own else "other")
    return [_gap(), Segment(name, style), *_right(name, entry.time, look)]


def _right(before: str, time: str, look: Look) -> list[Segment]:
    """The time at the right edge, unless there is no room for it."""
    room = look.width - GUTTER - cell_len(before) - len(time)
    if room < 1:
        return []
    return [Segment(" " * room), Segment(time, look.style("time"))]


def _content(entry: Entry, look: Look) -> list[list[Segment]]:
    message, rows = entry.message, []
    if message.deleted:
        lines = [Text(_("(deleted)"), look.style("aside"))]
    else:
        lines = _wrapped(body(message, look.own, look.style), _room(look)) if message.text else []
    for line in lines:
        line.rstrip()
        rows.append([_gap(), *_segments(line)])
    if message.file is not None:
        rows += [[_gap(), *row] for row in _file(message.file, look)]
    if not rows:
        rows.append([_gap()])
    rows[0][0] = _state(message, look)
    if not entry.is_first:
        said = "".join(segment.text for segment in rows[0][1:])
        rows[0] += _right(said, entry.time, look)
    return rows


def _state(message: Message, look: Look) -> Segment:
    """How far an own message got, in the gutter: a sign with a shape of its own for each state."""
    if message.state is None:
        return _gap()
    style = look.style("failed" if message.state == "failed" else "state")
    return Segment(timeline.STATE_MARKS[message.state].rjust(GUTTER - 1) + " ", style)


def _file(file: Attachment, look: Look) -> list[list[Segment]]:
    style, room = look.style("file"), _room(look)
    size = words.size(file.size_bytes)
    name = fit("▤ " + screen_name(file.name), max(NARROWEST, room - len(size) - 2))
    rows = [[Segment(name, style), Segment(f"  {size}", look.style("aside"))]]
    said = spoken.file_word(file.state)
    if file.state in ("sending", "receiving", "paused"):
        done = spoken.percent(file)
        full = done * BAR // 100
        bar = "█" * full + "░" * (BAR - full)
        rows.append([Segment(f"{bar} ", look.style("bar")), Segment(f"{done:>3} % {said}", look.style("aside"))])
    elif file.state != "done":
        rows.append([Segment(said, look.style("failed" if file.state == "failed" else "aside"))])
    return rows


def _aside(message: Message, look: Look) -> list[Segment]:
    parts = []
    reactions = timeline.reaction_line(message)
    if reactions:
        parts.append(Segment(reactions, look.style("reaction")))
    marks = timeline.marks(message)
    if marks:
        gap = "  " if reactions else ""
        parts.append(Segment(gap + ", ".join(marks), look.style("aside")))
    return parts


# --- lines ---------------------------------------------------------------------------------------------------


def _room(look: Look) -> int:
    return max(NARROWEST, look.width - GUTTER - TIME)


def _gap() -> Segment:
    return Segment(" " * GUTTER)


def _wrapped(text: Text, width: int) -> list[Text]:
    return list(text.wrap(_console, width, tab_size=4))


def _segments(line: Text) -> list[Segment]:
    return [segment for segment in line.render(_console, end="") if segment.text]


def fit(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` columns."""
    return text if cell_len(text) <= width else set_cell_size(text, max(1, width - 1)).rstrip() + "…"


def _strip(segments: list[Segment], look: Look) -> Strip:
    base = look.style("text")
    styled = [Segment(text, base + style if style else base) for text, style, _control in segments]
    return Strip(styled).adjust_cell_length(look.width, base)


class Cache:
    """Strips that were made before. A theme or a width is another cache."""

    def __init__(self) -> None:
        self._look: Look | None = None
        self._made: dict[Item, list[Strip]] = {}

    def strips(self, items: list[Item], look: Look) -> list[list[Strip]]:
        """Return the strips of all items; those of items that are gone are forgotten."""
        known = self._made if look == self._look else {}
        made = {}
        result = []
        for item in items:
            found = known.get(item)
            if found is None:
                found = strips(item, look)
            made[item] = found
            result.append(found)
        self._look, self._made = look, made
        return result


@lru_cache(maxsize=8)
def blank(width: int, style: Style) -> Strip:
    """Return an empty line."""
    return Strip.blank(width, style)
