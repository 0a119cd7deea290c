"""REQUESTs under way: bounded, repeated when unanswered, matched to their RESPONSE by id.

Source: protocol.md §6.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Literal

from msgspec import Struct

from sealwire.ids import GroupId, Mailbox
from sealwire.wire.control import Append, Entries, Fetch, Lookup, Publish, Request
from sealwire.wire.frames import MAX_OPEN_REQUESTS

REPEAT_AFTER_S: Final = 10.0
"""No answer in this time: the request is sent again; each is idempotent."""
MAX_WAITING: Final = 10_000
"""Requests that wait for a place: more contacts than that are asked for later."""

Kind = Literal["lookup", "bundle", "publish", "entries", "append"]
Subject = tuple[Kind, str | bytes]


class _Open(Struct):
    subject: Subject
    request: Request
    sent_s: float


class Requests:
    """At most 16 under way, one per subject, the rest in a queue."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._waiting: OrderedDict[Subject, Request] = OrderedDict()
        self._next_id = 1

    def lookup(self, name: str) -> None:
        """Ask for an account's device list, unless that is under way."""
        self._ask(("lookup", name), Lookup(id=self._number(), name=name))

    def bundle(self, mailbox: Mailbox) -> None:
        """Ask for a device's bundle, unless that is under way."""
        self._ask(("bundle", mailbox), Fetch(id=self._number(), mailbox=mailbox))

    def entries(self, group: GroupId, after: int) -> None:
        """Ask for the entries of a group's log above a sequence, unless that is under way."""
        self._ask(("entries", group), Entries(id=self._number(), group=group, after=after))

    def append(self, group: GroupId, entry: bytes) -> None:
        """Append to a group's log, unless something of ours is under way."""
        self._ask(("append", group), Append(id=self._number(), entry=entry))

    def publish(self, request: Publish) -> None:
        """Upload prekeys; a newer upload replaces one that waits."""
        self._waiting[("publish", "")] = request

    def new_id(self) -> int:
        """An id for a Publish, which the caller builds itself."""
        return self._number()

    def _number(self) -> int:
        number = self._next_id
        self._next_id = number % 0xFFFF_FFFF + 1
        return number

    def _ask(self, subject: Subject, request: Request) -> None:
        busy = subject in self._waiting or any(o.subject == subject for o in self._open.values())
        if not busy and len(self._waiting) < MAX_WAITING:
            self._waiting[subject] = request

    def due(self, now_s: float) -> list[Request]:
        """What to send now: repeats first, then as many new ones as there is room for."""
        result = []
        for entry in self._open.values():
            if now_s - entry.sent_s >= REPEAT_AFTER_S:
                entry.sent_s = now_s
                result.append(entry.request)
        while self._waiting and len(self._open) < MAX_OPEN_REQUESTS:
            subject, request = self._waiting.popitem(last=False)
            self._open[request.id] = _Open(subject, request, now_s)
            result.append(request)
        return result

    def answered(self, request_id: int) -> Subject | None:
        """The subject of a RESPONSE, once; None when nobody asked."""
        entry = self._open.pop(request_id, None)
        return entry.subject if entry else None

    def link_lost(self) -> None:
        """Everything under way is asked again on the next link."""
        for entry in self._open.values():
            self._waiting.setdefault(entry.subject, entry.request)
        self._open.clear()

    def deadline(self) -> float | None:
        """Monotonic time of the next repeat."""
        return min((entry.sent_s + REPEAT_AFTER_S for entry in self._open.values()), default=None)

    def under_way(self) -> bool:
        """Whether an answer is owed to us."""
        return bool(self._open)
