"""Attacks that broke other systems, by a hostile broker on the mail between real peers.

The numbers are those of docs/security.md.
"""

import itertools
import os
import random

import pytest

from sealwire.crypto.handshake import open_session
from sealwire.crypto.primitives import pad
from sealwire.crypto.session import BUCKETS, MAX_SESSIONS_PER_PAIR
from sealwire.ids import MessageId
from sealwire.peer import inbox, store
from sealwire.peer.pairs import MAX_MISSING
from sealwire.wire.content import MAX_TEXT_BYTES, Nothing, Receipt, Renew, Text, encode_content, encode_plaintext
from sealwire.wire.frames import AT_SEND_ENVELOPE, Verb
from sealwire.wire.header import HS_BYTES, NO_TAG, decode_envelope, lp
from tests.fault.hostile import Mail, friends, held_back, inject, reasons, sessions
from tests.vectors.people import prekeys_of

MID = MessageId(b"i" * 16)


@pytest.fixture
def pair(net):
    """Alice and bob, who have talked in both directions."""
    return friends(net, "alice", "bob")


def receiving_half(peer, other):
    """All that arriving bytes could change: chains, kept keys, prekeys, counters, history."""
    state = peer.engine._pairs.of(other.mailbox())
    halves = [
        (tag, session.ratchet.roots, session.ratchet.receiving, session.ratchet.skipped)
        for tag, session in sorted(state.sessions.items())
    ]
    prekeys = [peer.store.prekeys(kind) for kind in ("signed", "once")]
    return halves, prekeys, state.state.received, state.state.received_hash, state.state.missing


def mutations(envelope, count, seed):
    dice = random.Random(seed)
    for _ in range(count):
        altered = bytearray(envelope)
        altered[dice.randrange(len(altered))] ^= 1 << dice.randrange(8)
        yield bytes(altered)


# --- who it is from and who it is for ------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["sender", "recipient", "conversation"])
def test_attack_03_a_message_rewrapped_for_someone_else_is_refused(net, claim):
    """Bob takes what alice wrote to him and wraps it again for mallory in his own session with her."""
    bob, mallory = friends(net, "bob", "mallory")
    alice = net.peer("alice")
    session = bob.engine._pairs.of(mallory.mailbox()).active()
    fields = {"sender": bob.identity.card.card.hash, "recipient": mallory.identity.card.card.hash}
    if claim == "conversation":
        fields["conversation"] = b"g" * 16
    else:
        fields[claim] = alice.identity.card.card.hash
    plaintext = encode_plaintext(
        **fields, message_id=MID, counter=9, previous=bytes(32), sent_at_ms=1, void=[], content=Text("I love you")
    )
    _, envelope = session.encrypt(plaintext, os.urandom)
    before = mallory.texts()
    inject(mallory, envelope)
    assert mallory.texts() == before
    assert reasons(mallory) == ["not-for-us"]


def test_attack_21_mail_relabelled_to_another_device_is_refused(net):
    alice, bob, mallory = friends(net, "alice", "bob", "mallory")
    (inside,) = held_back(net, alice, bob, "for bob only")
    before = mallory.texts()
    session_with_mallory = alice.engine._pairs.of(mallory.mailbox()).active()
    inject(mallory, inside, session_with_mallory.tag_out + inside[16:])
    assert mallory.texts() == before
    assert reasons(mallory) == ["no-session", "undecryptable"]


def test_attack_21_an_opening_relabelled_to_another_device_is_refused(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    mallory = net.peer("mallory")
    net.run()
    (opening,) = held_back(net, alice, bob, "for bob only")
    at = 16 + 2 + 3
    assert opening[at : at + 16] == bob.mailbox()
    inject(mallory, opening, opening[:at] + mallory.mailbox() + opening[at + 16 :])
    assert mallory.texts() == []
    assert reasons(mallory) == ["not-for-us", "undecryptable"]


def test_attack_21_mail_relabelled_to_another_sender_is_refused(net):
    """Mallory's text under alice's tag: the tag finds the session, the session does not open it."""
    bob, alice, mallory = friends(net, "bob", "alice", "mallory")
    (forged,) = held_back(net, mallory, bob, "I am alice")
    before = bob.texts()
    alices = alice.engine._pairs.of(bob.mailbox()).active()
    inject(bob, alices.tag_out + forged[16:])
    assert bob.texts() == before
    assert reasons(bob) == ["undecryptable"]


def test_attack_25_own_frames_echoed_are_refused(net, pair):
    alice, bob = pair
    (own,) = held_back(net, alice, bob, "to bob")
    before = alice.texts()
    session = alice.engine._pairs.of(bob.mailbox()).active()
    inject(alice, own, session.tag_in + own[16:])
    assert alice.texts() == before
    assert reasons(alice) == ["no-session", "undecryptable"]


def test_attack_25_an_opening_echoed_to_its_sender_is_refused(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    (own,) = held_back(net, alice, bob, "to bob")
    inject(alice, own)
    assert alice.texts() == []
    assert reasons(alice) == ["not-for-us"]


# --- nothing without a session -------------------------------------------------------------------------------

CONTENTS = [Text("from nobody"), Receipt("read", [MID]), Renew(), Nothing()]


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: type(content).__name__)
def test_attack_22_no_inner_message_is_taken_outside_a_session(net, pair, content):
    alice, bob = pair
    message_id = MessageId(bytes.fromhex(bob.send("alice", "not sent yet")))
    bob_alice = bob.engine._pairs.of(alice.mailbox()).active()
    if isinstance(content, Receipt):
        content = Receipt("read", [message_id])
    plaintext = encode_plaintext(
        sender=alice.identity.card.card.hash,
        recipient=bob.identity.card.card.hash,
        message_id=MID,
        counter=99,
        previous=bytes(32),
        sent_at_ms=1,
        void=[],
        content=content,
    )
    raw = [plaintext, encode_content(content), pad(plaintext, 16_384)]
    hs = open_session(alice.identity, prekeys_of(bob.identity)[0], net.now.ms, os.urandom).hs
    heads = [b"", NO_TAG, bob_alice.tag_in, bob_alice.tag_out, NO_TAG + lp(hs), os.urandom(16)]
    texts, states, history = bob.texts(), bob.states(message_id.hex()), bob.store.history("alice", 99, None)
    known = receiving_half(bob, alice)
    inject(bob, *(head + body.ljust(size, b"\x00") for head in heads for body in raw for size in (0, 512, 16_512)))
    assert (bob.texts(), bob.states(message_id.hex())) == (texts, states)
    assert bob.store.history("alice", 99, None) == history
    assert receiving_half(bob, alice) == known
    assert sessions(bob, alice) == len(bob.engine._pairs.of(alice.mailbox()).sessions)


# --- damage, exhaustion --------------------------------------------------------------------------------------


def test_attack_17_mutated_mail_changes_nothing(net, pair):
    alice, bob = pair
    (envelope,) = held_back(net, alice, bob, "the true one")
    before, shown = receiving_half(bob, alice), bob.texts()
    inject(bob, *mutations(envelope, 400, 17))
    assert receiving_half(bob, alice) == before
    assert bob.texts() == shown
    inject(bob, envelope)
    assert bob.texts() == [*shown, "the true one"]


def test_attack_17_mutated_openings_take_no_prekey_and_leave_no_session(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    (opening,) = held_back(net, alice, bob, "the true one")
    prekeys = bob.store.prekeys("once")
    inject(bob, *mutations(opening, 19, 17))
    assert bob.store.prekeys("once") == prekeys
    assert sessions(bob, alice) == 0
    assert bob.store.contact("alice") is None
    assert len(reasons(bob)) == 19
    net.advance(1)
    inject(bob, opening)
    bob.hostile = None
    net.run()
    assert bob.texts() == ["the true one"]
    assert len(bob.store.prekeys("once")) == len(prekeys) - 1


def test_attack_18_a_peer_cannot_pile_up_sessions(net, pair):
    alice, bob = pair
    for n in range(2 * MAX_SESSIONS_PER_PAIR):
        net.advance(3600 + 1, step_s=20)
        alice.turn([], lambda engine, now: engine._requests.bundle(bob.mailbox()))
        net.run()
        alice.send("bob", f"under a fresh session {n}")
        net.run()
    assert len(bob.texts()) == 1 + 2 * MAX_SESSIONS_PER_PAIR
    assert sessions(bob, alice) == MAX_SESSIONS_PER_PAIR
    assert len(bob.engine._pairs.of(alice.mailbox()).sessions) == MAX_SESSIONS_PER_PAIR


def test_attack_18_garbage_fills_no_disk(net, pair, monkeypatch):
    monkeypatch.setattr(store, "MAX_QUARANTINED", 20)
    _, bob = pair
    for _ in range(5):
        inject(bob, *(os.urandom(500) for _ in range(20)))
    assert len(reasons(bob)) == 20
    assert bob.store._one("SELECT count(*) FROM seen")[0] < 40, "nor do the marks of what was dropped"


def test_attack_18_a_lie_about_the_counter_costs_a_bounded_memory(net, pair):
    alice, bob = pair
    session = alice.engine._pairs.of(bob.mailbox()).active()
    plaintext = encode_plaintext(
        sender=alice.identity.card.card.hash,
        recipient=bob.identity.card.card.hash,
        message_id=MID,
        counter=2**63 - 1,
        previous=bytes(32),
        sent_at_ms=1,
        void=[],
        content=Text("from the far future"),
    )
    inject(bob, session.encrypt(plaintext, os.urandom)[1])
    assert bob.warnings("gap")[0].count > 2**62
    assert len(bob.engine._pairs.of(alice.mailbox()).state.missing) <= MAX_MISSING


def test_attack_18_openings_are_taken_at_a_bounded_rate(net, monkeypatch):
    bob = net.peer("bob")
    net.run()
    calls, accept = [], inbox.accept
    monkeypatch.setattr(inbox, "accept", lambda *args: calls.append(1) or accept(*args))
    flood = [NO_TAG + lp(b"\x01\x00\x01" + os.urandom(HS_BYTES - 3)) + os.urandom(384) for _ in range(100)]
    inject(bob, *flood)
    assert len(calls) == inbox.HANDSHAKES_PER_S


def test_attack_20_garbage_resets_no_session_and_asks_once(net, pair):
    alice, bob = pair
    net.advance(1)
    active = bob.engine._pairs.of(alice.mailbox()).active()
    mail = Mail(alice)
    for _ in range(3):
        inject(bob, *(os.urandom(16 + 128 + bucket) for bucket in BUCKETS), active.tag_in + os.urandom(384))
        net.advance(60)
    asked = {decode_envelope(envelope).tag for envelope in set(mail.envelopes)}
    assert len(set(mail.envelopes)) == 1  # "please renew", at most once an hour
    assert asked == {active.tag_out}  # inside the session
    after = bob.engine._pairs.of(alice.mailbox()).active()
    assert (after.T, sessions(bob, alice)) == (active.T, 1)


def test_attack_20_a_person_hears_of_it_and_nothing_is_sent_in_clear(net, pair):
    alice, bob = pair
    inject(bob, os.urandom(400))
    net.run()
    assert [warning.count for warning in bob.warnings("unreadable")] == [1]
    bob.send("alice", "the words of a person")
    net.run()
    assert alice.texts()[-1] == "the words of a person"
    assert not [frame for frame in net.relayed if b"the words" in frame]


# --- sizes ---------------------------------------------------------------------------------------------------

INSIDE = {16 + 128 + bucket for bucket in BUCKETS}
SIZES = INSIDE | {size + 2 + HS_BYTES for size in INSIDE}


def test_attack_30_the_wire_shows_only_the_bucket(net):
    """Texts, receipts, first words: whatever is sent has one of the few sizes, and like texts have like sizes."""
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    sent = []
    real = net.to_broker
    net.to_broker = lambda peer, frames: sent.extend(frames) or real(peer, frames)
    dice = random.Random(30)
    texts = ["", "yes", "no", "a" * MAX_TEXT_BYTES, os.urandom(7_000).hex()]
    texts += [chr(dice.randrange(32, 0x2000)) * dice.randrange(1, 4_000) for _ in range(60)]
    for text in texts:
        alice.send("bob", text)
        bob.send("alice", text)
        net.run()
    sizes = {len(frame) - AT_SEND_ENVELOPE for frame in sent if frame[0] == Verb.SEND}
    assert len(sizes) > 4
    assert sizes <= SIZES


@pytest.mark.parametrize("size", [1, 50, 300, 1_000, 7_000])
def test_attack_30_easy_and_random_texts_of_one_length_weigh_the_same(net, pair, size):
    alice, bob = pair
    noise = os.urandom(size // 2 + 1).hex()[:size]
    envelopes = held_back(net, alice, bob, "a" * size, noise)
    assert len(set(map(len, envelopes))) == 1
    assert all(one != other for one, other in itertools.combinations(envelopes, 2))
