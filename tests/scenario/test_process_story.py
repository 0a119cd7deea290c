"""The same stories through real processes and sockets: broker.py and peer.py as a script would start them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator

import pytest
from zmq.utils import z85

from sealwire.testing.processes import JsonPeer, Stage
from tests.conftest import PEOPLE

pytestmark = pytest.mark.process
SECRET = "the quick brown fox keeps a secret"
PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(people={**PEOPLE, "carol": PEOPLE["mallory"]}) as running:
        yield running


@pytest.fixture(scope="module")
def people(stage: Stage) -> tuple[JsonPeer, JsonPeer]:
    alice, bob = stage.peer("alice"), stage.peer("bob")
    alice.wait_for("ready")
    bob.wait_for("ready")
    return alice, bob


def states(peer: JsonPeer, message_id: str) -> list[str]:
    seen: list[str] = []
    while not seen or seen[-1] not in ("delivered", "failed"):
        event = peer.wait_for("delivery", 20)
        if event["id"] == message_id:
            seen.append(event["state"])
    return seen


def test_two_strangers_talk_and_see_each_state(people):
    alice, bob = people
    sent = alice.request("send", to="bob", text="hello bob")["result"]
    assert sent["state"] == "queued"
    heard = bob.wait_for("message")
    assert (heard["from"], heard["text"], heard["id"]) == ("alice", "hello bob", sent["id"])
    assert states(alice, sent["id"]) == ["sent", "delivered"]
    answer = bob.request("send", to="alice", text="hello alice", wait="delivered")["result"]
    assert answer["state"] == "delivered"
    assert alice.wait_for("message")["text"] == "hello alice"


def test_both_compute_the_same_safety_number(people):
    alice, bob = people
    theirs = [a.request("verify", name=b)["result"]["digits"] for a, b in ((alice, "bob"), (bob, "alice"))]
    assert theirs[0] == theirs[1]
    assert len(theirs[0].replace(" ", "")) == 60


def test_an_unknown_recipient_is_error_5_at_once(people):
    alice, _ = people
    start = time.monotonic()
    error = alice.request("send", to="nobody", text="hello")["error"]
    assert error["code"] == -32005
    assert error["data"]["name"] == "unknown-peer"
    assert time.monotonic() - start < 5


def test_the_broker_killed_five_times_loses_nothing_repeats_nothing_and_keeps_the_order(stage, people):
    alice, bob = people
    count, kills = 1_000, 5
    for peer, to in ((alice, "bob"), (bob, "alice")):
        lines = [
            json.dumps({"jsonrpc": "2.0", "id": n, "method": "send", "params": {"to": to, "text": f"{to} {n}"}})
            for n in range(count)
        ]
        peer.write_later("\n".join(lines).encode() + b"\n")
    dice = random.Random(5)
    for _ in range(kills):
        time.sleep(dice.uniform(0.05, 0.4))
        stage.broker.kill()
        stage.start_broker()
    for peer, to in ((alice, "alice"), (bob, "bob")):
        heard = [peer.wait_for("message", 90)["text"] for _ in range(count)]
        assert heard == [f"{to} {n}" for n in range(count)]
    for peer in people:
        assert peer._queue("message").empty()
        assert not [w for w in list(peer._queue("warning").queue) if w["name"] in ("gap", "clone", "unreadable")]


def test_the_brokers_disk_and_words_hold_no_plaintext_and_no_sender(tmp_path):
    (tmp_path / "secret").write_text(PASSPHRASE)
    with Stage(tmp_path) as stage:
        flags = ["--passphrase-file", str(tmp_path / "secret")]
        for name in ("alice", "bob"):
            stage.plant(name, PEOPLE[name], PASSPHRASE.encode())
            assert stage.run("--name", name, "status", *flags).returncode == 0
        sent = stage.run("--name", "alice", "send", "bob", SECRET, *flags)
        assert sent.returncode == 0, sent.stderr
        said = "\n".join(stage.broker.said).encode()
        stored = b"".join(p.read_bytes() for p in (tmp_path / "data" / "broker").rglob("*") if p.is_file())
        peers = b"".join(
            p.read_bytes() for n in ("alice", "bob") for p in (tmp_path / "data" / n).rglob("*") if p.is_file()
        )
        keys = b"".join(p.read_bytes() for p in (tmp_path / "keys").iterdir())
        for pile in (said, stored, peers, keys):
            assert SECRET.encode() not in pile
            assert PASSPHRASE.encode() not in pile
        got = stage.run("--name", "bob", "recv", *flags)
        assert SECRET in got.stdout


def test_a_wrong_passphrase_leaves_the_key_file_untouched_and_exits_4(stage, people, tmp_path):
    assert stage.run("--name", "carol", "status").returncode == 0
    key = stage.path / "keys" / "carol.key"
    before = key.read_bytes()
    (tmp_path / "wrong").write_text("wrong")
    refused = stage.run("--name", "carol", "status", "--passphrase-file", str(tmp_path / "wrong"))
    assert refused.returncode == 4
    assert "carol.key" in refused.stderr
    assert key.read_bytes() == before


def test_a_second_process_on_a_profile_names_the_pid_that_holds_it(stage, people):
    alice, _ = people
    second = stage.run("--name", "alice", "daemon")
    assert second.returncode == 1
    assert str(alice.child.pid) in second.stderr


def test_a_name_taken_with_another_key_exits_4_and_says_what_to_do(stage, people, tmp_path):
    stage.plant("bob", PEOPLE["mallory"], folder=tmp_path / "k")
    thief = stage.run("--name", "bob", "status", "--data", str(tmp_path / "d"), "--keys", str(tmp_path / "k"),
                      "--broker-key", str(stage.path / "keys" / "broker.pub"))  # fmt: skip
    assert thief.returncode == 4
    assert "already registered" in thief.stderr


def test_a_wrong_broker_key_is_named_and_exits_6(stage, people):
    wrong = "0" * 40
    stage.plant("dora", PEOPLE["mallory"], broker_key=z85.decode(wrong))
    first = stage.run("--name", "dora", "status", "--broker-key", wrong)
    assert first.returncode == 6, first.stderr
    assert "not the broker you pinned" in first.stderr


def test_without_a_broker_a_message_is_kept_and_goes_out_later(stage, people):
    assert stage.run("--name", "carol", "send", "bob", "warm up").returncode == 0
    stage.broker.stop()
    kept = stage.run("--name", "carol", "send", "bob", "kept while you were away", "--timeout", "1")
    assert kept.returncode == 6
    stage.start_broker()
    assert stage.run("--name", "carol", "send", "bob", "and now").returncode == 0
    _, bob = people
    texts = [bob.wait_for("message", 20)["text"] for _ in range(3)]
    assert texts == ["warm up", "kept while you were away", "and now"]


def test_a_text_past_the_limit_names_it(stage, people):
    long = stage.run("--name", "carol", "send", "bob", "-", text="x" * 15_001)
    assert long.returncode == 2
    assert "15000" in long.stderr.replace(",", "").replace("\u202f", "")
