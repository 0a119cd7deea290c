"""The records a peer keeps, and the port through which the cores read and write them.

The cores write only inside a transaction that the shell has opened; the shell commits it before it sends a frame
or publishes an event. A core that is thrown away and made again from the records is therefore never ahead of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from msgspec import Struct

from sealwire.ids import Mailbox, MessageId, Mid, Millis
from sealwire.peer.events import Message, MessageKind, TrustState
from sealwire.peer.filerecords import FileRecords
from sealwire.peer.groups.records import GroupRecords
from sealwire.peer.keeprecords import KeepRecords

ReceiptState = Literal["delivered", "read"]

KINDS: Final[tuple[MessageKind, ...]] = ("text", "file", "notice")
"""Their places are what the database holds."""


class Now(NamedTuple):
    """The two clocks: wall time for records, monotonic time for deadlines."""

    ms: Millis
    mono_s: float


class ContactRecord(Struct):
    """Someone we talk to, pinned by account key."""

    name: str
    account_key: bytes
    trust: TrustState
    first_seen_ms: Millis
    changed_ms: Millis | None = None
    new_account_key: bytes | None = None
    devices: bytes | None = None
    checked_ms: Millis = 0


class PersonRecord(Struct, frozen=True):
    """What is set here about a name, known by key or not."""

    name: str
    accepted: bool = False
    """Answered: this person may know that we are here."""
    blocked: bool = False
    nickname: str = ""


class DeviceRecord(Struct):
    """The stored half of a device pair; ``state`` is encoded by peer/pairs.py."""

    mailbox: Mailbox
    account: str
    card: bytes
    state: bytes


class OutboxRow(Struct):
    """A message on its way to one device (or, without mailbox, to an account whose devices are not known yet)."""

    row: int
    account: str
    mailbox: Mailbox | None
    message: MessageId
    content: bytes
    created_ms: Millis
    counter: int | None = None
    envelope: bytes | None = None
    targets: bytes | None = None
    """Of a row for many devices: who still has to get it (peer/flights.py). ``account`` is the group then."""


class QuarantineRow(Struct, frozen=True):
    """An envelope that was acknowledged but could not be read yet."""

    row: int
    mid: Mid
    envelope: bytes
    reason: str
    account: str | None


class Details(NamedTuple):
    """What a new message has beside its words."""

    kind: MessageKind = "text"
    answers: tuple[str, bytes] | None = None
    """(author, id) of the message it answers."""
    forwarded: bool = False
    timer_s: int = 0
    mentions: tuple[str, ...] = ()
    mentions_me: bool = False


PLAIN: Final = Details()


class MessageRow(NamedTuple):
    """A message of the history, as the cores change it."""

    row: int
    id: bytes
    conversation: str
    sender: str
    mine: bool
    kind: MessageKind
    text: str
    sent_at_ms: Millis
    state: int
    revision: int
    revision_id: bytes
    deleted: bool
    pinned: bool
    pin_number: int
    pin_by: str
    reply_author: str | None
    reply_id: bytes | None
    forwarded: int
    timer_s: int
    partly: int
    """Some devices have it, others not yet."""


class ReactionRow(NamedTuple):
    """One person's reaction to a message; of two the one with the larger (number, event) stands."""

    number: int
    event: bytes
    emoji: str


class AsideRow(NamedTuple):
    """A change that came before the message it is about."""

    conversation: str
    author: str
    id: bytes
    by: str
    kind: int
    event: bytes
    content: bytes
    sent_at_ms: Millis
    at_ms: Millis


class TimerRow(NamedTuple):
    """A conversation's timer; of two the one with the larger (number, by) stands."""

    seconds: int
    number: int
    by: str


class WordRecords(Protocol):
    """What became of messages: see ``shelves.words``."""

    def find(self, conversation: str, sender: str, message_id: bytes) -> MessageRow | None:
        """The message of this author and id in this conversation."""

    def named(self, conversation: str, message_id: bytes) -> list[MessageRow]:
        """Every message of this id in this conversation: nearly always one at most."""

    def own_row(self, message_id: bytes) -> MessageRow | None:
        """Our own message of this id, in whatever conversation."""

    def correct(self, row: int, text: str, mentions: tuple[str, ...], mentions_me: bool) -> None:
        """Put other words in place."""

    def put_revision(self, row: int, revision: int, event: bytes, edited_at_ms: Millis) -> None:
        """Remember which edit the words are of."""

    def take_back(self, row: int) -> None:
        """Leave nothing of a message but its place."""

    def remove(self, row: int, now_ms: Millis) -> None:
        """Delete a message here, place and all, and remember that it was here."""

    def is_gone(self, conversation: str, sender: str, message_id: bytes) -> bool:
        """Whether a message was deleted here."""

    def reaction(self, row: int, sender: str) -> ReactionRow | None:
        """One person's reaction, also one that was taken off."""

    def reactions_count(self, row: int) -> int:
        """How many people ever reacted to a message."""

    def put_reaction(self, row: int, sender: str, reaction: ReactionRow) -> None:
        """Set one person's reaction."""

    def put_pin(self, row: int, pinned: bool, number: int, by: str, at_ms: Millis) -> None:
        """Pin or unpin."""

    def pins(self, conversation: str) -> int:
        """How many messages are pinned."""

    def put_aside(self, aside: AsideRow, most: int) -> None:
        """Keep a change for its message; of one person and conversation the oldest go past ``most``."""

    def aside(self, conversation: str, author: str, message_id: bytes) -> list[AsideRow]:
        """What waits for a message."""

    def drop_aside(self, conversation: str, author: str, message_id: bytes) -> None:
        """It waits no longer."""

    def forget_aside(self, before_ms: Millis) -> None:
        """Drop what waited since before a time, and the marks of messages deleted before it."""

    def timer(self, conversation: str) -> TimerRow:
        """The conversation's timer."""

    def put_timer(self, conversation: str, timer: TimerRow) -> None:
        """Set it."""

    @property
    def mortals(self) -> int:
        """Grows with every own message that has a timer."""

    def own_wait(self) -> bool:
        """Whether own messages with a timer have not begun to age."""

    def begin_own(self, age_ms: int, now_ms: Millis) -> int:
        """Own messages with a timer that reached the broker begin to age; returns how many."""

    def begin_read(self, up_to_row: int, age_ms: int, now_ms: Millis, conversation: str | None = None) -> int:
        """Others' messages with a timer up to a row have been read and begin to age; returns how many."""

    def dying(self, age_ms: int, most: int) -> list[int]:
        """Rows whose time has come, at most so many."""

    def next_death(self) -> int | None:
        """The age at which the next message disappears."""

    def draft(self, conversation: str) -> str:
        """What was written and not sent."""

    def put_draft(self, conversation: str, text: str) -> None:
        """Keep or forget it."""

    def owe_receipts(self, mailbox: Mailbox, account: str, state: ReceiptState, ids: Iterable[MessageId]) -> None:
        """Remember receipts for a device; one that says ``read`` stands for ``delivered`` too."""

    def receipts(self, mailbox: Mailbox, state: ReceiptState, most: int) -> list[MessageId]:
        """Messages of which a device is owed a receipt, oldest first."""

    def receivers(self) -> list[tuple[Mailbox, str]]:
        """(device, account) of everyone to whom receipts are owed."""

    def settle_receipts(self, mailbox: Mailbox, ids: Iterable[MessageId]) -> None:
        """They were told."""


class Records(WordRecords, KeepRecords, GroupRecords, FileRecords, Protocol):
    """Reads and writes of one open transaction."""

    asks_first: bool
    """Whether strangers' messages are shown as requests."""

    def get(self, key: str) -> bytes | None:
        """A named value."""

    def put(self, key: str, value: bytes) -> None:
        """Set a named value."""

    def contact(self, name: str) -> ContactRecord | None:
        """A contact by account name."""

    def contacts(self) -> list[ContactRecord]:
        """All contacts by name."""

    def put_contact(self, contact: ContactRecord) -> None:
        """Insert or replace."""

    def people(self) -> list[PersonRecord]:
        """Everyone about whom something is set."""

    def put_person(self, person: PersonRecord) -> None:
        """Insert or replace."""

    def received_count(self, name: str) -> int:
        """Messages of this person in the conversation with them."""

    def request_count(self) -> int:
        """Strangers whose request waits for an answer."""

    def received_from(self, name: str) -> list[tuple[MessageId, bool]]:
        """(id, whether it was read) of this person's messages in the conversation with them, oldest first."""

    def device(self, mailbox: Mailbox) -> DeviceRecord | None:
        """A device pair's record."""

    def all_devices(self) -> list[DeviceRecord]:
        """Every device pair."""

    def devices_of(self, account: str) -> list[DeviceRecord]:
        """Device pairs of an account."""

    def put_device(self, device: DeviceRecord) -> None:
        """Insert or replace."""

    def session(self, tag: bytes) -> tuple[Mailbox, bytes] | None:
        """(mailbox, sealed session) of an incoming tag."""

    def sessions_of(self, mailbox: Mailbox) -> list[tuple[bytes, bytes]]:
        """(tag, sealed session) of a device pair."""

    def put_session(self, tag: bytes, mailbox: Mailbox, sealed: bytes) -> None:
        """Insert or replace."""

    def delete_session(self, tag: bytes) -> None:
        """Forget a session; its handshake hash stays."""

    def handshake(self, digest: bytes) -> bytes | None:
        """The tag of the session that a handshake opened, if it was ever taken."""

    def put_handshake(self, digest: bytes, tag: bytes, spk_id: int) -> None:
        """Remember a handshake as taken."""

    def prekey(self, kind: str, number: int) -> bytes | None:
        """A sealed prekey secret (kind ``signed`` or ``once``)."""

    def prekeys(self, kind: str) -> list[tuple[int, Millis]]:
        """(id, made at) of all secrets of a kind, oldest first."""

    def put_prekey(self, kind: str, number: int, sealed: bytes, made_ms: Millis) -> None:
        """Keep a sealed prekey secret."""

    def delete_prekey(self, kind: str, number: int) -> None:
        """Destroy a prekey secret."""

    def forget_handshakes(self, spk_id: int) -> None:
        """Drop handshake hashes of a destroyed prekey whose sessions are gone too."""

    def seen(self, mid: Mid) -> bool:
        """Whether an envelope was already taken."""

    def put_seen(self, mid: Mid, at_ms: Millis) -> bool:
        """Mark an envelope as taken; False when it was before."""

    def forget_seen(self, before_ms: Millis) -> None:
        """Drop marks older than a time."""

    def last_outbox_row(self) -> int:
        """The largest row number in use, 0 for none."""

    def add_outbox(self, rows: Iterable[OutboxRow]) -> None:
        """Append rows under the numbers they carry."""

    def outbox_row(self, row: int) -> OutboxRow | None:
        """One row."""

    def outbox_rows(self) -> list[tuple[int, str, Mailbox | None]]:
        """(row, account, mailbox) of everything queued, in order; a row for many devices once for each that is left."""

    def outbox_sealed(self) -> list[int]:
        """Rows with an envelope, which may have been sent."""

    def outbox_fans(self) -> list[tuple[int, bytes]]:
        """(row, targets) of the rows for many devices."""

    def keep_fan(self, row: int, targets: bytes) -> None:
        """Some devices have a row that is for many."""

    def address_outbox(self, row: int, mailbox: Mailbox) -> None:
        """Give a row its device; an envelope made for another one is dropped."""

    def seal_outbox(self, row: int, counter: int, envelope: bytes) -> None:
        """Keep the envelope; from here on exactly these bytes are sent."""

    def delete_outbox(self, rows: Iterable[int]) -> None:
        """The rows are through (or given up)."""

    def outbox_of(self, message_id: MessageId) -> list[OutboxRow]:
        """What is queued of one message."""

    def outbox_before(self, created_ms: Millis) -> list[int]:
        """Rows older than a time."""

    def add_message(
        self,
        message_id: MessageId,
        conversation: str,
        sender: str,
        mine: bool,
        text: str,
        sent_at_ms: Millis,
        details: Details = PLAIN,
    ) -> int | None:
        """Append to the history; returns the row, or None when this author's id stands there already."""

    def accepted(self, message_id: MessageId) -> str | None:
        """The broker has every envelope of this message: from queued to sent. The conversation, when it rose."""

    def fail(self, message_id: MessageId, reason: str | None, cancelled: bool = False) -> str | None:
        """From queued to failed. The conversation, when it was queued."""

    def raise_state(self, message_id: MessageId, conversation: str, rank: int) -> range:
        """Raise the state of one of our messages; the ranks it passed up to the new one, none if it did not rise."""

    def requeue(self, message_id: MessageId) -> None:
        """Put a failed message back to queued."""

    def shown(self, row: int) -> Message | None:
        """One message as it stands."""

    def own_message(self, message_id: MessageId) -> Message | None:
        """One of our own messages."""

    def failed(self) -> list[Message]:
        """Our messages that failed and were neither given up nor taken back, oldest first."""

    def history(self, conversation: str, limit: int, before_row: int | None) -> list[Message]:
        """Oldest first."""

    def read_up_to(self, conversation: str | None = None) -> int:
        """The row up to which everything was read: of all conversations, or of this one if that is further."""

    def put_read(self, up_to_row: int, conversation: str | None = None) -> None:
        """Move a read marker on; it never goes back."""

    def unread_between(self, up_to_row: int, conversation: str | None) -> list[tuple[str, str, MessageId]]:
        """(conversation, sender, id) of others' messages not read before, up to a row, oldest first."""

    def quarantine(self, mid: Mid, envelope: bytes, reason: str, account: str | None, now_ms: Millis) -> None:
        """Keep an unreadable envelope; the oldest go when there are too many."""

    def quarantined(self) -> Sequence[QuarantineRow]:
        """All of them, oldest first."""

    def openings_wait(self) -> bool:
        """Whether a quarantined envelope waits for an account to be looked up or decided about."""

    def release(self, row: int) -> None:
        """A quarantined envelope was read or is given up."""
