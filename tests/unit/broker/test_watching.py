"""What --watch shows of a frame."""

from __future__ import annotations

from sealwire.broker.watching import Sight, seen_in, seen_out
from sealwire.ids import Mailbox, Mid, Token
from sealwire.wire import frames

TOKEN, MID, BOX = Token(b"t" * 8), Mid(b"m" * 16), Mailbox(b"b" * 16)
ENVELOPE = bytes(range(40))


def test_a_send_shows_its_mailbox_and_its_envelope():
    frame = frames.encode_send(TOKEN, 1, MID, BOX, ENVELOPE)
    assert seen_in(frame) == Sight("SEND", BOX, ENVELOPE)


def test_a_fanout_shows_its_envelope():
    assert seen_in(frames.encode_fanout(TOKEN, 1, MID, [BOX], ENVELOPE)) == Sight("FANOUT", b"", ENVELOPE)


def test_a_deliver_shows_the_mailbox_it_goes_to():
    assert seen_out(frames.encode_deliver(1, MID, ENVELOPE), BOX) == Sight("DELIVER", BOX, ENVELOPE)


def test_the_token_is_never_shown():
    for frame in (frames.encode_send(TOKEN, 1, MID, BOX, ENVELOPE), b"\x20" + TOKEN + b"body"):
        assert TOKEN not in seen_in(frame).content


def test_frames_that_carry_nothing_show_nothing():
    assert seen_in(b"") is None
    assert seen_in(frames.encode_ack(TOKEN, 1)) is None
    assert seen_out(frames.encode_accepted(1), BOX) is None
