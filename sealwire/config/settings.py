"""Every setting: its default, what it allows, its unit and its reason, once.

These classes are the table from which files, variables and flags are checked, and config.yaml is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, TypeVar, get_args

from sealwire.config.kinds import (
    Address,
    Choice,
    Endpoint,
    Folder,
    Hours,
    Integer,
    KeyOrFile,
    Kind,
    LocalPort,
    Network,
    Number,
    Size,
    Switch,
    Word,
)
from sealwire.i18n import LANGUAGES

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

Registration = Literal["open", "invite", "closed"]
Level = Literal["debug", "info", "warning", "error"]
Format = Literal["text", "json"]
Interface = Literal["screen", "plain"]
Theme = Literal["dark", "light", "contrast"]
Content = Literal["full", "name", "none"]
TerminalNotice = Literal["auto", "osc9", "osc777", "off"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table."""

    section: str
    name: str
    default: object
    kind: Kind
    reason: str
    unit: str
    optional: bool
    """``null`` is allowed and stands for the default, which the reason explains."""

    @property
    def full_name(self) -> str:
        """``section.name``, as errors and documents call it."""
        return f"{self.section}.{self.name}"

    @property
    def is_list(self) -> bool:
        """Several values may be given."""
        return isinstance(self.default, tuple)


def _key(default: T, kind: Kind, reason: str, unit: str = "", optional: bool = False) -> T:
    """Describe one setting; the dataclass machinery sees a field with a default."""
    described = {"kind": kind, "reason": reason, "unit": unit, "optional": optional}
    return field(default=default, metadata=described)


@dataclass(frozen=True, slots=True)
class BrokerSection:
    """How the broker is reached and who may join it."""

    bind: str = _key(
        "tcp://127.0.0.1:5555",
        Endpoint(bind=True),
        "Where the broker listens. 127.0.0.1 keeps it on this machine; tcp://0.0.0.0:5555 opens it to the network, "
        "tcp://[::]:5555 to both IP versions. Port 0 takes a free one.",
    )
    registration: Registration = _key(
        "open",
        Choice(get_args(Registration)),
        "Who may register a name: anybody who can connect, holders of an invite (broker.py invite), or nobody new.",
    )
    public_address: str = _key(
        "",
        Address(),
        "HOST:PORT that invites name, when other machines reach the broker by another address than broker.bind. "
        "null: broker.bind.",
        optional=True,
    )


@dataclass(frozen=True, slots=True)
class PeerSection:
    """How a peer finds its broker and guards its key file."""

    broker: str = _key(
        "",
        Endpoint(bind=False),
        "The broker's address. null: follows broker.bind, so that one file serves both programs on one machine.",
        optional=True,
    )
    broker_key: str | Path = _key(
        "",
        KeyOrFile(),
        "The broker's public key, pinned: a file, or its 40 characters. null: broker.pub inside paths.keys.",
        optional=True,
    )
    kdf_memory_mib: int = _key(
        64,
        Integer(8, 1_024),
        "Memory of Argon2id when a key file is made: what each guess of a passphrase costs a thief.",
        "MiB",
    )
    kdf_passes: int = _key(3, Integer(1, 20), "Passes of Argon2id over that memory.", "passes")
    read_receipts: bool = _key(
        True, Switch(), "Whether senders learn that their messages were read (or written out to a script)."
    )
    typing: bool = _key(
        True,
        Switch(),
        "Whether accepted people see that one writes, and one sees it of them.",
    )
    requests: bool = _key(
        True,
        Switch(),
        "Whether strangers ask first: nothing is told back to them until somebody here answers. off suits bots.",
    )
    fetch_files_up_to: int = _key(
        1 * MIB,
        Size(0, 1_024 * GIB),
        "Files of people you have answered are fetched by themselves up to this size; 0 B: none, a stranger's never.",
        "bytes",
    )
    delete_files_with_messages: bool = _key(
        True,
        Switch(),
        "Whether a fetched file in data/NAME/files goes when its message does; copies elsewhere stay.",
    )
    language: str = _key(
        "",
        Choice(tuple(LANGUAGES)),
        "Language of every interface here. null: the system's (LANGUAGE, LC_ALL, LC_MESSAGES, LANG). "
        "SEALWIRE_LANG wins over both, for one start.",
        optional=True,
    )
    interface: Interface = _key(
        "screen",
        Choice(get_args(Interface)),
        "What a terminal shows: the full screen, or plain lines that a screen reader follows (as --plain, TERM=dumb "
        "and SEALWIRE_PLAIN=1).",
    )
    theme: Theme = _key(
        "dark", Choice(get_args(Theme)), "Colours of the full screen; NO_COLOR takes the colours out of any of them."
    )
    reconnect_first_s: float = _key(
        0.5,
        Number(0.05, 60),
        "First pause after a lost link; doubles with full jitter, so that peers do not return all at once.",
        "seconds",
    )
    reconnect_max_s: float = _key(
        8.0,
        Number(0.1, 3_600),
        "Longest such pause, unless the broker asks for a wider spread.",
        "seconds",
    )


@dataclass(frozen=True, slots=True)
class LimitsSection:
    """What one device, account or address may cost the broker. docs/operations.md says how to choose."""

    send_window_messages: int = _key(
        1_024, Integer(1, 65_536), "Unanswered messages of one sender: bounds its memory here.", "messages"
    )
    send_window_bytes: int = _key(4 * MIB, Size(64 * KIB, 256 * MIB), "Bytes of those.", "bytes")
    deliver_window_messages: int = _key(
        1_024,
        Integer(1, 4_000),
        "Unacknowledged messages to one recipient; the socket itself refuses past 4,096.",
        "messages",
    )
    deliver_window_bytes: int = _key(
        2 * MIB, Size(64 * KIB, 256 * MIB), "Bytes of those: a slow reader's copies stay within it.", "bytes"
    )
    quota_messages: int = _key(
        20_000, Integer(1, 10_000_000), "Messages that wait for one device; past it senders are told.", "messages"
    )
    quota_bytes: int = _key(128 * MIB, Size(1 * MIB, 1_024 * GIB), "Bytes that wait for one device.", "bytes")
    quota_days: int = _key(
        30, Integer(1, 90), "Age at which waiting mail expires; peers keep what they need for 90 days at most.", "days"
    )
    sender_share: float = _key(
        0.25,
        Number(0.01, 1),
        "Part of both quotas one sender may fill, so that no stranger closes a mailbox for everyone.",
        "part of 1",
    )
    unstored_bytes: int = _key(
        64 * MIB, Size(1 * MIB, 16 * GIB), "Bytes taken in and not yet on disk, broker-wide; then busy.", "bytes"
    )
    max_devices: int = _key(
        100_000,
        Integer(1, 10_000_000),
        "Registered devices: bounds disk and memory when registration is open.",
        "devices",
    )
    account_units_per_s: float = _key(
        5_000.0,
        Number(1, 10_000_000),
        "Sustained rate of one account: a frame is 1 unit, each 4 KiB and each recipient 1 more.",
        "units per second",
    )
    account_units_burst: float = _key(20_000.0, Number(1, 100_000_000), "Units one account may use at once.", "units")
    requests_per_min: float = _key(
        120.0,
        Number(1, 1_000_000),
        "Directory requests of one account: names are not listed at line speed.",
        "requests per minute",
    )
    requests_burst: float = _key(
        240.0, Number(1, 1_000_000), "Directory requests one account may make at once.", "requests"
    )
    bundle_fetches: int = _key(
        6,
        Integer(1, 1_000_000),
        "Key bundles one account takes of one device before it is slowed: they are few.",
        "bundles",
    )
    bundle_fetch_pause_s: float = _key(600.0, Number(0, 86_400), "Pause between bundles after that.", "seconds")
    group_requests_per_min: float = _key(
        600.0,
        Number(1, 1_000_000),
        "Requests of one account to the logs of groups: enough to build a large one, not to fill a disk quickly.",
        "requests per minute",
    )
    group_requests_burst: float = _key(
        600.0, Number(1, 1_000_000), "Such requests one account may make at once.", "requests"
    )
    group_entries: int = _key(
        5_000, Integer(10, 1_000_000), "Entries of one group's log: each member keeps all of them.", "entries"
    )
    groups_per_account: int = _key(200, Integer(0, 1_000_000), "Groups one account may begin; 0 allows none.", "groups")
    known_handshakes_per_min: float = _key(
        120.0, Number(1, 1_000_000), "Connections of one registered device key.", "connections per minute"
    )
    known_handshakes_burst: float = _key(60.0, Number(1, 1_000_000), "Connections it may open at once.", "connections")
    unknown_handshakes_per_min: float = _key(
        10.0,
        Number(0.1, 1_000_000),
        "Connections of unknown keys from one IPv4 address or IPv6 /64.",
        "connections per minute",
    )
    unknown_handshakes_burst: float = _key(
        20.0, Number(1, 1_000_000), "Connections it may open at once.", "connections"
    )
    trusted_networks: tuple[str, ...] = _key(
        ("127.0.0.0/8", "::1/128"),
        Network(),
        "Networks without those two limits; a reverse proxy or a school behind one address belongs here.",
    )
    max_connections: int = _key(
        12_000,
        Integer(8, 1_000_000),
        "Connections in all; the process needs as many file descriptors.",
        "connections",
    )
    max_unclaimed: int = _key(
        1_024, Integer(8, 1_000_000), "Connections that have not said who they are.", "connections"
    )
    hello_timeout_s: float = _key(
        8.0,
        Number(1, 600),
        "Time to log in; a connection that never speaks ends.",
        "seconds",
    )
    ack_timeout_s: float = _key(
        7.0, Number(5, 3_600), "A recipient that acknowledges nothing for so long is disconnected.", "seconds"
    )
    slow_ack_timeout_s: float = _key(
        45.0,
        Number(5, 3_600),
        "Each time it comes back it has twice as long, up to this; whoever moves files has it at once.",
        "seconds",
    )
    silence_timeout_s: float = _key(
        300.0, Number(280, 86_400), "A link without a word ends; peers say something every four minutes.", "seconds"
    )
    kick_delay_s: float = _key(
        1.0, Number(0.1, 60), "Time for a last word to arrive before a connection is shut down.", "seconds"
    )
    key_ban_s: float = _key(
        3_600.0,
        Number(1, 604_800),
        "How long a key stays out whose connection chose its own routing id or sent a message of several parts.",
        "seconds",
    )
    turn_units: int = _key(
        512,
        Integer(64, 65_536),
        "Work of one turn of the loop (units as above, a login 64): more makes timers and answers wait in a flood.",
        "units",
    )
    grace_ms: float = _key(
        4.0,
        Number(0, 1_000),
        "Wait for the recipient's own acknowledgement before a message is written to disk; 0 writes every one.",
        "milliseconds",
    )
    ballast_bytes: int = _key(
        64 * MIB,
        Size(0, 16 * GIB),
        "Size of a file that is given up when the disk is full, so that deliveries can still clear their rows.",
        "bytes",
    )
    blob_file_bytes: int = _key(
        2 * GIB, Size(0, 1_024 * GIB), "Largest file (sealed, rounded up); 0: this broker takes no files.", "bytes"
    )
    blob_quota_bytes: int = _key(
        4 * GIB, Size(0, 65_536 * GIB), "Bytes of files that one account may keep here at once.", "bytes"
    )
    blob_files: int = _key(1_000, Integer(1, 1_000_000), "Files that one account may keep here at once.", "files")
    blob_days: int = _key(30, Integer(1, 365), "Age at which a file is deleted here, fetched or not.", "days")
    blob_bytes_per_s: int = _key(
        256 * MIB,
        Size(64 * KIB, 64 * GIB),
        "How fast one account moves files, both directions together; messages have a rate of their own.",
        "bytes per second",
    )
    blob_keep_free_bytes: int = _key(
        1 * GIB, Size(0, 1_024 * GIB), "Room on the disk that files leave to messages.", "bytes"
    )
    bulk_links: int = _key(
        256, Integer(1, 4_096), "Connections that move files at once; each holds 2 MiB at most.", "connections"
    )


@dataclass(frozen=True, slots=True)
class PathsSection:
    """Where keys and data lie. Relative paths are relative to this file; folders are made with mode 0700."""

    keys: Path = _key(Path("keys"), Folder(), "Key files: broker.key, broker.pub, broker.db.key, NAME.key, NAME.pub.")
    data: Path = _key(Path("data"), Folder(), "Databases: data/broker and data/NAME.")


@dataclass(frozen=True, slots=True)
class LogSection:
    """What is written to stderr. Never message text, keys or routing ids."""

    level: Level = _key("info", Choice(get_args(Level)), "How much; debug adds timings and connections.")
    format: Format = _key("text", Choice(get_args(Format)), "text for people, json (one object a line) for collectors.")


@dataclass(frozen=True, slots=True)
class NotifySection:
    """How a conversation on a terminal calls for attention when nobody is looking. Never from --json or a pipe."""

    enabled: bool = _key(True, Switch(), "Whether anything notifies at all; /mute is for one conversation.")
    content: Content = _key(
        "name",
        Choice(get_args(Content)),
        "What is told to whoever stands beside the screen: name and text, the name only, or that there is a message.",
    )
    quiet_hours: str = _key(
        "", Hours(), "Hours of rest, in which only a changed key is told. null: none.", optional=True
    )
    bell: bool = _key(True, Switch(), "The terminal's bell.")
    terminal: TerminalNotice = _key(
        "auto",
        Choice(get_args(TerminalNotice)),
        "The notification sequence a terminal understands; auto sends one only to terminals known to show it.",
    )
    command: tuple[str, ...] = _key(
        (),
        Word(),
        "A program run for each notification, title and text on its standard input; no shell is involved.",
    )


@dataclass(frozen=True, slots=True)
class MetricsSection:
    """Numbers for monitoring."""

    listen: str = _key(
        "off",
        LocalPort(),
        "Where the broker answers monitoring over HTTP: /metrics, /healthz, /readyz. There is no login, so it is never "
        "reachable from other machines.",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of both programs, checked; paths are absolute."""

    broker: BrokerSection = field(default_factory=BrokerSection)
    peer: PeerSection = field(default_factory=PeerSection)
    limits: LimitsSection = field(default_factory=LimitsSection)
    paths: PathsSection = field(default_factory=PathsSection)
    log: LogSection = field(default_factory=LogSection)
    notify: NotifySection = field(default_factory=NotifySection)
    metrics: MetricsSection = field(default_factory=MetricsSection)


SECTIONS: dict[str, type] = {
    "broker": BrokerSection,
    "peer": PeerSection,
    "limits": LimitsSection,
    "paths": PathsSection,
    "log": LogSection,
    "notify": NotifySection,
    "metrics": MetricsSection,
}


def _rows() -> Iterator[Key]:
    for section, cls in SECTIONS.items():
        for row in fields(cls):
            yield Key(section, row.name, row.default, **row.metadata)


KEYS: dict[str, Key] = {key.full_name: key for key in _rows()}
"""The table, by full name, in the order of config.yaml."""
