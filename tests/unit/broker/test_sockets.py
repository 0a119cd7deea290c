"""How the broker's ROUTER is set, and what that does to connections."""

from __future__ import annotations

import sys

import pytest
import zmq

from sealwire.broker import sockets
from sealwire.broker.sockets import OPTIONS
from sealwire.peer import link
from sealwire.tcp import keepalive
from tests.conftest import watched
from tests.unit.broker.running import Broker


def test_options_that_keep_strangers_small():
    assert OPTIONS[93] == 1
    assert OPTIONS[zmq.MAXMSGSIZE] == 96 * 1024
    assert OPTIONS[zmq.ROUTER_HANDOVER] == 0
    assert zmq.zmq_version_info() >= (4, 3, 5)


@pytest.mark.parametrize("end", [sockets, link])
def test_a_dead_line_is_found_within_forty_seconds_and_a_lost_packet_is_no_dead_line(end):
    found_s = end.KEEPALIVE_IDLE_S + end.KEEPALIVE_ANSWER_S
    assert found_s <= 40
    set_to = keepalive(end.KEEPALIVE_IDLE_S, end.KEEPALIVE_ANSWER_S)
    assert set_to[zmq.TCP_KEEPALIVE_CNT] >= 5
    assert found_s * 1000 <= set_to[zmq.TCP_MAXRT], "Linux counts silence by it, not by probes"
    assert link.HEARTBEAT_MS < 50_000, "proxies drop what says nothing for longer"


@pytest.mark.skipif(sys.platform != "linux", reason="reads options that only Linux tells")
def test_the_system_watches_every_connection(tmp_path):
    with Broker(tmp_path) as broker:
        broker.login("alice")
        (session,) = broker.server._router.links.values()
        assert watched(session.connection.fd) == [1, 30, 5, 2, 40_000]
