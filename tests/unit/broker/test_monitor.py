"""The monitor's view of descriptors: one that was reused for a local socket is nobody's connection."""

from __future__ import annotations

import socket

from sealwire.broker.monitor import peer_of, shut_down


def test_a_descriptor_reused_by_a_local_socket_is_no_peer():
    one, other = socket.socketpair()
    with one, other:
        assert peer_of(one.fileno()) is None
        assert not shut_down(one.fileno(), ("127.0.0.1", 1))
        one.send(b"still open")


def test_a_closed_descriptor_is_no_peer():
    one, other = socket.socketpair()
    number = one.fileno()
    one.close()
    other.close()
    assert peer_of(number) is None
