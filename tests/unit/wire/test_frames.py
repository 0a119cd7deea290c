"""Hot frames: what is encoded decodes, and every other length is refused with the one documented error."""

from struct import pack

import pytest

from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.ids import Mailbox, Mid, Token
from sealwire.wire import frames
from sealwire.wire.frames import MAX_ENVELOPE_BYTES, MAX_FANOUT, Code, Reset, Verb

TOKEN = Token(b"token678")
MID = Mid(b"m" * 16)
BOX = Mailbox(b"b" * 16)
OTHER = Mailbox(b"c" * 16)
TOP = 2**64 - 1


def test_send_lies_at_the_offsets_the_broker_reads():
    frame = frames.encode_send(TOKEN, 7, MID, BOX, b"envelope")
    assert frame[0] == Verb.SEND
    assert frame[frames.AT_TOKEN : frames.AT_BODY] == TOKEN
    assert frame[frames.AT_BODY : frames.AT_SEND_MID] == pack(">Q", 7)
    assert frame[frames.AT_SEND_MID : frames.AT_SEND_TO] == MID
    assert frame[frames.AT_SEND_TO : frames.AT_SEND_ENVELOPE] == BOX
    assert frame[frames.AT_SEND_ENVELOPE :] == b"envelope"


def test_deliver_lies_at_the_offsets_the_peer_reads():
    frame = frames.encode_deliver(9, MID, b"envelope")
    assert frame[0] == Verb.DELIVER
    assert frame[1 : frames.AT_DELIVER_MID] == pack(">Q", 9)
    assert frame[frames.AT_DELIVER_MID : frames.AT_DELIVER_ENVELOPE] == MID


@pytest.mark.parametrize("number", [0, 1, TOP])
def test_numbers_round_trip(number):
    for encode in (frames.encode_accepted, frames.encode_broker_ping, frames.encode_broker_pong):
        assert frames.decode_u64(encode(number)) == number
    for encode in (frames.encode_ack, frames.encode_ping, frames.encode_pong):
        assert frames.decode_peer_u64(encode(TOKEN, number)) == number


@pytest.mark.parametrize("envelope", [b"e", bytes(MAX_ENVELOPE_BYTES)], ids=["shortest", "longest"])
def test_deliver_round_trips(envelope):
    assert frames.decode_deliver(frames.encode_deliver(3, MID, envelope)) == (3, MID, envelope)


def test_release_round_trips():
    assert frames.decode_release(frames.encode_release(TOKEN, BOX)) == BOX


@pytest.mark.parametrize("code", list(Code))
def test_reject_round_trips_every_code(code):
    assert frames.decode_reject(frames.encode_reject(TOP, code, 2**32 - 1)) == (TOP, code, 2**32 - 1)


@pytest.mark.parametrize("reason", list(Reset))
def test_reset_round_trips_every_reason(reason):
    assert frames.decode_reset(frames.encode_reset(reason, 5_000)) == (reason, 5_000)


@pytest.mark.parametrize("rows", [[], [(0, Code.QUOTA)], [(n, Code.UNKNOWN) for n in range(MAX_FANOUT)]])
def test_partial_round_trips(rows):
    assert frames.decode_partial(frames.encode_partial(4, rows, 250)) == (4, 250, rows)


def test_fanout_round_trips():
    frame = frames.encode_fanout(TOKEN, 1, MID, [BOX, OTHER], b"envelope")
    targets, at = frames.decode_fanout_targets(frame)
    assert (targets, frame[at:]) == ([BOX, OTHER], b"envelope")


@pytest.mark.parametrize("count", [0, MAX_FANOUT + 1])
def test_a_fanout_to_nobody_or_too_many_is_never_made(count):
    with pytest.raises(LocalProtocolError):
        frames.encode_fanout(TOKEN, 1, MID, [Mailbox(n.to_bytes(16, "big")) for n in range(count)], b"e")


def test_goodbye_and_ephemerals_carry_nothing_but_their_own():
    assert frames.encode_bye(TOKEN) == b"\x42" + TOKEN
    assert frames.encode_ephemeral(TOKEN, BOX, b"typing") == b"\x30" + TOKEN + BOX + b"typing"
    assert frames.encode_broker_ephemeral(b"typing") == b"\x30typing"


FIXED = {
    "number": (frames.decode_u64, frames.encode_accepted(1)),
    "peer's number": (frames.decode_peer_u64, frames.encode_ack(TOKEN, 1)),
    "release": (frames.decode_release, frames.encode_release(TOKEN, BOX)),
    "reject": (frames.decode_reject, frames.encode_reject(1, Code.QUOTA)),
    "partial": (frames.decode_partial, frames.encode_partial(1, [(0, Code.QUOTA), (2, Code.BUSY)])),
    "reset": (frames.decode_reset, frames.encode_reset(Reset.GONE)),
}


@pytest.mark.parametrize("kind", FIXED)
def test_every_truncation_and_every_trailing_byte_is_refused(kind):
    decode, frame = FIXED[kind]
    decode(frame)
    for wrong in (*(frame[:end] for end in range(len(frame))), frame + b"\x00", frame * 2):
        with pytest.raises(RemoteProtocolError):
            decode(wrong)


@pytest.mark.parametrize("size", [0, 1, frames.AT_DELIVER_ENVELOPE])
def test_a_deliver_without_an_envelope_is_refused(size):
    with pytest.raises(RemoteProtocolError):
        frames.decode_deliver(frames.encode_deliver(1, MID, b"e")[:size])


def test_a_deliver_past_the_largest_envelope_is_refused():
    with pytest.raises(RemoteProtocolError):
        frames.decode_deliver(frames.encode_deliver(1, MID, bytes(MAX_ENVELOPE_BYTES + 1)))


def fanout_head(count: int, targets: bytes) -> bytes:
    return frames.encode_fanout(TOKEN, 1, MID, [BOX], b"")[: frames.AT_FANOUT_COUNT] + pack(">H", count) + targets


MISFITS = [
    fanout_head(0, b"envelope"),
    fanout_head(1, BOX),  # no envelope
    fanout_head(2, BOX + b"envelope"),  # a target short
    fanout_head(2, BOX + BOX + b"envelope"),  # one of them twice
    fanout_head(MAX_FANOUT + 1, b"".join(n.to_bytes(16, "big") for n in range(MAX_FANOUT + 1)) + b"e"),
    fanout_head(0xFFFF, b"e"),
    *(fanout_head(2, BOX + OTHER)[:end] for end in range(frames.AT_FANOUT_TO + 33)),
]


@pytest.mark.parametrize("frame", MISFITS, ids=range(len(MISFITS)))
def test_a_fanout_whose_count_does_not_fit_is_refused(frame):
    with pytest.raises(RemoteProtocolError):
        frames.decode_fanout_targets(frame)


def test_codes_and_reasons_from_elsewhere_are_refused():
    with pytest.raises(RemoteProtocolError):
        frames.decode_reject(pack(">BQBI", Verb.REJECT, 1, 99, 0))
    with pytest.raises(RemoteProtocolError):
        frames.decode_reset(pack(">BBI", Verb.RESET, 99, 0))
    with pytest.raises(RemoteProtocolError):
        frames.decode_partial(pack(">BQIHHB", Verb.PARTIAL, 1, 0, 1, 0, 99))


def test_every_verb_is_one_byte_of_its_own():
    assert len({int(verb) for verb in Verb}) == len(Verb)
    assert all(0 < verb < 0x80 for verb in Verb)
