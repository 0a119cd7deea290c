"""A group and a file between two real terminals: alice at the full screen, bob with plain lines."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.ui.house import House
from tests.ui.tty import Tty

pytestmark = pytest.mark.process

CTRL_K, CTRL_G, ENTER, ESC = "\x0b", "\x07", "\r", "\x1b"
GROUP = "Orchard"


@pytest.fixture
def alice(house: House) -> Iterator[Tty]:
    tty = Tty(house.arguments("alice"), house.folder, (120, 40))
    yield tty
    tty.close()


@pytest.fixture
def bob(house: House) -> Iterator[Tty]:
    tty = Tty(house.arguments("bob", "--plain"), house.folder, (120, 60))
    yield tty
    tty.close()


def test_made_joined_talked_in_a_file_passed_on_and_one_put_out(house: House, alice: Tty, bob: Tty) -> None:
    bob.see("Connected to the broker.")
    alice.see("alice", "Ctrl+K")
    alice.send(CTRL_K)
    alice.see("Make a group")
    alice.send(GROUP)
    alice.see(GROUP)
    alice.send("\x1b[A" + ENTER)  # the last row is the group to be made
    alice.see("A new group", "Who is asked to join")
    alice.send(GROUP + ENTER)
    alice.see(GROUP)
    alice.send("bob" + ENTER)
    alice.see(f"+{GROUP}", f"alice made the group {GROUP}.", "alice invited bob.")
    bob.see(f"alice invites you to the group +{GROUP}: /accept +{GROUP}")
    bob.send(f"/accept +{GROUP}\r")
    bob.see(f"+{GROUP}: bob joined.", f"You are in {GROUP} now.")
    alice.see("bob joined.")
    alice.send(CTRL_G)
    alice.see("owner", "member", "bob")
    alice.send(ESC)

    bob.send(f"/to +{GROUP}\r")
    bob.see(f"+{GROUP}>")
    bob.send("hello all\r")
    alice.see("hello all")
    bob.see(f"to +{GROUP}: read.")
    alice.send(f"welcome bob{ENTER}")
    bob.see(f"alice in +{GROUP}: welcome bob")
    alice.see("● welcome bob")

    content = os.urandom(1_500_000)
    plan, copy = house.folder / "the plan.bin", house.folder / "copy.bin"
    plan.write_bytes(content)
    bob.send(f'/file "{plan}" look at this\r')
    bob.see("File the plan.bin, 1.4 MiB, waiting. look at this", "is being sent.", "is complete:")
    alice.see("look at this", "the plan.bin", "1.4 MiB", "not fetched yet")
    alice.send(f"/fetch{ENTER}")
    alice.see("the plan.bin is here:")
    alice.send(f"/save {copy}{ENTER}")
    alice.see("Copied to")
    assert copy.read_bytes() == content

    alice.send(f"/group remove bob{ENTER}")
    alice.see("bob is out;")
    bob.see(f"+{GROUP}: alice removed bob.")
    bob.send("am I in?\r")
    bob.see("bob is not in the group Orchard")
    assert "\x1b[?1049h" not in bob.raw
