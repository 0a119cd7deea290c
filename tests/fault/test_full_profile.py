"""A peer whose disk is full while a file moves: it answers, it stays, and it goes on when there is room."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest

from sealwire.testing.processes import JsonPeer, Stage
from tests.conftest import PEOPLE

WAIT_S = 20.0


def fill(folder: Path) -> Path:
    """Leave not a byte."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def sent(peer: JsonPeer, text: str) -> str:
    """The state a message reached, or the name of the error."""
    answer = peer.request("send", to="alice", text=text, wait="sent", timeout=5)
    return str(answer["result"]["state"]) if "result" in answer else str(answer["error"]["data"]["name"])


@pytest.mark.process
def test_a_full_disk_is_an_answer_and_ends_nothing(small_disk: Path) -> None:
    with Stage(people=PEOPLE, SEALWIRE_LIMITS__BLOB_BYTES_PER_S="128 KiB") as stage:
        (small_disk / "bob").mkdir(mode=0o700)
        (stage.path / "data" / "bob").symlink_to(small_disk / "bob")
        alice, bob = stage.peer("alice"), stage.peer("bob")
        for peer in (alice, bob):
            peer.wait_for("ready")
        assert sent(bob, "before") == "sent"
        (stage.path / "film").write_bytes(os.urandom(4_000_000))
        bob.request("file.send", to="alice", path=str(stage.path / "film"))
        while bob.wait_for("file", WAIT_S)["state"] != "sending":
            pass
        filler = fill(small_disk)
        answers = {sent(bob, "x" * 15_000) for _ in range(20)}
        assert "store" in answers, "the disk is not full"
        assert answers <= {"store", "sent", "timeout"}
        assert "result" in bob.request("status") or bob.child.poll() is None
        filler.unlink()
        ends = time.monotonic() + WAIT_S
        while sent(bob, "after") != "sent":
            assert time.monotonic() < ends
        assert bob.child.poll() is None
        assert not [line for line in bob.said if "Traceback" in line]
        while alice.wait_for("message", WAIT_S)["text"] != "after":
            pass
