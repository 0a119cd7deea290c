"""Keys typed ahead wait while a page opens or a conversation changes: what is typed next is meant for what comes."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final

from textual import events
from textual.app import App
from textual.message import Message as Told
from textual.screen import Screen
from textual.timer import Timer

HOLD_S: Final = 1.0
"""Whatever comes that has no line to type in: keys must not be held for ever."""
LOOKS: Final = 20
"""In that time. A machine so busy that this program hardly runs looks less often, and waits longer by the clock."""
MAX_HELD: Final = 10_000
"""Keys and pastes held at once; without a bound a cat on the keyboard fills the memory."""


class Arrived(Told):
    """Where the next keys belong has the focus now.

    Args:
        hold: what :meth:`AheadApp.hold_keys` gave; a later hold is not ended by it. None ends any.
    """

    def __init__(self, hold: int | None = None) -> None:
        self.hold = hold
        super().__init__()


class LeadsOn:
    """A page whose Enter leads to another place: to what comes after it, or to another line of it."""


class AheadApp(App[int]):
    """Holds keys from :meth:`hold_keys` until something has :class:`Arrived`; none is lost, none overtakes another."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[events.Event] | None = None
        self._holds = 0
        self._looks = 0
        self._patience: Timer | None = None

    def hold_keys(self) -> int:
        """Keys are for what is about to come; returns what tells this hold from others."""
        self._holds += 1
        if self._held is None:
            self._held = []
        if self._patience is not None:
            self._patience.stop()
        self._looks = 0
        self._patience = self.set_interval(HOLD_S / LOOKS, self._look)
        return self._holds

    async def _look(self) -> None:
        self._looks += 1
        if self._looks >= LOOKS:
            await self._let_go()

    async def on_event(self, event: events.Event) -> None:
        """Hold a key, or let it through."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._held is None:
            await self._pass(event)
        elif len(self._held) < MAX_HELD:
            self._held.append(event)

    async def _pass(self, event: events.Event) -> None:
        place: Screen[object] = self.screen
        await super().on_event(event)
        if isinstance(place, LeadsOn) and isinstance(event, events.Key) and event.key == "enter":
            self.hold_keys()

    async def on_arrived(self, event: Arrived) -> None:
        """Let go, unless something else is about to come by now."""
        if event.hold in (None, self._holds):
            await self._let_go()

    async def _let_go(self) -> None:
        """Let the keys go on, in their order; one of them may lead elsewhere again, and the rest waits for that."""
        held, self._held = self._held or [], None
        if self._patience is not None:
            self._patience.stop()
        for event in held:
            await self.on_event(event)


def leading(app: App[Any], job: Awaitable[None]) -> Awaitable[None]:
    """Hold keys from now on: where the job leads has the focus when it ends, whatever came of it."""
    hold = app.hold_keys() if isinstance(app, AheadApp) else 0

    async def lead() -> None:
        try:
            await job
        finally:
            app.post_message(Arrived(hold))

    return lead()
