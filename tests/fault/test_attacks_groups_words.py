"""Attacks that broke other systems, against sender keys, words and invitations of groups; somebody hostile between.

The numbers are those of docs/security.md.
"""

from __future__ import annotations

import os
from types import SimpleNamespace

import msgspec
import pytest
from msgspec.structs import replace

from sealwire.crypto.group_entry import Invited, Kind, Role
from sealwire.crypto.safety import safety_number
from sealwire.crypto.sender_keys import SenderKey
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import DeviceId
from sealwire.peer.events import Message
from sealwire.testing.network import reissue
from sealwire.wire.content import Receipt, Text, encode_plaintext
from sealwire.wire.group_content import Invitation, Notice, Shared, SharedMessage
from tests.company import Company, warned
from tests.fault.circle import entry_by, heard_keys, own_key, push, spoken, whisper
from tests.fault.hostile import Mail, inject, reasons
from tests.vectors.people import person

TAG_BYTES = 16


def authors(company, peer):
    """Who said something in a group, by what a peer shows."""
    said = [e for e in peer.events if isinstance(e, Message) and e.conversation == company.conversation]
    return {message.sender for message in said if message.kind == "text"}


def invited(guest, hours=1.0):
    card = guest.identity.card.card
    return Invited(card.fingerprint, Role.MEMBER, guest.net.now.ms + int(hours * 3_600_000)).encode()


# --- 35: a key that is said to be somebody else's ------------------------------------------------------------------


def test_attack_35_anothers_sender_key_makes_nobody_that_other(circle):
    alice, bob, carol = circle.all
    circle.do(alice, Kind.REKEY)  # an epoch in which bob has said nothing yet
    mail = Mail(carol, pass_on=True)
    circle.say(alice, "from alice")
    circle.settle()
    stolen = own_key(circle.of(alice), alice)
    circle.know(bob, carol)
    whisper(bob, carol, stolen)  # "this is my key": taken as bob's, under bob's name and tag
    tag = next(key.tag for key in heard_keys(carol, circle) if key.place.card_hash == bob.identity.card.card.hash)
    inject(carol, tag + mail.envelopes[-1][TAG_BYTES:])
    circle.settle()
    assert reasons(carol) == ["undecryptable"]
    circle.say(alice, "alice again")
    circle.settle()
    assert circle.heard(carol) == ["from alice", "alice again"]
    assert authors(circle, carol) == {"alice"}


def test_attack_35_nobody_speaks_for_another_member(circle):
    alice, bob, carol = circle.all
    circle.talk()
    group, own = circle.of(bob), bob.engine.groups._own.current(circle.of(bob))
    claimed = SenderKey.generate(replace(own[1].place, card_hash=alice.identity.card.card.hash), os.urandom)
    inject(
        carol,
        spoken(circle, bob, "as alice", claimed),
        spoken(circle, bob, "as alice", sender=alice.identity.card.card.hash),
    )
    circle.settle()
    assert reasons(carol) == ["no-session", "not-for-us"]
    assert "as alice" not in carol.texts()
    assert group.membership.device("bob", bob.identity.card.card.hash)


def test_attack_35_a_key_from_outside_the_log_opens_nothing(circle):
    alice, carol, dave = circle.alice, circle.carol, circle.dave
    circle.talk()
    key = SenderKey.generate(replace(own_place(circle, alice), card_hash=dave.identity.card.card.hash), os.urandom)
    given = msgspec.structs.replace(
        own_key(circle.of(alice), alice), chain_key=key.chain_key, iteration=0, verify_key=key.verify_key
    )
    circle.know(dave, carol)
    whisper(dave, carol, given)
    assert reasons(carol) == ["not-a-member"], "refused at once when the log was read to its end"
    whisper(alice, carol, Notice(circle.id, circle.of(carol).head.sequence + 1, os.urandom(32), b"", b""))
    whisper(dave, carol, given)  # now the log may be behind, so it is kept, but believed by nobody
    inject(carol, spoken(circle, alice, "from outside", key, sender=dave.identity.card.card.hash))
    assert reasons(carol) == ["not-a-member"] * 2
    assert "from outside" not in carol.texts()


def own_place(circle, peer):
    return peer.engine.groups._own.current(circle.of(peer))[1].place


# --- 36: removal without new keys ----------------------------------------------------------------------------------


def test_attack_36_what_is_said_after_a_removal_opens_with_no_key_of_before(circle):
    alice, bob, carol = circle.all
    circle.talk()
    stolen = heard_keys(bob, circle)
    mail = Mail(carol, pass_on=True)
    circle.remove(alice, "bob")
    circle.say(alice, "without bob")
    circle.say(carol, "without bob, too")
    circle.settle()
    assert circle.heard(carol)[-1] == "without bob"
    assert len(stolen) == 2
    for envelope in mail.envelopes:
        assert envelope[:TAG_BYTES] not in {key.tag for key in stolen}
        for key in stolen:
            with pytest.raises(RefusedError):
                key.decrypt(key.tag + envelope[TAG_BYTES:])
    assert circle.of(carol).membership.epoch == circle.of(alice).membership.epoch == 2
    assert heard_keys(bob, circle) == [], "an honest device destroys them"


def test_attack_36_late_words_of_whoever_was_removed_are_refused(circle):
    alice, bob, carol = circle.all
    circle.talk()
    late = spoken(circle, bob, "late, under the old epoch")
    circle.remove(alice, "bob")
    inject(carol, late)
    circle.settle()
    assert reasons(carol) == ["not-a-member"]
    assert circle.heard(carol) == ["alice is here", "bob is here"]
    carol.crash()
    carol.start()
    circle.settle()
    assert "late, under the old epoch" not in carol.texts()


# --- 39: words moved elsewhere -------------------------------------------------------------------------------------


def test_attack_39_a_message_of_one_group_is_none_of_another(net, circle):
    alice, bob, carol = circle.all
    circle.talk()
    other = Company(net, alice, "the other group")
    for guest in (bob, carol):
        other.act(alice, Kind.INVITE, guest.name, invited(guest))
    other.settle()
    for guest in (bob, carol):
        other.act(guest, Kind.ACCEPT, value=guest.identity.card.encode())
    other.settle()
    mail = Mail(carol, pass_on=True)
    other.say(bob, "for the other group")
    circle.say(bob, "for this group")
    circle.settle()
    tags = {key.place.group: key.tag for key in heard_keys(carol, circle) + heard_keys(carol, other) if of(bob, key)}
    moved = [tags[other.id] + envelope[TAG_BYTES:] for envelope in mail.envelopes if envelope[:16] == tags[circle.id]]
    assert len(moved) == 1
    inject(carol, *moved, spoken(other, bob, "claimed for this group", group=circle.id))
    circle.settle()
    assert reasons(carol) == ["undecryptable", "not-for-us"]
    assert other.heard(carol) == ["for the other group"]
    assert "claimed for this group" not in carol.texts()


def of(peer, key):
    return key.place.card_hash == peer.identity.card.card.hash


def test_attack_39_a_message_to_a_group_is_none_between_two_and_the_other_way_round(circle):
    bob, carol = circle.bob, circle.carol
    circle.talk()
    bob.send("carol", "hello")
    circle.settle()
    mail = Mail(carol)
    circle.say(bob, "to all")
    bob.send("carol", "to carol alone")
    circle.settle()
    tag = next(key.tag for key in heard_keys(carol, circle) if of(bob, key))
    pair_tag = bob.engine._pairs.of(carol.mailbox()).active().tag_out
    said = {envelope[:TAG_BYTES]: envelope[TAG_BYTES:] for envelope in mail.envelopes}
    carol.hostile = None
    inject(carol, tag + said[pair_tag], pair_tag + said[tag], in_session(bob, carol, circle.id))
    assert len(reasons(carol)) == 3
    assert reasons(carol)[2] == "not-for-us"
    assert not {"to all", "to carol alone", "for whom is this?"} & set(carol.texts())
    inject(carol, tag + said[tag], pair_tag + said[pair_tag])
    assert {"to all", "to carol alone"} <= set(carol.texts()), "nothing was used up by it"


def in_session(sender, recipient, group):
    """An envelope of a session whose plaintext says that it belongs to a group."""
    pair = sender.engine._pairs.of(recipient.mailbox())
    plaintext = encode_plaintext(
        sender=sender.identity.card.card.hash,
        recipient=recipient.identity.card.card.hash,
        message_id=os.urandom(16),
        counter=pair.state.sent + 1,
        previous=pair.state.sent_hash,
        sent_at_ms=sender.net.now.ms,
        void=[],
        content=Text("for whom is this?"),
        conversation=group,
    )
    return pair.active().encrypt(plaintext, os.urandom)[1]


def test_attack_39_what_two_devices_say_to_each_other_is_no_word_in_a_group(circle):
    bob, carol = circle.bob, circle.carol
    circle.talk()
    key = bob.engine.groups._own.current(circle.of(bob))[1]
    for content in (Receipt("read", [os.urandom(16)]), Notice(circle.id, 99, os.urandom(32), b"", b"")):
        inject(carol, spoken(circle, bob, "", key, content=content))
        key = key.encrypt(b"", os.urandom)[0]
    circle.settle()
    assert reasons(carol) == ["malformed"] * 2
    assert not circle.of(carol).claims


# --- 40: older keys ------------------------------------------------------------------------------------------------


def test_attack_40_a_key_of_an_older_epoch_or_another_of_the_same_is_refused(circle):
    alice, bob, carol = circle.all
    circle.talk()
    older = own_key(circle.of(bob), bob)
    circle.do(alice, Kind.REKEY)
    circle.say(bob, "in the new epoch")
    circle.settle()
    newer = own_key(circle.of(bob), bob)
    assert newer.epoch == older.epoch + 1
    fresh = {"chain_key": os.urandom(32), "verify_key": os.urandom(32), "iteration": 0}
    whisper(bob, carol, msgspec.structs.replace(older, **fresh))
    whisper(bob, carol, msgspec.structs.replace(newer, **fresh))
    assert reasons(carol) == ["old-key", "old-key"]
    circle.say(bob, "still the same key")
    circle.settle()
    assert circle.heard(carol)[-2:] == ["in the new epoch", "still the same key"]


def test_attack_40_a_key_that_comes_again_moves_nothing_back(circle):
    bob, carol = circle.bob, circle.carol
    mail = Mail(carol, pass_on=True)
    circle.talk()
    first = own_key(circle.of(bob), bob)
    before = spoken(circle, bob, "in a place that is used")
    circle.say(bob, "one")
    circle.say(bob, "two")
    circle.settle()
    inject(carol, *mail.envelopes)  # the broker repeats everything, the key among it
    whisper(bob, carol, first)  # and so does a hostile member
    inject(carol, before)
    circle.settle()
    assert reasons(carol) == ["repeated"]
    assert circle.heard(carol) == ["alice is here", "bob is here", "one", "two"]
    assert carol.warnings("clone")


# --- 41: what was said before somebody came ------------------------------------------------------------------------


def test_attack_41_a_newcomer_reads_nothing_from_before_whatever_the_broker_hands_over(circle):
    alice, carol, dave = circle.alice, circle.carol, circle.dave
    mail = Mail(carol, pass_on=True)
    circle.talk()
    circle.say(alice, "before")
    circle.settle()
    circle.join(alice, dave)
    circle.say(alice, "after")
    circle.settle()
    assert circle.heard(dave) == ["after"]
    inject(dave, *mail.envelopes)
    circle.settle()
    assert circle.heard(dave) == ["after"]
    for key in heard_keys(dave, circle):
        for envelope in mail.envelopes:
            with pytest.raises(RefusedError):
                key.decrypt(key.tag + envelope[TAG_BYTES:])


def test_attack_41_history_comes_with_a_signed_entry_from_the_inviter_only(circle):
    alice, bob, dave = circle.alice, circle.bob, circle.dave
    circle.say(alice, "before")
    circle.settle()
    circle.join(alice, dave)
    circle.know(bob, dave)
    said = SharedMessage(os.urandom(16), "carol", 1, "made up")
    for teller in (alice, bob):
        whisper(teller, dave, Shared(circle.id, [said]))
    circle.settle()
    assert reasons(dave) == ["not-for-us"] * 2
    assert circle.heard(dave) == []
    push(bob, entry_by(circle.of(bob), bob, Kind.HISTORY, "", b"\x01"))  # a member has not the right
    circle.reconnect(*circle.all)
    assert not circle.of(alice).membership.shares_history
    circle.do(alice, Kind.HISTORY, value=b"\x01")
    circle.remove(alice, "dave")
    circle.join(alice, dave)
    assert circle.heard(dave) == ["alice: before"]
    whisper(bob, dave, Shared(circle.id, [said]))
    assert circle.heard(dave) == ["alice: before"], "only the inviter's word is taken"


# --- 42: invitations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["used", "expired", "revoked", "another's", "nobody's"])
def test_attack_42_an_invitation_that_does_not_hold_lets_nobody_in(net, circle, how):
    alice, bob, dave = circle.alice, circle.bob, circle.dave
    circle.know(alice, dave)
    accepts = dave
    if how != "nobody's":
        circle.do(alice, Kind.INVITE, "dave", invited(dave))
    group = circle.of(dave) if how != "nobody's" else circle.of(bob)
    head, key = group.head, group.keys[group.head.writer]
    if how == "used":
        circle.accept(dave)
        circle.remove(alice, "dave")
    elif how == "expired":
        circle.settle(2 * 3600)
    elif how == "revoked":
        circle.remove(alice, "dave")
    elif how == "another's":
        keys = person("mallory")
        other = reissue(keys, net.realm, "dave", DeviceId(os.urandom(16)), net.now.ms)
        accepts = SimpleNamespace(identity=other, net=net)
    group = circle.of(bob)  # a member helps, with everything that members know
    value = accepts.identity.card.encode()
    push(bob, entry_by(group, accepts, Kind.ACCEPT, "", value, key=group.keys.get(group.head.writer, key)))
    circle.reconnect(*circle.all)
    assert head.sequence < circle.of(alice).head.sequence
    assert circle.agree(*circle.all)
    assert circle.members(alice) == {"alice", "bob", "carol"}
    assert warned(alice) == ["group-log"]


def test_attack_42_an_invitation_that_the_log_does_not_hold_is_refused(circle):
    alice, bob, dave = circle.alice, circle.bob, circle.dave
    group = circle.of(bob)
    circle.know(bob, dave)
    key = group.keys[group.head.writer].secret
    whisper(bob, dave, Invitation(circle.id, group.head.sequence, group.head.hash, key, b""))
    circle.settle()
    assert circle.state(dave) == ""
    assert warned(dave) == ["group-invite"]
    circle.invite(alice, dave)
    assert circle.state(dave) == "invited", "the one that holds is taken"


def test_attack_42_a_code_for_another_purpose_is_no_comparison(circle):
    alice, bob = (peer.identity.card.card for peer in (circle.alice, circle.bob))
    ours, theirs = safety_number(alice, bob), safety_number(bob, alice)
    assert ours.matches_qr(theirs.qr_payload())
    for purpose in range(256):
        if purpose != theirs.qr_payload()[0]:
            with pytest.raises(RemoteProtocolError):
                ours.matches_qr(bytes((purpose,)) + theirs.qr_payload()[1:])
    assert theirs.code().startswith("sealwire-compare:"), "people see what a code is for"
