"""The administrator's socket: private, replaced when stale, and never in the way of a start."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sealwire import localsocket
from sealwire.broker import admin
from sealwire.broker.admin import AdminRefusedError, AdminServer, Request
from sealwire.errors import (
    AdminSocketGoneError,
    BrokerSilentError,
    NoAdminSocketError,
    NoBrokerHereError,
    UsageError,
)
from sealwire.files import PidLock
from sealwire.i18n import explain


def echo(request: Request) -> dict[str, Any]:
    return {"echo": request["word"]}


def refuse(_request: Request) -> dict[str, Any]:
    raise UsageError("not like this", "like that")


def fail(_request: Request) -> dict[str, Any]:
    raise RuntimeError("a mistake")


def tell_who(request: Request) -> dict[str, Any]:
    return {"who": request["by"]}


HANDLERS = {"who": tell_who, "echo": echo, "refuse": refuse, "fail": fail}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "broker"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    folder = tmp_path.joinpath(*["a-rather-long-folder-name"] * 5)
    folder.mkdir(parents=True, mode=0o700)
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[AdminServer]:
    server = AdminServer(folder, HANDLERS)
    yield server
    server.close()


def test_a_request_is_answered(folder: Path, server: AdminServer) -> None:
    for word in ("one", "two"):
        assert admin.ask(folder, {"do": "echo", "word": word}) == {"ok": True, "echo": word}


def test_the_socket_is_for_its_owner_alone(folder: Path, server: AdminServer) -> None:
    mode = localsocket.current(folder, admin.SOCKET).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="this system does not say who asks")
def test_whoever_asks_is_named_by_the_system_and_not_by_themselves(folder: Path, server: AdminServer) -> None:
    assert admin.ask(folder, {"do": "who", "by": "somebody else"})["who"] == localsocket.user_name(os.geteuid())
    assert localsocket.user_name(4_000_000_001) == "4000000001"


def test_a_request_that_is_too_long_is_refused_with_the_limit(folder: Path, server: AdminServer) -> None:
    room = admin.MAX_LINE_BYTES - len(json.dumps({"do": "echo", "word": ""}).encode()) - 1
    assert admin.ask(folder, {"do": "echo", "word": "x" * room})["ok"]
    with pytest.raises(UsageError, match="it has 65537 bytes, and the broker takes 65536"):
        admin.ask(folder, {"do": "echo", "word": "x" * (room + 1)})


def test_an_error_keeps_its_sentence_hint_and_exit_code(folder: Path, server: AdminServer) -> None:
    with pytest.raises(AdminRefusedError) as caught:
        admin.ask(folder, {"do": "refuse"})
    assert (str(caught.value), caught.value.params["hint"], caught.value.exit) == ("not like this", "like that", 2)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"[]\n",
        b'{"do": "no"}\n',
        b"{}\n",
        b"\xff\n",
        b'{"do": "echo"}\n',
        b"1\n",
        b'{"do": "echo", "word": "\\udcff"}\n',
        b'{"do": "echo", "word": [{"\\udcff": 1}]}\n',
    ],
)
def test_a_line_that_is_no_request_is_refused_and_the_next_one_answered(
    folder: Path, server: AdminServer, line: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(localsocket.current(folder, admin.SOCKET)))
        client.sendall(line)
        assert json.loads(client.recv(4096))["ok"] is False
    assert admin.ask(folder, {"do": "echo", "word": 1})["echo"] == 1


def test_a_client_that_leaves_or_says_nothing_holds_nobody_up_for_long(
    folder: Path, server: AdminServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "CLIENT_TIMEOUT_S", 0.1)
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as leaving:
        leaving.connect(str(localsocket.current(folder, admin.SOCKET)))
        leaving.close()
        silent.connect(str(localsocket.current(folder, admin.SOCKET)))
        assert admin.ask(folder, {"do": "echo", "word": 1})["echo"] == 1


def test_what_is_no_text_is_refused_where_it_was_typed(folder: Path, server: AdminServer) -> None:
    with pytest.raises(UsageError) as caught:
        admin.ask(folder, {"do": "echo", "word": os.fsdecode(b"a\xff")})
    assert explain(caught.value)[0] == r"'a\udcff' is not text in UTF-8."


def test_an_order_that_fails_ends_neither_the_thread_nor_looks_like_no_broker(
    folder: Path, server: AdminServer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BrokerSilentError):
        admin.ask(folder, {"do": "fail"})
    assert admin.ask(folder, {"do": "echo", "word": 1})["echo"] == 1  # by the same thread, after it has logged
    assert "a mistake" in caplog.text


def test_a_broker_that_does_not_answer_is_not_called_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "ANSWER_TIMEOUT_S", 0.1)
    with localsocket.listen(folder, admin.SOCKET), pytest.raises(BrokerSilentError):
        admin.ask(folder, {"do": "echo", "word": 1})


def test_an_endless_line_is_cut(folder: Path, server: AdminServer) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(localsocket.current(folder, admin.SOCKET)))
        try:
            for _part in range(100):
                client.sendall(b"x" * 4096)
        except OSError:
            pass  # the broker hung up
    assert admin.ask(folder, {"do": "echo", "word": 1})["echo"] == 1


def test_no_broker_is_one_error_whatever_lies_there(folder: Path) -> None:
    with pytest.raises(NoBrokerHereError):
        admin.ask(folder, {"do": "echo"})
    (folder / "admin.sock").write_text("not a socket")
    with pytest.raises(NoBrokerHereError):
        admin.ask(folder, {"do": "echo"})


def test_a_broker_whose_socket_was_deleted_is_not_called_none(folder: Path) -> None:
    lock = PidLock(folder / admin.LOCK)
    lock.acquire()
    with pytest.raises(AdminSocketGoneError) as caught:
        admin.ask(folder, {"do": "echo"})
    assert caught.value.params["pid"] == os.getpid()
    lock.release()
    with pytest.raises(NoBrokerHereError):
        admin.ask(folder, {"do": "echo"})


def test_a_stale_socket_is_replaced(folder: Path) -> None:
    localsocket.listen(folder, admin.SOCKET).close()  # without unlink: what kill -9 leaves
    left = localsocket.current(folder, admin.SOCKET)
    assert left.exists()
    server = AdminServer(folder, HANDLERS)
    assert admin.ask(folder, {"do": "echo", "word": 1})["echo"] == 1
    server.close()
    assert not left.exists()
    assert not localsocket.current(folder, admin.SOCKET).exists()


def test_a_path_too_long_for_a_socket_falls_back_to_a_private_folder(
    deep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    server = AdminServer(deep, HANDLERS)
    elsewhere = Path((deep / "admin.path").read_text().strip())
    assert len(str(elsewhere)) <= localsocket.MAX_PATH_BYTES
    assert stat.S_IMODE(elsewhere.parent.stat().st_mode) == 0o700
    assert admin.ask(deep, {"do": "echo", "word": 1})["echo"] == 1
    server.close()
    assert not elsewhere.parent.exists()
    assert not (deep / "admin.path").exists()


def test_the_fallback_of_a_killed_broker_is_cleared_away(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    left = localsocket._choose(deep, "admin")
    server = AdminServer(deep, HANDLERS)
    assert not left.parent.exists()
    server.close()


def test_a_pointer_to_something_else_removes_nothing(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("keep")
    (folder / "admin.path").write_text(f"{other}/file\n")
    AdminServer(folder, HANDLERS).close()
    assert (other / "file").read_text() == "keep"


def test_a_system_without_such_sockets_says_so_and_nobody_connects(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(localsocket, "is_possible", lambda: False)
    with pytest.raises(NoAdminSocketError) as refused:
        admin.ask(folder, {"do": "status"})
    assert explain(refused.value)[0].startswith("The operator's verbs need a local socket")
    assert "settings file" in explain(refused.value)[1]
