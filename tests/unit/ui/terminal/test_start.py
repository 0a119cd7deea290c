"""The first minutes, without reading anything."""

from __future__ import annotations

from sealwire.errors import BrokerStartError, NameTakenError
from sealwire.testing.stage import INVITE, StageClient, StageLauncher
from sealwire.ui.terminal.screens.start import Progress
from tests.unit.ui.terminal.seat import NOW_MS, seated


def newcomer(broker: bool = False) -> StageLauncher:
    return StageLauncher(StageClient("alice", lambda: NOW_MS), new=True, broker=broker)


async def test_a_broker_is_started_here_a_passphrase_chosen_and_a_friend_invited():
    launcher = newcomer()
    async with seated(launcher.client, launcher=launcher, passphrase=None) as seat:
        await seat.see("Welcome to Sealwire", "None answers yet.", "Paste an invite here", "Start a broker here, for")
        await seat.press("tab", "enter")
        await seat.see("Hello alice", "Choose a passphrase: it locks your keys")
        assert (launcher.started, launcher.reachable) == (1, False)
        await seat.type("secret")
        await seat.press("enter")
        await seat.type("other")
        await seat.press("enter")
        await seat.see("These were two different passphrases.")
        await seat.press("enter")
        await seat.type("secret")
        await seat.press("enter")
        await seat.see("Bring a friend", INVITE, "--join 'the line'")
        assert launcher.passphrase == b"secret"
        await seat.press("enter")
        await seat.see("Nobody yet. Ctrl+K begins.")


async def test_both_lines_of_a_new_passphrase_may_come_at_once():
    launcher = newcomer(broker=True)
    async with seated(launcher.client, launcher=launcher, passphrase=None) as seat:
        await seat.see("Hello alice")
        seat.rush("secret\rother\r")
        await seat.see("These were two different passphrases.")
        seat.rush("\x15secret\rsecret\r")
        await seat.see("Bring a friend")
        assert launcher.passphrase == b"secret"


async def test_nothing_opens_over_a_page_that_ends_by_itself():
    async with seated() as seat:
        page = Progress("Starting a broker")
        await seat.app.push_screen(page)
        await seat.press("ctrl+p")
        page.dismiss(None)
        await seat.until(lambda: seat.app.screen is seat.main)


async def test_an_invite_joins_and_what_is_none_is_said():
    launcher = newcomer()
    async with seated(launcher.client, launcher=launcher, passphrase=None) as seat:
        await seat.see("Paste an invite here")
        await seat.type("hello")
        await seat.press("enter")
        await seat.see("This is not an invite")
        await seat.press("ctrl+u")
        seat.app.screen.query_one("#line").value = INVITE
        await seat.press("enter")
        await seat.see("Hello alice")
        await seat.press("enter", "enter")
        await seat.see("Bring a friend")
        assert launcher.invites == [INVITE]
        assert launcher.passphrase == b""


async def test_one_looks_again_and_a_broker_that_cannot_start_says_why():
    launcher = newcomer()
    async with seated(launcher.client, launcher=launcher, passphrase=None) as seat:
        await seat.see("Welcome to Sealwire")
        await seat.press("tab", "tab", "tab", "enter")
        await seat.see("Still nothing answers.")
        launcher.failure = BrokerStartError(detail="the port is taken")
        await seat.press("tab", "tab", "enter")
        await seat.see("The broker did not start: the port is taken")
        launcher.broker = True
        await seat.press("tab", "tab", "tab", "enter")
        await seat.see("Hello alice")


async def test_for_other_computers_too():
    launcher = newcomer()
    async with seated(launcher.client, launcher=launcher, passphrase=None) as seat:
        await seat.see("Welcome to Sealwire")
        await seat.press("tab", "tab", "enter")
        await seat.see("Hello alice")
        assert launcher.reachable is True


async def test_escape_ends_the_start():
    launcher = newcomer()
    async with seated(launcher.client, launcher=launcher, passphrase=None) as seat:
        await seat.see("Welcome to Sealwire")
        await seat.press("escape")
        await seat.until(lambda: seat.app.return_code == 0)


async def test_a_known_profile_is_unlocked_and_a_wrong_passphrase_asked_again():
    launcher = StageLauncher(StageClient("alice", lambda: NOW_MS), broker=False)
    launcher.passphrase = b"right"
    async with seated(launcher.client, launcher=launcher, passphrase=None) as seat:
        await seat.see("Passphrase of this profile:")
        await seat.type("wrong")
        await seat.press("enter")
        await seat.see("This passphrase does not open it.")
        await seat.type("right")
        await seat.press("enter")
        await seat.see("Nobody yet. Ctrl+K begins.")
        assert not seat.shows("Bring a friend")


async def test_a_name_that_is_taken_ends_with_the_reason():
    launcher = newcomer(broker=True)
    async with seated(launcher.client, launcher=launcher, passphrase=None) as seat:
        await seat.see("Hello alice")
        launcher.failure = NameTakenError(name="alice")
        await seat.press("enter", "enter")
        await seat.see("This cannot start", "The name alice is already registered here with another key.")
        await seat.press("enter")
        await seat.until(lambda: seat.app.return_value == NameTakenError.exit)
        assert isinstance(seat.app.failure, NameTakenError)
