"""Groups of real processes: broker.py and five peer.py, as scripts would start them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sealwire.testing.processes import JsonPeer, Stage
from tests.conftest import PEOPLE

pytestmark = pytest.mark.process
NAMES = ("alice", "bob", "carol", "dave", "erin")
KEYS = {"carol": "mallory", "dave": "alice", "erin": "bob", "frank": "mallory"}
WAIT_S = 30.0


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(people={**PEOPLE, **{name: PEOPLE[keys] for name, keys in KEYS.items()}}) as running:
        yield running


@pytest.fixture(scope="module")
def people(stage: Stage) -> dict[str, JsonPeer]:
    people = {name: stage.peer(name) for name in NAMES}
    for peer in people.values():
        peer.wait_for("ready")
    return people


def changed(peer: JsonPeer, change: str, **more: str) -> dict[str, object]:
    """Wait for a change of a group."""
    while True:
        event = peer.wait_for("group", WAIT_S)
        if event["change"] == change and more.items() <= event.items():
            return event


def text(peer: JsonPeer) -> tuple[str, str]:
    """(author, text) of the next words somebody said."""
    while True:
        event = peer.wait_for("message", WAIT_S)
        if event.get("kind") is None:
            return event["from"], event["text"]


def ask(peer: JsonPeer, method: str, **params: object) -> dict[str, object]:
    answer = peer.request(f"group.{method}", **params)
    assert "result" in answer, answer
    return answer["result"]


def test_five_people_make_a_group_talk_put_one_out_and_take_one_in(people, tmp_path):
    alice, bob, carol, dave, erin = people.values()
    made = ask(alice, "create", name="Küche", members=["bob", "carol", "dave"])
    assert (made["state"], made["role"], made["name"]) == ("member", "owner", "Küche")
    group = made["id"]
    for guest in (bob, carol, dave):
        invited = changed(guest, "invited")
        assert (invited["id"], invited["by"], invited["name"]) == (group, "alice", "Küche")
        assert ask(guest, "accept", group="+Küche")["state"] == "member"
        changed(alice, "joined")
    listed = {one["id"]: one for one in alice.request("conversations")["result"]["conversations"]}
    assert (listed[group]["title"], listed[group]["group"], listed[group]["can_write"]) == ("Küche", True, True)
    sent = alice.request("send", to="+Küche", text="hello all", wait="delivered", timeout=WAIT_S)
    assert sent["result"]["state"] == "delivered"
    for peer in (bob, carol, dave):
        assert text(peer) == ("alice", "hello all")
    assert bob.request("send", to=group, text="hello alice", wait="sent", timeout=WAIT_S)["result"]["state"] == "sent"
    for peer in (alice, carol, dave):
        assert text(peer) == ("bob", "hello alice")

    refused = carol.request("group.remove", group="+Küche", name="bob")["error"]
    assert refused["data"]["name"] == "group-right"
    assert "bob" not in [one["name"] for one in ask(alice, "remove", group=group, name="bob")["members"]]
    changed(bob, "removed", subject="bob")
    for peer in (carol, dave):
        changed(peer, "removed", subject="bob")
    alice.request("send", to=group, text="without bob", wait="delivered", timeout=WAIT_S)
    for peer in (carol, dave):
        assert text(peer) == ("alice", "without bob")
    assert bob.request("send", to=group, text="am I in?")["error"]["data"]["name"] == "not-in-group"
    copy = tmp_path / "out.txt"
    assert "result" in alice.request("export", path=str(copy), format="text", conversation=group)
    assert f"\n== Küche ({group}) ==\n" in copy.read_text()

    ask(alice, "invite", group=group, name="erin")
    changed(erin, "invited")
    assert ask(erin, "accept", group=group)["state"] == "member"
    changed(dave, "joined", subject="erin")
    dave.request("send", to=group, text="welcome erin", wait="delivered", timeout=WAIT_S)
    assert text(erin) == ("dave", "welcome erin"), "nothing from before"
    for peer in (alice, carol):
        assert text(peer) == ("dave", "welcome erin")
    heads = {ask(peer, "info", group=group)["head"] for peer in (alice, carol, dave, erin)}
    assert len(heads) == 1
    unread = [event["text"] for event in bob._queue("message").queue if event["kind"] != "notice"]
    assert unread == [], "who was removed reads nothing more"


def test_a_groups_name_means_it_in_every_question_about_what_was_said(stage, people):
    alice = people["alice"]
    group = ask(alice, "create", name="Ablage")["id"]
    said = alice.request("send", to="+Ablage", text="the minutes of May")["result"]["id"]
    place = {"conversation": "+ablage"}
    alice.request("pin", **place, id=said)
    for method, more in (("page", {}), ("pinned", {}), ("at_date", {"ms": 0}), ("search", {"query": "minut"})):
        by_name, by_id = (alice.request(method, conversation=where, **more) for where in ("+Ablage", group))
        assert by_name["result"] == by_id["result"], method
        assert said in [one["id"] for one in (by_id["result"].get("messages") or by_id["result"]["found"])]
    assert alice.request("read", **place, id=said)["result"]["id"] == group
    assert alice.request("file.list", **place)["result"] == {"messages": []}
    assert (
        alice.request("retention", **place, days=9)["result"]
        == alice.request("retention", conversation=group)["result"]
    )
    assert "muted_until" in alice.request("mute", **place)["result"]
    out = stage.path / "ablage.json"
    assert alice.request("export", path=str(out), **place)["result"]["count"] == 2
    nobody = alice.request("export", path=str(stage.path / "none.json"), conversation="+nothing")["error"]
    assert (nobody["data"]["name"], list(stage.path.glob("none*"))) == ("unknown-group", [])
    cleared = stage.run("--name", "alice", "clear", "+ablage", "--yes")
    assert (cleared.returncode, cleared.stdout.strip()) == (0, "2"), cleared.stderr


def test_what_cannot_be_done_in_a_group_says_why_and_leaves_no_mark(people):
    alice, bob = people["alice"], people["bob"]
    group = ask(alice, "create", name="Werkstatt", members=["bob", "Bob"])
    assert [one["name"] for one in group["members"]] == ["alice", "bob"], "named twice, invited once"
    changed(bob, "invited", id=group["id"])
    ask(bob, "accept", group=group["id"])
    changed(alice, "joined", id=group["id"])

    def refused(method: str, **params: object) -> str:
        return alice.request(f"group.{method}", group=group["id"], **params)["error"]["data"]["name"]

    head = ask(alice, "info", group=group["id"])["head"]
    assert refused("invite", name="bob") == "group-member"
    assert refused("remove", name="carol") == refused("role", name="carol", role="admin") == "not-in-group"
    assert refused("leave") == refused("role", name="alice", role="member") == "last-owner"
    assert refused("remove", name="alice") == "group-right"
    assert ask(alice, "info", group=group["id"])["head"] == head


def test_commands_do_the_same_one_at_a_time(stage, people):
    """frank leads a group by one-shot commands; erin's running peer answers."""
    erin = people["erin"]
    made = stage.run("--name", "frank", "group", "create", "Keller", "erin")
    assert made.returncode == 0, made.stderr
    group, name, state, role, count = made.stdout.rstrip("\n").split("\t")
    assert (name, state, role, count) == ("Keller", "member", "owner", "1")
    changed(erin, "invited", id=group)
    ask(erin, "accept", group="+Keller")
    listed = stage.run("--name", "frank", "recv")
    assert listed.returncode == 0
    assert stage.run("--name", "frank", "group", "list").stdout.split("\t")[4].strip() == "2"
    said = stage.run("--name", "frank", "send", "+Keller", "by", "command")
    assert said.returncode == 0, said.stderr
    assert text(erin) == ("frank", "by command")
    assert "by command" in stage.run("--name", "frank", "history", "+Keller").stdout
    assert stage.run("--name", "frank", "group", "rename", "+Keller", "Dach", "boden").returncode == 0
    changed(erin, "renamed", detail="Dach boden")
    info = stage.run("--name", "frank", "group", "info", "+Dach boden").stdout
    assert "member\terin\tmember\tjoined" in info
    assert stage.run("--name", "frank", "group", "timer", "+Dach boden", "8h").returncode == 0
    changed(erin, "timer", detail="28800")
    assert stage.run("--name", "frank", "group", "leave", "+Dach boden").returncode == 8, "the last owner"
    assert stage.run("--name", "frank", "group", "role", "+Dach boden", "erin", "owner").returncode == 0
    assert stage.run("--name", "frank", "group", "leave", "+Dach boden").returncode == 0
    changed(erin, "left", subject="frank")
    unknown = stage.run("--name", "frank", "send", "+nothing", "hello")
    assert unknown.returncode == 5
    assert "There is no group" in unknown.stderr
