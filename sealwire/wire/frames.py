"""Frames between peer and broker: exactly one ZeroMQ message part each, big-endian; the hot ones.

Peer to broker is ``verb(1) token(8) body``, broker to peer ``verb(1) body``. Hot verbs are fixed binary and may be
read in place by offset; control verbs (msgpack) live in ``wire.control``.
Every decoder here raises only :class:`RemoteProtocolError`, whatever the bytes.

Source: protocol.md §3.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final

from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.ids import MAILBOX_BYTES, MID_BYTES, TOKEN_BYTES, Mailbox, Mid, Token

PROTOCOL_VERSION: Final = 1

MAX_FRAME_BYTES: Final = 96 * 1024
"""ZMQ_MAXMSGSIZE on both sides: without it a stranger announces a 2^60-byte frame before logging in."""
MAX_ENVELOPE_BYTES: Final = 20 * 1024
"""One message: a padded 16 KiB plaintext with a handshake in front. Without it one send fills a window."""
MAX_FANOUT: Final = 1000
"""Targets of one FANOUT: bounds the work a single frame can cause."""
MAX_CONTROL_BYTES: Final = 16 * 1024
"""Control frames (HELLO, LOGIN, REQUEST …): bounds what the msgpack decoder may allocate."""
MAX_EPHEMERAL_BYTES: Final = 1024
"""Typing and the like; anything larger belongs into a message."""
MAX_OPEN_REQUESTS: Final = 16
"""REQUESTs of one link session under way at once; more would let one peer occupy the writer."""
MAX_ONE_TIME_PREKEYS: Final = 100
"""One-time prekeys in one upload, and the most a device keeps at the broker."""


class Verb(IntEnum):
    """First byte of every frame."""

    HELLO = 0x01
    CHALLENGE = 0x02
    LOGIN = 0x03
    WELCOME = 0x04
    SEND = 0x10
    FANOUT = 0x11
    RELEASE = 0x12
    ACK = 0x13
    ACCEPTED = 0x14
    REJECT = 0x15
    PARTIAL = 0x16
    DELIVER = 0x17
    SEND_MANY = 0x18
    DELIVER_MANY = 0x19
    REQUEST = 0x20
    RESPONSE = 0x21
    EPHEMERAL = 0x30
    PING = 0x40
    PONG = 0x41
    BYE = 0x42
    RESET = 0x43


class Code(IntEnum):
    """Why something was refused: REJECT, PARTIAL and RESPONSE carry it."""

    OK = 0
    LOGIN = 1  # the login did not convince (one code for every cause)
    TAKEN = 2  # the name belongs to another account key
    STORAGE = 3  # the disk is full
    RATE = 4  # too much at once
    SIZE = 5  # the envelope is too large
    UNKNOWN = 6  # no such mailbox, or nobody of that name
    HELD = 7  # follows an earlier refusal for the same mailbox; ended by RELEASE
    QUOTA = 8  # the mailbox is full
    BUSY = 9  # the broker holds too much that is not stored yet
    SHARE = 10  # this sender's share of the mailbox is used up
    VERSION = 11  # no protocol version in common
    INVALID = 12  # the request's content does not hold together
    STALE = 13  # a group's log has moved on


class Reset(IntEnum):
    """Why the broker ended a link session."""

    PROTOCOL = 1
    SUPERSEDED = 2
    BANNED = 3
    DELETED = 4
    VERSION = 5
    GONE = 6
    STALLED = 7
    SILENT = 8
    KICKED = 9
    SHUTDOWN = 10


NO_TOKEN: Final = Token(bytes(TOKEN_BYTES))
"""HELLO comes before a token exists."""

# Offsets of the peer-to-broker hot verbs, for the broker's in-place reads.
AT_TOKEN: Final = 1
AT_BODY: Final = 1 + TOKEN_BYTES  # 9
AT_SEND_MID: Final = AT_BODY + 8  # 17
AT_SEND_TO: Final = AT_SEND_MID + MID_BYTES  # 33
AT_SEND_ENVELOPE: Final = AT_SEND_TO + MAILBOX_BYTES  # 49
AT_FANOUT_COUNT: Final = AT_SEND_TO  # 33
AT_FANOUT_TO: Final = AT_FANOUT_COUNT + 2  # 35
AT_DELIVER_MID: Final = 1 + 8  # 9
AT_DELIVER_ENVELOPE: Final = AT_DELIVER_MID + MID_BYTES  # 25

_U64 = Struct(">Q")
_SEND = Struct(">B8sQ16s16s")
_FANOUT = Struct(">B8sQ16sH")
_TOKEN_U64 = Struct(">B8sQ")
_RELEASE = Struct(">B8s16s")
_VERB_U64 = Struct(">BQ")
_TARGET = Struct(">16s")
_REJECT = Struct(">BQBI")
_PARTIAL = Struct(">BQIH")
_PARTIAL_ROW = Struct(">HB")
_DELIVER = Struct(">BQ16s")
_RESET = Struct(">BBI")


def encode_send(token: Token, seq: int, mid: Mid, to: Mailbox, envelope: bytes) -> bytes:
    """Encode SEND. Source: protocol.md §3.3."""
    return _SEND.pack(Verb.SEND, token, seq, mid, to) + envelope


def encode_fanout(token: Token, seq: int, mid: Mid, to: list[Mailbox], envelope: bytes) -> bytes:
    """Encode FANOUT. Raises LocalProtocolError past MAX_FANOUT targets. Source: protocol.md §3.3."""
    if not 0 < len(to) <= MAX_FANOUT:
        raise LocalProtocolError("FANOUT takes 1 to 1,000 mailboxes")
    return _FANOUT.pack(Verb.FANOUT, token, seq, mid, len(to)) + b"".join(to) + envelope


def encode_ack(token: Token, seq: int) -> bytes:
    """Encode ACK: every DELIVER up to ``seq`` is stored by the device. Source: protocol.md §3.3."""
    return _TOKEN_U64.pack(Verb.ACK, token, seq)


def encode_release(token: Token, to: Mailbox) -> bytes:
    """Encode RELEASE. Source: protocol.md §3.3."""
    return _RELEASE.pack(Verb.RELEASE, token, to)


def encode_ephemeral(token: Token, to: Mailbox, body: bytes) -> bytes:
    """Encode EPHEMERAL towards the broker. Source: protocol.md §3.3."""
    return _RELEASE.pack(Verb.EPHEMERAL, token, to) + body


def encode_ping(token: Token, n: int) -> bytes:
    """Encode a peer's PING. Source: protocol.md §3.3."""
    return _TOKEN_U64.pack(Verb.PING, token, n)


def encode_pong(token: Token, n: int) -> bytes:
    """Encode a peer's PONG. Source: protocol.md §3.3."""
    return _TOKEN_U64.pack(Verb.PONG, token, n)


def encode_bye(token: Token) -> bytes:
    """Encode BYE: the peer leaves. Source: protocol.md §3.3."""
    return bytes((Verb.BYE,)) + token


def encode_deliver(seq: int, mid: Mid, envelope: bytes) -> bytes:
    """Encode DELIVER. Source: protocol.md §3.3."""
    return _DELIVER.pack(Verb.DELIVER, seq, mid) + envelope


def encode_accepted(seq: int) -> bytes:
    """Encode ACCEPTED, cumulative. Source: protocol.md §3.3."""
    return _VERB_U64.pack(Verb.ACCEPTED, seq)


def encode_reject(seq: int, code: Code, retry_after_ms: int = 0) -> bytes:
    """Encode REJECT. Source: protocol.md §3.3."""
    return _REJECT.pack(Verb.REJECT, seq, code, retry_after_ms)


def encode_partial(seq: int, refused: list[tuple[int, Code]], retry_after_ms: int = 0) -> bytes:
    """Encode PARTIAL: the listed targets (by index) of a FANOUT were refused. Source: protocol.md §3.3."""
    head = _PARTIAL.pack(Verb.PARTIAL, seq, retry_after_ms, len(refused))
    return head + b"".join(_PARTIAL_ROW.pack(index, code) for index, code in refused)


def encode_broker_ping(n: int) -> bytes:
    """Encode the broker's PING. Source: protocol.md §3.3."""
    return _VERB_U64.pack(Verb.PING, n)


def encode_broker_pong(n: int) -> bytes:
    """Encode the broker's PONG. Source: protocol.md §3.3."""
    return _VERB_U64.pack(Verb.PONG, n)


def encode_broker_ephemeral(body: bytes) -> bytes:
    """Encode EPHEMERAL towards a peer. Source: protocol.md §3.3."""
    return bytes((Verb.EPHEMERAL,)) + body


def encode_reset(reason: Reset, jitter_ms: int = 0) -> bytes:
    """Encode RESET. Source: protocol.md §3.3."""
    return _RESET.pack(Verb.RESET, reason, jitter_ms)


def decode_deliver(frame: bytes) -> tuple[int, Mid, bytes]:
    """Return (seq, mid, envelope) of a DELIVER. Raises RemoteProtocolError. Source: protocol.md §3.3."""
    if not AT_DELIVER_ENVELOPE < len(frame) <= AT_DELIVER_ENVELOPE + MAX_ENVELOPE_BYTES:
        raise RemoteProtocolError("DELIVER of impossible length")
    _, seq, mid = _DELIVER.unpack_from(frame)
    return seq, Mid(mid), frame[AT_DELIVER_ENVELOPE:]


def decode_u64(frame: bytes) -> int:
    """Return the number of an ACCEPTED, or of the broker's PING or PONG.

    Raises:
        RemoteProtocolError: another length.

    Source: protocol.md §3.3.
    """
    if len(frame) != _VERB_U64.size:
        raise RemoteProtocolError("frame of wrong length")
    number: int = _U64.unpack_from(frame, 1)[0]
    return number


def decode_peer_u64(frame: bytes) -> int:
    """Return the number of a peer's ACK, PING or PONG. Raises RemoteProtocolError. Source: protocol.md §3.3."""
    if len(frame) != _TOKEN_U64.size:
        raise RemoteProtocolError("frame of wrong length")
    number: int = _U64.unpack_from(frame, AT_BODY)[0]
    return number


def decode_release(frame: bytes) -> Mailbox:
    """Return the mailbox of a RELEASE. Raises RemoteProtocolError. Source: protocol.md §3.3."""
    if len(frame) != _RELEASE.size:
        raise RemoteProtocolError("RELEASE of wrong length")
    return Mailbox(frame[AT_BODY:])


def decode_fanout_targets(frame: bytes) -> tuple[list[Mailbox], int]:
    """Return (targets, offset of the envelope) of a FANOUT.

    Raises:
        RemoteProtocolError: no target, too many, the same one twice, or no envelope.

    Source: protocol.md §3.3.
    """
    if len(frame) <= AT_FANOUT_TO:
        raise RemoteProtocolError("FANOUT of wrong length")
    n = int.from_bytes(frame[AT_FANOUT_COUNT:AT_FANOUT_TO], "big")
    end = AT_FANOUT_TO + n * MAILBOX_BYTES
    if not 0 < n <= MAX_FANOUT or len(frame) <= end:
        raise RemoteProtocolError("FANOUT of wrong length")
    to: list[Mailbox] = [mailbox for (mailbox,) in _TARGET.iter_unpack(frame[AT_FANOUT_TO:end])]
    if len(set(to)) != n:
        raise RemoteProtocolError("FANOUT names a mailbox twice")
    return to, end


def decode_reject(frame: bytes) -> tuple[int, Code, int]:
    """Return (seq, code, retry-after in ms) of a REJECT. Raises RemoteProtocolError. Source: protocol.md §3.3."""
    if len(frame) != _REJECT.size:
        raise RemoteProtocolError("REJECT of wrong length")
    _, seq, code, retry_after_ms = _REJECT.unpack(frame)
    return seq, _code(code), retry_after_ms


def decode_partial(frame: bytes) -> tuple[int, int, list[tuple[int, Code]]]:
    """Return (seq, retry-after in ms, refused targets) of a PARTIAL.

    Raises:
        RemoteProtocolError: a length that does not fit the count.

    Source: protocol.md §3.3.
    """
    if len(frame) < _PARTIAL.size:
        raise RemoteProtocolError("PARTIAL of wrong length")
    _, seq, retry_after_ms, k = _PARTIAL.unpack_from(frame)
    if len(frame) != _PARTIAL.size + k * _PARTIAL_ROW.size or k > MAX_FANOUT:
        raise RemoteProtocolError("PARTIAL of wrong length")
    rows = [(index, _code(code)) for index, code in _PARTIAL_ROW.iter_unpack(frame[_PARTIAL.size :])]
    return seq, retry_after_ms, rows


def decode_reset(frame: bytes) -> tuple[Reset, int]:
    """Return (reason, jitter hint in ms) of a RESET. Raises RemoteProtocolError. Source: protocol.md §3.3."""
    if len(frame) != _RESET.size:
        raise RemoteProtocolError("RESET of wrong length")
    _, reason, jitter_ms = _RESET.unpack(frame)
    try:
        return Reset(reason), jitter_ms
    except ValueError as error:
        raise RemoteProtocolError("RESET with an unknown reason") from error


def _code(value: int) -> Code:
    try:
        return Code(value)
    except ValueError as error:
        raise RemoteProtocolError("unknown refusal code") from error
