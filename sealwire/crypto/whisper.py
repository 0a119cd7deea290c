"""A few bytes beside a session, for what need not last: sealed like its headers, without moving its ratchet.

The key is derived from the header key of the sender's current chain, which the recipient has already or will have with
the sender's next message. So it changes with every turn of the ratchet, and losing a whisper loses nothing.

Source: protocol.md §11.4.
"""

from __future__ import annotations

from typing import Final

from sealwire.crypto.primitives import (
    AUTHENTICATOR_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    L,
    Rng,
    aead_open,
    aead_seal,
    hkdf,
)
from sealwire.crypto.session import Session
from sealwire.errors import LocalProtocolError, RefusedError
from sealwire.wire.header import TAG_BYTES

CONTENT_BYTES: Final = 32
"""Always: the length says nothing."""
WHISPER_BYTES: Final = TAG_BYTES + NONCE_BYTES + CONTENT_BYTES + AUTHENTICATOR_BYTES

_CONTENT_AT: Final = TAG_BYTES + NONCE_BYTES
_FROM_OPENER: Final = b"\x00"
_TO_OPENER: Final = b"\x01"


def can_whisper(session: Session) -> bool:
    """Whether the other side surely has this session and something to open a whisper with."""
    return session.hs is None and session.ratchet.sending is not None


def seal_whisper(session: Session, content: bytes, rng: Rng) -> bytes:
    """Return 88 bytes that only the other end of the session reads.

    Args:
        content: 32 bytes.

    Raises:
        LocalProtocolError: another length, or :func:`can_whisper` says no.

    Source: protocol.md §11.4.
    """
    sending = session.ratchet.sending
    if len(content) != CONTENT_BYTES or sending is None or session.hs is not None:
        raise LocalProtocolError("a whisper that cannot be heard")
    direction = _FROM_OPENER if session.opener else _TO_OPENER
    nonce = rng(NONCE_BYTES)
    key = _key(sending.header_key, session.T, direction)
    return session.tag_out + nonce + aead_seal(key, nonce, content, _ad(session.T, direction, session.tag_out))


def open_whisper(session: Session, whisper: bytes) -> bytes:
    """Return the 32 bytes of a whisper of the other end.

    Raises:
        RefusedError: it is none of this session, this direction and its current or next chain.

    Source: protocol.md §11.4.
    """
    if len(whisper) != WHISPER_BYTES or whisper[:TAG_BYTES] != session.tag_in:
        raise RefusedError
    direction = _TO_OPENER if session.opener else _FROM_OPENER
    nonce, sealed = whisper[TAG_BYTES:_CONTENT_AT], whisper[_CONTENT_AT:]
    receiving = session.ratchet.receiving
    for header_key in (receiving.header_key if receiving else None, session.ratchet.roots.next_receive):
        if header_key is None:
            continue
        try:
            return aead_open(
                _key(header_key, session.T, direction), nonce, sealed, _ad(session.T, direction, session.tag_in)
            )
        except RefusedError:
            continue
    raise RefusedError


def _key(header_key: bytes, transcript: bytes, direction: bytes) -> bytes:
    return hkdf(header_key, "whisper", transcript + direction, KEY_BYTES)


def _ad(transcript: bytes, direction: bytes, tag: bytes) -> bytes:
    return L("whispered", transcript + direction + tag)
