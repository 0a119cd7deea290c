"""The handshake: X25519, RSA-OAEP and ML-KEM-768 together make one session; two of them may break.

Every key of a conversation descends from a secret carried by RSA-OAEP. Whoever opens a session signs nothing here, so
it can be denied later; who they are travels sealed under the RSA and ML-KEM secrets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from sealwire.crypto import rsa
from sealwire.crypto.card import Card, SignedCard
from sealwire.crypto.identity import DeviceKeys, Identity
from sealwire.crypto.prekeys import NO_KEY, NO_ONE_TIME, Bundle, OneTimeSecret, PrekeySecret
from sealwire.crypto.primitives import (
    KEY_BYTES,
    NONCE_BYTES,
    H,
    Rng,
    aead_open,
    aead_seal,
    hkdf,
    hmac_sha256,
    pad,
    pq_decapsulate,
    pq_encapsulate,
    pq_public,
    sha256,
    unpad,
    x25519,
    x25519_public,
)
from sealwire.crypto.ratchet import Ratchet
from sealwire.crypto.session import Session
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError
from sealwire.ids import Millis
from sealwire.wire.header import RSA_BYTES, SEALED_PLAIN_BYTES, SUITE, TAG_BYTES, HandshakeHeader, Reader

MAX_CLOCK_AHEAD_MS = 5 * 60 * 1000
"""An opener's time counts at most this far ahead of ours; else a wrong clock would hold the active session for ever."""

_SEAL_NONCE = bytes(NONCE_BYTES)
"""The key under it is used once: it descends from fresh secrets of this one handshake."""

_DH_PREFIX = b"\xff" * KEY_BYTES
"""No X25519 result looks like this, so that no other derivation starts with the same bytes (Signal, X3DH §2.2)."""

SecretOf = Callable[[int, int], PrekeySecret | None]
OneTimeOf = Callable[[int], OneTimeSecret | None]


class Accepted(Struct, frozen=True):
    """What a handshake opened. Nothing of it may be stored before its first message decrypts.

    Attributes:
        card: the opener's, its signature and realm checked; trust and device list are the caller's to check.
        time_ms: the opener's time, at most five minutes ahead of ours.
        opk_id: the one-time prekey to delete with the commit; 0 means reduced forward secrecy.

    Source: protocol.md §9.
    """

    session: Session
    card: SignedCard
    time_ms: Millis
    opk_id: int


@dataclass(frozen=True, slots=True, repr=False)
class _Secrets:
    """The two encapsulated secrets and the transcript they are bound to."""

    t0: bytes
    k_rsa: bytes
    k_pq: bytes


def open_session(identity: Identity, bundle: Bundle, now_ms: Millis, rng: Rng, after_ms: Millis = 0) -> Session:
    """Open a session to the device of ``bundle``; its handshake rides before every message until it answers.

    The caller has checked the bundle's mailbox, the contact's trust and the device list.

    Args:
        after_ms: the largest time seen from this pair of devices; the session is made newer than it.

    Raises:
        RefusedError: a signature or a key of the bundle is bad, or it is of another realm.
        LocalProtocolError: the bundle is our own.

    Source: protocol.md §9.
    """
    peer, own = bundle.card.card, identity.card.card
    if peer.mailbox == own.mailbox:
        raise LocalProtocolError("a session with oneself")
    if peer.realm != own.realm:
        raise RefusedError("not-for-us")
    bundle.verify(peer.mailbox)
    prekeys = bundle.prekeys.prekeys
    time_ms = max(now_ms, after_ms + 1)
    ek_private, k = rng(KEY_BYTES), rng(KEY_BYTES)
    ek = x25519_public(ek_private)
    t0 = _t0(peer, ek, prekeys.spk_id, prekeys.spk, bundle.opk_id, bundle.opk, prekeys.pq_id, prekeys.pq)
    c_rsa = rsa.encrypt(peer.n_enc, k, t0, rng)
    k_pq, c_pq = pq_encapsulate(prekeys.pq, t0)
    secrets = _Secrets(t0, _k_rsa(k, t0, c_rsa), k_pq)
    sealed = _seal_card(secrets, c_rsa + c_pq, identity.card, time_ms)
    spk_id, opk_id, pq_id = prekeys.spk_id, bundle.opk_id, prekeys.pq_id
    hs = HandshakeHeader(peer.mailbox, ek, spk_id, opk_id, pq_id, c_rsa, c_pq, sealed).encode()
    shared = [x25519(identity.device.ik, prekeys.spk), x25519(ek_private, peer.ik), x25519(ek_private, prekeys.spk)]
    if bundle.opk_id != NO_ONE_TIME:
        shared.append(x25519(ek_private, bundle.opk))
    keys = _Keys.derive(secrets, own, hs, shared)
    ratchet = Ratchet.opener(keys.secret, keys.header, keys.next_header, prekeys.spk, rng)
    return keys.session(opener=True, hs=hs, peer=peer, time_ms=time_ms, now_ms=now_ms, ratchet=ratchet)


def accept(identity: Identity, hs: bytes, prekeys: SecretOf, one_time: OneTimeOf, now_ms: Millis) -> Accepted:
    """Open the session that ``hs`` asks for, without storing anything.

    The caller has looked ``hs`` up by its hash before; it then checks trust and device list, decrypts the first
    message, and only then commits all of it and deletes the one-time prekey.

    Args:
        prekeys: finds private prekeys by (spk_id, pq_id).
        one_time: finds a private one-time prekey by its id; a used one is gone.

    Raises:
        RefusedError: whatever is wrong. ``reason`` is for the local person only; the network learns nothing.

    Source: protocol.md §9.
    """
    try:
        return _accept(identity, HandshakeHeader.decode(hs), hs, prekeys, one_time, now_ms)
    except (RemoteProtocolError, ValueError, TypeError):  # whatever a library says is the same refusal
        raise RefusedError from None


def _accept(
    identity: Identity, header: HandshakeHeader, hs: bytes, prekeys: SecretOf, one_time: OneTimeOf, now_ms: Millis
) -> Accepted:
    own, device = identity.card.card, identity.device
    if header.mailbox != own.mailbox:
        raise RefusedError("not-for-us")
    secret = prekeys(header.spk_id, header.pq_id)
    opk_private = _one_time_private(one_time, header.opk_id)
    if secret is None:
        raise RefusedError("unknown-prekey")
    opk = x25519_public(opk_private) if opk_private else NO_KEY
    spk, pq = x25519_public(secret.spk_private), pq_public(secret.pq_private)
    t0 = _t0(own, header.ek, header.spk_id, spk, header.opk_id, opk, header.pq_id, pq)
    k = _decapsulate_rsa(device, header.c_rsa, t0)
    secrets = _Secrets(t0, _k_rsa(k, t0, header.c_rsa), pq_decapsulate(secret.pq_private, header.c_pq, t0))
    signed, stated_ms = _open_card(secrets, header.c_rsa + header.c_pq, header.sealed)
    peer = signed.card
    if peer.realm != own.realm or peer.mailbox == own.mailbox:
        raise RefusedError("not-for-us")
    signed.verify()
    shared = [x25519(secret.spk_private, peer.ik), x25519(device.ik, header.ek), x25519(secret.spk_private, header.ek)]
    if opk_private:
        shared.append(x25519(opk_private, header.ek))
    keys = _Keys.derive(secrets, peer, hs, shared)
    ratchet = Ratchet.responder(keys.secret, keys.header, keys.next_header, secret.spk_private)
    time_ms = min(stated_ms, now_ms + MAX_CLOCK_AHEAD_MS)
    session = keys.session(opener=False, hs=hs, peer=peer, time_ms=time_ms, now_ms=now_ms, ratchet=ratchet)
    return Accepted(session, signed, time_ms, header.opk_id)


def _one_time_private(one_time: OneTimeOf, opk_id: int) -> bytes | None:
    """Return the private half; a used or unknown id is refused, never quietly done without."""
    if opk_id == NO_ONE_TIME:
        return None
    secret = one_time(opk_id)
    if secret is None:
        raise RefusedError("unknown-prekey")
    return secret.private


def _t0(
    card: Card, ek: bytes, spk_id: int, spk: bytes, opk_id: int, opk: bytes, pq_id: int, pq: bytes
) -> bytes:  # the recipient's side of the transcript, known before anything is decrypted
    parts = (
        SUITE.to_bytes(2, "big"),
        card.encode(),
        ek,
        spk_id.to_bytes(4, "big"),
        spk,
        opk_id.to_bytes(4, "big"),
        opk,
        pq_id.to_bytes(4, "big"),
        pq,
    )
    return H("T0", b"".join(parts))


def _k_rsa(k: bytes, t0: bytes, c_rsa: bytes) -> bytes:
    """Bind k to its ciphertext and transcript: the sender chooses k, and may choose one it gave to others."""
    return hkdf(k, "rsa", t0 + sha256(c_rsa), KEY_BYTES)


def _decapsulate_rsa(device: DeviceKeys, c_rsa: bytes, t0: bytes) -> bytes:
    """Return k, or a secret stand-in when ``c_rsa`` is bad.

    Every failure then ends at the sealed card like any other: nobody can ask this device whether a padding was right
    (Bleichenbacher, Manger). The stand-in is computed either way.
    """
    stand_in = hmac_sha256(device.reject_key, c_rsa)
    try:
        k = device.enc.decrypt(c_rsa, t0)
    except RefusedError:
        k = b""
    return k if len(k) == KEY_BYTES else stand_in


def _card_key(secrets: _Secrets) -> bytes:
    return hkdf(secrets.k_rsa + secrets.k_pq, "card", secrets.t0, KEY_BYTES)


def _seal_card(secrets: _Secrets, ciphertexts: bytes, signed: SignedCard, time_ms: Millis) -> bytes:
    content = signed.card.encode() + signed.signature + time_ms.to_bytes(8, "big")
    return aead_seal(_card_key(secrets), _SEAL_NONCE, pad(content, SEALED_PLAIN_BYTES), secrets.t0 + ciphertexts)


def _open_card(secrets: _Secrets, ciphertexts: bytes, sealed: bytes) -> tuple[SignedCard, Millis]:
    reader = Reader(unpad(aead_open(_card_key(secrets), _SEAL_NONCE, sealed, secrets.t0 + ciphertexts)))
    signed = SignedCard(Card.read(reader), reader.take(RSA_BYTES))
    stated_ms = reader.uint(8)
    reader.end()
    return signed, stated_ms


@dataclass(frozen=True, slots=True, repr=False)
class _Keys:
    """What all secrets together give: the ratchet's keys, one tag per direction, and the transcript T."""

    T: bytes
    secret: bytes
    header: bytes
    next_header: bytes
    tag_a: bytes
    tag_b: bytes

    @staticmethod
    def derive(secrets: _Secrets, opener: Card, hs: bytes, shared: list[bytes]) -> _Keys:
        transcript = H("T", secrets.t0 + opener.encode() + sha256(hs))
        ikm = b"".join((_DH_PREFIX, *shared, secrets.k_rsa, secrets.k_pq))
        output = Reader(hkdf(ikm, "kx", transcript, 3 * KEY_BYTES + 2 * TAG_BYTES))
        keys = (output.take(KEY_BYTES), output.take(KEY_BYTES), output.take(KEY_BYTES))
        return _Keys(transcript, *keys, output.take(TAG_BYTES), output.take(TAG_BYTES))

    def session(
        self, *, opener: bool, hs: bytes, peer: Card, time_ms: Millis, now_ms: Millis, ratchet: Ratchet
    ) -> Session:
        return Session(
            opener=opener,
            T=self.T,
            tag_out=self.tag_a if opener else self.tag_b,
            tag_in=self.tag_b if opener else self.tag_a,
            hs=hs if opener else None,
            hs_hash=sha256(hs),
            peer_card_hash=peer.hash,
            time_ms=time_ms,
            created_ms=now_ms,
            sent=0,
            ratchet=ratchet,
        )
