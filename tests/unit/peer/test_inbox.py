"""What the inbox hands on: authenticated content, where and by whom it was said."""

import os

import pytest

from sealwire.ids import GroupId, conversation_of
from sealwire.peer.events import Message
from sealwire.peer.inbox import Arrival, UnreadError
from sealwire.wire.content import Plaintext, Receipt, Text
from tests.fault.hostile import friends

GROUP = conversation_of(GroupId(bytes(16)))


def said(peer, other, content, conversation):
    """Content as it would come out of a session with ``other`` (or out of a group)."""
    plain = Plaintext(1, bytes(32), bytes(32), b"", os.urandom(16), 1, bytes(32), 7, [], content)
    pair = peer.engine._pairs.of(other.mailbox())
    return Arrival(pair, plain, peer.net.now, conversation, other.name)


def test_words_are_stored_in_the_conversation_they_were_said_in(net):
    alice, bob = friends(net, "alice", "bob")
    words = Text("in a group")
    alice.turn([], lambda engine, _: engine._inbox.hear(said(alice, bob, words, GROUP), words))
    shown = [event for event in alice.events if isinstance(event, Message)][-1]
    assert (shown.conversation, shown.sender, shown.text) == (GROUP, "bob", "in a group")
    assert [message.text for message in alice.store.history(GROUP, 9, None)] == ["in a group"]
    assert "in a group" not in [message.text for message in alice.store.history("bob", 9, None)]


def test_what_belongs_between_two_devices_is_refused_in_a_group(net):
    alice, bob = friends(net, "alice", "bob")
    receipt = Receipt("read", [bytes(16)])
    with pytest.raises(UnreadError):
        alice.engine._inbox.hear(said(alice, bob, receipt, GROUP), receipt)
