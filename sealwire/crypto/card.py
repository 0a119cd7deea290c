"""Cards and device lists: the public side of an account, signed by its RSA-PSS key.

A card holds a device's public keys; its hash is the device's mailbox, so that nobody can put other keys behind it.
"""

from __future__ import annotations

import base64
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Self

from msgspec import Struct

from sealwire.crypto import rsa
from sealwire.crypto.primitives import KEY_BYTES, H
from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.ids import MAILBOX_BYTES, DeviceId, Mailbox, Millis
from sealwire.wire.header import RSA_BYTES, VERSION_AND_SUITE, Reader, expect_version, lp

DEVICE_ID_BYTES = 16
HASH_BYTES = 32
MAX_NAME_BYTES = 64
"""Realm and account; a longer one would not fit the sealed card of a handshake."""

MAX_DEVICES = 8
"""Devices of one account; without it one account's fan-out makes every sender encrypt without end."""

MAX_CARD_BYTES = 3 + 2 * (2 + MAX_NAME_BYTES) + DEVICE_ID_BYTES + 2 * RSA_BYTES + 2 * KEY_BYTES + 8


@dataclass(frozen=True, repr=False)  # no slots: encoding and hashes are computed once and kept
class Card:
    """A device's public keys under its account's name.

    Attributes:
        realm, account: 1 to 64 bytes of UTF-8 in NFC.
        device: 16 bytes.
        n_sign, n_enc: 384-byte RSA moduli of the account (PSS) and of the device (OAEP).
        ik, sk: 32 bytes, X25519 identity key and Ed25519 signing key of the device.

    Source: protocol.md §7.
    """

    realm: str
    account: str
    device: DeviceId
    n_sign: bytes
    n_enc: bytes
    ik: bytes
    sk: bytes
    created_ms: Millis

    def __repr__(self) -> str:
        return f"<Card {self.account}@{self.realm} {self.fingerprint.hex()[:16]}>"

    @cached_property
    def _encoded(self) -> bytes:
        parts = (
            VERSION_AND_SUITE,
            lp(self.realm.encode()),
            lp(self.account.encode()),
            self.device,
            self.n_sign,
            self.n_enc,
            self.ik,
            self.sk,
            self.created_ms.to_bytes(8, "big"),
        )
        return b"".join(parts)

    def encode(self) -> bytes:
        """Return the bytes that are signed, hashed into the mailbox and bound into every transcript.

        Source: protocol.md §7.
        """
        return self._encoded

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read a card from where ``reader`` stands; it delimits itself.

        Raises:
            RemoteProtocolError: it is no card.

        Source: protocol.md §7.
        """
        expect_version(reader)
        card = cls(
            realm=_read_name(reader),
            account=_read_name(reader),
            device=DeviceId(reader.take(DEVICE_ID_BYTES)),
            n_sign=rsa.check_modulus(reader.take(RSA_BYTES)),
            n_enc=rsa.check_modulus(reader.take(RSA_BYTES)),
            ik=reader.take(KEY_BYTES),
            sk=reader.take(KEY_BYTES),
            created_ms=reader.uint(8),
        )
        if card.n_sign == card.n_enc:  # one key for both jobs: its decryptions would be signatures
            raise RemoteProtocolError("one RSA key for two jobs")
        return card

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read a card that fills ``encoded``.

        Raises:
            RemoteProtocolError: it is no card.

        Source: protocol.md §7.
        """
        reader = Reader(encoded)
        card = cls.read(reader)
        reader.end()
        return card

    @cached_property
    def hash(self) -> bytes:
        """32 bytes that name this card inside messages and device lists."""
        return H("card", self.encode())

    @cached_property
    def mailbox(self) -> Mailbox:
        """Where mail for this device waits: its own hash, so that nobody can put other keys behind it."""
        return Mailbox(H("mailbox", self.encode())[:MAILBOX_BYTES])

    @cached_property
    def fingerprint(self) -> bytes:
        """32 bytes of the account key, the same on every device of the account."""
        return account_fingerprint(self.n_sign)


def account_fingerprint(n_sign: bytes) -> bytes:
    """Return the 32 bytes an account key is pinned by.

    Source: protocol.md §7.
    """
    return H("account", n_sign)


def _read_name(reader: Reader) -> str:
    raw = reader.lp(MAX_NAME_BYTES)
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError("a name that is no UTF-8") from None
    if not name or unicodedata.normalize("NFC", name) != name:
        raise RemoteProtocolError("a name that is empty or not in NFC")
    return name


class SignedCard(Struct, frozen=True):
    """A card and its account's 384-byte PSS signature.

    Source: protocol.md §7.
    """

    card: Card
    signature: bytes

    def encode(self) -> bytes:
        """Return ``LP(card) ‖ signature``.

        Source: protocol.md §7.
        """
        return lp(self.card.encode()) + self.signature

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read one from where ``reader`` stands.

        Raises:
            RemoteProtocolError: it is no signed card.

        Source: protocol.md §7.
        """
        return cls(Card.decode(reader.lp(MAX_CARD_BYTES)), reader.take(RSA_BYTES))

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read one that fills ``encoded``. It is not verified yet.

        Raises:
            RemoteProtocolError: it is no signed card.

        Source: protocol.md §7.
        """
        reader = Reader(encoded)
        signed = cls.read(reader)
        reader.end()
        return signed

    def verify(self) -> None:
        """Check the signature by the account key that the card itself names.

        Raises:
            RefusedError: the account did not sign this card.

        Source: protocol.md §7.
        """
        rsa.verify(self.card.n_sign, "card", self.card.encode(), self.signature)


class DeviceList(Struct, frozen=True):
    """The devices of an account at one version.

    Attributes:
        n_sign: 384 bytes; inside, so that the signature cannot be claimed for another key.
        version: counts up from 1; a lower one than seen before is a rollback.
        devices: device id and 32-byte card hash, in rising order of ids, at most ``MAX_DEVICES``.

    Source: protocol.md §7.
    """

    realm: str
    account: str
    n_sign: bytes
    version: int
    devices: tuple[tuple[DeviceId, bytes], ...]

    def encode(self) -> bytes:
        """Return the bytes that are signed.

        Source: protocol.md §7.
        """
        if len(self.devices) > MAX_DEVICES:
            raise LocalProtocolError("more devices than an account may have")
        head = VERSION_AND_SUITE + lp(self.realm.encode()) + lp(self.account.encode()) + self.n_sign
        entries = b"".join(device + card_hash for device, card_hash in self.devices)
        return head + self.version.to_bytes(4, "big") + bytes((len(self.devices),)) + entries

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read a list that fills ``encoded``.

        Raises:
            RemoteProtocolError: it is no device list, or its ids do not rise.

        Source: protocol.md §7.
        """
        reader = Reader(encoded)
        expect_version(reader)
        realm, account = _read_name(reader), _read_name(reader)
        n_sign = rsa.check_modulus(reader.take(RSA_BYTES))
        version, count = reader.uint(4), reader.uint(1)
        if version == 0 or count > MAX_DEVICES:
            raise RemoteProtocolError("a device list past its limit")
        devices = tuple((DeviceId(reader.take(DEVICE_ID_BYTES)), reader.take(HASH_BYTES)) for _ in range(count))
        reader.end()
        if any(left[0] >= right[0] for left, right in pairwise(devices)):
            raise RemoteProtocolError("a device list out of order")
        return cls(realm, account, n_sign, version, devices)

    def lists(self, card: Card) -> bool:
        """Whether ``card`` is, byte for byte, a current device of this account.

        Source: protocol.md §9.
        """
        same_account = (card.realm, card.account, card.n_sign) == (self.realm, self.account, self.n_sign)
        return same_account and (card.device, card.hash) in self.devices


MAX_DEVICE_LIST_BYTES = 3 + 2 * (2 + MAX_NAME_BYTES) + RSA_BYTES + 5 + MAX_DEVICES * (DEVICE_ID_BYTES + HASH_BYTES)


class SignedDeviceList(Struct, frozen=True):
    """A device list and its account's 384-byte PSS signature.

    Source: protocol.md §7.
    """

    devices: DeviceList
    signature: bytes

    def encode(self) -> bytes:
        """Return ``LP(list) ‖ signature``.

        Source: protocol.md §7.
        """
        return lp(self.devices.encode()) + self.signature

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read one that fills ``encoded``. It is not verified yet.

        Raises:
            RemoteProtocolError: it is no signed device list.

        Source: protocol.md §7.
        """
        reader = Reader(encoded)
        devices = DeviceList.decode(reader.lp(MAX_DEVICE_LIST_BYTES))
        signed = cls(devices, reader.take(RSA_BYTES))
        reader.end()
        return signed

    def verify(self) -> None:
        """Check the signature by the account key that the list itself names.

        Raises:
            RefusedError: the account did not sign this list.

        Source: protocol.md §7.
        """
        rsa.verify(self.devices.n_sign, "devices", self.devices.encode(), self.signature)


# --- the card as text ----------------------------------------------------------------------------------------

_BEGIN = "-----BEGIN SEALWIRE CARD-----"
_END = "-----END SEALWIRE CARD-----"
_LINE = 64


def card_to_text(signed: SignedCard) -> str:
    """Return a signed card in PEM-like text, as ``keys/NAME.pub`` holds it.

    Source: protocol.md §7.
    """
    body = base64.b64encode(signed.encode()).decode()
    lines = [body[at : at + _LINE] for at in range(0, len(body), _LINE)]
    return "\n".join([_BEGIN, *lines, _END, ""])
