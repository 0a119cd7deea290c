"""kill -9 in the middle of a file, on either side, with real processes: it goes on where it was, and ends up whole."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sealwire.broker import admin
from sealwire.testing.processes import JsonPeer, Stage
from sealwire.wire.blobs import BULK_WINDOW, CHUNK_BYTES
from tests.conftest import PEOPLE

pytestmark = pytest.mark.process
SIZE = 8 << 20
RATE = "5 MiB"
"""A second of it at once, then so much a second: slow enough to be in the middle when the first progress is told."""
MOST_TWICE = 2 * BULK_WINDOW * (CHUNK_BYTES + 17)
"""What one break makes move again, and room for what was under way."""


def file_event(peer: JsonPeer, wanted) -> dict:
    while not wanted(event := peer.wait_for("file")):
        assert event["state"] != "failed", event
    return event


def in_the_middle(event: dict) -> bool:
    return 0 < event["done_bytes"] < SIZE


def left_alone(folder: Path, name: str) -> bool:
    """Whether that file is soon the only one: what is over is deleted beside what is told, by the thread of files."""
    for _look in range(200):
        if (found := [path.name for path in folder.iterdir()]) == [name]:
            return True
        time.sleep(0.05)
    pytest.fail(f"there are {found}")


def moved(stage: Stage) -> tuple[int, int]:
    """Bytes of chunks (in, out) as the broker counts them."""
    counts = admin.ask(stage.path / "data" / "broker", {"do": "status"})["status"]
    return counts["blob_bytes_in"], counts["blob_bytes_out"]


def test_a_file_outlives_kill_9_of_its_sender_and_of_its_recipient(tmp_path: Path) -> None:
    content, source = os.urandom(SIZE), tmp_path / "film.bin"
    source.write_bytes(content)
    people = {name: PEOPLE[name] for name in ("alice", "bob")}
    with Stage(people=people, SEALWIRE_LIMITS__BLOB_BYTES_PER_S=RATE) as stage:
        alice, bob = stage.peer("alice"), stage.peer("bob")
        bob.wait_for("ready")
        sent = alice.request("file.send", to="bob", path=str(source))["result"]["id"]
        file_event(alice, in_the_middle)
        alice.kill()
        alice = stage.peer("alice")
        told = bob.wait_for("message")
        assert (told["id"], told["file"]["state"], told["file"]["size_bytes"]) == (sent, "offered", SIZE)
        folder = stage.path / "data" / "bob" / "files"
        bob.write_later(
            b'{"jsonrpc": "2.0", "id": 1, "method": "file.fetch", "params": {"id": "%b"}}\n' % sent.encode()
        )
        file_event(bob, in_the_middle)
        bob.kill()
        assert {path.suffix for path in folder.iterdir()} == {".part"}, "no name before everything is verified"
        bob = stage.peer("bob")
        done = file_event(bob, lambda event: event["state"] == "done")
        assert Path(done["path"]).read_bytes() == content
        assert left_alone(folder, "film.bin"), "its first name goes once the database knows the new one"
        for count in moved(stage):
            assert SIZE < count < SIZE + SIZE // 100 + MOST_TWICE, "it went on and did not begin again"
