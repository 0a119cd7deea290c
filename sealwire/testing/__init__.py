"""Tools for tests: a whole network of real routers, engines and databases without a socket or a sleep."""

from sealwire.testing.network import Network, VirtualPeer, reissue

__all__ = ["Network", "VirtualPeer", "reissue"]
