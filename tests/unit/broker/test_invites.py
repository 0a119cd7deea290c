"""Addresses as people write them, and what an invite is made of."""

from __future__ import annotations

import pytest

from sealwire.broker import invites
from sealwire.crypto.primitives import H


@pytest.mark.parametrize(
    ("endpoint", "plain"),
    [
        ("tcp://[::ffff:127.0.0.1]:5555", "tcp://127.0.0.1:5555"),
        ("tcp://[::]:5555", "tcp://[::]:5555"),
        ("tcp://[fd00::1]:5555", "tcp://[fd00::1]:5555"),
        ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"),
        ("tcp://chat.example.org:1", "tcp://chat.example.org:1"),
    ],
)
def test_a_bound_endpoint_is_shown_as_people_write_it(endpoint: str, plain: str) -> None:
    assert invites.plain_endpoint(endpoint) == plain


def test_an_address_splits_into_host_and_port() -> None:
    assert invites.split_address("tcp://[fd00::1]:5555") == ("fd00::1", 5555)
    assert invites.split_address("chat.example.org:1") == ("chat.example.org", 1)
    assert invites.invite_for("[fd00::1]:5555", bytes(32), None).host == "fd00::1"


@pytest.mark.parametrize(("host", "wild"), [("*", True), ("0.0.0.0", True), ("::", True), ("127.0.0.1", False)])
def test_a_wildcard_is_every_address(host: str, wild: bool) -> None:
    assert invites.is_wildcard(host) is wild


def test_only_a_labelled_hash_of_a_token_is_stored() -> None:
    assert invites.hash_of(b"t" * 16) == H("invite", b"t" * 16)


def test_an_invite_ends_after_whole_days() -> None:
    assert invites.expires_at(1_000, 7) == 1_000 + 7 * 86_400_000
