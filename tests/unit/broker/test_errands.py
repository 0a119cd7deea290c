"""The store with somebody beside it."""

from __future__ import annotations

import pytest

from sealwire.broker.errands import AttendedStore, Errand, store_facts
from sealwire.broker.port import Job
from sealwire.ids import Mailbox, Mid

AT_MS = 1_800_000_000_000


def test_errands_see_the_database_and_commits_are_timed(tmp_path):
    seconds: list[float] = []
    store = AttendedStore(tmp_path, bytes(32), 0, seconds.append)
    oldest = Errand(run=store_facts)
    store.apply(oldest)
    assert oldest.done.result(0).oldest_ms is None
    assert seconds == []
    store.apply(Job(AT_MS, mails=[(Mailbox(bytes(16)), Mid(bytes(16)), b"envelope")]))
    store.apply(Job(AT_MS + 5, mails=[(Mailbox(bytes(16)), Mid(bytes(16)), 0)], bodies=[b"to many"]))
    oldest = Errand(run=store_facts)
    store.apply(oldest)
    assert oldest.done.result(0).oldest_ms == AT_MS
    assert len(seconds) == 2
    assert store.writing_since is None
    store.close()


def test_the_database_knows_its_size_and_the_room_inside_it(tmp_path):
    store = AttendedStore(tmp_path, bytes(32), 0)
    mails = [(Mailbox(bytes(16)), Mid(bytes(16)), bytes(4_000))] * 100
    rows = store.apply(Job(AT_MS, mails=mails)).rows
    full = store_facts(store._db)
    assert full.size_bytes > 400_000
    assert full.free_bytes == 0
    store.apply(Job(AT_MS, deletes=list(rows)))
    empty = store_facts(store._db)
    assert empty.size_bytes == full.size_bytes
    assert empty.free_bytes > 350_000
    store.close()


def test_an_errand_that_fails_is_its_askers_affair(tmp_path):
    store = AttendedStore(tmp_path, bytes(32), 0)
    wrong = Errand(run=lambda db: db.execute("SELECT nothing"))
    store.apply(wrong)
    with pytest.raises(Exception, match="nothing"):
        wrong.done.result(0)
    store.close()
