"""The full screen on a real terminal, with a real broker and a real friend."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.ui.house import ROOT, SETTINGS, House, environment
from tests.ui.tty import Tty

pytestmark = pytest.mark.process

CTRL_K, CTRL_Q, ENTER, ESC, TAB = "\x0b", "\x11", "\r", "\x1b", "\t"
TYPED = "The quick brown fox jumps over the lazy dog, 0123456789 times, while the network comes and goes."


@pytest.fixture
def alice(house: House) -> Iterator[Tty]:
    tty = Tty(house.arguments("alice"), house.folder)
    yield tty
    tty.close()


def know_each_other(house: House) -> None:
    house.peer("alice", "send", "bob", "so that they know each other")
    house.peer("bob", "recv")
    house.peer("bob", "send", "alice", "and answered")


def open_bob(tty: Tty) -> None:
    tty.see("alice", "Ctrl+K")
    tty.send(CTRL_K)
    tty.see("Jump to a conversation")
    tty.send("bob")
    tty.see("bob")
    tty.send(ENTER)
    tty.see("bob  ·")


def test_a_conversation_with_pastes_states_and_an_end_that_leaves_the_terminal_as_it_was(
    house: House, alice: Tty
) -> None:
    know_each_other(house)
    open_bob(alice)
    alice.send("\x1b[200~line one\n/quit\nline three\x1b[201~")
    alice.see("line three")
    alice.send("\x1b\r")
    alice.send("four" + ENTER)
    bob = house.script("bob")
    bob.event(type="message", text="line one\n/quit\nline three\nfour")
    alice.see("● line one")
    bob.ask("send", to="alice", text="\x1b[2Jboo \u202eevil")
    alice.see("\\x1b[2Jboo evil")
    assert bob.end() == 0
    alice.send("not sent yet")
    alice.see("not sent yet")
    alice.send(CTRL_Q)
    assert alice.end() == 0
    assert "\x1b[?1049l" in alice.raw  # the alternate screen is left
    assert alice.raw.rindex("\x1b[?25h") > alice.raw.rindex("\x1b[?25l")  # the cursor is back
    with closing(Tty(house.arguments("alice"), house.folder, (60, 15))) as again:
        again.see("Draft: not sent yet")
        again.send(CTRL_Q)
        assert again.end() == 0


def test_the_network_drops_and_returns_while_one_types_and_no_character_is_lost(house: House, alice: Tty) -> None:
    know_each_other(house)
    open_bob(alice)
    alice.send("\x15")  # a draft of another day
    address = house.address
    broker = threading.Thread(target=drop_and_return, args=(house, address))
    broker.start()
    for char in TYPED:
        alice.send(char)
        time.sleep(0.02)
    broker.join()
    alice.send(ENTER)
    bob = house.script("bob")
    bob.event(type="message", text=TYPED)
    assert bob.end() == 0
    alice.see("● The quick brown fox")


def drop_and_return(house: House, address: str) -> None:
    house.stop_broker()
    house.start_broker(address)


def test_a_signal_ends_it_cleanly_and_a_one_shot_command_is_served_meanwhile(house: House, alice: Tty) -> None:
    know_each_other(house)
    open_bob(alice)
    done = house.peer("alice", "send", "bob", "from a script beside it")
    assert done.stdout.split("\t")[1] in ("sent\n", "delivered\n", "read\n")
    alice.see("from a script beside it")
    message_id = done.stdout.split("\t")[0]
    house.peer("alice", "edit", "bob", message_id, "put right by a script")
    alice.see("put right by a script")
    house.peer("alice", "react", "bob", message_id, "🎉")
    alice.see("🎉 1")
    house.peer("alice", "delete", "bob", message_id, "here")
    alice.gone("put right by a script")
    alice.child.kill(signal.SIGTERM)
    assert alice.end() == 0
    assert "\x1b[?1049l" in alice.raw


def test_a_newcomer_needs_no_document(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(SETTINGS + "broker: {bind: 'tcp://127.0.0.1:0'}\n")
    tty = Tty([sys.executable, str(ROOT / "peer.py"), "--name", "carol"], tmp_path)
    try:
        tty.see("Welcome to Sealwire", "Start a broker here")
        tty.send(TAB + ENTER)
        tty.see("Hello carol", "Choose a passphrase")
        tty.send("secret" + ENTER)
        tty.see("And once more, to be sure.")
        tty.send("secret" + ENTER)
        tty.see("Bring a friend", "sealwire:127.0.0.1:", "▀")
        tty.send(ENTER)
        tty.see("Nobody yet.")
        tty.send(CTRL_Q)
        assert tty.end() == 0
        assert "secret" not in tty.raw
    finally:
        tty.close()
        stop = [sys.executable, str(ROOT / "broker.py"), "stop"]
        subprocess.run(stop, cwd=tmp_path, env=environment(), check=False, capture_output=True)


def test_no_color_is_no_colour(house: House) -> None:
    with closing(Tty(house.arguments("alice"), house.folder, NO_COLOR="1")) as tty:
        tty.see("alice", "Ctrl+K")
        tty.send(CTRL_Q)
        assert tty.end() == 0
    colours = {
        part
        for sequence in tty.raw.split("\x1b[")[1:]
        if "m" in sequence[:40]
        for part in _colours(sequence.partition("m")[0])
    }
    assert colours <= {("38", 0), ("48", 0)} | {(kind, 1) for kind in ("38", "48")}, colours


def _colours(sequence: str) -> list[tuple[str, int]]:
    """(kind, whether grey) of each direct colour in a sequence."""
    parts = sequence.split(";")
    found = []
    for at, part in enumerate(parts):
        if part in ("38", "48") and parts[at + 1 : at + 2] == ["2"]:
            red, green, blue = parts[at + 2 : at + 5]
            found.append((part, 1) if red == green == blue else (part, -1))
    return found


@pytest.mark.parametrize(
    ("variables", "flags"),
    [
        ({"TERM": "dumb"}, []),
        ({"SEALWIRE_PLAIN": "1"}, []),
        ({}, ["--plain"]),
        ({"SEALWIRE_PEER__INTERFACE": "plain"}, []),
    ],
)
def test_plain_lines_are_chosen_by_terminal_variable_flag_or_setting(
    house: House, variables: dict[str, str], flags: list[str]
) -> None:
    with closing(Tty(house.arguments("alice", *flags), house.folder, **variables)) as tty:
        tty.see("/help lists the commands.")
        tty.send("/quit" + ENTER)
        assert tty.end() == 0
    assert "\x1b[?1049h" not in tty.raw


def test_a_wrong_passphrase_in_a_file_is_said_after_the_screen(house: House) -> None:
    (house.folder / "wrong").write_text("wrong")
    arguments = ["wrong" if word == "empty" else word for word in house.arguments("alice")]
    with closing(Tty(arguments, house.folder)) as tty:
        assert tty.end() == 4
    assert "does not open" in tty.raw


def test_the_demonstration_on_a_terminal_is_three_columns_and_the_visitors_turn(tmp_path: Path) -> None:
    tty = Tty([sys.executable, str(ROOT / "peer.py"), "--demo"], tmp_path, (140, 36), TMPDIR=str(tmp_path))
    try:
        tty.see("broker: all it ever sees", "bob")
        tty.see("Your turn", "You: Hello Bob!", "alice: Hello Bob!", "mailbox of bob", "👍 1", patience_s=90)
        middle = [line.split("│")[1] for line in tty.text().splitlines() if line.count("│") > 1]
        assert "mailbox of bob" in "".join(middle)
        assert "Hello" not in "".join(middle)
        tty.send("hi bob" + ENTER)
        tty.see("● hi bob")
        tty.send("\x1bOR")  # F3
        tty.see("bob: away")
        tty.send("are you there?" + ENTER)
        tty.see("✓ are you there?")
        tty.send("\x1bOR")
        tty.see("Bob is back", "● are you there?")
        tty.send(CTRL_Q)
        assert tty.end() == 0
        assert "Your turn, in three terminals" in tty.raw
        assert list(tmp_path.iterdir()) == []
    finally:
        tty.close()
