"""Log keys: what opens the entries of a group's log, signs the next one, and leads back to the key before.

The broker never imports this module (a contract that CI checks).

Source: protocol.md §16.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from sealwire.crypto.group_log import BODY_SIZES, LogEntry
from sealwire.crypto.primitives import (
    KEY_BYTES,
    NONCE_BYTES,
    SIGNATURE_BYTES,
    Rng,
    aead_open,
    aead_seal,
    ed25519_public,
    ed25519_sign,
    hkdf,
    pad,
    unpad,
)
from sealwire.errors import RefusedError
from sealwire.ids import GroupId
from sealwire.wire.header import lp


@dataclass(frozen=True, slots=True, repr=False)
class LogKey:
    """32 bytes that open entries of one stretch of a log and give the key that signs the next one.

    Source: protocol.md §16.2.
    """

    group: GroupId
    secret: bytes

    def __repr__(self) -> str:
        return f"<LogKey {self.writer.hex()[:16]}>"

    @property
    def writer(self) -> bytes:
        """The public key by which a log names this secret."""
        return ed25519_public(self._writer_seed)

    @property
    def _writer_seed(self) -> bytes:
        return hkdf(self.secret, "group-writer", self.group, KEY_BYTES)

    def open(self, entry: LogEntry) -> bytes:
        """Return the padded-off content of an entry: body and author's signature.

        Raises:
            RefusedError: it is not sealed under this key.
            RemoteProtocolError: wrong padding.

        Source: protocol.md §16.2.
        """
        nonce, sealed = entry.sealed[:NONCE_BYTES], entry.sealed[NONCE_BYTES:]
        return unpad(aead_open(self._entry_key, nonce, sealed, entry.start))

    @property
    def _entry_key(self) -> bytes:
        return hkdf(self.secret, "group-seal", self.group, KEY_BYTES)

    def before(self, entry: LogEntry) -> LogKey | None:
        """The key that was replaced by this one in ``entry``, or None when the link is not of this key.

        Source: protocol.md §16.2.
        """
        nonce, sealed = entry.link[:NONCE_BYTES], entry.link[NONCE_BYTES:]
        try:
            secret = aead_open(self._link_key, nonce, sealed, _place(entry.group, entry.sequence))
        except RefusedError:
            return None
        return LogKey(self.group, secret)

    @property
    def _link_key(self) -> bytes:
        return hkdf(self.secret, "group-link", self.group, KEY_BYTES)

    def link(self, before: LogKey, sequence: int, rng: Rng) -> bytes:
        """Return what lets whoever has this key find the one before it.

        Source: protocol.md §16.2.
        """
        nonce = rng(NONCE_BYTES)
        return nonce + aead_seal(self._link_key, nonce, before.secret, _place(self.group, sequence))


def _place(group: GroupId, sequence: int) -> bytes:
    return group + sequence.to_bytes(4, "big")


def seal_entry(start: bytes, key: LogKey, content: bytes, keeper_seed: bytes | None, rng: Rng) -> LogEntry:
    """Put an entry together.

    Args:
        start: its outside, from :func:`start_of`.
        key: the log key that the entry before named (of the first entry: its own).
        content: body and author's signature.
        keeper_seed: 32 bytes when the keeper signs, too.

    Source: protocol.md §16.1, §16.2.
    """
    nonce = rng(NONCE_BYTES)
    size = next(size for size in BODY_SIZES if len(content) < size)
    sealed = nonce + aead_seal(key._entry_key, nonce, pad(content, size), start)
    signed = start + lp(sealed)
    signature = ed25519_sign(key._writer_seed, "group-append", signed)
    kept = bytes(SIGNATURE_BYTES) if keeper_seed is None else ed25519_sign(keeper_seed, "group-keep", signed)
    return LogEntry.decode(signed + signature + kept)
