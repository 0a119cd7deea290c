"""Groups: their page, and making a new one."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from sealwire.i18n import _
from sealwire.ui.terminal.keys import Field
from sealwire.ui.terminal.screens.base import Page, Row, button, plain
from sealwire.ui.views.groups import GroupPage, act_label


class GroupScreen(Page[str]):
    """Members, topic, timer, and what may be done. Gives back ``act`` or ``member:NAME``."""

    DEFAULT_CSS = """
    GroupScreen .row { height: auto; layout: grid; grid-size: 3; grid-gutter: 0; grid-rows: 1; }
    """

    def __init__(self, page: GroupPage) -> None:
        self._page = page
        self.title_text = f"+{page.title}"
        self.hint_text = _("Enter on a member: what you may do   Tab: next   Esc: back")
        super().__init__()

    def content(self) -> ComposeResult:
        """Facts, members, buttons."""
        page = self._page
        yield Static(plain(page.state))
        yield Static(plain(page.topic))
        yield OptionList(*(Option(plain(row.shown), id=row.name) for row in page.members), id="members")
        yield Static(plain(f"{page.timer} {page.history}"))
        with Row(classes="row"):
            for act in page.acts:
                yield button(act_label(act), act, "error" if act == "leave" else "default")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A member was chosen."""
        self.dismiss(f"member:{event.option.id}")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An act was chosen."""
        self.dismiss(event.button.id)


class NewGroup(Page[tuple[str, tuple[str, ...]]]):
    """Name and members of a group to be made."""

    def __init__(self) -> None:
        self.title_text = _("A new group")
        self.hint_text = _("Enter: next, then make it   Esc: back")
        super().__init__()

    def content(self) -> ComposeResult:
        """Two lines."""
        yield Static(plain(_("Its name:")))
        yield Field(id="name")
        yield Static(plain(_("Who is asked to join, names with blanks between (more can be asked later):")))
        yield Field(id="members")
        yield Static("", id="said", classes="problem", markup=False)
        yield button(_("Make it"), "make", "primary")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """From the name to the members, from there to the end."""
        if event.input.id == "name":
            self.query_one("#members", Input).focus()
        else:
            self._make()

    def on_button_pressed(self, _event: Button.Pressed) -> None:
        """Done."""
        self._make()

    def _make(self) -> None:
        name = self.query_one("#name", Input).value.strip()
        if not name:
            self.query_one("#said", Static).update(plain(_("A group needs a name.")))
            self.query_one("#name", Input).focus()
            return
        members = self.query_one("#members", Input).value.replace(",", " ").split()
        self.dismiss((name, tuple(members)))
