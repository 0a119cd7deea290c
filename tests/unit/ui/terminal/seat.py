"""A person in front of the full screen: keys in, what the screen shows out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from sealwire.testing.sample import NOW_MS, sample_client
from sealwire.testing.stage import StageClient, StageLauncher
from sealwire.ui.announce import Ways
from sealwire.ui.terminal.app import TerminalApp
from sealwire.ui.terminal.chatlist import ChatList
from sealwire.ui.terminal.composer import Composer
from sealwire.ui.terminal.main import MainScreen
from sealwire.ui.terminal.timeline import TimelineView

LOOKS = 1_000
"""Of 10 ms. On a machine so busy that this process hardly runs they take longer: it is its own time that is counted."""
CONTROL_KEYS = {
    "\r": "enter",
    "\n": "ctrl+j",
    "\x0b": "ctrl+k",
    "\t": "tab",
    "\x15": "ctrl+u",
    "\x7f": "backspace",
    "\x01": "home",
}


class Seat:
    """The app, its pilot and its client."""

    def __init__(self, app: TerminalApp, pilot: Pilot[int], client: StageClient, launcher: StageLauncher) -> None:
        self.app, self.pilot, self.client, self.launcher = app, pilot, client, launcher

    @property
    def main(self) -> MainScreen:
        assert self.app.main is not None
        return self.app.main

    @property
    def chats(self) -> ChatList:
        return self.main.query_one(ChatList)

    @property
    def timeline(self) -> TimelineView:
        return self.main.query_one(TimelineView)

    @property
    def composer(self) -> Composer:
        return self.main.query_one(Composer)

    @property
    def asked(self) -> list[tuple[object, ...]]:
        return self.client.box.asked

    def did(self, verb: str) -> list[tuple[object, ...]]:
        return [call for call in self.asked if call[0] == verb]

    def text(self) -> str:
        """Everything on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    def shows(self, *parts: str) -> bool:
        text = self.text()
        return all(part in text for part in parts)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Characters as a terminal sends them, faster than anybody types."""
        self.rush(text)
        await self.pilot.pause()

    def rush(self, text: str) -> None:
        """The same, and nobody looks what they do."""
        for char in text:
            self.key(CONTROL_KEYS.get(char) or _character_to_key(char), char)

    def key(self, key: str, char: str | None = None) -> None:
        """One key of the same."""
        driver = self.app._driver
        assert driver is not None
        event = events.Key(key, char)
        event.set_sender(self.app)
        driver.send_message(event)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        for _look in range(LOOKS):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise TimeoutError

    async def see(self, *parts: str) -> None:
        try:
            await self.until(lambda: self.shows(*parts))
        except TimeoutError:
            raise AssertionError(f"not seen: {parts}\n{self.text()}") from None

    async def gone(self, part: str) -> None:
        await self.until(lambda: not self.shows(part))

    async def open(self, name: str) -> None:
        """Jump to a conversation by its name."""
        await self.press("ctrl+k")
        await self.type(name)
        await self.press("enter")
        await self.until(lambda: self.main.session.desk.open is not None and self.app.screen is self.main)
        await self.pilot.pause()


@contextlib.asynccontextmanager
async def seated(
    client: StageClient | None = None,
    size: tuple[int, int] = (100, 30),
    *,
    launcher: StageLauncher | None = None,
    theme: str = "dark",
    ways: Ways | None = None,
    passphrase: bytes | None = b"",
) -> AsyncIterator[Seat]:
    """Sit down; the clock stands still."""
    client = client or sample_client()
    launcher = launcher or StageLauncher(client)
    client.begin()
    app = TerminalApp(launcher, ways, passphrase=passphrase, theme=theme, now_ms=client.box.now_ms, zone=UTC)
    app.animation_level = "none"
    async with app.run_test(size=size, notifications=True) as pilot:
        seat = Seat(app, pilot, client, launcher)
        if passphrase is not None:
            await seat.until(lambda: app.main is not None and app.screen is app.main and seat.chats.rows)
        yield seat


__all__ = ["NOW_MS", "Seat", "seated"]
