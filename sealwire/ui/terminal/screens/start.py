"""The first minutes: a broker, a passphrase, keys in the making, and the line that brings a friend in."""

from __future__ import annotations

from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Button, Input, Static

from sealwire import qr
from sealwire.errors import SealwireError
from sealwire.i18n import _, explain
from sealwire.ui.terminal.ahead import LeadsOn
from sealwire.ui.terminal.keys import Field
from sealwire.ui.terminal.screens.base import Page, Row, button, plain
from sealwire.ui.terminal.screens.trust import code


class Welcome(Page[str]):
    """Nothing answers where the broker should be. Gives back ``here``, ``network``, ``again``, or an invite line."""

    DEFAULT_CSS = """
    Welcome Button { width: 100%; margin: 0; }
    """

    def __init__(self, check: Callable[[str], str], problem: str = "") -> None:
        self.title_text = _("Welcome to Sealwire")
        self.hint_text = _("Tab: next   Enter: choose   Esc: the end")
        self._check, self._problem = check, problem
        super().__init__()

    def content(self) -> ComposeResult:
        """Three ways on."""
        yield Static(
            plain(
                _(
                    "Messages go through a broker, a small program that relays what it cannot read. None answers yet. "
                    "Somebody in your circle runs one, or you do."
                )
            )
        )
        yield Field(placeholder=_("Paste an invite here: sealwire:…"), id="line")
        yield button(_("Start a broker here, for this computer"), "here", "primary")
        yield button(_("Start a broker here, for other computers too (with invites)"), "network")
        yield button(_("Look again"), "again")
        yield Static(plain(self._problem), id="said", classes="problem")

    def on_mount(self) -> None:
        """Most people hold an invite."""
        self.query_one("#line", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """An invite was pasted."""
        try:
            self._check(event.value)
        except SealwireError as error:
            self.query_one("#said", Static).update(plain(" ".join(filter(None, explain(error)))))
            return
        self.dismiss(event.value.strip())

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the others."""
        self.dismiss(event.button.id)


class Passphrase(Page[str], LeadsOn):
    """Open a key file, or choose a passphrase for a new one."""

    def __init__(self, name: str, is_new: bool, problem: str = "") -> None:
        self._is_new, self._problem = is_new, problem
        self.title_text = _("Hello {name}").format(name=name) if is_new else name
        self.hint_text = _("Enter: go on   Esc: the end")
        super().__init__()

    def content(self) -> ComposeResult:
        """One sentence about what it is for, then one or two lines."""
        if self._is_new:
            yield Static(
                plain(
                    _(
                        "Choose a passphrase: it locks your keys and your history on this computer, and nobody can "
                        "make a new one for you. Empty is allowed: then whoever can read your files can be you."
                    )
                )
            )
            yield Static(plain(_("Passphrase:")))
        else:
            yield Static(plain(_("Passphrase of this profile:")))
        yield Field(password=True, id="line")
        if self._is_new:
            yield Static(plain(_("The same again:")))
            yield Field(password=True, id="again")
        yield Static(plain(self._problem), id="said", classes="problem")

    def on_mount(self) -> None:
        """Ready to type."""
        self.query_one("#line", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """To the second line, then on."""
        first = self.query_one("#line", Input).value
        if not self._is_new:
            self.dismiss(first)
        elif event.input.id == "line":
            self.query_one("#said", Static).update(plain(_("And once more, to be sure.")))
            self.query_one("#again", Input).focus()
        elif first == event.value:
            self.dismiss(first)
        else:
            self.query_one("#said", Static).update(plain(_("These were two different passphrases.")))
            self.query_one("#again", Input).value = ""
            self.query_one("#line", Input).focus()


class Progress(Page[None]):
    """What is being done, line by line; nothing spins."""

    BINDINGS = []

    def __init__(self, title: str) -> None:
        self.title_text = title
        self.hint_text = _("One moment.")
        self._lines: list[str] = []
        super().__init__()

    def content(self) -> ComposeResult:
        """The lines so far."""
        yield Static("\n", id="lines", markup=False)

    def tell(self, line: str) -> None:
        """One more line."""
        self._lines.append(line)
        if self.is_mounted:
            self.query_one("#lines", Static).update(plain("\n".join(self._lines)))

    def action_leave(self) -> None:
        """It ends by itself."""


class Invite(Page[None]):
    """The line to send to a friend, what it is worth, and its QR code where there is room."""

    DEFAULT_CSS = """
    Invite #invite { text-style: bold; padding: 1 0; }
    Invite #qr { width: 100%; content-align: center middle; height: auto; }
    """

    def __init__(self, line: str, note: str) -> None:
        self._line, self._note = line, note
        self._is_shown = False
        self.title_text = _("Bring a friend")
        self.hint_text = _("Enter: go on   arrows: scroll")
        super().__init__()

    def content(self) -> ComposeResult:
        """The line first, alone, so that it can be copied whole."""
        yield Static(plain(_("Send this line to a friend, in private; it is like a key to the door:")))
        yield Static(plain(self._line), id="invite")
        yield Static(
            plain(
                _(
                    "They run: python peer.py --name THEIR-NAME --join 'the line'. "
                    "Then Ctrl+K and their name writes to them."
                )
            )
        )
        if self._note:
            yield Static(plain(self._note))
        with Row(classes="row"):
            yield button(_("Go on"), "on", "primary")
            yield button(_("Copy"), "copy")
        if self.app.size.width >= qr.columns(self._line) + 6:
            yield Static(code(self._line), id="qr")

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """At first the line is shown: on a small screen the button is below it, and Enter presses it all the same."""
        if not self._is_shown:
            self._is_shown = True
            self.call_after_refresh(self.query_one("#body").scroll_home, animate=False)

    @on(Button.Pressed, "#on")
    def _on(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#copy")
    def _copy(self) -> None:
        self.app.copy_to_clipboard(self._line)
        self.app.notify(_("Copied, if this terminal allows it."), markup=False)
