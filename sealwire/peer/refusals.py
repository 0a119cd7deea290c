"""Changes that nobody may make: counted, and said in one clear line, not one for each.

Source: protocol.md §11.1.
"""

from __future__ import annotations

from typing import Final

from sealwire.i18n import _
from sealwire.peer.changes import Said, Verdict
from sealwire.peer.events import Event, Warning

SAY_EVERY_S: Final = 60.0
"""Between two lines about the same person and reason: a flood of refused changes is no flood of lines."""
MAX_KEPT: Final = 1_000
"""People and reasons counted; past it counting starts again."""


class Refusals:
    """Counts per conversation, author and reason, since this process began."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._counts: dict[tuple[str, str, Verdict], int] = {}
        self._said_s: dict[tuple[str, str, Verdict], float] = {}

    def note(self, said: Said, why: Verdict) -> None:
        """Somebody's change was refused."""
        key = (said.conversation, said.author, why)
        if len(self._counts) >= MAX_KEPT and key not in self._counts:
            self._counts.clear()
            self._said_s.clear()
        count = self._counts[key] = self._counts.get(key, 0) + 1
        if said.now.mono_s - self._said_s.get(key, said.now.mono_s - SAY_EVERY_S) < SAY_EVERY_S:
            return
        self._said_s[key] = said.now.mono_s
        text = _sentences()[why].format(name=said.author)
        self._events.append(Warning("refused-change", text, said.conversation, count))

    def count(self, conversation: str, author: str) -> int:
        """How many were refused."""
        return sum(n for (where, who, _why), n in self._counts.items() if (where, who) == (conversation, author))


def _sentences() -> dict[Verdict, str]:
    return {
        Verdict.NOT_YOURS: _("{name} tried to change a message that somebody else wrote. It was not changed."),
        Verdict.TOO_LATE: _("{name} tried to change a message long after it was written. It was not changed."),
        Verdict.FORM: _("{name} sent a change that is not allowed. Nothing was changed."),
    }
