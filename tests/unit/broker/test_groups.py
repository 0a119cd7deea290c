"""The logs of groups at the broker: compared, appended, read back, bounded."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sealwire.broker.groups import PAGE_BYTES, PAGE_ENTRIES, judge
from sealwire.broker.logops import AppendEntry
from sealwire.broker.port import BrokerSettings
from sealwire.crypto.group_entry import Kind
from sealwire.crypto.group_log import MAX_ENTRY_BYTES
from sealwire.wire import control
from sealwire.wire.frames import Code
from tests.book import Book
from tests.unit.broker.rig import Rig
from tests.vectors.people import person


@pytest.fixture
def alice(rig):
    return rig.login("alice")


@pytest.fixture
def book():
    book = Book(person("alice"))
    for number in range(3):
        book.rename(book.owner, f"name {number}")
    return book


def append(client, entry: bytes) -> Code:
    return Code(client.ask(control.Append(id=1, entry=entry)).code)


def entries(client, group: bytes, after: int = 0) -> control.EntriesBody:
    answer = client.ask(control.Entries(id=2, group=group, after=after))
    assert answer.code == Code.OK
    return control.decode_entries_body(answer.body)


def fill(client, book: Book) -> None:
    for entry in book.entries:
        assert append(client, entry.encoded) == Code.OK


def test_what_was_appended_is_read_back_in_order(alice, book):
    fill(alice, book)
    body = entries(alice, book.group)
    assert body.entries == [entry.encoded for entry in book.entries]
    assert (body.sequence, body.head) == (book.head.sequence, book.head.hash)
    assert entries(alice, book.group, after=3).entries == [book.entries[3].encoded]
    assert entries(alice, book.group, after=4).entries == []


def test_a_log_outlives_the_process(rig, alice, book):
    fill(alice, book)
    rig.crash()
    again = rig.login("alice")
    assert entries(again, book.group).head == book.head.hash
    assert append(again, book.entry(book.owner, Kind.RENAME).encoded) == Code.OK


def test_an_entry_whose_answer_was_lost_may_come_again(alice, book):
    fill(alice, book)
    assert append(alice, book.entries[-1].encoded) == Code.OK
    assert append(alice, book.entries[0].encoded) == Code.OK
    assert entries(alice, book.group).sequence == 4


def test_of_two_entries_for_one_place_the_first_stands(alice, book):
    first, second = (book.entry(book.owner, Kind.RENAME, value=name) for name in (b"\0\1a", b"\0\1b"))
    fill(alice, book)
    assert append(alice, first.encoded) == Code.OK
    assert append(alice, second.encoded) == Code.STALE
    assert entries(alice, book.group, after=4).entries == [first.encoded]


def test_two_appends_of_one_job_are_compared_one_after_the_other(rig, book):
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    fill(alice, book)
    rivals = [book.entry(book.owner, Kind.RENAME, value=name).encoded for name in (b"\0\1a", b"\0\1b")]
    rig.auto = False
    for client, entry in zip((alice, bob), rivals):
        client.feed(control.encode_request(client.token, control.Append(id=7, entry=entry)))
    rig.commit()
    rig.auto = True
    rig.turn()
    codes = [control.decode_response(client.frames()[-1]).code for client in (alice, bob)]
    assert codes == [Code.OK, Code.STALE]


def test_nothing_is_appended_to_a_log_that_nobody_began(alice, book):
    assert append(alice, book.entries[1].encoded) == Code.STALE
    assert alice.ask(control.Entries(id=2, group=book.group, after=0)).code == Code.UNKNOWN


@pytest.mark.parametrize("cut", [0, 1, 100, MAX_ENTRY_BYTES])
def test_what_is_no_entry_is_invalid(alice, cut):
    assert append(alice, bytes(cut)) == Code.INVALID


def test_whoever_was_removed_can_no_longer_append(alice):
    book = Book(person("alice"))
    book.join(book.owner, person("bob"))
    before = book.key
    book.write(book.owner, Kind.REMOVE, "bob")
    fill(alice, book)
    late = book.entry(person("bob"), Kind.RENAME, value=b"\0\1x", key=before, rotate=False)
    assert append(alice, late.encoded) == Code.INVALID
    assert append(alice, book.entry(book.owner, Kind.RENAME, value=b"\0\1y").encoded) == Code.OK


def test_a_member_without_the_keeper_cannot_take_the_log_for_itself(alice):
    book = Book(person("alice"))
    book.join(book.owner, person("bob"))
    fill(alice, book)
    takeover = book.entry(person("bob"), Kind.REKEY, rotate=True, keeper=bytes(32))
    assert append(alice, takeover.encoded) == Code.INVALID


def test_a_log_and_the_groups_of_an_account_are_bounded(tmp_path):
    rig = Rig(tmp_path, BrokerSettings(grace_ms=0.0, group_entries=4, groups_per_account=2))
    alice = rig.login("alice")
    books = [Book(person("alice")) for _ in range(3)]
    for number in range(3):
        books[0].rename(books[0].owner, f"name {number}")
    fill(alice, books[0])
    assert append(alice, books[0].entry(books[0].owner, Kind.RENAME).encoded) == Code.QUOTA
    fill(alice, books[1])
    assert append(alice, books[2].entries[0].encoded) == Code.QUOTA
    assert append(alice, books[1].entries[0].encoded) == Code.OK, "it stands there already"
    fill(rig.login("bob", "bob"), books[2])


def test_requests_to_logs_have_a_rate_of_their_own(tmp_path, book):
    rig = Rig(tmp_path, BrokerSettings(grace_ms=0.0, group_requests_burst=5.0, requests_burst=1.0))
    alice = rig.login("alice")
    fill(alice, book)
    assert entries(alice, book.group).sequence == 4
    late = alice.ask(control.Entries(id=3, group=book.group, after=0))
    assert late.code == Code.RATE
    assert late.retry_after_ms > 0
    rig.advance(1)
    assert entries(alice, book.group).sequence == 4


def test_a_page_is_bounded_by_bytes_and_by_number(alice):
    book = Book(person("alice"))
    for number in range(40):
        book.rename(book.owner, f"name {number}")
    fill(alice, book)
    seen: list[bytes] = []
    while len(seen) < 41:
        body = entries(alice, book.group, after=len(seen))
        assert body.sequence == 41
        assert 0 < sum(map(len, body.entries)) <= PAGE_BYTES
        assert len(body.entries) <= PAGE_ENTRIES
        seen += body.entries
    assert seen == [entry.encoded for entry in book.entries]


def test_a_full_disk_is_an_answer(rig, alice, book):
    rig.auto = False
    alice.feed(control.encode_request(alice.token, control.Append(id=7, entry=book.entries[0].encoded)))
    rig.refuse()
    assert control.decode_response(alice.frames()[-1]).code == Code.STORAGE


def test_a_store_is_told_what_to_do_with_each_entry(book):
    first, second = book.entries[:2]
    op = AppendEntry(None, "alice", second, 10, 10)
    assert judge(op, first.encoded, None) == "done"
    assert judge(op, second.encoded, second.encoded) == "there"
    assert judge(op, second.encoded, first.encoded) == "stale"
    assert judge(op, None, None) == "stale"
    assert judge(replace(op, entries=1), first.encoded, None) == "quota"
