"""Our chains and skip logic against PyPI's DoubleRatchet: same message keys, same headers, whatever the order.

The other library has no header encryption; its root chain takes the first 64 of our 96 bytes, which HKDF makes equal.
"""

import asyncio
import random
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from doubleratchet import AEAD, KDF, DiffieHellmanRatchet, DoubleRatchet, EncryptedMessage

from sealwire.crypto import ratchet as ours
from sealwire.crypto.primitives import x25519_public

SECRET, HEADER, NEXT_HEADER, PREKEY = (bytes([number]) * 32 for number in range(11, 15))


class Root(KDF):
    @staticmethod
    async def derive(key: bytes, data: bytes, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, key, b"sealwire/v1/rk\x00").derive(data)


class Message(KDF):
    @staticmethod
    async def derive(key: bytes, data: bytes, length: int) -> bytes:
        def step(constant: bytes) -> bytes:
            code = HMAC(key, hashes.SHA256())
            code.update(constant)
            return code.finalize()

        return step(b"\x02") + step(b"\x01")


class Bare(AEAD):
    """The "ciphertext" is the message key itself, so that a decryption shows which key the library found."""

    @staticmethod
    async def encrypt(plaintext: bytes, key: bytes, associated_data: bytes) -> bytes:
        return key

    @staticmethod
    async def decrypt(ciphertext: bytes, key: bytes, associated_data: bytes) -> bytes:
        assert ciphertext == key
        return key


class Scripted(DiffieHellmanRatchet):
    upcoming: ClassVar[list[bytes]] = []

    @staticmethod
    def _generate_priv() -> bytes:
        return Scripted.upcoming.pop(0)

    @staticmethod
    def _derive_pub(priv: bytes) -> bytes:
        return X25519PrivateKey.from_private_bytes(priv).public_key().public_bytes_raw()

    @staticmethod
    def _perform_diffie_hellman(own_priv: bytes, other_pub: bytes) -> bytes:
        return X25519PrivateKey.from_private_bytes(own_priv).exchange(X25519PublicKey.from_public_bytes(other_pub))


class Library(DoubleRatchet):
    @staticmethod
    def _build_associated_data(associated_data: bytes, header) -> bytes:
        return b""


COMMON = {
    "diffie_hellman_ratchet_class": Scripted,
    "root_chain_kdf": Root,
    "message_chain_kdf": Message,
    "message_chain_constant": b"",
    "dos_protection_threshold": 1000,
    "max_num_skipped_message_keys": 1000,
    "aead": Bare,
    "shared_secret": SECRET,
}


class Twin:
    """One side of the conversation, in both implementations at once."""

    def __init__(self, dice: random.Random, seen: list[tuple[bytes, ...]]) -> None:
        self.dice, self.seen = dice, seen
        self.state: ours.Ratchet | None = None
        self.library: Library | None = None

    async def open(self) -> tuple[bytes, EncryptedMessage]:
        private = self.dice.randbytes(32)
        Scripted.upcoming[:] = [private]
        remote = x25519_public(PREKEY)
        self.state = ours.Ratchet.opener(SECRET, HEADER, NEXT_HEADER, remote, lambda _: private)
        self.library, theirs = await Library.encrypt_initial_message(
            **COMMON, recipient_ratchet_pub=remote, message=b"", associated_data=b""
        )
        return self._send(theirs), theirs

    async def send(self) -> tuple[bytes, EncryptedMessage]:
        theirs = await self.library.encrypt_message(b"", b"")
        return self._send(theirs), theirs

    def _send(self, theirs: EncryptedMessage) -> bytes:
        self.seen.clear()
        self.state, message = self.state.encrypt(b"text", b"ad", self.dice.randbytes)
        dh, pn, n, key = self.seen[0]
        header = theirs.header
        assert (dh, pn, n) == (header.ratchet_pub, header.previous_sending_chain_length, header.sending_chain_length)
        assert key == theirs.ciphertext
        return message

    async def receive(self, message: bytes, theirs: EncryptedMessage) -> None:
        private = self.dice.randbytes(32)
        Scripted.upcoming[:] = [private]
        if self.state is None:
            self.state = ours.Ratchet.responder(SECRET, HEADER, NEXT_HEADER, PREKEY)
            self.library, key = await Library.decrypt_initial_message(
                **COMMON, own_ratchet_priv=PREKEY, message=theirs, associated_data=b""
            )
        else:
            key = await self.library.decrypt_message(theirs, b"")
        self.seen.clear()
        self.state, plaintext = self.state.decrypt(message, b"ad", lambda _: private)
        assert plaintext == b"text"
        assert self.seen[0][-1] == key


@pytest.fixture
def seen(monkeypatch):
    """What our ratchet works with inside: (dh, pn, n, message key) for each message it makes, the key for others."""
    found: list[tuple[bytes, ...]] = []
    headers: list[tuple] = []
    real_seal, real_expand = ours.aead_seal, ours.hkdf_expand

    def seal(key, nonce, plaintext, ad):
        if len(plaintext) == 40:
            headers.append(ours._HEADER.unpack(plaintext))
        return real_seal(key, nonce, plaintext, ad)

    def expand(key, info, size):
        found.append((*headers.pop(), key) if headers else (key,))
        return real_expand(key, info, size)

    monkeypatch.setattr(ours, "aead_seal", seal)
    monkeypatch.setattr(ours, "hkdf_expand", expand)
    return found


async def converse(dice: random.Random, seen: list) -> int:
    alice, bob = Twin(dice, seen), Twin(dice, seen)
    await bob.receive(*await alice.open())
    waiting: dict[Twin, list] = {alice: [], bob: []}
    delivered = 0
    for _ in range(80):
        sender, receiver = dice.choice(((alice, bob), (bob, alice)))
        if dice.random() < 0.6:
            waiting[receiver].append(await sender.send())
        elif waiting[receiver]:
            index = dice.randrange(len(waiting[receiver]))
            pair = waiting[receiver].pop(index)
            if dice.random() < 0.85:
                await receiver.receive(*pair)
                delivered += 1
    return delivered


@pytest.mark.parametrize("seed", range(12))
def test_same_keys_under_loss_and_reordering(seen, seed):
    assert asyncio.run(converse(random.Random(seed), seen)) > 5
