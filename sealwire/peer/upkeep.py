"""Prekeys of this device: made, published, topped up, and destroyed when nobody can need them any more.

Source: protocol.md §8.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from sealwire.crypto.identity import Identity
from sealwire.crypto.prekeys import OneTimeSecret, PrekeySecret, sign_prekeys
from sealwire.crypto.primitives import Rng
from sealwire.crypto.vault import Vault
from sealwire.ids import Millis
from sealwire.peer.records import Records
from sealwire.wire.control import OneTime, Publish, Welcome
from sealwire.wire.frames import MAX_ONE_TIME_PREKEYS

DAY_MS: Final = 24 * 3600 * 1000
ROTATE_AFTER_MS: Final = 7 * DAY_MS
"""Signed prekeys are renewed weekly: a stolen one opens a week of handshakes at most."""
KEEP_MS: Final = 37 * DAY_MS
"""A week and the broker's longest usual expiry: mail sealed to an older prekey may still be waiting."""
TOP_UP_BELOW: Final = 30
KEEP_ONE_TIME_MS: Final = 97 * DAY_MS
"""One-time secrets whose handshake never came; no mail is kept as long."""
MAX_ONE_TIME_KEPT: Final = 10_000
"""One-time secrets kept at once. Handshakes use them up one by one; without it a broker that says at each login that
none is left fills the disk with them. Past it none is made: sessions start with less forward secrecy, no more."""

SIGNED: Final = "signed"
ONCE: Final = "once"


class Upkeep:
    """Makes and keeps the secrets; the directory gets the public halves."""

    def __init__(self, records: Records, vault: Vault, identity: Identity, rng: Rng) -> None:
        self._records = records
        self._vault = vault
        self._identity = identity
        self._rng = rng

    def due(self, welcome: Welcome, now_ms: Millis, request_id: int) -> Publish | None:
        """What to upload after this WELCOME, if anything: the broker has none, too few, or old ones."""
        known = welcome.incarnation == self._records.get("incarnation")
        left = welcome.one_time_left if known else 0
        newest = self._newest()
        on_file = newest is not None and welcome.prekeys_id == newest.spk_id
        if known and on_file and left >= TOP_UP_BELOW and self._is_fresh(newest, now_ms):
            return None
        return self._upload(left, now_ms, request_id)

    def refill(self, now_ms: Millis, request_id: int) -> Publish | None:
        """What to upload while a link stays open: handshakes use one-time keys up, and a week passes."""
        left = len(self._records.prekeys(ONCE))
        if left >= TOP_UP_BELOW and self._is_fresh(self._newest(), now_ms):
            return None
        return self._upload(left, now_ms, request_id)

    def _is_fresh(self, newest: PrekeySecret | None, now_ms: Millis) -> bool:
        return newest is not None and now_ms - newest.issued_ms < ROTATE_AFTER_MS

    def _upload(self, left: int, now_ms: Millis, request_id: int) -> Publish:
        newest = self._newest()
        if newest is None or not self._is_fresh(newest, now_ms):
            newest = self._make_signed(now_ms)
        room = MAX_ONE_TIME_KEPT - len(self._records.prekeys(ONCE))
        once = [self._make_once(now_ms) for _ in range(min(MAX_ONE_TIME_PREKEYS - left, room))]
        signed = sign_prekeys(self._identity.device, self._identity.card.card, newest.public())
        one_time = [OneTime(secret.opk_id, secret.public().public) for secret in once]
        return Publish(id=request_id, prekeys=signed.prekeys.encode(), signature=signed.signature, one_time=one_time)

    def published(self, welcome: Welcome) -> None:
        """The upload was stored by the broker of this incarnation."""
        self._records.put("incarnation", welcome.incarnation)

    def signed(self, spk_id: int, pq_id: int) -> PrekeySecret | None:
        """The secret that a handshake names, if it still exists."""
        sealed = self._records.prekey(SIGNED, spk_id)
        if sealed is None:
            return None
        secret = PrekeySecret.decode(self._vault.open(_context(SIGNED, spk_id), sealed))
        return secret if secret.pq_id == pq_id else None

    def once(self, opk_id: int) -> OneTimeSecret | None:
        """A one-time secret, if it was not used."""
        sealed = self._records.prekey(ONCE, opk_id)
        return OneTimeSecret.decode(self._vault.open(_context(ONCE, opk_id), sealed)) if sealed else None

    def used(self, opk_id: int) -> None:
        """Its handshake opened a session: destroyed with that commit."""
        self._records.delete_prekey(ONCE, opk_id)

    def prune(self, now_ms: Millis) -> None:
        """Destroy old secrets. Called only when the mailbox was drained after a login, so no mail needs them."""
        rows = self._records.prekeys(SIGNED)
        for (spk_id, _), (_, newer_ms) in pairwise(rows):
            if now_ms - newer_ms > KEEP_MS:
                self._records.delete_prekey(SIGNED, spk_id)
                self._records.forget_handshakes(spk_id)
        for opk_id, made_ms in self._records.prekeys(ONCE):
            if now_ms - made_ms > KEEP_ONE_TIME_MS:
                self._records.delete_prekey(ONCE, opk_id)

    def _newest(self) -> PrekeySecret | None:
        rows = self._records.prekeys(SIGNED)
        if not rows:
            return None
        number = rows[-1][0]
        sealed = self._records.prekey(SIGNED, number)
        assert sealed is not None, "listed a moment ago in the same transaction"
        return PrekeySecret.decode(self._vault.open(_context(SIGNED, number), sealed))

    def _make_signed(self, now_ms: Millis) -> PrekeySecret:
        number = self._count("spk")
        secret = PrekeySecret.generate(self._rng, number, number, now_ms)
        self._keep(SIGNED, number, secret.encode(), now_ms)
        return secret

    def _make_once(self, now_ms: Millis) -> OneTimeSecret:
        number = self._count("opk")
        secret = OneTimeSecret.generate(self._rng, number)
        self._keep(ONCE, number, secret.encode(), now_ms)
        return secret

    def _keep(self, kind: str, number: int, secret: bytes, now_ms: Millis) -> None:
        self._records.put_prekey(kind, number, self._vault.seal(_context(kind, number), secret, self._rng), now_ms)

    def _count(self, name: str) -> int:
        # Ids count up from 1 and are never used again, not even after their secret is gone.
        number = int.from_bytes(self._records.get(f"last-{name}") or b"", "big") + 1
        self._records.put(f"last-{name}", number.to_bytes(4, "big"))
        return number


def _context(kind: str, number: int) -> bytes:
    return f"prekey:{kind}:{number}".encode()
