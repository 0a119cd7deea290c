"""Comparing codes on a client of its own: what is verified is the key whose code was held against the one here."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from sealwire.crypto.safety import safety_number_of
from sealwire.errors import ComparedOtherKeyError, UsageError
from sealwire.peer.client import Client
from tests.conftest import PEOPLE


def code_of_bob(alice: Client, key: bytes | None = None) -> str:
    """What bob's screen shows, who has the key that alice knows, or another."""
    own = alice.keys.identity.card.card
    return safety_number_of(own.realm, ("bob", key or own.n_sign), ("alice", own.n_sign)).code()


async def test_a_nickname_is_text(alice: Client) -> None:
    with pytest.raises(UsageError):
        await alice.people.nickname("bob", "half \udcff")
    assert (await alice.people.nickname("bob", "Bobby")).nickname == "Bobby"
    assert (await alice.people.nickname("bob", "x\u202ey\n z")).nickname == "xy z"
    assert (await alice.people.nickname("bob", "\u200b \u2066")).nickname == "", "nothing of it can be seen"


async def test_the_code_of_the_other_side_verifies(alice: Client) -> None:
    assert await alice.people.check_code("bob", code_of_bob(alice)) == "same"
    assert alice.engine.contact("bob").trust == "verified"  # type: ignore[union-attr]
    assert await alice.people.check_code("carol", code_of_bob(alice)) == "other-person", "the wrong page was open"
    assert alice.engine.contact("carol").trust == "unverified"  # type: ignore[union-attr]
    other_key = code_of_bob(alice, PEOPLE["mallory"].account.n_sign)
    assert await alice.people.check_code("bob", other_key) == "different", "it is bob's, and not the key here"


async def test_what_is_no_safety_number_says_nothing_about_a_key(alice: Client) -> None:
    digits = (await alice.safety_number("bob")).digits
    for text in ("", digits[:-1], digits + "1", "x" * 60, "\u0661" * 60):
        with pytest.raises(UsageError, match="60"):
            await alice.set_verified("bob", True, text)
    with pytest.raises(ComparedOtherKeyError, match="mistyped"):
        await alice.set_verified("bob", True, digits[::-1])
    assert (await alice.set_verified("bob", True, digits[:30] + "\n" + digits[30:])).trust == "verified"


async def test_a_key_that_was_accepted_while_a_code_was_compared_is_not_verified_by_it(
    alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = alice.known

    async def known(name: str) -> Any:
        before = replace(await looked(name))
        contact = alice.engine.contact(name)  # another interface of this peer accepts another key just now
        assert contact is not None
        contact.account_key = PEOPLE["mallory"].account.n_sign
        monkeypatch.setattr(alice, "known", looked)
        return before

    monkeypatch.setattr(alice, "known", known)
    with pytest.raises(ComparedOtherKeyError):
        await alice.people.check_code("bob", code_of_bob(alice))
    assert alice.engine.contact("bob").trust == "unverified"  # type: ignore[union-attr]
