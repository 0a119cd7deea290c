"""What a line means."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import UsageError
from sealwire.ui.line.commands import (
    COMMANDS,
    About,
    Command,
    Nothing,
    Plain,
    Say,
    Show,
    parse,
    usage,
)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("", Nothing()),
        ("   ", Nothing()),
        ("hello", Say("hello")),
        ("  indented stays", Say("  indented stays")),
        ("//etc/passwd", Say("/etc/passwd")),
        ("@bob hi there", Say("hi there", "bob")),
        ("@BOB  hi ", Say("hi", "bob")),
        ("/to Bob", About("to", "bob")),
        ("/TO bob", About("to", "bob")),
        ("/info", About("info", None)),
        ("/info bob", About("info", "bob")),
        ("/verify", About("verify", None)),
        ("/verify bob", About("verify", "bob")),
        ("/verify bob yes", About("verified", "bob")),
        ("/verify bob NO", About("unverified", "bob")),
        ("/approve bob", About("approve", "bob")),
        ("/history", Show(20)),
        ("/history 5", Show(5)),
        ("/contacts", Plain("contacts")),
        ("/retry", Plain("retry")),
        ("/status", Plain("status")),
        ("/quit", Plain("quit")),
        ("/help", Plain("help")),
        ("/to bob\nrest of a paste", Say("/to bob\nrest of a paste")),
        ("several\nlines", Say("several\nlines")),
    ],
)
def test_parse(line: str, command: Command) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("/qiut", "Did you mean /quit?"),
        ("/histroy", "Did you mean /history?"),
        ("/xyzzy", "/help lists them"),
        ("/", "There is no command /"),
        ("/ to", "There is no command /"),
        ("/to", "a name"),
        ("/to bob carol", "carol"),
        ("/to b/b", "not an account name"),
        ("/history zero", "1 to 1000"),
        ("/history 0", "1 to 1000"),
        ("/history 99999999999999", "1 to 1000"),
        ("/history ٣", "1 to 1000"),
        ("/contacts all", "all"),
        ("/verify bob perhaps", "yes"),
        ("@bob", "@NAME"),
        ("@ hi", "not an account name"),
    ],
)
def test_wrong_lines_say_what_was_meant(line: str, part: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line)
    assert part in str(caught.value)


def test_every_command_is_in_the_help() -> None:
    text = "\n".join(usage())
    assert all(f"/{command}" in text for command in COMMANDS if command != "help")


@given(st.text(max_size=60) | st.text(max_size=20).map("/".__add__) | st.text(max_size=20).map("@".__add__))
def test_parse_raises_only_documented_errors(line: str) -> None:
    with contextlib.suppress(UsageError):
        parse(line)
