"""A local socket: private, found again, and leftovers never in the way."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sealwire import localsocket


def test_whoever_listens_is_found_and_nobody_else_may_connect(tmp_path: Path) -> None:
    assert localsocket.connect(tmp_path, "peer") is None
    with localsocket.listen(tmp_path, "peer") as listener:
        assert stat.S_IMODE((tmp_path / "peer.sock").stat().st_mode) == 0o600
        client = localsocket.connect(tmp_path, "peer")
        assert client is not None
        accepted, _ = listener.accept()
        accepted.close()
        client.close()
    assert localsocket.connect(tmp_path, "peer") is None, "closed without unlink, as by SIGKILL"
    localsocket.listen(tmp_path, "peer").close()
    localsocket.remove(tmp_path, "peer")
    assert list(tmp_path.iterdir()) == []


def test_a_path_too_long_gets_a_pointer_and_both_go_again(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir(mode=0o700)
    with localsocket.listen(deep, "peer"):
        elsewhere = localsocket.current(deep, "peer")
        assert elsewhere.parent != deep
        assert stat.S_IMODE(elsewhere.parent.stat().st_mode) == 0o700
        client = localsocket.connect(deep, "peer")
        assert client is not None
        client.close()
    localsocket.remove(deep, "peer")
    assert not elsewhere.parent.exists()
    assert list(deep.iterdir()) == []


def test_a_pointer_written_by_somebody_else_deletes_nothing_of_theirs(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").write_text("x")
    (mine / "peer.path").write_text(f"{theirs / 'file'}\n")
    localsocket.remove(mine, "peer")
    assert os.listdir(theirs) == ["file"]


def test_two_kinds_of_socket_do_not_meet(tmp_path: Path) -> None:
    with localsocket.listen(tmp_path, "peer"):
        assert localsocket.connect(tmp_path, "admin") is None


_STRANGER = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("listens", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED") or os.geteuid() != 0, reason="somebody else has to listen")
def test_somebody_elses_socket_in_the_place_of_ours_is_not_talked_to(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=localsocket.FALLBACK_PREFIX) as open_to_all:
        os.chmod(open_to_all, 0o777)
        place = Path(open_to_all) / "peer.sock"
        (tmp_path / "peer.path").write_text(f"{place}\n")
        with subprocess.Popen(
            [sys.executable, "-I", "-c", _STRANGER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as stranger:
            assert stranger.stdout is not None
            assert stranger.stdout.readline() == b"listens\n"
            assert localsocket.connect(tmp_path, "peer") is None
