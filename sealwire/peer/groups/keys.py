"""Sender keys: ours, given to every device in the log; theirs, taken from the very device they belong to.

Source: protocol.md §16.4, §16.5.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from sealwire.crypto.card import HASH_BYTES
from sealwire.crypto.primitives import Rng
from sealwire.crypto.sender_keys import MAX_ITERATION, Place, ReceiverKey, SenderKey
from sealwire.crypto.vault import Vault
from sealwire.ids import MAILBOX_BYTES, GroupId, Mailbox, Millis
from sealwire.peer.groups.group import Group
from sealwire.peer.groups.records import GOOD, LEFT, REMOVED, GroupRecords, HeardKey, OwnKey
from sealwire.wire.group_content import Ended, SenderKeyGiven

MESSAGES_PER_EPOCH: Final = 500
"""After that many of ours a new epoch begins: whoever got hold of a chain key is outside again."""
EPOCH_MS: Final = 7 * 24 * 3600 * 1000
"""An epoch this old ends before we speak again, for the same reason."""
BURNT: Final = 0xFFFF_FFFF
"""No epoch: stands among our own keys of a group when this database is older than the last one used."""
KEPT_EPOCHS: Final = 3
"""Epochs of one device whose keys are kept for messages still under way."""
LATE_MS: Final = 24 * 3600 * 1000
"""So long after somebody's leaving was read here their words may still be under way: a mailbox is drained in minutes.
Without a bound whoever left could speak on for ever, by claiming the head of before."""
MAX_UNKNOWN_KEYS: Final = 50
"""Keys of devices that our log does not have yet; without a bound whoever knows the group's id fills the disk."""


class KeyRefusedError(Exception):
    """A sender key that must not be taken. Never leaves the cores of groups."""


class OwnKeys:
    """The keys of this device."""

    def __init__(self, records: GroupRecords, vault: Vault, card_hash: bytes, rng: Rng) -> None:
        self._records = records
        self._vault = vault
        self._card_hash = card_hash
        self._rng = rng
        self._current: dict[GroupId, tuple[OwnKey, SenderKey]] = {}
        self._burnt: dict[GroupId, bool] = {}

    def current(self, group: Group) -> tuple[OwnKey, SenderKey] | None:
        """The key of the epoch that holds now, if this device has spoken in it."""
        assert group.membership is not None, "nobody speaks in a group whose log was not read"
        found = self._current.get(group.id)
        if found is None:
            kept = next(iter(self._records.own_keys(group.id)), None)
            found = (kept, self._open(kept)) if kept is not None and kept.sealed else None
        if found is None or found[0].epoch != group.membership.epoch:
            return None
        self._current[group.id] = found
        return found

    def ready(self, group: Group, now_ms: Millis) -> tuple[OwnKey, SenderKey]:
        """The key of the epoch that holds now, made when there is none."""
        found = self.current(group)
        if found is not None:
            return found
        assert group.membership is not None, "looked at by current"
        epoch = group.membership.epoch
        key = SenderKey.generate(Place(group.id, epoch, group.head.hash, self._card_hash), self._rng)
        kept = OwnKey(group.id, epoch, now_ms, group.head.sequence, b"", b"")
        self.keep(kept, key)
        older = [old.epoch for old in self._records.own_keys(group.id) if old.epoch < epoch]
        if len(older) > 1:  # the one before is asked how many messages it had
            self._records.drop_own_keys(group.id, older[0])
        return kept, key

    def is_due(self, group: Group, now_ms: Millis) -> bool:
        """Whether an epoch should end before we speak again."""
        assert group.membership is not None, "nobody speaks in a group whose log was not read"
        found = self.current(group)
        used = found is not None and found[1].iteration >= MESSAGES_PER_EPOCH
        return used or now_ms - group.membership.epoch_ms > EPOCH_MS

    def is_used_up(self, group: Group) -> bool:
        """Whether nothing can be said before a new epoch."""
        found = self.current(group)
        return found is not None and found[1].iteration > MAX_ITERATION

    def give(
        self, group: Group, kept: OwnKey, key: SenderKey, devices: Mapping[Mailbox, str]
    ) -> list[tuple[Mailbox, str, SenderKeyGiven]]:
        """Give the key, at the iteration reached, to those devices that do not have it yet.

        Returns:
            (device, account, content) for each; the caller sends them, and what is sealed next comes behind.

        Source: protocol.md §16.4.
        """
        have = _holders(kept.given)
        if devices.keys() <= have:
            return []  # nearly always
        missing = sorted(devices.keys() - have)
        older = (old for old in self._records.own_keys(group.id) if old.epoch < kept.epoch and old.sealed)
        before = next(older, None)
        count = self._open(before).iteration if before is not None else 0
        had = _holders(before.given) if before is not None else frozenset()
        content = SenderKeyGiven(
            group=group.id,
            epoch=kept.epoch,
            sequence=kept.sequence,
            head=key.place.head,
            log_key=group.keys[group.head.writer].secret,
            chain_key=key.chain_key,
            iteration=key.iteration,
            verify_key=key.verify_key,
        )
        kept.given += b"".join(missing)
        self.keep(kept, key)
        late = content if before is None else _with(content, Ended(before.epoch, count))
        return [(mailbox, devices[mailbox], late if mailbox in had else content) for mailbox in missing]

    def forget(self, group: Group) -> None:
        """We are no longer in the group."""
        self._current.pop(group.id, None)
        self._records.drop_own_keys(group.id, BURNT)

    def burn(self, group: Group) -> None:
        """This database is a copy of before: we may have spoken in the epoch of now under a key that is not here.

        We speak again in an epoch that we begin ourselves.
        """
        self._current.pop(group.id, None)
        self._records.drop_own_keys(group.id, BURNT)
        self._records.put_own_key(OwnKey(group.id, BURNT, 0, 0, b"", b""))
        self._burnt.pop(group.id, None)

    def is_burnt(self, group: Group) -> bool:
        """Whether this device must begin an epoch before it speaks."""
        burnt = self._burnt.get(group.id)
        if burnt is None:
            burnt = self._burnt[group.id] = self._is_marked(group)
        return burnt

    def _is_marked(self, group: Group) -> bool:
        kept = next(iter(self._records.own_keys(group.id)), None)
        return kept is not None and kept.epoch == BURNT

    def renewed(self, group: Group) -> None:
        """An epoch of our own begins."""
        if self.is_burnt(group):
            self._records.drop_own_keys(group.id, BURNT + 1)
            del self._burnt[group.id]

    def forget_given(self, group: Group, mailbox: Mailbox) -> None:
        """A device lost what it had: it is given our key again when we speak next."""
        found = self.current(group)
        if found is not None and mailbox in boxes(found[0].given):
            kept, key = found
            kept.given = b"".join(box for box in boxes(kept.given) if box != mailbox)
            self.keep(kept, key)

    def keep(self, kept: OwnKey, key: SenderKey) -> None:
        """Write a key back."""
        kept.sealed = self._vault.seal(_own(kept), key.encode(), self._rng)
        self._records.put_own_key(kept)
        self._current[kept.group] = (kept, key)

    def _open(self, kept: OwnKey) -> SenderKey:
        return SenderKey.decode(self._vault.open(_own(kept), kept.sealed))


class HeardKeys:
    """The keys of other devices."""

    def __init__(self, records: GroupRecords, vault: Vault, rng: Rng) -> None:
        self._records = records
        self._vault = vault
        self._rng = rng
        self.tags = set(records.heard_tags())

    def take(self, group: Group, mailbox: Mailbox, account: str, card_hash: bytes, given: SenderKeyGiven) -> bool:
        """Take a key from the device it belongs to; False when it is the one that we have.

        Raises:
            KeyRefusedError: it is older than one that was taken, or another one for the same epoch.

        Source: protocol.md §16.4.
        """
        known = self._records.heard_keys(group.id, mailbox)
        place = Place(group.id, given.epoch, given.head, card_hash)
        previous = b"" if given.iteration else bytes(HASH_BYTES)
        key = ReceiverKey(place, given.chain_key, given.iteration, given.verify_key, previous)
        if known and given.epoch <= known[0].epoch:
            if any(old.tag == key.tag for old in known):
                return False
            raise KeyRefusedError
        if given.iteration > MAX_ITERATION + 1:
            raise KeyRefusedError
        if not self._is_listed(group, account, card_hash):
            self._make_room(group)
        self._drop([old.tag for old in known[KEPT_EPOCHS - 1 :]])
        self.keep(HeardKey(key.tag, group.id, given.epoch, mailbox, account, given.sequence, GOOD, b""), key)
        self.tags.add(key.tag)
        return True

    @staticmethod
    def _is_listed(group: Group, account: str, card_hash: bytes) -> bool:
        return group.membership is not None and group.membership.device(account, card_hash) is not None

    def _make_room(self, group: Group) -> None:
        """Too many keys of devices that the log does not have: all go, or whoever sent them kept newcomers out."""
        members = group.membership.members if group.membership is not None else {}
        unlisted = [key.tag for key in self._records.heard_keys(group.id) if key.account not in members]
        if len(unlisted) >= MAX_UNKNOWN_KEYS:
            self._drop(unlisted)

    def read_of(self, group: Group, mailbox: Mailbox, epoch: int) -> int | None:
        """How far a device's key of an epoch was read (the next iteration expected), if it was given to us."""
        found = next((key for key in self._records.heard_keys(group.id, mailbox) if key.epoch == epoch), None)
        return self.open(found).iteration if found is not None and found.sealed else None

    def open(self, kept: HeardKey) -> ReceiverKey:
        """The key itself."""
        return ReceiverKey.decode(self._vault.open(_heard(kept), kept.sealed))

    def keep(self, kept: HeardKey, key: ReceiverKey) -> None:
        """Write a key back."""
        sealed = self._vault.seal(_heard(kept), key.encode(), self._rng)
        self._records.put_heard_key(replace(kept, sealed=sealed))

    def removed(self, group: Group, mailboxes: Collection[Mailbox]) -> None:
        """These were put out. Of their keys only the tags stay, to know them by."""
        for kept in self._of(group, mailboxes):
            self._records.put_heard_key(replace(kept, status=REMOVED, sealed=b""))

    def left(self, group: Group, mailboxes: Collection[Mailbox], sequence: int, now_ms: Millis) -> None:
        """These left, by the entry of this sequence."""
        for kept in self._of(group, mailboxes):
            if kept.status == GOOD:  # not one from before they left another time
                self._records.put_heard_key(replace(kept, status=LEFT, left_sequence=sequence, left_ms=now_ms))

    def _of(self, group: Group, mailboxes: Collection[Mailbox]) -> list[HeardKey]:
        return [kept for kept in self._records.heard_keys(group.id) if kept.mailbox in mailboxes]

    def is_over(self, kept: HeardKey, now_ms: Millis) -> bool:
        """Whether the owner of a key left too long ago for words that are only late. Its key is destroyed then."""
        if kept.status != LEFT or now_ms - kept.left_ms <= LATE_MS:
            return False
        if kept.sealed:
            self._records.put_heard_key(replace(kept, sealed=b""))
        return True

    def forget(self, group: Group) -> None:
        """We are no longer in the group."""
        self._drop([kept.tag for kept in self._records.heard_keys(group.id)])

    def _drop(self, tags: list[bytes]) -> None:
        self._records.drop_heard_keys(tags)
        self.tags.difference_update(tags)


def boxes(given: bytes) -> list[Mailbox]:
    """Mailboxes that stand one behind the other."""
    return [Mailbox(given[at : at + MAILBOX_BYTES]) for at in range(0, len(given), MAILBOX_BYTES)]


@lru_cache(maxsize=64)
def _holders(given: bytes) -> frozenset[Mailbox]:
    """The same, to look one up in: asked for every message of an epoch, whose bytes are the same object all along."""
    return frozenset(boxes(given))


def _with(content: SenderKeyGiven, ended: Ended) -> SenderKeyGiven:
    fields = (content.group, content.epoch, content.sequence, content.head, content.log_key)
    return SenderKeyGiven(*fields, content.chain_key, content.iteration, content.verify_key, ended)


def _own(kept: OwnKey) -> bytes:
    return b"sender-key:own" + kept.group + kept.epoch.to_bytes(4, "big")


def _heard(kept: HeardKey) -> bytes:
    return b"sender-key:heard" + kept.tag
