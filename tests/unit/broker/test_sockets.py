"""How the broker's ROUTER is set, and what that does to connections."""

from __future__ import annotations

import os
import socket
import sys

import pytest
import zmq

from sealwire.broker.sockets import KEEPALIVE_ANSWER_S, KEEPALIVE_IDLE_S, OPTIONS
from sealwire.peer import link
from tests.unit.broker.running import Broker


def test_options_that_keep_strangers_small():
    assert OPTIONS[93] == 1
    assert OPTIONS[zmq.MAXMSGSIZE] == 96 * 1024
    assert OPTIONS[zmq.ROUTER_HANDOVER] == 0
    assert zmq.zmq_version_info() >= (4, 3, 5)


def test_a_dead_line_is_found_within_forty_seconds_at_both_ends():
    assert KEEPALIVE_IDLE_S + KEEPALIVE_ANSWER_S <= 40
    assert link.KEEPALIVE_IDLE_S + link.KEEPALIVE_ANSWER_S <= 40
    assert link.HEARTBEAT_MS < 50_000, "proxies drop what says nothing for longer"


@pytest.mark.skipif(sys.platform != "linux", reason="reads options that only Linux tells")
def test_the_system_watches_every_connection(tmp_path):
    with Broker(tmp_path) as broker:
        broker.login("alice")
        (session,) = broker.server._router.links.values()
        with socket.socket(fileno=os.dup(session.connection.fd)) as connection:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            asked = (socket.TCP_KEEPIDLE, socket.TCP_KEEPCNT, socket.TCP_KEEPINTVL)
            told = [connection.getsockopt(socket.IPPROTO_TCP, option) for option in asked]
            assert told == [KEEPALIVE_IDLE_S, 1, KEEPALIVE_ANSWER_S]
