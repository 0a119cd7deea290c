"""What may follow what in a group's log, for brokers and clients alike."""

import os

import pytest
from msgspec.structs import replace

from sealwire.crypto.group_entry import Kind, SignedBody
from sealwire.crypto.group_log import MAX_ENTRY_BYTES, ForkError, Head, LogEntry, follow
from sealwire.crypto.log_keys import LogKey
from sealwire.errors import RefusedError, RemoteProtocolError
from tests.book import Book
from tests.vectors.people import person


@pytest.fixture(scope="module")
def book():
    """create, invite, accept, remove (another writer), rename."""
    book = Book(person("alice"))
    book.join(book.owner, person("bob"))
    book.write(book.owner, Kind.REMOVE, "bob")
    book.rename(book.owner, "after")
    return book


def heads(book):
    head = Head(book.group)
    for entry in book.entries:
        yield head
        head = follow(head, entry)
    yield head


def test_entries_follow_each_other_from_nothing(book):
    *_, last = heads(book)
    assert last == book.head
    assert last.sequence == 5


def test_an_entry_reads_back_as_itself(book):
    for entry in book.entries:
        assert LogEntry.decode(entry.encoded) == entry
        assert len(entry.encoded) <= MAX_ENTRY_BYTES


def test_all_entries_have_one_of_four_lengths(book):
    assert len({len(entry.encoded) for entry in book.entries}) <= 4


def test_every_byte_of_an_entry_matters(book):
    for head, entry in list(zip(heads(book), book.entries))[3:5]:
        for at in range(len(entry.encoded)):
            broken = bytearray(entry.encoded)
            broken[at] ^= 1
            with pytest.raises((RefusedError, RemoteProtocolError)):
                follow(head, LogEntry.decode(bytes(broken)))


@pytest.mark.parametrize("size", [0, 1, 312, 313, 1_000])
def test_cut_entries_are_none(book, size):
    with pytest.raises(RemoteProtocolError):
        LogEntry.decode(book.entries[0].encoded[:size])


def test_an_entry_stands_in_one_place_only(book):
    before = list(heads(book))
    for number, entry in enumerate(book.entries):
        for other, head in enumerate(before):
            if other != number:
                with pytest.raises(ForkError):
                    follow(head, entry)


def test_another_group_another_hash_or_another_keeper_is_refused(book):
    head, entry = list(heads(book))[4], book.entries[4]
    for changed in (replace(head, group=bytes(16)), replace(head, hash=bytes(32))):
        with pytest.raises(ForkError):
            follow(changed, entry)
    with pytest.raises(RefusedError):
        follow(replace(head, keeper=os.urandom(32)), entry)


def test_the_writer_changes_only_with_the_keepers_word(book):
    stranger = Book(person("alice"))
    stranger.join(stranger.owner, person("bob"))
    for wrong in (b"\1" * 32, None):
        entry = stranger.entry(stranger.owner, Kind.REMOVE, "bob", rotate=True, keeper=wrong)
        if wrong is None:
            assert follow(stranger.head, entry).writer == stranger.fresh.writer
        else:
            with pytest.raises(RefusedError):
                follow(stranger.head, entry)


def test_the_keeper_says_nothing_when_the_writer_stays():
    book = Book(person("alice"))
    entry = book.entry(book.owner, Kind.RENAME, value=b"\0\1x", keeper=book.keeper)
    with pytest.raises(RefusedError):
        follow(book.head, entry)


# --- log keys --------------------------------------------------------------------------------------------------


def test_the_newest_key_leads_back_to_every_older_one():
    book = Book(person("alice"))
    for _ in range(3):
        book.write(book.owner, Kind.REKEY)
        book.rename(book.owner, "x")
    key = book.key
    found = [key]
    for entry in reversed(book.entries):
        older = key.before(entry) if entry.link else None
        if older is not None:
            key = older
            found.append(key)
    assert found == book.keys[::-1]


def test_an_older_key_opens_nothing_newer(book):
    first, second = book.keys
    assert first.before(book.entries[3]) is None
    assert SignedBody.decode(first.open(book.entries[3])).body.kind is Kind.REMOVE
    with pytest.raises(RefusedError):
        first.open(book.entries[4])
    assert SignedBody.decode(second.open(book.entries[4])).body.kind is Kind.RENAME


def test_a_key_is_known_by_the_writer_in_the_log(book):
    assert book.keys[0].writer == book.entries[0].writer
    assert book.keys[1].writer == book.entries[3].writer
    assert LogKey(bytes(16), book.keys[0].secret).writer != book.keys[0].writer


def test_a_key_shows_no_secret(book):
    assert book.key.secret.hex() not in repr(book.key)
