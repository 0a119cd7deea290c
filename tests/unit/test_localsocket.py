"""A local socket: private, found again, and leftovers never in the way."""

from __future__ import annotations

import os
import stat
from pathlib import Path

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
