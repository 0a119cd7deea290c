"""Link sessions: one login on one connection, from its first frame to its end.

A connection says HELLO, proves its device by LOGIN and is a :class:`Link` from then on. What convinces is decided
here, and every failure of a login looks the same from outside.

Source: protocol.md §5.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from sealwire.broker.admission import Bucket
from sealwire.broker.fetches import Fetches
from sealwire.broker.mailbox import Entry, Fan, Mailbox
from sealwire.broker.port import BrokerSettings, Register
from sealwire.crypto.card import Card, DeviceList, SignedCard, SignedDeviceList
from sealwire.crypto.identity import login_transcript, realm_of, verify_login
from sealwire.crypto.primitives import H
from sealwire.errors import RemoteProtocolError
from sealwire.ids import Mailbox as MailboxId
from sealwire.ids import Millis, RoutingId, Token, account_name
from sealwire.wire import control
from sealwire.wire.frames import PROTOCOL_VERSION, Verb

AUTOMATIC_ID_BYTES: Final = 5
"""A routing id that ZeroMQ made: a zero byte and four more. Anything else was chosen by the peer."""
NONCE_BYTES: Final = 32
SPREAD_LINKS_PER_S: Final = 80
"""Logins a second the broker wants after a restart: peers spread their first attempt accordingly. At 150, two slow
cores were busy with nothing else, and whoever talked waited half a second."""
SPREAD_CALM_LINKS: Final = 2_000
SPREAD_MORE_PER_S: Final = 320
"""For those beyond so many: with one rate for all, a network of 10,000 would be back after two minutes."""
SPREAD_MIN_MS: Final = 1_000
SETTLED_S: Final = 3_600.0
"""A broker that has run for so long knows how many devices are there at a time."""
KINDS: Final = ("main", "bulk")
MAX_HELD: Final = 1024
"""Mailboxes on hold for one link session; without it refused SENDs to random ids fill memory."""
WRONG_TOKENS: Final = 16
"""Frames with a wrong token before the link ends: a guess must not end somebody's link, a series of them must."""

MAX_CHATTER: Final = 2_048
"""Frames of a link session between two looks at the deadlines that move no message (a PING, an ACK of what was
acknowledged, a RELEASE): a peer says a thousand when a large group's mailboxes had been full, and PING every four
minutes. Without it one that says nothing else takes a third of the broker's time for as long as it likes."""
CHATTER_UNITS: Final = 4
"""What such a frame counts in a turn; without it a turn is half a thousand answers to one who floods, four milliseconds
in which nobody else is answered."""


class Connection(Struct, frozen=True):
    """What ZeroMQ says about a connection, read once with its first frame."""

    rid: RoutingId
    fd: int
    """The broker's descriptor (SRCFD); -1 when there is none."""
    address: str
    """Peer-Address, without a port."""
    peer: tuple[str, int] | None
    """Address and port of the descriptor then: whoever shuts it down later compares them first."""
    curve: bytes
    """User-Id: the CURVE key ZAP admitted, 32 bytes."""
    chosen_id: bool = False
    """The peer set a routing id of its own."""


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """What an operator has set for one account, filled up with what everybody has. Names are those of the settings."""

    quota_messages: int
    quota_bytes: int
    account_units_per_s: float
    account_units_burst: float


class Account:
    """What the broker counts per account."""

    __slots__ = ("disabled", "fetches", "group_requests", "mailboxes", "name", "own", "requests", "units", "units_at")

    def __init__(self, name: str, settings: BrokerSettings, now: float) -> None:
        self.name = name
        self.units = settings.account_units_burst
        self.units_at = now
        self.requests = Bucket(settings.requests_burst, now)
        self.fetches: Fetches | None = None
        self.group_requests: Bucket | None = None
        self.mailboxes: list[Mailbox] = []
        self.disabled = False
        self.own: OwnLimits | None = None


class Link:
    """A link session: windows both ways, the queue of unanswered SENDs, the queue in flight."""

    __slots__ = (
        "account",
        "ack_head",
        "acked",
        "acked_before",
        "answered",
        "card",
        "chatter",
        "connection",
        "dirty",
        "ephemerals",
        "ephemerals_since",
        "heard",
        "held",
        "inflight",
        "inflight_bytes",
        "mailbox",
        "many_head",
        "open",
        "progress_at",
        "requests",
        "rid",
        "rx",
        "send_head",
        "send_window",
        "send_window_bytes",
        "since",
        "token",
        "tx",
        "unanswered",
        "unanswered_bytes",
        "wrong_tokens",
    )

    def __init__(
        self,
        connection: Connection,
        card: Card,
        mailbox: Mailbox,
        token: Token,
        settings: BrokerSettings,
        now: float,
    ) -> None:
        self.rid = connection.rid
        self.connection = connection
        self.card = card
        self.mailbox = mailbox
        self.account = mailbox.account
        self.token = token
        self.send_head = bytes((Verb.SEND,)) + token
        self.many_head = bytes((Verb.SEND_MANY,)) + token
        self.ack_head = bytes((Verb.ACK,)) + token
        self.open = True
        # As WELCOME said: a change of these limits is for those who come after it.
        self.send_window = settings.send_window_messages
        self.send_window_bytes = settings.send_window_bytes
        # What comes from the peer: SENDs numbered up to rx, the first `answered` of them answered.
        self.rx = 0
        self.answered = 0
        self.unanswered: deque[Entry | Fan] = deque()
        self.unanswered_bytes = 0
        self.dirty = False
        self.held: set[MailboxId] = set()
        self.wrong_tokens = 0
        self.chatter = 0
        self.requests = 0
        # What goes to the peer: DELIVERs numbered up to tx, the first `acked` of them acknowledged.
        self.tx = 0
        self.acked = 0
        self.inflight: deque[Entry] = deque()
        self.inflight_bytes = 0
        self.heard = self.since = now
        self.ephemerals = 0  # those sent to it since it was heard at this time
        self.ephemerals_since = now
        self.acked_before = 0
        self.progress_at = now

    def __repr__(self) -> str:
        return f"<Link of {self.account.name}>"


class Greeted:
    """A connection that said HELLO and has not logged in yet."""

    __slots__ = (
        "card",
        "challenge",
        "client_nonce",
        "connection",
        "hello",
        "kind",
        "nonce",
        "proven",
        "signed",
        "since",
    )

    def __init__(self, connection: Connection, hello: bytes, body: control.Hello, signed: SignedCard) -> None:
        self.connection = connection
        self.hello = hello
        self.kind = body.kind
        self.client_nonce = body.nonce
        self.signed = signed
        self.card: Card = signed.card
        self.nonce = b""
        self.challenge = b""
        self.since = 0.0
        self.proven: Token | None = None


class Door:
    """Judges HELLO and LOGIN. It keeps nothing: the router holds the connections."""

    def __init__(self, settings: BrokerSettings, curve_public: bytes, rng: Callable[[int], bytes]) -> None:
        self._settings = settings
        self._curve_public = curve_public
        self._rng = rng
        self.realm = realm_of(curve_public)

    def hello(self, connection: Connection, frame: bytes, is_known: Callable[[MailboxId], bool]) -> Greeted:
        """Read the first frame of a connection and make its challenge.

        Raises:
            VersionError: no protocol version in common.
            RemoteProtocolError: no HELLO, or a card that is not of this broker or this name.
            RefusedError: the account did not sign the card.

        Source: protocol.md §3.2.
        """
        body = control.decode_hello(frame)
        if not body.lowest <= PROTOCOL_VERSION <= body.highest:
            raise VersionError
        card = Card.decode(body.card)
        if body.kind not in KINDS or card.realm != self.realm or card.account != body.name:
            raise RemoteProtocolError("a HELLO for somebody else")
        if account_name(body.name) != body.name:
            raise RemoteProtocolError("not an account name")
        signed = SignedCard(card, body.signature)
        if not is_known(card.mailbox):  # a mailbox is its card's hash: a known one was verified when it registered
            signed.verify()
        greeted = Greeted(connection, frame, body, signed)
        greeted.nonce = self._rng(NONCE_BYTES)
        greeted.challenge = control.encode_challenge(control.Challenge(nonce=greeted.nonce, realm=self.realm))
        return greeted

    def login(self, greeted: Greeted, frame: bytes) -> tuple[Token, control.Login]:
        """Check that the device of the card signed for this very connection.

        Raises:
            RemoteProtocolError, RefusedError: it did not.

        Source: protocol.md §3.2.
        """
        token, body = control.decode_login(frame)
        transcript = login_transcript(
            self.realm,
            self._curve_public,
            greeted.connection.curve,
            greeted.client_nonce,
            greeted.nonce,
            token,
            greeted.hello,
            greeted.challenge,
        )
        verify_login(greeted.card, transcript, body.signature)
        return token, body

    def registration(self, greeted: Greeted, body: control.Login, now_ms: Millis) -> Register:
        """Return the operation that enters this device.

        Raises:
            RemoteProtocolError, RefusedError: registration is closed, or no signed device list names this device.

        Source: protocol.md §7.
        """
        greeted.signed.verify()  # again: a mailbox known at HELLO may have been deleted since
        if self._settings.registration == "closed":
            raise RemoteProtocolError("registration is closed")
        if body.devices is None or body.devices_signature is None:
            raise RemoteProtocolError("a new device without a device list")
        card, listed = greeted.card, DeviceList.decode(body.devices)
        if not listed.lists(card):
            raise RemoteProtocolError("a device list without the device")
        SignedDeviceList(listed, body.devices_signature).verify()
        return Register(
            ref=greeted,
            mailbox=card.mailbox,
            account=card.account,
            n_sign=card.n_sign,
            device=card.device,
            card=card.encode(),
            card_signature=greeted.signed.signature,
            curve=greeted.connection.curve,
            devices=body.devices,
            devices_signature=body.devices_signature,
            devices_version=listed.version,
            listed=tuple(device for device, _ in listed.devices),
            invite_hash=None if body.invite is None else H("invite", body.invite),
            invite_needed=self._settings.registration == "invite",
            now_ms=now_ms,
        )


class VersionError(RemoteProtocolError):
    """The peer speaks none of our protocol versions: the one failure it is told about."""


class Expected:
    """How many devices may come back at once.

    Those now here are too few to go by: the first that come back after a restart would be told that they are alone, and
    would come all at once after the next.

    Args:
        devices: all that are registered.
        links: those that are here.
        now: monotonic seconds.
    """

    def __init__(self, devices: Sized, links: Sized, now: float) -> None:
        self._devices = devices
        self._links = links
        self._began = now
        self._most = 0

    def count(self, now: float) -> int:
        """Return it; asked with each login."""
        self._most = max(self._most, len(self._links))
        return self._most if now - self._began > SETTLED_S else max(self._most, len(self._devices))


def spread_ms(links: int) -> int:
    """Return over how long so many link sessions are asked to spread their return, in ms."""
    calm = min(links, SPREAD_CALM_LINKS)
    return max(SPREAD_MIN_MS, calm * 1000 // SPREAD_LINKS_PER_S + (links - calm) * 1000 // SPREAD_MORE_PER_S)


def encode_welcome(
    settings: BrokerSettings, incarnation: bytes, mailbox: Mailbox, links: int, wall_ms: Millis
) -> bytes:
    """Return WELCOME for a device.

    Args:
        links: how many may come back at once; they are asked to spread their return accordingly.

    Source: protocol.md §3.2.
    """
    quota = mailbox.account.own or settings
    limits = control.Limits(
        envelope_bytes=settings.envelope_bytes,
        send_window_messages=settings.send_window_messages,
        send_window_bytes=settings.send_window_bytes,
        deliver_window_messages=settings.deliver_window_messages,
        deliver_window_bytes=settings.deliver_window_bytes,
        quota_messages=quota.quota_messages,
        quota_bytes=quota.quota_bytes,
        quota_days=settings.quota_days,
        blob_file_bytes=settings.blob_file_bytes,
        blob_days=settings.blob_days,
    )
    welcome = control.Welcome(
        limits=limits,
        spread_ms=spread_ms(links),
        incarnation=incarnation,
        expired=mailbox.expired,
        time_ms=wall_ms,
        prekeys_id=mailbox.prekeys_id,
        one_time_left=mailbox.one_time_left,
    )
    return control.encode_welcome(welcome)
