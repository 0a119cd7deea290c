"""The methods for files, over a real profile without a broker: what they answer fits the schema."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sealwire.errors import FileUnreadableError, UnknownFileError, UsageError
from sealwire.peer.client import Client
from sealwire.ui import rpc
from sealwire.ui.rpc.params import Params, RpcError
from tests.unit.peer.profile_of_alice import opened, say
from tests.unit.ui.rpc.test_rpc_rooms import ask


@pytest.fixture
async def alice(tmp_path: Path) -> AsyncIterator[Client]:
    client = await opened(tmp_path)
    yield client
    await client.close()


async def test_a_file_is_queued_listed_paused_resumed_and_cancelled(alice: Client, tmp_path: Path) -> None:
    await say(alice, "bob", "send it")
    source = tmp_path / "log.txt"
    source.write_text("a line\n")
    sent = await ask(alice, "file.send", to="bob", path=str(source), caption="today's", name="today.txt")
    assert sent["state"] == "queued"
    for method, state in (("pause", "paused"), ("resume", "waiting"), ("cancel", "cancelled")):
        assert await ask(alice, f"file.{method}", id=sent["id"]) == {"id": sent["id"]}
        (listed,) = (await ask(alice, "file.list", conversation="bob"))["messages"]
        assert (listed["file"]["name"], listed["file"]["state"], listed["text"]) == ("today.txt", state, "today's")
    with pytest.raises(UsageError):
        await ask(alice, "file.save", id=sent["id"], path=str(tmp_path))


async def test_a_message_that_is_given_up_takes_its_file_along(alice: Client, tmp_path: Path) -> None:
    await say(alice, "bob", "send it")
    spool = await alice.files.spool()
    spool.write_bytes(b"x")
    sent = await alice.files.send("bob", spool, name="x.bin")
    assert (await ask(alice, "cancel", id=sent.id))["state"] == "failed"
    (listed,) = await alice.files.of("bob")
    assert listed.file is not None
    assert listed.file.state == "cancelled"


async def test_what_is_not_there_is_said(alice: Client, tmp_path: Path) -> None:
    await say(alice, "bob", "send it")
    with pytest.raises(FileUnreadableError):
        await ask(alice, "file.send", to="bob", path=str(tmp_path / "nothing"))
    with pytest.raises(UnknownFileError):
        await ask(alice, "file.fetch", id="ab" * 16)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("file.send", {"to": "bob"}),
        ("file.send", {"to": "bob", "path": "~nobody-at-all/x"}),
        ("file.send", {"to": "bob", "path": "x\0y"}),
        ("file.send", {"to": "bob", "path": "x", "wait": "soon"}),
        ("file.fetch", {}),
        ("file.fetch", {"id": "ab" * 16, "timeout": "long"}),
        ("file.list", {"conversation": "bob", "limit": 0}),
        ("file.save", {"id": "ab" * 16}),
    ],
)
async def test_a_wrong_parameter_is_named(alice: Client, method: str, params: dict[str, Any]) -> None:
    with pytest.raises(RpcError) as caught:
        await rpc.methods(alice)[method](Params(params))
    assert json.dumps(caught.value.answer["data"]["name"]) == '"params"'
