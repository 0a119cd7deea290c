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
from sealwire.cli import peer_daemon
from sealwire.errors import NoLocalSocketError, NotPermittedError
from tests.conftest import shut_out

ROOT = Path(__file__).parents[2]


def test_whoever_listens_is_found_and_nobody_else_may_connect(tmp_path: Path) -> None:
    assert localsocket.connect(tmp_path, "peer") is None
    with localsocket.listen(tmp_path, "peer") as listener:
        assert stat.S_IMODE(localsocket.current(tmp_path, "peer").stat().st_mode) == 0o600
        client = localsocket.connect(tmp_path, "peer")
        assert client is not None
        accepted, _ = listener.accept()
        accepted.close()
        client.close()
    assert localsocket.connect(tmp_path, "peer") is None, "closed without unlink, as by SIGKILL"
    localsocket.listen(tmp_path, "peer").close()
    localsocket.remove(tmp_path, "peer")
    assert list(tmp_path.iterdir()) == []


def test_nobody_says_that_nobody_listens_where_they_may_not_look(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(0o700)
    with shut_out(folder), pytest.raises(NotPermittedError, match="theirs"):
        localsocket.connect(folder, "admin")
    assert localsocket.connect(folder, "admin") is None


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


@pytest.mark.parametrize("name", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_a_folder_for_short_lived_files_whose_path_is_too_long_as_well_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir(mode=0o700)
    monkeypatch.setenv(name, str(deep))
    monkeypatch.setattr(tempfile, "tempdir", None)  # TMPDIR is looked at again
    with localsocket.listen(deep, "peer"):
        client = localsocket.connect(deep, "peer")
        assert client is not None
        client.close()
    localsocket.remove(deep, "peer")
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


# --- a system without them: Windows ------------------------------------------------------------------------------


@pytest.mark.process
def test_a_broker_without_such_sockets_says_what_does_not_work_and_serves(tmp_path: Path) -> None:
    code = (
        "import sys, sealwire.localsocket as local; local.is_possible = lambda: False;"
        "from sealwire.cli import start; sys.exit(start('broker'))"
    )
    words = ["--bind", "tcp://127.0.0.1:0", "--keys", str(tmp_path / "keys"), "--data", str(tmp_path / "data")]
    broker = subprocess.Popen([sys.executable, "-c", code, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert broker.stderr is not None
    said = []
    for line in broker.stderr:
        said.append(line)
        if "ready on" in line:
            break
    broker.terminate()
    broker.communicate(timeout=30)
    assert any("The operator's verbs need a local socket that only you can open" in line for line in said)
    assert "ready on" in said[-1]
    assert not list((tmp_path / "data").rglob("*.sock"))


async def test_a_peer_in_the_background_is_refused_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localsocket, "is_possible", lambda: False)
    with pytest.raises(NoLocalSocketError):
        await peer_daemon.run(None)  # type: ignore[arg-type]  # nothing is asked of it before
