"""The Double Ratchet with header encryption, on its own and pure.

A state never changes: ``encrypt`` and ``decrypt`` return the next one, and the caller keeps the old one when they
raise. So a message that fails any check leaves nothing behind.

Source: Signal, The Double Ratchet Algorithm, revision 3, §4.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from sealwire.crypto.primitives import (
    AUTHENTICATOR_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    Rng,
    aead_open,
    aead_seal,
    equal,
    hkdf,
    hkdf_expand,
    hmac_sha256,
    sha256,
    x25519,
    x25519_public,
)
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError
from sealwire.wire.header import Reader

MAX_SKIP = 25_000
"""Numbers one message may jump over in a chain. More would let a peer burn our processor (25,000 take under 0.1 s);
less would make a chain unreadable for ever when a full mailbox (20,000 messages) expires."""

MAX_SKIPPED_KEYS = 2_000
"""Keys kept for messages still under way; without it a peer that skips on purpose fills memory and disk."""

MAX_OLD_CHAINS = 5
"""Chains with such keys kept beside the current one; every one costs a trial decryption for an unknown header."""

_HEADER = struct.Struct(">32sII")
_COUNT = struct.Struct(">I")
_SKIPPED_KEY = struct.Struct(">I32s")
_SEALED_HEADER_BYTES = NONCE_BYTES + _HEADER.size + AUTHENTICATOR_BYTES
_BODY_AT = _SEALED_HEADER_BYTES + KEY_BYTES
OVERHEAD_BYTES = _BODY_AT + AUTHENTICATOR_BYTES
"""What a message adds to its padded plaintext: 128 bytes."""

_MESSAGE_INFO = b"sealwire/v1/msg"
_MESSAGE_BYTES = KEY_BYTES + NONCE_BYTES + KEY_BYTES
_COM_AT = KEY_BYTES + NONCE_BYTES


@dataclass(frozen=True, slots=True, repr=False)
class Chain:
    """A symmetric chain: ``key`` gives message ``n`` and the next key, ``header_key`` hides its headers."""

    header_key: bytes
    key: bytes
    n: int


@dataclass(frozen=True, slots=True, repr=False)
class Skipped:
    """Keys of messages of one chain that were jumped over, in rising order of their numbers. Never altered."""

    header_key: bytes
    keys: dict[int, bytes]


@dataclass(frozen=True, slots=True, repr=False)
class Roots:
    """What changes only with a Diffie-Hellman step; ``pn`` is the length of our chain before the current one."""

    root: bytes
    dh_private: bytes
    dh_public: bytes
    next_send: bytes
    next_receive: bytes
    pn: int


@dataclass(frozen=True, slots=True, repr=False)
class Ratchet:
    """The state of one side. ``sending`` is None at the responder until the first message came.

    Source: protocol.md §10.
    """

    roots: Roots
    sending: Chain | None
    receiving: Chain | None
    skipped: tuple[Skipped, ...]

    def __repr__(self) -> str:
        return f"<Ratchet {sha256(self.roots.dh_public).hex()[:16]}>"

    @classmethod
    def opener(cls, secret: bytes, header_key: bytes, next_header_key: bytes, remote: bytes, rng: Rng) -> Self:
        """Return the state of the side that opens, which can send at once.

        Args:
            secret, header_key, next_header_key: 32 bytes each, from the handshake.
            remote: 32 bytes, the responder's signed prekey.

        Raises:
            RefusedError: ``remote`` is no good X25519 key.

        Source: Double Ratchet §4.2 (RatchetInitAliceHE).
        """
        private = rng(KEY_BYTES)
        root, chain_key, next_send = _kdf_root(secret, x25519(private, remote))
        roots = Roots(root, private, x25519_public(private), next_send, next_header_key, 0)
        return cls(roots, Chain(header_key, chain_key, 0), None, ())

    @classmethod
    def responder(cls, secret: bytes, header_key: bytes, next_header_key: bytes, private: bytes) -> Self:
        """Return the state of the side that answers; it sends only after the first message came.

        Args:
            secret, header_key, next_header_key: 32 bytes each, from the handshake.
            private: 32 bytes, the private half of the signed prekey.

        Source: Double Ratchet §4.2 (RatchetInitBobHE).
        """
        roots = Roots(secret, private, x25519_public(private), next_header_key, header_key, 0)
        return cls(roots, None, None, ())

    def encrypt(self, padded: bytes, ad: bytes, rng: Rng) -> tuple[Ratchet, bytes]:
        """Return the next state and ``eh(80) ‖ com(32) ‖ ciphertext``.

        Raises:
            LocalProtocolError: the responder has not received anything yet.

        Source: protocol.md §10; Double Ratchet §4.3.
        """
        sending = self.sending
        if sending is None:
            raise LocalProtocolError("an answer before the first message")
        roots = self.roots
        nonce = rng(NONCE_BYTES)
        header = _HEADER.pack(roots.dh_public, roots.pn, sending.n)
        sealed_header = nonce + aead_seal(sending.header_key, nonce, header, ad)
        message_key = hmac_sha256(sending.key, b"\x01")
        keys = hkdf_expand(message_key, _MESSAGE_INFO, _MESSAGE_BYTES)
        body = aead_seal(keys[:KEY_BYTES], keys[KEY_BYTES:_COM_AT], padded, ad + sealed_header)
        chain = Chain(sending.header_key, hmac_sha256(sending.key, b"\x02"), sending.n + 1)
        return Ratchet(roots, chain, self.receiving, self.skipped), sealed_header + keys[_COM_AT:] + body

    def decrypt(self, message: bytes, ad: bytes, rng: Rng) -> tuple[Ratchet, bytes]:
        """Return the next state and the padded plaintext.

        Args:
            rng: gives the new private key when the message begins a chain.

        Raises:
            RefusedError: the message is not one of this session, was read before, or skips too far.

        Source: protocol.md §10; Double Ratchet §4.4.
        """
        if len(message) < OVERHEAD_BYTES:
            raise RefusedError
        sealed_header = message[:_SEALED_HEADER_BYTES]
        state, message_key = self._message_key(sealed_header, ad, rng)
        keys = hkdf_expand(message_key, _MESSAGE_INFO, _MESSAGE_BYTES)
        # Key commitment: Poly1305 alone would let one ciphertext open under two keys.
        if not equal(keys[_COM_AT:], message[_SEALED_HEADER_BYTES:_BODY_AT]):
            raise RefusedError
        body = message[_BODY_AT:]
        return state, aead_open(keys[:KEY_BYTES], keys[KEY_BYTES:_COM_AT], body, ad + sealed_header)

    def _message_key(self, sealed_header: bytes, ad: bytes, rng: Rng) -> tuple[Ratchet, bytes]:
        """Find the chain whose header key opens the header: the current one, the next one, an old one."""
        receiving = self.receiving
        if receiving is not None and (header := _open_header(receiving.header_key, sealed_header, ad)):
            if header[2] < receiving.n:
                return self._take_skipped(receiving.header_key, header[2])
            return self._advance(receiving, header[2])
        if header := _open_header(self.roots.next_receive, sealed_header, ad):
            return self._turn(*header, rng)
        for old in self.skipped:
            if header := _open_header(old.header_key, sealed_header, ad):
                return self._take_skipped(old.header_key, header[2])
        raise RefusedError

    def _take_skipped(self, header_key: bytes, n: int) -> tuple[Ratchet, bytes]:
        for at, old in enumerate(self.skipped):
            if old.header_key == header_key and n in old.keys:
                left = {number: key for number, key in old.keys.items() if number != n}
                kept = (Skipped(header_key, left),) if left else ()
                skipped = self.skipped[:at] + kept + self.skipped[at + 1 :]
                return Ratchet(self.roots, self.sending, self.receiving, skipped), old.keys[n]
        raise RefusedError("repeated")

    def _advance(self, receiving: Chain, n: int) -> tuple[Ratchet, bytes]:
        skipped = self.skipped
        if n > receiving.n:
            receiving, skipped = _skip(receiving, n, skipped)
            skipped = _bounded(skipped, receiving.header_key)
        message_key = hmac_sha256(receiving.key, b"\x01")
        chain = Chain(receiving.header_key, hmac_sha256(receiving.key, b"\x02"), n + 1)
        return Ratchet(self.roots, self.sending, chain, skipped), message_key

    def _turn(self, remote: bytes, pn: int, n: int, rng: Rng) -> tuple[Ratchet, bytes]:
        """Begin a new chain in both directions: from here on, keys stolen before are worth nothing."""
        skipped = self.skipped
        if n > MAX_SKIP:  # before any work for the old chain
            raise RefusedError
        if self.receiving is not None:
            if pn < self.receiving.n:
                raise RefusedError
            _, skipped = _skip(self.receiving, pn, skipped)
        roots = self.roots
        sent = self.sending.n if self.sending else 0
        root, receive_key, next_receive = _kdf_root(roots.root, x25519(roots.dh_private, remote))
        private = rng(KEY_BYTES)
        root, send_key, next_send = _kdf_root(root, x25519(private, remote))
        turned = Roots(root, private, x25519_public(private), next_send, next_receive, sent)
        sending = Chain(roots.next_send, send_key, 0)
        receiving = Chain(roots.next_receive, receive_key, 0)
        state = Ratchet(turned, sending, receiving, _bounded(skipped, receiving.header_key))
        return state._advance(receiving, n)

    def encode(self) -> bytes:
        """Return the state for the vault.

        Source: protocol.md §14.
        """
        roots = self.roots
        parts = [
            roots.root,
            roots.dh_private,
            roots.dh_public,
            roots.next_send,
            roots.next_receive,
            _COUNT.pack(roots.pn),
            _encode_chain(self.sending),
            _encode_chain(self.receiving),
            bytes((len(self.skipped),)),
        ]
        for old in self.skipped:
            parts += (old.header_key, _COUNT.pack(len(old.keys)))
            parts += (_SKIPPED_KEY.pack(n, key) for n, key in old.keys.items())
        return b"".join(parts)

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what ``encode`` wrote.

        Raises:
            RemoteProtocolError: it is no state, or one past the limits.

        Source: protocol.md §14.
        """
        reader = Reader(encoded)
        root, dh_private, dh_public, next_send, next_receive = (reader.take(KEY_BYTES) for _ in range(5))
        roots = Roots(root, dh_private, dh_public, next_send, next_receive, reader.uint(4))
        sending, receiving = _read_chain(reader), _read_chain(reader)
        chains = reader.uint(1)
        if chains > MAX_OLD_CHAINS + 1:
            raise RemoteProtocolError("more old chains than are ever kept")
        skipped = tuple(_read_skipped(reader) for _ in range(chains))
        reader.end()
        return cls(roots, sending, receiving, skipped)


def _kdf_root(root: bytes, shared: bytes) -> tuple[bytes, bytes, bytes]:
    """KDF_RK_HE: the next root key, a chain key and the next header key."""
    output = hkdf(shared, "rk", b"", 3 * KEY_BYTES, salt=root)
    return output[:32], output[32:64], output[64:]


def _open_header(header_key: bytes, sealed_header: bytes, ad: bytes) -> tuple[bytes, int, int] | None:
    try:
        header = aead_open(header_key, sealed_header[:NONCE_BYTES], sealed_header[NONCE_BYTES:], ad)
    except RefusedError:
        return None
    return _HEADER.unpack(header)


def _skip(chain: Chain, until: int, skipped: tuple[Skipped, ...]) -> tuple[Chain, tuple[Skipped, ...]]:
    """Walk ``chain`` to ``until`` and keep the keys passed; only the last ones that may be kept are computed."""
    if until - chain.n > MAX_SKIP:
        raise RefusedError
    key, fresh = chain.key, {}
    for n in range(chain.n, until):
        if n >= until - MAX_SKIPPED_KEYS:
            fresh[n] = hmac_sha256(key, b"\x01")
        key = hmac_sha256(key, b"\x02")
    if fresh and skipped and skipped[-1].header_key == chain.header_key:
        fresh = {**skipped[-1].keys, **fresh}
        skipped = skipped[:-1]
    if fresh:
        skipped = (*skipped, Skipped(chain.header_key, fresh))
    return Chain(chain.header_key, key, until), skipped


def _bounded(skipped: tuple[Skipped, ...], current: bytes) -> tuple[Skipped, ...]:
    """Delete the oldest keys past the limits; that costs a late message, never a new one."""
    chains = MAX_OLD_CHAINS + bool(skipped and skipped[-1].header_key == current)
    skipped = skipped[-chains:]
    surplus = sum(len(old.keys) for old in skipped) - MAX_SKIPPED_KEYS
    while surplus > 0:
        oldest = skipped[0]
        left = dict(list(oldest.keys.items())[surplus:])
        surplus -= len(oldest.keys) - len(left)
        skipped = ((Skipped(oldest.header_key, left),) if left else ()) + skipped[1:]
    return skipped


def _encode_chain(chain: Chain | None) -> bytes:
    if chain is None:
        return b"\x00"
    return b"\x01" + chain.header_key + chain.key + _COUNT.pack(chain.n)


def _read_chain(reader: Reader) -> Chain | None:
    match reader.uint(1):
        case 0:
            return None
        case 1:
            return Chain(reader.take(KEY_BYTES), reader.take(KEY_BYTES), reader.uint(4))
        case _:
            raise RemoteProtocolError("no chain")


def _read_skipped(reader: Reader) -> Skipped:
    header_key, count = reader.take(KEY_BYTES), reader.uint(4)
    if count > MAX_SKIPPED_KEYS:
        raise RemoteProtocolError("more skipped keys than are ever kept")
    return Skipped(header_key, dict(_SKIPPED_KEY.iter_unpack(reader.take(count * _SKIPPED_KEY.size))))
