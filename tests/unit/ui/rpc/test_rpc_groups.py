"""The methods about groups: what they ask of the client, and answers that fit the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sealwire.errors import AccountNameError
from sealwire.testing.stage import StageClient
from sealwire.ui import rpc
from sealwire.ui.rpc.params import Params, RpcError
from tests.ui.schema_check import problems

SCHEMA = json.loads((Path(__file__).parents[4] / "docs" / "jsonrpc.schema.json").read_text("utf-8"))


@pytest.fixture
def alice() -> StageClient:
    return StageClient("alice")


async def ask(client: StageClient, method: str, **params: Any) -> dict[str, Any]:
    request = {"jsonrpc": "2.0", "id": 1, "method": f"group.{method}", "params": params}
    assert problems(request, SCHEMA, SCHEMA["$defs"]["request"]) == []
    result = json.loads(json.dumps(await rpc.methods(client)[f"group.{method}"](Params(params))))
    answer = {"jsonrpc": "2.0", "id": 1, "result": result}
    assert problems(answer, SCHEMA, SCHEMA["$defs"]["success"]) == []
    assert problems(result, SCHEMA, SCHEMA["$defs"]["results"]["properties"][f"group.{method}"]) == []
    return dict(result)


async def test_a_group_is_made_led_and_left(alice: StageClient) -> None:
    group = (await ask(alice, "create", name="Küche", members=["bob"]))["id"]
    assert [one["name"] for one in (await ask(alice, "list"))["groups"]] == ["Küche"]
    invited = await ask(alice, "invite", group="+Küche", name="carol", role="admin")
    assert [(one["name"], one["role"], one["invited"]) for one in invited["members"]] == [
        ("alice", "owner", False),
        ("bob", "member", True),
        ("carol", "admin", True),
    ]
    assert (await ask(alice, "role", group=group, name="bob", role="read-only"))["members"][1]["role"] == "read-only"
    assert len((await ask(alice, "remove", group=group, name="bob"))["members"]) == 2
    assert (await ask(alice, "rename", group=group, name="other"))["name"] == "other"
    assert (await ask(alice, "topic", group=group, topic=""))["topic"] == ""
    assert (await ask(alice, "timer", group=group, seconds=60))["timer_s"] == 60
    assert (await ask(alice, "history", group=group, shared=True))["shares_history"] is True
    assert (await ask(alice, "info", group="+other"))["id"] == group
    for verb, state in (("leave", "left"), ("accept", "member"), ("decline", "left")):
        assert (await ask(alice, verb, group=group))["state"] == state


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("create", {"name": 5}),
        ("create", {"name": "\ud800"}),
        ("create", {"name": "a", "members": "bob"}),
        ("create", {"name": "a", "members": [5]}),
        ("info", {}),
        ("role", {"group": "+a", "name": "bob", "role": "king"}),
        ("timer", {"group": "+a"}),
        ("timer", {"group": "+a", "seconds": -1}),
        ("history", {"group": "+a", "shared": "yes"}),
    ],
)
async def test_a_wrong_parameter_is_named(alice: StageClient, method: str, params: dict[str, Any]) -> None:
    with pytest.raises(RpcError):
        await rpc.methods(alice)[f"group.{method}"](Params(params))


async def test_a_name_that_breaks_the_rule_is_an_error_of_its_own(alice: StageClient) -> None:
    with pytest.raises(AccountNameError):
        await rpc.methods(alice)["group.create"](Params({"name": "a", "members": ["not a name"]}))
