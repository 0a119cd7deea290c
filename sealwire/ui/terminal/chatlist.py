"""The list of conversations as one widget: two lines each, the open one marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message as Told
from textual.strip import Strip
from textual.widget import Widget

from sealwire.i18n import _
from sealwire.ui.terminal.keys import LEADING
from sealwire.ui.terminal.render import fit
from sealwire.ui.views.chats import ChatRow

HEIGHT: Final = 2
"""Lines of a row."""
STYLES: Final = ("text", "title", "loud", "preview", "time", "count", "mention", "trust", "alarm", "open", "cursor")


class ChatList(Widget, can_focus=True):
    """Shows the conversations; Enter opens one."""

    DEFAULT_CSS = """
    ChatList { background: $surface; color: $foreground; }
    ChatList > .chats--text { background: $surface; color: $foreground; }
    ChatList > .chats--title { color: $foreground; }
    ChatList > .chats--loud { color: $foreground; text-style: bold; }
    ChatList > .chats--preview { color: $foreground-muted; }
    ChatList > .chats--time { color: $foreground-muted; }
    ChatList > .chats--count { color: $accent; text-style: bold; }
    ChatList > .chats--mention { color: $warning; text-style: bold; }
    ChatList > .chats--trust { color: $success; }
    ChatList > .chats--alarm { color: $error; text-style: bold; }
    ChatList > .chats--open { background: $primary-muted; }
    ChatList > .chats--cursor { text-style: reverse; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"chats--{name}" for name in STYLES}

    BINDINGS: ClassVar[list[BindingType]] = [
        *LEADING,
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("home", "move(-100000)", show=False),
        Binding("end", "move(100000)", show=False),
        Binding("enter", "choose", show=False),
    ]

    class Chosen(Told):
        """A conversation is to be opened."""

        def __init__(self, conversation: str) -> None:
            self.conversation = conversation
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: list[ChatRow] = []
        self._styles: dict[str, Style] = {}
        self._top = 0
        self.cursor = 0

    def show(self, rows: Sequence[ChatRow]) -> None:
        """Show these rows; the cursor stays on its conversation."""
        at = self.rows[self.cursor].id if self.cursor < len(self.rows) else None
        self.rows = list(rows)
        ids = [row.id for row in self.rows]
        opened = next((number for number, row in enumerate(self.rows) if row.is_open), 0)
        is_here = self.is_attached and self.screen.focused is self  # has_focus follows only later
        self.cursor = ids.index(at) if at in ids and is_here else opened
        self._into_view()
        self.refresh()

    # --- drawing ---------------------------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        if not self.is_mounted:
            return  # the component styles are applied after the widget's own
        self._styles = {name: self.get_component_rich_style(f"chats--{name}", partial=True) for name in STYLES}
        self._styles["text"] = self.get_component_rich_style("chats--text")
        self.refresh()

    def on_mount(self) -> None:
        """The theme is known now."""
        self.notify_style_update()

    def on_resize(self, _event: events.Resize) -> None:
        """Keep the cursor in view."""
        self._into_view()

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        width = self.size.width
        number, line = divmod(self._top * HEIGHT + y, HEIGHT)
        base = self._styles.get("text", Style.null())
        if number >= len(self.rows):
            if number == 0 and y == 0 and not self.rows:
                said = fit(_("Nobody yet. Ctrl+K begins."), width - 1)
                return self._line([Segment(f" {said}")], base, width)
            return Strip.blank(width, base)
        row = self.rows[number]
        segments = self._first(row, width) if line == 0 else self._second(row, width)
        if row.is_open:
            base = base + self._styles["open"]
        if number == self.cursor and self.has_focus:
            base = base + self._styles["cursor"]
        return self._line(segments, base, width)

    def _line(self, segments: list[Segment], base: Style, width: int) -> Strip:
        return Strip(
            [Segment(text, base + (style or Style.null())) for text, style, _c in segments]
        ).adjust_cell_length(width, base)

    def _first(self, row: ChatRow, width: int) -> list[Segment]:
        time = f" {row.time} "
        sign, sign_style = self._sign(row)
        room = max(4, width - 1 - cell_len(time) - cell_len(sign))
        title = fit(row.title, room)
        gap = " " * max(0, room - cell_len(title))
        style = self._styles["loud" if row.unread else "title"]
        bar = "▌" if row.is_open else " "
        return [
            Segment(bar, self._styles["count"]),
            Segment(title, style),
            Segment(sign, sign_style),
            Segment(gap),
            Segment(time, self._styles["time"]),
        ]

    def _sign(self, row: ChatRow) -> tuple[str, Style]:
        if row.trust == "verified":
            return " ✓", self._styles["trust"]
        if row.trust == "changed":
            return " !", self._styles["alarm"]
        return (" +", self._styles["time"]) if row.is_group else ("", Style.null())

    def _second(self, row: ChatRow, width: int) -> list[Segment]:
        count = ""
        if row.unread:
            number = str(row.unread) if row.unread < 1_000 else "999+"
            count = f" ({number}) " if row.is_muted else f" {number} "
            count = f" @{count[1:]}" if row.mentions else count
        elif row.is_muted:
            word = _("muted")
            count = f" {word} "
        room = max(4, width - 2 - cell_len(count))
        preview = fit(row.preview, room)
        gap = " " * max(0, room - cell_len(preview))
        style = self._styles["mention" if row.mentions else "time" if row.is_muted else "count"]
        bar = "▌" if row.is_open else " "
        return [
            Segment(bar + " ", self._styles["count"]),
            Segment(preview, self._styles["preview"]),
            Segment(gap),
            Segment(count, style),
        ]

    # --- moving ----------------------------------------------------------------------------------------------

    def _into_view(self) -> None:
        shown = max(1, self.size.height // HEIGHT)
        if self.cursor < self._top:
            self._top = self.cursor
        elif self.cursor >= self._top + shown:
            self._top = self.cursor - shown + 1
        self._top = max(0, min(self._top, len(self.rows) - shown))

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        if self.rows:
            self.cursor = min(max(0, self.cursor + step), len(self.rows) - 1)
            self._into_view()
            self.refresh()

    def action_choose(self) -> None:
        """Open the conversation under the cursor."""
        if self.cursor < len(self.rows):
            self.post_message(self.Chosen(self.rows[self.cursor].id))

    def on_click(self, event: events.Click) -> None:
        """Open what was clicked."""
        number = self._top + event.y // HEIGHT
        if number < len(self.rows):
            self.cursor = number
            self.action_choose()

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        """Back."""
        self._top = max(0, self._top - 1)
        self.refresh()

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        """On."""
        shown = max(1, self.size.height // HEIGHT)
        self._top = max(0, min(self._top + 1, len(self.rows) - shown))
        self.refresh()
