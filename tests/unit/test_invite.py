"""The invite line: one spelling each way, nothing else accepted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire import invite
from sealwire.errors import InviteError
from sealwire.invite import Invite

KEY = bytes(range(32))
TOKEN = bytes(range(200, 216))
LINE = "sealwire:chat.example.org:5555#AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8.yMnKy8zNzs_Q0dLT1NXW1w"


def test_the_line_has_the_documented_form() -> None:
    assert invite.encode(Invite("chat.example.org", 5555, KEY, TOKEN)) == LINE
    assert invite.decode(LINE) == Invite("chat.example.org", 5555, KEY, TOKEN)


def test_the_token_is_absent_when_registration_is_open() -> None:
    line = invite.encode(Invite("127.0.0.1", 1, KEY))
    assert "." not in line.split("#")[1]
    assert invite.decode(line).token is None


def test_ipv6_stands_in_brackets() -> None:
    line = invite.encode(Invite("fd00::1", 5555, KEY, TOKEN))
    assert line.startswith("sealwire:[fd00::1]:5555#")
    assert invite.decode(line).address == "tcp://[fd00::1]:5555"


def test_blanks_around_the_line_are_forgiven() -> None:
    assert invite.decode(f"  {LINE}\n") == invite.decode(LINE)


def test_the_token_is_not_in_the_repr() -> None:
    assert repr(TOKEN) not in repr(Invite("h", 1, KEY, TOKEN))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "sealwire:",
        LINE.replace("sealwire:", "http://"),
        LINE.split("#")[0],
        LINE[:-1],
        LINE + "A",
        LINE[:-1] + "x",  # spare bits in the last character: a second spelling of the same token
        LINE.replace(".y", ".+"),
        LINE.replace(":5555", ":0"),
        LINE.replace(":5555", ":65536"),
        LINE.replace(":5555", ""),
        LINE.replace("chat.example.org", "fd00::1"),
        LINE.replace("chat.example.org", "[zz::1]"),
        LINE.replace("chat.example.org", "[1:2]"),
        LINE.replace("chat.example.org", "a b"),
        LINE.replace("chat.example.org", "-a"),
        LINE + "=",
        LINE.replace("#", "#\n"),
        "sealwire:" + "a" * 100_000,
    ],
)
def test_anything_else_is_refused_without_repeating_the_secret(line: str) -> None:
    with pytest.raises(InviteError) as caught:
        invite.decode(line)
    assert caught.value.exit == 2
    assert "yMnKy8" not in str(caught.value)


@given(
    st.text("abcxyz0189.-", max_size=30).map("h".__add__),  # a name; a regular expression is slow to draw from
    st.integers(1, 65535),
    st.binary(min_size=32, max_size=32),
    st.none() | st.binary(min_size=16, max_size=16),
)
def test_every_invite_survives_the_way_through_its_line(host: str, port: int, key: bytes, token: bytes | None) -> None:
    made = Invite(host, port, key, token)
    assert invite.decode(invite.encode(made)) == made


@given(st.text(max_size=120))
def test_any_text_is_an_invite_or_an_invite_error(text: str) -> None:
    for line in (text, "sealwire:" + text):
        try:
            found = invite.decode(line)
        except InviteError:
            continue
        assert invite.encode(found) == line.strip()
