"""The verbs about people and about what was said, as a script calls them."""

from __future__ import annotations

import json
import sys

import pytest

from tests.ui.house import ROOT, House

pytestmark = pytest.mark.process


def test_what_was_said_is_found_written_out_cleared_and_brought_in_again(house: House) -> None:
    house.peer("alice", "send", "bob", "the quick brown fox")
    house.peer("bob", "recv")
    found = house.peer("bob", "search", "QUI", "fox").stdout
    assert found.endswith("\talice\talice\tthe quick brown fox\n")
    assert house.peer("bob", "search", "quack").stderr == "Nothing here has these words.\n"
    listed = [line.split("\t") for line in house.peer("bob", "conversations").stdout.splitlines()]
    assert ["alice", "0", "alice", "the quick brown fox"] in listed

    out = house.folder / "history.json"
    count = int(house.peer("bob", "export", "history.json", "alice").stdout)
    assert len(out.read_text("utf-8").splitlines()) == count + 1
    assert "not overwritten" in house.peer("bob", "export", "history.json", code=1).stderr
    assert ".json" in house.peer("bob", "export", "history.pdf", code=2).stderr
    assert "--yes" in house.peer("bob", "clear", "alice", code=2).stderr
    assert int(house.peer("bob", "clear", "alice", "--yes").stdout) == count
    assert house.peer("bob", "history", "alice").stdout == ""
    assert int(house.peer("bob", "import", "history.json").stdout) == count
    assert house.peer("bob", "history", "alice").stdout.endswith("the quick brown fox\n")
    out.unlink()


def test_people_are_blocked_named_and_listed(house: House) -> None:
    house.script("bob").event(type="ready")  # who does them: as without it
    named = house.peer("bob", "nickname", "alice", "Ali", "from", "work")
    assert named.stdout.split("\t")[2] == "Ali from work\n"
    assert house.peer("bob", "nickname", "alice").stdout.endswith("\t\n")
    assert house.peer("bob", "block", "alice").stdout.split("\t")[1] == "blocked"
    assert "blocked" in house.peer("bob", "send", "alice", "hi", code=5).stderr
    assert house.peer("bob", "unblock", "alice").stdout.split("\t")[1] != "blocked"
    assert json.loads(house.peer("bob", "accept", "alice", "--json").stdout)["blocked"] is False
    assert "alice\t" not in house.peer("bob", "requests").stdout
    assert house.peer("bob", "keep", "30", "alice").stdout == "30\t0\n"
    assert house.peer("bob", "keep", "0", "alice").stdout == "0\t0\n"
    assert "number of days" in house.peer("bob", "keep", "long", code=2).stderr


def test_what_only_the_interfaces_could_do_is_a_verb_too(house: House) -> None:
    house.script("alice").event(type="ready")
    message_id = house.peer("alice", "send", "bob", "pin this").stdout.split("\t")[0]
    house.peer("alice", "pin", "bob", message_id)
    assert house.peer("alice", "pinned", "bob").stdout.endswith("\tbob\talice\tpin this\n")
    place, until = house.peer("alice", "mute", "bob", "8h").stdout.split("\t")
    assert (place, until[:2], until[-2:]) == ("bob", "20", "Z\n")
    assert "muted_until" in json.loads(house.peer("alice", "mute", "bob", "--json").stdout)
    assert house.peer("alice", "unmute", "bob").stdout == "bob\t\n"
    assert "nobody-here" in house.peer("alice", "mute", "nobody-here", code=5).stderr
    assert house.peer("alice", "presence", "on").stdout == "on\n"
    assert house.peer("alice", "presence").stdout == "on\n"
    assert json.loads(house.peer("alice", "presence", "off", "--json").stdout) == {"shared": False}
    assert "presence [on|off]" in house.peer("alice", "presence", "maybe", code=2).stderr
    told = dict(line.split("\t") for line in house.peer("alice", "info", "bob").stdout.splitlines())
    assert (told["name"], "RSA-OAEP" in told["suite"], int(told["messages_since_secret"]) > 0) == ("bob", True, True)
    assert house.peer("alice", "retry").stdout == "0\n"


def test_a_file_is_paused_taken_up_again_and_given_up(house: House) -> None:
    (house.folder / "big.bin").write_bytes(b"x" * 1_000)
    nowhere = ["--broker", "tcp://127.0.0.1:9", "--timeout", "0.2"]
    house.peer("alice", "send", "bob", "--file", "big.bin", *nowhere, code=6)
    row = house.peer("alice", "files", "bob", "1", *nowhere).stdout.split("\t")
    for verb, state in (("pause", "paused"), ("resume", "waiting"), ("stop", "cancelled")):
        assert house.peer("alice", verb, row[1], *nowhere).stdout == f"{row[1]}\n"
        assert house.peer("alice", "files", "bob", "1", *nowhere).stdout.split("\t")[3] == state


def test_the_code_of_the_other_side_verifies_and_any_other_does_not(house: House) -> None:
    house.script("alice").event(type="ready")
    value = json.loads(house.peer("bob", "verify", "alice", "--json").stdout)
    assert value["code"] in house.peer("bob", "verify", "alice").stderr
    own = json.loads(house.peer("alice", "verify", "bob", "--json").stdout)["code"]
    assert house.peer("alice", "verify", "bob", "hello", code=9).stdout == "not-a-code\n"
    assert house.peer("alice", "verify", "bob", own, code=9).stdout != "same\n"
    same = house.peer("alice", "verify", "bob", value["code"])
    assert (same.stdout, same.stderr) == ("same\n", "The code is right: bob is verified.\n")
    assert house.peer("alice", "contacts").stdout.split("\t")[:2] == ["bob", "verified"]


def test_a_profile_comes_back_from_its_backup_under_its_passphrase(house: House) -> None:
    (house.folder / "another").write_text("another passphrase")
    house.peer("alice", "send", "bob", "before the backup")
    flags = ["--broker", house.address, "--passphrase-file"]
    program = [sys.executable, str(ROOT / "peer.py"), "--name", "alice"]
    house.peer("alice", "backup", "alice.backup")
    assert "exists here" in house.peer("alice", "restore", "alice.backup", code=1).stderr
    elsewhere = ["--keys", "keys2", "--data", "data2"]
    pinned = ["--broker-key", str(house.folder / "keys" / "broker.pub")]
    wrong = house.run([*program, *elsewhere, *pinned, *flags, "another", "restore", "alice.backup"], code=1)
    assert "passphrase is wrong" in wrong.stderr
    restored = house.run([*program, *elsewhere, *pinned, *flags, "empty", "restore", "alice.backup"])
    assert restored.stdout.startswith("alice\t")
    shown = house.run([*program, *elsewhere, *pinned, *flags, "empty", "history", "bob", "1"])
    assert shown.stdout.endswith("before the backup\n")
    assert "fresh keys" in shown.stderr or shown.stderr == ""
