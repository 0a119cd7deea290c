"""Device pairs: what counters and hashes say about order, and which session sends."""

from __future__ import annotations

import os

import pytest

from sealwire.crypto.primitives import H
from sealwire.crypto.session import RENEW_AFTER_MESSAGES, RENEW_AFTER_MS
from sealwire.crypto.vault import Vault
from sealwire.peer.pairs import MAX_MISSING, UNANSWERED_OPENING_MS, Order, Pair, Pairs, PairState
from sealwire.peer.store import Store
from sealwire.wire.content import Plaintext, Text, encode_plaintext
from tests.vectors.people import NOW_MS, introduced, person


def fresh_pair(name: str = "bob") -> Pair:
    card = person(name).card
    return Pair(card.card.mailbox, name, card, PairState(missing=[], void=[]))


class Talker:
    """The sending half: numbers and chains plaintexts as a peer does."""

    def __init__(self) -> None:
        self.counter, self.previous = 0, bytes(32)

    def say(self, text: str, void: tuple[int, ...] = ()) -> tuple[Plaintext, bytes]:
        self.counter += 1
        message = Plaintext(
            1, bytes(32), bytes(32), b"", os.urandom(16), self.counter, self.previous, NOW_MS, list(void), Text(text)
        )
        encoded = encode_plaintext(
            sender=message.sender,
            recipient=message.recipient,
            message_id=message.message_id,
            counter=message.counter,
            previous=message.previous,
            sent_at_ms=NOW_MS,
            void=list(void),
            content=message.content,
        )
        self.previous = H("plain", encoded)
        return message, encoded


def test_messages_in_order_are_next():
    pair, talker = fresh_pair(), Talker()
    assert [pair.note(*talker.say(f"{n}")) for n in range(3)] == [(Order.NEXT, 0)] * 3


def test_a_gap_names_how_many_are_missing_and_late_ones_fill_it():
    pair, talker = fresh_pair(), Talker()
    first, second, third, fourth = (talker.say(f"{n}") for n in range(4))
    assert pair.note(*first) == (Order.NEXT, 0)
    assert pair.note(*fourth) == (Order.GAP, 2)
    assert pair.note(*second) == (Order.LATE, 0)
    assert pair.note(*third) == (Order.LATE, 0)
    assert pair.state.missing == []


def test_the_same_place_claimed_twice_is_a_copy_of_the_device():
    pair, talker = fresh_pair(), Talker()
    first = talker.say("one")
    pair.note(*first)
    assert pair.note(*first)[0] is Order.FORK


def test_a_successor_of_another_past_is_a_copy_of_the_device():
    pair, talker, other = fresh_pair(), Talker(), Talker()
    pair.note(*talker.say("one"))
    other.say("a different one")
    assert pair.note(*other.say("two"))[0] is Order.FORK


def test_given_up_messages_are_not_missing():
    pair, talker = fresh_pair(), Talker()
    pair.note(*talker.say("one"))
    talker.say("given up")
    assert pair.note(*talker.say("three", void=(2,))) == (Order.NEXT, 0)


def test_a_message_given_up_later_stops_being_missing():
    pair, talker = fresh_pair(), Talker()
    pair.note(*talker.say("one"))
    talker.say("lost")
    assert pair.note(*talker.say("three")) == (Order.GAP, 1)
    pair.note(*talker.say("four", void=(2,)))
    assert pair.state.missing == []


def test_a_huge_gap_is_counted_in_full_but_remembered_in_part():
    pair, talker = fresh_pair(), Talker()
    pair.note(*talker.say("one"))
    talker.counter = 5_000_000
    assert pair.note(*talker.say("far away")) == (Order.GAP, 4_999_999)
    assert len(pair.state.missing) == MAX_MISSING


def test_void_counters_ride_until_a_message_that_names_them_was_accepted():
    pair = fresh_pair()
    alice, _ = introduced()
    pair.keep(alice)
    lost, _ = pair.seal(bytes(32), os.urandom(16), Text("lost"), NOW_MS, os.urandom)
    pair.give_up(lost)
    named, _ = pair.seal(bytes(32), os.urandom(16), Text("names it"), NOW_MS, os.urandom)
    assert pair.state.void == [(lost, named)]
    pair.give_up(named)  # the one that said so is lost too: both have to be named again
    assert pair.state.void == [(lost, 0), (named, 0)]
    last, _ = pair.seal(bytes(32), os.urandom(16), Text("names both"), NOW_MS, os.urandom)
    pair.arrived(last)
    assert pair.state.void == []


@pytest.mark.parametrize(
    ("age_ms", "sent", "due"),
    [
        (0, 0, False),
        (RENEW_AFTER_MS + 1, 0, True),
        (0, RENEW_AFTER_MESSAGES, True),
        (RENEW_AFTER_MS - 1, RENEW_AFTER_MESSAGES - 1, False),
    ],
)
def test_a_session_is_renewed_by_age_and_by_use(age_ms, sent, due):
    pair = fresh_pair()
    alice, _ = introduced()
    object.__setattr__(alice, "sent", sent)
    pair.keep(alice)
    assert pair.wants_renewal(alice.created_ms + age_ms) is due


def test_an_opening_nobody_answers_is_made_again_after_a_week():
    from sealwire.crypto.handshake import open_session
    from tests.vectors.people import prekeys_of

    pair = fresh_pair()
    opening = open_session(person("alice"), prekeys_of(person("bob"))[0], NOW_MS, os.urandom)
    pair.keep(opening)
    assert not pair.wants_renewal(NOW_MS + UNANSWERED_OPENING_MS)
    assert pair.wants_renewal(NOW_MS + UNANSWERED_OPENING_MS + 1)


def test_pairs_survive_a_restart_with_their_sessions_sealed():
    store, vault = Store(None, bytes(32)), Vault(bytes(range(32)))
    with store.transaction():
        pairs = Pairs(store, vault, os.urandom)
        alice, _ = introduced()
        pair = pairs.adopt(person("bob").card, alice)
        counter, _envelope = pair.seal(bytes(32), os.urandom(16), Text("x"), NOW_MS, os.urandom)
        pairs.flush()
    with store.transaction():
        again = Pairs(store, vault, os.urandom).of(person("bob").card.card.mailbox)
        assert again.state.sent == counter
        assert again.active().encode() == pair.active().encode()
        ((_, sealed),) = store.sessions_of(pair.mailbox)
        assert alice.T not in sealed


def test_after_a_restore_old_sessions_only_receive():
    store, vault = Store(None, bytes(32)), Vault(bytes(range(32)))
    with store.transaction():
        pairs = Pairs(store, vault, os.urandom)
        alice, _ = introduced()
        pair = pairs.adopt(person("bob").card, alice)
        pairs.flush()
        pairs.retire_all()
        assert pair.active() is None
        assert alice.tag_in in pair.sessions
