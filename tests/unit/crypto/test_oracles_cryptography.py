"""Every primitive against an implementation that shares no code with it.

PyNaCl's are judged by ``cryptography`` (OpenSSL) and by pycryptodome; pycryptodome's RSA and ML-KEM by
``cryptography``.
"""

import hashlib
import hmac
import os
import struct

import pytest
from Crypto.Cipher import ChaCha20_Poly1305
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, padding, x25519
from cryptography.hazmat.primitives.asymmetric import rsa as openssl_rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealwire.crypto import primitives as p
from sealwire.crypto import rsa
from sealwire.errors import RefusedError
from tests.vectors.people import person

ROUNDS = 20
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)


def oaep(label: bytes) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label)


def test_x25519():
    for _ in range(ROUNDS):
        ours, theirs = os.urandom(32), x25519.X25519PrivateKey.generate()
        public = theirs.public_key().public_bytes_raw()
        oracle = x25519.X25519PrivateKey.from_private_bytes(ours)
        assert p.x25519_public(ours) == oracle.public_key().public_bytes_raw()
        assert p.x25519(ours, public) == oracle.exchange(theirs.public_key())


def test_ed25519():
    for _ in range(ROUNDS):
        seed, content = os.urandom(32), os.urandom(50)
        oracle = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        signature = p.ed25519_sign(seed, "login", content)
        assert signature == oracle.sign(b"sealwire/v1/login\x00" + content)
        p.ed25519_verify(oracle.public_key().public_bytes_raw(), "login", content, signature)


def test_hkdf_and_hmac():
    for size in (1, 32, 88, 128, 255):
        ikm, rest, salt = os.urandom(64), os.urandom(30), os.urandom(32)
        oracle = HKDF(hashes.SHA256(), size, salt, b"sealwire/v1/kx\x00" + rest)
        assert p.hkdf(ikm, "kx", rest, size, salt) == oracle.derive(ikm)
        assert p.hmac_sha256(salt, ikm) == hmac.new(salt, ikm, hashlib.sha256).digest()


def test_xchacha20_poly1305():
    for size in (0, 1, 40, 256, 16_384):
        key, nonce, ad, text = os.urandom(32), os.urandom(24), os.urandom(33), os.urandom(size)
        oracle = ChaCha20_Poly1305.new(key=key, nonce=nonce)
        oracle.update(ad)
        sealed = b"".join(oracle.encrypt_and_digest(text))
        assert p.aead_seal(key, nonce, text, ad) == sealed
        assert p.aead_open(key, nonce, sealed, ad) == text


def openssl_private(private: rsa.RsaPrivate) -> openssl_rsa.RSAPrivateKey:
    encoded = private.encode()
    prime, other = (int.from_bytes(encoded[at : at + 192], "big") for at in (0, 192))
    d = int.from_bytes(encoded[576:], "big")
    public = openssl_rsa.RSAPublicNumbers(rsa.EXPONENT, prime * other)
    numbers = openssl_rsa.RSAPrivateNumbers(
        prime, other, d, d % (prime - 1), d % (other - 1), pow(other, -1, prime), public
    )
    return numbers.private_key()


@pytest.fixture(scope="module")
def key():
    return person("bob").device.enc


def test_rsa_oaep(key):
    oracle = openssl_private(key)
    for _ in range(3):
        secret, label = os.urandom(32), os.urandom(32)
        assert oracle.decrypt(rsa.encrypt(key.modulus, secret, label, os.urandom), oaep(label)) == secret
        assert key.decrypt(oracle.public_key().encrypt(secret, oaep(label)), label) == secret


def test_rsa_pss(key):
    oracle = openssl_private(key)
    content = os.urandom(100)
    labelled = b"sealwire/v1/card\x00" + content
    oracle.public_key().verify(key.sign("card", content, os.urandom), labelled, PSS, hashes.SHA256())
    rsa.verify(key.modulus, "card", content, oracle.sign(labelled, PSS, hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        oracle.public_key().verify(key.sign("card", content, os.urandom), content, PSS, hashes.SHA256())
    short_salt = padding.PSS(padding.MGF1(hashes.SHA256()), 0)
    with pytest.raises(RefusedError):
        rsa.verify(key.modulus, "card", content, oracle.sign(labelled, short_salt, hashes.SHA256()))


def hpke_export(shared: bytes, info: bytes) -> bytes:
    """RFC 9180 §5.1 (mode base, KEM 0x0041, KDF 0x0001, export only), written out from the text."""
    suite = b"HPKE" + struct.pack(">HHH", 0x0041, 0x0001, 0xFFFF)

    def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac.new(salt, b"HPKE-v1" + suite + label + ikm, hashlib.sha256).digest()

    def expand(prk: bytes, label: bytes, rest: bytes) -> bytes:
        labelled = struct.pack(">H", 32) + b"HPKE-v1" + suite + label + rest
        return hmac.new(prk, labelled + b"\x01", hashlib.sha256).digest()

    context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    return expand(expand(secret, b"exp", context), b"sec", b"sealwire/v1/pq")


def test_ml_kem_by_hpke():
    for _ in range(3):
        seed, info = os.urandom(64), os.urandom(32)
        oracle = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed)
        assert p.pq_public(seed) == oracle.public_key().public_bytes_raw()
        secret, ciphertext = p.pq_encapsulate(p.pq_public(seed), info)
        assert secret == hpke_export(oracle.decapsulate(ciphertext), info)
        shared, ciphertext = oracle.public_key().encapsulate()
        assert p.pq_decapsulate(seed, ciphertext, info) == hpke_export(shared, info)


def test_altered_ml_kem_ciphertext_is_rejected_alike():
    seed = os.urandom(64)
    _, ciphertext = p.pq_encapsulate(p.pq_public(seed), b"")
    altered = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    oracle = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed)
    assert p.pq_decapsulate(seed, altered, b"") == hpke_export(oracle.decapsulate(altered), b"")


def test_argon2id():
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    oracle = Argon2id(salt=b"s" * 16, length=32, iterations=3, lanes=1, memory_cost=64)
    assert p.argon2id(b"passphrase", b"s" * 16, 64, 3) == oracle.derive(b"passphrase")
