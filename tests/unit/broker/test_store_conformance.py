"""What the broker relies on in a store, whichever it is (sealwire/broker/port.py).

Another store (a database, a shard, a cluster) adds a ``Subject`` to ``SUBJECTS`` and passes this file as it stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

import pytest
from msgspec.structs import replace

from sealwire.broker.logops import AppendEntry, ReadEntries
from sealwire.broker.port import (
    JOB_ROWS,
    SLICE_ROWS,
    AddInvite,
    Committed,
    FindAccount,
    Job,
    ListInvites,
    Op,
    Read,
    Rebind,
    Refused,
    Register,
    Result,
    Snapshot,
    StoreEvent,
    StorePrekeys,
    TakeBundle,
)
from sealwire.broker.store import SqliteStore, Writer
from sealwire.ids import Mailbox, Mid
from sealwire.wire.frames import MAX_ENVELOPE_BYTES, MAX_ONE_TIME_PREKEYS
from tests.book import Book
from tests.vectors.people import person

PATIENCE_S = 10.0
ALICE, BOB = Mailbox(b"a" * 16), Mailbox(b"b" * 16)


# --- a store under test ----------------------------------------------------------------------------------------


class Subject(Protocol):
    """A store, and what only tests do to one."""

    def submit(self, job: Job) -> None:
        """The port itself."""

    def event(self) -> StoreEvent:
        """The next event, in order; waits for it."""

    def snapshot(self) -> Snapshot:
        """What the broker starts from."""

    def restart(self) -> None:
        """The process dies after the events seen so far, and the store is opened again."""

    def fill(self) -> None:
        """No room is left for mail from now on."""

    def make_room(self) -> None:
        """There is room again."""

    def close(self) -> None:
        """The end."""


class Sqlite:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open()

    def _open(self) -> None:
        self._events: SimpleQueue[StoreEvent | BaseException] = SimpleQueue()
        self._store = SqliteStore(self._folder, bytes(32), 0)
        self._writer = Writer(self._store, self._events.put, self._events.put)

    def submit(self, job: Job) -> None:
        self._writer.submit(job)

    def event(self) -> StoreEvent:
        event = self._events.get(timeout=PATIENCE_S)
        if isinstance(event, BaseException):
            raise event
        return event

    def snapshot(self) -> Snapshot:
        return self._store.snapshot()

    def restart(self) -> None:
        self.close()
        self._open()

    def fill(self) -> None:
        pages = self._store._db.execute("PRAGMA page_count").fetchall()[0][0]
        self._store._db.execute(f"PRAGMA max_page_count = {pages}")

    def make_room(self) -> None:
        self._store._db.execute("PRAGMA max_page_count = 1000000000")

    def close(self) -> None:
        self._writer.stop()
        self._store.close()


SUBJECTS: dict[str, Callable[[Path], Subject]] = {"sqlite": Sqlite}


@pytest.fixture(params=SUBJECTS)
def store(request, tmp_path: Path) -> Iterator[Subject]:
    subject = SUBJECTS[request.param](tmp_path / "store")
    yield subject
    subject.close()


def apply(store: Subject, job: Job) -> StoreEvent:
    store.submit(job)
    event = store.event()
    assert event.job is job
    return event


def commit(store: Subject, job: Job) -> Committed:
    event = apply(store, job)
    assert isinstance(event, Committed)
    return event


def mail(*envelopes: bytes, to: Mailbox = BOB, at_ms: int = 1) -> Job:
    return Job(at_ms, [(to, Mid(envelope[:16].ljust(16, b"\0")), envelope) for envelope in envelopes])


def read(store: Subject, rows: list[int]) -> list[bytes]:
    (piece,) = commit(store, Job(1, reads=[Read("ref", rows)])).slices
    assert piece.ref == "ref"
    assert [row for row, _, _ in piece.rows] == rows
    return [envelope for _, _, envelope in piece.rows]


def waiting(store: Subject) -> list[tuple[Mailbox, int, int]]:
    return [(mailbox, row, size) for mailbox, row, size, *_ in store.snapshot().mail]


# --- jobs --------------------------------------------------------------------------------------------------------


def test_each_job_has_exactly_one_event_in_order(store):
    jobs = [mail(b"%d" % number) for number in range(100)]
    for job in jobs:
        store.submit(job)
    assert [store.event().job for _ in jobs] == jobs


def test_submitting_does_not_wait_for_the_disk(store):
    jobs = [mail(*[bytes(1_000)] * 200) for _ in range(20)]
    began = time.perf_counter()
    for job in jobs:
        store.submit(job)
    submitted_s = time.perf_counter() - began
    for _ in jobs:
        store.event()
    assert submitted_s < (time.perf_counter() - began) / 2


def test_an_empty_job_is_answered(store):
    assert commit(store, Job(1)).rows in ((), [], range(0))


def test_references_rise_with_arrival_within_a_job_from_job_to_job_and_over_a_restart(store):
    rows = [*commit(store, mail(b"one", b"two")).rows, *commit(store, mail(b"three")).rows]
    store.restart()
    rows += commit(store, mail(b"four", to=ALICE)).rows
    assert rows == sorted(set(rows))
    assert read(store, rows) == [b"one", b"two", b"three", b"four"]


def test_a_refused_or_deleted_number_never_comes_back_while_later_mail_waits(store):
    first = list(commit(store, mail(b"one", b"two", b"three")).rows)
    later = commit(store, Job(1, mail(b"four").mails, deletes=first)).rows
    store.restart()
    again = commit(store, mail(b"five")).rows
    assert again[0] > later[0] > first[-1]


def test_what_is_committed_is_there_after_a_restart_with_its_mid_and_time_in_order(store):
    rows = list(commit(store, mail(b"to bob", at_ms=7)).rows) + list(commit(store, mail(b"to alice", to=ALICE)).rows)
    store.restart()
    assert waiting(store) == [(BOB, rows[0], 6), (ALICE, rows[1], 8)]
    (piece,) = commit(store, Job(1, reads=[Read(None, rows)])).slices
    assert piece.rows == [
        (rows[0], b"to bob".ljust(16, b"\0"), b"to bob"),
        (rows[1], b"to alice".ljust(16, b"\0"), b"to alice"),
    ]


def test_the_incarnation_lasts(store):
    before = store.snapshot().incarnation
    assert len(before) == 16
    store.restart()
    assert store.snapshot().incarnation == before


def test_deletes_are_durable_with_their_job_and_deleting_again_does_no_harm(store):
    rows = list(commit(store, mail(b"one", b"two", b"three")).rows)
    commit(store, Job(1, deletes=[rows[2], rows[0]]))
    commit(store, Job(1, deletes=[rows[0]]))
    store.restart()
    assert [row for _, row, _ in waiting(store)] == [rows[1]]


def test_reads_come_after_the_transaction_and_several_are_told_apart(store):
    old = list(commit(store, mail(b"one", b"two")).rows)
    event = commit(store, Job(1, mail(b"three").mails, reads=[Read("a", old[:1]), Read("b", old[1:])]))
    assert [(piece.ref, [row[2] for row in piece.rows]) for piece in event.slices] == [("a", [b"one"]), ("b", [b"two"])]


@pytest.mark.parametrize(("room", "count"), [(1, 1), (100, 1), (199, 1), (200, 2), (299, 2), (300, 3), (10_000, 3)])
def test_a_slice_ends_where_its_room_does_and_never_before_its_first_row(store, room, count):
    envelopes = [bytes([number]) * 100 for number in range(3)]
    rows = list(commit(store, mail(*envelopes)).rows)
    (piece,) = commit(store, Job(1, reads=[Read(None, rows, room)])).slices
    assert [row[0] for row in piece.rows] == rows[:count]
    assert [row[2] for row in piece.rows] == envelopes[:count]


def test_the_largest_job_and_the_largest_envelope_are_kept(store):
    rows = list(commit(store, mail(*[b"%d" % number for number in range(JOB_ROWS)])).rows)
    assert len(rows) == JOB_ROWS
    assert read(store, rows[-SLICE_ROWS:]) == [b"%d" % number for number in range(JOB_ROWS - SLICE_ROWS, JOB_ROWS)]
    large = bytes(range(256)) * (MAX_ENVELOPE_BYTES // 256)
    assert read(store, list(commit(store, mail(large)).rows)) == [large]


# --- FANOUT ------------------------------------------------------------------------------------------------------


def test_targets_of_a_fanout_and_messages_keep_one_order(store):
    mails = [
        (BOB, Mid(b"1" * 16), b"first"),
        (ALICE, Mid(b"2" * 16), 0),
        (BOB, Mid(b"2" * 16), 0),
        (BOB, Mid(b"3" * 16), 1),
    ]
    rows = list(commit(store, Job(1, mails, bodies=[b"body", b"other"])).rows)
    assert rows == sorted(set(rows))
    assert read(store, rows) == [b"first", b"body", b"body", b"other"]
    store.restart()
    assert waiting(store) == [(BOB, rows[0], 5), (ALICE, rows[1], 4), (BOB, rows[2], 4), (BOB, rows[3], 5)]


def test_a_body_stays_until_its_last_target_has_it(store):
    mails = [(Mailbox(bytes([number]) * 16), Mid(b"m" * 16), 0) for number in range(5)]
    rows = list(commit(store, Job(1, mails, bodies=[b"body"])).rows)
    commit(store, Job(1, deletes=rows[:4]))
    store.restart()
    assert read(store, rows[4:]) == [b"body"]
    commit(store, Job(1, deletes=rows[4:]))
    assert waiting(store) == []


# --- a full disk -------------------------------------------------------------------------------------------------

LARGE = [bytes([number]) * 4_000 for number in range(64)]


def test_a_full_disk_keeps_nothing_of_the_job_answers_its_reads_and_goes_on(store):
    rows = list(commit(store, mail(b"kept", b"read")).rows)
    before = waiting(store)
    store.fill()
    event = apply(store, replace(mail(*LARGE), deletes=rows[:1], reads=[Read("ref", rows[1:])]))
    assert isinstance(event, Refused)
    assert [row[2] for row in event.slices[0].rows] == [b"read"]
    assert waiting(store) == before
    assert read(store, rows) == [b"kept", b"read"]
    commit(store, Job(1, deletes=event.job.deletes))
    assert [row for _, row, _ in waiting(store)] == rows[1:]
    store.make_room()
    assert len(commit(store, mail(*LARGE)).rows) == len(LARGE)
    store.restart()
    assert [size for _, _, size in waiting(store)] == [4, *[4_000] * len(LARGE)]


def test_operations_of_a_refused_job_did_not_happen(store):
    store.fill()
    assert isinstance(apply(store, replace(mail(*LARGE), ops=[register()])), Refused)
    store.make_room()
    assert outcome(store, FindAccount(None, "alice")) == "unknown"
    assert outcome(store, register()) == "done"


# --- the directory -----------------------------------------------------------------------------------------------


def register(**changes: object) -> Register:
    first = Register(
        ref="ref",
        mailbox=ALICE,
        account="alice",
        n_sign=b"n" * 384,
        device=b"1" * 16,
        card=b"card",
        card_signature=b"card signature",
        curve=b"c" * 32,
        devices=b"list",
        devices_signature=b"list signature",
        devices_version=1,
        listed=(b"1" * 16,),
        invite_hash=None,
        invite_needed=False,
        now_ms=1_000,
    )
    return replace(first, **changes)


def prekeys(spk_id: int = 1, *ids: int) -> StorePrekeys:
    return StorePrekeys(
        "ref", ALICE, spk_id, b"prekeys %d" % spk_id, b"signature", tuple((n, b"%032d" % n) for n in ids)
    )


def run(store: Subject, *ops: Op) -> list[Result]:
    results = commit(store, Job(1, ops=list(ops))).results
    assert [result.op for result in results] == list(ops)
    return results


def outcome(store: Subject, op: Op) -> str:
    return run(store, op)[0].outcome


def test_a_registered_device_is_found_and_there_after_a_restart(store):
    assert outcome(store, register()) == "done"
    store.restart()
    (found,) = run(store, FindAccount(None, "alice"))
    assert found.account is not None
    assert (found.account.devices, found.account.mailboxes) == (b"list", bytes(ALICE))
    (device,) = store.snapshot().devices
    assert (device.mailbox, device.account, device.curve) == (ALICE, "alice", b"c" * 32)


def test_a_name_belongs_to_the_key_that_took_it(store):
    run(store, register())
    thief = register(mailbox=BOB, n_sign=b"x" * 384, device=b"2" * 16, devices_version=2)
    assert outcome(store, thief) == "taken"
    assert len(store.snapshot().devices) == 1


def test_an_older_list_of_devices_is_stale(store):
    run(store, register(devices_version=3))
    second = register(mailbox=BOB, device=b"2" * 16, listed=(b"1" * 16, b"2" * 16), curve=b"d" * 32)
    assert outcome(store, replace(second, devices_version=3)) == "stale"
    assert outcome(store, replace(second, devices_version=4)) == "done"
    (found,) = run(store, FindAccount(None, "alice"))
    assert found.account is not None
    assert found.account.mailboxes == bytes(ALICE) + bytes(BOB)


def test_operations_of_one_job_see_each_other(store):
    results = run(store, register(), prekeys(1, 1), TakeBundle(None, ALICE), TakeBundle(None, ALICE))
    assert [result.outcome for result in results] == ["done"] * 4
    assert [result.bundle.opk_id for result in results[2:]] == [1, 0]


def test_another_connection_key_is_remembered(store):
    run(store, register(), Rebind(None, ALICE, b"e" * 32))
    store.restart()
    assert store.snapshot().devices[0].curve == b"e" * 32


def test_a_one_time_prekey_is_handed_out_once_ever_oldest_first(store):
    run(store, register(), prekeys(1, 1, 2))
    taken = [run(store, TakeBundle(None, ALICE))[0].bundle.opk_id]
    store.restart()
    assert store.snapshot().devices[0].one_time_left == 1
    run(store, prekeys(1, 1, 2))  # the same upload again: its answer was lost
    taken += [run(store, TakeBundle(None, ALICE))[0].bundle.opk_id for _ in range(2)]
    assert taken == [1, 2, 0]


def test_an_older_signed_prekey_is_stale_and_one_of_nobody_is_unknown(store):
    assert outcome(store, prekeys(1)) == "unknown"
    run(store, register(), prekeys(5))
    assert outcome(store, prekeys(4)) == "stale"
    assert run(store, TakeBundle(None, ALICE))[0].bundle.prekeys == b"prekeys 5"


def test_one_time_prekeys_are_bounded(store):
    run(store, register(), prekeys(1, *range(1, 200)), prekeys(1, *range(200, 600)))
    assert store.snapshot().devices[0].one_time_left <= MAX_ONE_TIME_PREKEYS


def test_a_bundle_of_a_device_without_prekeys_is_unknown(store):
    run(store, register())
    assert outcome(store, TakeBundle(None, ALICE)) == "unknown"
    assert outcome(store, TakeBundle(None, BOB)) == "unknown"


def test_an_invite_lets_in_as_many_as_it_says_and_not_after_its_time(store):
    token = b"t" * 32
    newcomer = register(invite_hash=token, invite_needed=True)
    assert outcome(store, newcomer) == "no-invite"
    run(store, AddInvite("ref", token, 1, 2_000))
    store.restart()
    (listed,) = run(store, ListInvites("ref"))
    assert [(row.token_hash, row.uses_left, row.expires_ms) for row in listed.invites] == [(token, 1, 2_000)]
    assert outcome(store, replace(newcomer, now_ms=2_000)) == "no-invite"
    run(store, AddInvite("ref", token, 1, 2_000))
    assert outcome(store, newcomer) == "done"
    other = replace(newcomer, mailbox=BOB, account="bob", n_sign=b"b" * 384, curve=b"f" * 32)
    assert outcome(store, other) == "no-invite"


# --- logs of groups ------------------------------------------------------------------------------------------


def log() -> Book:
    """A log of four entries."""
    book = Book(person("alice"))
    for number in range(3):
        book.rename(book.owner, f"name {number}")
    return book


def append(book: Book, number: int, entries: int = 100, groups: int = 100) -> AppendEntry:
    return AppendEntry(None, "alice", book.entries[number], entries, groups)


def test_entries_of_a_log_are_appended_one_behind_the_other_and_last(store):
    book = log()
    results = run(store, register(), *(append(book, number) for number in range(4)))
    assert [result.outcome for result in results] == ["done"] * 5
    store.restart()
    (found,) = run(store, ReadEntries(None, book.group, 1))
    assert found.log is not None
    assert (found.log.sequence, found.log.head) == (book.head.sequence, book.head.hash)
    assert list(found.log.entries) == [entry.encoded for entry in book.entries[1:]]


def test_an_entry_that_does_not_follow_the_last_one_is_stale_and_the_same_one_again_is_done(store):
    book, other = log(), log()
    run(store, register(), append(book, 0))
    assert outcome(store, append(book, 2)) == "stale"
    assert outcome(store, append(other, 1)) == "stale"
    assert [outcome(store, append(book, 1)) for _ in range(2)] == ["done", "done"]
    assert outcome(store, ReadEntries(None, other.group, 0)) == "unknown"


def test_entries_and_begun_groups_are_bounded_and_a_repeated_one_counts_once(store):
    book, other = log(), log()
    run(store, register(), append(book, 0))
    assert outcome(store, append(book, 1, entries=1)) == "quota"
    assert outcome(store, append(book, 0, groups=1)) == "done"
    assert outcome(store, append(other, 0, groups=1)) == "quota"
    store.restart()
    assert outcome(store, append(other, 0, groups=1)) == "quota"
    assert outcome(store, append(other, 0, groups=2)) == "done"
