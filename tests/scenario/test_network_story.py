"""Stories of peers and a broker, without sockets: the same router, store and engines that run behind them."""

from __future__ import annotations

import dataclasses
import shutil

import pytest
from msgspec.structs import replace

from sealwire.broker.port import BrokerSettings
from sealwire.testing import Network
from tests.conftest import PEOPLE


def test_two_strangers_talk_and_see_each_state(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    first = alice.send("bob", "hello bob")
    net.run()
    assert bob.texts() == ["hello bob"]
    assert alice.states(first) == ["sent", "delivered"]
    answer = bob.send("alice", "hello alice")
    net.run()
    assert alice.texts() == ["hello alice"]
    assert bob.states(answer) == ["sent", "delivered"]


def test_what_happens_in_one_turn_is_told_in_its_order(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.hostile = lambda _peer, frame: held.append(frame) or []
    held: list[bytes] = []
    message = alice.send("bob", "hello")
    for _ in range(40):
        net._pass(0.01)
        net._turn()
        lookups = [f for f in held if f[0] == 0x21]
        for frame in lookups:
            held.remove(frame)
        if lookups:
            alice.turn(lookups)
    alice.turn(sorted(held, key=lambda frame: frame[0]))  # ACCEPTED (0x14) and the receipt (0x17) in one turn
    assert alice.states(message) == ["sent", "delivered"]
    kinds = [e.type for e in bob.events if e.type in ("contact", "message")]
    assert kinds == ["contact", "message"], "who it is comes before what they say"


def test_reading_tells_the_sender_unless_that_is_switched_off(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    told, untold = alice.send("bob", "one"), alice.send("bob", "two")
    net.run()
    rows = [event.row for event in bob.events if event.type == "message"]
    bob.turn([], lambda engine, now: engine.mail.mark_read(rows[0], now))
    bob.crash()
    net.prefs = replace(net.prefs, read_receipts=False)
    bob.start()
    bob.turn([], lambda engine, now: engine.mail.mark_read(rows[1], now))
    net.run()
    assert alice.states(told) == ["sent", "delivered", "read"]
    assert alice.states(untold) == ["sent", "delivered"]
    assert bob.store.read_up_to() == rows[1]


def test_what_is_written_before_the_other_registers_is_failed_in_words(net):
    alice = net.peer("alice")
    message = alice.send("bob", "are you there?")
    net.run()
    assert alice.states(message) == ["failed"]


def test_mail_for_someone_away_waits_and_arrives_in_order(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    bob.crash()
    ids = [alice.send("bob", f"m{n}") for n in range(100)]
    net.run()
    assert all(alice.states(i) == ["sent"] for i in ids)
    bob.start()
    net.run()
    assert bob.texts() == [f"m{n}" for n in range(100)]
    assert all(alice.states(i) == ["sent", "delivered"] for i in ids)


def test_a_broker_that_dies_again_and_again_loses_nothing_and_repeats_nothing(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    for n in range(60):
        alice.send("bob", f"a{n}")
        bob.send("alice", f"b{n}")
        for _ in range(n % 5):
            net._pass(0.001)
            net._turn()
        if n % 7 == 0:
            net.restart_broker()
    net.advance(3)
    assert bob.texts() == [f"a{n}" for n in range(60)]
    assert alice.texts() == [f"b{n}" for n in range(60)]
    assert not alice.warnings("gap")
    assert not bob.warnings("gap")


def test_a_peer_that_dies_before_its_commit_shows_everything_once(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    for n in range(40):
        alice.send("bob", f"m{n}")
        for _ in range(3):
            net._pass(0.001)
            net._turn()
        if n % 6 == 0 and bob.inbound:
            bob.abort_turn(list(bob.inbound))
    net.advance(3)
    assert bob.texts() == [f"m{n}" for n in range(40)]
    assert not bob.warnings("gap")
    assert not bob.warnings("clone")


def test_a_full_disk_refuses_in_order_and_goes_on_when_there_is_room(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "before")
    net.run()
    bob.crash()
    net.disk_full = True
    ids = [alice.send("bob", f"m{n}") for n in range(20)]
    net.advance(5)
    assert all(alice.states(i) == [] for i in ids)
    assert len(alice.warnings("refused")) == 1, "one sentence, however many messages wait and are tried again"
    net.disk_full = False
    net.advance(70)
    bob.start()
    net.run()
    assert bob.texts() == ["before", *(f"m{n}" for n in range(20))]
    assert not bob.warnings("gap")


@pytest.fixture
def narrow(tmp_path):
    with Network(tmp_path, PEOPLE, dataclasses.replace(BrokerSettings(), quota_messages=8, sender_share=1.0)) as net:
        yield net


def test_a_full_mailbox_keeps_the_order(narrow):
    net = narrow
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "hello")
    net.run()
    bob.crash()
    net.run()
    for n in range(30):
        alice.send("bob", f"m{n}")
    net.advance(5)
    assert alice.warnings("refused")
    bob.start()
    net.advance(200)
    assert bob.texts() == ["hello", *(f"m{n}" for n in range(30))]
    assert not bob.warnings("gap")


def test_crossing_first_messages_settle_on_one_session(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.online = bob.online = False
    net.cut(alice)
    net.cut(bob)
    alice.send("bob", "from alice")
    bob.send("alice", "from bob")
    alice.online = bob.online = True
    net.run()
    for n in range(3):
        alice.send("bob", f"a{n}")
        bob.send("alice", f"b{n}")
        net.run()
    assert bob.texts() == ["from alice", "a0", "a1", "a2"]
    assert alice.texts() == ["from bob", "b0", "b1", "b2"]
    active = [peer.engine._pairs.of(other.mailbox()).active().T for peer, other in ((alice, bob), (bob, alice))]
    assert active[0] == active[1]


def test_a_conversation_renews_its_rsa_secret_after_a_thousand_messages(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    for n in range(1_030):
        alice.send("bob", f"m{n}")
        if n % 100 == 0:
            net.run()
    net.run()
    alice.send("bob", "last")
    net.run()
    assert bob.texts()[-1] == "last"
    assert len(bob.texts()) == 1_031
    assert len(alice.engine._pairs.of(bob.mailbox()).sessions) == 2


def test_a_second_login_of_the_same_device_ends_the_first_without_a_fight(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    twin = net.peer("alice")
    twin.identity, twin.vault = alice.identity, alice.vault
    twin._make_engine()
    net.run()
    net.advance(30)
    assert [type(e).__name__ for e in alice.errors] == ["SupersededError"]
    assert not alice.online
    assert twin.online
    assert twin.rid is not None
    bob.send("alice", "who is there?")
    net.run()


def test_a_cloned_profile_is_noticed(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "one")
    net.run()
    alice.crash()
    clone = net.peer("alice")
    clone.crash()
    (clone.folder / "peer.db").write_bytes((alice.folder / "peer.db").read_bytes())
    wal = alice.folder / "peer.db-wal"
    if wal.exists():
        (clone.folder / "peer.db-wal").write_bytes(wal.read_bytes())
    clone.identity, clone.vault, clone.curve = alice.identity, alice.vault, alice.curve
    alice.start()
    alice.send("bob", "from the original")
    net.run()
    alice.crash()
    clone.start()
    clone.send("bob", "from the clone")
    net.run()
    assert bob.warnings("clone") or bob.warnings("unreadable")


def test_a_changed_key_stops_sending_until_a_person_decides(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "hello")
    net.run()
    bob.crash()
    net.router._accounts.clear()
    # The broker now serves mallory's key under bob's name.
    impostor = _swap(net, "bob", "mallory")
    net.advance(25 * 3600, step_s=20)
    waiting = alice.send("bob", "secret")
    net.run()
    assert alice.warnings("key-changed")
    assert alice.states(waiting) == []
    assert impostor.texts() == []
    alice.turn([], lambda engine, now: engine.trust.approve("bob", now))
    net.run()
    assert impostor.texts() == ["secret"]


def _swap(net, name, keys):
    """A hostile broker: forgets an account and registers another key under its name."""
    net.kill_broker()
    shutil.rmtree(net.folder / "broker")
    net.start_broker()
    impostor = net.peer(name, keys=keys)
    net.run()
    return impostor


def test_a_message_keeps_the_time_it_was_written_however_late_it_leaves(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "hello")
    net.run()
    net.kill_broker()
    alice.send("bob", "written early")
    written_ms = net.now.ms
    net.advance(3600, step_s=20)
    net.start_broker()
    net.run()
    (message,) = [e for e in bob.events if e.type == "message" and e.text == "written early"]
    assert message.sent_at_ms == written_ms


def test_mail_for_an_account_that_is_gone_fails_in_words(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "hello")
    net.run()
    bob.crash()
    net.kill_broker()
    shutil.rmtree(net.folder / "broker")
    net.start_broker()
    net.run()
    late = alice.send("bob", "are you still there?")
    net.advance(120)
    assert alice.states(late) == ["failed"]
