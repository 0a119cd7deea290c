"""Nobody starves the others: what one account, one flood or one slow device can cost (protocol.md §5.3, §15)."""

from __future__ import annotations

import pytest

from sealwire.broker import ephemeral
from sealwire.broker.links import CHATTER_UNITS, MAX_CHATTER
from sealwire.broker.mailbox import LIVE
from sealwire.wire import frames
from sealwire.wire.blobs import BlobDrop, BlobPut, BlobStat, encode_blob_request
from sealwire.wire.frames import Code
from tests.unit.broker.rig import leave, pair

A = b"a" * 64
KIB = 1024


def typing(client, to, count=1):
    client.feed(*(frames.encode_ephemeral(client.token, to, b"typing") for _ in range(count)))


def kinds(client):
    return [words[0] for words in client.seen()]


# --- one account ---------------------------------------------------------------------------------------------


def test_an_account_that_fills_an_absent_mailbox_stops_at_its_share_over_all_its_devices(make_rig):
    rig = make_rig(quota_messages=40)
    first = rig.login("alice")
    carol, bob = rig.login("carol", "mallory"), rig.login("bob", "bob")
    leave(bob)
    first.send(bob.mailbox, *[A] * 30)
    answers = first.seen()
    assert [words[2] for words in answers if words[0] == "reject"] == ["share"] + ["held"] * 19
    leave(first)
    again = rig.login("alice")  # a fresh link session is no fresh share
    again.send(bob.mailbox, A)
    assert again.seen()[0] == ("reject", 1, "share")
    carol.send(bob.mailbox, A)
    assert carol.seen() == [("accepted", 1)]
    assert rig.router.status()["rejected_share"] == 2


def test_a_flood_is_refused_by_rate_and_others_are_not(make_rig):
    rig = make_rig(account_units_per_s=1.0, account_units_burst=5.0)
    alice, bob = pair(rig)
    carol = rig.login("carol", "mallory")
    alice.send(bob.mailbox, *[A] * 20)
    assert [words[0] for words in alice.seen()].count("reject") == 15
    carol.send(bob.mailbox, A)
    assert carol.seen() == [("accepted", 1)]


def test_a_frame_dearer_than_the_burst_passes_when_all_of_it_is_saved_up(make_rig):
    rig = make_rig(account_units_per_s=1.0, account_units_burst=2.0)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, bytes(12 * KIB))
    assert alice.seen() == [("accepted", 1)]
    alice.send(bob.mailbox, bytes(12 * KIB))
    refused, _accepted = alice.frames()
    _seq, code, retry_ms = frames.decode_reject(refused)
    assert (code, 3_900 < retry_ms <= 4_050) == (Code.RATE, True)  # two are owed, two are to be saved up
    rig.advance(retry_ms / 1000)
    alice.release(bob.mailbox)
    alice.send(bob.mailbox, bytes(12 * KIB))
    assert alice.seen() == [("accepted", 3)]
    three = [client.mailbox for client in (alice, bob, rig.login("carol", "mallory"))]
    alice.fanout(three, A)
    assert alice.seen()[0] == ("partial", 4, [(index, "rate") for index in range(3)])
    rig.advance(4)
    for to in three:
        alice.release(to)
    alice.fanout(three, A)
    assert alice.seen()[-1] == ("accepted", 5)


def test_the_smallest_quota_lets_one_message_wait(make_rig):
    rig = make_rig(quota_messages=1, sender_share=0.01)
    alice, bob = pair(rig)
    leave(bob)
    alice.send(bob.mailbox, A, A)
    assert [words[2] for words in alice.seen() if words[0] == "reject"] == ["quota"]
    assert rig.login("bob", "bob").seen() == [("deliver", 1, A)]


@pytest.mark.parametrize(("size", "cost"), [(64, 1), (4 * KIB, 2), (20 * KIB - 1, 5)])
def test_a_message_costs_a_unit_and_one_more_for_each_4_kib(rig, size, cost):
    alice, bob = pair(rig)
    before = alice_units(rig)
    alice.send(bob.mailbox, bytes(size))
    assert rig.router.relay.units == cost
    assert before - alice_units(rig) == cost


def alice_units(rig):
    return rig.router._accounts["alice"].units


# --- frames that move no message -----------------------------------------------------------------------------

CHATTER = {
    "PING": lambda client: frames.encode_ping(client.token, 1),
    "PONG": lambda client: frames.encode_pong(client.token, 1),
    "an old ACK": lambda client: frames.encode_ack(client.token, 0),
    "RELEASE": lambda client: frames.encode_release(client.token, client.mailbox),
}


@pytest.mark.parametrize("word", CHATTER)
def test_a_flood_of_frames_that_move_no_message_ends_the_link_session(rig, word):
    alice, bob = pair(rig)
    one = CHATTER[word](alice)
    alice.feed(*[one] * MAX_CHATTER)
    assert alice.is_open
    alice.feed(one)
    assert alice.seen()[-1] == ("reset", "protocol")
    assert bob.is_open


@pytest.mark.parametrize(("kind", "word"), [*(("main", word) for word in CHATTER), ("bulk", "PING"), ("bulk", "PONG")])
def test_a_turn_has_room_for_few_of_them(rig, kind, word):
    speaker = rig.login("alice")
    if kind == "bulk":
        speaker = rig.login("alice", kind="bulk")
    speaker.feed(CHATTER[word](speaker))
    assert rig.router.relay.units == CHATTER_UNITS
    assert rig.router.settings.turn_units // CHATTER_UNITS <= 128


ABOUT_FILES = {
    "state": lambda: BlobStat(id=1, blob=bytes(16), secret=bytes(32)),
    "a chunk of no file": lambda: BlobPut(id=1, blob=bytes(16), index=0, chunk=bytes(18)),
    "drop": lambda: BlobDrop(id=1, blob=bytes(16)),
}


@pytest.mark.parametrize("word", ["PING", "PONG", *ABOUT_FILES])
def test_it_ends_a_connection_that_moves_files_as_well(rig, word):
    rig.login("alice")
    bulk = rig.login("alice", kind="bulk")
    one = CHATTER[word](bulk) if word in CHATTER else encode_blob_request(bulk.token, ABOUT_FILES[word]())
    bulk.feed(*[one] * MAX_CHATTER)
    assert rig.router.status()["bulk_links"] == 1
    bulk.feed(one)
    assert rig.router.status()["bulk_links"] == 0


@pytest.mark.parametrize("kind", ["main", "bulk"])
def test_such_frames_are_counted_from_one_look_to_the_next(rig, kind):
    alice = rig.login("alice")
    speaker = alice if kind == "main" else rig.login("alice", kind="bulk")
    for _ in range(3):
        speaker.feed(*[CHATTER["PING"](speaker)] * (MAX_CHATTER - 1))
        rig.advance(1.1)
    assert rig.router.status()["ended_protocol"] == 0
    assert rig.router.status()["bulk_links"] == (kind == "bulk")


def test_messages_and_their_acknowledgements_are_no_chatter(make_rig):
    rig = make_rig(account_units_burst=1e6)
    alice, bob = pair(rig)
    for number in range(1, MAX_CHATTER + 10):
        alice.send(bob.mailbox, A)
        bob.ack(number)
    assert alice.is_open
    assert bob.is_open


# --- EPHEMERAL -----------------------------------------------------------------------------------------------


def test_a_flood_of_ephemerals_is_dropped_and_ends_nothing(make_rig):
    rig = make_rig(account_units_per_s=1.0, account_units_burst=40.0)
    alice, bob = pair(rig)
    typing(alice, bob.mailbox, 500)
    assert kinds(bob) == ["ephemeral"] * 10
    assert alice.is_open
    assert alice.seen() == []
    assert rig.router.status()["ephemerals_dropped"] == 490


def test_a_stopped_device_gets_no_more_ephemerals_than_its_socket_holds_beside_messages(rig, monkeypatch):
    monkeypatch.setattr(ephemeral, "UNHEARD_EPHEMERALS", 1_024)
    alice, bob = pair(rig)
    typing(alice, bob.mailbox, 2_000)
    assert kinds(bob) == ["ephemeral"] * 1_024
    alice.send(bob.mailbox, A)
    assert kinds(bob) == ["deliver"]
    bob.ack(1)
    rig.advance(0.1)
    typing(alice, bob.mailbox, 3)
    assert kinds(bob) == ["ephemeral"] * 3


def test_a_window_as_large_as_the_socket_leaves_ephemerals_nothing(make_rig):
    rig = make_rig(deliver_window_messages=4_000)
    alice, bob = pair(rig)
    typing(alice, bob.mailbox)
    assert bob.seen() == []


def test_an_ephemeral_to_somebody_who_is_away_goes_nowhere(rig):
    alice, bob = pair(rig)
    leave(bob)
    typing(alice, bob.mailbox)
    assert rig.router.mailboxes[bob.mailbox].messages == 0


# --- slow devices --------------------------------------------------------------------------------------------


def test_a_device_that_acknowledges_nothing_holds_no_more_than_its_window_in_memory(make_rig):
    rig = make_rig(deliver_window_messages=8)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, *[bytes(KIB)] * 100)
    link = rig.router.links[bob.rid]
    assert len(link.inflight) == 8
    assert kinds(bob) == ["deliver"] * 8
    box = rig.router.mailboxes[bob.mailbox]
    assert (box.messages, len(box.rows), len(box.tail)) == (100, 100, 0)
    assert rig.router.status()["unstored_bytes"] == 0
    assert all(entry.envelope is None for entry in link.inflight)


def test_a_device_that_acknowledges_nothing_is_let_go_and_loses_nothing(make_rig):
    rig = make_rig(deliver_window_messages=8)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, *[A] * 20)
    rig.advance(10)
    assert bob.seen()[-1] == ("reset", "stalled")
    bob = rig.login("bob", "bob")
    got = 0
    while got < 20:
        got += kinds(bob).count("deliver")
        bob.ack(got)
    rig.advance(1)
    assert rig.router.mailboxes[bob.mailbox].mode == LIVE
    assert list(rig.store.snapshot().mail) == []


def test_a_slow_device_slows_nobody_else(make_rig):
    rig = make_rig(deliver_window_messages=2)
    alice, bob = pair(rig)
    carol = rig.login("carol", "mallory")
    alice.send(bob.mailbox, *[A] * 10)
    alice.send(carol.mailbox, A)
    assert kinds(carol) == ["deliver"]


# --- counted -------------------------------------------------------------------------------------------------


def test_every_refusal_has_a_counter(make_rig):
    rig = make_rig(envelope_bytes=63)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A, A)
    alice.send(frames.Mailbox(bytes(16)), b"x")
    status = rig.router.status()
    counted = {key.removeprefix("rejected_"): value for key, value in status.items() if key.startswith("rejected_")}
    assert set(counted) == {code.name.lower() for code in Code if Code.STORAGE <= code <= Code.SHARE}
    assert (counted["size"], counted["held"], counted["unknown"]) == (1, 1, 1)
    assert status["rejected"] == sum(counted.values()) == 3
