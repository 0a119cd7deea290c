"""Keys of people: one page to compare them, one about a change."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Button, Input, Static

from sealwire import qr
from sealwire.errors import SealwireError
from sealwire.i18n import _
from sealwire.peer.api import FullClient
from sealwire.peer.api.people import Verification
from sealwire.peer.events import TrustState
from sealwire.ui.terminal.keys import Field
from sealwire.ui.terminal.screens.base import Page, Row, button, plain
from sealwire.ui.views import trust

Fail = Callable[[SealwireError], None]

DARK_ON_LIGHT = Style(color="#000000", bgcolor="#ffffff")
"""Scanners want dark on light, whatever the theme is."""


def code(text: str) -> Text:
    """Return a QR code as a text of half blocks."""
    return Text("\n".join(qr.half_blocks(text)), DARK_ON_LIGHT, no_wrap=True)


class Verify(Page[bool]):
    """Digits and QR code, both directions on one page; True when the person said that they are the same."""

    DEFAULT_CSS = """
    Verify #digits { text-style: bold; text-align: center; width: 100%; padding: 1 0; }
    Verify #qr { width: 100%; content-align: center middle; height: auto; }
    """

    def __init__(self, client: FullClient, value: Verification, state: TrustState, shown: str, fail: Fail) -> None:
        self._client, self._shown, self._fail = client, shown, fail
        self._page = trust.verify_page(value, state, shown)
        self.title_text = self._page.title
        self.hint_text = _("Tab: next   Enter: press   arrows: scroll   Esc: back")
        super().__init__()

    def content(self) -> ComposeResult:
        """Digits first: they fit everywhere. The code follows where there is room for it."""
        page = self._page
        yield Static(plain(page.state), id="state")
        yield Static(plain("\n".join(page.digits)), id="digits")
        yield Static(plain(page.explanation))
        with Row(classes="row"):
            if page.is_verified:
                yield button(_("Not verified any more"), "no", "error")
            else:
                yield button(_("They are the same"), "yes", "success")
                yield button(_("They differ"), "differ", "error")
        yield Static(plain(_("Or paste the text of their code:")))
        yield Field(placeholder="SEALWIRE…", id="line")
        yield Static("", id="said", markup=False)
        if self.app.size.width >= qr.columns(page.code) + 6:
            yield Static(code(page.code), id="qr")
        yield Static(plain(_("Your code as text: {code}").format(code=page.code)), id="text")

    @on(Button.Pressed, "#yes")
    def _same(self) -> None:
        self._set(True)

    @on(Button.Pressed, "#no")
    def _not_any_more(self) -> None:
        self._set(False)

    @on(Button.Pressed, "#differ")
    def _differ(self) -> None:
        self._say(
            _("Do not trust this conversation. Ask the operator, and {name} over another channel.").format(
                name=self._shown
            )
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A code was pasted."""
        self._check(event.value)

    @work
    async def _set(self, verified: bool) -> None:
        try:
            await self._client.set_verified(self._page.name, verified, "".join(self._page.digits))
        except SealwireError as error:
            self._fail(error)
        else:
            self.dismiss(verified)

    @work
    async def _check(self, text: str) -> None:
        try:
            match = await self._client.people.check_code(self._page.name, text.strip())
        except SealwireError as error:
            self._fail(error)
            return
        self._say(trust.match_sentence(match, self._shown))
        if match == "same":
            self.query_one("#state", Static).update(plain(trust.match_sentence(match, self._shown)))

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(plain(text))


class KeyChange(Page[str]):
    """Who, since when, likely causes, two buttons. Gives back ``compare``, ``accept``, or None for later."""

    def __init__(self, page: trust.ChangePage) -> None:
        self._page = page
        self.title_text = page.title
        self.hint_text = _("Tab: next   Enter: press   Esc: decide later")
        super().__init__()

    def content(self) -> ComposeResult:
        """The facts, then the two ways on; comparing has the focus."""
        page = self._page
        yield Static(plain(page.since))
        for cause in page.causes:
            yield Static(plain(f"• {cause}"))
        yield Static(plain(page.consequence), classes="problem")
        with Row(classes="row"):
            yield button(page.compare, "compare", "primary")
            yield button(page.accept, "accept", "error")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Give the way back."""
        self.dismiss(event.button.id)
