"""Words that are answered, corrected, taken back, reacted to, pinned, and disappear: real processes, real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sealwire.testing.processes import JsonPeer, Stage
from tests.conftest import PEOPLE

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(people={"alice": PEOPLE["alice"], "bob": PEOPLE["bob"]}) as running:
        yield running


@pytest.fixture
def people(stage: Stage) -> Iterator[tuple[JsonPeer, JsonPeer]]:
    alice, bob = stage.peer("alice"), stage.peer("bob")
    for peer in (alice, bob):
        peer.wait_for("ready")
    yield alice, bob
    for peer in (alice, bob):
        peer.stop()


def heard(peer: JsonPeer, fits: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The next message event that fits; others are let go."""
    while True:
        event = peer.wait_for("message", 20)
        if fits(event):
            return event


def test_a_conversation_by_json_rpc(people):
    alice, bob = people
    question = alice.request("send", to="bob", text="lunch @bob?", wait="delivered")["result"]["id"]
    assert heard(bob, lambda one: one["id"] == question)["mentions"] == ["bob"]
    answer = bob.request("send", to="alice", text="yes", reply_to=question, wait="sent")["result"]["id"]
    quoted = heard(alice, lambda one: one["id"] == answer)["reply_to"]
    assert (quoted["id"], quoted["from"], quoted["text"]) == (question, "alice", "lunch @bob?")
    bob.request("react", conversation="alice", id=question, emoji="🍲")
    assert heard(alice, lambda one: one.get("change") == "reaction")["reactions"] == [{"from": "bob", "emoji": "🍲"}]
    told = alice.request("edit", conversation="bob", id=question, text="lunch at 12 @bob?")["result"]
    assert told["edited_at"]
    assert heard(bob, lambda one: one.get("change") == "edited")["text"] == "lunch at 12 @bob?"
    alice.request("pin", conversation="bob", id=answer)
    assert heard(bob, lambda one: one.get("change") == "pinned")["pinned"] is True
    error = bob.request("edit", conversation="alice", id=question, text="dinner?")["error"]
    assert (error["code"], error["data"]["name"]) == (-32002, "not-yours")
    alice.request("delete", conversation="bob", id=question)
    gone = heard(bob, lambda one: one.get("change") == "deleted")
    assert (gone["id"], gone["text"], gone["deleted"]) == (question, "", True)
    shown = bob.request("history", conversation="alice", limit=2)["result"]["messages"]
    assert [(one["id"], one.get("deleted"), one.get("reply_to", {}).get("text")) for one in shown] == [
        (question, True, None),
        (answer, None, ""),
    ]
    copy = bob.request("forward", conversation="alice", id=answer, to="alice")["result"]["id"]
    assert heard(alice, lambda one: one["id"] == copy)["forwarded"] is True


def test_one_sees_that_the_other_writes(people):
    alice, bob = people
    bob.request("send", to="alice", text="you there?", wait="delivered")
    alice.request("send", to="bob", text="I am", wait="delivered")
    bob.request("send", to="alice", text="good", wait="delivered")
    assert alice.request("typing", conversation="bob")["result"] == {"active": True}
    event = bob.wait_for("typing", 20)
    assert (event["conversation"], event["from"], event["active"]) == ("alice", "alice", True)
    alice.request("typing", conversation="bob", active=False)
    assert bob.wait_for("typing", 20).get("active", False) is False


def test_a_timer_runs_on_both_sides(people):
    alice, bob = people
    assert alice.request("timer", conversation="bob", seconds=5)["result"] == {"seconds": 5}
    assert heard(bob, lambda one: one.get("kind") == "notice")["text"].startswith("alice set new messages to disappear")
    brief = alice.request("send", to="bob", text="soon gone", wait="read", patience_s=30)["result"]["id"]
    assert heard(bob, lambda one: one["id"] == brief)["text"] == "soon gone"
    for peer, other in ((alice, "bob"), (bob, "alice")):
        gone = heard(peer, lambda one: one.get("change") == "expired")
        assert (gone["id"], gone["text"]) == (brief, "")
        left = peer.request("history", conversation=other)["result"]["messages"]
        assert brief not in [one["id"] for one in left]
    assert alice.request("timer", conversation="bob", seconds=0)["result"] == {"seconds": 0}


def test_a_draft_survives_the_process(stage, people):
    alice, _bob = people
    alice.request("draft", conversation="bob", text="dear bob,")
    alice.stop()
    again = stage.peer("alice")
    assert again.request("draft", conversation="bob")["result"] == {"text": "dear bob,"}
    assert again.request("draft", conversation="bob", text="")["result"] == {"text": ""}
    again.stop()


def lines_of(stage: Stage, name: str, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stage.run("--name", name, *words, "--json").stdout.splitlines()]


def test_the_verbs(stage):
    sent = json.loads(stage.run("--name", "alice", "send", "bob", "first", "--json").stdout)["id"]
    received = json.loads(stage.run("--name", "bob", "recv", "--json").stdout.splitlines()[-1])
    assert received["id"] == sent
    answer = stage.run("--name", "bob", "send", "alice", "second", "--reply-to", sent).stdout.split("\t")[0]
    assert stage.run("--name", "alice", "recv").stdout.splitlines()[-1].endswith("\tbob\tbob\tsecond")
    edited = stage.run("--name", "alice", "edit", "bob", sent, "first,", "corrected")
    assert edited.stdout.endswith("\tbob\talice\tfirst, corrected\n")
    stage.run("--name", "alice", "react", "bob", answer, "👍")
    stage.run("--name", "alice", "pin", "bob", answer)
    changes = lines_of(stage, "bob", "recv")
    assert [(one["id"], one["change"]) for one in changes] == [
        (sent, "edited"),
        (answer, "reaction"),
        (answer, "pinned"),
    ]
    shown = lines_of(stage, "bob", "history", "alice", "2")
    assert [one["text"] for one in shown] == ["first, corrected", "second"]
    assert shown[1]["reply_to"]["text"] == "first, corrected"
    assert shown[1]["reactions"] == [{"from": "alice", "emoji": "👍"}]
    assert shown[1]["pinned"] is True
    stage.run("--name", "alice", "react", "bob", answer)
    stage.run("--name", "alice", "pin", "bob", answer, "off")
    stage.run("--name", "alice", "delete", "bob", sent)
    stage.run("--name", "bob", "recv")
    shown = lines_of(stage, "bob", "history", "alice", "2")
    assert [(one["text"], one.get("deleted"), one.get("reactions")) for one in shown] == [
        ("", True, None),
        ("second", None, None),
    ]
    assert stage.run("--name", "alice", "timer", "bob", "8h").stdout == "bob\t28800\n"
    assert stage.run("--name", "alice", "timer", "bob", "off").stdout == "bob\t0\n"
    assert stage.run("--name", "bob", "delete", "alice", sent, "here").returncode == 0
    assert sent not in [one["id"] for one in lines_of(stage, "bob", "history", "alice")]
    assert stage.run("--name", "bob", "edit", "alice", sent, "mine").returncode == 2


def test_a_queued_message_is_cancelled_without_a_link(stage):
    stage.broker.kill()
    queued = stage.run("--name", "alice", "send", "bob", "never mind", "--wait", "queued").stdout.split("\t")[0]
    given_up = json.loads(stage.run("--name", "alice", "cancel", queued, "--json").stdout)
    assert (given_up["id"], given_up["state"]) == (queued, "failed")
    assert stage.run("--name", "alice", "cancel", queued).returncode == 1
    stage.start_broker()
    stage.run("--name", "alice", "send", "bob", "this one")
    assert "never mind" not in stage.run("--name", "bob", "recv").stdout
