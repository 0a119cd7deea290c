"""Every primitive on one screen. Nothing else in the project calls a cryptographic library, except ``rsa``.

Labels are text and contents are bytes, so that the two never change places. All checks of lengths happen here,
because the bindings below hand pointers to C without looking. What handshakes alone need is imported where it is used:
loading it takes a tenth of a program's start.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError

Rng = Callable[[int], bytes]
"""Returns that many bytes nobody can predict; an argument everywhere, so that vectors can pin every byte."""

KEY_BYTES = 32
NONCE_BYTES = 24
AUTHENTICATOR_BYTES = 16
SIGNATURE_BYTES = 64
SALT_BYTES = 16
PQ_PUBLIC_BYTES = 1184
PQ_SEED_BYTES = 64
_CURVE_PRIME = 2**255 - 19
_NO_SALT = bytes(32)

equal = hmac.compare_digest
"""Compare two secrets in constant time."""


def L(label: str, content: bytes) -> bytes:  # noqa: N802 - the name in the specification
    """Return ``content`` under its label: no bytes made for one purpose can pass for another's.

    Source: protocol.md §1.
    """
    return b"sealwire/v1/" + label.encode() + b"\x00" + content


def H(label: str, content: bytes) -> bytes:  # noqa: N802 - the name in the specification
    """Return the 32-byte SHA-256 of ``L(label, content)``.

    Source: protocol.md §1.
    """
    return hashlib.sha256(L(label, content)).digest()


def sha256(content: bytes) -> bytes:
    """Return the 32-byte SHA-256 of ``content``.

    Source: protocol.md §1.
    """
    return hashlib.sha256(content).digest()


def hmac_sha256(key: bytes, content: bytes) -> bytes:
    """Return the 32-byte HMAC of ``content``.

    Source: RFC 2104.
    """
    return hmac.digest(key, content, "sha256")


def hkdf_expand(prk: bytes, info: bytes, size_bytes: int) -> bytes:
    """Return ``size_bytes`` of output keying material.

    Source: RFC 5869 §2.3.
    """
    block = output = b""
    counter = 0
    while len(output) < size_bytes:
        counter += 1
        block = hmac.digest(prk, block + info + bytes((counter,)), "sha256")
        output += block
    return output[:size_bytes]


def hkdf(ikm: bytes, label: str, rest: bytes, size_bytes: int, salt: bytes = _NO_SALT) -> bytes:
    """Return ``size_bytes`` derived from ``ikm`` for the purpose ``label`` in the context ``rest``.

    Source: protocol.md §1; RFC 5869.
    """
    return hkdf_expand(hmac.digest(salt, ikm, "sha256"), L(label, rest), size_bytes)


def x25519(private: bytes, public: bytes) -> bytes:
    """Return the shared 32 bytes.

    Raises:
        RefusedError: ``public`` is no canonical 32-byte coordinate, or of low order, so that the result would not
            depend on the private key.

    Source: RFC 7748 §6.1; protocol.md §9.
    """
    if len(private) != KEY_BYTES:
        raise LocalProtocolError("a private key of another length")
    if len(public) != KEY_BYTES or int.from_bytes(public, "little") >= _CURVE_PRIME:
        raise RefusedError
    try:
        shared = sodium.crypto_scalarmult(private, public)
    except CryptoError:
        raise RefusedError from None
    if shared == bytes(KEY_BYTES):
        raise RefusedError
    return shared


def x25519_public(private: bytes) -> bytes:
    """Return the public half of 32 private bytes.

    Source: RFC 7748 §6.1.
    """
    if len(private) != KEY_BYTES:
        raise LocalProtocolError("a private key of another length")
    return sodium.crypto_scalarmult_base(private)


def aead_seal(key: bytes, nonce: bytes, plaintext: bytes, ad: bytes) -> bytes:
    """Return the XChaCha20-Poly1305 ciphertext with its 16-byte authenticator.

    Source: draft-irtf-cfrg-xchacha-03 §2.
    """
    return sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, ad, nonce, key)


def aead_open(key: bytes, nonce: bytes, ciphertext: bytes, ad: bytes) -> bytes:
    """Return the plaintext.

    Raises:
        RefusedError: key, nonce, ciphertext or ``ad`` is not what was sealed.

    Source: draft-irtf-cfrg-xchacha-03 §2.
    """
    if len(ciphertext) < AUTHENTICATOR_BYTES:
        raise RefusedError
    try:
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, ad, nonce, key)
    except CryptoError:
        raise RefusedError from None


def ed25519_public(seed: bytes) -> bytes:
    """Return the public key of a 32-byte seed.

    Source: RFC 8032 §5.1.5.
    """
    return sodium.crypto_sign_seed_keypair(seed)[0]


def ed25519_sign(seed: bytes, label: str, content: bytes) -> bytes:
    """Return the 64-byte signature of ``L(label, content)``.

    Takes the seed alone: a public key handed in beside it that does not match would give the private key away.

    Source: RFC 8032 §5.1.6; protocol.md §7.
    """
    return ed25519_sign_expanded(ed25519_expanded(seed), label, content)


def ed25519_expanded(seed: bytes) -> bytes:
    """Return the 64 bytes, seed and public key, that sign without deriving the public key once more.

    Keep them as one value: only so is it sure that the halves belong together.

    Source: RFC 8032 §5.1.5.
    """
    return sodium.crypto_sign_seed_keypair(seed)[1]


def ed25519_sign_expanded(expanded: bytes, label: str, content: bytes) -> bytes:
    """Return the 64-byte signature of ``L(label, content)`` by what :func:`ed25519_expanded` returned.

    Source: RFC 8032 §5.1.6; protocol.md §7.
    """
    return sodium.crypto_sign(L(label, content), expanded)[:SIGNATURE_BYTES]


def ed25519_verify(public: bytes, label: str, content: bytes, signature: bytes) -> None:
    """Check a signature of ``L(label, content)``.

    Raises:
        RefusedError: it is not one by ``public``.

    Source: RFC 8032 §5.1.7; protocol.md §7.
    """
    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        raise RefusedError("unsigned")
    try:
        sodium.crypto_sign_open(signature + L(label, content), public)
    except CryptoError:
        raise RefusedError("unsigned") from None


def pq_public(seed: bytes) -> bytes:
    """Return the 1,184-byte ML-KEM-768 public key of a 64-byte seed.

    Source: FIPS 203 §7.1.
    """
    from Crypto.PublicKey import MLKEM

    return MLKEM.construct(param_set=MLKEM.ML_KEM_768, seed=seed).ek


def pq_encapsulate(public: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Return a fresh 32-byte secret and the 1,088 bytes that carry it to ``public``.

    HPKE's export binds the secret to ``info``, so that it is worth nothing in another handshake.

    Raises:
        RefusedError: ``public`` is no ML-KEM-768 key.

    Source: RFC 9180 §5.3; draft-ietf-hpke-pq §3.
    """
    from Crypto.Protocol import HPKE
    from Crypto.PublicKey import MLKEM

    try:
        key = MLKEM.construct(param_set=MLKEM.ML_KEM_768, ek=public)
    except ValueError:
        raise RefusedError from None
    context = HPKE.new(receiver_key=key, aead_id=HPKE.AEAD.EXPORT_ONLY, info=info)
    return context.export(b"sealwire/v1/pq", KEY_BYTES), context.enc


def pq_decapsulate(seed: bytes, ciphertext: bytes, info: bytes) -> bytes:
    """Return the 32-byte secret; altered bytes give another secret, not an error (implicit rejection).

    Raises:
        RefusedError: ``ciphertext`` is not 1,088 bytes long.

    Source: FIPS 203 §7.3; RFC 9180 §5.3.
    """
    from Crypto.Protocol import HPKE
    from Crypto.PublicKey import MLKEM

    key = MLKEM.construct(param_set=MLKEM.ML_KEM_768, seed=seed)
    try:
        context = HPKE.new(receiver_key=key, aead_id=HPKE.AEAD.EXPORT_ONLY, enc=ciphertext, info=info)
    except ValueError:
        raise RefusedError from None
    return context.export(b"sealwire/v1/pq", KEY_BYTES)


def argon2id(passphrase: bytes, salt: bytes, memory_kib: int, passes: int) -> bytes:
    """Return 32 bytes that cost ``memory_kib`` and ``passes`` to compute from a passphrase.

    Source: RFC 9106.
    """
    return sodium.crypto_pwhash_alg(
        KEY_BYTES, passphrase, salt, passes, memory_kib * 1024, sodium.crypto_pwhash_ALG_ARGON2ID13
    )


_PAD_MARK = b"\x80"


def pad(content: bytes, size_bytes: int) -> bytes:
    """Return ``content`` followed by 0x80 and zeros up to ``size_bytes``.

    Raises:
        LocalProtocolError: there is no room for the mark.

    Source: protocol.md §10.
    """
    if len(content) >= size_bytes:
        raise LocalProtocolError("a content past its padding")
    return (content + _PAD_MARK).ljust(size_bytes, b"\x00")


def unpad(padded: bytes) -> bytes:
    """Return the content before the mark.

    Raises:
        RemoteProtocolError: no mark, or something other than zeros behind it.

    Source: protocol.md §10.
    """
    marked = padded.rstrip(b"\x00")
    if marked[-1:] != _PAD_MARK:
        raise RemoteProtocolError("wrong padding")
    return marked[:-1]
