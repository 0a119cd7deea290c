"""The broker ends when it is told to, whatever its peers do at that moment."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

import pytest
import zmq

from sealwire.broker.sockets import OPTIONS
from sealwire.closing import end_context
from sealwire.wire.frames import MAX_FRAME_BYTES
from tests.unit.broker.crowd import gathered, populate
from tests.unit.broker.test_server import broker_process

CROWD = 200
END_S = 10


@pytest.mark.process
def test_peers_that_die_in_that_moment_do_not_keep_an_orderly_end_waiting(tmp_path: Path) -> None:
    """libzmq hung here in one run of three: a connection that broke before takes its linger from the listener."""
    curve = populate(tmp_path, CROWD)
    with broker_process(tmp_path) as (process, endpoint), gathered(endpoint, curve, CROWD) as crowd:
        crowd.kill()
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_S) == 0


def test_a_connection_that_breaks_while_the_broker_ends_does_not_keep_it():
    """The sure half of the test above: what is on its way to one that is gone would be kept for ever.

    In the broker it takes a peer that leaves within microseconds of the end: the ROUTER has let go of it, and the
    rest of the end has not arrived. A take-over, which the broker does not allow, holds a connection in that state.
    """
    context, peers = zmq.Context(), zmq.Context()
    router = context.socket(zmq.ROUTER)
    for option, value in OPTIONS.items():
        if option not in (zmq.CURVE_SERVER, 93):
            router.setsockopt(option, value)
    router.setsockopt(zmq.ROUTER_HANDOVER, 1)
    router.sndhwm = 100
    monitor = router.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    address = f"tcp://127.0.0.1:{router.bind_to_random_port('tcp://127.0.0.1')}"

    def arrive(name: bytes) -> zmq.Socket[bytes]:
        peer = peers.socket(zmq.DEALER)
        peer.linger, peer.rcvhwm, peer.routing_id = 0, 1, name
        peer.connect(address)
        peer.send(b"here")
        assert router.recv_multipart() == [name, b"here"]
        return peer

    first = arrive(b"x")
    with suppress(zmq.Again):
        while True:
            router.send_multipart([b"x", bytes(MAX_FRAME_BYTES)], zmq.NOBLOCK)
    second = arrive(b"x")
    first.close()
    assert monitor.poll(10_000)
    third = arrive(b"y")  # the thread that saw the end has done what it does then
    for sock in (second, third, monitor):
        sock.close()
    router.disable_monitor()
    router.close(linger=500)
    assert end_context(context, 5)
    peers.term()
