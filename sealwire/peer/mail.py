"""Mail of our own: from a person's words to their fate — queued, sent, refused, failed.

Source: protocol.md §5.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from sealwire.crypto.primitives import Rng
from sealwire.errors import LocalProtocolError, RejectedError
from sealwire.i18n import _
from sealwire.ids import GROUP_MARK, MESSAGE_ID_BYTES, Mailbox, MessageId, Token
from sealwire.peer.directory import RENEW_EVERY_MS, Directory
from sealwire.peer.events import Delivery, Event, Warning
from sealwire.peer.flights import Flight
from sealwire.peer.outbox import FINAL_CODES, MAX_AGE_MS, Outbox
from sealwire.peer.pairs import Pair, Pairs
from sealwire.peer.people import People
from sealwire.peer.prefs import Prefs
from sealwire.peer.records import Now, OutboxRow, ReceiptState, Records
from sealwire.peer.roster import Roster
from sealwire.wire.content import MAX_RECEIPT_IDS, Content, Receipt, Renew, decode_content, encode_content
from sealwire.wire.control import Limits
from sealwire.wire.frames import Code
from sealwire.wire.word_content import Delete, Edit, Pin, React, Ref, WordNews

SAID_AGAIN_S: Final = 600
"""That messages wait is said once in so long: a full disk refuses each of a thousand, and again every two seconds."""

ToGroup = Callable[[str, MessageId, Content, Now], None]
Owe = Callable[[Mailbox, str, ReceiptState, Sequence[MessageId]], None]
WasRead = Callable[[int, Now, str | None], None]
IsFor = Callable[[str, Mailbox | None], bool]


def _no_groups(conversation: str, _message: MessageId, _content: Content, _now: Now) -> None:
    raise LocalProtocolError(f"nothing carries messages to {conversation}")


def _no_receipts(_mailbox: Mailbox, account: str, _state: ReceiptState, _ids: Sequence[MessageId]) -> None:
    raise LocalProtocolError(f"nothing tells {account} what was read")


def _no_timers(_up_to_row: int, _now: Now, _conversation: str | None) -> None:
    """Nothing disappears."""


def _alone(_name: str) -> bool:
    return False


def _unheard(_name: str) -> None:
    """Nobody waits for an answer to a request."""


class Mail:
    """What this device sends, over the outbox."""

    def __init__(
        self,
        name: str,
        own_card_hash: bytes,
        records: Records,
        pairs: Pairs,
        roster: Roster,
        directory: Directory,
        people: People,
        prefs: Prefs,
        rng: Rng,
        events: list[Event],
    ) -> None:
        self._people = people
        self._prefs = prefs
        self._name = name
        self._own_card_hash = own_card_hash
        self._records = records
        self._pairs = pairs
        self._roster = roster
        self._directory = directory
        self._rng = rng
        self.outbox = Outbox(records)
        self._events = events
        self._told_waits: dict[tuple[str, str], float] = {}
        self.to_group: ToGroup = _no_groups
        self.owe: Owe = _no_receipts
        self.was_read: WasRead = _no_timers
        self.is_in_group_with: Callable[[str], bool] = _alone
        self.unread_groups: Callable[[], Collection[str]] = tuple
        self.on_answer: Callable[[str], None] = _unheard
        unknown = {account for _row, account, mailbox in records.outbox_rows() if mailbox is None}
        for account in sorted(name for name in unknown if not name.startswith(GROUP_MARK)):
            directory.find(account)

    # --- in ---

    def say(self, conversation: str, message_id: MessageId, content: Content, now: Now) -> None:
        """Queue content for everyone in a conversation: the devices of an account, or the members of a group."""
        if conversation.startswith(GROUP_MARK):
            self.to_group(conversation, message_id, content, now)
            return
        encoded = encode_content(content)
        mailboxes: Sequence[Mailbox | None] = self._roster.mailboxes(conversation) or [None]
        for mailbox in mailboxes:
            self.outbox.add(conversation, mailbox, message_id, encoded, now.ms)
        if self._roster.stale(conversation, now.ms):
            self._directory.find(conversation)

    def withdraw(self, message_id: MessageId) -> bool:
        """Give up what is queued of a message; False, and nothing is done, when it is too late for a part of it.

        That is when it was sent once, even if no answer came: the broker may have it. And when it was sealed for many:
        its place in the sender's chain would look like a message that somebody held back.
        """
        self.outbox.flush()
        waiting = self._records.outbox_of(message_id)
        if any(row.targets is not None or self.outbox.may_have_left(row.row) for row in waiting):
            return False
        for row in waiting:
            self._drop(row.row, row.mailbox, row.counter)
            if row.counter:
                self._seal_again(row)
        return True

    def _seal_again(self, given_up: OutboxRow) -> None:
        """What was sealed behind it for the same device does not name the gap; what can is sealed afresh and does."""
        for number, _account, mailbox in self._records.outbox_rows():
            row = self._records.outbox_row(number) if mailbox == given_up.mailbox else None
            if row is None or mailbox is None or not row.counter or row.targets is not None:
                continue
            pair = self._pairs.of(mailbox)
            if pair is not None and not self.outbox.may_have_left(number):
                pair.give_up(row.counter)
                self.outbox.unseal(row, mailbox)

    def withdraw_about(self, conversation: str, message_id: bytes) -> None:
        """Give up what is queued about a message of ours that was given up itself: its words least of all may leave."""

        def is_about(content: Content) -> bool:
            match content:
                case Edit(id=named) | Delete(id=named) | React(to=Ref(id=named)) | Pin(to=Ref(id=named)):
                    return named == message_id
            return False

        self.withdraw_where(lambda account, _mailbox: account == conversation, is_about)

    def withdraw_where(self, is_for: IsFor, is_about: Callable[[Content], bool]) -> None:
        """Give up what is queued for some, about something, as far as it has surely not left."""
        self.outbox.flush()
        queued = {row for row, account, mailbox in self._records.outbox_rows() if is_for(account, mailbox)}
        for waiting in map(self._records.outbox_row, sorted(queued)):
            if waiting is not None and is_about(decode_content(waiting.content)):
                self.withdraw(waiting.message)

    def spread(self, row: OutboxRow, mailboxes: Mapping[Mailbox, str], envelope: bytes) -> None:
        """A group's message was sealed: send it to these devices. In an empty group everybody has it already."""
        if mailboxes:
            self.outbox.spread(row, mailboxes, envelope)
        else:
            self.outbox.give_up(row.row)
            self._tell_sent(row.message)

    def post(self, mailbox: Mailbox, content: Content, now: Now, account: str | None = None) -> None:
        """Queue what is no person's message (a receipt, a request for renewal) for one device.

        Args:
            account: whose device it is, when that is known from elsewhere than the directory.
        """
        pair = self._pairs.of(mailbox)
        account = account or (pair.account if pair is not None else self._roster.owner(mailbox) or "")
        message_id = MessageId(self._rng(MESSAGE_ID_BYTES))
        self.outbox.add(account, mailbox, message_id, encode_content(content), now.ms)

    def acknowledge(self, mailbox: Mailbox, state: ReceiptState, ids: Sequence[MessageId], now: Now) -> None:
        """Tell a device what became of its messages here."""
        for at in range(0, len(ids), MAX_RECEIPT_IDS):
            self.post(mailbox, Receipt(state, list(ids[at : at + MAX_RECEIPT_IDS])), now)

    def mark_read(self, up_to_row: int, now: Now, conversation: str | None = None) -> None:
        """Everything up to this row has been seen, everywhere or in one conversation; says so to those who wrote it."""
        fresh = self._records.unread_between(up_to_row, conversation)
        self._records.put_read(up_to_row, conversation)
        self.was_read(up_to_row, now, conversation)
        by_sender: dict[str, list[MessageId]] = {}
        for place, sender, message_id in fresh if self._prefs.read_receipts else ():
            answered = place != sender or self._people.is_accepted(sender)  # a group is joined by consent
            if answered and not self._people.is_blocked(sender):
                by_sender.setdefault(sender, []).append(message_id)
        for name, ids in by_sender.items():
            self._tell(name, "read", ids)

    def _tell(self, name: str, state: ReceiptState, ids: Sequence[MessageId]) -> None:
        for mailbox in self._roster.mailboxes(name) if ids else ():
            self.owe(mailbox, name, state, ids)

    def accept(self, name: str, _now: Now) -> None:
        """Talk with somebody from now on: the receipts that were held while it was a request go out."""
        if not self._people.accept(name):
            return
        self.on_answer(name)
        held = self._records.received_from(name)
        tell_read = self._prefs.read_receipts
        self._tell(name, "read", [found for found, read in held if read and tell_read])
        self._tell(name, "delivered", [found for found, read in held if not (read and tell_read)])

    def may_notice(self, name: str) -> bool:
        """Whether somebody may find out that this device is here: answered, or in a group with us."""
        is_answered = self._people.is_accepted(name) and not self._people.is_blocked(name)
        return is_answered or self.is_in_group_with(name)

    def ask_renewals(self, now: Now) -> None:
        """Something could not be opened and nobody outside knows whose it was: ask the devices we talk with."""
        for contact in self._roster.all():
            for mailbox in self._roster.mailboxes(contact.name) if self.may_notice(contact.name) else ():
                pair = self._pairs.of(mailbox)
                if pair is None or not pair.sessions or now.ms - pair.state.renew_asked_ms < RENEW_EVERY_MS:
                    continue
                pair.state.renew_asked_ms = now.ms
                pair.changed = True
                self.post(mailbox, Renew(), now)

    def reach(self, name: str) -> None:
        """An account's devices are known: give waiting rows their device."""
        mailboxes = self._roster.mailboxes(name)
        if not mailboxes:
            return  # listed, but no device of theirs is registered: what is queued waits
        self.outbox.address(name, mailboxes)
        self.outbox.readdress(name, mailboxes)
        # What was sealed for many cannot be sealed afresh for one: a device that is no longer theirs goes without.
        waiting = {mailbox for _row, left in self.outbox.fans() for mailbox in left}.difference(mailboxes)
        pairs = {mailbox: self._pairs.of(mailbox) for mailbox in waiting}
        gone = {mailbox for mailbox, pair in pairs.items() if pair is not None and pair.account == name}
        self.drop_devices(gone, _code_words()[Code.UNKNOWN])

    def fail_unknown(self, name: str) -> None:
        """The directory knows nobody of that name (any more): what is queued for it has nowhere to go."""
        self.outbox.flush()
        reason = _("nobody is registered under the name {name}").format(name=name)
        flying = self.outbox.in_flight()
        for row, account, mailbox in self._records.outbox_rows():
            waiting = self._records.outbox_row(row) if account == name and row not in flying else None
            if waiting is not None:
                self._give_up(row, mailbox, waiting.message, waiting.counter, reason)
        self.drop_devices(set(self._roster.mailboxes(name)), reason)

    def fail(self, row: OutboxRow, why: str) -> None:
        """A message that was not sealed yet has nowhere to go any more."""
        self._give_up(row.row, None, row.message, None, why)

    def drop_devices(self, mailboxes: AbstractSet[Mailbox] | None, why: str, conversation: str | None = None) -> None:
        """Messages to many (of one group) no longer go to these: who is no longer in it, or has no mailbox any more.

        What flies to them may arrive; it is not repeated.

        Args:
            mailboxes: None is everybody.
        """
        self.outbox.flush()
        for row, left in self.outbox.fans():
            gone = left if mailboxes is None else left & mailboxes
            waiting = self._records.outbox_row(row) if gone else None
            if waiting is None or conversation not in (None, waiting.account):
                continue
            for mailbox in gone:
                self._give_up(row, mailbox, waiting.message, None, why)

    # --- out ---

    def send_due(self, token: Token, limits: Limits, now: Now, frames: list[bytes]) -> None:
        """End holds that are over, then send what the windows allow."""

        def seal(pair: Pair, row: OutboxRow) -> tuple[int, bytes]:
            content = decode_content(row.content)
            return pair.seal(self._own_card_hash, row.message, content, row.created_ms, self._rng)

        self.outbox.release_due(token, now, frames)
        sendable, reachable = self._directory.sendable, self._directory.reachable()
        unread = self.unread_groups()
        self.outbox.pump(token, limits, now, lambda mailbox: sendable(mailbox, now), reachable, seal, frames, unread)

    def accepted(self, seq: int, now: Now) -> None:
        """ACCEPTED came: draw what it means for each message. Raises RemoteProtocolError."""
        settled = self.outbox.accept(seq)
        for flight in settled.accepted:
            pair = self._pairs.of(flight.mailbox)
            if pair is not None:
                pair.arrived(flight.counter)
            self._tell_sent(flight.message)
        for message in settled.fans:
            self._tell_sent(message)
        for flight, code, retry_after_ms in settled.refused:
            self._refused(flight, code, retry_after_ms, now)

    def _tell_sent(self, message: MessageId) -> None:
        conversation = self._records.accepted(message)
        if conversation is not None:
            self._events.append(Delivery(message.hex(), "sent", conversation))

    def _refused(self, flight: Flight, code: Code, retry_after_ms: int, now: Now) -> None:
        if code in FINAL_CODES:
            reason = str(RejectedError(reason=_code_words()[code]))
            self._give_up(flight.row, flight.mailbox, flight.message, flight.counter, reason)
            return
        self.outbox.hold(flight, retry_after_ms, now)
        owner = self._roster.owner(flight.mailbox)
        if code == Code.UNKNOWN:
            if owner is not None:
                self._directory.find(owner)
        elif code != Code.HELD:
            message = self._records.own_message(flight.message)
            if message is not None:
                text = _("A message to {name} waits: {reason}.").format(
                    name=owner or message.conversation, reason=_code_words().get(code, code.name)
                )
                self._tell_waits(message.conversation, text, now)

    def _tell_waits(self, conversation: str, text: str, now: Now) -> None:
        if now.mono_s - self._told_waits.get((conversation, text), -SAID_AGAIN_S) >= SAID_AGAIN_S:
            self._told_waits[conversation, text] = now.mono_s
            self._events.append(Warning("refused", text, conversation))

    def _give_up(self, row: int, mailbox: Mailbox | None, message: MessageId, counter: int | None, why: str) -> None:
        waiting = self._records.outbox_row(row)
        if mailbox is not None and self.outbox.is_fan(row):
            if self.outbox.drop(row, mailbox):  # others have it, or will
                self._tell_sent(message)
                return
        else:
            self._drop(row, mailbox, counter)
        conversation = self._records.fail(message, why)
        if conversation is not None:
            self._events.append(Delivery(message.hex(), "failed", conversation, why))
        elif waiting is not None and isinstance(decode_content(waiting.content), WordNews):
            text = _("A change in the conversation with {name} could not be sent: {reason}.")
            text = text.format(name=waiting.account, reason=why.rstrip("."))
            self._events.append(Warning("change-unsent", text, waiting.account))

    def _drop(self, row: int, mailbox: Mailbox | None, counter: int | None) -> None:
        pair = self._pairs.of(mailbox) if mailbox is not None else None
        if pair is not None and counter:
            pair.give_up(counter)
        self.outbox.give_up(row)

    def expire(self, now: Now) -> None:
        """Give up what could not be sent for too long, and nothing that an answer is owed for."""
        self.outbox.flush()
        busy = self.outbox.in_flight()
        for row in self._records.outbox_before(now.ms - MAX_AGE_MS):
            waiting = self._records.outbox_row(row)
            if waiting is not None and row not in busy:
                why = _("it could not be sent for 30 days")
                for mailbox in self.outbox.devices_of(waiting):
                    self._give_up(row, mailbox, waiting.message, waiting.counter, why)


def _code_words() -> dict[Code, str]:
    return {
        Code.STORAGE: _("the broker's disk is full"),
        Code.RATE: _("too many messages at once"),
        Code.SIZE: _("it is too large for this broker"),
        Code.UNKNOWN: _("the recipient's device is not registered"),
        Code.QUOTA: _("the recipient's mailbox is full"),
        Code.BUSY: _("the broker is busy"),
        Code.SHARE: _("your share of the recipient's mailbox is used up"),
        Code.INVALID: _("the broker finds it malformed"),
    }
