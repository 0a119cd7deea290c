"""Groups that wait for something leave the processor alone, and what they wait for wakes them by itself.

A deadline that has passed and that no turn moves would be a turn after the other for ever: with a crowd in one group
that looks like a hang. ``Network.run`` fails when a network does not come to rest.
"""

from __future__ import annotations

import os

from sealwire.crypto.group_entry import Kind, encode_text
from sealwire.wire.group_content import Notice, SenderKeyGiven
from tests.fault.circle import whisper


def show_made_up_head(by, to, circle):
    sequence = circle.of(by).head.sequence + 5
    whisper(by, to, Notice(circle.id, sequence, os.urandom(32), b"", b""))


def test_a_member_that_is_to_show_a_head_rests_while_the_broker_withholds_another(circle):
    alice, bob = circle.alice, circle.bob
    show_made_up_head(bob, alice, circle)
    assert circle.of(alice).claims
    circle.of(alice).nudge(circle.net.now.mono_s)
    circle.settle(10)
    assert circle.of(alice).nudge_s is not None, "it waits for an entry that nobody has"


def test_what_waits_in_a_group_that_stopped_leaves_the_processor_alone(net, circle):
    alice, bob = circle.alice, circle.bob
    circle.rename(alice, "one")
    whisper(bob, alice, Notice(circle.id, circle.of(alice).head.sequence, os.urandom(32), b"", b""))
    assert circle.state(alice) == "stopped"
    circle.act(alice, Kind.RENAME, value=encode_text("two"))
    circle.settle(70)
    assert circle.of(alice).acts, "it waits for a person"


def test_whoever_left_while_a_strangers_head_was_to_be_looked_at_rests(circle):
    bob = circle.bob
    sequence, key = circle.of(bob).head.sequence + 5, os.urandom(32)
    circle.of(bob).fetched_s = circle.net.now.mono_s  # so that the head of a stranger is no reason to ask at once
    circle.know(circle.dave, bob)
    whisper(circle.dave, bob, SenderKeyGiven(circle.id, 1, sequence, os.urandom(32), key, key, 0, key))
    assert circle.of(bob).hinted
    circle.act(bob, Kind.LEAVE)
    circle.net.run()
    circle.settle()
    assert circle.state(bob) == "left"
