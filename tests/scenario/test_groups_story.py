"""Stories of groups, over real brokers, stores and engines without sockets."""

from __future__ import annotations

import pytest

from sealwire.crypto.group_entry import Invited, Kind, Role, encode_text
from sealwire.errors import GroupRightError
from sealwire.wire.frames import Verb
from tests.company import Company, warned
from tests.fault.hostile import Tap

NAMES = ("alice", "bob", "carol", "dave", "erin")


@pytest.fixture
def people(net):
    """Five people; those without keys of their own in the vectors borrow some."""
    keys = {"carol": "mallory", "dave": "alice", "erin": "bob"}
    people = {name: net.peer(name, keys.get(name)) for name in NAMES}
    net.run()
    return people


@pytest.fixture
def group(net, people):
    """alice's group with bob and carol in it."""
    company = Company(net, people["alice"])
    company.join(people["alice"], people["bob"], people["carol"])
    return company


def test_a_group_is_made_people_are_asked_and_join(net, people):
    alice, bob = people["alice"], people["bob"]
    group = Company(net, alice, "Küche")
    assert group.state(alice) == "member"
    group.invite(alice, bob)
    assert group.state(bob) == "invited"
    assert group.changes(bob) == ["invited"]
    assert group.members(alice) == {"alice"}
    group.accept(bob)
    assert group.members(alice) == group.members(bob) == {"alice", "bob"}
    assert group.of(bob).name == "Küche"
    assert group.changes(bob) == ["invited", "joined"]
    assert group.changes(alice) == ["created", "invited", "joined"]
    assert warned(alice) == warned(bob) == []


def test_words_reach_every_member_and_nobody_else(net, people, group):
    alice, bob, carol, dave = (people[name] for name in NAMES[:4])
    sent = group.say(alice, "hello all")
    group.settle()
    group.say(bob, "hello alice")
    group.settle()
    assert group.heard(bob) == ["hello all"]
    assert group.heard(carol) == ["hello all", "hello alice"]
    assert group.heard(alice) == ["hello alice"]
    assert group.heard(dave) == []
    assert alice.states(sent) == ["sent", "delivered"]
    own = [m for m in alice.store.history(group.conversation, 9, None) if m.id == sent]
    assert [message.state for message in own] == ["delivered"]
    assert warned(alice) + warned(bob) + warned(carol) == []


def test_a_word_that_waits_for_one_member_reaches_the_others_and_names_that_one(net, people, group):
    alice, bob, carol = (people[name] for name in NAMES[:3])
    group.say(alice, "first")
    group.settle()
    bob.crash()
    net.disk_full = True
    group.say(alice, "second")
    net.advance(3)
    assert group.heard(carol) == ["first", "second"]
    told = {(warning.conversation, warning.message.partition(" waits: ")[0]) for warning in alice.warnings("refused")}
    assert told == {(group.conversation, "A message to bob")}
    net.disk_full = False
    net.advance(70)
    bob.start()
    net.run()
    assert group.heard(bob) == ["first", "second"]
    assert group.heard(carol) == ["first", "second"]


def test_one_message_is_one_encryption_and_one_frame(net, people, group):
    alice = people["alice"]
    group.say(alice, "first")
    group.settle()
    tap = Tap(alice)
    group.say(alice, "second")
    net.run()
    sends = [frame for frame in tap.frames if frame[0] in (Verb.SEND, Verb.FANOUT)]
    assert [frame[0] for frame in sends] == [Verb.FANOUT]


def test_whoever_is_removed_reads_nothing_more(net, people, group):
    alice, bob, carol = (people[name] for name in NAMES[:3])
    group.say(alice, "before")
    group.settle()
    group.remove(alice, "bob")
    group.say(carol, "after")
    group.say(alice, "after, too")
    group.settle()
    assert group.heard(bob) == ["before"]
    assert group.heard(carol) == ["before", "after, too"]
    assert group.state(bob) == "removed"
    assert group.members(carol) == {"alice", "carol"}
    assert group.of(carol).membership.epoch == 2


def test_a_newcomer_sees_nothing_from_before(net, people, group):
    alice, dave = people["alice"], people["dave"]
    group.say(alice, "before")
    group.settle()
    group.join(alice, dave)
    group.say(people["bob"], "welcome")
    group.settle()
    assert group.heard(dave) == ["welcome"]
    assert group.agree(*(people[name] for name in NAMES[:4]))


def test_names_topics_timers_and_roles_are_the_same_for_everybody(net, people, group):
    alice, bob, carol = (people[name] for name in NAMES[:3])
    group.rename(alice, "other name")
    group.do(alice, Kind.TOPIC, value=encode_text("of this and that"))
    group.do(alice, Kind.TIMER, value=(3600).to_bytes(4, "big"))
    group.do(alice, Kind.ROLE, "bob", bytes((Role.ADMIN,)))
    group.rename(bob, "by an admin")
    assert group.agree(alice, bob, carol)
    state = group.of(carol).membership
    assert (state.name, state.topic, state.timer_s) == ("by an admin", "of this and that", 3600)
    assert state.members["bob"].role == Role.ADMIN
    assert group.of(bob).keeper_seed is not None
    group.remove(bob, "carol")
    group.say(alice, "without carol")
    group.settle()
    assert group.heard(carol) == []
    assert group.heard(bob) == ["without carol"]


def test_whoever_leaves_is_gone_and_the_others_begin_a_new_epoch(net, people, group):
    alice, bob, carol = (people[name] for name in NAMES[:3])
    group.say(bob, "bye")
    group.settle()
    group.do(bob, Kind.LEAVE)
    group.say(alice, "he is gone")
    group.settle()
    assert group.state(bob) == "left"
    assert group.heard(carol) == ["bye", "he is gone"]
    assert group.heard(bob) == []
    state = group.of(alice).membership
    assert not state.is_known_outside, "the log key was changed"
    assert group.agree(alice, carol)


def test_what_waits_behind_something_refused_is_done_at_once(net, people, group):
    """Both owners leave in one moment: whoever may not any more still has the log key to change."""
    alice, bob, carol = (people[name] for name in NAMES[:3])
    group.do(alice, Kind.ROLE, "bob", bytes((Role.OWNER,)))
    group.act(alice, Kind.LEAVE)
    group.act(bob, Kind.LEAVE)
    group.settle()
    assert (group.state(alice), group.state(bob)) == ("left", "member")
    assert group.members(carol) == {"bob", "carol"}
    assert not group.of(bob).membership.is_known_outside


def test_an_invitation_may_be_declined(net, people, group):
    alice, dave = people["alice"], people["dave"]
    group.invite(alice, dave)
    group.do(dave, Kind.DECLINE, value=dave.identity.card.encode())
    assert group.state(dave) == "left"
    assert "declined" in group.changes(alice)
    assert "dave" not in group.of(alice).membership.members
    group.say(alice, "not for dave")
    group.settle()
    assert group.heard(dave) == []


def test_a_yes_that_a_no_was_faster_than_is_no_yes_to_the_next_invitation(net, people, group):
    alice, dave = people["alice"], people["dave"]
    group.invite(alice, dave)
    card = dave.identity.card.encode()
    group.act(dave, Kind.DECLINE, value=card)
    answers = []
    take = dave._apply
    dave._apply = lambda turn: (answers.extend(turn.answers), take(turn))
    ticket = group.act(dave, Kind.ACCEPT, value=card)
    group.settle()
    assert group.state(dave) == "left"
    assert [type(answer.error) for answer in answers if answer.ticket == ticket] == [GroupRightError]
    group.invite(alice, dave)
    group.settle(10)
    assert group.state(dave) == "invited"
    assert "dave" not in group.members(alice)


def test_somebody_removed_can_be_asked_again_and_sees_nothing_from_in_between(net, people, group):
    alice, bob = people["alice"], people["bob"]
    group.remove(alice, "bob")
    group.say(alice, "in between")
    group.settle()
    group.join(alice, bob)
    group.say(alice, "again")
    group.settle()
    assert group.heard(bob) == ["again"]
    assert group.state(bob) == "member"


def test_who_was_removed_and_asked_again_while_away_is_asked(net, people, group, monkeypatch):
    """The invitation comes before the log has said that the group was left, and outlives a crash in between."""
    alice, bob = people["alice"], people["bob"]
    net.cut(bob)
    bob.online = False
    group.remove(alice, "bob")
    group.invite(alice, bob)
    bob.online = True
    with monkeypatch.context() as patch:  # the log is not read yet
        patch.setattr("sealwire.peer.requests.Requests.entries", lambda *_: None)
        net.run()
    assert group.state(bob) == "member"
    bob.crash()
    bob.start()
    group.settle()
    assert group.state(bob) == "invited"
    group.accept(bob)
    group.say(alice, "again")
    group.settle()
    assert group.heard(bob) == ["again"]


def test_a_reader_hears_everything_and_says_nothing(net, people, group):
    alice, dave = people["alice"], people["dave"]
    group.join(alice, dave, role=Role.READ_ONLY)
    group.say(alice, "to all")
    group.settle()
    with pytest.raises(GroupRightError):
        group.say(dave, "not allowed")
    group.settle()
    assert group.heard(dave) == ["to all"]
    assert group.heard(alice) == []


def test_what_waits_when_the_right_to_speak_is_taken_away_fails(net, people, group):
    alice, bob = people["alice"], people["bob"]
    net.cut(bob)
    bob.online = False
    sent = group.say(bob, "too late")
    group.do(alice, Kind.ROLE, "bob", bytes((Role.READ_ONLY,)))
    bob.online = True
    group.settle()
    assert bob.states(sent) == ["failed"]
    assert group.heard(alice) == []


@pytest.mark.parametrize(
    ("kind", "subject", "value"),
    [
        (Kind.ROLE, "alice", bytes((Role.MEMBER,))),
        (Kind.ROLE, "bob", b"\x09"),
        (Kind.TIMER, "", (3).to_bytes(4, "big")),
        (Kind.RENAME, "", encode_text("a\u202eb")),
        (Kind.INVITE, "dave", Invited(bytes(32), Role.MEMBER, 1).encode()),
    ],
    ids=["last-owner", "no-role", "too-short", "turned-around", "over-already"],
)
def test_what_everybody_would_skip_is_refused_here_and_stands_in_no_log(net, people, group, kind, subject, value):
    alice, bob = people["alice"], people["bob"]
    before = group.of(alice).head
    answers = []
    take = alice._apply
    alice._apply = lambda turn: (answers.extend(turn.answers), take(turn))
    ticket = group.act(alice, kind, subject, value)
    group.settle()
    assert [(answer.ticket, type(answer.error)) for answer in answers] == [(ticket, GroupRightError)]
    assert group.of(alice).head == group.of(bob).head == before


def test_what_is_tried_again_in_a_group_one_was_put_out_of_fails_again_and_is_never_said_later(net, people, group):
    alice, bob = people["alice"], people["bob"]
    net.cut(bob)
    bob.online = False
    sent = group.say(bob, "too late")
    group.remove(alice, "bob")
    bob.online = True
    group.settle()
    assert bob.turn([], lambda engine, now: engine.retry(now)) == 1
    assert bob.states(sent) == ["failed", "failed"]
    group.join(alice, bob)
    group.settle()
    assert group.heard(alice) == []


def test_what_nobody_waits_for_any_more_is_not_begun(net, people, group):
    alice, bob = people["alice"], people["bob"]
    alice.hostile = lambda _peer, frame: [] if frame[0] == Verb.RESPONSE else [frame]
    net.cut(alice)
    net.run()
    late = group.act(alice, Kind.RENAME, value=encode_text("too late"))
    net.run()
    alice.turn([], lambda engine, _now: engine.groups.logs.withdraw(late))
    kept = group.act(alice, Kind.TOPIC, value=encode_text("in time"))
    assert kept != late
    alice.hostile = None
    net.cut(alice)
    group.settle()
    state = group.of(bob).membership
    assert (state.name, state.topic) == ("the group", "in time")


def test_who_was_away_catches_up(net, people, group):
    alice, bob, carol = (people[name] for name in NAMES[:3])
    net.cut(bob)
    bob.online = False
    group.say(alice, "one")
    group.settle()
    group.remove(alice, "carol")
    group.say(alice, "two")
    group.rename(alice, "renamed")
    bob.online = True
    group.settle()
    assert group.heard(bob) == ["one", "two"]
    assert group.agree(alice, bob)
    group.say(bob, "three")
    group.settle()
    assert group.heard(alice) == ["three"]
    assert group.heard(carol) == ["one"]


def test_everything_outlives_crashes(net, people, group):
    alice, bob, carol = (people[name] for name in NAMES[:3])
    group.say(alice, "one")
    for peer in (alice, bob, carol):
        peer.crash()
        peer.start()
    net.restart_broker()
    group.settle()
    group.say(alice, "two")
    group.settle()
    group.say(carol, "three")
    bob.crash()
    group.settle()
    bob.start()
    group.settle()
    assert group.heard(bob) == ["one", "two", "three"]
    assert group.heard(carol) == ["one", "two"]
    assert warned(alice) + warned(bob) + warned(carol) == []


def test_a_crowd_that_accepts_in_one_moment_gets_in(net):
    alice = net.peer("alice")
    crowd = [net.peer(f"guest{number}", ("bob", "mallory")[number % 2]) for number in range(10)]
    net.run()
    group = Company(net, alice)
    for guest in crowd:
        group.invite(alice, guest)
    for guest in crowd:
        group.act(guest, Kind.ACCEPT, value=guest.identity.card.encode())
    group.settle(30.0)
    assert group.members(alice) == {"alice", *(guest.name for guest in crowd)}
    assert group.agree(alice, *crowd)
    assert all(not guest.errors for guest in crowd)
    group.say(crowd[0], "all here?")
    group.settle()
    assert all(group.heard(peer) == ["all here?"] for peer in (alice, *crowd[1:]))
