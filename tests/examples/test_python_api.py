"""The Python API as somebody else's program has it: acknowledging, typed errors, and a broker for their own tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sealwire import connect
from sealwire.errors import SealwireError, TextTooLongError, UnknownGroupError, UnknownPeerError
from sealwire.testing import LocalBroker

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0

pytestmark = pytest.mark.process

READER = """
import asyncio, json, os, sys
from sealwire import connect

async def main(options, acknowledges):
    async with connect("bob", **options, online_within_s=60) as me:
        async for message in me.messages():
            print(message.text, flush=True)
            if acknowledges:
                await message.ack()
            if message.text == "last":
                os._exit(9)  # as a crash: nothing is closed, nothing is said

asyncio.run(main(json.loads(sys.argv[1]), sys.argv[2] == "acknowledges"))
"""

THEIRS = """
import asyncio
import pytest
from sealwire import connect
from sealwire.errors import UnknownPeerError
from sealwire.testing import local_broker

@pytest.fixture
def broker():
    with local_broker() as running:
        yield running

def test_nobody_is_called_bob_here(broker):
    async def write():
        async with connect("alice", **broker.options) as alice:
            await alice.send("bob", "hello")
    with pytest.raises(UnknownPeerError):
        asyncio.run(write())
"""


def read(broker: LocalBroker, how: str) -> list[str]:
    """What bob's program is told until it dies."""
    done = subprocess.run(
        [sys.executable, "-c", READER, json.dumps(broker.options), how],
        env={**broker.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    return done.stdout.split()


async def test_what_a_dead_program_did_not_acknowledge_comes_again_and_the_rest_does_not(broker: LocalBroker) -> None:
    async with connect("alice", **broker.options, online_within_s=PATIENCE_S) as alice:
        await alice.send("bob", "first")
        await alice.send("bob", "last")
        assert read(broker, "only looks") == ["first", "last"]
        assert read(broker, "acknowledges") == ["first", "last"]
        await alice.send("bob", "last")
        assert read(broker, "acknowledges") == ["last"]


async def test_errors_are_typed_and_carry_the_exit_code_of_the_command(broker: LocalBroker) -> None:
    tried: dict[type[SealwireError], tuple[str, str]] = {
        UnknownPeerError: ("nobody", "hello"),
        UnknownGroupError: ("+Nowhere", "hello"),
        TextTooLongError: ("bob", "x" * 20_000),
    }
    exits = {}
    async with connect("alice", **broker.options, online_within_s=PATIENCE_S) as alice:
        for kind, words in tried.items():
            with pytest.raises(kind) as caught:
                await alice.send(*words)
            exits[kind] = caught.value.exit
    for kind, words in tried.items():
        done = broker.stage.run("--name", "alice", "send", *words)
        assert (kind, done.returncode) == (kind, exits[kind])


def test_the_broker_for_tests_is_a_fixture_in_somebody_elses_folder(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIRS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={"PATH": str(Path(sys.executable).parent), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 2,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix) == ["test_theirs.py"], "nothing is left"
