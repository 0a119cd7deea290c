"""The safety number two people compare, as 60 digits or as the bytes of a QR code.

Signal's numeric fingerprint over the account keys: 5,200 rounds of SHA-512, so that nobody finds a key whose number
looks alike. Both sides see the same digits.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Literal

from msgspec import Struct

from sealwire.crypto.card import Card
from sealwire.crypto.primitives import equal
from sealwire.errors import RemoteProtocolError

ROUNDS = 5200
"""Signal's number; fewer make a look-alike key cheaper to find."""

HASH_VERSION = 0
"""The version inside the hash, unchanged since Signal's first; the QR code carries its own."""

DIGITS = 60
_DIGIT_BYTES = 30
_SCAN_BYTES = 32
PURPOSE_COMPARE = 0x01
"""First byte of the QR code: it can only compare keys, never link a device or join a group."""

QR_VERSION = 0x01
QR_BYTES = 2 + 2 * _SCAN_BYTES
CODE_PREFIX = "sealwire-compare:"
MAX_CODE_CHARS = 256
"""A code has 105; whatever is pasted past this is not looked at."""

Judgement = Literal["same", "different", "other-person", "not-a-code"]
"""``different``: one side holds another key than the other shows; ``other-person``: a code of somebody else."""


def fingerprint(identifier: bytes, key: bytes, version: int = HASH_VERSION) -> bytes:
    """Return the 64 bytes that stand for one person.

    Source: protocol.md §13; libsignal, fingerprint.rs.
    """
    state = version.to_bytes(2, "big") + key + identifier
    for _ in range(ROUNDS):
        state = hashlib.sha512(state + key).digest()
    return state


def digits(one: bytes, other: bytes) -> str:
    """Return the 60 digits of two fingerprints, the same whichever comes first.

    Source: protocol.md §13; libsignal, fingerprint.rs.
    """
    return "".join(sorted((_half(one), _half(other))))


def _half(person: bytes) -> str:
    chunks = (person[at : at + 5] for at in range(0, _DIGIT_BYTES, 5))
    return "".join(f"{int.from_bytes(chunk, 'big') % 100_000:05d}" for chunk in chunks)


class SafetyNumber(Struct, frozen=True):
    """The safety number of this account with another, from this side: 64 bytes for each.

    Source: protocol.md §13.
    """

    own: bytes
    theirs: bytes

    @property
    def digits(self) -> str:
        """60 digits, equal on both sides."""
        return digits(self.own, self.theirs)

    @property
    def groups(self) -> list[str]:
        """The digits in twelve groups of five, as people read them aloud."""
        number = self.digits
        return [number[at : at + 5] for at in range(0, len(number), 5)]

    def qr_payload(self) -> bytes:
        """Return the 66 bytes of the QR code: purpose, version, own half, their half.

        Source: protocol.md §13.
        """
        return bytes((PURPOSE_COMPARE, QR_VERSION)) + self.own[:_SCAN_BYTES] + self.theirs[:_SCAN_BYTES]

    def matches_qr(self, scanned: bytes) -> bool:
        """Whether a scanned code shows the same two keys from the other side.

        Raises:
            RemoteProtocolError: it is a code of another purpose or version.

        Source: protocol.md §13.
        """
        if len(scanned) != QR_BYTES or scanned[:2] != bytes((PURPOSE_COMPARE, QR_VERSION)):
            raise RemoteProtocolError("a code for another purpose")
        mirrored = self.theirs[:_SCAN_BYTES] + self.own[:_SCAN_BYTES]
        return equal(scanned[2:], mirrored)

    def code(self) -> str:
        """Return the QR code's bytes as text: what is shown as QR, pasted or read by a scanner.

        Source: protocol.md §13.
        """
        return CODE_PREFIX + base64.urlsafe_b64encode(self.qr_payload()).decode()

    def judge(self, code: str) -> Judgement:
        """Say what another side's code proves. Never raises, whatever the text.

        Source: protocol.md §13.
        """
        text = "".join(code[:MAX_CODE_CHARS].split())
        try:
            scanned = base64.b64decode(text.removeprefix(CODE_PREFIX), b"-_", validate=True)
            if not text.startswith(CODE_PREFIX) or len(code) > MAX_CODE_CHARS:
                return "not-a-code"
            if self.matches_qr(scanned):
                return "same"
        except (RemoteProtocolError, ValueError):
            return "not-a-code"
        theirs, ours = scanned[2 : 2 + _SCAN_BYTES], scanned[2 + _SCAN_BYTES :]
        knows_us = equal(ours, self.own[:_SCAN_BYTES])
        return "different" if knows_us or equal(theirs, self.theirs[:_SCAN_BYTES]) else "other-person"


def typed_digits(text: str) -> str | None:
    """Return the 60 digits in ``text``, however they are spaced; None when it holds anything else."""
    number = "".join(text.split())
    return number if len(number) == DIGITS and number.isascii() and number.isdigit() else None


def account_id(realm: str, account: str) -> bytes:
    """Return the identifier of an account inside its safety number: ``realm ‖ account``.

    A realm always has 16 characters, so the two cannot run into each other.

    Source: protocol.md §13.
    """
    return realm.encode() + account.encode()


def safety_number(own: Card, theirs: Card) -> SafetyNumber:
    """Return the safety number of two accounts; takes about 10 ms.

    Source: protocol.md §13.
    """
    return safety_number_of(own.realm, (own.account, own.n_sign), (theirs.account, theirs.n_sign))


def safety_number_of(realm: str, own: tuple[str, bytes], theirs: tuple[str, bytes]) -> SafetyNumber:
    """Return the safety number of two (name, 384-byte account key) of one realm; takes about 10 ms.

    Source: protocol.md §13.
    """
    return SafetyNumber(*(fingerprint(account_id(realm, name), n_sign) for name, n_sign in (own, theirs)))
