"""RSA-3072: PSS for what an account vouches for, OAEP for the secret that every conversation key descends from.

Always SHA-256 (the library's OAEP default is SHA-1), always a 32-byte salt, always e = 65537. A key on the wire is
its modulus alone, and no other length parses, so that a hostile key costs nothing and forges nothing.

The library is imported where it is used: loading it is a quarter of a program's start, and a start that meets nobody
new neither signs nor checks anything with RSA.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from itertools import compress, zip_longest
from typing import TYPE_CHECKING, Self

from sealwire.crypto.primitives import L, Rng, sha256
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.wire.header import RSA_BYTES, Reader

if TYPE_CHECKING:
    from Crypto.Cipher.oaep import PKCS1OAEP_Cipher
    from Crypto.Hash.SHA256 import SHA256Hash
    from Crypto.PublicKey.RSA import RsaKey
    from Crypto.Signature.pss import PSS_SigScheme

EXPONENT = 65537
BITS = RSA_BYTES * 8
PRIVATE_BYTES = RSA_BYTES // 2 * 5
_SALT_BYTES = 32
_SMALL_FACTOR_LIMIT = 1 << 16
"""Moduli with a factor below this are refused: they are broken or meant to leak the secret encrypted to them."""

_REMEMBERED_MODULI = 256
"""Good moduli are remembered, as the gcd costs 0.2 ms and contacts come again; unbounded, strangers fill the memory."""


@cache
def _small_primes_product() -> int:
    """One gcd with this product finds any factor below the limit (6,542 primes at once)."""
    sieve = bytearray([1]) * _SMALL_FACTOR_LIMIT
    for step in range(2, math.isqrt(_SMALL_FACTOR_LIMIT) + 1):
        if sieve[step]:
            sieve[step * step :: step] = bytes(len(range(step * step, _SMALL_FACTOR_LIMIT, step)))
    factors = list(compress(range(2, _SMALL_FACTOR_LIMIT), sieve[2:]))
    while len(factors) > 1:  # in pairs: one by one, every step goes through all digits so far
        factors = [math.prod(pair) for pair in zip_longest(factors[::2], factors[1::2], fillvalue=1)]
    return factors[0]


@lru_cache(maxsize=_REMEMBERED_MODULI)
def check_modulus(modulus: bytes) -> bytes:
    """Return ``modulus`` when it is one of ours: 384 bytes, top bit set, odd, without a small factor.

    Lengths and bits are looked at before any arithmetic.

    Raises:
        RemoteProtocolError: anything else.

    Source: protocol.md §7.
    """
    if len(modulus) != RSA_BYTES or not modulus[0] & 0x80 or not modulus[-1] & 1:
        raise RemoteProtocolError("not an RSA-3072 modulus")
    if math.gcd(int.from_bytes(modulus, "big"), _small_primes_product()) != 1:
        raise RemoteProtocolError("not an RSA-3072 modulus")
    return modulus


def _public(modulus: bytes) -> RsaKey:
    from Crypto.PublicKey import RSA

    return RSA.construct((int.from_bytes(modulus, "big"), EXPONENT), consistency_check=False)


def _pss(key: RsaKey, rng: Rng | None = None) -> PSS_SigScheme:
    from Crypto.Signature import pss

    return pss.new(key, salt_bytes=_SALT_BYTES, rand_func=rng)


def _oaep(key: RsaKey, label: bytes, rng: Rng | None = None) -> PKCS1OAEP_Cipher:
    from Crypto.Cipher import oaep
    from Crypto.Hash import SHA256

    return oaep.new(key, hashmod=SHA256, label=label, rand_func=rng)


def _digest(label: str, content: bytes) -> SHA256Hash:
    from Crypto.Hash.SHA256 import SHA256Hash

    return SHA256Hash(L(label, content))


def verify(modulus: bytes, label: str, content: bytes, signature: bytes) -> None:
    """Check a PSS signature of ``L(label, content)``.

    Raises:
        RefusedError: it is not one by ``modulus``.

    Source: RFC 8017 §8.1.2; protocol.md §7.
    """
    try:
        _pss(_public(modulus)).verify(_digest(label, content), signature)
    except ValueError:
        raise RefusedError("unsigned") from None


def encrypt(modulus: bytes, secret: bytes, label: bytes, rng: Rng) -> bytes:
    """Return the 384 bytes that carry ``secret`` to ``modulus``; ``label`` binds them to one handshake.

    Source: RFC 8017 §7.1.1; protocol.md §9.
    """
    return _oaep(_public(modulus), label, rng).encrypt(secret)


class RsaPrivate:
    """A private key; it prints as a fingerprint only.

    Source: protocol.md §7.
    """

    __slots__ = ("_loaded", "_numbers", "modulus")

    def __init__(self, p: int, q: int, u: int, d: int) -> None:
        self._numbers = (p, q, u, d)
        self._loaded: RsaKey | None = None
        self.modulus: bytes = (p * q).to_bytes(RSA_BYTES, "big")

    def __repr__(self) -> str:
        return f"<RsaPrivate of {sha256(self.modulus).hex()[:16]}>"

    @classmethod
    def generate(cls, rng: Rng) -> Self:
        """Make a new key; takes 0.3 to 2 seconds.

        Source: FIPS 186-4 §B.3.3.
        """
        from Crypto.PublicKey import RSA

        key = RSA.generate(BITS, randfunc=rng, e=EXPONENT)
        return cls(int(key.p), int(key.q), int(key.u), int(key.d))

    def _key(self) -> RsaKey:
        """The library's form of it, made at the first use.

        Its 28 ms consistency check is left out: these numbers only ever come from it or out of an AEAD, so a stored key
        that was tampered with never gets here.
        """
        if self._loaded is None:
            from Crypto.PublicKey import RSA

            p, q, u, d = self._numbers
            self._loaded = RSA.construct((p * q, EXPONENT, d, p, q, u), consistency_check=False)
        return self._loaded

    def sign(self, label: str, content: bytes, rng: Rng) -> bytes:
        """Return the 384-byte PSS signature of ``L(label, content)``.

        Source: RFC 8017 §8.1.1; protocol.md §7.
        """
        return _pss(self._key(), rng).sign(_digest(label, content))

    def decrypt(self, ciphertext: bytes, label: bytes) -> bytes:
        """Return the secret inside ``ciphertext``. Only the handshake calls this: it hides the failure.

        Raises:
            RefusedError: it was not encrypted to this key under ``label``.

        Source: RFC 8017 §7.1.2; protocol.md §9.
        """
        try:
            return _oaep(self._key(), label).decrypt(ciphertext)
        except ValueError:
            raise RefusedError from None

    def encode(self) -> bytes:
        """Return ``p ‖ q ‖ u ‖ d`` for the vault.

        Source: protocol.md §14.
        """
        p, q, u, d = self._numbers
        half = RSA_BYTES // 2
        parts = ((p, half), (q, half), (u, half), (d, RSA_BYTES))
        return b"".join(number.to_bytes(size, "big") for number, size in parts)

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what ``encode`` wrote.

        Raises:
            RemoteProtocolError: another length, or numbers that make no 3072-bit modulus.

        Source: protocol.md §14.
        """
        reader = Reader(encoded)
        p, q, u = (reader.uint(RSA_BYTES // 2) for _ in range(3))
        d = reader.uint(RSA_BYTES)
        reader.end()
        if (p * q).bit_length() != BITS or not p & q & 1:
            raise RemoteProtocolError("not an RSA-3072 key")
        return cls(p, q, u, d)
