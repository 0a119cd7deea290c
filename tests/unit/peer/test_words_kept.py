"""What is shown of a large history, and what is left of words that were taken away."""

from __future__ import annotations

import contextlib
import os
import time

import pytest

from sealwire.ids import MessageId
from sealwire.peer.records import Details, ReactionRow
from sealwire.peer.store import Store

SECRET = "a sentence that must not stay"
MANY = 100_000


def numbered(number: int) -> MessageId:
    return MessageId(number.to_bytes(16, "big"))


class Watched(Store):
    """A database whose files are looked into: no cipher stands in the way."""

    def _prepare(self, key: bytes) -> None:
        self.path, path = None, self.path
        super()._prepare(key)
        self.path = path


def left(folder) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def take_back(store: Store, row: int) -> None:
    store.take_back(row)


def remove(store: Store, row: int) -> None:
    store.remove(row, 5)


def correct(store: Store, row: int) -> None:
    store.correct(row, "other words", (), False)


def drop(store: Store, row: int) -> None:
    assert store.drop_messages("bob", row, 10, 1) == 1


@pytest.mark.parametrize("act", [take_back, remove, correct, drop])
@pytest.mark.parametrize("indexed", [False, True])
def test_words_that_were_taken_away_are_in_no_file_and_no_index(tmp_path, act, indexed):
    store = Watched(tmp_path / "peer.db", bytes(32))
    with store.transaction():
        row = store.add_message(numbered(1), "bob", "bob", False, SECRET, 1)
        store.put_reaction(row, "alice", ReactionRow(1, b"e" * 16, "👍"))
        if indexed:
            store.index_words()
    assert SECRET.encode() in left(tmp_path), "the test can see words"
    with store.transaction():
        act(store, row)
    assert b"must not stay" not in left(tmp_path)
    assert b"sentence" not in left(tmp_path), "not in the index either"
    store.close()
    assert b"must not stay" not in left(tmp_path)


def test_a_transaction_that_fails_takes_nothing_away(tmp_path):
    store = Store(tmp_path / "peer.db", bytes(32))
    with store.transaction():
        row = store.add_message(numbered(1), "bob", "bob", False, SECRET, 1)
    with contextlib.suppress(ZeroDivisionError), store.transaction():
        store.take_back(row)
        raise ZeroDivisionError
    assert store.shown(row).text == SECRET


def where(number: int) -> tuple[str, str]:
    """(conversation, sender) of a message."""
    return "bob" if number % 2 else "+" + "ab" * 16, ("alice", "bob")[number // 2 % 2]


@pytest.fixture(scope="module")
def large() -> Store:
    """100,000 messages in two conversations, a third of them answers, a tenth with twenty reactions."""
    store = Store(None, bytes(32))
    with store.transaction():
        for n in range(MANY):
            place, sender = where(n)
            answers = (where(n - 100)[1], numbered(n - 100)) if n > 200 and n % 3 == 0 else None
            details = Details(answers=answers, mentions=("alice",) if n % 7 == 0 else ())
            store.add_message(numbered(n), place, sender, sender == "alice", f"message {n}", n, details)
            if n % 10 == 1:
                for person in range(20):
                    store.put_reaction(n + 1, f"p{person:02}", ReactionRow(1, b"e" * 16, "👍"))
    return store


@pytest.mark.parametrize("before", [None, 50_000, 1_000])
def test_a_page_of_a_large_history_takes_one_question_and_little_time(large, before):
    asked = []
    large._db.trace_v2(0x01, lambda event: asked.append(event["sql"]))
    page = large.history("bob", 50, before)
    large._db.trace_v2(0, None)
    assert len([sql for sql in asked if sql.startswith("SELECT")]) == 1
    assert len(page) == 50
    assert next(m.reply_to.text for m in page if m.reply_to).startswith("message ")
    assert {len(m.reactions) for m in page} == {0, 20}
    best_s = min(_cpu_s(lambda: large.history("bob", 50, before)) for _ in range(5))
    assert best_s < 0.005


def _cpu_s(run) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM shown WHERE conversation = ? AND row < ? ORDER BY row DESC LIMIT ?",
        "SELECT * FROM shown WHERE conversation = ? AND row > ? ORDER BY row LIMIT ?",
        "SELECT * FROM shown WHERE row = ?",
        "SELECT * FROM shown WHERE id = ? AND mine = 1",
        "SELECT row FROM message WHERE dies_at <= ? ORDER BY dies_at LIMIT ?",
    ],
)
def test_nothing_that_is_shown_reads_a_whole_table(large, sql):
    plan = [row[3] for row in large._all("EXPLAIN QUERY PLAN " + sql, *(1,) * sql.count("?"))]
    assert not [step for step in plan if step.startswith("SCAN")], plan


def test_random_ids_find_nothing_quickly(large):
    assert _cpu_s(lambda: [large.find("bob", "bob", os.urandom(16)) for _ in range(1_000)]) < 0.5


def test_one_message_is_shown_without_planning_the_question_again(large):
    large.shown(50_000)
    best_s = min(_cpu_s(lambda: [large.shown(50_000) for _ in range(200)]) for _ in range(5)) / 200
    plain_s = min(_cpu_s(lambda: [large.named("bob", b"?" * 16) for _ in range(200)]) for _ in range(5)) / 200
    assert best_s < 15 * plain_s, "the join is prepared anew for each value"


@pytest.mark.parametrize(("which", "index"), [("kind <> 2", "message_theirs"), ("mentions_me", "message_mention")])
def test_counting_what_is_unread_takes_an_index_of_its_own(large, which, index):
    sql = f"SELECT count(*) FROM message WHERE conversation = ? AND row > ? AND mine = 0 AND {which}"
    plan = [row[3] for row in large._all("EXPLAIN QUERY PLAN " + sql, "bob", 0)]
    assert plan == [f"SEARCH message USING INDEX {index} (conversation=? AND row>?)"]
    counted = (large.unread_count, large.mentions_count)[which == "mentions_me"]
    theirs = [n for n in range(MANY) if where(n) == ("bob", "bob")]
    assert counted("bob") == (0 if which == "mentions_me" else len(theirs))
    assert large.unread_count() == MANY // 2 == large.unread_count("bob") + large.unread_count("+" + "ab" * 16)
