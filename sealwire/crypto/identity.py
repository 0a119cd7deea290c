"""Who this device is: the private keys behind its card, and how it proves them to the broker.

The account key (RSA-PSS) signs cards and device lists and nothing else; LOGIN and prekeys are signed by the device's
own Ed25519 key, so that a stolen device is not the account.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from sealwire.crypto import rsa
from sealwire.crypto.card import (
    MAX_DEVICES,
    Card,
    DeviceList,
    SignedCard,
    SignedDeviceList,
    account_fingerprint,
    card_to_text,
)
from sealwire.crypto.primitives import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    H,
    Rng,
    ed25519_public,
    ed25519_sign,
    ed25519_verify,
    sha256,
    x25519_public,
)
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError
from sealwire.ids import TOKEN_BYTES, DeviceId, Millis
from sealwire.wire.header import Reader, lp

__all__ = [
    "MAX_DEVICES",
    "AccountKey",
    "Card",
    "DeviceKeys",
    "DeviceList",
    "Identity",
    "SignedCard",
    "SignedDeviceList",
    "account_fingerprint",
    "card_to_text",
    "login_transcript",
    "realm_of",
    "verify_login",
]


@dataclass(frozen=True, slots=True, repr=False)
class AccountKey:
    """The root of trust: signs cards and device lists, never anything a device signs.

    Source: protocol.md §7.
    """

    private: rsa.RsaPrivate

    def __repr__(self) -> str:
        return f"<AccountKey {self.fingerprint.hex()[:16]}>"

    @classmethod
    def generate(cls, rng: Rng) -> Self:
        """Make a new key; takes 0.3 to 2 seconds.

        Source: protocol.md §7.
        """
        return cls(rsa.RsaPrivate.generate(rng))

    @property
    def n_sign(self) -> bytes:
        """384 bytes, the public half."""
        return self.private.modulus

    @property
    def fingerprint(self) -> bytes:
        """32 bytes this account is pinned by."""
        return account_fingerprint(self.n_sign)

    def sign_card(self, card: Card, rng: Rng) -> SignedCard:
        """Vouch for a device of this account.

        Raises:
            LocalProtocolError: the card names another account key.

        Source: protocol.md §7.
        """
        if card.n_sign != self.n_sign:
            raise LocalProtocolError("a card of another account")
        return SignedCard(card, self.private.sign("card", card.encode(), rng))

    def sign_devices(self, devices: DeviceList, rng: Rng) -> SignedDeviceList:
        """Vouch for the account's devices at one version.

        Raises:
            LocalProtocolError: the list names another account key.

        Source: protocol.md §7.
        """
        if devices.n_sign != self.n_sign:
            raise LocalProtocolError("a device list of another account")
        return SignedDeviceList(devices, self.private.sign("devices", devices.encode(), rng))

    def encode(self) -> bytes:
        """Return the private key for the vault.

        Source: protocol.md §14.
        """
        return self.private.encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what ``encode`` wrote.

        Raises:
            RemoteProtocolError: it is no RSA-3072 key.

        Source: protocol.md §14.
        """
        return cls(rsa.RsaPrivate.decode(encoded))


@dataclass(frozen=True, slots=True, repr=False)
class DeviceKeys:
    """What only this device knows.

    Attributes:
        enc: RSA-OAEP private key.
        ik: 32 bytes, X25519 private identity key.
        sk: 32 bytes, Ed25519 seed.
        reject_key: 32 bytes, stands in for a handshake's secret that did not decrypt.

    Source: protocol.md §7.
    """

    enc: rsa.RsaPrivate
    ik: bytes
    sk: bytes
    reject_key: bytes

    def __repr__(self) -> str:
        return f"<DeviceKeys of {sha256(self.enc.modulus).hex()[:16]}>"

    @classmethod
    def generate(cls, rng: Rng) -> Self:
        """Make new keys; takes 0.3 to 2 seconds.

        Source: protocol.md §7.
        """
        return cls(rsa.RsaPrivate.generate(rng), rng(KEY_BYTES), rng(KEY_BYTES), rng(KEY_BYTES))

    def login_signature(self, transcript: bytes) -> bytes:
        """Return the 64 bytes that prove this device to the broker, for one connection only.

        Source: protocol.md §5.
        """
        return ed25519_sign(self.sk, "login", transcript)

    def encode(self) -> bytes:
        """Return the private keys for the vault.

        Source: protocol.md §14.
        """
        return self.enc.encode() + self.ik + self.sk + self.reject_key

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what ``encode`` wrote.

        Raises:
            RemoteProtocolError: another length, or no RSA-3072 key.

        Source: protocol.md §14.
        """
        reader = Reader(encoded)
        keys = cls(
            rsa.RsaPrivate.decode(reader.take(rsa.PRIVATE_BYTES)),
            reader.take(KEY_BYTES),
            reader.take(KEY_BYTES),
            reader.take(KEY_BYTES),
        )
        reader.end()
        return keys


DEVICE_KEYS_BYTES = rsa.PRIVATE_BYTES + 3 * KEY_BYTES


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """An account's key together with one device of it: everything a key file keeps.

    Source: protocol.md §7.
    """

    account: AccountKey
    device: DeviceKeys
    card: SignedCard
    devices: SignedDeviceList

    def __repr__(self) -> str:
        return f"<Identity {self.card.card.account} {self.account.fingerprint.hex()[:16]}>"

    @classmethod
    def create(
        cls,
        realm: str,
        account: str,
        device_id: DeviceId,
        now_ms: Millis,
        rng: Rng,
        progress: Callable[[str], None] | None = None,
    ) -> Self:
        """Make a new account with its first device.

        Args:
            progress: is told each step before it starts: ``account-key``, ``device-key``, ``card``.

        Source: protocol.md §7.
        """
        step = progress or (lambda _: None)
        step("account-key")
        account_key = AccountKey.generate(rng)
        step("device-key")
        device = DeviceKeys.generate(rng)
        step("card")
        card = Card(
            realm=realm,
            account=account,
            device=device_id,
            n_sign=account_key.n_sign,
            n_enc=device.enc.modulus,
            ik=x25519_public(device.ik),
            sk=ed25519_public(device.sk),
            created_ms=now_ms,
        )
        devices = DeviceList(realm, account, account_key.n_sign, 1, ((device_id, card.hash),))
        return cls(account_key, device, account_key.sign_card(card, rng), account_key.sign_devices(devices, rng))

    def encode(self) -> bytes:
        """Return everything, for the vault.

        Source: protocol.md §14.
        """
        return self.account.encode() + self.device.encode() + lp(self.card.encode()) + lp(self.devices.encode())

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Load what ``encode`` wrote.

        Raises:
            RemoteProtocolError: the parts do not parse or do not belong together.

        Source: protocol.md §14.
        """
        reader = Reader(encoded)
        account = AccountKey.decode(reader.take(rsa.PRIVATE_BYTES))
        device = DeviceKeys.decode(reader.take(DEVICE_KEYS_BYTES))
        card = SignedCard.decode(reader.lp())
        devices = SignedDeviceList.decode(reader.lp())
        reader.end()
        if card.card.n_sign != account.n_sign or card.card.n_enc != device.enc.modulus:
            raise RemoteProtocolError("keys and card that do not belong together")
        return cls(account, device, card, devices)


# --- realm and login -----------------------------------------------------------------------------------------


def realm_of(broker_curve: bytes) -> str:
    """Return the 16 characters that name a broker's realm, from its 32-byte CURVE public key.

    Source: protocol.md §7.
    """
    if len(broker_curve) != KEY_BYTES:
        raise LocalProtocolError("a CURVE key of another length")
    return base64.b32encode(H("realm", broker_curve)[:10]).decode().lower()


def login_transcript(
    realm: str,
    broker_curve: bytes,
    own_curve: bytes,
    client_nonce: bytes,
    server_nonce: bytes,
    token: bytes,
    hello: bytes,
    challenge: bytes,
) -> bytes:
    """Return what a LOGIN signs: both ends of this one connection, so that it is worth nothing on another.

    Args:
        broker_curve, own_curve: 32 bytes each; the broker takes the second from the connection itself.
        token: 8 bytes.
        hello, challenge: the two frames as sent, whole.

    Source: protocol.md §5.
    """
    if (len(broker_curve), len(own_curve), len(token)) != (KEY_BYTES, KEY_BYTES, TOKEN_BYTES):
        raise LocalProtocolError("a field of another length in a login")
    ends = lp(realm.encode()) + broker_curve + own_curve
    nonces = lp(client_nonce) + lp(server_nonce) + token
    return ends + nonces + sha256(hello) + sha256(challenge)


def verify_login(card: Card, transcript: bytes, signature: bytes) -> None:
    """Check that the device of ``card`` signed this login.

    Raises:
        RefusedError: it did not.

    Source: protocol.md §5.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise RefusedError("unsigned")
    ed25519_verify(card.sk, "login", transcript, signature)
