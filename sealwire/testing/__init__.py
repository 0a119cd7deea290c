"""Tools for tests: a whole network without a socket or a sleep, and a real broker for the tests of bots."""

from sealwire.testing.local_broker import LocalBroker, local_broker
from sealwire.testing.network import Network, VirtualPeer, reissue

__all__ = ["LocalBroker", "Network", "VirtualPeer", "local_broker", "reissue"]
