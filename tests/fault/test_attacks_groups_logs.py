"""Attacks that broke other systems, against groups' logs: a real broker and real engines, and somebody hostile between.

The numbers are those of docs/security.md.
"""

from __future__ import annotations

import os

import pytest

from sealwire.crypto.group_entry import Invited, Kind, Role, encode_text
from sealwire.crypto.group_log import LogEntry
from sealwire.crypto.log_keys import LogKey
from sealwire.errors import GroupStoppedError
from sealwire.wire.group_content import Notice, SenderKeyGiven
from tests.company import warned
from tests.fault.circle import Tampered, entry_by, own_key, push, whisper, with_entries
from tests.fault.hostile import Tap


def invite(guest, role=Role.MEMBER):
    card = guest.identity.card.card
    return Invited(card.fingerprint, role, guest.net.now.ms + 3_600_000).encode()


def reached(tap, peer):
    """Whether anything of one peer went to the mailbox of another."""
    return any(peer.mailbox() in frame for frame in tap.frames)


# --- 34: the server adds members -----------------------------------------------------------------------------------


def test_attack_34_an_entry_of_the_brokers_own_is_refused(circle):
    alice, carol, dave = circle.alice, circle.carol, circle.dave
    group = circle.of(alice)
    forged = entry_by(group, dave, Kind.INVITE, "dave", invite(dave), key=LogKey(circle.id, os.urandom(32)))
    lie = Tampered(carol, lambda body: with_entries(body, [forged.encoded], forged.head()))
    head = circle.of(carol).head
    circle.reconnect(carol)
    assert lie.times
    assert circle.of(carol).head == head
    assert circle.members(carol) == {"alice", "bob", "carol"}
    assert warned(carol) == ["group-log"], "said once, however often it is tried"


def test_attack_34_whoever_knows_the_log_key_adds_nobody_without_the_right(circle):
    bob, carol, dave = circle.bob, circle.carol, circle.dave
    for kind, subject, value in (
        (Kind.INVITE, "dave", invite(dave)),
        (Kind.ROLE, "bob", bytes((Role.OWNER,))),
        (Kind.ACCEPT, "", dave.identity.card.encode()),
    ):
        author = dave if kind is Kind.ACCEPT else bob
        push(bob, entry_by(circle.of(bob), author, kind, subject, value))
        circle.reconnect(*circle.all)
    assert all(circle.members(peer) == {"alice", "bob", "carol"} for peer in circle.all)
    assert circle.of(carol).head.sequence == 8, "they stand in the log, where nothing can be taken away"
    assert circle.agree(*circle.all)
    assert circle.of(carol).membership.members["bob"].role == Role.MEMBER
    tap = Tap(carol)
    circle.say(carol, "for members")
    circle.settle()
    assert not reached(tap, dave)
    assert warned(carol) == ["group-log"]


@pytest.mark.parametrize("order", [[1, 2], [1, 0, 2], [2]], ids=["omitted", "reordered", "last"])
def test_attack_34_entries_omitted_or_in_another_order_are_refused(net, circle, order):
    alice, carol = circle.alice, circle.carol
    net.cut(carol)
    carol.online = False
    head = circle.of(carol).head
    for name in ("one", "two", "three"):
        circle.rename(alice, name)
    lie = Tampered(carol, lambda body: with_entries(body, [body.entries[at] for at in order]) if body.entries else None)
    carol.online = True
    circle.settle()
    assert lie.times
    assert circle.of(carol).head == head
    assert "group-log" in warned(carol)
    carol.hostile = None
    circle.settle(120)
    assert circle.agree(alice, carol), "an honest answer later is taken"


def test_attack_34_no_key_ever_goes_to_somebody_outside_the_log(circle):
    tap = Tap(circle.alice)
    circle.talk()
    circle.remove(circle.alice, "bob")
    tap.frames.clear()
    circle.say(circle.alice, "without bob")
    circle.settle()
    assert circle.heard(circle.carol)[-1] == "without bob"
    assert not reached(tap, circle.bob)
    assert not reached(tap, circle.dave)


# --- 36: what somebody removed can still do ------------------------------------------------------------------------


@pytest.mark.parametrize("lie", ["notice", "key"])
def test_attack_36_whoever_was_removed_cannot_stop_the_group(circle, lie):
    alice, bob, carol = circle.all
    circle.talk()
    given, log_key = own_key(circle.of(bob), bob), newest_key(circle, bob)
    circle.remove(alice, "bob")
    head, sequence = os.urandom(32), circle.of(alice).head.sequence + 5
    if lie == "notice":
        whisper(bob, carol, Notice(circle.id, sequence, head, b"", b""))
    else:
        key = (given.chain_key, 0, given.verify_key)
        whisper(bob, carol, SenderKeyGiven(circle.id, 9, sequence, head, log_key, *key))
    circle.settle(70)
    assert circle.state(carol) == "member"
    assert warned(carol) == []
    circle.say(carol, "still here")
    circle.settle()
    assert circle.heard(alice)[-1] == "still here"


def test_attack_36_whoever_was_removed_shows_no_other_history(circle):
    alice, bob, carol = circle.all
    circle.talk()
    circle.remove(alice, "bob")
    sequence = circle.of(carol).head.sequence
    whisper(alice, carol, Notice(circle.id, sequence + 1, os.urandom(32), b"", b""))  # now carol's log may be behind
    whisper(bob, carol, Notice(circle.id, sequence, os.urandom(32), b"", b""))
    circle.settle()
    assert circle.state(carol) == "member"
    assert "group-forked" not in warned(carol)


def newest_key(circle, peer):
    group = circle.of(peer)
    return group.keys[group.head.writer].secret


# --- 37: two histories ---------------------------------------------------------------------------------------------


def forked(net, circle):
    """alice's device was copied: the broker shows carol another entry in one place than everybody else."""
    alice, carol = circle.alice, circle.carol
    other = entry_by(circle.of(alice), alice, Kind.RENAME, "", encode_text("carol's history"))
    net.cut(carol)
    carol.online = False
    circle.rename(alice, "bob's history")
    Tampered(carol, lambda body: with_entries(body, [other.encoded], other.head()) if body.entries else None)
    carol.online = True
    circle.settle()
    assert circle.of(carol).name == "carol's history"
    assert circle.of(circle.bob).name == "bob's history"


def test_attack_37_two_heads_stop_the_group_on_both_sides(net, circle):
    bob, carol = circle.bob, circle.carol
    circle.talk()
    forked(net, circle)
    circle.say(bob, "which one are you in?")
    circle.settle()
    for peer in (bob, carol):
        assert circle.state(peer) == "stopped", peer.name
        assert "group-forked" in warned(peer), peer.name
        tap = Tap(peer)
        with pytest.raises(GroupStoppedError):
            circle.say(peer, "is anybody here?")
        circle.settle()
        assert not any(other.mailbox() in frame for other in circle.all for frame in tap.frames)
    carol.crash()
    carol.start()
    circle.settle()
    assert circle.state(carol) == "stopped", "a restart is nobody's decision"


def test_attack_37_a_broker_that_contradicts_itself_stops_the_group(net, circle):
    alice, carol = circle.alice, circle.carol
    other = entry_by(circle.of(alice), alice, Kind.RENAME, "", encode_text("another"))
    circle.rename(alice, "the name")
    circle.reconnect(carol)
    assert circle.of(carol).name == "the name"
    Tampered(carol, lambda body: with_entries(body, [], other.head()))
    circle.reconnect(carol)
    assert circle.state(carol) == "stopped"
    assert "group-forked" in warned(carol)


# --- 38: an older membership ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_attack_38_a_log_shorter_than_the_pinned_head_is_refused(circle, restarted):
    alice, bob, carol = circle.all
    circle.talk()
    before = circle.of(carol).head
    circle.remove(alice, "bob")
    circle.say(alice, "without bob")
    circle.settle()
    pinned = circle.of(carol).head
    assert pinned.sequence == before.sequence + 1
    Tampered(carol, lambda body: with_entries(body, [], before))
    if restarted:
        carol.crash()
        carol.start()
    tap = Tap(carol)
    circle.reconnect(carol)
    assert "group-rollback" in warned(carol)
    assert circle.of(carol).head == pinned
    assert circle.members(carol) == {"alice", "carol"}
    circle.say(carol, "not for bob")
    circle.settle()
    assert not reached(tap, bob)
    assert circle.heard(alice)[-1] == "not for bob"


def test_attack_38_a_log_that_the_broker_lost_is_given_back_to_it(net, circle):
    alice, carol = circle.alice, circle.carol
    circle.rename(alice, "the name")
    with net.store._db as db:  # what a restored backup of the broker looks like
        db.execute("DELETE FROM group_entry")
    circle.reconnect(*circle.all)
    assert "group-rollback" in warned(carol)
    circle.settle(60)
    circle.rename(alice, "a name later")
    circle.reconnect(carol)
    assert circle.agree(*circle.all)
    assert circle.of(carol).name == "a name later"


def test_bad_input_every_byte_of_an_entry_under_way_is_refused_when_it_changes(net, circle):
    """Logs that were forged, cut or filled up: refused, said once, and nothing of the group changes."""
    alice, carol = circle.alice, circle.carol
    net.cut(carol)
    carol.online = False
    head = circle.of(carol).head
    circle.rename(alice, "a new name")
    whole = circle.of(alice)
    entry = next(iter(alice.store.group_entries(circle.id, head.sequence)))
    places = [*range(0, 21, 7), *range(53, len(entry), 41)]  # what stands between says where it belongs: attack 37
    forms = [entry[:at] + bytes((entry[at] ^ 1,)) + entry[at + 1 :] for at in places]
    forms += [entry[:-1], entry + b"\x00", b"", bytes(len(entry)), os.urandom(len(entry))]
    left = iter(forms)
    lie = Tampered(carol, lambda body: with_entries(body, [next(left)]) if body.entries else None)
    carol.online = True
    for _ in forms:
        net.cut(carol)
        net.run()
    assert lie.times == len(forms)
    assert circle.of(carol).head == head
    assert set(warned(carol)) == {"group-log"}
    carol.hostile = None
    circle.reconnect(carol)
    assert circle.of(carol).head == whole.head
    assert isinstance(LogEntry.decode(entry), LogEntry)
