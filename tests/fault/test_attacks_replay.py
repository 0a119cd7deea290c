"""Attacks that broke other systems: mail of a hostile broker that comes again, out of order, or not at all.

The numbers are those of docs/security.md.
"""

import os
import random

import pytest

from sealwire.ids import MessageId
from sealwire.wire.content import Text, encode_plaintext
from sealwire.wire.header import NO_TAG, decode_envelope, encode_envelope
from tests.fault.hostile import Mail, friends, held_back, inject, reasons, restore, sessions, snapshot


@pytest.fixture
def pair(net):
    """Alice and bob, who have talked in both directions."""
    return friends(net, "alice", "bob")


# --- replays -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_attack_08_a_replayed_opening_opens_nothing_again(net, times, restarted):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    mail = Mail(bob, pass_on=True)
    alice.send("bob", "first")
    net.run()
    opening = mail.envelopes[0]
    hs = decode_envelope(opening).hs
    assert hs is not None
    bob.hostile = None
    if restarted:
        bob.crash()
        bob.start()
        net.run()
    garbage = [encode_envelope(NO_TAG, os.urandom(384), hs) for _ in range(times)]
    inject(bob, *[opening] * times, *garbage)
    net.advance(3)
    assert bob.texts() == ["first"]
    assert sessions(bob, alice) == 1
    assert reasons(bob) == ["undecryptable"] * times
    alice.send("bob", "second")
    net.run()
    assert bob.texts() == ["first", "second"]


def test_attack_08_a_known_handshake_whose_session_is_gone_is_never_opened_again(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    mail = Mail(bob, pass_on=True)
    alice.send("bob", "first")
    net.run()
    hs = decode_envelope(mail.envelopes[0]).hs
    net.cut(bob)
    with bob.store.transaction():
        for tag, _ in bob.store.sessions_of(alice.mailbox()):
            bob.store.delete_session(tag)
    bob._make_engine()
    inject(bob, encode_envelope(NO_TAG, decode_envelope(mail.envelopes[0]).message + bytes(256), hs))
    assert reasons(bob) == ["replayed"]
    assert sessions(bob, alice) == 0


def test_attack_08_a_replayed_opening_opens_nothing_again_after_a_restore(net, tmp_path):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    mail = Mail(bob, pass_on=True)
    alice.send("bob", "first")
    net.run()
    snapshot(bob, tmp_path / "copy")
    net.run()
    hs = decode_envelope(mail.envelopes[0]).hs
    bob.hostile = None
    restore(bob, tmp_path / "copy")
    inject(bob, *mail.envelopes * 100, *(encode_envelope(NO_TAG, os.urandom(384), hs) for _ in range(100)))
    assert sessions(bob, alice) == 1
    net.advance(3)  # he may open a fresh session himself now: the restored one only receives
    assert bob.texts() == ["first"]


def test_attack_23_nothing_read_is_read_again_after_a_restart(net, pair):
    alice, bob = pair
    mail = Mail(bob, pass_on=True)
    for n in range(10):
        alice.send("bob", f"m{n}")
    net.run()
    shown = bob.texts()
    for _ in range(2):
        inject(bob, *mail.envelopes, *mail.envelopes)
        bob.crash()
        bob.start()
        net.run()
    assert bob.texts() == shown
    assert reasons(bob) == []


def test_attack_23_a_duplicate_under_other_bytes_is_dropped_by_the_ratchet(net, pair):
    """The mark of what was seen goes by bytes; behind it the ratchet has used up the key."""
    alice, bob = pair
    mail = Mail(bob, pass_on=True)
    alice.send("bob", "once")
    net.run()
    shown = bob.texts()
    net.cut(bob)
    with bob.store.transaction():
        bob.store.forget_seen(net.now.ms + 1)
    inject(bob, *mail.envelopes)
    assert bob.texts() == shown
    assert set(reasons(bob)) == {"repeated"}


def test_attack_23_a_restored_database_shows_nothing_twice_and_uses_no_key_twice(net, pair, tmp_path):
    alice, bob = pair
    mail = Mail(bob, pass_on=True)
    alice.send("bob", "before the copy")
    net.run()
    snapshot(bob, tmp_path / "copy")
    net.run()
    alice.send("bob", "after the copy")
    net.run()
    used = set(bob.engine._pairs.of(alice.mailbox()).sessions)
    shown = bob.texts()
    restore(bob, tmp_path / "copy")
    for _ in range(2):
        inject(bob, *mail.envelopes)
        net.run()
    assert bob.texts() == [*shown, "after the copy"]  # the copy did not have it: read once more, and only once
    assert bob.engine._pairs.of(alice.mailbox()).active() is None or not (
        {bob.engine._pairs.of(alice.mailbox()).active().tag_in} & used
    )
    bob.send("alice", "from the restored one")
    net.run()
    assert alice.texts()[-1] == "from the restored one"
    assert bob.engine._pairs.of(alice.mailbox()).active().tag_in not in used
    assert not alice.warnings("unreadable")


# --- order ---------------------------------------------------------------------------------------------------


def test_attack_24_three_of_ten_dropped_are_counted_aloud(net, pair):
    alice, bob = pair
    envelopes = held_back(net, alice, bob, *(f"m{n}" for n in range(10)))
    before = len(bob.texts())
    inject(bob, *(envelope for n, envelope in enumerate(envelopes) if n not in (2, 5, 6)))
    assert bob.texts()[before:] == [f"m{n}" for n in range(10) if n not in (2, 5, 6)]
    gaps = bob.warnings("gap")
    assert [(gap.count, gap.conversation) for gap in gaps] == [(1, "alice"), (2, "alice")]
    assert gaps[1].message == "2 messages from alice are missing."


@pytest.mark.parametrize("seed", range(6))
def test_attack_24_no_other_order_passes_unnoticed(net, pair, seed):
    alice, bob = pair
    envelopes = held_back(net, alice, bob, *(f"m{n}" for n in range(10)))
    order = random.Random(seed).sample(range(10), 10)
    before = len(bob.texts())
    inject(bob, *(envelopes[n] for n in order))
    assert sorted(bob.texts()[before:]) == [f"m{n}" for n in range(10)]
    assert bob.warnings("gap")
    assert not bob.warnings("clone")
    assert bob.engine._pairs.of(alice.mailbox()).state.missing == []


def test_attack_24_the_last_messages_dropped_show_with_the_next(net, pair):
    alice, bob = pair
    held_back(net, alice, bob, "gone", "gone too")
    bob.hostile = None
    net.advance(1)
    (after,) = held_back(net, alice, bob, "after")
    inject(bob, after)
    assert [gap.count for gap in bob.warnings("gap")] == [2]


def test_attack_24_two_messages_for_one_place_are_a_copied_device(net, pair):
    """The hash of the message before is checked, not the number alone."""
    alice, bob = pair
    alices = alice.engine._pairs.of(bob.mailbox())
    session, counter = alices.active(), alices.state.sent + 1
    for text in ("one", "two"):
        plaintext = encode_plaintext(
            sender=alice.identity.card.card.hash,
            recipient=bob.identity.card.card.hash,
            message_id=MessageId(os.urandom(16)),
            counter=counter,
            previous=b"another past than bob's".ljust(32),
            sent_at_ms=1,
            void=[],
            content=Text(text),
        )
        session, envelope = session.encrypt(plaintext, os.urandom)
        inject(bob, envelope)
        counter += 1
    assert [warning.conversation for warning in bob.warnings("clone")] == ["alice", "alice"]
