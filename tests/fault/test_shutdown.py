"""The broker ends when it is told to, whatever its peers do at that moment."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import zmq

from sealwire.broker.server import OPTIONS
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


def test_the_linger_is_finite_before_anything_is_bound() -> None:
    """The sure half of the test above: what is set later does not reach the listener."""
    assert 0 <= OPTIONS[zmq.LINGER] <= 500
