"""Keys in the order in which they were pressed, for everything one types in.

Textual lets a widget insert what is typed at once, but hands keys that are bound (Backspace, arrows, Ctrl+U) up to the
application and carries them out when they get there. On a busy machine what is typed next is inserted before that, and
Ctrl+U deletes it.
"""

from __future__ import annotations

from typing import Final

from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

LEADING: Final[tuple[BindingType, ...]] = (
    Binding("tab", "app.focus_next", show=False, priority=True),
    Binding("shift+tab", "app.focus_previous", show=False, priority=True),
)
"""For parts that nothing is typed in: the key after Tab belongs to where Tab leads, however soon it comes."""


async def carry_out(widget: Widget, event: events.Key) -> None:
    """Carry out what a key is bound to in the widget itself, in its turn.

    Not Enter: a Tab before it is still on its way to the application, and leads to where Enter belongs.
    """
    if event.key == "enter":
        return
    for binding in widget._bindings.key_to_bindings.get(event.key, ()):
        if not binding.priority and await widget.app.run_action(binding.action, widget):
            event.stop()
            event.prevent_default()
            return


class Field(Input):
    """A line to type in."""

    async def _on_key(self, event: events.Key) -> None:
        await carry_out(self, event)
