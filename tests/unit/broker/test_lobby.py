"""HELLO, LOGIN and registration: the rows QUIET, GREETED and PROVEN of protocol.md §5.1."""

from __future__ import annotations

import os

import pytest

from sealwire.broker.lobby import MAX_LAST_WORDS
from sealwire.broker.port import AddInvite, Register, Result
from sealwire.crypto.primitives import H
from sealwire.ids import Token
from sealwire.wire import control, frames
from sealwire.wire.frames import Code, Verb
from tests.unit.broker.raw_peer import login_of, member
from tests.unit.broker.rig import BROKER_CURVE, WALL_MS

TOKEN16 = bytes(range(16))


def code_of(client) -> Code:
    seq, code, _ = frames.decode_reject(client.take(Verb.REJECT))
    assert seq == 0
    return code


def add_invite(rig, uses=1, expires_ms=WALL_MS + 1000):
    rig.router.command("invite", AddInvite(None, H("invite", TOKEN16), uses, expires_ms))
    rig.turn()
    (reply,) = rig.router.replies
    rig.router.replies.clear()
    assert reply[0] == "invite"


def test_a_new_device_registers_and_is_known_from_then_on(rig):
    rig.login("alice")
    assert rig.router.status()["devices"] == 1
    rig.crash()
    rig.login("alice")
    assert rig.router.status()["devices"] == 1


def test_welcome_tells_the_limits_and_the_prekeys(rig):
    alice = rig.connect("alice")
    alice.greet()
    alice.prove()
    welcome = control.decode_welcome(alice.take(Verb.WELCOME))
    assert welcome.limits.send_window_messages == 1024
    assert (welcome.prekeys_id, welcome.one_time_left) == (0, 0)
    assert welcome.time_ms == WALL_MS
    assert welcome.spread_ms >= 1_000


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "bob"},  # not the card's
        {"signature": bytes(384)},
        {"kind": "other"},
        {"card": b"\x01"},
    ],
)
def test_a_hello_that_does_not_hold_together_is_kicked(rig, changes):
    alice = rig.connect("alice")
    with pytest.raises(ValueError, match="unpack"):
        alice.greet(**changes)
    assert rig.kicked == [alice.connection]


def test_a_card_of_another_broker_is_kicked(rig):
    alice = rig.connect("alice")
    alice.identity = member("alice", bytes(32))
    with pytest.raises(ValueError, match="unpack"):
        alice.greet()


def test_a_name_that_breaks_the_rule_is_kicked(rig):
    with pytest.raises(ValueError, match="unpack"):
        rig.connect("Alice").greet()
    with pytest.raises(ValueError, match="unpack"):
        rig.connect("broker").greet()


def test_no_common_version_is_said_before_the_end(rig):
    alice = rig.connect("alice")
    with pytest.raises(AssertionError):
        alice.greet(lowest=2, highest=3)
    rig.advance(1.1)
    assert rig.kicked == [alice.connection]


@pytest.mark.parametrize("what", ["second hello", "send", "empty", "garbage"])
def test_anything_but_a_login_after_hello_ends_the_connection(rig, what):
    alice = rig.connect("alice")
    alice.greet()
    frame = {
        "second hello": alice.hello,
        "send": frames.encode_send(alice.token, 1, frames.Mid(bytes(16)), alice.mailbox, b"x"),
        "empty": b"",
        "garbage": b"\x03" + alice.token + b"\xc1",
    }[what]
    alice.feed(frame)
    assert code_of(alice) is Code.LOGIN
    alice.prove()  # too late
    assert alice.frames() == []
    rig.advance(1.1)
    assert rig.kicked == [alice.connection]


def test_a_connection_that_goes_on_after_its_end_is_shut_down_at_once(rig):
    alice = rig.login("alice")
    words = [frames.encode_ping(alice.token, 1)] * (MAX_LAST_WORDS - 1)
    alice.feed(frames.encode_bye(alice.token), *words)
    assert rig.kicked == [], "what was under way at its end is no offence"
    alice.feed(words[0])
    assert rig.kicked == [alice.connection]
    alice.feed(*words)
    assert rig.kicked == [alice.connection], "once"
    assert alice.frames() == []


def test_every_bad_login_looks_the_same(rig):
    def attempt(change):
        alice = rig.connect("alice")
        alice.greet()
        alice.feed(change(alice))
        return alice.frames()

    curve = bytes(32)
    answers = [
        attempt(lambda a: control.encode_login(a.token, control.Login(signature=bytes(64)))),
        attempt(lambda a: login_of(a.identity, BROKER_CURVE, curve, a.hello, a.challenge, a.token)),
        attempt(lambda a: b"\x03" + bytes(8)),
    ]
    assert answers[0] == answers[1] == answers[2]


def test_a_login_recorded_elsewhere_is_worth_nothing(rig):
    first = rig.connect("alice")
    first.greet()
    recorded = first.login_frame()
    second = rig.connect("alice")
    second.greet()
    second.feed(recorded)
    assert code_of(second) is Code.LOGIN


def test_a_new_device_without_its_device_list_is_refused(rig):
    alice = rig.connect("alice")
    alice.greet()
    token, login = control.decode_login(alice.login_frame())
    bare = control.Login(signature=login.signature)
    alice.feed(control.encode_login(token, bare))
    assert code_of(alice) is Code.LOGIN
    assert rig.router.status()["devices"] == 0


def test_a_device_list_signed_by_somebody_else_is_refused(rig):
    alice = rig.connect("alice")
    alice.greet()
    token, login = control.decode_login(alice.login_frame())
    forged = control.Login(signature=login.signature, devices=login.devices, devices_signature=bytes(384))
    alice.feed(control.encode_login(token, forged))
    assert code_of(alice) is Code.LOGIN


def test_a_name_belongs_to_the_key_that_registered_it(rig):
    rig.login("alice")
    thief = rig.connect("alice", "mallory")
    thief.greet()
    thief.prove()
    assert code_of(thief) is Code.TAKEN
    assert rig.router.status()["devices"] == 1


def test_two_registrations_of_one_name_at_once_let_one_in(slow):
    first, second = slow.connect("alice"), slow.connect("alice", "mallory")
    for client in (first, second):
        client.greet()
        client.prove()
    slow.commit()
    slow.commit()
    assert first.take(Verb.WELCOME)
    assert code_of(second) is Code.TAKEN


def test_one_device_registering_twice_at_once_is_one_device(slow):
    first, second = slow.connect("alice"), slow.connect("alice")
    for client in (first, second):
        client.greet()
        client.prove()
    slow.commit()
    slow.commit()
    assert [words[0] for words in first.seen()] == ["welcome", "reset"]
    assert second.take(Verb.WELCOME)
    assert slow.router.status()["devices"] == 1


def test_a_registration_whose_answer_was_lost_is_simply_known_next_time(slow):
    alice = slow.connect("alice")
    alice.greet()
    alice.prove()
    slow.store.apply(slow.job)
    slow.crash()
    alice = slow.connect("alice")
    alice.greet()
    alice.prove()
    assert alice.take(Verb.WELCOME)


def test_a_connection_gone_before_its_registration_is_answered_still_counts(slow):
    alice = slow.connect("alice")
    alice.greet()
    alice.prove()
    alice.feed(b"impatient")  # another frame while PROVEN ends the connection
    slow.commit()
    assert alice.frames() == []
    assert slow.router.status()["devices"] == 1


def test_a_full_disk_refuses_a_registration(slow):
    alice = slow.connect("alice")
    alice.greet()
    alice.prove()
    slow.refuse()
    assert code_of(alice) is Code.STORAGE


def test_registrations_are_bounded(make_rig):
    rig = make_rig(max_devices=1)
    rig.login("alice")
    bob = rig.connect("bob", "bob")
    bob.greet()
    bob.prove()
    assert code_of(bob) is Code.STORAGE


def test_a_connection_that_stops_after_hello_ends(rig):
    alice = rig.connect("alice")
    alice.greet()
    rig.advance(9.5)  # with a look each second it must be gone within ten
    assert alice.connection in rig.kicked


# --- invites -------------------------------------------------------------------------------------------------


def test_without_an_invite_nobody_registers(make_rig):
    rig = make_rig(registration="invite")
    for invite in (None, TOKEN16):
        alice = rig.connect("alice")
        alice.greet()
        alice.prove(invite)
        assert code_of(alice) is Code.LOGIN


def test_an_invite_works_as_often_as_it_says_and_only_its_hash_is_kept(make_rig):
    rig = make_rig(registration="invite")
    add_invite(rig, uses=2)
    rig.login("alice", invite=TOKEN16)
    rig.login("bob", "bob", invite=TOKEN16)
    carol = rig.connect("carol", "mallory")
    carol.greet()
    carol.prove(TOKEN16)
    assert code_of(carol) is Code.LOGIN
    rig.login("alice")  # known: no invite is asked for
    rig.store.close()
    assert TOKEN16 not in b"".join(path.read_bytes() for path in rig.folder.rglob("*") if path.is_file())
    rig.start()


def test_one_invite_redeemed_twice_at_once_lets_one_in(make_rig):
    rig = make_rig(auto=False, registration="invite")
    rig.auto = True
    add_invite(rig)
    rig.auto = False
    first, second = rig.connect("alice"), rig.connect("bob", "bob")
    for client in (first, second):
        client.greet()
        client.prove(TOKEN16)
    rig.commit()
    rig.commit()
    assert first.take(Verb.WELCOME)
    assert code_of(second) is Code.LOGIN


def test_an_expired_invite_lets_nobody_in(make_rig):
    rig = make_rig(registration="invite")
    add_invite(rig, expires_ms=WALL_MS)
    alice = rig.connect("alice")
    alice.greet()
    alice.prove(TOKEN16)
    assert code_of(alice) is Code.LOGIN


def test_a_refused_name_uses_no_invite_up(make_rig):
    rig = make_rig(registration="invite")
    add_invite(rig, uses=2)
    rig.login("alice", invite=TOKEN16)
    thief = rig.connect("alice", "mallory")
    thief.greet()
    thief.prove(TOKEN16)
    assert code_of(thief) is Code.TAKEN
    rig.login("bob", "bob", invite=TOKEN16)


# --- CURVE keys ----------------------------------------------------------------------------------------------


def test_a_device_that_comes_with_another_curve_key_is_known_by_it(rig):
    alice = rig.login("alice")
    moved = rig.connect("alice")
    moved.connection = type(moved.connection)(moved.rid, 99, "127.0.0.1", ("127.0.0.1", 99), os.urandom(32))
    moved.greet()
    moved.prove()
    assert moved.take(Verb.WELCOME)
    rig.crash()
    assert rig.router.mailboxes[alice.mailbox].curve == moved.connection.curve


def test_a_chosen_routing_id_is_kicked_and_its_key_banned(rig):
    alice = rig.connect("alice")
    connection = alice.connection
    chosen = type(connection)(connection.rid, 5, "127.0.0.1", None, connection.curve, chosen_id=True)
    rig.feed(chosen, b"\x01")
    assert rig.kicked == [chosen]
    assert rig.admission.admit(connection.curve, "127.0.0.1", rig.now).value == "400"


def test_a_second_device_joins_its_account_only_by_a_newer_list(rig):
    rig.login("alice")
    second = rig.connect("alice", device=b"\x01" * 16)
    second.greet()
    second.prove()  # its list has version 1, as the first one's
    assert code_of(second) is Code.LOGIN


def test_a_result_for_nobody_is_ignored(rig):
    rig.login("alice")
    operation = Register(None, frames.Mailbox(bytes(16)), "x", b"", b"", b"", b"", b"", b"", b"", 1, (), None, False, 0)
    rig.router._result(Result(operation, "taken"))
    assert rig.router.status()["devices"] == 1


def test_a_zero_token_is_refused(rig):
    alice = rig.connect("alice")
    alice.greet()
    alice.feed(b"\x03" + Token(bytes(8)) + alice.login_frame()[9:])
    assert code_of(alice) is Code.LOGIN
