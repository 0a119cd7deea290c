"""The verbs of peer.py against a real broker."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time

import pytest

from sealwire.peer.api import MAX_TEXT_BYTES
from tests.ui.house import House, quick

pytestmark = pytest.mark.process

ROW = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t[a-z]+\t[a-z]+\t.*")


def test_send_and_recv_once_in_order(house: House) -> None:
    first = house.peer("alice", "send", "bob", "tab\there\nand line")
    assert re.fullmatch(r"[0-9a-f]{32}\tsent\n", first.stdout)
    house.peer("alice", "send", "Bob", "two", "words", "--timeout", "5")
    rows = house.peer("bob", "recv").stdout.splitlines()
    assert [row.split("\t")[1:] for row in rows[-2:]] == [
        ["alice", "alice", "tab\\there\\nand line"],
        ["alice", "alice", "two words"],
    ]
    assert all(ROW.fullmatch(row) for row in rows)
    assert house.peer("bob", "recv").stdout == ""


def test_text_from_stdin_and_json_lines(house: House) -> None:
    sent = json.loads(house.peer("alice", "send", "bob", "-", "--json", stdin="grüße \x1b[2J\n").stdout)
    received = json.loads(house.peer("bob", "recv", "--json").stdout.splitlines()[-1])
    assert received["id"] == sent["id"]
    assert received["text"] == "grüße \x1b[2J"
    assert received["from"] == received["conversation"] == "alice"
    mine = json.loads(house.peer("alice", "history", "bob", "1", "--json").stdout)
    assert mine["from"] == "alice"
    assert mine["state"] in {"sent", "delivered"}


def test_escape_sequences_from_others_never_reach_the_terminal(house: House) -> None:
    house.peer("alice", "send", "bob", "\x1b]0;owned\x07 \u202egnp.exe")
    out = house.peer("bob", "recv").stdout
    assert "\\x1b]0;owned\\x07 \\u202egnp.exe" in out
    assert "\x1b" not in out


def test_waiting_for_delivered_ends_when_the_recipient_has_it(house: House) -> None:
    bob = house.script("bob")
    bob.event(type="connection", state="online")
    assert house.peer("alice", "send", "bob", "now", "--wait", "delivered").stdout.endswith("\tdelivered\n")
    assert bob.end() == 0


def test_waiting_for_delivered_gives_up_with_exit_7(house: House) -> None:
    done = house.peer("alice", "send", "bob", "later", "--wait", "delivered", "--timeout", "0.5", code=7)
    assert done.stdout == ""


def test_history_counts_from_the_end(house: House) -> None:
    house.peer("alice", stdin="/to bob\nh1\nh2\nh3\n")
    rows = house.peer("alice", "history", "bob", "2").stdout.splitlines()
    assert [row.split("\t")[2:] for row in rows] == [["alice", "h2"], ["alice", "h3"]]
    everything = house.peer("alice", "history").stdout.splitlines()
    assert everything[-2:] == rows, "of all conversations, in the order in which they stand"
    nobody = house.peer("alice", "history", "carol")
    assert nobody.stdout == ""
    assert "No messages with carol yet." in nobody.stderr


def test_both_sides_see_the_same_safety_number_and_yes_verifies(house: House) -> None:
    def digits(text: str) -> str:
        return "".join(re.findall(r"\b\d{5}\b", text))

    mine = digits(house.peer("alice", "verify", "bob").stdout)
    assert len(mine) == 60
    assert digits(house.peer("bob", "verify", "alice").stdout) == mine
    assert "bob: verified." in house.peer("alice", "verify", "bob", "--yes").stderr
    contact = json.loads(house.peer("alice", "contacts", "--json").stdout)
    assert contact["name"] == "bob"
    assert contact["state"] == "verified"
    assert house.peer("alice", "contacts").stdout.split("\t")[:2] == ["bob", "verified"]


@pytest.mark.parametrize(
    "words", ["verify bob", "info bob", "contacts", "conversations", "history bob", "status", "group list", "requests"]
)
def test_standard_output_is_the_same_in_every_language(house: House, words: str) -> None:
    here, elsewhere = (
        house.peer("alice", *words.split(), environ={"SEALWIRE_LANG": code}).stdout for code in ("en", "de")
    )
    assert elsewhere == here
    if words == "verify bob":
        assert re.fullmatch(r"((\d{5} ){3}\d{5}\n){3}", here)


def test_status_is_one_field_a_line(house: House) -> None:
    fields = dict(line.split("\t") for line in house.peer("alice", "status").stdout.splitlines())
    assert fields["name"] == "alice"
    assert fields["connection"] == "online"
    assert fields["queued"] == "0"


def test_recv_follow_goes_on_until_it_is_stopped(house: House) -> None:
    process = subprocess.Popen(
        house.arguments("bob", "recv", "--follow"),
        cwd=house.folder,
        env=quick(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stderr.readline() == "Connected to the broker.\n"
    for text in ("f1", "f2"):
        house.peer("alice", "send", "bob", text)
        assert any(line.endswith(f"\t{text}\n") for line in iter(process.stdout.readline, ""))
    assert house.peer("bob", "status").stdout.startswith("name\tbob"), "who follows does other commands too"
    busy = house.peer("bob", "daemon", code=1)
    assert str(process.pid) in busy.stderr
    while "unread\t0\n" not in house.peer("bob", "status").stdout:
        pass  # the mark is written a moment after the message
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[1] == ""
    assert process.returncode == 0
    assert house.peer("bob", "recv").stdout == ""


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["send", "nobody-here", "hi"], 5, "Nobody is registered here under the name nobody-here."),
        (["verify", "nobody-here"], 5, "Check the spelling"),
        (["send", "alice", "hi"], 2, "That is you"),
        (["send", "bob", ""], 2, "no text"),
        (["send", "bob", "x" * (MAX_TEXT_BYTES + 1)], 2, f"at most {MAX_TEXT_BYTES}"),
        (["send", "b b", "hi"], 2, "not an account name"),
        (["search", "\udcff"], 2, "not UTF-8"),
        (["send", "bob", "--file", "\udcff"], 2, "is not text in UTF-8"),
        (["history", "bob", "none"], 2, "number"),
    ],
)
def test_what_does_not_work_says_why_at_once(house: House, words: list[str], code: int, part: str) -> None:
    began = time.monotonic()
    done = house.peer("alice", *words, code=code)
    assert part in done.stderr
    assert done.stdout == ""
    assert time.monotonic() - began < 8


def test_commands_at_the_same_moment_wait_for_each_other(house: House) -> None:
    house.peer("bob", "recv")
    words = [f"at once {number}" for number in range(4)]
    sending = [
        subprocess.Popen(
            house.arguments("alice", "send", "bob", word, "--timeout", "60"),
            cwd=house.folder,
            env=quick(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for word in words
    ]
    assert [(process.communicate(timeout=90)[1], process.returncode) for process in sending] == [("", 0)] * 4
    assert sorted(row.split("\t")[3] for row in house.peer("bob", "recv").stdout.splitlines()) == words


def test_text_at_the_limit_goes_through(house: House) -> None:
    text = "é" * (MAX_TEXT_BYTES // 2)
    house.peer("alice", "send", "bob", "-", stdin=text + "\n")
    assert house.peer("bob", "recv").stdout.rstrip("\n").endswith(text)
    house.peer("alice", "send", "bob", "-", stdin=text + "é", code=2)


def test_a_wrong_passphrase_leaves_the_key_file_untouched(house: House) -> None:
    path = house.folder / "keys" / "alice.key"
    before = path.read_bytes()
    (house.folder / "wrong").write_text("wrong\n")
    done = house.peer("alice", "status", "--passphrase-file", "wrong", code=4)
    assert "passphrase is wrong or the file is damaged" in done.stderr
    assert path.read_bytes() == before


def test_without_passphrase_and_terminal_the_flag_is_named(house: House) -> None:
    arguments = [word for word in house.arguments("alice", "status") if word not in {"--passphrase-file", "empty"}]
    assert "--passphrase-file" in house.run(arguments, code=4).stderr


def test_no_broker_keeps_the_message_and_the_next_start_sends_it(house: House) -> None:
    away = house.peer("alice", "send", "bob", "kept", "--timeout", "0.5", "--broker", "tcp://127.0.0.1:9", code=6)
    assert "stays queued" in away.stderr
    assert house.peer("alice", "status", "--timeout", "0.5", "--broker", "tcp://127.0.0.1:9", code=6).stdout
    house.peer("alice", "send", "bob", "after it")
    texts = [row.split("\t")[3] for row in house.peer("bob", "recv").stdout.splitlines()]
    assert texts[-2:] == ["kept", "after it"]


def test_another_brokers_key_is_refused(house: House) -> None:
    key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"  # the example of ZeroMQ's documentation
    done = house.peer("alice", "status", "--broker-key", key, code=None)
    assert done.returncode == 6
    assert "another broker than the one you pinned" in done.stderr


def test_a_closed_pipe_ends_housely(house: House) -> None:
    command = " ".join(f"'{word}'" for word in house.arguments("alice", "history", "bob")) + " | head -n 1"
    done = house.run(["bash", "-c", "set -o pipefail; " + command])
    assert done.stderr == ""
    assert ROW.fullmatch(done.stdout.rstrip("\n"))
