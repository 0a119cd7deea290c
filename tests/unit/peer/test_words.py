"""What people do with words, from their own side and from the others'."""

from __future__ import annotations

import os

import pytest

from sealwire.errors import (
    MessageIdError,
    NotYoursError,
    TextTooLongError,
    TooLateError,
    UnknownIdError,
    UnknownMessageError,
    UsageError,
)
from sealwire.ids import Mailbox, MessageId
from sealwire.peer.changes import EDIT_FOR_MS, MAX_AHEAD, MAX_ASIDE, MAX_NUMBER, MAX_REACTIONS, Said
from sealwire.peer.events import Delivery, Message, Quote, Reaction
from sealwire.peer.records import TimerRow
from sealwire.peer.refusals import SAY_EVERY_S
from sealwire.peer.words import MAX_PINS
from sealwire.wire.content import Text
from sealwire.wire.word_content import MAX_EDITS, Delete, Edit, Pin, React, Ref, Timer
from tests.unit.peer.rig import GROUP, Side, talk


@pytest.fixture
def two():
    return Side("alice", "bob"), Side("bob", "alice")


@pytest.fixture
def three():
    names = ("alice", "bob", "carol")
    return tuple(Side(name, *(other for other in names if other != name)) for name in names)


def test_an_answer_shows_the_words_that_are_stored_here(two):
    alice, bob = two
    first = alice.say("see you\nat 8")
    talk(*two)
    bob.say("yes", answers=first)
    talk(*two)
    assert [side.history()[-1].reply_to for side in two] == [Quote(first, "alice", "see you at 8")] * 2
    assert alice.events[-1].reply_to.text == "see you at 8"
    alice.words.edit("bob", first, "see you at 9", alice.now)
    talk(*two)
    assert bob.history()[-1].reply_to.text == "see you at 9"


def test_nobody_is_quoted_with_what_they_did_not_say(two):
    alice, bob = two
    unknown = b"u" * 16
    alice.hear(Said("", "bob", MessageId(b"m" * 16), 5, alice.now), Text("as you said", Ref("alice", unknown)))
    assert alice.history()[-1].reply_to == Quote(unknown.hex(), "", "")
    his = bob.say("I said this")
    talk(*two)
    alice.hear(Said("", "bob", MessageId(b"n" * 16), 5, alice.now), Text("you said", Ref("alice", bytes.fromhex(his))))
    assert alice.history()[-1].reply_to == Quote(his, "", ""), "his own words under her name"


def test_an_answer_to_a_message_of_another_conversation_quotes_nothing():
    alice = Side("alice", "bob")
    secret = alice.words.say("carol", "the password is 1234", alice.now)
    alice.hear(Said("", "bob", MessageId(b"m" * 16), 5, alice.now), Text("so?", Ref("alice", secret)))
    assert alice.history()[-1].reply_to == Quote(secret.hex(), "", "")
    with pytest.raises(UnknownMessageError):
        alice.words.say("bob", "about that", alice.now, answers=secret.hex())


def test_an_edit_replaces_the_words_on_both_sides_and_is_marked(two):
    alice, bob = two
    first = alice.say("helo @bob")
    talk(*two)
    alice.pass_(5)
    told = alice.words.edit("bob", first, "hello @alice", alice.now)
    assert (told.text, told.edited_at_ms, told.mentions) == ("hello @alice", alice.now.ms, ("alice",))
    talk(*two)
    assert (bob.events[-1].change, bob.events[-1].text) == ("edited", "hello @alice")
    assert bob.message(first).edited_at_ms == alice.now.ms


def test_an_edit_of_somebody_elses_message_is_refused_and_said_once(two):
    alice, bob = two
    first = alice.say("mine")
    talk(*two)
    with pytest.raises(NotYoursError):
        bob.words.edit("alice", first, "forged", bob.now)
    for n in range(200):
        edit = Edit(bytes.fromhex(first), n % 100 + 1, "forged")
        alice.hear(Said("", "bob", MessageId(n.to_bytes(16, "big")), 5, alice.now), edit)
    assert alice.message(first).text == "mine"
    assert [(w.name, w.conversation, w.count) for w in alice.warnings()] == [("refused-change", "bob", 1)]
    alice.pass_(SAY_EVERY_S)
    alice.hear(Said("", "bob", MessageId(b"x" * 16), 5, alice.now), Delete(bytes.fromhex(first)))
    assert [w.count for w in alice.warnings()] == [1, 201]
    assert not alice.message(first).deleted


def test_a_message_can_be_corrected_a_hundred_times_and_for_a_week(two):
    alice, bob = two
    first = alice.say("0")
    for n in range(MAX_EDITS):
        alice.words.edit("bob", first, f"{n + 1}", alice.now)
    with pytest.raises(TooLateError):
        alice.words.edit("bob", first, "once more", alice.now)
    talk(*two)
    assert bob.message(first).text == str(MAX_EDITS)
    late = alice.say("later")
    talk(*two)
    alice.pass_(EDIT_FOR_MS / 1000 + 1)
    with pytest.raises(TooLateError):
        alice.words.edit("bob", late, "too late", alice.now)
    bob.hear(Said("", "alice", MessageId(b"x" * 16), alice.now.ms, bob.now), Edit(bytes.fromhex(late), 1, "too late"))
    assert bob.message(late).text == "later"
    assert [w.name for w in bob.warnings()] == ["refused-change"]


def test_what_is_taken_back_leaves_a_marked_place_and_nothing_else(two):
    alice, bob = two
    first = alice.say("oh no @bob")
    talk(*two)
    answer = bob.say("what?", answers=first)
    bob.words.react("alice", first, "😮", bob.now)
    bob.words.pin("alice", first, True, bob.now)
    talk(*two)
    alice.store.raise_state(MessageId(bytes.fromhex(first)), "bob", 2)
    told = alice.words.delete("bob", first, alice.now)
    talk(*two)
    for side, message in ((alice, told), (bob, bob.events[-1])):
        assert (message.text, message.deleted, message.reactions, message.pinned) == ("", True, (), False)
        assert (message.mentions, message.edited_at_ms) == ((), None)
        assert side.message(answer).reply_to == Quote(first, "alice", "")
    with pytest.raises(UnknownMessageError):
        alice.words.edit("bob", first, "back again", alice.now)
    bob.hear(Said("", "alice", MessageId(b"x" * 16), 5, bob.now), Edit(bytes.fromhex(first), 9, "back again"))
    assert bob.message(first).text == ""


def test_what_nobody_has_yet_only_does_not_leave(two):
    alice, _bob = two
    first = alice.say("oh no")
    alice.words.delete("bob", first, alice.now)
    assert alice.room.said == []
    assert alice.message(first).deleted
    assert [e.state for e in alice.events if isinstance(e, Delivery)] == ["failed"]
    second = alice.say("oh no again")
    alice.room.stuck = True
    alice.words.delete("bob", second, alice.now)
    assert [type(content) for _, content in alice.room.said] == [Text, Delete]


def test_deleting_here_alone_tells_nobody_and_late_changes_come_to_nothing(two):
    alice, bob = two
    first = bob.say("hello")
    talk(*two)
    alice.words.delete("bob", first, alice.now, for_everyone=False)
    assert alice.history() == []
    assert alice.room.said == []
    alice.words.set_timer("bob", 60, alice.now)
    alice.words.delete("bob", alice.history()[0].id, alice.now, for_everyone=False)
    alice.words.set_timer("bob", 0, alice.now)
    alice.words.delete("bob", alice.history()[0].id, alice.now, for_everyone=False)
    alice.take_out()
    bob.words.edit("alice", first, "hello!", bob.now)
    talk(*two)
    alice.hear(Said("", "bob", MessageId(bytes.fromhex(first)), 5, alice.now), Text("hello"))
    assert alice.history() == []
    assert alice.store.aside("bob", "bob", bytes.fromhex(first)) == []
    with pytest.raises(NotYoursError):
        bob.words.delete("alice", alice_says(alice, two), bob.now)


def alice_says(alice, two):
    said = alice.say("mine")
    talk(*two)
    return said


def test_everybody_has_one_reaction_that_can_change_and_go(three):
    alice, bob, carol = three
    first = alice.say("party?")
    talk(*three)
    bob.words.react(GROUP, first, "🎉", bob.now)
    carol.words.react(GROUP, first, "👍", carol.now)
    talk(*three)
    assert alice.message(first).reactions == (Reaction("bob", "🎉"), Reaction("carol", "👍"))
    assert alice.events[-1].change == "reaction"
    bob.words.react(GROUP, first, "👎", bob.now)
    carol.words.react(GROUP, first, "", carol.now)
    talk(*three)
    assert all(side.message(first).reactions == (Reaction("bob", "👎"),) for side in three)


def test_a_reaction_is_one_sign(two):
    alice, bob = two
    first = alice.say("hm")
    talk(*two)
    for emoji in ("no way", "\n", "👍" * 2, "a" + "\u0301" * 40):
        with pytest.raises(UsageError):
            bob.words.react("alice", first, emoji, bob.now)
        react = React(Ref("alice", bytes.fromhex(first)), 1, emoji)
        alice.hear(Said("", "bob", MessageId(b"x" * 16), 5, alice.now), react)
    assert alice.message(first).reactions == ()
    assert bob.room.said == []
    assert alice.warnings()[0].name == "refused-change"


def test_a_message_takes_the_reactions_of_a_bounded_number_of_people(three):
    alice = three[0]
    first = alice.say("popular")
    ref = Ref("alice", bytes.fromhex(first))
    for n in range(MAX_REACTIONS + 5):
        alice.hear(Said("", f"p{n}", MessageId(n.to_bytes(16, "big")), 5, alice.now), React(ref, 1, "👍"))
    assert len(alice.message(first).reactions) == MAX_REACTIONS
    alice.hear(Said("", "p7", MessageId(b"y" * 16), 5, alice.now), React(ref, 2, "👎"))
    assert Reaction("p7", "👎") in alice.message(first).reactions, "who is in may still change"


def test_a_reaction_to_nothing_waits_bounded_and_changes_nothing(two):
    alice, _bob = two
    for n in range(MAX_ASIDE + 100):
        react = React(Ref("alice", n.to_bytes(16, "big")), 1, "👍")
        alice.pass_(0.001)
        alice.hear(Said("", "bob", MessageId(b"x" * 16), 5, alice.now), react)
    assert alice.history() == []
    assert alice.events == []
    waiting = [n for n in range(MAX_ASIDE + 100) if alice.store.aside("bob", "alice", n.to_bytes(16, "big"))]
    assert waiting == list(range(100, MAX_ASIDE + 100))
    alice.store.forget_aside(alice.now.ms + 1)
    assert alice.store.aside("bob", "alice", (300).to_bytes(16, "big")) == []


def test_pins_are_everyones_and_the_last_one_stands(three):
    alice, bob, carol = three
    first = alice.say("the address")
    talk(*three)
    bob.words.pin(GROUP, first, True, bob.now)
    talk(*three)
    assert all(side.message(first).pinned for side in three)
    # Two at once: alice takes it off, carol, who had not heard, pinned it "again" before.
    alice.words.pin(GROUP, first, False, alice.now)
    carol.words.pin(GROUP, first, True, carol.now)  # no change: it says nothing
    talk(*three)
    assert not any(side.message(first).pinned for side in three)
    dear = [alice.say(f"{n}") for n in range(MAX_PINS + 1)]
    for message in dear[:-1]:
        alice.words.pin(GROUP, message, True, alice.now)
    with pytest.raises(UsageError):
        alice.words.pin(GROUP, dear[-1], True, alice.now)


def test_nobody_has_the_last_word_by_a_huge_number(two):
    alice, _bob = two
    first = alice.say("pin me")
    talk(*two)
    ref = Ref("alice", bytes.fromhex(first))
    alice.hear(Said("", "bob", MessageId(b"x" * 16), 5, alice.now), Pin(ref, MAX_AHEAD + 1, True))
    alice.hear(Said("", "bob", MessageId(b"x" * 16), 5, alice.now), Timer(MAX_AHEAD + 1, 60))
    assert not alice.message(first).pinned
    assert alice.timers.seconds("bob") == 0
    assert alice.warnings()[0].name == "refused-change"
    alice.hear(Said("", "bob", MessageId(b"x" * 16), 5, alice.now), Pin(ref, MAX_AHEAD, True))
    assert alice.message(first).pinned


def test_whoever_counts_up_to_the_end_leaves_no_change_of_ours_without_a_form(two):
    alice, _bob = two
    first = alice.say("one")
    row = alice.store.named("bob", bytes.fromhex(first))[0].row
    alice.store.put_pin(row, False, MAX_NUMBER, "bob", 1)
    alice.store.put_timer("bob", TimerRow(60, MAX_NUMBER, "bob"))
    before = len(alice.room.said)
    alice.words.pin("bob", first, True, alice.now)
    with pytest.raises(UsageError):
        alice.words.set_timer("bob", 120, alice.now)
    assert alice.room.said[before:] == []


def test_a_forwarded_text_is_marked_and_names_no_author(two):
    alice, bob = two
    first = bob.say("secret of bob @alice")
    talk(*two)
    alice.words.forward("bob", first, "carol", alice.now)
    ((_, content),) = alice.room.said
    assert content == Text("secret of bob @alice", None, True, 0)
    copy = alice.store.history("carol", 5, None)[0]
    assert (copy.sender, copy.forwarded, copy.reply_to) == ("alice", True, None)
    taken_back = bob.say("gone")
    talk(*two)
    bob.store.raise_state(MessageId(bytes.fromhex(taken_back)), "alice", 2)
    bob.words.delete("alice", taken_back, bob.now)
    talk(*two)
    with pytest.raises(UnknownMessageError):
        alice.words.forward("bob", taken_back, "carol", alice.now)


def test_a_text_that_fits_no_message_is_not_forwarded(two):
    """As an older version took it from an export."""
    alice, _bob = two
    alice.store.add_message(MessageId(bytes(16)), "bob", "bob", False, "x" * 15_001, 1)
    with pytest.raises(TextTooLongError):
        alice.words.forward("bob", bytes(16).hex(), "carol", alice.now)
    assert alice.room.said == []


def test_a_queued_message_can_be_cancelled_and_is_not_tried_again(two):
    alice, _bob = two
    first = alice.say("wait")
    told = alice.words.cancel(first)
    assert (told.state, alice.room.said) == ("failed", [])
    assert alice.events[1:] == [Delivery(first, "failed", "bob", "it was cancelled")]
    assert alice.words.retry(alice.now) == 0
    with pytest.raises(TooLateError):
        alice.words.cancel(first)
    second = alice.say("too late")
    alice.room.stuck = True
    with pytest.raises(TooLateError):
        alice.words.cancel(second)
    with pytest.raises(UnknownIdError):
        alice.words.cancel("00" * 16)
    for malformed in ("no id", ""):
        with pytest.raises(MessageIdError):
            alice.words.cancel(malformed)


def test_a_failed_message_is_tried_again_as_it_was_written(two):
    alice, bob = two
    first = bob.say("question")
    talk(*two)
    alice.words.set_timer("bob", 3_600, alice.now)
    mine = alice.say("answer", answers=first)
    alice.take_out()
    alice.store.fail(MessageId(bytes.fromhex(mine)), "for a reason")
    alice.words.edit("bob", mine, "better answer", alice.now)
    assert alice.room.said == [], "nobody has it: there is nothing to correct elsewhere"
    assert alice.words.retry(alice.now) == 1
    assert alice.room.said[0][1] == Text("better answer", Ref("bob", bytes.fromhex(first)), False, 3_600)


def test_two_messages_of_one_id_are_two_and_neither_can_be_meant_by_it_alone(three):
    """Somebody who saw alice's id first cannot take the place of her message, nor a reaction that is hers."""
    alice, _bob, carol = three
    stolen = alice.say("the real one")
    ((said, text),) = alice.take_out()
    carol.hear(said._replace(author="bob"), Text("the false one"))
    carol.hear(said, text)
    assert [(m.sender, m.text) for m in carol.history()] == [("bob", "the false one"), ("alice", "the real one")]
    with pytest.raises(UnknownMessageError):
        carol.words.react(GROUP, stolen, "👍", carol.now)
    carol.hear(Said("", "alice", MessageId(b"e" * 16), 6, carol.now), Edit(bytes.fromhex(stolen), 1, "hers"))
    assert [m.text for m in carol.history()] == ["the false one", "hers"]


def test_receipts_are_owed_for_stored_messages_and_for_nothing_else(two):
    alice, _bob = two
    box = Mailbox(b"b" * 16)
    text, change = MessageId(b"t" * 16), MessageId(b"c" * 16)
    for content, name in (
        (Text("hello"), text),
        (Edit(text, 1, "hi"), change),
        (React(Ref("bob", text), 1, "👍"), change),
        (React(Ref("alice", b"?" * 16), 1, "👍"), change),
        (Pin(Ref("bob", text), 1, True), change),
        (Timer(1, 60), change),
        (Delete(text), change),
        (Edit(b"?" * 16, 1, "hi"), change),
    ):
        alice.words.take(Said("bob", "bob", name, 5, alice.now, box), content)
    assert alice.receipts.owed == [text]


def test_a_timer_is_said_and_goes_with_every_text_from_then_on(two):
    alice, bob = two
    alice.words.set_timer("bob", 3_600, alice.now)
    talk(*two)
    for side, name in ((alice, "You"), (bob, "alice")):
        notice = side.history()[-1]
        assert (notice.kind, notice.state) == ("notice", None)
        assert notice.text == f"{name} set new messages to disappear 1 hour after they were sent or read."
        assert side.timers.seconds(side.conversation) == 3_600
    assert isinstance(bob.events[-1], Message)
    bob.say("soon gone")
    assert bob.room.said[-1][1].timer_s == 3_600
    alice.words.set_timer("bob", 3_600, alice.now)  # as it is: nothing to say
    assert alice.room.said == []
    for wrong in (1, 4, -1, 10**9):
        with pytest.raises(UsageError):
            alice.words.set_timer("bob", wrong, alice.now)
    assert alice.store.unread_count(0) == bob.store.unread_count(0) == 0, "a notice is no unread message"


def test_two_timers_at_once_end_in_one(two):
    alice, bob = two
    alice.words.set_timer("bob", 60, alice.now)
    bob.words.set_timer("alice", 120, bob.now)
    talk(*two)
    assert alice.timers.seconds("bob") == bob.timers.seconds("alice") == 120
    bob.words.set_timer("alice", 0, bob.now)
    talk(*two)
    assert alice.timers.seconds("bob") == 0
    assert alice.history()[-1].text == "bob switched disappearing messages off."


def test_a_groups_timer_is_not_set_by_a_message(three):
    alice = three[0]
    alice.hear(Said("", "bob", MessageId(b"x" * 16), 5, alice.now), Timer(1, 60))
    assert alice.timers.seconds(GROUP) == 0
    assert alice.history() == []
    assert alice.warnings()[0].name == "refused-change"
    assert alice.timers.follow(GROUP, 60)
    assert alice.timers.seconds(GROUP) == 60


def test_a_mention_counts_for_whom_it_means(three):
    alice, _bob, carol = three
    first = alice.say("@bob and @carol and @dave")
    talk(*three)
    assert carol.message(first).mentions == ("bob", "carol")
    me = [bool(side.store._one("SELECT mentions_me FROM message WHERE mentions <> ''")[0]) for side in three]
    assert me == [False, True, True]


def test_what_is_taken_back_before_it_came_leaves_no_words_waiting(two):
    alice, _bob = two
    for change in (
        Edit(b"m" * 16, 1, "a secret"),
        Delete(b"m" * 16),
        Edit(b"m" * 16, 2, "another"),
        React(Ref("bob", b"m" * 16), 1, "👍"),
    ):
        alice.hear(Said("", "bob", MessageId(os.urandom(16)), 5, alice.now), change)
    assert [row.kind for row in alice.store.aside("bob", "bob", b"m" * 16)] == [6]
    alice.hear(Said("", "bob", MessageId(b"m" * 16), 5, alice.now), Text("the secret itself"))
    assert [(m.text, m.deleted) for m in alice.history()] == [("", True)]


def test_whoever_else_looks_on_hears_of_everything_that_is_done_here(two):
    alice, _bob = two
    told = alice.say("first")
    alice.words.edit("bob", told, "second", alice.now)
    alice.words.react("bob", told, "👍", alice.now)
    alice.words.pin("bob", told, True, alice.now)
    alice.words.delete("bob", told, alice.now, for_everyone=False)
    heard = [(event.change, event.text, event.here) for event in alice.events if isinstance(event, Message)]
    assert heard == [
        (None, "first", True),
        ("edited", "second", True),
        ("reaction", "second", True),
        ("pinned", "second", True),
        ("expired", "", True),
    ]
