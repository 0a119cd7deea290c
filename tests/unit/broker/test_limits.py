"""Limits that change while the broker runs, for everybody and for one account (protocol.md §5.8)."""

from __future__ import annotations

import dataclasses

import pytest

from sealwire.broker.limits import AT_START, NOT_LIMITS, OWN
from sealwire.broker.mailbox import LIVE
from sealwire.broker.orders import DropAccount, ListLimits, ListOwnLimits, ResetLimits, SetLimits, SetOwnLimits
from sealwire.broker.port import BrokerSettings
from sealwire.config.settings import KEYS
from sealwire.wire import control, frames
from sealwire.wire.frames import Code
from tests.unit.broker.rig import leave, pair
from tests.unit.broker.test_bans import order
from tests.unit.broker.test_expiry import DAY_S, rest

A = b"a" * 64


def set_limits(rig, **values):
    return order(rig, SetLimits(tuple(values.items())))


def set_own(rig, name, **values):
    return order(rig, SetOwnLimits(None, name, tuple(values.items()))).outcome


def refused(client):
    return [words[2] for words in client.seen() if words[0] == "reject"]


# --- for everybody -------------------------------------------------------------------------------------------


def test_a_smaller_quota_holds_at_once_and_keeps_what_is_there(rig):
    alice, bob = pair(rig)
    leave(bob)
    alice.send(bob.mailbox, *[A] * 5)
    assert set_limits(rig, quota_messages=5, sender_share=1.0) == {"quota_messages": 20_000, "sender_share": 0.25}
    alice.send(bob.mailbox, A)
    assert refused(alice) == ["quota"]
    assert len(rig.router.mailboxes[bob.mailbox].rows) == 5
    order(rig, ResetLimits(("quota_messages", "sender_share")))
    alice.release(bob.mailbox)
    alice.send(bob.mailbox, A)
    assert refused(alice) == []


def test_a_restart_goes_back_to_the_settings(rig):
    set_limits(rig, quota_messages=5)
    assert rig.router.status()["limits_changed"] == 1
    rig.crash()
    assert rig.router.status()["limits_changed"] == 0
    assert order(rig, ListLimits())["quota_messages"] == (20_000, 20_000)
    assert rig.settings.quota_messages == 20_000


def test_the_senders_window_stays_what_welcome_said_until_the_next_login(slow):
    alice, bob = pair(slow)
    set_limits(slow, send_window_messages=2)
    alice.send(bob.mailbox, *[A] * 3)
    assert alice.is_open
    again = slow.connect("alice")
    slow.auto = True
    again.greet()
    again.prove()
    welcome = control.decode_welcome(slow.inbox.pop(again.rid)[0])
    assert welcome.limits.send_window_messages == 2
    slow.auto = False
    again.send(bob.mailbox, *[A] * 3)
    assert not again.is_open


def test_the_recipients_window_holds_at_once(rig):
    alice, bob = pair(rig)
    set_limits(rig, deliver_window_messages=2)
    alice.send(bob.mailbox, *[A] * 5)
    assert [words[0] for words in bob.seen()] == ["deliver"] * 2
    assert rig.router.mailboxes[bob.mailbox].mode != LIVE
    bob.ack(2)
    bob.ack(4)
    bob.ack(5)
    assert rig.router.mailboxes[bob.mailbox].mode == LIVE


def test_the_rate_holds_at_once_whatever_was_saved_up_before(rig):
    alice, bob = pair(rig)
    set_limits(rig, account_units_per_s=1.0, account_units_burst=5.0)
    alice.send(bob.mailbox, *[A] * 20)
    assert len([words for words in alice.seen() if words[0] == "reject"]) == 15


def test_the_grace_holds_at_once(make_rig):
    rig = make_rig(grace_ms=1_000.0)
    rig.auto = False
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A)
    assert rig.job is None
    set_limits(rig, grace_ms=0.0)
    rig.begin()
    rig.turn()
    assert rig.job is not None


@pytest.mark.parametrize("taken_back", [False, True])
def test_mail_expires_by_the_days_in_force_and_a_mistake_can_be_taken_back(make_rig, taken_back):
    rig = make_rig(ack_timeout_s=3600.0)  # bob is here all the while and acknowledges nothing
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A)
    rest(rig, 2 * DAY_S)
    set_limits(rig, quota_days=1)
    rig.advance(3)  # only mail of somebody who is away expires, and bob is here
    if taken_back:
        order(rig, ResetLimits(("quota_days",)))
        rig.advance(1)
    leave(bob)
    rig.advance(3)
    assert rig.router.mailboxes[bob.mailbox].messages == (1 if taken_back else 0)


def test_admission_follows(rig):
    set_limits(rig, trusted_networks=(), unknown_handshakes_burst=1.0, unknown_handshakes_per_min=0.1)
    now = rig.now
    assert [rig.admission.admit(bytes([n]) * 32, "127.0.0.1", now).name for n in range(2)] == ["ADMIT", "LATER"]
    order(rig, ResetLimits(("trusted_networks",)))
    assert rig.admission.admit(b"z" * 32, "127.0.0.1", now).name == "ADMIT"


def test_every_limit_of_the_settings_can_be_changed_or_says_that_it_is_for_the_start(rig):
    shown = order(rig, ListLimits())
    assert {name for name in KEYS if name.startswith("limits.")} <= {f"limits.{name}" for name in shown}
    assert set(AT_START) < set(shown)
    assert not set(NOT_LIMITS) & set(shown)
    for name, (now, _configured) in shown.items():
        other = ("192.0.2.0/24",) if isinstance(now, tuple) else now + 1
        set_limits(rig, **{name: other})
        assert getattr(rig.router.settings, name) == other
    assert rig.router.status()["limits_changed"] == len(shown)
    order(rig, ResetLimits(tuple(shown)))
    assert rig.router.status()["limits_changed"] == 0


def test_the_settings_of_the_caller_are_left_alone(make_rig):
    settings = BrokerSettings()
    rig = make_rig()
    rig.settings = settings
    rig.crash()
    set_limits(rig, quota_messages=1)
    assert settings == BrokerSettings()


# --- for one account -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("own_first", [True, False])
def test_an_account_has_a_quota_of_its_own_whatever_everybody_has(rig, own_first):
    alice, bob = pair(rig)
    carol = rig.login("carol", "mallory")
    steps = [lambda: set_own(rig, "bob", quota_messages=2), lambda: set_limits(rig, sender_share=1.0, quota_messages=4)]
    for step in steps if own_first else steps[::-1]:
        step()
    for client in (bob, carol):
        leave(client)
    alice.send(bob.mailbox, *[A] * 3)
    assert refused(alice) == ["quota"]
    alice.send(carol.mailbox, *[A] * 4)
    assert refused(alice) == []
    assert order(rig, ListOwnLimits("bob")) == {"quota_messages": 2}


def test_its_share_follows_its_quota(rig):
    alice, bob = pair(rig)
    set_own(rig, "bob", quota_messages=8)
    leave(bob)
    alice.send(bob.mailbox, *[A] * 3)
    assert refused(alice) == ["share"]


def test_an_account_has_a_rate_of_its_own(rig):
    alice, bob = pair(rig)
    carol = rig.login("carol", "mallory")
    set_own(rig, "alice", account_units_per_s=1.0, account_units_burst=2.0)
    alice.send(bob.mailbox, *[A] * 10)
    rejected = [frames.decode_reject(frame) for frame in alice.frames() if frame[0] == frames.Verb.REJECT]
    assert [(seq, Code(code)) for seq, code, _ in rejected[:2]] == [(3, Code.RATE), (4, Code.RATE)]
    assert 0 < rejected[0][2] <= 2_000
    carol.send(bob.mailbox, A)
    assert refused(carol) == []


def test_what_an_account_has_of_its_own_is_told_at_its_login_and_lasts_over_a_restart(rig):
    rig.login("bob", "bob")
    assert set_own(rig, "bob", quota_messages=7, quota_bytes=2 << 20, account_units_per_s=1.5) == "done"
    rig.crash()
    assert order(rig, ListOwnLimits("bob")) == {
        "quota_messages": 7,
        "quota_bytes": 2 << 20,
        "account_units_per_s": 1.5,
    }
    bob = rig.connect("bob", "bob")
    bob.greet()
    bob.prove()
    welcome = control.decode_welcome(bob.frames()[0])
    assert (welcome.limits.quota_messages, welcome.limits.quota_bytes) == (7, 2 << 20)
    assert rig.router._accounts["bob"].own.account_units_burst == 20_000.0


def test_it_can_be_taken_back(rig):
    rig.login("bob", "bob")
    set_own(rig, "bob", quota_messages=7)
    set_own(rig, "bob")
    assert order(rig, ListOwnLimits("bob")) == {}
    assert rig.router._accounts["bob"].own is None
    rig.crash()
    assert order(rig, ListOwnLimits("bob")) == {}


def test_the_next_to_have_a_deleted_name_has_nothing_of_it(rig):
    rig.login("bob", "bob")
    set_own(rig, "bob", quota_messages=7)
    order(rig, DropAccount(None, "bob", True))
    rig.login("bob", "mallory")
    assert order(rig, ListOwnLimits("bob")) == {}
    rig.crash()
    assert order(rig, ListOwnLimits("bob")) == {}


def test_nobody_has_limits_who_is_not_registered(rig):
    assert set_own(rig, "nobody", quota_messages=7) == "unknown"
    assert order(rig, ListOwnLimits("nobody")) == "unknown"


def test_what_one_account_may_have_are_settings():
    names = {field.name for field in dataclasses.fields(BrokerSettings)}
    assert set(OWN) <= names
