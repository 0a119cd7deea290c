"""The first minutes in plain lines: a broker, a passphrase, and the line that brings a friend in.

Questions are asked one at a time, in words, and answered with a number, a pasted line or nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from sealwire.errors import KeyFileError, SealwireError
from sealwire.i18n import _, explain
from sealwire.peer.api import FullClient
from sealwire.peer.api.launcher import Launcher
from sealwire.ui.views import screen_text

TRIES: Final = 3
"""Wrong passphrases before the program ends."""


class Desk(Protocol):
    """Where questions are asked."""

    async def ask(self, question: str) -> str | None:
        """One line; None when the person ends it (Ctrl+D, Ctrl+C)."""

    async def ask_secret(self, question: str) -> str | None:
        """One line that is not shown."""

    def say(self, text: str) -> None:
        """One sentence."""


async def begin(launcher: Launcher, desk: Desk, passphrase: bytes | None) -> FullClient | None:
    """Open the profile, with everything a first start needs; None when the person ends it.

    Raises:
        SealwireError: it cannot be opened.
    """
    is_new = launcher.is_new(launcher.name)
    invite: str | None = None
    if is_new:
        answer = await _broker(launcher, desk)
        if answer is None:
            return None
        invite = answer or None
    client = await _opened(launcher, desk, passphrase, invite, is_new)
    if client is not None and is_new:
        await _tell_invite(launcher, desk)
    return client


async def _broker(launcher: Launcher, desk: Desk) -> str | None:
    """Find a broker; returns an invite line, the empty text when none is needed, None for the end."""
    if await launcher.broker_answers():
        return ""
    desk.say(
        _(
            "No broker answers yet. Messages go through one: a small program that relays what it cannot read. Somebody "
            "in your circle runs one, or you do."
        )
    )
    while True:
        desk.say(_("1: start a broker here, for this computer."))
        desk.say(_("2: start a broker here, for other computers too; it lets in holders of an invite."))
        desk.say(_("3: look again."))
        answer = await desk.ask(_("A number, or paste an invite line; nothing ends: "))
        match (answer or "").strip():
            case "":
                return None
            case "1" | "2" as number:
                if await _start(launcher, desk, reachable=number == "2"):
                    return ""
            case "3":
                if await launcher.broker_answers():
                    return ""
                desk.say(_("Still nothing answers."))
            case line:
                if _is_invite(launcher, desk, line):
                    return line


async def _start(launcher: Launcher, desk: Desk, reachable: bool) -> bool:
    desk.say(_("Starting a broker. It makes its keys and its database, once."))
    try:
        running = await launcher.start_broker(reachable=reachable)
    except SealwireError as error:
        _fail(desk, error)
        return False
    form = _("The broker runs at {address}, also when this program ends. python broker.py stop ends it.")
    desk.say(form.format(address=running.address))
    return True


def _is_invite(launcher: Launcher, desk: Desk, line: str) -> bool:
    try:
        launcher.check_invite(line)
    except SealwireError as error:
        _fail(desk, error)
        return False
    return True


async def _opened(
    launcher: Launcher, desk: Desk, passphrase: bytes | None, invite: str | None, is_new: bool
) -> FullClient | None:
    choose: Callable[[], Awaitable[bytes | None]] = (lambda: _chosen(desk)) if is_new else (lambda: _asked(desk))
    for attempt in range(TRIES):
        secret = passphrase if passphrase is not None else await choose()
        if secret is None:
            return None
        try:
            return await launcher.open(launcher.name, secret, desk.say, invite)
        except KeyFileError:
            if passphrase is not None or attempt == TRIES - 1:
                raise
            desk.say(_("This passphrase does not open it."))
    return None


async def _asked(desk: Desk) -> bytes | None:
    answer = await desk.ask_secret(_("Passphrase of this profile: "))
    return None if answer is None else answer.encode("utf-8", "surrogateescape")


async def _chosen(desk: Desk) -> bytes | None:
    desk.say(
        _(
            "Choose a passphrase: it locks your keys and your history on this computer, and nobody can make a new one "
            "for you. Empty is allowed: then whoever can read your files can be you."
        )
    )
    while True:
        first = await desk.ask_secret(_("New passphrase: "))
        again = await desk.ask_secret(_("The same again: ")) if first is not None else None
        if first is None or again is None:
            return None
        if first == again:
            return first.encode("utf-8", "surrogateescape")
        desk.say(_("These were two different passphrases."))


async def _tell_invite(launcher: Launcher, desk: Desk) -> None:
    try:
        lines = await invite(launcher)
    except SealwireError as error:
        _fail(desk, error)
        return
    for line in lines:
        desk.say(line)


async def invite(launcher: Launcher) -> list[str]:
    """Return the line for a friend, with what to do with it.

    Raises:
        SealwireError: only the broker's operator can make one, or the broker does not answer.
    """
    return [
        _("To bring a friend, send them the next line in private; it is like a key to the door."),
        await launcher.invite_line(),
        _("They run: python peer.py --name THEIR-NAME --join 'the line'. Then /to and their name writes to them."),
    ]


def _fail(desk: Desk, error: SealwireError) -> None:
    desk.say(screen_text(" ".join(filter(None, explain(error)))))
