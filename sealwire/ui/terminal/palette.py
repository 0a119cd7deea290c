"""Ctrl+P: everything that can be done, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from sealwire.i18n import _
from sealwire.ui.terminal.theme import THEMES
from sealwire.ui.views.commands import Spec, table

if TYPE_CHECKING:
    from sealwire.ui.terminal.app import TerminalApp
    from sealwire.ui.terminal.main import MainScreen

Row = tuple[str, str, Callable[[], object]]


class Everything(Provider):
    """The commands of the palette."""

    def _rows(self) -> list[Row]:
        app: TerminalApp = self.app  # type: ignore[assignment]
        main = app.main
        rows = _conversation(main) if main is not None else []
        for theme in THEMES:
            name = _("Theme: {name}").format(name=_theme_word(theme.name))
            rows.append((name, _("Colours of the whole screen"), partial(app.choose_theme, theme.name)))
        rows.append((_("Start a broker here"), _("On this machine; it goes on when this ends"), app.start_broker))
        for_others = partial(app.start_broker, True)
        rows.append((_("Start a broker for other computers"), _("It lets in holders of an invite"), for_others))
        rows.append((_("Bring a friend in"), _("The line that lets somebody join"), app.show_invite))
        rows.append((_("Quit"), _("What is queued goes out at the next start"), app.action_quit))
        return rows + (_commands(main) if main is not None else [])

    async def discover(self) -> Hits:
        """Everything, before a letter is typed."""
        for name, about, do in self._rows():
            yield DiscoveryHit(name, do, help=about)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher, found = self.matcher(query), False
        for name, about, do in self._rows():
            score = max(matcher.match(name), matcher.match(about) * 0.5)
            if score > 0:
                found = True
                yield Hit(score, matcher.highlight(name), do, text=name, help=about)
        if not found:  # Textual would say so in English
            nothing = _("Nothing found.")
            yield Hit(1.0, nothing, self.app.bell, text=nothing)


def _theme_word(name: str) -> str:
    return {"dark": _("Dark"), "light": _("Light"), "contrast": _("High contrast")}.get(name, name)


def _commands(main: MainScreen) -> list[Row]:
    """What may be typed into a conversation, also where none is open or one may only read."""

    def asking(spec: Spec) -> Callable[[], object]:
        return lambda: main.aside(main.acts.command(spec))

    return [(spec.form, spec.about, asking(spec)) for spec in table()]


def _conversation(main: MainScreen) -> list[Row]:
    acts = main.acts
    rows: list[Row] = [
        (_("Jump to a conversation"), "Ctrl+K", partial(main.action_do, "switch")),
        (_("Search"), "Ctrl+F", partial(main.action_do, "search")),
        (_("Help"), "F1", main.action_help),
        (_("Make a group"), _("With a name and members"), lambda: main.aside(acts.people.make_group())),
        (_("Requests"), _("Who asks to talk to you"), lambda: main.aside(acts.requests())),
        (_("Try failed messages again"), "/retry", lambda: main.aside(acts.retry())),
    ]
    conversation = acts.current
    if conversation is None:
        return rows
    rows += [
        (_("Send a file"), "Ctrl+O", partial(main.action_do, "attach")),
        (_("About this conversation"), "Ctrl+G", partial(main.action_do, "about_this")),
        (_("Pinned messages"), _("Of this conversation"), lambda: main.aside(acts.listed("pinned"))),
        (_("Files"), _("Of this conversation"), lambda: main.aside(acts.listed("files"))),
        (_("Mute"), _("No notifications from here"), lambda: main.aside(acts.people.on_chat("mute", conversation))),
        (_("Unmute"), _("Notify again"), lambda: main.aside(acts.people.on_chat("unmute", conversation))),
        (
            _("Disappearing messages"),
            _("How long new ones stay here"),
            lambda: main.aside(acts.people.on_chat("timer", conversation)),
        ),
    ]
    if not conversation.startswith("+"):
        rows.append((_("Verify"), _("Compare keys"), lambda: main.aside(acts.people.verify(conversation))))
    return rows
