"""SEND_MANY and DELIVER_MANY: what waits for the same way, in one frame.

They say nothing that their SENDs and DELIVERs would not say one after the other, and nobody waits for company: only
what is ready at the same moment shares a frame, and with it one encryption and one hand-over.

    verb(1) [token(8)] (length(2) rest(length)) × n     rest: what follows the verb, or the token, of the one frame

Source: protocol.md §3.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import Final

from sealwire.errors import RemoteProtocolError
from sealwire.ids import RoutingId, Token
from sealwire.wire.frames import AT_BODY, AT_SEND_ENVELOPE, MAX_ENVELOPE_BYTES, Verb

MAX_MANY: Final = 64
"""Messages in one frame: without it a single frame of empty words is a turn of thousands."""
MAX_MANY_BYTES: Final = 64 * 1024
"""Where one who gathers stops: with the largest message on top it is still below MAX_FRAME_BYTES."""
MANY_ITEM: Final = Struct(">HQ16s16s")
"""Head of one message of a SEND_MANY: length, seq, mid, to."""
MANY_ITEM_REST: Final = MANY_ITEM.size - 2
"""The part of that head which the length counts."""

_LENGTH = Struct(">H")
_length = _LENGTH.pack
_SEND: Final = int(Verb.SEND)
_DELIVER: Final = int(Verb.DELIVER)
_DELIVER_MANY: Final = bytes((Verb.DELIVER_MANY,))
_DELIVER_HEAD: Final = 1 + 8 + 16


def gather_sends(frames: Sequence[bytes]) -> list[bytes]:
    """Return a peer's frames with SENDs that follow one another put into SEND_MANYs.

    Source: protocol.md §3.3.
    """
    gathered: list[bytes] = []
    run: list[bytes] = []
    room = 0
    for frame in frames:
        if frame[0] == _SEND and room >= len(frame) and len(run) < MAX_MANY:
            run.append(frame)
            room -= len(frame)
            continue
        _close(run, gathered)
        if frame[0] == _SEND:
            run, room = [frame], MAX_MANY_BYTES - len(frame)
        else:
            run, room = [], 0
            gathered.append(frame)
    _close(run, gathered)
    return gathered


def _close(run: list[bytes], gathered: list[bytes]) -> None:
    if len(run) > 1:
        gathered.append(encode_send_many(run))
    else:
        gathered += run


def encode_send_many(sends: Sequence[bytes]) -> bytes:
    """Encode SENDs of one link session as one SEND_MANY. Source: protocol.md §3.3."""
    parts = [bytes((Verb.SEND_MANY,)), sends[0][1:AT_BODY]]
    for frame in sends:
        parts += (_length(len(frame) - AT_BODY), frame[AT_BODY:])
    return b"".join(parts)


def gather_delivers(sends: Iterable[tuple[RoutingId, bytes]]) -> Iterator[tuple[RoutingId, bytes]]:
    """Yield the broker's frames with DELIVERs to the same peer put into DELIVER_MANYs.

    What goes to one peer keeps its order; what goes to different peers has none.

    Source: protocol.md §3.3.
    """
    runs: dict[RoutingId, list[bytes]] = {}
    rooms: dict[RoutingId, int] = {}
    for rid, frame in sends:
        run = runs.get(rid)
        if frame[0] == _DELIVER:
            size = len(frame)
            if run is not None:
                room = rooms[rid]
                if room >= size and len(run) < MAX_MANY:
                    run.append(frame)
                    rooms[rid] = room - size
                    continue
                yield rid, _together(run)
            runs[rid] = [frame]
            rooms[rid] = MAX_MANY_BYTES - size
        else:
            if run is not None:
                yield rid, _together(run)
                del runs[rid]
            yield rid, frame
    for rid, run in runs.items():
        yield rid, _together(run)


def _together(run: list[bytes]) -> bytes:
    return run[0] if len(run) == 1 else encode_deliver_many(run)


def encode_deliver_many(delivers: Sequence[bytes]) -> bytes:
    """Encode DELIVERs as one DELIVER_MANY. Source: protocol.md §3.3."""
    parts = [_DELIVER_MANY]
    for frame in delivers:
        parts += (_length(len(frame) - 1), frame[1:])
    return b"".join(parts)


def decode_send_many(frame: bytes) -> list[bytes]:
    """Return the SENDs of a SEND_MANY, as they would have come one by one.

    Raises:
        RemoteProtocolError: no message, too many, or lengths that do not fit.

    Source: protocol.md §3.3.
    """
    head = bytes((Verb.SEND,)) + Token(frame[1:AT_BODY])
    return [head + rest for rest in _rests(frame, AT_BODY, AT_SEND_ENVELOPE - AT_BODY)]


def decode_deliver_many(frame: bytes) -> list[bytes]:
    """Return the DELIVERs of a DELIVER_MANY, as they would have come one by one.

    Raises:
        RemoteProtocolError: no message, too many, or lengths that do not fit.

    Source: protocol.md §3.3.
    """
    head = bytes((Verb.DELIVER,))
    return [head + rest for rest in _rests(frame, 1, _DELIVER_HEAD - 1)]


def apart(frame: bytes) -> list[bytes]:
    """Return the DELIVERs that came together in a frame, or the frame itself.

    Raises:
        RemoteProtocolError: a DELIVER_MANY that cannot be read.
    """
    return decode_deliver_many(frame) if frame and frame[0] == Verb.DELIVER_MANY else [frame]


def _rests(frame: bytes, at: int, least: int) -> list[bytes]:
    """What the lengths from ``at`` on cut the frame into; each has ``least`` bytes and an envelope after them."""
    rests: list[bytes] = []
    while at < len(frame) or not rests:
        start = at + _LENGTH.size
        length = int.from_bytes(frame[at:start], "big")
        at = start + length
        fits = least < length <= least + MAX_ENVELOPE_BYTES
        if not fits or at > len(frame) or len(rests) == MAX_MANY:
            raise RemoteProtocolError("many messages in a frame they do not fit")
        rests.append(frame[start:at])
    return rests
