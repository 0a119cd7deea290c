"""The broker's seams: its limits, its keys, and the port behind which the store sits.

``Store.submit(job)`` never blocks; jobs apply in order, each in one transaction, and come back as exactly one
:class:`Committed` or :class:`Refused`. References to stored mail are opaque numbers that rise with arrival.
Whoever keeps these promises (another database, a shard, JetStream) can be the store.

Source: protocol.md §5, §15.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from sealwire.broker.blobjobs import BlobOp, BlobRow
from sealwire.broker.logops import AppendEntry, LogOutcome, LogRows, ReadEntries
from sealwire.broker.orders import Ban, Order, Stored, Upkeep
from sealwire.ids import Mailbox, Mid, Millis
from sealwire.wire.frames import MAX_ENVELOPE_BYTES

Registration = Literal["open", "invite", "closed"]

MIB = 1024 * 1024
LOOPBACK = ("127.0.0.0/8", "::1/128")

SLICE_ROWS = 512
"""Rows read back in one piece: a waiting backlog of any size never holds the writer for more than a moment. Far fewer,
and a device that fell behind cannot catch up with what goes on arriving: there is one piece for each commit."""
SLICE_BYTES = 512 * 1024
"""Envelope bytes of those, for the same reason and for memory."""
JOB_ROWS = 2_000
"""Messages in one transaction: bounds how long an ACCEPTED can wait behind others."""
JOB_BYTES = 4 * MIB
"""Envelope bytes in one transaction, for the same reason."""


LimitValue = int | float | tuple[str, ...]


@dataclass(slots=True)
class BrokerSettings:
    """Every limit of the broker with its default. ``config.yaml`` mirrors this list.

    A router makes a copy of its own, which ``limits`` changes while it runs.

    Source: protocol.md §15.
    """

    bind: str = "tcp://127.0.0.1:5555"
    """Where the ROUTER listens; port 0 picks a free one."""
    public_address: str = ""
    """HOST:PORT that invites name; empty: the bound endpoint."""
    registration: Registration = "open"
    """Who may register a name."""

    envelope_bytes: int = MAX_ENVELOPE_BYTES
    """Largest envelope; without it one SEND fills a window."""
    send_window_messages: int = 1024
    """Unanswered SENDs of one link session; without it one sender fills memory."""
    send_window_bytes: int = 4 * MIB
    """Envelope bytes of those."""
    deliver_window_messages: int = 1024
    """Unacknowledged DELIVERs of one link session; SNDHWM lies above it, so that the socket never refuses."""
    deliver_window_bytes: int = 2 * MIB
    """Envelope bytes of those; without it a slow reader's copies fill memory."""
    quota_messages: int = 20_000
    """Messages waiting for one device; without it the disk is anybody's."""
    quota_bytes: int = 128 * MIB
    """Envelope bytes waiting for one device."""
    quota_days: int = 30
    """Age at which waiting mail expires."""
    sender_share: float = 0.25
    """Part of both quotas one sender may fill; without it one stranger closes a mailbox for everyone."""
    unstored_bytes: int = 64 * MIB
    """Envelope bytes taken in and not yet on disk, broker-wide; past it SENDs are refused as busy."""
    max_devices: int = 100_000
    """Registered devices; without it open registration fills disk and memory."""

    account_units_per_s: float = 5_000.0
    """Sustained rate of one account in units (a frame 1, each 4 KiB 1, each FANOUT target 1)."""
    account_units_burst: float = 20_000.0
    """Units one account may use at once."""
    requests_per_min: float = 120.0
    """Directory requests of one account; without it names are enumerated at line speed."""
    requests_burst: float = 240.0
    """Directory requests one account may make at once."""
    bundle_fetches: int = 6
    """Bundles one account may take of one device before it is slowed: one-time prekeys are few."""
    bundle_fetch_pause_s: float = 600.0
    """Seconds between bundles after that."""
    group_requests_per_min: float = 600.0
    """Requests to groups' logs of one account: what a large group costs when it is built, and no more."""
    group_requests_burst: float = 600.0
    """Such requests one account may make at once."""
    group_entries: int = 5_000
    """Entries of one group's log; without it a log is a place for files."""
    groups_per_account: int = 200
    """Groups one account may begin, for the same reason."""

    known_handshakes_per_min: float = 120.0
    """Connections per minute of one registered CURVE key."""
    known_handshakes_burst: float = 60.0
    """Connections one registered key may open at once."""
    unknown_handshakes_per_min: float = 10.0
    """Connections per minute of unregistered keys from one IPv4 address or IPv6 /64."""
    unknown_handshakes_burst: float = 20.0
    """Connections such an address may open at once."""
    trusted_networks: tuple[str, ...] = LOOPBACK
    """Networks without an address bucket."""
    max_connections: int = 12_000
    """Connections in all: past the descriptor limit libzmq's accept spins."""
    max_unclaimed: int = 1_024
    """Connections that have not said HELLO yet."""

    hello_timeout_s: float = 8.0
    """A connection without HELLO, or without LOGIN after it, ends."""
    ack_timeout_s: float = 7.0
    """A link session without ACK progress while a DELIVER is unacknowledged ends. With the look once a second and the
    delay below it is gone within ten."""
    slow_ack_timeout_s: float = 45.0
    """That time doubles up to here with each end of this kind: without it a device whose disk or line takes longer gets
    the same mail for ever. Also for signs of reading on bulk connections."""
    silence_timeout_s: float = 300.0
    """A link session that says nothing ends."""
    kick_delay_s: float = 1.0
    """Time for a RESET or REJECT to arrive before the connection is shut down."""
    key_ban_s: float = 3_600.0
    """A CURVE key whose connection chose its own routing id stays out for this long."""

    grace_ms: float = 4.0
    """How long a message handed to its recipient waits for the ACK before it is written to disk."""
    turn_units: int = 512
    """Units of one drain turn; without it a flood starves timers and answers."""
    ballast_bytes: int = 64 * MIB
    """Size of the file that is deleted when the disk is full, so that deletes still commit."""

    blob_file_bytes: int = 2048 * MIB
    """Largest blob of a file, sealed; 0: no files."""
    blob_quota_bytes: int = 4096 * MIB
    """Bytes of all blobs of one account; without it the disk is anybody's."""
    blob_files: int = 1_000
    """Blobs of one account: each is an entry in memory and a file."""
    blob_days: int = 30
    """Age at which a blob is deleted, fetched or not."""
    blob_bytes_per_s: int = 256 * MIB
    """Sustained rate of chunks of one account, both directions."""
    blob_keep_free_bytes: int = 1024 * MIB
    """Room on the disk that blobs leave to messages."""
    bulk_links: int = 256
    """Bulk connections at once: each may have 2 MiB of chunks under way."""


@dataclass(frozen=True, slots=True)
class BrokerKeys:
    """The broker's CURVE key pair (its identity for life) and the key of its database, 32 bytes each."""

    curve_public: bytes
    curve_secret: bytes = field(repr=False)
    db_key: bytes = field(repr=False)


# --- what the store is asked ---------------------------------------------------------------------------------


class Register(Struct, frozen=True):
    """Enter a device (and its account, when new), redeeming the invite in the same transaction."""

    ref: object
    mailbox: Mailbox
    account: str
    n_sign: bytes
    """384 bytes; a name belongs to the key that registered it."""
    device: bytes
    card: bytes
    card_signature: bytes
    curve: bytes
    devices: bytes
    devices_signature: bytes
    devices_version: int
    listed: tuple[bytes, ...]
    """Device ids of the list, in its order."""
    invite_hash: bytes | None
    invite_needed: bool
    """A new account needs a live invite (registration by invite)."""
    now_ms: Millis


class Rebind(Struct, frozen=True):
    """A registered device logged in with another CURVE key: admission knows it by that one from now on."""

    ref: object
    mailbox: Mailbox
    curve: bytes


class StorePrekeys(Struct, frozen=True):
    """Replace the signed prekeys of a device and add one-time prekeys with ids above all uploaded before."""

    ref: object
    mailbox: Mailbox
    spk_id: int
    prekeys: bytes
    signature: bytes
    one_time: tuple[tuple[int, bytes], ...]


class FindAccount(Struct, frozen=True):
    """Read an account's signed device list; a name that does not exist costs the same."""

    ref: object
    name: str


class TakeBundle(Struct, frozen=True):
    """Read a device's card and prekeys and take one one-time prekey, at most once ever."""

    ref: object
    mailbox: Mailbox


class AddInvite(Struct, frozen=True):
    """Store the hash of a new invite."""

    ref: object
    token_hash: bytes
    uses: int
    expires_ms: Millis


class ListInvites(Struct, frozen=True):
    """Read the invites that are left."""

    ref: object = None


class Status(Struct, frozen=True):
    """Ask the router what it holds (it is no operation: the store is not asked)."""


Command = Status | AddInvite | ListInvites | Order
"""What an operator may submit. The ``ref`` of an operation is filled in on the way."""

LogOp = AppendEntry | ReadEntries
Op = (
    Register
    | Rebind
    | StorePrekeys
    | FindAccount
    | TakeBundle
    | AddInvite
    | ListInvites
    | Upkeep
    | Stored
    | LogOp
    | BlobOp
)


class Read(Struct, frozen=True):
    """Read these envelopes back, at most SLICE_ROWS of them, in this order."""

    ref: object
    rows: list[int]
    room_bytes: int = SLICE_BYTES
    """The first envelope is read whatever its size, further ones as long as all of them together fit."""


class Job(Struct):
    """One transaction: deletes, then mails, then ops; the reads come after it."""

    at_ms: Millis
    mails: list[tuple[Mailbox, Mid, bytes | int]] = msgspec.field(default_factory=list)
    """In order of arrival. A number instead of an envelope is an index into ``bodies``: one target of a FANOUT."""
    bodies: list[bytes] = msgspec.field(default_factory=list)
    """Envelopes of FANOUTs, each stored once."""
    deletes: list[int] = msgspec.field(default_factory=list)
    ops: list[Op] = msgspec.field(default_factory=list)
    reads: list[Read] = msgspec.field(default_factory=list)


# --- what the store answers ----------------------------------------------------------------------------------

Outcome = Literal["done", "taken", "no-invite", "full", "stale", "unknown"] | LogOutcome


class AccountRow(Struct, frozen=True):
    """A signed device list as it was registered."""

    devices: bytes
    devices_signature: bytes
    mailboxes: bytes
    """16 bytes for each device of the list, in its order; 0^16 for one that is not registered here."""


class BundleRow(Struct, frozen=True):
    """What a bundle is made of; ``opk_id`` 0 when no one-time prekey is left."""

    card: bytes
    card_signature: bytes
    prekeys: bytes
    signature: bytes
    opk_id: int
    opk: bytes


class InviteRow(Struct, frozen=True):
    """An invite as an operator may see it: the token itself is not known here."""

    token_hash: bytes
    uses_left: int
    expires_ms: Millis


class Result(Struct, frozen=True):
    """How one operation ended, after its commit."""

    op: Op
    outcome: Outcome
    account: AccountRow | None = None
    bundle: BundleRow | None = None
    one_time_left: int = 0
    """After StorePrekeys."""
    invites: tuple[InviteRow, ...] = ()
    freed_bytes: int = 0
    """After Expire and DeleteMail: envelope bytes of what was deleted."""
    log: LogRows | None = None
    """After ReadEntries."""


class Slice(Struct, frozen=True):
    """The first rows of one :class:`Read`, as many as fit: (row, mid, envelope)."""

    ref: object
    rows: list[tuple[int, Mid, bytes]]


class Committed(Struct, frozen=True):
    """The job is durable. ``rows`` holds a reference for each of its mails, in their order."""

    job: Job
    rows: Sequence[int]
    results: list[Result]
    slices: list[Slice]


class Refused(Struct, frozen=True):
    """The disk is full: nothing of the job was kept, and its deletes belong into the next one."""

    job: Job
    slices: list[Slice]


StoreEvent = Committed | Refused


# --- what the broker knows when it starts --------------------------------------------------------------------


class DeviceRow(Struct, frozen=True):
    """A registered device as the router needs it."""

    mailbox: Mailbox
    account: str
    curve: bytes
    prekeys_id: int
    one_time_left: int
    expired: int = 0
    """Messages that expired and that the device has not been told about."""


class Snapshot(Struct, frozen=True):
    """The store's content at start. ``mail`` yields (mailbox, row, envelope size, time) in order of arrival, once."""

    incarnation: bytes
    devices: list[DeviceRow]
    mail: Iterable[tuple[Mailbox, int, int, Millis]]
    mail_ms: Millis
    """Where the mail clock stood: kept time or newest stored message, whichever is later; 0 for neither."""
    states: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Accounts that are not ACTIVE, by name."""
    bans: tuple[Ban, ...] = ()
    blobs: Sequence[BlobRow] = ()
    """Oldest first."""
    limits: Mapping[str, Mapping[str, float]] = msgspec.field(default_factory=dict)
    """What single accounts have of their own, by name."""


class Store(Protocol):
    """Where jobs go. One job is under way at a time."""

    def submit(self, job: Job) -> None:
        """Hand over a job; never blocks. Its event arrives through the shell."""
