"""Whom the operator keeps out, and that a fresh CURVE key does not help (protocol.md §5.8)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sealwire.broker.admission import Ruling
from sealwire.broker.bans import MAX_LASTING_BANS, MAX_OWN_BANS, Bans, target_of
from sealwire.broker.orders import ACTIVE, DISABLED, AddBan, Ban, ListBans, RemoveBan, SetState
from tests.unit.broker.rig import WALL_MS

NETWORK = "203.0.113.0/24"


def order(rig, command):
    """Give an order; its answer."""
    rig.begin()
    rig.router.command("order", command)
    rig.turn()
    ((ref, answer),) = rig.router.replies
    rig.router.replies.clear()
    assert ref == "order"
    return answer


def ban(rig, kind, target, until_ms=0):
    assert order(rig, AddBan(None, Ban(kind, target, until_ms, ""))).outcome == "done"


def try_login(rig, name="alice", keys="alice", address="127.0.0.1", curve=b""):
    """What a login gets, with a CURVE key of its own."""
    client = rig.connect(name, keys)
    client.connection = replace(client.connection, address=address, curve=curve.ljust(32, b"\1"))
    client.greet()
    client.prove()
    return [words[:3] for words in client.seen()]


REFUSED = [("reject", 0, "login")]


@pytest.mark.parametrize("kind", ["account", "device", "address"])
def test_a_ban_ends_the_link_session_and_outlives_a_fresh_key_and_a_restart(rig, kind):
    alice = rig.login("alice")
    target = {"account": "alice", "device": alice.mailbox.hex(), "address": "127.0.0.0/8"}[kind]
    ban(rig, kind, target)
    assert alice.seen() == [("reset", "banned")]
    assert try_login(rig, curve=b"fresh") == REFUSED
    rig.crash()
    assert try_login(rig, curve=b"fresher") == REFUSED
    assert order(rig, RemoveBan(None, kind, target)).outcome == "done"
    assert try_login(rig) == [("welcome",)]


def test_a_banned_login_looks_like_any_that_does_not_convince(rig):
    rig.login("alice")
    ban(rig, "account", "alice")
    banned, wrong = rig.connect("alice"), rig.connect("alice")
    answers = []
    for client in (banned, wrong):
        client.greet()
        frame = client.login_frame()
        client.feed(frame if client is banned else frame[:-1] + bytes([frame[-1] ^ 1]))
        answers.append(client.frames())
    assert answers[0] == answers[1]


def test_others_are_not_touched(rig):
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    ban(rig, "account", "alice")
    ban(rig, "device", alice.mailbox.hex())
    ban(rig, "address", NETWORK)
    assert bob.is_open
    assert try_login(rig, "bob", "bob") == [("welcome",)]


def test_a_name_may_be_banned_before_it_registers(rig):
    ban(rig, "account", "alice")
    assert try_login(rig) == REFUSED
    assert rig.router.mailboxes == {}


def test_a_ban_that_comes_while_the_registration_is_stored_counts(slow):
    alice = slow.connect("alice")
    alice.greet()
    alice.prove()
    slow.begin()
    slow.router.command("order", AddBan(None, Ban("account", "alice", 0, "")))
    slow.commit()
    slow.commit()
    assert alice.seen()[-1] == ("reset", "banned")


def test_a_banned_network_is_refused_before_the_connection_exists_even_a_trusted_one(rig):
    ban(rig, "address", NETWORK)
    assert rig.admission.admit(bytes(32), "203.0.113.9", rig.now) is Ruling.REFUSE
    assert rig.admission.admit(bytes(32), "::ffff:203.0.113.9", rig.now) is Ruling.REFUSE
    assert rig.admission.admit(bytes(32), "203.0.114.9", rig.now) is Ruling.ADMIT
    ban(rig, "address", "127.0.0.1/32")
    assert rig.admission.admit(bytes(32), "127.0.0.1", rig.now) is Ruling.REFUSE


def test_a_ban_ends_by_itself(rig):
    ban(rig, "account", "alice", WALL_MS + 60_000)
    assert try_login(rig) == REFUSED
    rig.advance(61)
    assert order(rig, ListBans()) == []
    assert try_login(rig)[0] == ("welcome",)
    rig.crash()
    assert order(rig, ListBans()) == []


def test_a_disabled_account_keeps_its_mail_and_cannot_log_in(rig):
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    assert order(rig, SetState(None, "bob", DISABLED)).outcome == "done"
    assert bob.seen() == [("reset", "banned")]
    alice.send(bob.mailbox, b"x" * 64)
    assert alice.seen() == [("accepted", 1)]
    rig.crash()
    assert try_login(rig, "bob", "bob") == REFUSED
    assert rig.router.status()["accounts_disabled"] == 1
    assert order(rig, SetState(None, "bob", ACTIVE)).outcome == "done"
    assert try_login(rig, "bob", "bob") == [("welcome",), ("deliver", 1, b"x" * 64)]


def test_what_is_not_there_is_said_to_be_unknown(rig):
    assert order(rig, SetState(None, "nobody", DISABLED)).outcome == "unknown"
    assert order(rig, RemoveBan(None, "account", "nobody")).outcome == "unknown"


def test_bans_are_bounded(rig, monkeypatch):
    monkeypatch.setattr("sealwire.broker.operator.MAX_LASTING_BANS", 1)
    ban(rig, "account", "alice")
    assert order(rig, AddBan(None, Ban("account", "bob", 0, ""))).outcome == "full"
    ban(rig, "account", "alice", WALL_MS + 60_000)  # the same one with another end needs no room


def test_a_ban_of_the_brokers_own_is_lifted_like_any_other(rig):
    alice = rig.login("alice")
    rig.begin()
    rig.router.several_parts(alice.connection)
    (own,) = order(rig, ListBans())
    assert order(rig, RemoveBan(None, own.kind, own.target)).outcome == "done"
    assert order(rig, ListBans()) == []
    assert try_login(rig, curve=b"fresh") == [("welcome",)]


def test_the_brokers_own_bans_leave_the_operator_room(rig, monkeypatch):
    monkeypatch.setattr("sealwire.broker.operator.MAX_OWN_BANS", 1)
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    rig.begin()
    rig.router.several_parts(alice.connection)
    rig.router.several_parts(bob.connection)
    assert [own.target for own in order(rig, ListBans())] == [alice.mailbox.hex()]
    assert MAX_OWN_BANS < MAX_LASTING_BANS
    ban(rig, "account", "mallory")


@pytest.mark.parametrize(
    ("kind", "text", "target"),
    [
        ("account", "Alice", "alice"),
        ("device", "AB" * 16, "ab" * 16),
        ("address", "203.0.113.7", "203.0.113.7/32"),
        ("address", "203.0.113.7/24", NETWORK),
        ("address", "::ffff:203.0.113.7", "203.0.113.7/32"),
        ("address", "2001:db8::1/64", "2001:db8::/64"),
        ("address", "2001:db8::1", "2001:db8::/64"),  # one subscriber has all of them
        ("address", "2001:db8::1/128", "2001:db8::1/128"),
    ],
)
def test_a_target_has_one_spelling(kind, text, target):
    assert target_of(kind, text) == target


@pytest.mark.parametrize(("kind", "text"), [("account", "a b"), ("device", "ab"), ("device", "x"), ("address", "bob")])
def test_what_is_no_target_is_refused(kind, text):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reader of that kind says
        target_of(kind, text)


def test_nobody_is_barred_by_no_bans():
    assert not Bans((), lambda _networks: None).bars("alice", bytes(16), "127.0.0.1")
