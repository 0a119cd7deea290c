"""What is not on disk yet, and the jobs that put it there.

One job is under way at a time; the next one forms meanwhile, so that under load the batches grow by themselves. A
message that was handed to its recipient waits a short grace for the ACK: taken in time, it never touches the disk.

Source: protocol.md §5.3.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from sealwire.broker.links import Link
from sealwire.broker.mailbox import COMMIT, PEND, REFUSED, TAKEN, Entry, Fan, Mailbox
from sealwire.broker.port import (
    JOB_BYTES,
    JOB_ROWS,
    SLICE_BYTES,
    SLICE_ROWS,
    BrokerSettings,
    Committed,
    Job,
    Op,
    Read,
    Refused,
)
from sealwire.ids import Mailbox as MailboxId
from sealwire.ids import Millis

JOB_DELETES: Final = 5_000
"""Rows deleted in one transaction: the rest waits for the next, ACCEPTED does not wait for it."""
JOB_OPS: Final = 64
"""Directory operations in one transaction, for the same reason."""
JOB_READS: Final = 8
"""Slices read after one transaction: at most 8 × 512 KiB of envelopes in memory at once."""
DELETE_DELAY_S: Final = 0.02
"""Deletes ride on other jobs; alone they wait this long for company. A crash before them only means a duplicate,
which the device drops."""
PACE_S: Final = 0.002
"""Transactions begin at least this far apart: without it a fast disk makes one of every few messages, and each costs
the CPU of thirty."""
FULL_S: Final = 0.5
"""Operations alone are tried on a full disk this often: without it the loop spins until there is room."""
IDLE_S: Final = 1.0
"""The longest wait of an idle loop: deadlines are looked at once a second."""


class Ledger:
    """Entries, deletes, reads and operations on their way to the store.

    Args:
        dirty: the router's list of link sessions that may have something to be told.
    """

    __slots__ = (
        "_entries",
        "_full",
        "_grace_s",
        "_job",
        "_started",
        "_window",
        "_window_bytes",
        "deletes",
        "dirty",
        "ops",
        "pending",
        "reads",
        "unstored_bytes",
    )

    def __init__(self, settings: BrokerSettings, dirty: list[Link]) -> None:
        self.adopt(settings)
        self.dirty = dirty
        self.pending: deque[Entry] = deque()
        self.deletes: list[int] = []
        self.reads: deque[Link] = deque()  # whose next stored rows are wanted
        self.ops: deque[Op] = deque()
        self.unstored_bytes = 0
        self._job: Job | None = None
        self._entries: list[Entry] = []
        self._started = 0.0
        self._full = False

    def adopt(self, settings: BrokerSettings) -> None:
        """Take over how long a message waits for its recipient's own acknowledgement, and what recipients may hold."""
        self._grace_s = settings.grace_ms / 1000
        self._window = settings.deliver_window_messages
        self._window_bytes = settings.deliver_window_bytes

    # --- entries ---------------------------------------------------------------------------------------------

    def settle(self, entries: Iterable[Entry]) -> None:
        """These are final for their senders: tell each when everything before is, too."""
        for entry in entries:
            fan = entry.fan
            if fan is None or fan.settle():  # the body of a FANOUT is in memory once
                self.unstored_bytes -= entry.size
            link = entry.link
            if link is not None and not link.dirty:
                link.dirty = True
                self.dirty.append(link)

    def mark(self, link: Link) -> None:
        """This link session may have something to be told at the end of the turn."""
        if not link.dirty:
            link.dirty = True
            self.dirty.append(link)

    def withdraw(self, mailbox: Mailbox) -> list[Entry]:
        """The mailbox is deleted: what is stored goes, what is under way counts as taken and goes after its commit.

        Returns:
            what has not been handed to the store, refused.
        """
        self.deletes += mailbox.rows.take(len(mailbox.rows))
        under_way = [entry for entry in self._entries if entry.mailbox is mailbox and entry.state == COMMIT]
        for entry in under_way:
            entry.state = TAKEN
            entry.envelope = None
        self.settle(under_way)
        refused = [entry for entry in self.pending if entry.mailbox is mailbox and entry.state == PEND]
        for entry in refused:
            entry.state = REFUSED
        mailbox.tail.clear()
        return refused

    # --- jobs ------------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a job is under way."""
        return self._job is not None

    def next_job(self, now: float, at_ms: Millis) -> Job | None:
        """Return the job to start now, if the store is free and something is due.

        Args:
            at_ms: time of the mail clock, stored with each message.

        Source: protocol.md §5.3.
        """
        if self._job is not None or self.wait_s(now) > 0:
            return None
        job = Job(at_ms)
        if not (self._full and self.deletes):  # a full disk: deletes first and alone, they make the room
            self._take_entries(job, now)
            self._take_ops(job)
        job.deletes = self.deletes[:JOB_DELETES]
        del self.deletes[:JOB_DELETES]
        self._take_reads(job)
        if not (job.mails or job.deletes or job.ops or job.reads):
            return None
        self._job = job
        self._started = now
        return job

    def _take_entries(self, job: Job, now: float) -> None:
        pending, entries, mails = self.pending, self._entries, job.mails
        newest = now - self._grace_s
        room_bytes = JOB_BYTES
        bodies: dict[Fan, int] = {}
        while pending and len(mails) < JOB_ROWS and (room_bytes > 0 or pending[0].fan in bodies):
            entry = pending[0]
            if entry.state == PEND:
                if entry.flying and entry.at > newest:
                    break
                fan = entry.fan
                is_first = fan is None or fan not in bodies
                if fan is not None and is_first and mails and len(mails) + fan.left > JOB_ROWS:
                    break  # all targets in one job: their body is stored once
                mailbox, envelope = entry.mailbox, entry.envelope
                assert mailbox is not None
                assert envelope is not None
                entry.state = COMMIT
                entries.append(entry)
                if is_first:
                    room_bytes -= entry.size
                if fan is None:
                    mails.append((mailbox.id, entry.mid, envelope))
                else:
                    mails.append((mailbox.id, entry.mid, _body(job, bodies, fan)))
            pending.popleft()

    def _take_ops(self, job: Job) -> None:
        for _ in range(min(JOB_OPS, len(self.ops))):
            job.ops.append(self.ops.popleft())

    def _take_reads(self, job: Job) -> None:
        """Choose rows now, not when they were asked for: what was stored meanwhile is read along.

        Link sessions that have ended are left out: their rows may expire before the job is carried out.
        """
        while self.reads and len(job.reads) < JOB_READS:
            link = self.reads.popleft()
            if not link.open:
                continue
            room = min(SLICE_ROWS, self._window - len(link.inflight))
            rows = link.mailbox.rows.slice(link.mailbox.sent, max(0, room))
            link.mailbox.reading = bool(rows)
            if rows:
                job.reads.append(Read(link, rows, min(SLICE_BYTES, self._window_bytes - link.inflight_bytes)))

    def again(self, ops: list[Op]) -> None:
        """Operations that a full disk refused and that must happen: first in line for the next job that has room."""
        self.ops.extendleft(reversed(ops))

    def wait_s(self, now: float) -> float:
        """Seconds until the next job is due; IDLE_S when nothing is, or while one is under way."""
        if self._job is not None:
            return IDLE_S
        pending = self.pending
        while pending and pending[0].state != PEND:
            pending.popleft()
        if self.reads or (self.ops and not self._full):
            return 0.0
        wait = max(0.0, self._started + FULL_S - now) if self.ops else IDLE_S
        if pending:
            head = pending[0]
            due = self._started + PACE_S if len(pending) < JOB_ROWS else now
            if head.flying:
                due = max(due, head.at + self._grace_s)
            wait = min(wait, due - now)
        if self.deletes:
            due = self._started + DELETE_DELAY_S if len(self.deletes) < JOB_DELETES else now
            wait = min(wait, due - now)
        return max(0.0, wait)

    # --- what came of them -----------------------------------------------------------------------------------

    def committed(self, event: Committed) -> None:
        """The job is durable: its entries are stored, and those taken meanwhile are deleted by the next."""
        stored = []
        for entry, row in zip(self._entries, event.rows, strict=True):
            if entry.state == TAKEN:
                self.deletes.append(row)
            else:
                assert entry.mailbox is not None
                entry.mailbox.settle_stored(entry, row)
                stored.append(entry)
        self.settle(stored)
        self._finish()
        self._full = False

    def refused(self, event: Refused) -> list[Entry]:
        """The disk is full: return what is refused with it, in order of arrival.

        That is every entry of the job not taken meanwhile, and every later one of the same link session for the
        same mailbox: it must not overtake what its sender will send again.
        """
        self.deletes = event.job.deletes + self.deletes
        refused = [entry for entry in self._entries if entry.state == COMMIT]
        blocked = {(entry.link, _id(entry)) for entry in refused}
        refused += [entry for entry in self.pending if entry.state == PEND and (entry.link, _id(entry)) in blocked]
        for entry in refused:
            entry.state = REFUSED
        for mailbox in {entry.mailbox for entry in refused if entry.mailbox is not None}:
            mailbox.forget_refused()
        self._full = bool(event.job.mails or event.job.ops)
        self._finish()
        return refused

    def _finish(self) -> None:
        self._job = None
        self._entries.clear()


def _id(entry: Entry) -> MailboxId:
    assert entry.mailbox is not None
    return entry.mailbox.id


def _body(job: Job, bodies: dict[Fan, int], fan: Fan) -> int:
    index = bodies.get(fan)
    if index is None:
        index = bodies[fan] = len(job.bodies)
        job.bodies.append(fan.envelope)
    return index
