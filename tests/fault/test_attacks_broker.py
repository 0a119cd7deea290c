"""Attacks that broke others, tried on the broker. Each fails when its defence is taken out."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import pickle
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import zmq

import sealwire
from sealwire.broker.fetches import MAX_FETCH_BUCKETS
from sealwire.broker.port import BrokerSettings
from sealwire.errors import RemoteProtocolError
from sealwire.wire import control, frames
from sealwire.wire.frames import Code, Verb
from sealwire.wire.many import MAX_MANY, decode_deliver_many, encode_deliver_many, encode_send_many
from tests.unit.broker.raw_peer import login_of
from tests.unit.broker.rig import BROKER_CURVE, Rig
from tests.unit.broker.running import Broker
from tests.unit.broker.test_directory import opk, publish

SOURCE = Path(sealwire.__file__).parent


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path, BrokerSettings(grace_ms=0.0))
    yield rig
    rig.store.close()


@pytest.fixture
def broker(tmp_path):
    with Broker(tmp_path, hello_timeout_s=1.0) as running:
        yield running


def refused(client) -> bool:
    return [words[:1] + words[2:] for words in client.seen()] == [("reject", "login")]


def test_attack_06_prekeys_with_any_bit_flipped_are_not_taken(rig):
    bob = rig.login("bob", "bob")
    good = publish(bob)
    for field in ("prekeys", "signature"):
        content = getattr(good, field)
        for at in range(0, len(content), max(1, len(content) // 24)):
            flipped = content[:at] + bytes((content[at] ^ 1 << at % 8,)) + content[at + 1 :]
            rig.router._accounts["bob"].requests.tokens = 100.0
            changed = {"prekeys": good.prekeys, "signature": good.signature, field: flipped}
            upload = control.Publish(id=1, one_time=[], **changed)
            assert bob.ask(upload).code == Code.INVALID, (field, at)
    assert rig.router.mailboxes[bob.mailbox].prekeys_id == 0


def test_attack_08_a_replayed_login_or_frame_changes_nothing(rig):
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    recorded = alice.send_frame(bob.mailbox, b"once")
    alice.feed(recorded)
    alice.feed(recorded)  # on its own connection: the number is used up
    assert not alice.is_open
    again = rig.login("alice")
    again.feed(recorded)  # on a later one: the token is dead
    assert [words[0] for words in bob.seen()] == ["deliver"]
    assert again.is_open


def test_attack_08_a_replayed_frame_of_many_takes_nothing_that_follows_it_along(rig):
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    sends = [alice.send_frame(bob.mailbox, envelope) for envelope in (b"one", b"two", b"three")]
    alice.feed(encode_send_many(sends[:2]))
    alice.feed(encode_send_many([sends[0], sends[2]]))  # the first number is used up: what follows is not looked at
    assert not alice.is_open
    assert [envelope for _, _, envelope in bob.seen()] == [b"one", b"two"]


def test_attack_09_bundles_of_one_device_cannot_be_drained(rig):
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    bob.ask(publish(bob, ids=range(1, 101)))
    for n in range(30):
        alice.ask(control.Fetch(id=n, mailbox=bob.mailbox))
    assert rig.router.mailboxes[bob.mailbox].one_time_left == 100 - 6
    carol = rig.login("carol", "mallory")
    assert opk(carol.ask(control.Fetch(id=1, mailbox=bob.mailbox))) == 7


def test_attack_09_asking_for_many_others_does_not_begin_the_count_anew(rig):
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    bob.ask(publish(bob, ids=range(1, 101)))
    requests = rig.router._accounts["alice"].requests
    for n in range(6 + MAX_FETCH_BUCKETS + 6):
        requests.tokens = 100.0  # what these cost is another limit's
        others = n.to_bytes(16, "big")
        alice.ask(control.Fetch(id=n, mailbox=others if 6 <= n < 6 + MAX_FETCH_BUCKETS else bob.mailbox))
    assert rig.router.mailboxes[bob.mailbox].one_time_left == 100 - 6


def test_attack_17_nothing_changes_before_the_login_convinces(rig):
    for n in range(150):
        alice = rig.connect("alice")
        alice.greet()
        frame = bytearray(alice.login_frame())
        _, login = control.decode_login(bytes(frame))
        field = (login.signature, login.devices, login.devices_signature)[n % 3]
        at = frame.index(field) + n * 7 % len(field)
        frame[at] ^= 1 << n % 8
        alice.feed(bytes(frame))
        assert refused(alice), at
    assert rig.router.status()["devices"] == 0
    assert rig.store._db.execute("SELECT count(*) FROM device").fetchall() == [(0,)]


def test_attack_45_a_login_is_worth_nothing_on_another_connection_or_broker(rig):
    first = rig.connect("alice")
    first.greet()
    recorded = first.login_frame()
    other = rig.connect("alice")
    other.hello = first.hello
    other.feed(first.hello)
    other.challenge = other.take(Verb.CHALLENGE)
    other.feed(recorded)
    assert refused(other)

    relayed = rig.connect("alice")  # a hostile broker passes our challenge on: its CURVE key is in the signature
    relayed.greet()
    hostile = bytes(32)
    relayed.feed(
        login_of(relayed.identity, hostile, relayed.connection.curve, relayed.hello, relayed.challenge, relayed.token)
    )
    assert refused(relayed)

    stolen = rig.connect("alice")  # the same login on a connection with another CURVE key
    stolen.greet()
    stolen.feed(login_of(stolen.identity, BROKER_CURVE, os.urandom(32), stolen.hello, stolen.challenge, stolen.token))
    assert refused(stolen)
    assert rig.router.status()["logins"] == 0


def test_attack_31_one_frame_unfolds_into_a_bounded_number_of_messages(rig):
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    alice.feed(encode_send_many([alice.send_frame(bob.mailbox, b"x") for _ in range(MAX_MANY + 1)]))
    assert not alice.is_open
    assert len(bob.seen()) == MAX_MANY
    delivers = [frames.encode_deliver(n, frames.Mid(bytes(16)), b"x") for n in range(1, MAX_MANY + 2)]
    assert len(decode_deliver_many(encode_deliver_many(delivers[:-1]))) == MAX_MANY
    with pytest.raises(RemoteProtocolError):
        decode_deliver_many(encode_deliver_many(delivers))


@pytest.mark.parametrize("length", [0, 40, 44, 60_000], ids=["none", "no envelope", "past the end", "far past the end"])
def test_attack_31_a_length_that_lies_unfolds_into_nothing(rig, length):
    """The last message says that it is longer or shorter than what is there of it (43 bytes)."""
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    good = encode_send_many([alice.send_frame(bob.mailbox, envelope) for envelope in (b"one", b"two")])
    at = len(good) - 45
    alice.feed(good[:at] + length.to_bytes(2, "big") + good[at + 2 :])
    assert not alice.is_open
    assert [envelope for _, _, envelope in bob.seen()] == [b"one"]
    told = encode_deliver_many([frames.encode_deliver(n, frames.Mid(bytes(16)), b"x" * 19) for n in (1, 2)])
    with pytest.raises(RemoteProtocolError):
        decode_deliver_many(told[:-45] + (length if length != 40 else 24).to_bytes(2, "big") + told[-43:])


@pytest.mark.parametrize("left", range(1, 45), ids=str)
def test_attack_31_a_frame_cut_short_unfolds_into_what_is_whole(rig, left):
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    good = encode_send_many([alice.send_frame(bob.mailbox, envelope) for envelope in (b"one", b"two")])
    alice.feed(good[: len(good) - 45 + left])
    assert not alice.is_open
    assert [envelope for _, _, envelope in bob.seen()] == [b"one"]


@pytest.mark.parametrize("size", [0, frames.MAX_ENVELOPE_BYTES + 1])
def test_attack_31_no_message_is_smaller_or_larger_for_having_come_with_others(size):
    odd = frames.encode_deliver(1, frames.Mid(bytes(16)), bytes(size))
    with pytest.raises(RemoteProtocolError):
        decode_deliver_many(encode_deliver_many([odd]))


def test_attack_46_a_peer_that_takes_anothers_routing_id_gets_nothing(broker):
    bob = broker.login("bob", "bob")
    (rid,) = broker.server._router.links
    thief = broker.peer("carol", "mallory", routing_id=b"\x01" + rid[1:]).connect()
    thief.socket.send(frames.encode_ack(bob.token, 0))
    assert thief.is_closed()
    alice = broker.login("alice")
    alice.send(bob.mailbox, b"for bob")
    assert frames.decode_deliver(bob.recv(Verb.DELIVER))[2] == b"for bob"


def test_attack_46_many_messages_under_the_token_of_another_connection_are_nobodys(rig):
    alice, bob, mallory = rig.login("alice"), rig.login("bob", "bob"), rig.login("mallory", "mallory")
    alice.feed(encode_send_many([mallory.send_frame(bob.mailbox, b"posed") for _ in range(2)]))
    assert (alice.seen(), bob.seen(), mallory.seen()) == ([], [], [])
    assert rig.router.status()["wrong_tokens"] == 1


@pytest.mark.parametrize("strays", [0, 1, 2, 3])
def test_attack_46_stray_frames_reach_nobody(broker, strays):
    bob, carol = broker.login("bob", "bob"), broker.login("carol", "mallory")
    forged = frames.encode_bye(frames.Token(bytes(8)))
    carol.socket.send_multipart([frames.encode_ping(carol.token, 1), b"\0guess"[:5], *[forged] * strays])
    assert carol.is_closed()
    bob.socket.send(frames.encode_ping(bob.token, 2))
    assert frames.decode_u64(bob.recv(Verb.PONG)) == 2


def test_attack_47_libzmq_has_the_fixes():
    assert zmq.zmq_version_info() >= (4, 3, 5)
    assert zmq.has("curve")


def test_attack_47_half_open_connections_block_nobody(broker):
    host, port = broker.endpoint.removeprefix("tcp://").split(":")
    raws = [socket.create_connection((host, int(port))) for _ in range(50)]
    try:
        for n, raw in enumerate(raws):
            raw.send((b"\xff" + bytes(8) + b"\x7f\x03")[: n % 12])
        alice = broker.login("alice")
        alice.socket.send(frames.encode_ping(alice.token, 1))
        assert alice.recv(Verb.PONG)
    finally:
        for raw in raws:
            raw.close()


class Bomb:
    def __reduce__(self):
        return os._exit, (1,)


def test_attack_48_pickles_in_every_frame_are_no_frames(rig):
    bomb = pickle.dumps(Bomb())
    assert rig.connect("alice").feed(bomb) is None
    for verb in range(256):
        alice = rig.login("alice")
        alice.feed(bytes((verb,)) + alice.token + bomb)
        assert all(words[0] in {"reset", "reject"} for words in alice.seen()), verb


def test_attack_48_nothing_that_reads_bytes_can_run_code():
    forbidden = {"pickle", "marshal", "shelve", "dill"}
    for path in [*SOURCE.glob("broker/*.py"), *SOURCE.glob("wire/*.py"), *SOURCE.glob("crypto/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            if isinstance(node, ast.ImportFrom):
                names = {node.module or ""}
            assert not names & forbidden, path
            assert getattr(node, "attr", "") not in {"recv_pyobj", "send_pyobj"}, path
    assert importlib.metadata.version("msgspec")


def test_attack_49_names_cannot_be_told_apart_or_tried_at_line_speed(rig):
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    bob.ask(publish(bob))

    def size(request):
        alice.feed(control.encode_request(alice.token, request))
        return len(alice.frames()[-1])

    known, unknown = control.Lookup(id=1, name="bob"), control.Lookup(id=1, name="nobody")
    assert size(known) == size(unknown)
    assert size(control.Fetch(id=1, mailbox=bob.mailbox)) == size(control.Fetch(id=1, mailbox=bytes(16)))
    for n in range(400):
        response = alice.ask(control.Lookup(id=n, name=f"guess{n}"))
    assert response.code == Code.RATE
    assert size(known) == size(unknown), "nor by how a refusal looks"


def test_attack_49_whoever_has_no_invite_is_not_told_which_names_exist(rig):
    rig.login("alice")
    rig.settings = replace(rig.settings, registration="invite")
    rig.crash()
    for name in ("alice", "nobody"):
        for invite in (None, b"guessed-at-random"[:16]):
            stranger = rig.connect(name, "bob")
            stranger.greet()
            stranger.prove(invite)
            assert refused(stranger), name
