"""SEND_MANY at the broker: what its SENDs would be one after the other, whatever is in it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.ids import Mailbox
from sealwire.wire import many
from sealwire.wire.frames import MAX_ENVELOPE_BYTES, Verb
from tests.unit.broker.rig import Rig, pair

A, B, C = b"a" * 64, b"b" * 64, b"c" * 64
NOBODY = Mailbox(b"n" * 16)


def together(client, *messages: tuple[Mailbox, bytes]) -> bytes:
    return many.encode_send_many([client.send_frame(to, envelope) for to, envelope in messages])


def test_each_message_is_delivered_and_answered(slow):
    alice, bob = pair(slow)
    alice.feed(together(alice, (bob.mailbox, A), (bob.mailbox, B)))
    assert bob.seen() == [("deliver", 1, A), ("deliver", 2, B)]
    assert alice.seen() == []
    slow.commit()
    assert alice.seen() == [("accepted", 2)]


def test_what_is_refused_in_the_middle_holds_what_follows_it_to_the_same_mailbox(rig):
    alice, bob = pair(rig)
    large = bytes(MAX_ENVELOPE_BYTES + 1)
    alice.feed(together(alice, (bob.mailbox, A), (bob.mailbox, large), (alice.mailbox, C), (bob.mailbox, B)))
    assert bob.seen() == [("deliver", 1, A)]
    assert alice.seen() == [("reject", 2, "size"), ("deliver", 1, C), ("reject", 4, "held"), ("accepted", 4)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: good + b"\0",
        lambda good: good[:-1],
        lambda good: good + (40).to_bytes(2, "big") + bytes(40),  # no envelope
        lambda good: good + (41).to_bytes(2, "big") + bytes(40),  # a length past the end
        lambda good: good + (50).to_bytes(2, "big") + bytes(50),  # another number
    ],
    ids=["a byte more", "a byte less", "no envelope", "a length past the end", "another number"],
)
def test_one_that_does_not_fit_ends_the_link_session_after_those_before_it(rig, spoil):
    alice, bob = pair(rig)
    good = together(alice, (bob.mailbox, A), (bob.mailbox, B))
    alice.feed(spoil(good))
    assert alice.seen() == [("reset", "protocol")]
    assert not alice.is_open
    assert [envelope for _, _, envelope in bob.seen()] == [A, B][: 1 if spoil(good) == good[:-1] else 2]


def test_nothing_of_the_frame_is_taken_after_the_message_that_ended_the_link_session(rig):
    alice, bob = pair(rig)
    first, second = (alice.send_frame(bob.mailbox, envelope) for envelope in (A, C))
    alice.seq = 98
    wrong = alice.send_frame(bob.mailbox, B)
    alice.feed(many.encode_send_many([first, wrong, second]))
    assert alice.seen() == [("reset", "protocol")]
    assert bob.seen() == [("deliver", 1, A)]


def test_more_messages_than_a_frame_may_carry_end_the_link_session(make_rig):
    rig = make_rig()
    alice, bob = pair(rig)
    alice.feed(together(alice, *[(bob.mailbox, A)] * many.MAX_MANY))
    assert alice.is_open
    alice.feed(together(alice, *[(bob.mailbox, A)] * (many.MAX_MANY + 1)))
    assert not alice.is_open
    assert len(bob.seen()) == 2 * many.MAX_MANY


def test_the_window_ends_it_in_the_middle(make_rig):
    rig = make_rig(auto=False, send_window_messages=3)
    alice, bob = pair(rig)
    alice.feed(together(alice, *[(bob.mailbox, A)] * 5))
    assert alice.seen() == [("reset", "protocol")]
    assert len(bob.seen()) == 3


def test_units_count_each_message(make_rig):
    rig = make_rig(account_units_burst=4.0, account_units_per_s=0.001)
    alice, bob = pair(rig)
    alice.feed(together(alice, *[(bob.mailbox, A)] * 6))
    assert len(bob.seen()) == 4
    assert [word for word, *_ in alice.seen()] == ["reject", "reject", "accepted"]
    assert rig.router.relay.units >= 6


MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["bob", "nobody", "alice"]), st.sampled_from([A, B, bytes(5000), bytes(MAX_ENVELOPE_BYTES + 1)])
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=25, deadline=None)
@given(messages=MESSAGES, cuts=st.sets(st.integers(1, 29)))
def test_however_they_are_gathered_the_outcome_is_that_of_one_by_one(tmp_path_factory, messages, cuts):
    outcomes = []
    for is_gathered in (False, True):
        rig = Rig(tmp_path_factory.mktemp("broker"))
        alice, bob = pair(rig)
        boxes = {"bob": bob.mailbox, "alice": alice.mailbox, "nobody": NOBODY}
        sends = [alice.send_frame(boxes[to], envelope) for to, envelope in messages]
        edges = [0, *sorted(cut for cut in cuts if cut < len(sends)), len(sends)]
        runs = [sends[begin:end] for begin, end in pairwise(edges)]
        alice.feed(*([many.encode_send_many(run) for run in runs] if is_gathered else sends))
        outcomes.append((alice.seen(), bob.seen(), rig.router.status()))
        rig.store.close()
    assert outcomes[0] == outcomes[1]


def test_a_wrong_token_is_dropped_like_any_frames(rig):
    alice, bob = pair(rig)
    frame = bytearray(together(alice, (bob.mailbox, A)))
    frame[1] ^= 1
    alice.feed(bytes(frame))
    assert (alice.seen(), bob.seen()) == ([], [])
    assert rig.router.status()["wrong_tokens"] == 1
    assert frame[0] == Verb.SEND_MANY
