"""Who is here: told only by those who chose to, only to accepted people, never stored.

Off unless switched on. The broker sees that small frames go out; it sees who is connected anyhow.

Source: protocol.md §11.4.
"""

from __future__ import annotations

from typing import Final

from sealwire.ids import Mailbox, Millis
from sealwire.peer.people import People
from sealwire.peer.records import Now, Records
from sealwire.peer.roster import Roster
from sealwire.peer.whispers import Whispers
from sealwire.wire.whisper_content import PresenceSign

AGAIN_S: Final = 240.0
"""Between two signs of being here: few enough to cost nothing."""
LASTS_S: Final = 600.0
"""Without another sign nobody is said to be here any more."""
MAX_DEVICES: Final = 256
"""Devices told at once; past it the first by name, so that a long list of contacts is no burst."""
_KEY: Final = "presence"


class Presence:
    """Our own choice, and what others told."""

    def __init__(self, records: Records, roster: Roster, people: People, whispers: Whispers) -> None:
        self._records = records
        self._roster = roster
        self._people = people
        self._whispers = whispers
        self._is_shared = records.get(_KEY) == b"1"
        self._told_s = -AGAIN_S
        self._seen: dict[str, tuple[bool, float, Millis]] = {}
        whispers.seen = self._heard

    # --- ours ---

    @property
    def is_shared(self) -> bool:
        """Whether accepted people see that we are here."""
        return self._is_shared

    def share(self, shared: bool, now: Now) -> None:
        """Choose; takes effect at once."""
        if shared == self._is_shared:
            return
        self._records.put(_KEY, b"1" if shared else b"0")
        self._is_shared = shared
        self._tell(shared, now)

    def settle(self, now: Now, online: bool) -> None:
        """The end of a turn: say again that we are here, when it is time."""
        if not online:
            self._told_s = -AGAIN_S
        elif self._is_shared and now.mono_s - self._told_s >= AGAIN_S:
            self._tell(True, now)

    def leave(self, now: Now) -> None:
        """We go."""
        if self._is_shared:
            self._tell(False, now)

    def _tell(self, here: bool, now: Now) -> None:
        self._told_s = now.mono_s
        devices: list[Mailbox] = []
        for contact in self._roster.all():
            if self._people.is_accepted(contact.name):
                devices += self._roster.mailboxes(contact.name)
        self._whispers.whisper(devices[:MAX_DEVICES], PresenceSign(here, now.ms).encode())

    def deadline(self) -> float | None:
        """Monotonic time of our next sign."""
        return self._told_s + AGAIN_S if self._is_shared else None

    # --- theirs ---

    def _heard(self, name: str, here: bool, now: Now) -> None:
        if self._people.is_accepted(name):
            self._seen[name] = (here, now.mono_s, now.ms)

    def of(self, name: str, now: Now) -> tuple[bool | None, Millis | None]:
        """(whether somebody is here, when they were last seen); None for what they do not tell."""
        found = self._seen.get(name)
        if found is None:
            return None, None
        here, heard_s, seen_ms = found
        return here and now.mono_s - heard_s < LASTS_S, seen_ms
