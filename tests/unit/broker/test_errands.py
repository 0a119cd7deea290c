"""The store with somebody beside it."""

from __future__ import annotations

import pytest

from sealwire.broker.errands import AttendedStore, Errand, oldest_ms
from sealwire.broker.port import Job
from sealwire.ids import Mailbox, Mid

AT_MS = 1_800_000_000_000


def test_errands_see_the_database_and_commits_are_timed(tmp_path):
    seconds: list[float] = []
    store = AttendedStore(tmp_path, bytes(32), 0, seconds.append)
    oldest = Errand(run=oldest_ms)
    store.apply(oldest)
    assert oldest.done.result(0) is None
    assert seconds == []
    store.apply(Job(AT_MS, mails=[(Mailbox(bytes(16)), Mid(bytes(16)), b"envelope")]))
    store.apply(Job(AT_MS + 5, mails=[(Mailbox(bytes(16)), Mid(bytes(16)), 0)], bodies=[b"to many"]))
    oldest = Errand(run=oldest_ms)
    store.apply(oldest)
    assert oldest.done.result(0) == AT_MS
    assert len(seconds) == 2
    assert store.writing_since is None
    store.close()


def test_an_errand_that_fails_is_its_askers_affair(tmp_path):
    store = AttendedStore(tmp_path, bytes(32), 0)
    wrong = Errand(run=lambda db: db.execute("SELECT nothing"))
    store.apply(wrong)
    with pytest.raises(Exception, match="nothing"):
        wrong.done.result(0)
    store.close()
