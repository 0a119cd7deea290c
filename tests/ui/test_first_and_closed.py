"""First starts that do not go well, and standard streams that are closed or full."""

from __future__ import annotations

import shlex
import shutil
import stat
import time
from pathlib import Path

import pytest

from tests.ui.house import House

pytestmark = pytest.mark.process


def in_a_shell(house: House, redirection: str, *words: str, code: int) -> tuple[str, str]:
    done = house.run(["sh", "-c", f"{shlex.join(house.arguments(*words))} {redirection}"], code=code)
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("redirection", "reason"), [(">&-", "Standard output is closed"), (">/dev/full", "No space left on device")]
)
def test_a_message_that_could_not_be_written_out_comes_again(house: House, redirection: str, reason: str) -> None:
    house.peer("bob", "recv")
    house.peer("alice", "send", "bob", "not lost")
    for words in (("bob", "recv"), ("bob", "--json")):
        assert reason in in_a_shell(house, f"{redirection} </dev/null", *words, code=1)[1]
    assert house.peer("bob", "recv").stdout.endswith("\tnot lost\n")


def test_closed_input_and_errors_are_an_end_of_input_and_silence(house: House) -> None:
    assert '"ready"' in in_a_shell(house, "<&-", "alice", "--json", code=0)[0]
    in_a_shell(house, "<&-", "alice", code=0)
    assert "bob\t" in in_a_shell(house, "<&- 2>&-", "alice", "contacts", code=0)[0]


def test_a_first_start_without_broker_keeps_what_was_to_be_sent_and_registers_later(house: House) -> None:
    nowhere = ("--broker", "tcp://127.0.0.1:9")
    away = house.peer("erin", "send", "bob", "from the first start", *nowhere, "--timeout", "0", code=6)
    assert "stays queued" in away.stderr
    house.peer("erin", "contacts", *nowhere, "--timeout", "0.5", code=6)
    house.peer("erin", "contacts")
    house.peer("erin", "send", "bob", "after it")
    texts = [row.split("\t")[3] for row in house.peer("bob", "recv").stdout.splitlines()]
    assert texts[-2:] == ["from the first start", "after it"]
    for path in (house.folder / "data" / "erin").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_profile_whose_key_file_is_gone_makes_no_other(house: House) -> None:
    key, aside = house.folder / "keys" / "bob.key", house.folder / "bob.key.aside"
    key.rename(aside)
    try:
        said = house.peer("bob", "contacts", code=4).stderr
        assert "holds the history of this name" in said
        assert "Making" not in said
        assert not key.exists()
    finally:
        aside.rename(key)
    house.peer("bob", "contacts")


def test_a_first_start_without_the_brokers_key_ends_after_the_timeout_and_makes_no_keys(house: House) -> None:
    nowhere = ("--broker-key", "nowhere.pub", "--timeout", "0.2")
    said = house.peer("dave", "send", "bob", "hi", *nowhere, code=6).stderr
    assert "Waiting for the broker's key" in said
    assert "There is no broker key" in said
    assert not (house.folder / "keys" / "dave.key").exists()
    without = [
        word for word in house.arguments("dave", "send", "bob", "hi") if word not in {"--passphrase-file", "empty"}
    ]
    assert "--passphrase-file" in house.run([*without, *nowhere], code=4).stderr, "whatever else is missing"


def test_a_first_start_goes_on_once_the_broker_has_written_its_key(house: House) -> None:
    dave = house.script("dave", "--broker-key", "late.pub", "--timeout", "60")
    assert dave.process.stderr is not None
    assert dave.process.stderr.readline().startswith("Waiting for the broker's key")
    shutil.copy(house.folder / "keys" / "broker.pub", house.folder / "late.new")
    (house.folder / "late.new").rename(house.folder / "late.pub")
    assert dave.event(type="ready")["name"] == "dave"
    assert dave.end() == 0


def test_a_first_start_behind_json_says_that_it_waits_for_the_broker(house: House) -> None:
    house.plant("mallory")
    mallory = house.script("mallory", "--broker", "tcp://127.0.0.1:9", "--timeout", "0.2")
    assert mallory.process.stderr is not None
    assert "does not answer" in mallory.process.stderr.readline()
    assert mallory.end() == 0
    assert mallory.lines == []


@pytest.mark.parametrize("words", ["verify carol", "info carol", "approve carol", "group create club"])
def test_what_needs_the_broker_waits_for_it_as_long_as_it_is_told(house: House, words: str) -> None:
    began = time.monotonic()
    said = house.peer("alice", *words.split(), "--broker", "tcp://127.0.0.1:9", "--timeout", "0", code=6).stderr
    assert "does not answer" in said
    assert time.monotonic() - began < 8


def test_a_script_that_writes_before_the_link_stands_hears_of_an_unknown_name(house: House) -> None:
    alice = house.script("alice")
    assert alice.ask("send", to="nobody-at-all", text="x")["error"]["code"] == -32005
    assert alice.end() == 0


def test_send_says_why_a_message_waits(tmp_path: Path) -> None:
    small = House(tmp_path)
    (tmp_path / "config.yaml").write_text("limits: {quota_messages: 1, sender_share: 1}\n")
    small.start_broker()
    try:
        small.plant("alice", "bob")
        small.peer("bob", "status")
        small.peer("alice", "send", "bob", "fits")
        said = small.peer("alice", "send", "bob", "waits", "--timeout", "3", code=7).stderr
        assert "mailbox is full" in said.splitlines()[0]
    finally:
        small.stop_broker()
