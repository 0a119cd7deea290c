"""Health as monitoring sees it, over a real port."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from sealwire.broker import health
from sealwire.broker.health import MAX_REQUEST_BYTES, Lookout, Vitals, problems

WELL = {"turned_at": 100.0, "writing_since": None, "zap_answers": True, "is_serving": True}


class State:
    def __init__(self) -> None:
        self.changes: dict[str, object] = {}

    def vitals(self) -> Vitals:
        return Vitals(**{**WELL, "turned_at": time.monotonic(), **self.changes})


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def lookout(state: State) -> Iterator[Lookout]:
    made = Lookout(("127.0.0.1", 0), state.vitals, lambda: b"numbers\n")
    yield made
    made.close()


def ask(lookout: Lookout, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", lookout.port), timeout=5) as sock:
        sock.sendall(request)
        answer = b""
        try:
            while part := sock.recv(4096):
                answer += part
        except ConnectionResetError:
            pass
        return answer


def get(lookout: Lookout, path: str) -> tuple[int, str]:
    head, body = ask(lookout, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).decode().split("\r\n\r\n")
    return int(head.split(" ")[1]), body


def test_a_broker_that_is_well_has_no_problems():
    assert problems(Vitals(**WELL), 102.0) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"turned_at": 90.0}, "loop"), ({"writing_since": 80.0}, "disk"), ({"zap_answers": False}, "connections")],
)
def test_each_part_that_stops_is_named(changes, word):
    (found,) = problems(Vitals(**{**WELL, **changes}), 102.0)
    assert word in found


def test_pages(lookout, state):
    assert get(lookout, "/metrics") == (200, "numbers\n")
    assert get(lookout, "/healthz") == get(lookout, "/readyz") == (200, "ok\n")
    assert get(lookout, "/else")[0] == 404
    state.changes = {"is_serving": False}
    assert get(lookout, "/healthz")[0] == 200
    assert get(lookout, "/readyz")[0] == 503
    state.changes = {"zap_answers": False}
    assert get(lookout, "/healthz")[0] == get(lookout, "/readyz")[0] == 503


def test_other_requests_are_refused(lookout):
    assert ask(lookout, b"POST /metrics HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 405 ")
    assert ask(lookout, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert ask(lookout, b"GET /" + b"x" * 2 * MAX_REQUEST_BYTES) == b""
    assert get(lookout, "/healthz")[0] == 200


@pytest.mark.parametrize("silent", [5, health.MAX_CLIENTS + 5])
def test_silent_clients_hold_nobody_up_and_the_oldest_make_room(lookout: Lookout, silent: int) -> None:
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        for _ in range(silent):
            stack.enter_context(socket.create_connection(("127.0.0.1", lookout.port), timeout=5))
        assert get(lookout, "/healthz")[0] == 200
    assert time.monotonic() - began < health.REQUEST_S


def test_there_are_never_more_threads_than_clients_allowed(lookout: Lookout) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(3 * health.MAX_CLIENTS):
            stack.enter_context(socket.create_connection(("127.0.0.1", lookout.port), timeout=5))
            assert sum(thread.name == "broker-lookout" for thread in threading.enumerate()) <= health.MAX_CLIENTS + 1


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\n"])
def test_a_client_that_does_not_finish_is_cut_off(
    lookout: Lookout, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(health, "REQUEST_S", 0.05)
    assert ask(lookout, said) == b""


def test_whoever_is_inside_is_cut_off_at_the_end(state: State) -> None:
    made = Lookout(("127.0.0.1", 0), state.vitals, lambda: b"")
    with socket.create_connection(("127.0.0.1", made.port), timeout=5) as silent:
        silent.sendall(b"GET ")
        assert get(made, "/healthz")[0] == 200  # so both are inside or were
        began = time.monotonic()
        made.close()
        assert silent.recv(1) == b""
    assert time.monotonic() - began < health.REQUEST_S / 2


def test_a_page_that_fails_ends_one_request_only(state):
    def fail() -> bytes:
        raise ValueError("a mistake")

    made = Lookout(("127.0.0.1", 0), state.vitals, fail)
    try:
        assert ask(made, b"GET /metrics HTTP/1.1\r\n\r\n") == b""
        assert get(made, "/healthz")[0] == 200
    finally:
        made.close()


def test_a_full_disk_is_no_illness_and_takes_no_work_for_a_minute(lookout: Lookout, state: State) -> None:
    state.changes = {"refused_at": time.monotonic() - health.FULL_S + 30}
    assert get(lookout, "/healthz") == (200, "ok\n")
    assert get(lookout, "/readyz") == (503, "the disk is full: messages for devices that are away are refused\n")
    state.changes = {"refused_at": time.monotonic() - health.FULL_S}
    assert get(lookout, "/readyz") == (200, "ok\n")
