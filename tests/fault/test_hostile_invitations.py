"""What somebody who may invite can put into an invitation or a notice, and what it must not do."""

from __future__ import annotations

import os

from sealwire.crypto.group_entry import Invited, Kind, Role
from sealwire.crypto.log_keys import LogKey
from sealwire.crypto.membership import MAX_INVITED_MS
from sealwire.ids import Mailbox, MessageId
from sealwire.peer.desks.groups import GroupsDesk
from sealwire.peer.groups.keys import MAX_UNKNOWN_KEYS
from sealwire.wire.group_content import Invitation, Notice, SenderKeyGiven, Shared, SharedMessage
from tests.company import Company, warned
from tests.fault.circle import entry_by, push, whisper


def invited(circle, role):
    """dave, whom alice's log invites; what she tells him about it is for the test to say."""
    alice, dave = circle.alice, circle.dave
    circle.know(alice, dave)
    alice.send("dave", "hello")
    circle.settle(1.0)
    card = dave.identity.card.card
    value = Invited(card.fingerprint, role, alice.net.now.ms + MAX_INVITED_MS).encode()
    alice.engine.groups._news.invite = lambda *_: None
    circle.act(alice, Kind.INVITE, "dave", value)
    circle.settle(1.0)
    return circle.of(alice)


def slip(peer, to, content):
    """Anything at all inside the session with another device: what our own outbox refuses to hold, too."""
    message_id, now = MessageId(os.urandom(16)), peer.net.now
    pair = peer.engine._pairs.of(to.mailbox())
    _counter, envelope = pair.seal(peer.identity.card.card.hash, message_id, content, now.ms, os.urandom)
    to.turn([], lambda engine, now: engine._inbox.take(envelope, now))
    peer.net.run()


def invitation(group, keeper=b""):
    return Invitation(group.id, group.head.sequence, group.head.hash, group.keys[group.head.writer].secret, keeper)


def test_an_invitation_with_a_seed_of_another_length_is_refused(circle):
    group, dave = invited(circle, Role.ADMIN), circle.dave
    slip(circle.alice, dave, invitation(group, b"\x01" * 5))
    circle.settle(2.0)
    assert circle.state(dave) == ""
    assert "unreadable" in warned(dave)


def test_a_keepers_seed_that_is_another_is_not_kept(circle):
    group, dave = invited(circle, Role.ADMIN), circle.dave
    slip(circle.alice, dave, invitation(group, os.urandom(32)))
    circle.settle(2.0)
    circle.act(dave, Kind.ACCEPT, value=dave.identity.card.encode())
    circle.settle(2.0)
    circle.alice.online = False
    circle.net.cut(circle.alice)
    circle.do(circle.carol, Kind.LEAVE)
    circle.reconnect(dave)
    circle.settle(5.0)  # dave leads now, and would begin a new epoch if he could
    assert "carol" not in circle.members(dave)
    assert circle.of(dave).keeper_seed is None


def test_a_log_key_of_another_length_is_not_taken(circle):
    """Its owner may lead the log to it; whoever had to lead away from it could not write that entry."""
    alice, bob = circle.alice, circle.bob
    group = circle.of(alice)
    circle.do(alice, Kind.ROLE, "bob", bytes((Role.ADMIN,)))
    assert circle.of(bob).keeper_seed is not None
    secret = b"\x01" * 5
    short = LogKey(group.id, secret)
    entry = entry_by(group, alice, Kind.REKEY, rotate=short)
    push(alice, entry)
    slip(alice, bob, Notice(group.id, entry.sequence, entry.head().hash, secret, b""))
    circle.do(bob, Kind.REMOVE, "carol")
    assert short.writer not in circle.of(bob).keys


def test_a_member_who_shows_a_head_that_does_not_exist_can_be_put_out(circle):
    alice, bob, carol = circle.all
    circle.talk()
    whisper(bob, alice, Notice(circle.id, 0xFFFF_FFFF, os.urandom(32), b"", b""))
    circle.settle(10.0)
    circle.say(alice, "held back")
    circle.settle(3.0)
    assert "held back" not in circle.heard(carol)
    circle.act(alice, Kind.REMOVE, "bob")
    circle.settle(15.0)
    assert circle.members(carol) == {"alice", "carol"}
    assert circle.heard(carol)[-1] == "held back"


def test_keys_of_strangers_do_not_keep_a_newcomers_out(circle):
    carol, group = circle.carol, circle.of(circle.carol)
    heard = carol.engine.groups._heard

    def take(name, box):
        given = SenderKeyGiven(group.id, 1, 99, os.urandom(32), os.urandom(32), os.urandom(32), 0, os.urandom(32))
        return heard.take(group, Mailbox(box), name, os.urandom(32), given)

    def flood(_engine, _now):
        assert all(take(f"s{n}", n.to_bytes(16, "big")) for n in range(MAX_UNKNOWN_KEYS))
        return take("newcomer", b"n" * 16)

    assert carol.turn([], flood)
    strangers = [key for key in carol.store.heard_keys(group.id) if key.account not in group.membership.members]
    assert [key.account for key in strangers] == ["newcomer"]


def test_somebody_else_does_not_take_an_invitation_over(circle):
    """Whoever was in a group knows its id, and so does the broker."""
    group, dave, carol = invited(circle, Role.MEMBER), circle.dave, circle.carol
    slip(circle.alice, dave, invitation(group))
    circle.settle(2.0)
    assert circle.state(dave) == "invited"
    carol.send("dave", "hello")
    circle.settle(1.0)
    head = os.urandom(32)
    slip(carol, dave, Invitation(group.id, group.head.sequence + 7, head, os.urandom(32), os.urandom(32)))
    circle.settle(10.0)
    assert circle.state(dave) == "invited"
    assert circle.of(dave).inviter == "alice"
    assert "group-invite" in warned(dave)
    circle.act(dave, Kind.ACCEPT, value=dave.identity.card.encode())
    circle.settle(3.0)
    assert "dave" in circle.members(circle.alice)


def test_an_invitation_made_up_first_does_not_spoil_the_right_one(circle):
    group, dave, carol = invited(circle, Role.ADMIN), circle.dave, circle.carol
    carol.send("dave", "hello")
    circle.settle(1.0)
    slip(carol, dave, Invitation(group.id, group.head.sequence + 7, os.urandom(32), os.urandom(32), os.urandom(32)))
    assert circle.state(dave) == "knocking"
    slip(circle.alice, dave, invitation(group, group.keeper_seed))
    circle.settle(10.0)
    assert circle.state(dave) == "invited"
    assert circle.of(dave).inviter == "alice"
    assert circle.of(dave).keeper_seed == group.keeper_seed


def test_an_invitation_to_a_group_of_the_same_name_does_not_take_the_name(net, circle):
    dave = circle.dave
    own = Company(net, dave, "the team")
    circle.rename(circle.alice, "The Team")
    slip(circle.alice, dave, invitation(invited(circle, Role.MEMBER)))
    circle.settle(2.0)
    assert circle.state(dave) == "invited"
    desk = GroupsDesk(dave)
    assert [desk.find(name).id for name in ("+the team", "+The Team")] == [own.id, own.id]
    own.act(dave, Kind.LEAVE)
    own.settle(2.0)
    assert desk.find("+the team").id == circle.id


def test_what_is_told_of_before_has_names_that_are_names_and_texts_that_fit_a_message(circle):
    alice, dave = circle.alice, circle.dave
    circle.do(alice, Kind.HISTORY, value=b"\x01")
    circle.join(alice, dave)

    def said(author, text):
        return SharedMessage(os.urandom(16), author, 1, text)

    told = [
        said("bob", "as it was"),
        said("bob: lies\ncarol", "hello"),
        said("Bob", "hello"),
        said("bob", "x" * 15_000),
    ]
    before = circle.heard(dave)
    for one in told:
        slip(alice, dave, Shared(circle.id, [one]))
    assert circle.heard(dave)[len(before) :] == ["bob: as it was"]


def test_whoever_goes_on_with_their_own_history_is_heard_at_once(circle):
    alice, bob, carol = circle.all
    circle.talk()
    whisper(bob, carol, Notice(circle.id, circle.of(bob).head.sequence, os.urandom(32), b"", b""))
    circle.settle()
    assert circle.state(carol) == "stopped"
    carol.turn([], lambda engine, _now: engine.groups.resume(circle.of(carol)))
    circle.say(carol, "I looked, and go on")
    circle.settle()
    assert circle.heard(alice)[-1] == "I looked, and go on"
