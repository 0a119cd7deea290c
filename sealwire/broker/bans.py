"""Whom the operator keeps out: accounts, devices and networks, until a time or until it is lifted.

CURVE keys are free, so none of these is one: whoever is banned comes back with a fresh key and is refused all the same.

Source: protocol.md §5.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network
from typing import Final

from sealwire.broker.admission import Network, address_group, address_within, network_of
from sealwire.broker.orders import Ban, BanKind
from sealwire.errors import UsageError
from sealwire.i18n import _
from sealwire.ids import MAILBOX_BYTES, Millis, account_name
from sealwire.ids import Mailbox as MailboxId

MAX_LASTING_BANS: Final = 1_000
"""Bans in force: every handshake is compared with each banned network."""
MAX_OWN_BANS: Final = MAX_LASTING_BANS // 2
"""Bans in force up to which the broker adds its own; without it a crowd that asks for them leaves the operator none."""
MAX_REASON_CHARS: Final = 200
"""Of the operator's note; without it a note fills the administrator's answer."""


def reason_of(text: str) -> str:
    """Return an operator's note. Raises UsageError: it is too long."""
    if len(text) > MAX_REASON_CHARS:
        sentence = _("A reason has at most {limit} characters; this one has {size}.")
        raise UsageError(sentence.format(limit=MAX_REASON_CHARS, size=len(text)))
    return text


def target_of(kind: BanKind, text: str) -> str:
    """Return what a ban of this kind names, in its one spelling.

    Raises:
        ValueError: not an account name, a mailbox in hex, an address or a network.

    Source: protocol.md §5.8.
    """
    if kind == "account":
        name = account_name(text)
        if name is None:
            raise ValueError(text)
        return name
    if kind == "device":
        if len(bytes.fromhex(text)) != MAILBOX_BYTES:
            raise ValueError(text)
        return text.lower()
    return str(network_of(text if "/" in text else address_group(text)))  # as admission counts addresses


class Bans:
    """The bans in force.

    Args:
        bar: told the banned networks whenever they change; it refuses their handshakes.
    """

    def __init__(self, bans: Iterable[Ban], bar: Callable[[tuple[Network, ...]], None]) -> None:
        self._bans: dict[tuple[BanKind, str], Ban] = {(ban.kind, ban.target): ban for ban in bans}
        self._networks: tuple[Network, ...] = ()
        self._bar = bar
        self._changed()

    def __len__(self) -> int:
        return len(self._bans)

    def __iter__(self) -> Iterator[Ban]:
        return iter(sorted(self._bans.values(), key=lambda ban: (ban.kind, ban.target)))

    def holds(self, kind: BanKind, target: str) -> bool:
        """Whether there is a ban on this target."""
        return (kind, target) in self._bans

    def add(self, ban: Ban) -> None:
        """Put a ban in force, in place of an older one of the same target."""
        self._bans[ban.kind, ban.target] = ban
        self._changed()

    def remove(self, kind: BanKind, target: str) -> None:
        """Lift a ban."""
        self._bans.pop((kind, target), None)
        self._changed()

    def ended(self, wall_ms: Millis) -> list[Ban]:
        """Return the bans whose time is over."""
        return [ban for ban in self._bans.values() if 0 < ban.until_ms <= wall_ms]

    def bars(self, account: str, mailbox: MailboxId, address: str) -> bool:
        """Whether this device of this account at this address is kept out."""
        if not self._bans:
            return False
        named = ("account", account) in self._bans or ("device", mailbox.hex()) in self._bans
        return named or address_within(address, self._networks)

    def _changed(self) -> None:
        self._networks = tuple(ip_network(ban.target) for ban in self._bans.values() if ban.kind == "address")
        self._bar(self._networks)
