"""Strangers ask first: what they learn before and after an answer, and what a block does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealwire.errors import BlockedPeerError, UsageError
from sealwire.ids import MessageId
from sealwire.peer import people
from sealwire.peer.events import Message
from sealwire.peer.inbox import UNREADABLE_TOLD
from sealwire.peer.moves import MakeThumbnail
from sealwire.peer.prefs import Prefs
from sealwire.testing import Network, VirtualPeer
from sealwire.wire.content import Renew
from sealwire.wire.file_content import FileOffer, FileRun
from sealwire.wire.frames import Verb
from sealwire.wire.word_content import Delete
from tests.conftest import PEOPLE
from tests.fault.hostile import Tap


@pytest.fixture
def shy(tmp_path: Path) -> Iterator[Network]:
    """A network with the settings people start with."""
    with Network(tmp_path, PEOPLE, prefs=Prefs(receipt_pause_s=0)) as net:
        net.peer("alice")
        net.peer("bob")
        net.run()
        yield net


def two(net: Network) -> tuple[VirtualPeer, VirtualPeer]:
    alice, bob = net.peers.values()
    return alice, bob


def heard(peer: VirtualPeer) -> list[tuple[str, bool]]:
    return [(event.text, event.request) for event in peer.events if isinstance(event, Message)]


def test_a_stranger_sees_sent_and_nothing_more_until_an_answer(shy: Network) -> None:
    alice, bob = two(shy)
    first, second = alice.send("bob", "hello"), alice.send("bob", "are you there?")
    shy.advance(5)
    rows = [event.row for event in bob.events if isinstance(event, Message)]
    assert heard(bob) == [("hello", True), ("are you there?", True)]
    bob.turn([], lambda engine, now: engine.mail.mark_read(rows[0], now))
    shy.advance(5)
    assert alice.states(first) == alice.states(second) == ["sent"]

    bob.turn([], lambda engine, now: engine.mail.accept("alice", now))
    shy.advance(5)
    assert alice.states(first) == ["sent", "delivered", "read"], "it had been read meanwhile"
    assert alice.states(second) == ["sent", "delivered"]
    alice.send("bob", "good")
    shy.advance(5)
    assert heard(bob)[-1] == ("good", False)


def test_writing_is_an_answer_and_so_is_comparing_keys(shy: Network) -> None:
    alice, bob = two(shy)
    message = alice.send("bob", "hello")
    shy.advance(5)
    bob.send("alice", "hi")
    shy.advance(5)
    assert alice.states(message) == ["sent", "delivered"]
    assert heard(alice) == [("hi", False)], "whoever wrote first is no request"

    carol = shy.peer("carol", "mallory")
    shy.run()
    asked = carol.send("bob", "it is carol")
    shy.advance(5)
    assert carol.states(asked) == ["sent"]
    bob.turn([], lambda engine, now: engine.trust.set_verified("carol", True, engine.contact("carol").account_key, now))
    shy.advance(5)
    assert carol.states(asked) == ["sent", "delivered"]


ACTS = {
    "react": lambda words, name, theirs, now: words.react(name, theirs, "\N{THUMBS UP SIGN}", now),
    "pin": lambda words, name, theirs, now: words.pin(name, theirs, True, now),
    "timer": lambda words, name, _theirs, now: words.set_timer(name, 60, now),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_whatever_they_see_of_us_is_an_answer(shy: Network, act) -> None:
    alice, bob = two(shy)
    message = alice.send("bob", "hello")
    shy.advance(5)
    with pytest.raises(UsageError):
        bob.turn([], lambda engine, now: engine.words.react("alice", message, "no sign", now))
    assert not bob.engine.people.is_accepted("alice"), "what was refused is none"
    bob.turn([], lambda engine, now: act(engine.words, "alice", message, now))
    shy.advance(5)
    assert bob.engine.people.is_accepted("alice")
    assert alice.states(message) == ["sent", "delivered"]


def test_nothing_is_sent_to_somebody_who_is_blocked(shy: Network) -> None:
    alice, bob = two(shy)
    theirs = alice.send("bob", "hello")
    ours = bob.send("alice", "hi")
    shy.advance(5)
    bob.turn([], lambda engine, now: engine.people.block("alice", True))
    before = list(bob.store.history("alice", 9, None))
    tap = Tap(bob)
    changes = [
        *(lambda engine, now, act=act: act(engine.words, "alice", theirs, now) for act in ACTS.values()),
        lambda engine, now: engine.words.edit("alice", ours, "other words", now),
        lambda engine, now: engine.words.delete("alice", ours, now),
        lambda engine, now: engine.words.say("alice", "and more", now),
    ]
    for change in changes:
        with pytest.raises(BlockedPeerError):
            bob.turn([], change)
    shy.advance(5)
    assert tap.envelopes() == []
    assert list(bob.store.history("alice", 9, None)) == before
    bob.turn([], lambda engine, now: engine.words.delete("alice", ours, now, False))
    assert len(bob.store.history("alice", 9, None)) == len(before) - 1, "here alone it can go"


def test_a_request_is_still_one_after_a_restart_and_an_answer_stays(shy: Network) -> None:
    alice, bob = two(shy)
    message = alice.send("bob", "hello")
    shy.advance(5)
    bob.crash()
    bob.start()
    assert [found.request for found in bob.store.history("alice", 10, None)] == [True]
    bob.turn([], lambda engine, now: engine.mail.accept("alice", now))
    bob.crash()  # after the commit, before the receipt left
    bob.start()
    shy.advance(5)
    assert alice.states(message) == ["sent", "delivered"]
    assert [found.request for found in bob.store.history("alice", 10, None)] == [False]


def test_a_blocked_person_is_taken_from_the_broker_and_dropped(shy: Network) -> None:
    alice, bob = two(shy)
    bob.send("alice", "hi")
    shy.advance(5)
    bob.turn([], lambda engine, now: engine.people.block("alice", True))
    unheard = alice.send("bob", "hello?")
    shy.advance(5)
    assert alice.states(unheard) == ["sent"], "the broker has it no more, and nothing says whether it was shown"
    assert heard(bob) == []
    assert shy.router.mailboxes[bob.mailbox()].messages == 0

    bob.turn([], lambda engine, now: engine.people.block("alice", False))
    again = alice.send("bob", "hello again")
    shy.advance(5)
    assert heard(bob) == [("hello again", False)]
    assert alice.states(again) == ["sent", "delivered"]
    assert bob.warnings("gap") == [], "what was dropped on purpose is not missing"


def test_a_block_does_not_stop_the_ratchet(shy: Network) -> None:
    alice, bob = two(shy)
    bob.send("alice", "hi")
    shy.advance(5)
    bob.turn([], lambda engine, now: engine.people.block("alice", True))
    for number in range(5):
        alice.send("bob", f"unheard {number}")
    shy.advance(5)
    bob.turn([], lambda engine, now: engine.mail.accept("alice", now))
    alice.send("bob", "heard")
    shy.advance(5)
    assert heard(bob) == [("heard", False)]


def test_a_flood_of_strangers_and_of_one_stranger_is_bounded(shy: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "MAX_REQUEST_MESSAGES", 3)
    monkeypatch.setattr(people, "MAX_REQUESTS", 1)
    alice, bob = two(shy)
    carol = shy.peer("carol", "mallory")
    shy.run()
    for number in range(5):
        alice.send("bob", f"{number}")
    shy.advance(5)
    carol.send("bob", "me too")
    shy.advance(5)
    assert heard(bob) == [("0", True), ("1", True), ("2", True)]
    assert [warning.conversation for warning in bob.warnings("request-limit")] == ["alice", "carol"], "once each"
    bob.turn([], lambda engine, now: engine.mail.accept("alice", now))
    alice.send("bob", "now")
    carol.send("bob", "and me")
    shy.advance(5)
    assert heard(bob)[3:] == [("now", False), ("and me", True)]


def test_a_strangers_timers_and_changes_are_bounded_like_messages(
    shy: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "MAX_REQUEST_MESSAGES", 3)
    alice, bob = two(shy)
    for seconds in range(60, 66):
        alice.turn([], lambda engine, now, seconds=seconds: engine.words.set_timer("bob", seconds, now))
    nothing = Delete(b"x" * 16)
    alice.turn([], lambda engine, now: engine.mail.post(bob.mailbox(), nothing, now, "bob"))
    shy.advance(5)
    assert bob.store.received_count("alice") == 3
    assert bob.store.aside("alice", "alice", nothing.id) == []


def test_a_strangers_picture_is_decoded_after_an_answer_and_not_before(shy: Network) -> None:
    alice, bob = two(shy)
    runs = [FileRun(0, bytes(24))]
    offer = FileOffer(
        "a.jpg", 9, "image/jpeg", bytes(32), bytes(16), bytes(32), bytes(32), runs, "", 1, 1, b"a picture"
    )
    alice.turn([], lambda engine, now: engine.mail.say("bob", MessageId(b"m" * 16), offer, now))
    ordered: list[object] = []
    bob.hauler.carry_out = ordered.append
    shy.advance(5)
    assert [event.file.name for event in bob.events if isinstance(event, Message) and event.file] == ["a.jpg"]
    bob.crash()
    bob.start()
    bob.hauler.carry_out = ordered.append
    shy.advance(5)
    assert not any(isinstance(order, MakeThumbnail) for order in ordered)
    bob.turn([], lambda engine, now: engine.mail.accept("alice", now))
    assert [order.offered for order in ordered if isinstance(order, MakeThumbnail)] == [b"a picture"]


def test_unreadable_messages_are_told_one_by_one_only_up_to_a_number(shy: Network) -> None:
    _alice, bob = two(shy)

    def flood(_engine: object = None, _now: object = None) -> None:
        for _ in range(100):
            bob.engine._inbox.take(os.urandom(16) + bytes(464), shy.now)

    bob.turn([], flood)
    assert len(bob.warnings("unreadable")) == UNREADABLE_TOLD
    shy.advance(61)
    bob.turn([], flood)
    assert len(bob.warnings("unreadable")) == 2 * UNREADABLE_TOLD
    assert sum(warning.count for warning in bob.warnings("unreadable")) == 100 + UNREADABLE_TOLD


@pytest.mark.parametrize("blocked", [False, True], ids=["stranger", "blocked"])
def test_what_cannot_be_read_and_asking_for_a_session_show_a_stranger_nothing(shy: Network, blocked: bool) -> None:
    alice, bob = two(shy)
    alice.send("bob", "hello")
    shy.advance(5)
    if blocked:
        bob.turn([], lambda engine, now: engine.mail.accept("alice", now))
        shy.advance(5)
        bob.turn([], lambda engine, now: engine.people.block("alice", True))
    seen: list[bytes] = []
    alice.hostile = lambda _peer, frame: seen.append(frame) or [frame] if frame[0] == Verb.DELIVER else [frame]
    alice.turn([], lambda engine, now: engine.mail.post(bob.mailbox(), Renew(), now, "bob"))
    shy.advance(5)
    bob.turn([], lambda engine, now: engine._inbox.take(os.urandom(16) + bytes(464), now))
    shy.advance(5)
    assert bob.warnings("unreadable")
    assert seen == []
    assert bob.store.outbox_rows() == []
