"""What is set about people survives, and nothing set means the defaults."""

from __future__ import annotations

from sealwire.ids import MessageId
from sealwire.peer.people import People
from sealwire.peer.prefs import Prefs
from sealwire.peer.records import PersonRecord
from sealwire.peer.store import Store


def test_nobody_is_accepted_or_blocked_by_default(store: Store) -> None:
    people = People(store, Prefs(), [])
    assert people.find("bob") == PersonRecord("bob", False, False, "")
    assert not people.is_accepted("bob")
    assert not people.is_blocked("bob")
    assert people.may_write("bob")


def test_without_requests_everybody_is_answered_but_a_block_still_holds(store: Store) -> None:
    people = People(store, Prefs(requests=False), [])
    assert people.is_accepted("bob")
    with store.transaction():
        store.add_message(MessageId(bytes(16)), "bob", "bob", False, "kept from before", 1)
    assert [message.request for message in store.history("bob", 9, None)] == [False], "nor is what is stored one"
    people.block("bob", True)
    assert not people.may_write("bob")


def test_what_is_set_is_there_after_a_restart(store: Store) -> None:
    people = People(store, Prefs(), [])
    assert people.accept("bob")
    assert not people.accept("bob"), "no news the second time"
    people.call("bob", "Robert")
    people.block("carol", True)
    assert People(store, Prefs(), []).all() == [
        PersonRecord("bob", True, False, "Robert"),
        PersonRecord("carol", False, True, ""),
    ]


def test_accepting_unblocks_and_keeps_the_nickname(store: Store) -> None:
    people = People(store, Prefs(), [])
    people.call("bob", "Robert")
    people.block("bob", True)
    assert people.accept("bob")
    assert people.find("bob") == PersonRecord("bob", True, False, "Robert")
