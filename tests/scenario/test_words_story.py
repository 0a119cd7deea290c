"""Words over a real router: what was never sent, what is late, what comes after a crash and after half a year."""

from __future__ import annotations

import pytest

from sealwire.errors import TooLateError
from sealwire.peer.api.past import Retention
from sealwire.peer.engine import SEEN_FOR_MS
from sealwire.peer.keeprecords import OldMessage
from sealwire.wire.content import decode_content
from sealwire.wire.frames import decode_deliver
from tests.fault.hostile import Mail, Tap, friends, inject


@pytest.fixture
def pair(net):
    return friends(net, "alice", "bob")


def do(peer, act):
    return peer.turn([], act)


def texts(peer, other):
    return [m.text for m in peer.store.history(other, 50, None)]


def test_words_given_up_before_they_left_never_leave_and_neither_do_their_corrections(net, pair):
    alice, bob = pair
    net.kill_broker()
    message = alice.send("bob", "a secret")
    do(alice, lambda engine, now: engine.words.edit("bob", message, "another secret", now))
    do(alice, lambda engine, now: engine.words.react("bob", message, "🤫", now))
    kept = alice.send("bob", "something else")
    queued = [decode_content(row[0]) for row in alice.store._all("SELECT content FROM outbox")]
    assert len(queued) == 4
    do(alice, lambda engine, now: engine.words.delete("bob", message, now))
    assert alice.store._one("SELECT count(*) FROM outbox")[0] == 1
    tap = Tap(alice)
    net.start_broker()
    net.advance(3)
    assert len(tap.envelopes()) == 1
    assert texts(bob, "alice")[-1] == "something else"
    assert alice.states(message) == ["failed"]
    assert alice.states(kept) == ["sent", "delivered"]
    assert not bob.warnings("gap")


def test_what_was_sent_without_an_answer_is_not_called_unsent(net, pair):
    """The broker has it, its answer was lost with the link: only taking it back can tell the other side."""
    alice, bob = pair
    bob.crash()
    alice.hostile = lambda _peer, frame: []
    message = alice.send("bob", "oh no")
    net.run()
    net.cut(alice)
    alice.online = False
    with pytest.raises(TooLateError):
        do(alice, lambda engine, _now: engine.words.cancel(message))
    alice.crash()
    alice.start()  # nor does a restart forget that it was sent
    with pytest.raises(TooLateError):
        do(alice, lambda engine, _now: engine.words.cancel(message))
    do(alice, lambda engine, now: engine.words.delete("bob", message, now))
    alice.hostile = None
    alice.online = True
    bob.start()
    net.advance(5)
    shown = bob.store.history("alice", 5, None)[-1]
    assert (shown.text, shown.deleted) == ("", True)


def test_what_a_full_mailbox_refused_can_be_cancelled(net, pair):
    alice, bob = pair
    bob.crash()
    net.disk_full = True
    message, second = alice.send("bob", "never mind"), alice.send("bob", "but this")
    net.advance(2)
    told = do(alice, lambda engine, _now: engine.words.cancel(message))
    assert told.state == "failed"
    net.disk_full = False
    bob.start()
    net.advance(70)
    assert texts(bob, "alice")[-1] == "but this"
    assert "never mind" not in texts(bob, "alice")
    assert not bob.warnings("gap"), "a message given up is named as void"
    assert alice.states(second) == ["sent", "delivered"]


def test_a_correction_twice_after_a_crash_and_after_half_a_year_changes_nothing_more(net, pair):
    alice, bob = pair
    message = alice.send("bob", "first")
    net.run()
    mail = Mail(bob, pass_on=True)
    do(alice, lambda engine, now: engine.words.edit("bob", message, "second", now))
    net.run()
    (edit,) = mail.envelopes
    bob.hostile = None
    do(alice, lambda engine, now: engine.words.edit("bob", message, "third", now))
    net.run()
    assert texts(bob, "alice")[-1] == "third"
    inject(bob, edit)
    net.run()
    bob.crash()
    bob.start()
    net.run()
    inject(bob, edit)
    bob.store.forget_seen(net.now.ms + SEEN_FOR_MS)  # as after 180 days
    inject(bob, edit)
    assert texts(bob, "alice")[-1] == "third"
    assert [e.change for e in bob.events if e.type == "message" and e.change] == ["edited", "edited"]


def test_a_correction_that_overtakes_its_message_waits_for_it(net, pair):
    alice, bob = pair
    held: list[bytes] = []
    bob.hostile = lambda _peer, frame: held.append(frame) or [] if frame[0] == 0x17 else [frame]
    message = alice.send("bob", "first")
    do(alice, lambda engine, now: engine.words.edit("bob", message, "second", now))
    do(alice, lambda engine, now: engine.words.pin("bob", message, True, now))
    net.run()
    bob.hostile = None
    first, *changes = [decode_deliver(frame)[2] for frame in held]
    before = [e.type for e in bob.events].count("message")
    inject(bob, *changes)
    assert [e.type for e in bob.events].count("message") == before, "nothing to show yet"
    bob.crash()
    bob.start()
    inject(bob, first)
    net.run()
    shown = bob.store.history("alice", 1, None)[0]
    assert (shown.text, shown.pinned) == ("second", True)
    assert [e.text for e in bob.events if e.type == "message"][before:] == ["second"], "shown once, as it stands"


def test_a_timer_runs_out_on_both_sides_and_a_crash_does_not_stop_it(net, pair):
    alice, bob = pair
    do(alice, lambda engine, now: engine.words.set_timer("bob", 60, now))
    net.run()
    message = alice.send("bob", "soon gone")
    net.run()
    row = bob.store.history("alice", 1, None)[0].row
    do(bob, lambda engine, now: engine.mail.mark_read(row, now, "alice"))
    net.advance(30)
    bob.crash()
    bob.start()
    net.advance(45)
    for peer, other in ((alice, "bob"), (bob, "alice")):
        assert "soon gone" not in texts(peer, other)
        gone = [e for e in peer.events if e.type == "message" and e.change == "expired"]
        assert [e.id for e in gone] == [message]
        assert peer.store._one("SELECT count(*) FROM message WHERE text LIKE '%soon%'")[0] == 0


def clear(bob):
    do(bob, lambda _engine, now: bob.store.drop_messages("alice", 1 << 40, 1_000, now.ms))


def keep_one(bob):
    do(bob, lambda engine, now: engine.keeping.put_rule("alice", Retention(messages=1), now.ms))


@pytest.mark.parametrize("drop", [clear, keep_one])
def test_what_was_cleared_here_is_not_brought_back_by_a_correction_that_comes_late(net, pair, drop):
    alice, bob = pair
    message = alice.send("bob", "a secret")
    net.run()
    answer = bob.send("alice", "an answer")
    net.run()
    drop(bob)
    assert "a secret" not in texts(bob, "alice")
    do(alice, lambda engine, now: engine.words.edit("bob", message, "the secret in other words", now))
    do(alice, lambda engine, now: engine.words.react("bob", answer, "\N{THUMBS UP SIGN}", now))
    do(alice, lambda engine, now: engine.words.delete("bob", message, now))
    net.run()
    assert texts(bob, "alice") == ([] if drop is clear else ["an answer"])
    waiting = bob.store._db.execute("SELECT count(*) FROM aside").fetchall()
    assert waiting == [(0,)], "the words would lie there for half a year"
    assert not bob.warnings("refused-change")


def test_a_correction_after_an_import_reaches_whoever_has_the_earlier_ones(net, pair):
    """An export does not say how often a message was corrected."""
    alice, bob = pair
    message = alice.send("bob", "first")
    net.advance(3)
    for text in ("second", "third"):
        do(alice, lambda engine, now, text=text: engine.words.edit("bob", message, text, now))
        net.advance(3)
    found = alice.store.history("bob", 1, None)[0]
    old = OldMessage(
        bytes.fromhex(message),
        "bob",
        "alice",
        True,
        "third",
        found.sent_at_ms,
        "text",
        False,
        found.edited_at_ms,
        False,
    )
    with alice.store.transaction():
        alice.store._sql("DELETE FROM message WHERE id = ?", (bytes.fromhex(message),))
        assert alice.store.add_old([(-1, old)]) == 1
    do(alice, lambda engine, now: engine.words.edit("bob", message, "after the import", now))
    net.advance(3)
    assert texts(bob, "alice")[-1] == "after the import"
