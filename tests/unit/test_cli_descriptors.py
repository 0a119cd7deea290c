"""Open files: the broker's own cap on connections comes before the system runs out of descriptors."""

from __future__ import annotations

import dataclasses
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sealwire.broker.keyfiles import read_public
from sealwire.broker.port import BrokerSettings
from sealwire.cli.descriptors import OWN_DESCRIPTORS, fitted
from sealwire.testing.processes import ROOT, Process, Stage
from sealwire.wire.frames import Verb
from tests.unit.broker.raw_peer import RawPeer, member

FILES = OWN_DESCRIPTORS + 60
PRINT = """
import resource, sys
from sealwire.broker.port import BrokerSettings
from sealwire.cli.descriptors import fitted
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(fitted(BrokerSettings()).max_connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "files"),
    [(1024, 20_000, 12_000, 12_000 + OWN_DESCRIPTORS), (1024, 4_096, 4_096 - OWN_DESCRIPTORS, 4_096)],
)
def test_the_soft_limit_is_raised_and_the_hard_one_bounds_connections(soft, hard, connections, files):
    command = [sys.executable, "-c", PRINT, str(soft), str(hard)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(connections), str(files)]
    assert ("WARNING" in done.stderr) == (hard < 12_000)


def test_enough_is_left_alone():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    settings = dataclasses.replace(BrokerSettings(), max_connections=100)
    assert fitted(settings) is settings
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


@pytest.mark.process
def test_more_connections_than_descriptors_leave_the_broker_calm_and_its_people_talking(tmp_path: Path):
    with Stage(tmp_path) as stage:
        stage.broker.stop()
        stage.broker_prefix = ("prlimit", f"--nofile={FILES}:{FILES}")
        broker: Process = stage.start_broker()
        curve = read_public(tmp_path / "keys" / "broker.pub")
        alice, bob = (RawPeer(stage.address, curve, member(name, curve, name)) for name in ("alice", "bob"))
        alice.login()
        bob.login()
        host, port = stage.address.removeprefix("tcp://").split(":")
        crowd = [socket.create_connection((host, int(port)), 5) for _ in range(FILES)]
        used = broker.cpu_s()
        for number in range(20):
            alice.send(bob.mailbox, b"x" * 400)
            assert int.from_bytes(bob.recv(Verb.DELIVER)[1:9], "big") == number + 1
            bob.ack(number + 1)
        closed = sum(_is_closed(sock) for sock in crowd)
        assert closed >= OWN_DESCRIPTORS, "the cap let everyone in"
        assert len(list(Path(f"/proc/{broker.child.pid}/fd").iterdir())) < FILES
        assert broker.cpu_s() - used < 1.0, "it turns in circles"
        for sock in crowd:
            sock.close()
        alice.close()
        bob.close()


def _is_closed(sock: socket.socket) -> bool:
    sock.settimeout(0.2)
    try:
        while sock.recv(100):
            pass  # the greeting
    except TimeoutError:
        return False
    except OSError:
        return True
    return True
