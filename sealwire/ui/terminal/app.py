"""The program: from the first question to the last message."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import tzinfo
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.driver import Driver

from sealwire.errors import InviteNeedsOperatorError, KeyFileError, SealwireError
from sealwire.i18n import _, explain
from sealwire.peer.api import FullClient
from sealwire.peer.api.launcher import Launcher
from sealwire.ui.announce import Ways
from sealwire.ui.terminal.ahead import AheadApp
from sealwire.ui.terminal.driver import lasting
from sealwire.ui.terminal.main import MainScreen
from sealwire.ui.terminal.palette import Everything
from sealwire.ui.terminal.screens.base import Notice
from sealwire.ui.terminal.screens.start import Invite, Passphrase, Progress, Welcome
from sealwire.ui.terminal.theme import THEMES
from sealwire.ui.views import screen_text


class TerminalApp(AheadApp):
    """Runs until the person ends it, the client is closed, or a first start is refused.

    Args:
        launcher: starts brokers and opens profiles.
        ways: how to notify.
        passphrase: already known, or None to ask for it.
        now_ms: the clock; a test may freeze it.
        zone: of the reader; None for this machine's.
    """

    TITLE = "Sealwire"
    COMMANDS: ClassVar = {Everything}
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", show=False, priority=True)]
    CSS = """
    Toast { max-width: 60; margin: 0; padding: 0 1; }
    ToastRack { dock: top; align: right top; margin: 1 0 0 0; }
    """  # not over the line one types in

    def __init__(
        self,
        launcher: Launcher,
        ways: Ways | None = None,
        *,
        passphrase: bytes | None = None,
        theme: str = "dark",
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        zone: tzinfo | None = None,
    ) -> None:
        super().__init__()
        for one in THEMES:
            self.register_theme(one)
        self.theme = theme
        self.main: MainScreen | None = None
        self.client: FullClient | None = None
        self.failure: SealwireError | None = None
        """Why a start did not succeed."""
        self._launcher = launcher
        self._ways = ways or Ways()
        self._passphrase = passphrase
        self._now_ms = now_ms
        self._zone = zone
        self._invite: str | None = None

    def get_driver_class(self) -> type[Driver]:
        """Return the platform's, which outlives its terminal."""
        return lasting(super().get_driver_class())

    def on_mount(self) -> None:
        """Begin."""
        self._begin()

    @work(exit_on_error=True)
    async def _begin(self) -> None:
        launcher = self._launcher
        is_new = launcher.is_new(launcher.name)
        if is_new and not await self._has_broker():
            self.exit(0)
            return
        client = await self._opened(is_new)
        if client is None:
            self.exit(0 if self.failure is None else self.failure.exit)
            return
        self.client = client
        self.main = MainScreen(client, self._ways, self.emit, self._now_ms, self._zone)
        await self.push_screen(self.main)
        if is_new:
            await self._show_invite()

    # --- the start -------------------------------------------------------------------------------------------

    async def _has_broker(self) -> bool:
        """Find a broker for a new profile; False when the person gives up."""
        problem = ""
        while not await self._launcher.broker_answers():
            choice = await self.push_screen_wait(Welcome(self._launcher.check_invite, problem))
            problem = ""
            match choice:
                case None:
                    return False
                case "again":
                    problem = _("Still nothing answers.")
                case "here" | "network":
                    problem = await self._start(reachable=choice == "network")
                    if not problem:
                        return True
                case invite:
                    self._invite = invite
                    return True
        return True

    async def _start(self, reachable: bool) -> str:
        page = Progress(_("Starting a broker"))
        self.push_screen(page)
        page.tell(_("It makes its keys and its database, once."))
        try:
            await self._launcher.start_broker(reachable=reachable)
        except SealwireError as error:
            return _said(error)
        finally:
            page.dismiss(None)
        return ""

    async def _opened(self, is_new: bool) -> FullClient | None:
        """Open the profile, asking for its passphrase as often as it takes; None when the person gives up."""
        name, problem = self._launcher.name, ""
        while True:
            secret = self._passphrase
            if secret is None:
                asked = await self.push_screen_wait(Passphrase(name, is_new, problem))
                if asked is None:
                    return None
                secret = asked.encode("utf-8", "surrogateescape")
            page = Progress(_("Making your keys") if is_new else _("Opening"))
            self.push_screen(page)
            try:
                return await self._launcher.open(name, secret, page.tell, self._invite)
            except KeyFileError as error:
                if self._passphrase is not None:
                    self.failure = error
                    return None
                problem = _("This passphrase does not open it.")
            except SealwireError as error:
                self.failure = error
                await self.push_screen_wait(Notice(_("This cannot start"), _said(error)))
                return None
            finally:
                page.dismiss(None)

    async def keep(self) -> None:
        """Keep what is written and not sent; called once the screen is gone and before the client is closed."""
        if self.main is not None:
            with contextlib.suppress(SealwireError):
                await self.main.keep_all()

    # --- from everywhere -------------------------------------------------------------------------------------

    def emit(self, text: str) -> None:
        """Write a bell or a notification sequence to the terminal, between two frames."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(text)

    async def action_quit(self) -> None:
        """Ctrl+Q overtakes what was typed just before it: let that arrive first."""
        if self.main is None or not self.main.is_running:
            self.exit(0)
        else:
            self._leave(self.main)

    @work
    async def _leave(self, main: MainScreen) -> None:
        await main.typed_out()
        self.exit(0)

    def action_command_palette(self) -> None:
        """Everything by name; Textual's own line speaks English only.

        Not over a page that ends by itself: that would end what is above it, and stay for ever.
        """
        if not isinstance(self.screen, CommandPalette | Progress):
            self.push_screen(CommandPalette(placeholder=_("What do you want to do?"), id="--command-palette"))

    def choose_theme(self, name: str) -> None:
        """Another theme."""
        self.theme = name

    @work
    async def show_invite(self) -> None:
        """The line for a friend."""
        await self._show_invite()

    async def _show_invite(self) -> None:
        try:
            line = await self._launcher.invite_line()
        except InviteNeedsOperatorError as error:
            await self.push_screen_wait(Notice(_("Bring a friend"), _said(error)))
            return
        except SealwireError as error:
            self.notify(_said(error), severity="error", markup=False)
            return
        note = ""
        if line.startswith(("sealwire:127.", "sealwire:[::1]")):
            note = _(
                "It works on this computer only. For others, end this broker (python broker.py stop), then: Ctrl+P, "
                "Start a broker for other computers."
            )
        await self.push_screen_wait(Invite(line, note))

    @work
    async def start_broker(self, reachable: bool = False) -> None:
        """Start a broker on this machine, from the palette."""
        if await self._launcher.broker_answers():
            self.notify(_("The broker answers already."), markup=False)
            return
        problem = await self._start(reachable)
        self.notify(problem or _("The broker runs."), severity="error" if problem else "information", markup=False)


def _said(error: SealwireError) -> str:
    return screen_text(" ".join(filter(None, explain(error))))
