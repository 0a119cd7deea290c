"""What every interface needs of a running peer: words, contacts, states, one stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from sealwire.peer.events import DeliveryState, Event, Message, TrustState

WaitFor = Literal["queued", "sent", "delivered", "read"]

MAX_TEXT_BYTES = 15_000
"""UTF-8 bytes of one text: fits the largest padding bucket with its header; larger is a file."""


class Sent(Struct, frozen=True):
    """A message that is durable here."""

    id: str
    state: DeliveryState


class ContactInfo(Struct, frozen=True):
    """What is known about someone."""

    name: str
    fingerprint: str
    trust: TrustState
    first_seen_ms: int
    changed_ms: int | None
    """When a changed key was first seen."""
    unread: int


class SessionInfo(Struct, frozen=True):
    """What `/info` shows: suite in words, age, messages since the last RSA-OAEP secret."""

    contact: ContactInfo
    suite: str
    opened_ms: int | None
    messages_since_secret: int


class SafetyNumber(Struct, frozen=True):
    """What two people compare."""

    name: str
    digits: str
    """60 digits, no spaces."""
    trust: TrustState


class Status(Struct, frozen=True):
    """The peer at a glance."""

    name: str
    fingerprint: str
    connection: str
    broker: str
    queued: int
    """Own messages that the broker does not have yet."""
    unread: int
    outbox: int = 0
    """Envelopes that it does not have yet: of those messages one for each device, receipts, keys of groups."""


class ClientApi(Protocol):
    """Everything an interface can do. Names are normalised; errors are ``sealwire.errors``."""

    name: str
    fingerprint: str

    def events(self) -> AsyncIterator[Event]:
        """The one event stream, from Ready on; ends when the client is closed."""

    async def send_text(self, to: str, text: str, wait: WaitFor = "queued", timeout_s: float = 10) -> Sent:
        """Make a message durable and, with ``wait``, wait for that state.

        Raises:
            TextTooLongError, AccountNameError, UnknownPeerError, UntrustedPeerError, BrokerUnreachableError,
            NotReachedError, MessageFailedError.
        """

    async def history(self, conversation: str, limit: int = 50, before_row: int | None = None) -> Sequence[Message]:
        """The last messages of a conversation, oldest first."""

    async def unread(self, limit: int = 1000) -> Sequence[Message]:
        """Messages of others since the last :meth:`mark_read`, oldest first, over all conversations."""

    async def mark_read(self, up_to_row: int) -> None:
        """Everything up to this row has been written out (``recv``, ``--json``) or seen."""

    async def contacts(self) -> Sequence[ContactInfo]:
        """All contacts, by name."""

    async def info(self, name: str) -> SessionInfo:
        """Facts about a contact and the session with it. Raises UnknownPeerError."""

    async def safety_number(self, name: str) -> SafetyNumber:
        """The 60 digits to compare; asks the directory for a name never seen. Raises UnknownPeerError."""

    async def set_verified(self, name: str, verified: bool, digits: str | None = None) -> ContactInfo:
        """A person compared the digits (or takes it back).

        Args:
            digits: the 60 that were shown (spaces do not count); a key that changed since is not taken for theirs.

        Raises:
            UnknownPeerError, UntrustedPeerError, ComparedOtherKeyError; UsageError: not 60 digits.
        """

    async def approve(self, name: str) -> ContactInfo:
        """Accept a changed key; what waited goes out to the new key."""

    async def retry(self) -> int:
        """Try failed messages again; returns how many."""

    async def status(self) -> Status:
        """The peer at a glance."""

    async def settle(self, timeout_s: float) -> bool:
        """Wait until nothing is queued; False when time ran out."""

    async def online(self, timeout_s: float) -> None:
        """Wait for a link.

        Raises:
            BrokerUnreachableError (or WrongBrokerKeyError, LoginError): none in that time, or it is refused.
        """

    async def close(self) -> None:
        """Say goodbye, release the profile."""
