"""Over AT-SPI, from another process, as screen readers do: names, roles, the focus, and messages as sentences."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from sealwire.ui.desktop.needs import missing
from tests.ui.desktop.atspi import FOCUSABLE, FOCUSED, SHOWING, Node, desk, lacking
from tests.ui.house import ROOT

LACKING = lacking() or (str(missing({"DISPLAY": ":0"})) if missing({"DISPLAY": ":0"}) else "")
pytestmark = [pytest.mark.process, pytest.mark.skipif(bool(LACKING), reason=f"not installed: {LACKING}")]


@pytest.fixture(scope="module")
def window() -> Iterator[Node]:
    with desk() as (environment, reader):
        words = [sys.executable, "-m", "tests.ui.desktop.shown"]
        shown = subprocess.Popen(
            words, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert shown.stdout is not None
            assert shown.stdout.readline() == "ready\n"
            (found,) = reader.windows()
            yield found
        finally:
            shown.communicate("", timeout=30)


def test_everything_the_keyboard_reaches_has_a_name(window: Node) -> None:
    reached = [node for node in window.all() if node.has(FOCUSABLE) and node.has(SHOWING)]
    assert len(reached) > 20
    assert [node.role for node in reached if not node.name.strip()] == []


def test_controls_are_what_they_are_called(window: Node) -> None:
    roles = {node.name: node.role for node in window.all()}
    expected = {
        "Send": "push button",
        "Attach a file": "push button",
        "Message": "text",
        "Search conversations and messages": "text",
        "Conversations": "list",
        "Messages": "list",
    }
    assert {name: roles.get(name) for name in expected} == expected


def test_a_message_is_one_sentence(window: Node) -> None:
    messages = next(node for node in window.all() if node.name == "Messages")
    said = [node.name for node in messages.all() if node.role == "list item"]
    assert any(one.startswith("bob, ") and one.endswith(": Saturday is good 🎉") for one in said)
    assert any(one.startswith("You, ") and "Is Saturday good? State: delivered." in one for one in said)


def test_the_focus_is_where_one_writes(window: Node) -> None:
    assert [node.name for node in window.all() if node.has(FOCUSED) and node.role == "text"] == ["Message"]
