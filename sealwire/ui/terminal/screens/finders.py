"""Ctrl+K and Ctrl+F: jump to a conversation, search what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from sealwire.errors import SealwireError
from sealwire.i18n import _
from sealwire.ids import account_name
from sealwire.peer.api import FullClient
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Message
from sealwire.ui.terminal.ahead import LeadsOn
from sealwire.ui.terminal.keys import Field
from sealwire.ui.terminal.screens.base import Page, plain
from sealwire.ui.views import chats, found
from sealwire.ui.views.safe import screen_name

SHOWN: Final = 50
"""Rows; one more letter makes the list shorter."""
NEW_GROUP: Final = "+"
"""What the switcher gives back when a group is to be made."""


class Finder(Page[str]):
    """A line that filters a list; the arrows move in the list while one types."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", show=False, priority=True),
        Binding("up", "step(-1)", show=False, priority=True),
    ]

    def content(self) -> ComposeResult:
        """The line and the list."""
        yield Field(self.begin, placeholder=self.prompt, id="line")
        yield OptionList(id="choices")
        yield Static("", id="note", markup=False)

    prompt = ""
    begin = ""

    def on_mount(self) -> None:
        """The line has the focus."""
        self.query_one("#line", Input).focus()
        self.query_one("#choices", OptionList).can_focus = False
        self.look(self.begin)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter again."""
        self.look(event.value)

    def look(self, query: str) -> None:
        """Fill the list."""

    def fill(self, rows: Sequence[str], note: str) -> None:
        """Show rows, the first one highlighted, and a note below them."""
        choices = self.query_one("#choices", OptionList)
        choices.clear_options()
        choices.add_options([Option(plain(row)) for row in rows])
        choices.highlighted = 0 if rows else None
        self.query_one("#note", Static).update(plain(note))

    def action_step(self, step: int) -> None:
        """Move in the list."""
        choices = self.query_one("#choices", OptionList)
        if choices.option_count:
            choices.highlighted = ((choices.highlighted or 0) + step) % choices.option_count


class Switcher(Finder, LeadsOn):
    """Jump to a conversation by a part of its name; a name that is not listed begins one."""

    def __init__(self, infos: Sequence[ConversationInfo], own: str) -> None:
        self.title_text = _("Jump to a conversation")
        self.hint_text = _("Enter: open   Esc: back")
        self.prompt = _("a name")
        self._infos, self._own = list(infos), own
        self._ids: list[str] = []
        super().__init__()

    def look(self, query: str) -> None:
        """Matching conversations first, then what the words could begin."""
        matching = chats.matches(self._infos, query)[:SHOWN]
        self._ids = [info.id for info in matching]
        rows = [self._row(info) for info in matching]
        name = account_name(query.strip()) if query.strip() else None
        if name is not None and name != self._own and name not in self._ids:
            self._ids.append(name)
            rows.append(_("Write to {name}").format(name=name))
        self._ids.append(NEW_GROUP)
        rows.append(_("Make a group …"))
        self.fill(rows, "")

    def _row(self, info: ConversationInfo) -> str:
        title = screen_name(info.title)
        shown = f"+{title}" if info.is_group else title
        return f"{shown} ({info.unread})" if info.unread else shown

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Give the highlighted conversation back."""
        at = self.query_one("#choices", OptionList).highlighted
        self.dismiss(self._ids[at] if at is not None else None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Clicked."""
        self.dismiss(self._ids[event.option_index])


class Search(Finder):
    """Search what was said, here or everywhere; gives back the id of a message and keeps it in ``chosen``."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+t", "scope", show=False, priority=True)]

    def __init__(
        self, client: FullClient, here: str | None, titles: Mapping[str, str], names: Mapping[str, str], begin: str = ""
    ) -> None:
        self.title_text = _("Search")
        self.hint_text = _("Enter: go there   Ctrl+T: here or everywhere   Esc: back")
        self.prompt = _("words, or how they begin")
        self.begin = begin
        self.chosen: Message | None = None
        self._client, self._here, self._titles, self._names = client, here, titles, names
        self._only_here = False
        self._found: list[Message] = []
        super().__init__()

    def action_scope(self) -> None:
        """Search in the open conversation only, or everywhere again."""
        self._only_here = not self._only_here and self._here is not None
        self.look(self.query_one("#line", Input).value)

    def look(self, query: str) -> None:
        """Ask the history; a later question takes the place of an earlier one."""
        self._ask(query)

    @work(exclusive=True, group="search")
    async def _ask(self, query: str) -> None:
        where = self._here if self._only_here else None
        place = self._titles.get(where, where) if where else None
        if not query.strip():
            self._found = []
            self.fill([], found.scope(place))
            return
        try:
            results = await self._client.past.search(query, where, SHOWN)
        except SealwireError as error:
            self.fill([], str(error))
            return
        self._found = [one.message for one in results]
        rows = [found.line(one, self._client.name, self._titles, self._names) for one in results]
        self.fill(rows, found.count(len(results), SHOWN, query, place))

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Go to the highlighted message."""
        self._choose(self.query_one("#choices", OptionList).highlighted)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Clicked."""
        self._choose(event.option_index)

    def _choose(self, at: int | None) -> None:
        if at is not None and at < len(self._found):
            self.chosen = self._found[at]
            self.dismiss(self.chosen.id)
