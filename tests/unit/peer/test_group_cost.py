"""What one message to a group asks, computes and writes: what is the same for a whole epoch is found out once."""

from __future__ import annotations

import os
from collections import Counter

import apsw
import pytest

from sealwire.crypto import primitives
from sealwire.crypto.sender_keys import Place, SenderKey
from sealwire.ids import DeviceId, GroupId, Mailbox, MessageId, conversation_of
from sealwire.peer.groups.states import FOLLOWED, Deliveries
from sealwire.peer.roster import Roster
from sealwire.peer.store import Store
from sealwire.testing.network import reissue
from sealwire.wire.frames import Verb
from tests.fault.circle import Circle
from tests.fault.hostile import listing
from tests.vectors.people import person

GROUP = GroupId(b"g" * 16)
PLACE = conversation_of(GROUP)
DELIVERED, READ = 2, 3

SAID = Counter({"INSERT OR": 3, "INSERT": 1, "SELECT": 1})
"""The message, the key's next state, who has it; the outbox; the message as people see it."""
ACCEPTED = Counter({"DELETE": 1, "UPDATE": 1})
"""The outbox; the message's state."""
RECEIPT = Counter({"INSERT OR": 3, "UPDATE": 1})
"""That it was seen, the pair, its session; who has it."""


@pytest.fixture
def circle(net):
    circle = Circle(net)
    circle.talk()
    return circle


def asked_for(peer, do) -> list[Counter[str]]:
    """How often each kind of statement was run while something was done, turn by turn, without empty turns."""
    turns: list[Counter[str]] = []

    def note(event) -> None:
        first, second = (*event["sql"].split(), "")[:2]
        if first == "BEGIN":
            turns.append(Counter())
        elif first != "COMMIT":
            turns[-1][f"{first} OR" if second == "OR" else first] += 1

    peer.store._db.trace_v2(apsw.SQLITE_TRACE_STMT, note)
    do()
    peer.store._db.trace_v2(0, None)
    return [turn for turn in turns if turn]


def without(circle: Circle, *others) -> None:
    for other in others:
        other.online = False
        circle.net.cut(other)


def test_a_message_is_two_turns_of_five_and_two_statements(circle):
    without(circle, circle.bob, circle.carol)
    said = []

    def say() -> None:
        said.append(circle.say(circle.alice, "hello"))
        circle.net.run()

    assert asked_for(circle.alice, say) == [SAID, ACCEPTED]
    assert circle.alice.states(said[0]) == ["sent"]


def test_a_receipt_of_what_was_just_said_is_four_statements_beside_those_of_the_acceptance(circle):
    without(circle, circle.carol)
    message = circle.say(circle.alice, "hello")
    while not circle.alice.inbound or circle.alice.inbound[0][0] != Verb.DELIVER:
        circle.net._pass(0.001)
        circle.net._turn()
    frames = list(circle.alice.inbound)
    assert asked_for(circle.alice, lambda: circle.alice.turn(frames)) == [ACCEPTED + RECEIPT]
    assert circle.alice.states(message) == ["sent"], "carol has nothing yet"


def test_who_may_be_sent_to_is_found_out_once_until_a_key_changes(circle, monkeypatch):
    looked: list[str] = []
    lists = Roster.lists
    monkeypatch.setattr(Roster, "lists", lambda roster, card: looked.append(card.card.account) or lists(roster, card))
    alice, bob = circle.alice, circle.bob.mailbox()
    directory = alice.engine._directory
    without(circle, circle.bob, circle.carol)
    for text in ("one", "two", "three"):
        circle.say(alice, text)
        circle.net.run()
    assert looked == [], "all of it is known from what was said before"
    assert directory.reachable()(bob)
    other = reissue(person("mallory"), circle.net.realm, "bob", DeviceId(os.urandom(16)), circle.net.now.ms)
    alice.turn([], lambda engine, now: engine._roster.take_list("bob", listing(other), now.ms))
    assert not directory.reachable()(bob), "at once"
    assert directory.reachable()(circle.carol.mailbox())
    assert looked == ["carol"]


def test_a_device_whose_card_is_new_is_looked_at_again(circle):
    directory, pairs = circle.alice.engine._directory, circle.alice.engine._pairs
    stranger = Mailbox(b"?" * 16)
    assert not directory.reachable()(stranger)
    before = directory.reachable()
    circle.dave.send("alice", "hello")
    circle.settle()
    assert pairs.of(circle.dave.mailbox()) is not None
    assert directory.reachable() != before


def test_a_message_makes_no_key_pair(monkeypatch):
    made: list[bytes] = []
    make = primitives.sodium.crypto_sign_seed_keypair
    key = SenderKey.generate(Place(GROUP, 1, b"h" * 32, b"c" * 32), os.urandom)
    monkeypatch.setattr(primitives.sodium, "crypto_sign_seed_keypair", lambda seed: made.append(seed) or make(seed))
    for text in (b"one", b"two", b"three"):
        key, _envelope = key.encrypt(text, os.urandom)
    assert made == []


def test_a_statement_stays_prepared_over_the_receipts_of_a_crowd(tmp_path):
    with_one = Store(tmp_path / "peer.db", bytes(32))
    with_one.get("a rare question")
    for _ in range(200):
        with_one.timer("bob")
        with_one.next_death()
    known = with_one._db.cache_stats()["misses"]
    with_one.get("a rare question")
    assert with_one._db.cache_stats()["misses"] == known
    with_one.close()


def test_what_begins_and_ends_a_transaction_takes_no_place_among_the_prepared(tmp_path):
    store = Store(tmp_path / "peer.db", bytes(32))
    before = store._db.cache_stats()["no_cache"]
    with store.transaction():
        pass
    assert store._db.cache_stats()["no_cache"] == before + 2
    store.close()


# --- who has what --------------------------------------------------------------------------------------------


class Desk:
    """Messages of ours to some devices."""

    def __init__(self, *mailboxes: bytes) -> None:
        self.mailboxes = [Mailbox(mailbox) for mailbox in mailboxes]
        self.store = Store(None, bytes(32))
        self.store._sql("BEGIN")
        self.events: list = []
        self.deliveries = Deliveries(self.store, self.store, self.events)

    def say(self, number: int) -> MessageId:
        message = MessageId(number.to_bytes(16, "big"))
        self.store.add_message(message, PLACE, "alice", True, "hello", 1)
        self.store.accepted(message)
        self.deliveries.begin(GROUP, message, self.mailboxes)
        return message

    def states(self, message: MessageId) -> list[str]:
        return [event.state for event in self.events if event.id == message.hex()]


def test_a_mailbox_that_stands_across_two_others_is_not_taken_for_them():
    first, second = b"\x01" + b"A" * 15, b"\x02" + b"B" * 15
    across = first[1:] + b"\x00"  # the end of a row and its rank
    desk = Desk(first, second, across)
    message = desk.say(1)
    for mailbox in (across, first):
        desk.deliveries.receipt(Mailbox(mailbox), message, DELIVERED)
        assert desk.states(message) == []
    desk.deliveries.receipt(Mailbox(b"?" * 16), message, DELIVERED)
    assert desk.states(message) == []
    desk.deliveries.receipt(Mailbox(second), message, DELIVERED)
    assert desk.states(message) == ["delivered"]


def test_more_messages_than_are_followed_in_memory_and_a_new_start_lose_no_receipt():
    desk = Desk(b"B" * 16, b"C" * 16)
    messages = [desk.say(number) for number in range(1, FOLLOWED + 3)]
    assert len(desk.deliveries._followed) == FOLLOWED
    for message in messages:
        desk.deliveries.receipt(desk.mailboxes[0], message, READ)
    desk.deliveries = Deliveries(desk.store, desk.store, desk.events)
    for message in messages:
        desk.deliveries.receipt(desk.mailboxes[1], message, READ)
        assert desk.states(message) == ["delivered", "read"]
        assert desk.store.delivery(message) is None


def test_what_is_no_message_of_the_history_is_not_followed():
    desk = Desk(b"B" * 16)
    nudge = MessageId(b"n" * 16)
    desk.deliveries.begin(GROUP, nudge, desk.mailboxes)
    assert not desk.deliveries.follows(nudge)
    assert desk.store.delivery(nudge) is None


def test_whoever_is_put_out_is_not_waited_for_in_memory_either():
    desk = Desk(b"B" * 16, b"C" * 16)
    message = desk.say(1)
    desk.deliveries.receipt(desk.mailboxes[0], message, DELIVERED)
    desk.deliveries.without(GROUP, {desk.mailboxes[1]})
    assert desk.states(message) == ["delivered"]
    desk.deliveries.receipt(desk.mailboxes[0], message, READ)
    assert desk.states(message) == ["delivered", "read"]
