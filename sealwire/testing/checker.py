"""The judge of every fault test: what each client sent, had accepted and showed, and what must follow from it.

Every client writes its own log, one JSON object a line, synced before anybody acts on it. From all logs together:
lost = accepted − shown, phantoms = texts shown − texts tried, doubles = shown twice by one device, and the order of
first appearance per sender and recipient.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Literal

from msgspec import Struct, field

Kind = Literal["tried", "sent", "accepted", "shown"]


class Log:
    """One client's side file; :meth:`write` returns when the line is on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] = path.open("a", encoding="utf-8")
        self._unsynced = False

    def write(self, kind: Kind, me: str, other: str, message: str, text: str = "") -> None:
        """Record that ``me`` tried to send to, sent to, had accepted for, or was shown from ``other`` a message id.

        ``tried`` comes before the peer is asked and has a text only: a peer that dies before it answers may have
        made the message durable all the same.
        """
        self.note(kind, me, other, message, text)
        self.sync()

    def note(self, kind: Kind, me: str, other: str, message: str, text: str = "") -> None:
        """The same, on disk only after :meth:`sync`: for many lines that one action follows."""
        self._file.write(json.dumps([kind, me, other, message, text]) + "\n")
        self._unsynced = True

    def sync(self) -> None:
        """Return when every noted line is on disk."""
        if self._unsynced:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._unsynced = False

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Verdict(Struct, frozen=True):
    """What the logs say; everything but the counts must be empty."""

    sent: int
    accepted: int
    shown: int
    lost: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    """Queued durably at the sender and never shown: allowed only while traffic is still going on."""
    phantoms: list[str] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.unsent or self.phantoms or self.doubles or self.reordered)

    def rows(self) -> list[tuple[str, str]]:
        """What a report says of it: the count of each."""
        return [
            ("sent / accepted / shown", f"{self.sent:,} / {self.accepted:,} / {self.shown:,}"),
            ("lost", str(len(self.lost))),
            ("never sent", str(len(self.unsent))),
            ("shown twice", str(len(self.doubles))),
            ("never written by anyone", str(len(self.phantoms))),
            ("reordered", str(len(self.reordered))),
        ]


def judge(logs: Iterable[Path]) -> Verdict:
    """Judge all logs of one run, at rest."""
    sent: dict[tuple[str, str], list[str]] = defaultdict(list)
    accepted: set[str] = set()
    tried: set[str] = set()
    texts: dict[str, str] = {}
    shown: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in logs:
        for line in path.read_text("utf-8").splitlines():
            kind, me, other, message, text = json.loads(line)
            if kind == "tried":
                tried.add(text)
            elif kind == "sent":
                sent[me, other].append(message)
            elif kind == "accepted":
                accepted.add(message)
            else:
                shown[other, me].append(message)
                texts[message] = text
    all_sent = {message for messages in sent.values() for message in messages}
    all_shown = {message for messages in shown.values() for message in messages}
    doubles = [m for messages in shown.values() for m, count in sorted(Counter(messages).items()) if count > 1]
    return Verdict(
        sent=len(all_sent),
        accepted=len(accepted),
        shown=len(all_shown),
        lost=sorted(accepted - all_shown),
        unsent=sorted(all_sent - accepted - all_shown),
        phantoms=sorted(set(texts.values()) - tried),
        doubles=doubles,
        reordered=_reordered(sent, shown),
    )


def _reordered(sent: dict[tuple[str, str], list[str]], shown: dict[tuple[str, str], list[str]]) -> list[str]:
    result = []
    for pair, messages in shown.items():
        place = {message: number for number, message in enumerate(sent[pair])}
        last = -1
        for message in dict.fromkeys(messages):
            number = place.get(message, last)
            if number < last:
                result.append(message)
            last = max(last, number)
    return result
