"""What pages are made of: a panel with a title that Escape closes, a question, a choice, a list of messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, Literal, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from sealwire.i18n import _
from sealwire.peer.events import Message
from sealwire.ui.terminal.ahead import Arrived
from sealwire.ui.terminal.keys import Field

T = TypeVar("T")
Variant = Literal["default", "primary", "success", "warning", "error"]


def plain(text: str) -> Content:
    """Return text that nothing reads as markup."""
    return Content(text)


def button(label: str, id: str, variant: Variant = "default") -> Button:
    """Return a button of one line."""
    return Button(plain(label), id=id, variant=variant, compact=True)


class Row(Horizontal):
    """Buttons beside each other; one below the other where a language or a narrow terminal leaves too little room."""

    def on_resize(self) -> None:
        """Look again when the buttons have their widths."""
        self.call_after_refresh(self._arrange)

    def _arrange(self) -> None:
        needed = sum(one.outer_size.width + one.styles.margin.width for one in self.children)
        self.styles.layout = "horizontal" if needed <= self.size.width else "vertical"


class Page(ModalScreen[T | None], Generic[T]):
    """A panel over the conversations. ``T`` is what it gives back; Escape gives None."""

    DEFAULT_CSS = """
    Page { align: center middle; background: $background 60%; }
    Page > #panel {
        width: 92%; max-width: 84; height: auto; max-height: 96%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    Page #title { text-style: bold; color: $primary; width: 100%; }
    Page #hint { color: $foreground-muted; width: 100%; }
    Page #body { height: auto; max-height: 100%; scrollbar-size-vertical: 1; }
    Page .problem { color: $error; }
    Page .row { height: auto; width: 100%; }
    Page Button { margin: 0 1 0 0; min-width: 10; padding: 0 1; }
    Page Input { border: none; height: 1; padding: 0 1; background: $panel; }
    Page Input:focus { border: none; background: $panel-lighten-1; }
    Page OptionList:focus { border: none; }
    Page OptionList { border: none; height: auto; max-height: 16; background: $surface; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False, priority=True)]

    title_text = ""
    hint_text = ""

    def compose(self) -> ComposeResult:
        """Title, what the page holds, a line about the keys."""
        with Vertical(id="panel"):
            yield Static(plain(self.title_text), id="title")
            with VerticalScroll(id="body", can_focus=False):
                yield from self.content()
            yield Static(plain(self.hint_text or _("Esc: back")), id="hint")

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Keys can come."""
        self.app.post_message(Arrived())

    def on_screen_resume(self) -> None:
        """They can come at once where nothing takes the focus."""
        if not self.focus_chain:
            self.app.post_message(Arrived())

    def content(self) -> ComposeResult:
        """What the page holds."""
        yield from ()

    def action_leave(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class Confirm(Page[bool]):
    """A question with two buttons; the safe one has the focus."""

    def __init__(self, title: str, text: str, yes: str, no: str) -> None:
        self.title_text = title
        self._text, self._yes, self._no = text, yes, no
        super().__init__()

    def content(self) -> ComposeResult:
        """The question and its answers."""
        yield Static(plain(self._text))
        with Row(classes="row"):
            yield button(self._no, "no", "primary")
            yield button(self._yes, "yes", "error")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Give the answer back."""
        self.dismiss(event.button.id == "yes")


class Ask(Page[str]):
    """A question answered with a line of text."""

    def __init__(self, title: str, label: str, value: str = "", *, secret: bool = False, hint: str = "") -> None:
        self.title_text = title
        self.hint_text = hint or _("Enter: done   Esc: back")
        self._label, self._value, self._secret = label, value, secret
        super().__init__()

    def content(self) -> ComposeResult:
        """The label and the line."""
        if self._label:
            yield Static(plain(self._label))
        yield Field(self._value, password=self._secret, id="line")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give the line back."""
        self.dismiss(event.value)


class Menu(Page[str]):
    """A few things to choose from."""

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], text: str = "") -> None:
        self.title_text = title
        self.hint_text = _("Enter: choose   Esc: back")
        self._choices, self._text = list(choices), text
        super().__init__()

    def content(self) -> ComposeResult:
        """The choices, each with its id."""
        if self._text:
            yield Static(plain(self._text))
        yield OptionList(*(Option(plain(label), id=key) for key, label in self._choices), id="choices")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Give the chosen id back."""
        self.dismiss(event.option.id)


class Notice(Page[None]):
    """Something to read."""

    def __init__(self, title: str, text: str) -> None:
        self.title_text = title
        self._text = text
        super().__init__()

    def content(self) -> ComposeResult:
        """The text."""
        yield Static(plain(self._text), id="text")
        yield button(_("Close"), "close")

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.dismiss(None)


class Messages(Page[Message]):
    """Messages to jump to: pinned ones, files."""

    def __init__(self, title: str, rows: Sequence[tuple[Message, str]], nothing: str) -> None:
        self.title_text = title
        self.hint_text = _("Enter: go there   Esc: back")
        self._rows, self._nothing = list(rows), nothing
        super().__init__()

    def content(self) -> ComposeResult:
        """One line each."""
        if not self._rows:
            yield Static(plain(self._nothing))
            return
        yield OptionList(*(Option(plain(line)) for _message, line in self._rows), id="choices")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Give the chosen message back."""
        self.dismiss(self._rows[event.option_index][0])
