"""What is said in groups: sealed once for everybody, opened with the key of the device that said it.

Source: protocol.md §16.5, §16.6.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sealwire.crypto.primitives import H, Rng
from sealwire.crypto.sender_keys import RepeatedError
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.i18n import _, ngettext
from sealwire.ids import GroupId, Mailbox
from sealwire.peer.events import Event, Warning
from sealwire.peer.groups.group import Group, GroupBook
from sealwire.peer.groups.keys import HeardKeys, OwnKeys
from sealwire.peer.groups.records import LEFT, REMOVED, GroupRecords, HeardKey
from sealwire.peer.groups.states import Deliveries
from sealwire.peer.inbox import BEHIND, WAITING, Arrival, Inbox, UnreadError
from sealwire.peer.mail import Mail
from sealwire.peer.pairs import Pairs
from sealwire.peer.people import People
from sealwire.peer.records import Now, OutboxRow
from sealwire.peer.roster import Roster
from sealwire.wire.content import decode_content
from sealwire.wire.group_plain import GroupPlaintext, decode_group_plaintext, encode_group_plaintext

NOT_A_MEMBER: Final = "not-a-member"
MAY_NOT_SPEAK: Final = "may-not-speak"


class Voice:
    """Seals what this device says."""

    def __init__(self, card_hash: bytes, own: OwnKeys, states: Deliveries, mail: Mail, rng: Rng) -> None:
        self._card_hash = card_hash
        self._own = own
        self._states = states
        self._mail = mail
        self._rng = rng

    def say(self, group: Group, rows: list[OutboxRow], devices: dict[Mailbox, str], now: Now) -> None:
        """Seal what waits, for these devices; whoever does not have our key yet is given it before.

        Source: protocol.md §16.6.
        """
        for row in rows:
            kept, key = self._own.ready(group, now.ms)
            if self._own.is_used_up(group):
                return
            for mailbox, account, given in self._own.give(group, kept, key, devices):
                self._mail.post(mailbox, given, now, account)
            plain = GroupPlaintext(
                version=1,
                group=group.id,
                sender=self._card_hash,
                epoch=kept.epoch,
                sequence=group.head.sequence,
                head=group.head.hash,
                message_id=row.message,
                previous=key.previous,
                sent_at_ms=row.created_ms,
                content=decode_content(row.content),
            )
            after, envelope = key.encrypt(encode_group_plaintext(plain), self._rng)
            self._own.keep(kept, after)
            if devices:
                self._states.begin(group.id, row.message, devices)
            self._mail.spread(row, devices, envelope)


class Ear:
    """Opens what other devices say."""

    def __init__(
        self,
        book: GroupBook,
        heard: HeardKeys,
        records: GroupRecords,
        pairs: Pairs,
        roster: Roster,
        people: People,
        inbox: Inbox,
        events: list[Event],
    ) -> None:
        self._book = book
        self._heard = heard
        self._records = records
        self._pairs = pairs
        self._roster = roster
        self._people = people
        self._inbox = inbox
        self._events = events
        self.shown: list[tuple[GroupId, int, bytes, str, Mailbox]] = []
        """Heads that messages showed: group, sequence, hash, whose, from which device."""

    def take_shown(self) -> list[tuple[GroupId, int, bytes, str, Mailbox]]:
        """The heads that messages showed, once."""
        shown, self.shown = self.shown, []
        return shown

    def open(self, tag: bytes, envelope: bytes, now: Now) -> bool:
        """Take a message of a group; False when the tag is none of a sender key.

        Raises:
            UnreadError: it must not be believed, or its key is of a log longer than ours.

        Source: protocol.md §16.5.
        """
        if tag not in self._heard.tags:
            return False
        kept = self._records.heard_key(tag)
        group = self._book.get(kept.group) if kept is not None else None
        if kept is None or group is None or group.state in ("left", "removed"):
            return True  # we are out: nothing of it concerns us
        self._check(group, kept, now)
        plain = self._decrypt(group, kept, envelope)
        if kept.status == LEFT and plain.sequence >= kept.left_sequence:
            raise UnreadError(NOT_A_MEMBER)
        pair = self._pairs.of(kept.mailbox)
        assert pair is not None, "its key came inside a session"
        self.shown.append((group.id, plain.sequence, plain.head, kept.account, kept.mailbox))
        if self._people.is_blocked(kept.account):
            return True
        self._inbox.hear(Arrival(pair, plain, now, group.conversation, kept.account), plain.content)
        return True

    def _check(self, group: Group, kept: HeardKey, now: Now) -> None:
        state = group.membership
        if group.applied < kept.sequence or state is None:
            raise UnreadError(BEHIND)
        if kept.status == REMOVED:
            raise UnreadError(NOT_A_MEMBER)
        if self._heard.is_over(kept, now.ms):
            raise UnreadError(NOT_A_MEMBER)
        place = self._heard.open(kept).place
        known = self._records.group_entry(group.id, kept.sequence)
        if known is None or H("group-head", known) != place.head or kept.epoch > state.epoch:
            raise UnreadError("not-for-us")
        if kept.status != LEFT and state.device(kept.account, place.card_hash) is None:
            raise UnreadError(NOT_A_MEMBER)
        if kept.status != LEFT and not state.speaks(kept.account):
            raise UnreadError(MAY_NOT_SPEAK)
        pair = self._pairs.of(kept.mailbox)
        if pair is None or self._roster.blocked(kept.account) or not self._roster.lists(pair.signed_card):
            raise UnreadError(WAITING, kept.account)

    def _decrypt(self, group: Group, kept: HeardKey, envelope: bytes) -> GroupPlaintext:
        key = self._heard.open(kept)
        try:
            after, plaintext, iteration = key.decrypt(envelope)
            plain = decode_group_plaintext(plaintext)
        except RepeatedError as error:
            self._say_clone(group, kept.account)
            raise UnreadError("repeated") from error
        except RefusedError as error:
            raise UnreadError("undecryptable") from error
        except RemoteProtocolError as error:
            raise UnreadError("malformed") from error
        place = key.place
        if (plain.group, plain.sender, plain.epoch) != (place.group, place.card_hash, place.epoch):
            raise UnreadError("not-for-us")
        if iteration >= key.iteration:  # not a late one
            if iteration > key.iteration:
                self.say_gap(group, kept.account, iteration - key.iteration)
            elif key.previous and plain.previous != key.previous:
                self._say_clone(group, kept.account)
            after = replace(after, previous=H("plain", plaintext))
        self._heard.keep(kept, after)
        return plain

    def say_gap(self, group: Group, account: str, missing: int) -> None:
        """Messages of somebody are missing."""
        text = ngettext(
            "{count} message from {name} in {group} is missing.",
            "{count} messages from {name} in {group} are missing.",
            missing,
        )
        text = text.format(count=missing, name=account, group=group.name)
        self._events.append(Warning("gap", text, group.conversation, missing))

    def _say_clone(self, group: Group, account: str) -> None:
        text = _(
            "{name}'s device seems to exist twice: two different messages claim the same place. "
            "Ask {name} whether its keys were copied."
        )
        self._events.append(Warning("clone", text.format(name=account), group.conversation))
