"""The logs of groups, as far as a broker goes: an entry is appended if it follows the last one, and read back.

What entries say is sealed. A request becomes one operation of the store and is answered after its commit.

Source: protocol.md §16.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sealwire.broker.admission import Bucket
from sealwire.broker.logops import AppendEntry, LogOutcome, LogRows, ReadEntries
from sealwire.crypto.group_log import ForkError, Head, LogEntry, follow
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import GroupId
from sealwire.wire.control import Append, Entries, EntriesBody, Response, encode_entries_body, encode_response
from sealwire.wire.frames import Code

if TYPE_CHECKING:
    from sealwire.broker.links import Account
    from sealwire.broker.port import BrokerSettings, Result

PAGE_BYTES: Final = 12 * 1024
"""Entries in one answer: with what stands around them they fit a control frame."""
PAGE_ENTRIES: Final = 24
"""The shortest entries fill less than a page with this many."""

_CODES: Final = {
    "done": Code.OK,
    "full": Code.STORAGE,
    "stale": Code.STALE,
    "invalid": Code.INVALID,
    "quota": Code.QUOTA,
}


class GroupLogs:
    """Turns requests into operations and their results into answers."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings

    def ask(self, asked: object, account: Account, request: Append | Entries, now: float) -> GroupOp | bytes:
        """Return the operation that answers ``request``, or the answer when that is decided already.

        Args:
            asked: who waits for the answer.
            now: seconds on the router's clock.

        Source: protocol.md §16.1.
        """
        settings = self._settings
        rate, burst = settings.group_requests_per_min / 60, settings.group_requests_burst
        if account.group_requests is None:
            account.group_requests = Bucket(burst, now)
        if not account.group_requests.take(1, rate, burst, now):
            return _refusal(request.id, Code.RATE, account.group_requests.wait_ms(1, rate))
        if isinstance(request, Entries):
            return ReadEntries(asked, GroupId(request.group), request.after)
        try:
            entry = LogEntry.decode(request.entry)
        except RemoteProtocolError:
            return _refusal(request.id, Code.INVALID)
        limits = (settings.group_entries, settings.groups_per_account)
        return AppendEntry(asked, account.name, entry, *limits)

    @staticmethod
    def answer(request_id: int, result: Result) -> bytes:
        """Return the RESPONSE for an operation that has ended.

        Source: protocol.md §16.1.
        """
        body = b""
        if result.log is not None:
            rows = result.log
            body = encode_entries_body(EntriesBody(sequence=rows.sequence, head=rows.head, entries=list(rows.entries)))
        return encode_response(Response(id=request_id, code=_CODES.get(result.outcome, Code.UNKNOWN), body=body))


GroupOp = AppendEntry | ReadEntries


def _refusal(request_id: int, code: Code, retry_after_ms: int = 0) -> bytes:
    return encode_response(Response(id=request_id, code=code, retry_after_ms=min(retry_after_ms, 0xFFFF_FFFF)))


# --- what a store decides inside its transaction -----------------------------------------------------------------


def judge(op: AppendEntry, last: bytes | None, same_place: bytes | None) -> LogOutcome:
    """Say whether an entry may be appended: ``done`` for one that may and for one that stands there already.

    Args:
        last: the log's last entry, None for a group nobody has begun.
        same_place: the entry that stands where this one wants to, if any.

    Source: protocol.md §16.1.
    """
    if same_place is not None:
        return "there" if same_place == op.entry.encoded else "stale"
    head = Head(op.entry.group) if last is None else LogEntry.decode(last).head()
    try:
        follow(head, op.entry)
    except ForkError:
        return "stale"
    except RefusedError:
        return "invalid"
    return "done" if op.entry.sequence <= op.entries else "quota"


def page(group: GroupId, last: bytes, entries: Sequence[bytes]) -> LogRows:
    """Return as many of the entries as one answer holds, and where the log stands.

    Source: protocol.md §16.1.
    """
    head = LogEntry.decode(last).head()
    taken: list[bytes] = []
    room = PAGE_BYTES
    for entry in entries:
        room -= len(entry)
        if room < 0:
            break
        taken.append(entry)
    return LogRows(group, head.sequence, head.hash, tuple(taken))
