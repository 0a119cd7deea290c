"""The peer's database: whole transactions, altered pages refused, bounds."""

from __future__ import annotations

import contextlib
import os
import random

import pytest

from sealwire.errors import StoreError
from sealwire.ids import MessageId, mid_of
from sealwire.peer.records import OutboxRow
from sealwire.peer.store import MAX_QUARANTINED, Store

KEY = bytes(range(32))


def test_a_transaction_is_whole_or_absent(tmp_path):
    store = Store(tmp_path / "peer.db", KEY)
    with store.transaction():
        store.put("a", b"1")
    _fail_halfway(store)
    assert store.get("a") == b"1"
    store.close()
    assert Store(tmp_path / "peer.db", KEY).get("a") == b"1"


def _fail_halfway(store: Store) -> None:
    with contextlib.suppress(ZeroDivisionError), store.transaction():
        store.put("a", b"2")
        raise ZeroDivisionError


def test_another_key_does_not_open_it(tmp_path):
    Store(tmp_path / "peer.db", KEY).close()
    with pytest.raises(StoreError):
        Store(tmp_path / "peer.db", bytes(32))


def test_the_file_holds_no_plaintext(tmp_path):
    store = Store(tmp_path / "peer.db", KEY)
    with store.transaction():
        store.add_message(MessageId(os.urandom(16)), "bob", "bob", False, "a very secret sentence", 1)
    store.close()
    assert b"very secret" not in b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert not (tmp_path / "peer.db").read_bytes().startswith(b"SQLite format 3")


def test_what_is_queued_is_counted_in_own_messages_not_in_envelopes(tmp_path):
    store = Store(tmp_path / "peer.db", KEY)
    waiting, sent, receipt = (MessageId(os.urandom(16)) for _ in range(3))
    with store.transaction():
        for own in (waiting, sent):
            store.add_message(own, "bob", "alice", True, "hi", 1)
        store.add_outbox(
            OutboxRow(row, "bob", None, id, b"", 1) for row, id in ((1, waiting), (2, waiting), (3, receipt))
        )
        assert store.accepted(sent) == "bob"
    assert (len(store.outbox_rows()), store.queued_count()) == (3, 1)
    with store.transaction():
        store.delete_outbox([1, 2])
        assert store.accepted(waiting) == "bob"
    assert (len(store.outbox_rows()), store.queued_count()) == (1, 0)


def test_a_flipped_bit_is_found_and_never_served(tmp_path):
    store = Store(tmp_path / "peer.db", KEY)
    texts = {f"message number {n} " + "x" * 300 for n in range(200)}
    with store.transaction():
        for text in sorted(texts):
            store.add_message(MessageId(os.urandom(16)), "bob", "bob", False, text, 1)
    store.close()
    whole = (tmp_path / "peer.db").read_bytes()
    dice = random.Random(7)
    for _ in range(12):
        broken = bytearray(whole)
        broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        (tmp_path / "peer.db").write_bytes(broken)
        assert _served(tmp_path / "peer.db") in (None, texts), "altered rows were served"


def _served(path) -> set[str] | None:
    """The texts a damaged database gives out; None when it refuses."""
    try:
        store = Store(path, KEY)
    except StoreError:
        return None
    try:
        with store.transaction():
            return {m.text for m in store.history("bob", 1000, None)}
    except StoreError:
        return None
    finally:
        store.close()


def test_the_same_message_is_stored_once():
    store = Store(None, KEY)
    message = MessageId(os.urandom(16))
    assert store.add_message(message, "bob", "bob", False, "hello", 1) == 1
    assert store.add_message(message, "bob", "bob", False, "hello", 1) is None


def test_states_only_rise():
    store = Store(None, KEY)
    message = MessageId(os.urandom(16))
    store.add_message(message, "bob", "alice", True, "hello", 1)
    assert store.raise_state(message, "bob", 2)
    assert not store.raise_state(message, "bob", 1)
    assert store.accepted(message) is None
    assert store.own_message(message).state == "delivered"


def test_a_receipt_of_another_person_changes_nothing():
    store = Store(None, KEY)
    message = MessageId(os.urandom(16))
    store.add_message(message, "bob", "alice", True, "hello", 1)
    assert not store.raise_state(message, "mallory", 2)


def test_quarantine_is_bounded_and_the_oldest_go():
    store = Store(None, KEY)
    for n in range(MAX_QUARANTINED + 10):
        envelope = n.to_bytes(20, "big")
        store.quarantine(mid_of(envelope), envelope, "malformed", None, n)
    rows = store.quarantined()
    assert len(rows) == MAX_QUARANTINED
    assert rows[0].envelope == (10).to_bytes(20, "big")


def test_what_anybody_can_send_does_not_push_out_what_waits_for_a_decision():
    store = Store(None, KEY)
    known = [b"waits", b"early", b"group"]
    for envelope, reason, account in zip(known, ("waiting", "early", "group-behind"), ("bob", None, None)):
        store.quarantine(mid_of(envelope), envelope, reason, account, 0)
    for n in range(MAX_QUARANTINED + 10):
        envelope = n.to_bytes(20, "big")
        store.quarantine(mid_of(envelope), envelope, "no-session", None, n)
    rows = [row.envelope for row in store.quarantined()]
    assert len(rows) == MAX_QUARANTINED
    assert rows[:3] == known


def test_history_pages_backwards():
    store = Store(None, KEY)
    for n in range(25):
        store.add_message(MessageId(os.urandom(16)), "bob", "bob", False, f"m{n}", n)
    last = store.history("bob", 10, None)
    assert [m.text for m in last] == [f"m{n}" for n in range(15, 25)]
    assert [m.text for m in store.history("bob", 10, last[0].row)] == [f"m{n}" for n in range(5, 15)]


def test_a_newer_schema_is_refused_untouched(tmp_path):
    store = Store(tmp_path / "peer.db", KEY)
    store._db.pragma("user_version", 99)
    store.close()
    with pytest.raises(StoreError, match="newer version"):
        Store(tmp_path / "peer.db", KEY)


def test_a_second_process_is_refused(tmp_path):
    first = Store(tmp_path / "peer.db", KEY)
    with first.transaction():
        first.put("a", b"1")
    with pytest.raises(StoreError):
        Store(tmp_path / "peer.db", KEY)
