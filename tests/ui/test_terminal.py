"""The line interface on a real terminal."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from tests.ui.house import ROOT, SETTINGS, House, environment, quick
from tests.ui.tty import Tty

pytestmark = pytest.mark.process

TYPED = "The quick brown fox jumps over the lazy dog, 0123456789 times, while others talk."


@pytest.fixture
def alice(house: House) -> Iterator[pexpect.spawn]:
    child = spawn(house, house.arguments("alice", "--plain"))
    yield child
    child.close(force=True)


def spawn(house: House, arguments: list[str]) -> pexpect.spawn:
    child = pexpect.spawn(
        arguments[0],
        arguments[1:],
        cwd=str(house.folder),
        env=quick(),
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 100),
    )
    child.logfile_read = io.StringIO()
    return child


def leave(child: pexpect.spawn) -> str:
    """End with Ctrl+D; return everything the terminal was told."""
    child.send("\x04")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert isinstance(child.logfile_read, io.StringIO)
    return child.logfile_read.getvalue()


def test_typing_while_messages_arrive_loses_no_character(house: House, alice: pexpect.spawn) -> None:
    alice.expect_exact("Connected to the broker.")
    alice.send("/to bob\r")
    alice.expect_exact("Writing to bob")
    bob = house.script("bob")
    bob.event(type="connection", state="online")
    stop = threading.Event()

    def talk() -> None:
        number = 0
        while not stop.wait(0.03):
            number += 1
            bob.ask("send", to="alice", text=f"incoming {number}")

    talking = threading.Thread(target=talk)
    talking.start()
    alice.expect_exact("incoming 1")
    for char in TYPED:
        alice.send(char)
        time.sleep(0.015)
    stop.set()
    talking.join()
    alice.send("\r")
    bob.event(type="message", text=TYPED)
    assert bob.end() == 0
    alice.expect_exact("delivered.")
    screen = leave(alice)
    shown = [int(number) for number in re.findall(r"bob: incoming (\d+)", screen)]
    assert shown == list(range(1, len(shown) + 1))
    assert len(shown) >= 10


def test_a_paste_of_several_lines_is_one_message(house: House, alice: pexpect.spawn) -> None:
    alice.expect_exact("Connected to the broker.")
    alice.send("/to bob\r")
    alice.expect_exact("bob>")
    alice.send("\x1b[200~line one\n/quit\nline three\x1b[201~")
    alice.send("\r")
    alice.expect_exact("sent.")
    leave(alice)
    row = house.peer("bob", "recv").stdout.splitlines()[-1]
    assert row.split("\t")[3] == "line one\\n/quit\\nline three"


def test_the_screen_stays_a_plain_one(house: House, alice: pexpect.spawn) -> None:
    alice.expect_exact("Connected to the broker.")
    house.peer("bob", "send", "alice", "\x1b[2Jboo\x07 \u202eevil")
    alice.expect_exact("boo")
    alice.send("/hepl\r")
    alice.expect_exact("Did you mean /help?")
    screen = leave(alice)
    assert "\x1b[?1049h" not in screen  # no alternate screen
    assert "\x1b[6n" not in screen  # no questions to the terminal
    assert "\x1b[2J" not in screen
    assert "\u202e" not in screen
    assert "bob: \\x1b[2Jboo\\x07 evil" in screen


@pytest.mark.parametrize("way", ["quit", "ctrl-c", "sigterm"])
def test_every_way_to_stop_is_clean(alice: pexpect.spawn, way: str) -> None:
    alice.expect_exact("Connected to the broker.")
    match way:
        case "quit":
            alice.send("/quit\r")
        case "ctrl-c":
            alice.send("\x03")
        case _:
            alice.kill(signal.SIGTERM)
    alice.expect(pexpect.EOF)
    alice.close()
    assert alice.exitstatus == 0


def test_a_newcomer_joins_with_an_invite_and_chooses_a_passphrase(house: House) -> None:
    invite = house.run([sys.executable, str(ROOT / "broker.py"), "invite"]).stdout.strip()
    invite = re.sub(r":\d+#", ":" + house.address.rpartition(":")[2] + "#", invite)
    base = [sys.executable, str(ROOT / "peer.py"), "--name", "carol", "--keys", "other/keys", "--data", "other/data"]
    child = spawn(house, [*base, "status", "--join", invite])
    child.expect_exact("New passphrase")
    child.sendline("secret")
    child.expect_exact("same again")
    child.sendline("different")
    child.expect_exact("two different passphrases")
    for _twice in range(2):
        child.expect_exact(": ")
        time.sleep(0.1)
        child.sendline("secret")
    child.expect_exact("online")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert isinstance(child.logfile_read, io.StringIO)
    assert "secret" not in child.logfile_read.getvalue()
    again = spawn(house, [*base, "status"])  # the invite is remembered, its token is not
    again.expect_exact("Passphrase for")
    again.sendline("secret")
    again.expect_exact("online")
    again.expect(pexpect.EOF)
    again.close()
    assert again.exitstatus == 0
    kept = (house.folder / "other/data/carol/joined.json").read_text()
    assert invite.partition(".")[2] not in kept or "." not in invite.partition("#")[2]


def test_verify_asks_and_takes_yes(house: House) -> None:
    child = spawn(house, house.arguments("bob", "verify", "alice"))
    child.expect_exact("Does alice see the same number?")
    child.sendline("yes")
    child.expect_exact("alice: verified.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_a_dumb_terminal_works_too(house: House) -> None:
    child = pexpect.spawn(
        house.arguments("alice")[0],
        house.arguments("alice")[1:],
        cwd=str(house.folder),
        env=quick(TERM="dumb"),
        encoding="utf-8",
        timeout=30,
    )
    child.expect_exact("Connected to the broker.")
    child.send("/status\r")
    child.expect_exact("messages queued.")
    child.send("/quit\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_output_to_a_file_on_a_terminal_takes_the_plain_form(house: House) -> None:
    command = " ".join(f"'{word}'" for word in house.arguments("alice")) + " > out.txt"
    child = spawn(house, ["bash", "-c", command])
    child.expect_exact("Connected to the broker.")
    child.sendline("/status")
    child.expect_exact("messages queued.")
    leave(child)
    assert (house.folder / "out.txt").read_text() == ""


# --- what a screen reader relies on: docs/guide.md, "Plain lines" -------------------------------------------------

LINE_EDITING = re.compile(r"\x1b\[(\d*[ABCDJK]|[\d;]*m|\?2004[hl]|\?25[hl]|\?7[hl]|\?1[hl]|\?12[hl])|\r|\n|\x08|\a")
"""Moving within the line, clearing its rest, styles, bracketed paste, and showing the cursor: nothing else."""


@pytest.fixture
def tty(house: House) -> Iterator[Tty]:
    # A terminal that shows notifications is sent none unless the settings name the way.
    tty = Tty(house.arguments("alice", "--plain"), house.folder, (100, 60), VTE_VERSION="7200")
    yield tty
    tty.close()


def test_nothing_but_line_editing_is_sent_and_the_cursor_is_a_real_one(house: House, tty: Tty) -> None:
    tty.see("Connected to the broker.")
    house.peer("bob", "send", "alice", "hello there")
    tty.see("hello there")
    for line in ("/to bob", "an answer", "/react tada", "/history 3", "/verify", "/hepl"):
        tty.send(line + "\r")
    tty.see("Did you mean /help?")
    tty.send("half a line")
    tty.see("bob> half a line")
    assert not tty.screen.cursor.hidden
    column = tty.screen.display[tty.screen.cursor.y].rstrip()
    assert column == "bob> half a line"
    assert tty.screen.cursor.x == len(column)
    tty.send("\x15\x04")
    assert tty.end() == 0
    assert "\x1b" not in LINE_EDITING.sub("", tty.raw)
    assert tty.raw.rindex("\x1b[?25h") > tty.raw.rindex("\x1b[?25l")


def test_a_line_entered_right_before_the_end_is_not_lost(house: House, tty: Tty) -> None:
    tty.see("Connected to the broker.")
    tty.send("/to bob\rthe last word\r\x04")
    assert tty.end() == 0
    assert house.peer("alice", "history", "bob", "1").stdout.endswith("\tthe last word\n")


def test_every_change_of_state_is_said_in_words(house: House, tty: Tty) -> None:
    tty.see("Connected to the broker.")
    house.peer("bob", "send", "alice", "so that alice is somebody bob talks to")
    tty.send("/to bob\r")
    tty.see("bob>")
    tty.send("state by state\r")
    tty.see("to bob: queued.", "to bob: sent.")
    bob = house.script("bob")
    bob.event(type="message", text="state by state")
    tty.see("to bob: delivered.", "to bob: read.")
    assert bob.end() == 0
    house.stop_broker()
    tty.see("does not answer; trying again.")
    tty.send("kept until then\r")
    tty.see("bob> kept until then", "#3 to bob: queued.")
    house.start_broker(house.address)
    tty.see("#3 to bob: sent.")
    tty.send("/quit\r")
    assert tty.end() == 0


def test_the_network_drops_and_returns_while_one_types_and_no_character_is_lost(house: House, tty: Tty) -> None:
    tty.see("Connected to the broker.")
    tty.send("/to bob\r")
    tty.see("bob>")
    tty.send(TYPED[:20])
    house.stop_broker()
    tty.see("does not answer; trying again.")
    tty.send(TYPED[20:50])
    tty.see(TYPED[:50])
    house.start_broker(house.address)
    tty.send(TYPED[50:])
    bob = house.script("bob")
    bob.event(type="connection", state="online")
    tty.send("\r")
    bob.event(type="message", text=TYPED)
    assert bob.end() == 0
    tty.see("to bob: read.")
    tty.send("/quit\r")
    assert tty.end() == 0


def test_a_newcomer_in_plain_lines_needs_no_document(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(SETTINGS + "broker: {bind: 'tcp://127.0.0.1:0'}\n")
    tty = Tty([sys.executable, str(ROOT / "peer.py"), "--name", "carol", "--plain"], tmp_path, (100, 50))
    try:
        tty.see("No broker answers yet.", "1: start a broker here", "paste an invite line; nothing ends:")
        tty.send("1\r")
        tty.see("The broker runs at tcp://127.0.0.1:", "New passphrase:")
        tty.send("secret\r")
        tty.see("The same again:")
        tty.send("secret\r")
        tty.see("To bring a friend", "sealwire:127.0.0.1:", "Connected to the broker.")
        tty.send("/to nobody\r")
        tty.see("nobody, who is new here")
        tty.send("hello\r")
        tty.see("Nobody is registered here under the name nobody.")
        tty.send("/invite\r")
        tty.see("To bring a friend", "They run: python peer.py --name THEIR-NAME --join")
        tty.send("/quit\r")
        assert tty.end() == 0
        assert tty.raw.count("To bring a friend") == tty.raw.count("sealwire:127.0.0.1:") == 2
        assert "secret" not in tty.raw
        assert "\x1b" not in LINE_EDITING.sub("", tty.raw)
    finally:
        tty.close()
        stop = [sys.executable, str(ROOT / "broker.py"), "stop"]
        subprocess.run(stop, cwd=tmp_path, env=environment(), check=True, capture_output=True)


@pytest.mark.parametrize("way", ["interrupt", "hangup", "kill"])
def test_a_line_that_was_not_sent_is_a_draft_for_its_conversation(house: House, tty: Tty, way: str) -> None:
    tty.see("Connected to the broker.")
    tty.send("/to bob\r")
    tty.see("Writing to bob")
    tty.send(f"begun and {way}")
    tty.see(f"bob> begun and {way}")
    if way == "kill":
        time.sleep(2)  # longer than it takes until what is typed is kept
        tty.child.kill(signal.SIGKILL)
    elif way == "hangup":
        tty.child.kill(signal.SIGHUP)
    else:
        tty.send("\x03")
    tty.ended()
    with closing(Tty(house.arguments("alice", "--plain"), house.folder)) as again:
        again.see("Connected to the broker.")
        again.send("/to bob\r")
        again.see(f"You had begun to write: begun and {way} (Arrow up puts it into your line.)")
        again.send("meanwhile\r")
        again.see("to bob: sent.")
        again.send("\x1b[A")
        again.see(f"bob> begun and {way}")
        again.send("\x15\x04")
        assert again.end() == 0
    with closing(Tty(house.arguments("alice", "--plain"), house.folder)) as last:
        last.see("Connected to the broker.")
        last.send("/to bob\r")
        last.see("Writing to bob")
        last.send("/status\r")
        last.see("messages unread")
        assert "You had begun" not in last.text()
