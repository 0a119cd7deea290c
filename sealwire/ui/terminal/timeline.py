"""The timeline as one widget: lines over a window of the history, not a widget for each message.

It owns where the reader is (``top``, or stuck to the end) and which message is selected. What it shows comes in
through :meth:`TimelineView.show`; reaching an edge is told by a message to the screen above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message as Told
from textual.strip import Strip
from textual.widget import Widget

from sealwire.peer.events import Message
from sealwire.ui.terminal.keys import LEADING
from sealwire.ui.terminal.render import STYLES, Cache, Look, blank, fit
from sealwire.ui.views.timeline import Entry, Item, UnreadLine

NEAR: Final = 20
"""Lines from an edge at which the next page is asked for: it is there before the reader is."""
WHEEL: Final = 3


class TimelineView(Widget, can_focus=True):
    """Shows the open conversation."""

    DEFAULT_CSS = """
    TimelineView { height: 1fr; background: $background; color: $foreground; }
    TimelineView > .timeline--text { color: $foreground; background: $background; }
    TimelineView > .timeline--own { color: $accent; text-style: bold; }
    TimelineView > .timeline--other { color: $primary; text-style: bold; }
    TimelineView > .timeline--time { color: $foreground-muted; }
    TimelineView > .timeline--state { color: $success; }
    TimelineView > .timeline--failed { color: $error; text-style: bold; }
    TimelineView > .timeline--quote { color: $foreground-muted; text-style: italic; }
    TimelineView > .timeline--aside { color: $foreground-muted; }
    TimelineView > .timeline--day { color: $foreground-muted; }
    TimelineView > .timeline--unread { color: $warning; text-style: bold; }
    TimelineView > .timeline--notice { color: $foreground-muted; }
    TimelineView > .timeline--alert { color: $error; }
    TimelineView > .timeline--file { color: $secondary; text-style: bold; }
    TimelineView > .timeline--reaction { color: $foreground; }
    TimelineView > .timeline--mention { color: $warning; text-style: bold; }
    TimelineView > .timeline--code { color: $accent; }
    TimelineView > .timeline--link { color: $secondary; text-style: underline; }
    TimelineView > .timeline--selected { background: $surface-lighten-1; }
    TimelineView > .timeline--bar { color: $success; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"timeline--{name}" for name in STYLES}

    BINDINGS: ClassVar[list[BindingType]] = [
        *LEADING,
        Binding("up", "select(-1)", show=False),
        Binding("down", "select(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("enter", "menu", show=False),
    ]

    class Edge(Told):
        """The reader comes near the beginning (-1) or the end (1) of what is here."""

        def __init__(self, direction: int) -> None:
            self.direction = direction
            super().__init__()

    class Chosen(Told):
        """Enter or a double click on a message."""

        def __init__(self, chosen: Message) -> None:
            self.chosen = chosen
            super().__init__()

    class Moved(Told):
        """The reader scrolled or selected: what they see may be another part."""

    def __init__(self, own: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._own = own
        self._names: Mapping[str, str] = {}
        self._items: list[Item] = []
        self._nothing: list[str] = []
        self._lines: list[tuple[int, Strip]] = []
        """(index of the item, line)."""
        self._firsts: list[int] = []
        """For each item the number of its first line."""
        self._cache = Cache()
        self._styles: dict[str, Style] = {}
        self._conversation = ""
        self._is_fresh = False
        """A conversation was opened and not shown yet: where to begin depends on the height."""
        self.top = 0
        self.is_stuck = True
        """At the end, and kept there when something comes."""
        self.selected: str | None = None
        """Id of the selected message."""

    # --- what is shown ---------------------------------------------------------------------------------------

    def show(self, conversation: str, items: list[Item], names: Mapping[str, str], nothing: Sequence[str] = ()) -> None:
        """Show these lines; the reader stays at the message they looked at, or at the end.

        Args:
            conversation: the open one.
            items: its lines, oldest first.
            names: nicknames by account name.
            nothing: sentences to show in the middle while there are no lines.
        """
        self._nothing = list(nothing)
        fresh = conversation != self._conversation
        anchor = None if fresh or self.is_stuck else self._anchor()
        self._conversation, self._items, self._names = conversation, items, names
        if fresh:
            self.selected = None
            self._is_fresh = True
        self._lay_out()
        if self._is_fresh:
            self._begin()
        elif anchor is not None:
            self._return_to(*anchor)
        self.refresh()

    def _lay_out(self) -> None:
        look = Look(max(1, self.size.width - 1), self._own, self._styles, self._names)
        self._lines, self._firsts = [], []
        for number, strips in enumerate(self._cache.strips(self._items, look)):
            self._firsts.append(len(self._lines))
            self._lines += [(number, strip) for strip in strips]
        if self.is_stuck:
            self.top = self._last_top()
        self.top = min(self.top, self._last_top())

    def _begin(self) -> None:
        """A conversation opens at its first unread message, or at its end, once there is room to show it in."""
        if not self.size.height:
            return
        self._is_fresh = False
        self.is_stuck, self.top = True, self._last_top()
        for number, item in enumerate(self._items):
            if isinstance(item, UnreadLine) and self._firsts[number] < self.top:
                self._go(max(0, self._firsts[number] - 1))
                return

    def _anchor(self) -> tuple[str, int]:
        """The message at the top of the view, and how far its first line is above it."""
        for number, first in enumerate(self._firsts):
            item = self._items[number]
            if first >= self.top and isinstance(item, Entry):
                return item.message.id, first - self.top
        return "", 0

    def _return_to(self, message_id: str, below: int) -> None:
        number = self._number_of(message_id)
        if number is not None:
            self.top = min(max(0, self._firsts[number] - below), self._last_top())

    def _number_of(self, message_id: str | None) -> int | None:
        for number in range(len(self._items) - 1, -1, -1):
            item = self._items[number]
            if isinstance(item, Entry) and item.message.id == message_id:
                return number
        return None

    def _last_top(self) -> int:
        return max(0, len(self._lines) - self.size.height)

    # --- drawing ---------------------------------------------------------------------------------------------

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All there is."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """All there is."""
        return container.height

    def notify_style_update(self) -> None:
        """Another theme: every line is made again."""
        super().notify_style_update()
        if not self.is_mounted:
            return  # the component styles are applied after the widget's own
        self._styles = {name: self.get_component_rich_style(f"timeline--{name}", partial=True) for name in STYLES}
        self._styles["text"] = self.get_component_rich_style("timeline--text")
        self._lay_out()
        self.refresh()

    def on_mount(self) -> None:
        """The theme is known now."""
        self.notify_style_update()

    def on_resize(self, event: events.Resize) -> None:
        """Another width: wrapped again around the same message."""
        anchor = None if self.is_stuck else self._anchor()
        self._lay_out()
        if self._is_fresh:
            self._begin()
        elif anchor is not None:
            self._return_to(*anchor)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line of the view; few messages stand at its lower edge."""
        width, height = self.size
        base = self._styles.get("text", Style.null())
        if not self._lines and self._nothing:
            return self._empty(y - (height - len(self._nothing)) // 2, base)
        at = self.top + y - max(0, height - len(self._lines))
        if not 0 <= at < len(self._lines):
            return blank(width, base)
        number, strip = self._lines[at]
        item = self._items[number]
        if isinstance(item, Entry) and item.message.id == self.selected and self.has_focus:
            base = base + self._styles["selected"]
            strip = Strip([Segment(text, (style or base) + base) for text, style, _c in strip], strip.cell_length)
        return Strip.join([strip, Strip([self._thumb(y, height, base)], 1)])

    def _empty(self, number: int, base: Style) -> Strip:
        width = self.size.width
        if not 0 <= number < len(self._nothing):
            return blank(width, base)
        text = fit(self._nothing[number], width - 2)
        left = " " * ((width - cell_len(text)) // 2)
        return Strip([Segment(left, base), Segment(text, base + self._styles["time"])]).adjust_cell_length(width, base)

    def _thumb(self, y: int, height: int, base: Style) -> Segment:
        """Where the reader is, in the last column, when there is more than fits."""
        total = len(self._lines)
        thumb = max(1, height * height // max(1, total))
        first = round(self.top * (height - thumb) / max(1, total - height))
        if total <= height or not first <= y < first + thumb:
            return Segment(" ", base)
        return Segment("▐", base + self._styles["time"])

    # --- moving ----------------------------------------------------------------------------------------------

    def _go(self, top: int) -> None:
        self.top = min(max(0, top), self._last_top())
        self.is_stuck = self.top >= self._last_top()
        if self.top <= NEAR:
            self.post_message(self.Edge(-1))
        if self.top >= self._last_top() - NEAR:
            self.post_message(self.Edge(1))
        self.post_message(self.Moved())
        self.refresh()

    def to_end(self) -> None:
        """Go to the end and stay there."""
        self.selected = None
        self._go(self._last_top())

    def to_message(self, message_id: str) -> None:
        """Select a message and bring it into the middle."""
        number = self._number_of(message_id)
        if number is not None:
            self.selected = message_id
            self._go(self._firsts[number] - self.size.height // 2)

    def action_page(self, direction: int) -> None:
        """A screen up or down."""
        self._go(self.top + direction * max(1, self.size.height - 2))

    def action_first(self) -> None:
        """The beginning of what is here."""
        self._go(0)

    def action_last(self) -> None:
        """The end."""
        self.to_end()

    def action_select(self, step: int) -> None:
        """Select the message above or below."""
        entries = [n for n, item in enumerate(self._items) if isinstance(item, Entry)]
        if not entries:
            return
        now = self._number_of(self.selected)
        if now is None:
            visible = [n for n in entries if self._firsts[n] < self.top + self.size.height]
            number = (visible or entries)[-1]
        else:
            at = entries.index(now) + step
            if at >= len(entries):
                self.to_end()
                return
            number = entries[max(0, at)]
        item = self._items[number]
        assert isinstance(item, Entry)
        self.selected = item.message.id
        self._into_view(number)

    def _into_view(self, number: int) -> None:
        first = self._firsts[number]
        last = self._firsts[number + 1] if number + 1 < len(self._firsts) else len(self._lines)
        top = self.top
        if first < top:
            top = first
        elif last > top + self.size.height:
            top = last - self.size.height
        self._go(top)

    def chosen(self) -> Message | None:
        """Return the selected message."""
        number = self._number_of(self.selected)
        item = self._items[number] if number is not None else None
        return item.message if isinstance(item, Entry) else None

    def action_menu(self) -> None:
        """Offer what can be done with the selected message."""
        chosen = self.chosen()
        if chosen is not None:
            self.post_message(self.Chosen(chosen))

    # --- the mouse -------------------------------------------------------------------------------------------

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """A few lines back."""
        event.stop()
        self._go(self.top - WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """A few lines on."""
        event.stop()
        self._go(self.top + WHEEL)

    def on_click(self, event: events.Click) -> None:
        """Select; a second click on the same message opens what can be done with it."""
        at = self.top + event.y - max(0, self.size.height - len(self._lines))
        item = self._items[self._lines[at][0]] if 0 <= at < len(self._lines) else None
        if not isinstance(item, Entry):
            return
        if self.selected == item.message.id and event.chain > 1:
            self.post_message(self.Chosen(item.message))
        self.selected = item.message.id
        self.refresh()
