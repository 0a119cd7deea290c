"""Silent connections, and shutting down exactly one."""

from __future__ import annotations

import os
import resource
import socket

import pytest
import zmq

from sealwire.broker.monitor import Doorstep, Monitor, peer_of, shut_down
from sealwire.broker.port import BrokerSettings
from tests.conftest import loopback

PEER = ("192.0.2.1", 1)


def said(*fds):
    return lambda asked: [fd for fd in asked if fd in fds]


def test_who_does_not_speak_in_time_must_go():
    doorstep = Doorstep(BrokerSettings(max_unclaimed=100, max_connections=100))
    doorstep.came(5, PEER, 0.0)
    doorstep.came(6, PEER, 4.0)
    assert doorstep.overdue(said(), 7.9) == []
    assert doorstep.overdue(said(), 8.9) == [(5, PEER)], "with a look each second it must be gone within ten"
    assert doorstep.overdue(said(), 9.9) == []


def test_who_spoke_or_left_is_forgotten():
    doorstep = Doorstep(BrokerSettings(max_unclaimed=100, max_connections=100))
    doorstep.came(5, PEER, 0.0)
    doorstep.came(6, PEER, 0.0)
    doorstep.gone(6)
    assert doorstep.overdue(said(5), 20.0) == []


def test_a_descriptor_used_again_starts_anew():
    doorstep = Doorstep(BrokerSettings(max_unclaimed=100, max_connections=100))
    doorstep.came(5, PEER, 0.0)
    doorstep.gone(5)
    doorstep.came(5, PEER, 8.0)
    assert doorstep.overdue(said(), 12.0) == []


def test_too_many_silent_ones_push_the_oldest_out():
    doorstep = Doorstep(BrokerSettings(max_unclaimed=2, max_connections=100))
    for fd in range(5):
        doorstep.came(fd, PEER, float(fd) / 10)
    assert [fd for fd, _ in doorstep.overdue(said(1), 1.0)] == [0, 2]


def test_connections_are_bounded():
    doorstep = Doorstep(BrokerSettings(max_unclaimed=100, max_connections=2))
    assert doorstep.came(1, PEER, 0.0)
    assert doorstep.came(2, PEER, 0.0)
    assert not doorstep.came(3, PEER, 0.0)
    doorstep.gone(3)
    doorstep.gone(1)
    assert doorstep.came(4, PEER, 0.0)


MANY = 1_500
"""More than two queues of ZeroMQ's default length hold."""


def test_nobody_waits_for_events_that_are_not_taken():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router, context.socket(zmq.DEALER) as dealer:
        monitor, router.backlog = Monitor(context, router), 2 * MANY
        address = ("127.0.0.1", router.bind_to_random_port("tcp://127.0.0.1"))
        for _ in range(MANY):
            socket.create_connection(address).close()
        dealer.connect("tcp://{}:{}".format(*address))
        dealer.send(b"through")
        is_through = router.poll(3_000)
        first, rest = monitor.take(10), monitor.take(3 * MANY)
        router.disable_monitor()
        monitor.close()
    assert is_through
    assert len(first) == 10
    assert sum(came for came, _fd in first + rest) == MANY + 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_only_the_connection_that_was_meant_is_shut_down(address):
    with loopback(address) as listener:
        with socket.create_connection(listener.getsockname()[:2]) as client:
            server, _ = listener.accept()
            with server:
                peer = peer_of(server.fileno())
                assert peer == client.getsockname()[:2]
                assert not shut_down(server.fileno(), ("127.0.0.1", 1))
                assert not shut_down(server.fileno(), None)
                assert shut_down(server.fileno(), peer)
                client.settimeout(5)
                assert client.recv(1) == b""
                assert server.fileno() >= 0
        assert peer_of(listener.fileno()) is None


def test_a_connection_between_processes_is_nobodys():
    here, there = socket.socketpair()
    with here, there:
        assert peer_of(here.fileno()) is None
        assert not shut_down(here.fileno(), ("", 0))
        there.sendall(b"y")
        assert here.recv(1) == b"y"


def test_a_file_is_not_shut_down(tmp_path):
    with (tmp_path / "broker.db").open("wb") as file:
        assert peer_of(file.fileno()) is None
        assert not shut_down(file.fileno(), PEER)
        after = os.dup(file.fileno())
        os.close(after)
        assert not shut_down(file.fileno(), PEER)
        assert os.dup(file.fileno()) == after, "and no duplicate of it stays open"
        os.close(after)


def test_when_descriptors_have_run_out_connections_can_still_be_shut_down():
    here, there = _pair()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    with here, there:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            peer = peer_of(here.fileno())
            assert peer == there.getsockname()
            assert shut_down(here.fileno(), peer)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert there.recv(1) == b""
        assert here.fileno() >= 0, "the descriptor is not ours to close"


def _pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = socket.create_connection(listener.getsockname())
        return listener.accept()[0], there
