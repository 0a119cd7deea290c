"""The methods about the past and about people, over a real database: what they answer fits the schema."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sealwire.errors import AccountNameError
from sealwire.peer.client import Client
from sealwire.ui import rpc
from sealwire.ui.rpc.params import Params, RpcError
from tests.ui.schema_check import problems
from tests.unit.peer.profile_of_alice import opened, say

SCHEMA = json.loads((Path(__file__).parents[4] / "docs" / "jsonrpc.schema.json").read_text("utf-8"))


@pytest.fixture
async def alice(tmp_path: Path) -> AsyncIterator[Client]:
    client = await opened(tmp_path)
    yield client
    await client.close()


async def ask(client: Client, method: str, **params: Any) -> dict[str, Any]:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    assert problems(request, SCHEMA, SCHEMA["$defs"]["request"]) == []
    result = json.loads(json.dumps(await rpc.methods(client)[method](Params(params))))
    answer = {"jsonrpc": "2.0", "id": 1, "result": result}
    assert problems(answer, SCHEMA, SCHEMA["$defs"]["success"]) == []
    assert problems(result, SCHEMA, SCHEMA["$defs"]["results"]["properties"][method]) == []
    return dict(result)


async def test_a_conversation_is_listed_paged_searched_read_and_muted(alice: Client) -> None:
    for number in range(5):
        await say(alice, "bob", f"note {number}", at_ms=number * 1_000)
    listed = (await ask(alice, "conversations"))["conversations"]
    assert [(one["id"], one["unread"], one["last"]["text"]) for one in listed] == [("bob", 5, "note 4")]
    page = (await ask(alice, "page", conversation="bob", limit=2))["messages"]
    assert [one["text"] for one in page] == ["note 3", "note 4"]
    before = (await ask(alice, "page", conversation="bob", limit=2, before=page[0]["id"]))["messages"]
    assert [one["text"] for one in before] == ["note 1", "note 2"]
    after = (await ask(alice, "page", conversation="bob", after=page[0]["id"]))["messages"]
    assert [one["text"] for one in after] == ["note 4"]
    found = (await ask(alice, "search", query="NOT", conversation="bob", limit=1))["found"]
    assert [(one["text"], one["marks"]) for one in found] == [("note 4", [[0, 3]])]
    around = (await ask(alice, "at_date", conversation="bob", ms=2_000, limit=2))["messages"]
    assert [one["text"] for one in around] == ["note 1", "note 2"]
    assert (await ask(alice, "read", conversation="bob", id=page[0]["id"]))["unread"] == 1
    assert "muted_until" in await ask(alice, "mute", conversation="bob")
    assert "muted_until" not in await ask(alice, "mute", conversation="bob", until_ms=0)
    assert (await ask(alice, "pinned", conversation="bob"))["messages"] == []
    assert await ask(alice, "retention", conversation="bob", days=30) == {"days": 30, "messages": 0}
    assert await ask(alice, "retention") == {"days": 0, "messages": 0}


async def test_copies_go_out_and_come_back(alice: Client, tmp_path: Path) -> None:
    await say(alice, "bob", "kept")
    path = str(tmp_path / "out.json")
    assert await ask(alice, "export", path=path) == {"count": 1}
    assert await ask(alice, "clear", conversation="bob") == {"count": 1}
    assert await ask(alice, "import", path=path) == {"count": 1}
    await ask(alice, "backup", path=str(tmp_path / "backup"), passphrase="p")
    assert (tmp_path / "backup").exists()


async def test_people_are_answered_blocked_named_and_compared(alice: Client) -> None:
    await say(alice, "bob", "hello")
    people = (await ask(alice, "people"))["people"]
    assert [(one["name"], one["request"], one["blocked"]) for one in people] == [
        ("bob", True, False),
        ("carol", False, False),
    ]
    assert (await ask(alice, "accept", name="bob"))["request"] is False
    assert (await ask(alice, "decline", name="carol"))["blocked"] is True
    assert (await ask(alice, "block", name="carol", blocked=False))["blocked"] is False
    assert (await ask(alice, "nickname", name="bob", nickname=" Bobby  T "))["nickname"] == "Bobby T"
    assert await ask(alice, "presence") == {"shared": False}
    assert await ask(alice, "presence", shared=True) == await ask(alice, "presence") == {"shared": True}
    code = await ask(alice, "code", name="bob")
    assert len(code["digits"]) == 60
    assert await ask(alice, "check_code", name="bob", code=code["code"]) == {"match": "other-person"}
    assert await ask(alice, "check_code", name="bob", code="hello") == {"match": "not-a-code"}
    assert (await ask(alice, "person", name="bob"))["state"] == "unverified"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("page", {"conversation": "bob", "limit": 0}),
        ("page", {"conversation": "bob", "before": "nonsense"}),
        ("page", {"conversation": "bob", "before": "first", "after": "first"}),
        ("read", {"conversation": "bob"}),
        ("search", {}),
        ("mute", {"conversation": "bob", "until_ms": -1}),
        ("retention", {"days": "long"}),
        ("export", {"path": "x", "format": "pdf"}),
        ("block", {"name": "bob", "blocked": "yes"}),
        ("nickname", {"name": "bob"}),
    ],
)
async def test_a_wrong_parameter_is_named(alice: Client, method: str, params: dict[str, Any]) -> None:
    await say(alice, "bob", "hello")
    first = (await alice.history("bob"))[0].id
    with pytest.raises(RpcError) as caught:
        await rpc.methods(alice)[method](
            Params({key: first if value == "first" else value for key, value in params.items()})
        )
    assert caught.value.answer["data"]["name"] == "params"


async def test_a_name_that_is_none_is_said_to_be_none(alice: Client) -> None:
    with pytest.raises(AccountNameError):
        await rpc.methods(alice)["person"](Params({"name": "Not A Name"}))
