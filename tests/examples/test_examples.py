"""Every example is run as its page says, against a real broker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sealwire import connect
from sealwire.bots import Peer
from sealwire.errors import GroupRightError
from sealwire.peer.events import Group
from sealwire.testing import LocalBroker

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE_S = 60.0

pytestmark = pytest.mark.process


@pytest.fixture
async def alice(broker: LocalBroker) -> AsyncIterator[Peer]:
    async with connect("alice", **broker.options, online_within_s=PATIENCE_S) as peer:
        yield peer


def command(program: str, *words: str) -> list[str]:
    return [sys.executable, str(EXAMPLES / program), *words]


def environment(broker: LocalBroker) -> dict[str, str]:
    return {**broker.environment, "PYTHONPATH": str(EXAMPLES.parent)}


@contextmanager
def running(broker: LocalBroker, program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """An example that stays, until the test is over; it must end cleanly."""
    child = subprocess.Popen(
        command(program, *words), env=environment(broker), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield child
        child.send_signal(signal.SIGINT)
        _out, err = child.communicate(timeout=PATIENCE_S)
        assert child.returncode == 0, err
        assert "Traceback" not in err
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()


async def hear(peer: Peer, count: int = 1) -> list[str]:
    """The next texts, acknowledged."""
    texts: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        async for incoming in peer.messages():
            texts.append(incoming.text)
            await incoming.ack()
            if len(texts) == count:
                return texts
    return texts


async def run(broker: LocalBroker, program: str, *words: str) -> tuple[int, str, str]:
    child = await asyncio.create_subprocess_exec(
        *command(program, *words),
        env=environment(broker),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(child.communicate(), PATIENCE_S)
    return child.returncode or 0, out.decode(), err.decode()


async def test_echo(broker: LocalBroker, alice: Peer) -> None:
    with running(broker, "echo_bot.py", "--name", "bob"):
        await alice.send("bob", "hello", wait="queued")
        assert await hear(alice) == ["hello"]
        await alice.send("bob", "/ping", wait="queued")
        assert await hear(alice) == ["pong"]
        await alice.send("bob", "/pimg", wait="queued")
        assert "Did you mean /ping?" in (await hear(alice))[0]
        await alice.send("bob", "/help", wait="queued")
        assert "/ping  Say pong." in (await hear(alice))[0]


async def test_ci_notifier(broker: LocalBroker, alice: Peer) -> None:
    script = "print('one'); print('two'); raise SystemExit(3)"
    code, out, _err = await run(
        broker, "ci_notifier.py", "--name", "bob", "--to", "alice", "--", sys.executable, "-c", script
    )
    assert (code, out) == (3, "one\ntwo\n")
    (text,) = await hear(alice)
    assert "FAILED with exit code 3" in text
    assert text.endswith("```\none\ntwo\n```")


async def test_log_shipper(broker: LocalBroker, alice: Peer, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    words = ("--name", "bob", "--to", "alice", "--match", "ERROR", "--once", str(log))
    log.write_text("ERROR one\nINFO two\nERROR three\nERROR ha")
    assert (await run(broker, "log_shipper.py", *words))[0] == 0
    assert await hear(alice) == ["ERROR one\nERROR three"]
    with log.open("a") as file:
        file.write("lf a line\n")
    assert (await run(broker, "log_shipper.py", *words))[0] == 0
    assert await hear(alice) == ["ERROR half a line"], "nothing twice, and a line only when it is whole"


def post(url: str, body: bytes) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


async def test_webhook_bridge(broker: LocalBroker, alice: Peer) -> None:
    with running(broker, "webhook_bridge.py", "--name", "bob", "--port", "0") as child:
        assert child.stdout is not None
        url = (await asyncio.to_thread(child.stdout.readline)).split()[-1].removesuffix("NAME")
        assert await asyncio.to_thread(post, url + "alice", b"deployed 4.2\n") == 202
        assert await hear(alice) == ["deployed 4.2"]
        assert await asyncio.to_thread(post, url + "nobody", b"x") == 404
        assert await asyncio.to_thread(post, url + "alice", b"") == 422


async def test_alertmanager(broker: LocalBroker, alice: Peer) -> None:
    payload = {
        "version": "4",
        "status": "firing",
        "groupLabels": {"alertname": "DiskFull"},
        "alerts": [
            {"status": "firing", "labels": {"instance": "web1"}, "annotations": {"summary": "disk is 97 % full"}},
            {"status": "resolved", "labels": {"alertname": "DiskFull", "instance": "web2"}, "annotations": {}},
        ],
    }
    with running(broker, "alertmanager.py", "--name", "bob", "--to", "alice", "--port", "0") as child:
        assert child.stdout is not None
        url = (await asyncio.to_thread(child.stdout.readline)).split()[-1]
        assert await asyncio.to_thread(post, url, json.dumps(payload).encode()) == 202
        assert await hear(alice) == [
            "*FIRING* alertname=DiskFull (1 firing, 1 resolved)\n"
            "- firing: disk is 97 % full (web1)\n"
            "- resolved: DiskFull (web2)"
        ]
        assert await asyncio.to_thread(post, url, b"{}") == 422


async def joined(peer: Peer, group: str) -> None:
    """Wait for the invitation and take it."""
    async with asyncio.timeout(PATIENCE_S):
        async for event in peer.events():
            if isinstance(event, Group) and (event.change, event.name) == ("invited", group):
                break
    assert (await peer.client.groups.accept(f"+{group}")).state == "member"


async def has_role(peer: Peer, role: str) -> None:
    """Wait until this side has read so in the group's log: words about it may come first."""
    async with asyncio.timeout(PATIENCE_S):
        while (await peer.client.groups.info("+Garden")).role != role:
            await asyncio.sleep(0.02)


async def test_moderated_group(broker: LocalBroker, alice: Peer, tmp_path: Path) -> None:
    words = ("--name", "bob", "--group", "Garden", "--moderator", "alice", "--forbid", "casino", "--strikes", "2")
    words = (*words, "--state", str(tmp_path / "strikes.json"))
    async with connect("mallory", **broker.options, online_within_s=PATIENCE_S) as mallory:
        with running(broker, "moderated_group.py", *words):
            await joined(alice, "Garden")
            await mallory.send("bob", "/join", wait="queued")
            await joined(mallory, "Garden")
            assert "Not allowed there: casino" in (await hear(mallory))[0]
            await mallory.send("+Garden", "come to my casino")
            warning = "@mallory: that is against the rules here, strike 1 of 2."
            assert set(await hear(alice, 2)) == {"come to my casino", warning}
            await mallory.send("+Garden", "/unmute mallory")
            assert "Only moderators may do that." in await hear(alice, 2)
        with running(broker, "moderated_group.py", *words):
            await mallory.send("+Garden", "the CASINO, I said")
            assert "@mallory may only read from now on." in await hear(alice, 2), "strikes outlive a restart"
            await hear(mallory, 3)
            await has_role(mallory, "read-only")
            with pytest.raises(GroupRightError):
                await mallory.send("+Garden", "casino")
            await alice.send("+Garden", "/unmute mallory")
            assert await hear(alice) == ["@mallory may write again."]
            assert await hear(mallory, 2) == ["/unmute mallory", "@mallory may write again."]
            await has_role(mallory, "member")
            await mallory.send("+Garden", "I am sorry")
            assert await hear(alice) == ["I am sorry"]


def test_every_example_is_on_the_page_and_has_a_test() -> None:
    programs = {path.name for path in EXAMPLES.glob("*.py")}
    listed = {line.split("`")[1] for line in (EXAMPLES / "README.md").read_text("utf-8").splitlines() if "| `" in line}
    assert programs == listed
    tests = Path(__file__).read_text("utf-8")
    assert all(f'"{name}"' in tests for name in programs)
    assert os.access(EXAMPLES, os.R_OK)
