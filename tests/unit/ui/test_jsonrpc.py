"""JSON-RPC: every line gets its answer, whatever is on it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sealwire.errors import LoginError, TextTooLongError, UnknownPeerError
from sealwire.peer.events import Connection, Contact, Delivery, Message, Ready, Warning
from sealwire.testing.stage import StageClient
from sealwire.ui.jsonrpc import Server
from sealwire.ui.stdio import TooLong
from tests.depth import examples
from tests.ui.schema_check import problems
from tests.unit.ui.fake_client import FINGERPRINT, FakeClient, message

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "jsonrpc.schema.json").read_text())


class Wire:
    """A server, what was written by it, and the client behind it."""

    def __init__(self, *stored: Message) -> None:
        self.client = FakeClient(*stored)
        self.written: list[dict[str, Any]] = []
        self.server = Server(self.client, self._write, 0.2)

    async def _write(self, line: str) -> None:
        assert "\n" not in line
        assert line.isascii()
        value = json.loads(line)
        assert problems(value, SCHEMA) == []
        self.written.append(value)

    async def ask(self, line: object) -> dict[str, Any] | None:
        """Write one line and return its answer."""
        before = len(self.written)
        raw = line if isinstance(line, bytes | TooLong) else json.dumps(line).encode()
        await self.server.accept(raw)
        await self.server.finish()
        return self.written[before] if len(self.written) > before else None

    async def call(self, method: str, **params: object) -> Any:
        answer = await self.ask({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        assert answer is not None
        assert answer["id"] == 1
        if "result" in answer:
            assert problems(answer["result"], SCHEMA, SCHEMA["$defs"]["results"]["properties"][method]) == []
        return answer.get("result", answer.get("error"))

    async def events(self, *events: object) -> list[dict[str, Any]]:
        """Let events happen and return what was published."""
        self.client.happen(*events)  # type: ignore[arg-type]
        self.client.end()
        await self.server.publish()
        return [value["params"] for value in self.written]


@pytest.fixture
def wire() -> Wire:
    return Wire()


async def test_ready_comes_first_then_what_was_stored_then_what_comes() -> None:
    wire = Wire(message("one", 1), message("two", 2))
    events = await wire.events(
        Connection("connecting"), Ready("alice", FINGERPRINT), message("two", 2), message("three", 3)
    )
    assert [(event["type"], event.get("text")) for event in events] == [
        ("ready", None),
        ("message", "one"),
        ("message", "two"),
        ("connection", None),
        ("message", "three"),
    ]
    assert events[0] == {"v": 1, "type": "ready", "name": "alice", "fingerprint": FINGERPRINT}
    await wire.server.close()
    assert wire.client.marked == 3


async def test_what_happens_is_told_as_the_schema_says(wire: Wire) -> None:
    events = await wire.events(
        Ready("alice", FINGERPRINT),
        Connection("offline", "The broker is gone.", "unreachable"),
        message("hi \x1b[2J \u202e", 1),
        Delivery("ab" * 16, "failed", "bob", "nobody"),
        Contact("bob", FINGERPRINT, "changed"),
        Warning("gap", "2 messages missing", "bob", 2),
    )
    assert [event["type"] for event in events] == [
        "ready",
        "connection",
        "message",
        "delivery",
        "contact",
        "warning",
    ]
    assert events[2]["text"] == "hi \x1b[2J \u202e"  # data stays exact
    assert events[2]["from"] == "bob"
    assert events[2]["sent_at"].endswith("Z")
    assert "row" not in events[2]


async def test_a_first_start_that_is_refused_ends_with_the_reason(wire: Wire) -> None:
    wire.client.fail = LoginError(name="alice")
    with pytest.raises(LoginError):
        await wire.events(Connection("stopped", "refused", "login"))


async def test_send_is_answered_with_id_and_state(wire: Wire) -> None:
    assert await wire.call("send", to="Bob", text="hi") == {"id": f"{1:032x}", "state": "queued"}
    assert await wire.call("send", to="bob", text="hi", wait="delivered", timeout=3) == {
        "id": f"{2:032x}",
        "state": "delivered",
    }
    assert [what for what in wire.client.asked if what[0] == "send"] == [
        ("send", "bob", "hi", "queued", 0.2),
        ("send", "bob", "hi", "delivered", 3.0),
    ]


async def test_errors_carry_exit_name_and_hint(wire: Wire) -> None:
    wire.client.fail = UnknownPeerError(name="nobody")
    error = await wire.call("send", to="nobody", text="hi")
    assert error["code"] == -32005
    assert error["data"]["exit"] == 5
    assert error["data"]["name"] == "unknown-peer"
    assert error["data"]["hint"]
    wire.client.fail = TextTooLongError(20_000, 15_000)
    assert (await wire.call("send", to="bob", text="hi"))["code"] == -32002


async def nowhere(_line: str) -> None:
    """Where nobody reads."""


def test_the_schema_has_a_request_and_a_result_for_every_method_and_for_no_other() -> None:
    served = {"subscribe", *Server(StageClient("alice"), nowhere, 0.2)._methods}
    definitions = SCHEMA["$defs"]
    requests = [definitions[one["$ref"].removeprefix("#/$defs/")] for one in definitions["request"]["oneOf"]]
    assert {one["properties"]["method"]["const"] for one in requests} == served
    results = definitions["results"]["properties"]
    assert set(results) == served
    any_of = {one["$ref"] for one in definitions["success"]["properties"]["result"]["anyOf"]}
    assert {one["$ref"] for one in results.values()} == any_of


async def test_the_other_methods(wire: Wire) -> None:
    wire.client.stored = [message("hi", 1), message("ho", 2)]
    assert [one["text"] for one in (await wire.call("history", conversation="bob", limit=1))["messages"]] == ["ho"]
    assert (await wire.call("contacts"))["contacts"][0]["name"] == "bob"
    assert (await wire.call("verify", name="bob"))["state"] == "unverified"
    assert await wire.call("verify", name="bob", verified=True) == {
        "name": "bob",
        "digits": "12345" * 12,
        "state": "verified",
    }
    assert (await wire.call("approve", name="bob"))["name"] == "bob"
    assert (await wire.call("info", name="bob"))["messages_since_secret"] == 3
    assert await wire.call("retry") == {"count": 2}
    assert (await wire.call("status"))["connection"] == "online"


ID = "ab" * 16
GROUP = "+" + "cd" * 16


async def test_an_answer_names_what_it_answers_and_a_group_is_a_conversation(wire: Wire) -> None:
    assert (await wire.call("send", to=GROUP, text="hi", reply_to=ID))["state"] == "queued"
    assert wire.client.asked[:2] == [("send", GROUP, "hi", "queued", 0.2), ("reply_to", ID)]


@pytest.mark.parametrize(
    ("method", "params", "asked"),
    [
        ("edit", {"conversation": "Bob", "id": ID, "text": "hi"}, ("edit", "bob", ID, "hi")),
        ("delete", {"conversation": "bob", "id": ID}, ("delete", "bob", ID, True)),
        ("delete", {"conversation": GROUP, "id": ID, "for_everyone": False}, ("delete", GROUP, ID, False)),
        ("react", {"conversation": "bob", "id": ID, "emoji": "👍"}, ("react", "bob", ID, "👍")),
        ("react", {"conversation": "bob", "id": ID, "emoji": ""}, ("react", "bob", ID, "")),
        ("pin", {"conversation": "bob", "id": ID}, ("pin", "bob", ID, True)),
        ("pin", {"conversation": "bob", "id": ID, "pinned": False}, ("pin", "bob", ID, False)),
        ("cancel", {"id": ID}, ("cancel", ID)),
    ],
)
async def test_what_changes_a_message_answers_with_it(
    wire: Wire, method: str, params: dict[str, object], asked: tuple[object, ...]
) -> None:
    assert (await wire.call(method, **params))["text"] == "as it stands"
    assert wire.client.asked[0] == asked


async def test_the_other_methods_for_words(wire: Wire) -> None:
    assert await wire.call("forward", conversation="bob", id=ID, to="carol") == {"id": "f" * 32, "state": "queued"}
    assert await wire.call("typing", conversation="bob") == {"active": True}
    assert await wire.call("typing", conversation="bob", active=False) == {"active": False}
    assert await wire.call("timer", conversation="bob", seconds=3600) == {"seconds": 3600}
    assert await wire.call("draft", conversation="bob") == {"text": ""}
    assert await wire.call("draft", conversation="bob", text="not yet") == {"text": "not yet"}
    assert await wire.call("draft", conversation="bob") == {"text": "not yet"}
    assert [what for what in wire.client.asked if what[0] != "settle"] == [
        ("forward", "bob", ID, "carol"),
        ("typing", "bob", True),
        ("typing", "bob", False),
        ("timer", "bob", 3600),
    ]


async def test_a_change_is_told_though_its_message_was_told_before_and_marks_nothing_read(wire: Wire) -> None:
    changed = replace(message("better", 1), change="edited")
    told = await wire.events(Ready("alice", FINGERPRINT), message("good", 1), message("next", 2), changed)
    assert [(one["text"], one.get("change")) for one in told[1:]] == [
        ("good", None),
        ("next", None),
        ("better", "edited"),
    ]
    await wire.server.close()
    assert wire.client.marked == 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"status"}]', -32600),
        (b"1", -32600),
        (b'{"id":1,"method":"status"}', -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"status"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"status"}', -32600),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"status"}', -32600),
        (b'{"jsonrpc":"2.0","id":1e999,"method":"status"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"sedn"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"group.create"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"file.send"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"send","params":["bob","hi"]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"bob"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":5,"text":"x"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"bob","text":"x","wait":"soon"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"bob","text":"x","timeout":-1}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"bob","text":"x","timeout":NaN}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"bob","text":"\\ud800"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"b b","text":"x"}}', -32002),
        (b'{"jsonrpc":"2.0","id":1,"method":"history","params":{"conversation":"bob","limit":0}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"history","params":{"conversation":"bob","limit":true}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"verify","params":{"name":"bob","verified":"yes"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"edit","params":{"conversation":"bob","text":"x"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"edit","params":{"conversation":"b b","id":"","text":"x"}}', -32002),
        (b'{"jsonrpc":"2.0","id":1,"method":"pin","params":{"conversation":"bob","id":"a","pinned":1}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"timer","params":{"conversation":"bob"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"timer","params":{"conversation":"bob","seconds":-5}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"draft","params":{"conversation":"bob","text":7}}', -32602),
        (TooLong(), -32600),
    ],
)
async def test_wrong_lines_get_the_right_code(wire: Wire, line: bytes | TooLong, code: int) -> None:
    answer = await wire.ask(line)
    assert answer is not None
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]
    assert set(answer["error"]["data"]) == {"exit", "name", "hint"}


async def test_a_request_that_fails_inside_is_answered_all_the_same() -> None:
    async def breaks(_params: object) -> dict[str, Any]:
        raise IndexError("a mistake of ours")

    wire = Wire()
    wire.server = Server(wire.client, wire._write, 0.2, {"breaks": breaks})
    answer = await wire.call("breaks")
    assert (answer["code"], answer["data"]["exit"]) == (-32603, 1)


async def test_an_unknown_method_names_the_nearest(wire: Wire) -> None:
    assert "send" in (await wire.call("sedn"))["data"]["hint"]


async def test_a_request_without_id_is_done_and_not_answered(wire: Wire) -> None:
    assert await wire.ask({"jsonrpc": "2.0", "method": "send", "params": {"to": "bob", "text": "hi"}}) is None
    assert wire.client.asked[0][:3] == ("send", "bob", "hi")


async def test_end_of_input_answers_what_is_open(wire: Wire) -> None:
    wire.client.gate = asyncio.Event()
    answer = await wire.ask({"jsonrpc": "2.0", "id": "a", "method": "send", "params": {"to": "bob", "text": "hi"}})
    assert answer is not None
    assert answer["id"] == "a"
    assert answer["error"]["code"] == -32007


async def test_a_slow_request_does_not_hold_up_the_next(wire: Wire) -> None:
    wire.client.gate = asyncio.Event()
    await wire.server.accept(b'{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"bob","text":"hi"}}')
    await wire.server.accept(b'{"jsonrpc":"2.0","id":2,"method":"status"}')
    async with asyncio.timeout(5):
        while not wire.written:
            await asyncio.sleep(0)
    assert wire.written[0]["id"] == 2
    wire.client.gate.set()
    await wire.server.finish()
    assert wire.written[1]["id"] == 1


async def test_end_of_input_waits_until_sent_is_also_told(wire: Wire) -> None:
    wire.client.happen(Ready("alice", FINGERPRINT))
    publishing = asyncio.create_task(wire.server.publish())
    await wire.server.accept(b'{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"bob","text":"hi"}}')
    ending = asyncio.create_task(wire.server.finish())
    await asyncio.sleep(0.02)
    assert not ending.done()
    wire.client.happen(Delivery(f"{1:032x}", "sent", "bob"))
    async with asyncio.timeout(5):
        await ending
    assert wire.written[-1]["params"]["state"] == "sent"
    wire.client.end()
    await publishing


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
REQUESTS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": st.sampled_from(["send", "history", "verify", "status", "x"])},
    optional={"id": JSON, "params": JSON | st.fixed_dictionaries({"to": JSON, "text": JSON, "name": JSON})},
)


@examples(30)
@given(JSON | REQUESTS)
async def test_any_json_gets_at_most_one_answer_and_never_breaks_the_server(value: object) -> None:
    wire = Wire()
    await wire.ask(value)
    assert len(wire.written) <= 1
    assert (await wire.call("status"))["name"] == "alice"
