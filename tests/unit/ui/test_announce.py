"""Notifications that leave a terminal program."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from sealwire.cli.attention import rules, ways
from sealwire.config import NotifySection
from sealwire.peer.events import Contact, Message
from sealwire.ui import announce
from sealwire.ui.announce import Announcer, Ways, encoded, sequence_for
from sealwire.ui.views.notify import BURST_MS, Attention, Notice, Rules

NOTICE = Notice("bob", "bob", "New message")
AWAY = Attention("alice", focused=False)


def message(row: int = 1) -> Message:
    return Message(f"{row}", "bob", "bob", "secret", 0, verified=True, row=row)


class Terminal:
    """What was written, and a clock that tests turn."""

    def __init__(self, ways: Ways) -> None:
        self.written: list[str] = []
        self.said: list[str] = []
        self.ms = 1_000_000
        self.announcer = Announcer(ways, self.written.append, self.said.append, lambda: self.ms)


@pytest.mark.parametrize(
    ("environ", "sequence"),
    [
        ({"TERM_PROGRAM": "WezTerm"}, "osc9"),
        ({"TERM": "xterm-kitty"}, "osc9"),
        ({"TERM": "foot"}, "osc777"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "osc777"),
        ({"TERM": "xterm"}, "off"),
        ({"TERM": "xterm-kitty", "TMUX": "/x"}, "off"),
        ({}, "off"),
    ],
)
def test_terminals_get_only_the_sequence_they_are_known_to_show(environ, sequence):
    assert sequence_for(environ) == sequence


def test_no_text_can_end_the_sequence_or_add_a_field():
    hostile = Notice("bob", "b\x07o;b", "a\x1b\\;b\x9c" + "x" * 9)
    for sequence in ("osc9", "osc777"):
        written = encoded(hostile, sequence)
        assert written.count("\x1b") == 1
        assert written.count("\x07") == 1
        assert written.endswith("\x07")
        assert "\x9c" not in written
    assert encoded(hostile, "osc777").count(";") == 3
    assert encoded(hostile, "off") == ""


async def test_bell_and_sequence_leave_together():
    terminal = Terminal(Ways(sequence="osc9"))
    terminal.announcer.show(NOTICE)
    assert terminal.written == ["\x1b]9;bob: New message\x07\a"]
    quiet = Terminal(Ways(bell=False))
    quiet.announcer.show(NOTICE)
    assert quiet.written == []


async def test_a_burst_rings_twice_and_what_was_read_not_at_all():
    terminal = Terminal(Ways())
    for row in range(5):
        terminal.announcer.heard(message(row + 1), None, AWAY)
    assert len(terminal.written) == 1
    terminal.ms += BURST_MS
    terminal.announcer.due()
    assert len(terminal.written) == 2
    terminal.ms += 2 * BURST_MS
    terminal.announcer.due()
    terminal.announcer.heard(message(9), None, AWAY)
    terminal.announcer.heard(message(10), None, AWAY)
    terminal.announcer.looked("bob")
    terminal.ms += BURST_MS
    terminal.announcer.due()
    assert len(terminal.written) == 3
    await terminal.announcer.close()


async def test_a_changed_key_rings_in_hours_of_rest():
    terminal = Terminal(Ways(Rules(quiet=(0, 1_439))))
    terminal.announcer.heard(message(), None, AWAY)
    assert terminal.written == []
    terminal.announcer.key_changed(Contact("bob", "ab", "changed"))
    assert len(terminal.written) == 1


async def test_the_command_gets_title_and_text_on_its_input(tmp_path: Path):
    out = tmp_path / "out"
    script = f"import sys,pathlib;p=pathlib.Path({str(out)!r});p.write_text(sys.stdin.read()+repr(sys.argv[1:]))"
    terminal = Terminal(Ways(command=(sys.executable, "-c", script, "a b", "$(x)"), bell=False))
    terminal.announcer.show(NOTICE)
    await asyncio.gather(*terminal.announcer._commands)
    assert out.read_text() == "bob\nNew message\n['a b', '$(x)']"
    assert terminal.said == []


async def test_a_command_that_cannot_run_is_said_once():
    terminal = Terminal(Ways(command=("/nowhere/at/all",), bell=False))
    for _twice in range(2):
        terminal.announcer.show(NOTICE)
        await asyncio.gather(*terminal.announcer._commands)
    assert len(terminal.said) == 1
    assert "cannot be run" in terminal.said[0]


async def test_a_command_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(announce, "COMMAND_S", 0.05)
    terminal = Terminal(Ways(command=(sys.executable, "-c", "import signal; signal.pause()"), bell=False))
    terminal.announcer.show(NOTICE)
    await asyncio.gather(*terminal.announcer._commands)
    assert "longer than" in terminal.said[0]


async def test_commands_do_not_pile_up_and_end_with_the_program():
    terminal = Terminal(Ways(command=(sys.executable, "-c", "import signal; signal.pause()"), bell=False))
    for _many in range(10):
        terminal.announcer.show(NOTICE)
    assert len(terminal.announcer._commands) == announce.MAX_COMMANDS
    await asyncio.sleep(0)
    await terminal.announcer.close()
    assert not terminal.announcer._commands


def test_settings_become_rules():
    section = NotifySection(content="full", quiet_hours="22:30-07:05", command=("x", "y"))
    assert rules(section) == Rules(True, "full", (22 * 60 + 30, 7 * 60 + 5))
    assert ways(section, {"TERM": "foot"}) == Ways(rules(section), True, "osc777", ("x", "y"))
    assert ways(NotifySection(terminal="osc9"), {}).sequence == "osc9"
    assert rules(NotifySection()).quiet is None
