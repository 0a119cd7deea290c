"""EPHEMERAL: typing and the like, to whoever is here, dropped before anything else.

It must never cost a message, or any link but the one that floods: the sender pays more units for it than for a message,
and a recipient that has fallen silent gets only as many as its socket holds beside a full window of messages.

Source: protocol.md §5.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sealwire.broker.links import Link
from sealwire.broker.mailbox import AWAY, Mailbox
from sealwire.broker.port import BrokerSettings
from sealwire.errors import RemoteProtocolError
from sealwire.ids import Mailbox as MailboxId
from sealwire.ids import RoutingId
from sealwire.wire.frames import AT_BODY, MAX_EPHEMERAL_BYTES, encode_broker_ephemeral

_AT_EPHEMERAL: Final = AT_BODY + 16
EPHEMERAL_UNITS: Final = 4
"""Units of an EPHEMERAL: dearer than a message, so that typing is never worth a flood."""
UNHEARD_EPHEMERALS: Final = 1_024
"""EPHEMERALs to a device since it last said anything; without it a flood fills the socket of a stopped device until a
DELIVER does not go out, and that ends its link session."""
_SOCKET_FRAMES: Final = 4_000
"""A little below the socket's SNDHWM: what window and EPHEMERALs share."""


class Ephemerals:
    """Passes EPHEMERALs on.

    Args:
        mailboxes: the router's, by id.
        out: (routing id, frame) to send; dropped when they do not go out.
    """

    __slots__ = ("_mailboxes", "_most", "_out", "dropped")

    def __init__(
        self, settings: BrokerSettings, mailboxes: Mapping[MailboxId, Mailbox], out: list[tuple[RoutingId, bytes]]
    ) -> None:
        self._mailboxes = mailboxes
        self._out = out
        self.adopt(settings)
        self.dropped = 0

    def adopt(self, settings: BrokerSettings) -> None:
        """Take over what a socket holds beside a full window."""
        self._most = max(0, min(UNHEARD_EPHEMERALS, _SOCKET_FRAMES - settings.deliver_window_messages))

    def handle(self, link: Link, frame: bytes) -> None:
        """One EPHEMERAL of a link session.

        Raises:
            RemoteProtocolError: its length is wrong.

        Source: protocol.md §5.1.
        """
        if not _AT_EPHEMERAL <= len(frame) <= _AT_EPHEMERAL + MAX_EPHEMERAL_BYTES:
            raise RemoteProtocolError("EPHEMERAL of wrong length")
        account = link.account
        mailbox = self._mailboxes.get(MailboxId(frame[AT_BODY:_AT_EPHEMERAL]))
        if account.units < EPHEMERAL_UNITS:
            self.dropped += 1  # dropped first: SENDs refill the bucket, not this
            return
        account.units -= EPHEMERAL_UNITS
        if mailbox is None or mailbox.mode == AWAY or mailbox.link is None:
            return
        if self._has_room(mailbox.link):
            self._out.append((mailbox.link.rid, encode_broker_ephemeral(frame[_AT_EPHEMERAL:])))
        else:
            self.dropped += 1

    def _has_room(self, peer: Link) -> bool:
        if peer.heard != peer.ephemerals_since:
            peer.ephemerals_since = peer.heard
            peer.ephemerals = 0
        peer.ephemerals += 1
        return peer.ephemerals <= self._most
