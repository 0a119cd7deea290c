"""Who may connect, and how often: buckets per registered key and per address, and bans.

The CURVE handshake is the dearest thing a stranger can ask for, so it is counted before the connection exists.

Source: protocol.md §2, §15.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeVar

from sealwire.broker.port import BrokerSettings

MAX_BUCKETS = 65_536
"""Addresses and keys remembered at once; without it an IPv6 /32 fills memory."""
MAX_BANS = 16_384
"""Banned keys remembered at once: CURVE keys are free, so a ban list must not grow with them."""
HELLO_CHARGE = 1.0
"""What a bad HELLO or LOGIN costs its address on top of the connection."""
NEVER = -1e18
"""Before any clock: a bucket made now is full."""


Network = IPv4Network | IPv6Network


class Ruling(Enum):
    """What ZAP answers."""

    ADMIT = "200"
    REFUSE = "400"
    LATER = "500"
    """Too often: the peer comes back by itself. (300 would leave the peer hanging until its handshake times out.)"""


class Bucket:
    """A token bucket: ``burst`` at once, ``rate`` a second on average."""

    __slots__ = ("at", "tokens")

    def __init__(self, burst: float, now: float) -> None:
        self.tokens = burst
        self.at = now

    def take(self, amount: float, rate: float, burst: float, now: float) -> bool:
        """Take ``amount`` if it is there."""
        self.refill(rate, burst, now)
        if self.tokens < amount:
            return False
        self.tokens -= amount
        return True

    def refill(self, rate: float, burst: float, now: float) -> None:
        """Add what the time since the last look has earned."""
        if now > self.at:
            self.tokens = min(burst, self.tokens + (now - self.at) * rate)
            self.at = now

    def wait_ms(self, amount: float, rate: float) -> int:
        """How long until ``amount`` is there."""
        return max(1, int((amount - self.tokens) / rate * 1000)) if rate > 0 else 60_000


def address_group(address: str) -> str:
    """Return what shares one bucket: an IPv4 address, or the /64 of an IPv6 one (a /64 is one subscriber).

    Raises:
        ValueError: not an address.

    Source: protocol.md §2.
    """
    parsed = _parse(address)
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((int(parsed) >> 64 << 64, 64)))


def shown_address(address: str) -> str:
    """Return an address as people write it: ZeroMQ names IPv4 ones in IPv6's clothes."""
    try:
        return str(_parse(address))
    except ValueError:
        return address


def address_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of these networks; what is no address lies in none.

    Source: protocol.md §2.
    """
    try:
        parsed = _parse(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def network_of(text: str) -> Network:
    """Read an address or a network; an IPv4 one in IPv6 clothes is the IPv4 one, as addresses are seen here.

    Raises:
        ValueError: neither.

    Source: protocol.md §2.
    """
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((int(mapped), network.prefixlen - 96))
    return network


def _parse(address: str) -> IPv4Address | IPv6Address:
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


class Admission:
    """Decides about handshakes. Registered CURVE keys have a bucket each, strangers one per address."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._registration = settings.registration
        self.adopt(settings)
        self._known: set[bytes] = set()
        self._keys: dict[bytes, Bucket] = {}
        self._addresses: dict[str, Bucket] = {}
        self._bans: dict[bytes, float] = {}
        self._barred: tuple[Network, ...] = ()

    def adopt(self, settings: BrokerSettings) -> None:
        """Take over how often keys and addresses may connect."""
        self._known_rate = settings.known_handshakes_per_min / 60
        self._known_burst = settings.known_handshakes_burst
        self._unknown_rate = settings.unknown_handshakes_per_min / 60
        self._unknown_burst = settings.unknown_handshakes_burst
        self._trusted = tuple(network_of(network) for network in settings.trusted_networks)

    def learn(self, curve: bytes) -> None:
        """This CURVE key belongs to a registered device from now on."""
        self._known.add(curve)

    def forget(self, curve: bytes) -> None:
        """This CURVE key no longer does."""
        self._known.discard(curve)

    def ban(self, curve: bytes, until: float) -> None:
        """Refuse this key until then (seconds on the admitting clock)."""
        _evict(self._bans, MAX_BANS)
        self._bans[curve] = until

    def bar(self, networks: tuple[Network, ...]) -> None:
        """Refuse everybody from these networks, trusted or not; the table is replaced as a whole."""
        self._barred = networks

    def admit(self, curve: bytes, address: str, now: float) -> Ruling:
        """Rule on one handshake.

        Args:
            curve: the connection's CURVE key, 32 bytes, proven by the handshake.
            address: as ZeroMQ reports it, without a port.
            now: monotonic seconds.

        Source: protocol.md §2.
        """
        if self._bans.get(curve, NEVER) > now or (self._barred and address_within(address, self._barred)):
            return Ruling.REFUSE
        if curve in self._known:
            bucket = _bucket(self._keys, curve, self._known_burst, now)
            return _ruling(bucket.take(1, self._known_rate, self._known_burst, now))
        if self._registration == "closed":
            return Ruling.REFUSE
        if self.is_trusted(address):
            return Ruling.ADMIT
        bucket = _bucket(self._addresses, address_group(address), self._unknown_burst, now)
        return _ruling(bucket.take(1, self._unknown_rate, self._unknown_burst, now))

    def charge(self, curve: bytes, address: str, now: float) -> None:
        """A connection misbehaved before its login: its next ones come later."""
        if curve in self._known:
            _bucket(self._keys, curve, self._known_burst, now).tokens -= HELLO_CHARGE
        elif not self.is_trusted(address):
            _bucket(self._addresses, address_group(address), self._unknown_burst, now).tokens -= HELLO_CHARGE

    def is_trusted(self, address: str) -> bool:
        """Whether this address has no bucket (loopback, unless configured otherwise)."""
        return address_within(address, self._trusted)


def _ruling(there: bool) -> Ruling:
    return Ruling.ADMIT if there else Ruling.LATER


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _bucket(buckets: dict[_Key, Bucket], key: _Key, burst: float, now: float) -> Bucket:
    bucket = buckets.get(key)
    if bucket is None:
        _evict(buckets, MAX_BUCKETS)
        bucket = buckets[key] = Bucket(burst, now)
    return bucket


def _evict(table: dict[_Key, _Value], limit: int) -> None:
    # The oldest goes. Whoever owns that many addresses is a matter for the firewall.
    if len(table) >= limit:
        del table[next(iter(table))]
