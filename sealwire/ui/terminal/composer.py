"""Where one writes: several lines, a paste is one message, words complete, Up on empty edits the last message."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any, cast

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.keys import Keys
from textual.message import Message as Told
from textual.widgets import OptionList, TextArea
from textual.widgets.option_list import Option

from sealwire.ui.terminal.keys import carry_out
from sealwire.ui.views import completing
from sealwire.ui.views.completing import Candidate

# A terminal without a newer keyboard protocol sends Alt+Enter as Escape and Return; Textual would take that for two
# keys, of which the second sends the message.
for _sequence in ("\x1b\r", "\x1b\n"):
    cast(MutableMapping[str, Any], ANSI_SEQUENCES_KEYS)[_sequence] = (Keys.ControlJ,)

_CHOOSING = frozenset({"up", "down", "enter", "tab", "escape"})
"""Keys that mean something else while completions are offered."""


class Completions(OptionList, can_focus=False):
    """What may stand at the cursor; the composer keeps the focus and drives it."""

    DEFAULT_CSS = """
    Completions { display: none; height: auto; max-height: 8; border: none; background: $panel; color: $foreground; }
    """


class Composer(TextArea):
    """A text area that sends with Enter."""

    DEFAULT_CSS = """
    Composer { height: auto; min-height: 1; max-height: 8; border: none; padding: 0 1; background: $surface; }
    Composer:focus { border: none; background: $surface-lighten-1; }
    Composer:disabled { display: none; }
    """

    class Sent(Told):
        """Enter: this is to be said."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    class EditLast(Told):
        """Up on an empty input."""

    class Back(Told):
        """Escape, and nothing to close here."""

    def __init__(self, completions: Completions, *, id: str | None = None) -> None:
        super().__init__(
            id=id, soft_wrap=True, show_line_numbers=False, tab_behavior="focus", highlight_cursor_line=False
        )
        self._completions = completions
        self._candidates: list[Candidate] = []
        self._looked = ""
        """The text before the cursor for which candidates were looked up last."""
        self.names: set[str] = set()
        """Accounts, and groups with +, that a name completes to."""
        self._has_led_on = False
        """Tab gave the focus away: keys that came here before it did so belong where it is now."""

    # --- keys ------------------------------------------------------------------------------------------------

    def action_newline(self) -> None:
        """A line break within the message."""
        self.insert("\n")

    def action_send(self) -> None:
        """Send, or take the completion that is highlighted."""
        if self._candidates and self._completions.highlighted is not None:
            self._accept(self._completions.highlighted)
            return
        self._close()
        text = self.text
        if text.strip():
            self.put("")  # now: what is typed next may be there before anybody looks at what was sent
            self.post_message(self.Sent(text))

    def action_complete(self) -> None:
        """Take the first completion; without any, Tab leads to the next part of the screen."""
        if self._candidates:
            self._accept(self._completions.highlighted or 0)
        else:
            self._lead(1)

    def _lead(self, step: int) -> None:
        self._has_led_on = True
        (self.screen.focus_next if step > 0 else self.screen.focus_previous)()

    def on_focus(self) -> None:
        """Keys are for here again."""
        self._has_led_on = False

    def pasted(self, text: str) -> None:
        """Take in a paste that another part of the screen was given, and the focus."""
        if not (self.disabled or self.has_focus):
            self.focus()
            self.insert(text)

    def action_back(self) -> None:
        """Close the list of completions, or leave."""
        if self._candidates:
            self._close()
        else:
            self.post_message(self.Back())

    async def _on_key(self, event: events.Key) -> None:
        """Keys in the order in which they were pressed: a binding with priority would overtake what was typed."""
        place = self.screen.focused
        if self._has_led_on and place is not None and place is not self:
            event.prevent_default()
            event.stop()
            place._forward_event(events.Key(event.key, event.character))
            return
        does = self._meaning(event.key)
        if does is None:
            await carry_out(self, event)
            return  # Textual goes on with what the classes above do
        event.prevent_default()
        event.stop()
        does()

    def _meaning(self, key: str) -> Callable[[], object] | None:
        if key in _CHOOSING:
            self._look_again()  # the word that was typed just now may not have been told about yet
        if key in ("up", "down") and self._candidates:
            return partial(self._step, 1 if key == "down" else -1)
        if key == "up" and not self.text:
            return partial(self.post_message, self.EditLast())
        keys: dict[str, Callable[[], object]] = {
            "enter": self.action_send,
            "tab": self.action_complete,
            "shift+tab": partial(self._lead, -1),
            "escape": self.action_back,
            **dict.fromkeys(("alt+enter", "ctrl+j", "shift+enter"), self.action_newline),
        }
        return keys.get(key)

    # --- completion ------------------------------------------------------------------------------------------

    def on_text_area_changed(self, _event: TextArea.Changed) -> None:
        """Look again at what may stand at the cursor."""
        self._look_again()

    def _look_again(self) -> None:
        if self._before() != self._looked:
            self.look()

    def _before(self) -> str:
        row, column = self.cursor_location
        return "\n".join([*self.document.lines[:row], self.document.lines[row][:column]])

    def look(self) -> None:
        """Offer completions for the text before the cursor."""
        self._looked = self._before()
        self._candidates = completing.complete(self._looked, self.names)
        self._completions.clear_options()
        self._completions.add_options([Option(_escaped(one.shown)) for one in self._candidates])
        self._completions.display = bool(self._candidates)
        # An emoji or a name is offered, a command is taken by Enter only after a choice.
        self._completions.highlighted = None

    def _step(self, step: int) -> None:
        now = self._completions.highlighted
        count = len(self._candidates)
        self._completions.highlighted = (0 if step > 0 else count - 1) if now is None else (now + step) % count

    def _accept(self, number: int) -> None:
        chosen = self._candidates[number]
        row, column = self.cursor_location
        self.replace(chosen.text, (row, column - chosen.replaces), (row, column))
        self._close()

    def _close(self) -> None:
        self._candidates = []
        self._completions.display = False

    def put(self, text: str) -> None:
        """Put this text in, the cursor at its end; undoing goes no further back."""
        self.load_text(text)
        self.move_cursor(self.document.end)
        self._close()


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
