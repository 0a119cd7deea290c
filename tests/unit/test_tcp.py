"""How much came on a connection (protocol.md §2)."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sealwire.tcp import received_bytes
from tests.conftest import loopback


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        loopback(request.param) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
        listener.accept()[0] as server,
    ):
        yield client, server


def test_the_system_counts_what_came(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    client.sendall(b"x" * 1_234)
    assert len(server.recv(1_234, socket.MSG_WAITALL)) == 1_234
    assert received_bytes(server.fileno()) == 1_234
    fd = server.fileno()
    assert server.fileno() == fd  # looked at, not closed
    client.sendall(b"y")
    assert server.recv(1) == b"y"


def test_a_descriptor_that_is_no_connection_has_brought_nothing(tmp_path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert received_bytes(file.fileno()) is None
    assert received_bytes(10_000) is None
