"""Sender keys: order, gaps, late ones, second ones, bounds, and every byte."""

import dataclasses
import os

import pytest
from msgspec.structs import replace

from sealwire.crypto import sender_keys
from sealwire.crypto.ratchet import OVERHEAD_BYTES as PAIRWISE_OVERHEAD
from sealwire.crypto.sender_keys import (
    MAX_ITERATION,
    MAX_SKIPPED,
    OVERHEAD_BYTES,
    Place,
    ReceiverKey,
    RepeatedError,
    SenderKey,
)
from sealwire.crypto.session import BUCKETS
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError
from sealwire.ids import GroupId
from sealwire.wire.header import TAG_BYTES

PLACE = Place(GroupId(b"g" * 16), 3, b"h" * 32, b"c" * 32)


def fresh(place: Place = PLACE) -> tuple[SenderKey, ReceiverKey]:
    sender = SenderKey.generate(place, os.urandom)
    return sender, given(sender)


def given(sender: SenderKey) -> ReceiverKey:
    """What a device is told that joins now."""
    return ReceiverKey(sender.place, sender.chain_key, sender.iteration, sender.verify_key)


def say(sender: SenderKey, *texts: bytes) -> tuple[SenderKey, list[bytes]]:
    envelopes = []
    for text in texts:
        sender, envelope = sender.encrypt(text, os.urandom)
        envelopes.append(envelope)
    return sender, envelopes


def test_messages_are_read_in_order():
    sender, receiver = fresh()
    _, envelopes = say(sender, b"one", b"two", b"")
    for number, text in enumerate((b"one", b"two", b"")):
        receiver, plaintext, iteration = receiver.decrypt(envelopes[number])
        assert (plaintext, iteration) == (text, number)


def test_an_envelope_is_as_long_as_one_between_two_devices():
    sender, _ = fresh()
    assert OVERHEAD_BYTES == TAG_BYTES + PAIRWISE_OVERHEAD
    for size in (0, 255, 256, 1000, BUCKETS[-1] - 1):
        _, envelope = sender.encrypt(bytes(size), os.urandom)
        assert len(envelope) - OVERHEAD_BYTES in BUCKETS


def test_late_messages_are_read_once():
    sender, receiver = fresh()
    _, envelopes = say(sender, *(b"%d" % number for number in range(5)))
    receiver, _, _ = receiver.decrypt(envelopes[4])
    for number in (2, 0, 3, 1):
        receiver, plaintext, _ = receiver.decrypt(envelopes[number])
        assert plaintext == b"%d" % number
        with pytest.raises(RepeatedError):
            receiver.decrypt(envelopes[number])
    assert receiver.skipped == ()


def test_whoever_joins_later_reads_only_what_is_said_from_then_on():
    sender, _ = fresh()
    sender, before = say(sender, b"before")
    newcomer = given(sender)
    _, after = say(sender, b"after")
    with pytest.raises(RepeatedError):
        newcomer.decrypt(before[0])
    assert newcomer.decrypt(after[0])[1] == b"after"


def test_every_byte_of_a_message_matters():
    sender, receiver = fresh()
    _, (envelope,) = say(sender, b"hello")
    for at in range(len(envelope)):
        broken = bytearray(envelope)
        broken[at] ^= 1
        with pytest.raises(RefusedError):
            receiver.decrypt(bytes(broken))
    for cut in (0, 1, 79, len(envelope) - 1):
        with pytest.raises(RefusedError):
            receiver.decrypt(envelope[:cut])


@pytest.mark.parametrize("field", ["group", "epoch", "head", "card_hash"])
def test_a_message_is_good_in_its_own_place_only(field):
    sender, _ = fresh()
    _, (envelope,) = say(sender, b"hello")
    other = replace(PLACE, **{field: 4 if field == "epoch" else bytes(len(getattr(PLACE, field)))})
    with pytest.raises(RefusedError):
        given(dataclasses.replace(sender, place=other)).decrypt(envelope)


def test_another_members_copy_of_the_chain_speaks_for_nobody():
    """Whoever listens knows the chain key; only the device itself can sign."""
    sender, receiver = fresh()
    forger = dataclasses.replace(sender, signing_key=os.urandom(32) + sender.verify_key)
    _, (envelope,) = say(forger, b"not me")
    with pytest.raises(RefusedError):
        receiver.decrypt(envelope)
    with pytest.raises(RefusedError):
        receiver.decrypt(sender.tag + envelope[TAG_BYTES:])


def test_a_large_jump_costs_a_bounded_number_of_steps(monkeypatch):
    sender, receiver = fresh()
    far = dataclasses.replace(sender, iteration=MAX_ITERATION)
    steps = []
    real = sender_keys._step
    monkeypatch.setattr(sender_keys, "_step", lambda key: steps.append(1) or real(key))
    _, (envelope,) = say(far, b"far")
    steps.clear()
    with pytest.raises(RefusedError):
        receiver.decrypt(envelope)  # its chain key is another; the cost is what counts
    assert len(steps) <= MAX_ITERATION + 1
    steps.clear()
    beyond = bytearray(envelope)
    beyond[16:20] = (2**32 - 1).to_bytes(4, "big")
    with pytest.raises(RefusedError):
        receiver.decrypt(bytes(beyond))
    assert not steps, "nothing is computed before the signature is checked"


def test_a_signed_iteration_past_the_last_is_refused_before_computing(monkeypatch):
    sender, receiver = fresh()
    monkeypatch.setattr(sender_keys, "MAX_ITERATION", 5_000)
    _, (envelope,) = say(dataclasses.replace(sender, iteration=4_000), b"far")
    monkeypatch.undo()
    monkeypatch.setattr(sender_keys, "_step", None)
    with pytest.raises(RefusedError):
        receiver.decrypt(envelope)


def test_a_key_is_used_up_at_its_last_iteration():
    sender, _ = fresh()
    last, _ = dataclasses.replace(sender, iteration=MAX_ITERATION).encrypt(b"last", os.urandom)
    with pytest.raises(LocalProtocolError):
        last.encrypt(b"one more", os.urandom)


def test_kept_keys_are_bounded_and_the_oldest_go():
    sender, receiver = fresh()
    sender, envelopes = say(sender, *(b"%d" % number for number in range(MAX_SKIPPED + 3)))
    receiver, _, _ = receiver.decrypt(envelopes[-1])
    assert len(receiver.skipped) == MAX_SKIPPED
    with pytest.raises(RepeatedError):
        receiver.decrypt(envelopes[1])
    assert receiver.decrypt(envelopes[2])[1] == b"2"


def test_two_messages_of_one_iteration_share_no_key():
    """A restored copy says something else in the same place: the salt keeps key and nonce apart."""
    sender, _ = fresh()
    one, other = (sender.encrypt(b"x" * 200, os.urandom)[1] for _ in range(2))
    assert one[64:-64] != other[64:-64]
    assert one[32:64] != other[32:64]


def test_states_are_kept_and_read_back():
    sender, receiver = fresh()
    sender, envelopes = say(sender, b"one", b"two", b"three")
    receiver = dataclasses.replace(receiver.decrypt(envelopes[2])[0], previous=b"p" * 32)
    assert SenderKey.decode(sender.encode()) == sender
    assert ReceiverKey.decode(receiver.encode()) == receiver
    assert ReceiverKey.decode(given(sender).encode()).previous == b""
    for wrong in (b"", receiver.encode()[:-1], sender.encode() + b"\0\0"):
        with pytest.raises(RemoteProtocolError):
            ReceiverKey.decode(wrong)
    with pytest.raises(RemoteProtocolError):
        SenderKey.decode(b"\1" * 9)


def test_no_secret_is_shown():
    sender, receiver = fresh()
    for shown in (repr(sender), repr(receiver)):
        assert sender.chain_key.hex() not in shown
        assert sender.signing_key.hex() not in shown
        assert "chain_key" not in shown
