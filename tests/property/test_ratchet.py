"""Two sessions under loss, reordering, duplication, forgery and restart: what arrives is what was sent, and once."""

import os

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from sealwire.crypto.ratchet import MAX_OLD_CHAINS, MAX_SKIPPED_KEYS
from sealwire.crypto.session import Session
from sealwire.errors import RefusedError
from sealwire.wire.header import decode_envelope
from tests.depth import examples
from tests.vectors.people import introduced

PAIR = tuple(session.encode() for session in introduced())
sides = st.sampled_from((0, 1))


class Conversation(RuleBasedStateMachine):
    """``under_way`` holds envelopes not yet delivered, ``read`` those that were: they must never open again."""

    under_way = Bundle("under_way")
    read = Bundle("read")

    @initialize()
    def meet(self):
        self.sessions = [Session.decode(encoded) for encoded in PAIR]
        self.sent = 0

    @rule(target=under_way, side=sides, size=st.integers(0, 600))
    def send(self, side, size):
        plaintext = b"%d/" % self.sent + bytes(size)
        self.sent += 1
        self.sessions[side], envelope = self.sessions[side].encrypt(plaintext, os.urandom)
        return 1 - side, envelope, plaintext

    @rule(target=read, item=consumes(under_way))
    def deliver(self, item):
        side, envelope, plaintext = item
        session = self.sessions[side]
        parts = decode_envelope(envelope)
        assert parts.tag == session.tag_in
        try:
            self.sessions[side], opened = session.decrypt(parts.message, os.urandom)
        except RefusedError:
            # Only a message older than the five chains that are kept may be lost for good.
            assert len(session.ratchet.skipped) >= MAX_OLD_CHAINS
        else:
            assert opened == plaintext
        return item

    @rule(item=consumes(under_way))
    def lose(self, item):
        pass

    @rule(item=read)
    def deliver_again(self, item):
        side, envelope, _ = item
        before = self.sessions[side].encode()
        with pytest.raises(RefusedError):
            self.sessions[side].decrypt(decode_envelope(envelope).message, os.urandom)
        assert self.sessions[side].encode() == before

    @rule(item=under_way, at=st.integers(0, 383), bit=st.integers(0, 7))
    def forge(self, item, at, bit):
        side, envelope, _ = item
        message = bytearray(decode_envelope(envelope).message)
        message[at] ^= 1 << bit
        before = self.sessions[side].encode()
        with pytest.raises(RefusedError):
            self.sessions[side].decrypt(bytes(message), os.urandom)
        assert self.sessions[side].encode() == before

    @rule(item=under_way)
    def reflect(self, item):
        side, envelope, _ = item
        with pytest.raises(RefusedError):
            self.sessions[1 - side].decrypt(decode_envelope(envelope).message, os.urandom)

    @rule(side=sides)
    def restart(self, side):
        self.sessions[side] = Session.decode(self.sessions[side].encode())

    @invariant()
    def memory_is_bounded(self):
        for session in getattr(self, "sessions", ()):
            skipped = session.ratchet.skipped
            assert len(skipped) <= MAX_OLD_CHAINS + 1
            assert sum(len(old.keys) for old in skipped) <= MAX_SKIPPED_KEYS


Conversation.TestCase.settings = examples(30, stateful_step_count=60)
TestConversation = Conversation.TestCase
