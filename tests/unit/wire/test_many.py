"""Frames that carry many: what is gathered comes apart again as it was, in order, within its bounds."""

from __future__ import annotations

import pytest

from sealwire.errors import RemoteProtocolError
from sealwire.ids import Mailbox, Mid, RoutingId, Token
from sealwire.wire import frames, many
from sealwire.wire.frames import MAX_ENVELOPE_BYTES, MAX_FRAME_BYTES, Verb

TOKEN = Token(b"token678")
MID = Mid(b"m" * 16)
BOX = Mailbox(b"b" * 16)
ALICE, BOB = RoutingId(b"alice"), RoutingId(b"bob")
ACK = frames.encode_ack(TOKEN, 1)
ACCEPTED = frames.encode_accepted(1)


def send(seq: int, size: int = 8) -> bytes:
    return frames.encode_send(TOKEN, seq, MID, BOX, bytes(size))


def deliver(seq: int, size: int = 8) -> bytes:
    return frames.encode_deliver(seq, MID, bytes(size))


def sends_of(gathered: list[bytes]) -> list[bytes]:
    return [one for frame in gathered for one in (many.decode_send_many(frame) if frame[0] == 0x18 else [frame])]


def test_a_send_many_lies_at_the_offsets_the_broker_reads():
    frame = many.encode_send_many([send(7), send(8)])
    assert frame[0] == Verb.SEND_MANY
    assert frame[frames.AT_TOKEN : frames.AT_BODY] == TOKEN
    assert many.MANY_ITEM.unpack_from(frame, frames.AT_BODY) == (40 + 8, 7, MID, BOX)
    assert len(frame) == 9 + 2 * (2 + 40 + 8)


def test_sends_that_follow_one_another_share_a_frame_and_nothing_overtakes():
    made = [ACK, send(1), send(2), ACK, send(3), ACK, send(4), send(5), send(6)]
    gathered = many.gather_sends(made)
    assert [frame[0] for frame in gathered] == [
        Verb.ACK,
        Verb.SEND_MANY,
        Verb.ACK,
        Verb.SEND,
        Verb.ACK,
        Verb.SEND_MANY,
    ]
    assert sends_of(gathered) == made


@pytest.mark.parametrize(
    ("count", "size", "together"),
    [(1, 8, [1]), (64, 8, [64]), (65, 8, [64, 1]), (130, 8, [64, 64, 2]), (5, MAX_ENVELOPE_BYTES, [3, 2])],
)
def test_a_frame_takes_so_many_messages_and_so_many_bytes(count, size, together):
    made = [send(seq, size) for seq in range(1, count + 1)]
    gathered = many.gather_sends(made)
    assert [len(sends_of([frame])) for frame in gathered] == together
    assert max(map(len, gathered)) < MAX_FRAME_BYTES
    assert sends_of(gathered) == made


def test_delivers_to_the_same_peer_share_a_frame_and_nothing_overtakes():
    reset = frames.encode_reset(frames.Reset.SHUTDOWN)
    made = [
        (BOB, deliver(1)),
        (ALICE, deliver(1)),
        (BOB, deliver(2)),
        (ALICE, ACCEPTED),
        (BOB, deliver(3)),
        (BOB, reset),
    ]
    made += [(BOB, deliver(seq)) for seq in range(4, 70)]
    gathered = list(many.gather_delivers(made))
    assert [(rid, frame[0]) for rid, frame in gathered] == [
        (ALICE, Verb.DELIVER),
        (ALICE, Verb.ACCEPTED),
        (BOB, Verb.DELIVER_MANY),
        (BOB, Verb.RESET),
        (BOB, Verb.DELIVER_MANY),
        (BOB, Verb.DELIVER_MANY),
    ]
    for peer in (ALICE, BOB):
        apart = [one for rid, frame in gathered if rid == peer for one in many.apart(frame)]
        assert apart == [frame for rid, frame in made if rid == peer]


def test_delivers_stop_at_their_bytes():
    made = [(BOB, deliver(seq, MAX_ENVELOPE_BYTES)) for seq in range(1, 8)]
    gathered = list(many.gather_delivers(made))
    assert [len(many.apart(frame)) for _, frame in gathered] == [3, 3, 1]
    assert max(len(frame) for _, frame in gathered) < MAX_FRAME_BYTES


GOOD = {Verb.SEND_MANY: many.encode_send_many([send(1), send(2)])}
GOOD[Verb.DELIVER_MANY] = many.encode_deliver_many([deliver(1), deliver(2)])
READ = {Verb.SEND_MANY: many.decode_send_many, Verb.DELIVER_MANY: many.decode_deliver_many}
AT = {Verb.SEND_MANY: 9, Verb.DELIVER_MANY: 1}


@pytest.mark.parametrize("verb", READ)
def test_every_cut_and_every_other_length_is_refused(verb):
    good, half = GOOD[verb], AT[verb] + (len(GOOD[verb]) - AT[verb]) // 2
    for size in set(range(len(good))) - {half}:
        with pytest.raises(RemoteProtocolError):
            READ[verb](good[:size])
    assert len(READ[verb](good[:half])) == 1
    for length in (0, 1, 24, 49, 0xFFFF):
        with pytest.raises(RemoteProtocolError):
            READ[verb](good[: AT[verb]] + length.to_bytes(2, "big") + good[AT[verb] + 2 :])
    with pytest.raises(RemoteProtocolError):
        READ[verb](good + b"\0")


@pytest.mark.parametrize("verb", READ)
def test_one_message_past_the_bound_is_refused(verb):
    make = many.encode_send_many if verb is Verb.SEND_MANY else many.encode_deliver_many
    one = send if verb is Verb.SEND_MANY else deliver
    assert len(READ[verb](make([one(seq) for seq in range(1, many.MAX_MANY + 1)]))) == many.MAX_MANY
    with pytest.raises(RemoteProtocolError):
        READ[verb](make([one(seq) for seq in range(1, many.MAX_MANY + 2)]))


def test_an_envelope_past_the_bound_is_refused():
    with pytest.raises(RemoteProtocolError):
        many.decode_deliver_many(many.encode_deliver_many([deliver(1, MAX_ENVELOPE_BYTES + 1)]))
