"""JSON-RPC over the standard streams of a real process."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.ui.house import House
from tests.ui.schema_check import problems

pytestmark = pytest.mark.process

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "jsonrpc.schema.json").read_text())


def test_a_conversation_of_two_scripts(house: House) -> None:
    alice, bob = house.script("alice"), house.script("bob")
    assert alice.event(type="ready")["name"] == "alice"
    assert alice.lines[0]["params"]["type"] == "ready"
    bob.event(type="connection", state="online")
    sent = alice.ask("send", to="bob", text="hi \u2028 there", wait="delivered")["result"]
    assert sent["state"] == "delivered"
    message = bob.event(type="message", id=sent["id"])
    assert message["text"] == "hi \u2028 there"
    assert message["from"] == "alice"
    back = bob.ask("send", to="alice", text="ho")["result"]
    assert back["state"] == "queued"
    alice.event(type="message", id=back["id"])
    bob.event(type="delivery", id=back["id"], state="delivered")
    assert alice.ask("history", conversation="bob", limit=1)["result"]["messages"][0]["text"] == "ho"
    alice.settle()
    assert alice.ask("send", to="nobody-here", text="x")["error"]["code"] == -32005
    assert alice.ask("group.craete", name="x")["error"]["code"] == -32601
    assert (alice.end(), bob.end()) == (0, 0)
    for line in alice.lines + bob.lines:
        assert problems(line, SCHEMA) == []
    own = [line for line in alice.lines if line.get("params", {}).get("from") == "alice"]
    assert own == []  # what was sent here is not echoed


def test_unread_messages_come_after_ready_and_once(house: House) -> None:
    house.peer("alice", stdin="@bob one\n@bob two\n")
    bob = house.script("bob")
    bob.event(type="message", text="two")
    assert bob.end() == 0
    texts = [line["params"]["text"] for line in bob.lines if line["params"]["type"] == "message"]
    assert texts[-2:] == ["one", "two"]
    again = house.script("bob")
    again.event(type="connection", state="online")
    assert again.end() == 0
    assert not any(line["params"]["type"] == "message" for line in again.lines)


def test_the_end_of_input_answers_what_is_open_and_empties_the_outbox(house: House) -> None:
    alice = house.script("alice")
    for number in range(5):
        alice.tell(json.dumps({
            "jsonrpc": "2.0", "id": number, "method": "send", "params": {"to": "bob", "text": str(number)},
        }))  # fmt: skip
    assert alice.end() == 0
    assert sum("result" in line for line in alice.lines) == 5
    sent = [line for line in alice.lines if line.get("params", {}).get("state") == "sent"]
    assert len(sent) == 5
    assert [row.split("\t")[3] for row in house.peer("bob", "recv").stdout.splitlines()][-5:] == list("01234")


def test_without_a_broker_it_queues_and_says_so(house: House) -> None:
    alice = house.script("alice", "--broker", "tcp://127.0.0.1:9", "--timeout", "0.5")
    alice.event(type="ready")
    sent = alice.ask("send", to="bob", text="kept")["result"]
    assert sent["state"] == "queued"
    assert alice.ask("send", to="bob", text="too", wait="sent")["error"]["code"] == -32006
    assert alice.end() == 0
    alice = house.script("alice")
    alice.event(type="delivery", id=sent["id"], state="sent")
    assert alice.end() == 0


def test_lines_past_the_limit_are_refused_and_the_next_is_served(house: House) -> None:
    alice = house.script("alice")
    alice.tell('{"jsonrpc":"2.0","id":1,"method":"' + "x" * (1 << 20) + '"}')
    assert alice.wait(lambda line: "error" in line)["error"]["code"] == -32600
    assert "result" in alice.ask("status")
    assert alice.end() == 0


def test_a_first_start_at_another_broker_than_the_pinned_one_ends_with_exit_6(house: House) -> None:
    key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"  # the example of ZeroMQ's documentation
    dave = house.script("dave", "--broker-key", key)
    assert dave.process.wait(60) == 6
    assert dave.end() == 6
    assert dave.lines == []


def test_sigterm_ends_cleanly(house: House) -> None:
    alice = house.script("alice")
    alice.event(type="ready")
    alice.process.send_signal(signal.SIGTERM)
    assert alice.process.wait(20) == 0
    assert alice.end() == 0
