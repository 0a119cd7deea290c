"""What was under way to somebody when they were put out: what has left may arrive, nothing of it is repeated."""

from __future__ import annotations

from sealwire.crypto.group_entry import Kind
from sealwire.ids import DeviceId, Mailbox
from sealwire.peer.records import OutboxRow
from sealwire.testing.network import VirtualPeer, reissue
from sealwire.wire.content import decode_content
from sealwire.wire.control import Response
from sealwire.wire.frames import Code, Verb, decode_fanout_targets
from sealwire.wire.group_content import GroupNews, Invitation, SenderKeyGiven
from tests.conftest import PEOPLE
from tests.fault.circle import Circle
from tests.fault.hostile import Mail, Tap, answers, bundle_of, listing, lookup_of, with_lookup


def fans_to(tap: Tap, mailbox: Mailbox) -> int:
    """How many frames for many went to a device."""
    fans = (frame for frame in tap.frames if frame[0] == Verb.FANOUT)
    return sum(mailbox in decode_fanout_targets(frame)[0] for frame in fans)


def queued_news(peer: VirtualPeer, name: str) -> list[object]:
    """What is told about groups and still waits for somebody."""
    rows = [peer.store.outbox_row(row) for row, account, _ in peer.store.outbox_rows() if account == name]
    contents = [decode_content(row.content) for row in rows if isinstance(row, OutboxRow)]
    return [content for content in contents if isinstance(content, GroupNews)]


def lose_in_flight(circle: Circle, peer: VirtualPeer, text: str) -> str:
    """Say something over a connection that is dead already: the peer thinks that the broker may have it."""
    message = circle.say(peer, text)
    circle.net.cut(peer)
    return message


def put_out_meanwhile(circle, speaker, name, text):
    """What ``speaker`` said is lost in flight, ``name`` is put out, ``speaker`` is back: (message, what it sends)."""
    message = lose_in_flight(circle, speaker, text)
    speaker.online = False
    circle.remove(circle.all[0], name)
    speaker.online = True
    return message, Tap(speaker)


def test_attack_36_a_repeat_waits_for_the_log_and_leaves_out_whoever_was_put_out_meanwhile(net, circle):
    alice, bob, carol = circle.all
    circle.talk()
    message, sent = put_out_meanwhile(circle, carol, "bob", "nobody has this yet")
    circle.settle(10)
    assert circle.heard(alice)[-1] == "nobody has this yet"
    assert circle.heard(bob) == ["alice is here", "carol is here"]
    assert fans_to(sent, bob.mailbox()) == 0
    assert carol.states(message)[:1] == ["sent"]


def test_attack_36_a_repeat_after_a_crash_waits_for_the_log_too(net, circle):
    alice, bob, carol = circle.all
    circle.talk()
    lose_in_flight(circle, carol, "nobody has this yet")
    carol.crash()
    circle.remove(alice, "bob")
    carol.start()
    sent = Tap(carol)
    circle.settle(10)
    assert circle.heard(alice)[-1] == "nobody has this yet"
    assert fans_to(sent, bob.mailbox()) == 0


def test_attack_36_what_flies_when_somebody_is_put_out_is_not_repeated_to_them(net, circle):
    alice, bob, carol = circle.all
    circle.talk()
    alice.hostile = lambda _peer, frame: [] if frame[0] == Verb.ACCEPTED else [frame]
    bob.hostile = Mail(bob)
    circle.say(alice, "said before")
    net.run()
    circle.act(alice, Kind.REMOVE, "bob")
    circle.settle(5)
    assert alice.engine.mail.outbox.unanswered()
    sent = Tap(alice)
    alice.hostile = None
    circle.reconnect(alice)
    assert fans_to(sent, carol.mailbox()) >= 1, "the rest of it is repeated"
    assert fans_to(sent, bob.mailbox()) == 0
    assert not [row for row, _, mailbox in alice.store.outbox_rows() if mailbox == bob.mailbox()]


no_bundles = answers(
    lambda response: Response(id=response.id, code=Code.BUSY, retry_after_ms=60_000) if bundle_of(response) else None
)
"""A directory that is too busy to hand out keys: no session begins."""


def test_attack_36_keys_that_still_wait_for_whoever_was_put_out_stay_here(circle):
    alice, carol, dave = circle.alice, circle.carol, circle.dave
    carol.hostile = no_bundles
    circle.join(alice, dave)
    circle.say(carol, "the first words that dave might hear of carol")
    circle.settle()
    assert SenderKeyGiven in map(type, queued_news(carol, "dave"))
    circle.remove(alice, "dave")
    assert queued_news(carol, "dave") == []
    carol.hostile = None
    circle.settle(700)
    assert circle.heard(dave) == []
    assert not [key for key in dave.store.heard_keys(circle.id) if key.account == "carol"]


def test_attack_36_an_invitation_that_still_waits_is_withdrawn_with_its_entry(circle):
    alice, dave = circle.alice, circle.dave
    circle.know(alice, dave)
    alice.hostile = no_bundles
    circle.invite(alice, dave)
    assert [type(content) for content in queued_news(alice, "dave")] == [Invitation]
    circle.remove(alice, "dave")
    assert not [content for content in queued_news(alice, "dave") if isinstance(content, Invitation)]
    alice.hostile = None
    circle.settle(700)
    assert circle.state(dave) == ""


def test_attack_36_words_of_ours_that_wait_for_others_are_given_up_when_we_are_put_out(net, circle):
    alice, bob, carol = circle.all
    circle.talk()
    message, sent = put_out_meanwhile(circle, bob, "bob", "nobody will take this")
    circle.settle(10)
    assert circle.state(bob) == "removed"
    assert fans_to(sent, carol.mailbox()) == 0
    assert "nobody will take this" not in circle.heard(alice) + circle.heard(carol)
    assert [row for row, account, _ in bob.store.outbox_rows() if account == circle.conversation] == []
    assert bob.states(message) == ["sent"], "the broker may have it"


def test_words_for_many_do_not_wait_for_a_device_that_its_account_no_longer_has(net, circle):
    """bob has another key; once a person has looked at it, nothing waits for the device of before."""
    alice, carol = circle.alice, circle.carol
    circle.talk()
    card = reissue(PEOPLE["mallory"], net.realm, "bob", DeviceId(bytes(16)), net.now.ms)
    message = lose_in_flight(circle, alice, "said before")

    def swapped(response):
        body = lookup_of(response)
        return with_lookup(response, listing(card)) if body is not None and b"bob" in body.devices else None

    alice.hostile = answers(swapped)
    alice.turn([], lambda engine, _now: engine.find("bob"))
    circle.settle()
    assert alice.engine.contact("bob").trust == "changed"
    assert alice.states(message) == [], "it waits for a person's decision"
    alice.turn([], lambda engine, now: engine.trust.approve("bob", now))
    circle.settle()
    assert alice.states(message)[:1] == ["sent"]
    assert alice.store.outbox_rows() == []
    assert circle.heard(carol)[-1] == "said before"
