"""Who a text speaks to."""

from __future__ import annotations

import time

import pytest

from sealwire.peer.mentions import MAX_MENTIONS, mentioned

MEMBERS = {"alice", "bob", "bob-2", "x_", "c3po"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@bob hello", ("bob",)),
        ("hello @Bob, and @ALICE.", ("bob", "alice")),
        ("@bob @bob @bob", ("bob",)),
        ("(@bob)", ("bob",)),
        ("@bob- and @bob_", ("bob",)),
        ("@bob-2!", ("bob-2",)),
        ("@x_", ("x_",)),
        ("@carol is not here", ()),
        ("bob@example.org", ()),
        ("@@bob", ()),
        ("@bobby", ()),
        ("@", ()),
        ("@c3po?", ("c3po",)),
        ("über@bob", ()),
    ],
)
def test_a_name_behind_an_at_sign_is_a_mention_of_somebody_who_is_there(text, names):
    assert mentioned(text, MEMBERS) == names


def test_mentions_are_bounded():
    many = {f"m{n}" for n in range(MAX_MENTIONS + 50)}
    assert len(mentioned(" ".join(f"@{name}" for name in sorted(many)), many)) == MAX_MENTIONS


def test_the_longest_text_takes_no_time():
    began = time.process_time()
    for text in ("@" * 15_000, "@a-" * 5_000, "@" + "-" * 14_999, "@" + "a" * 14_999):
        mentioned(text, MEMBERS)
    assert time.process_time() - began < 1
