"""The broker over real sockets: what only sockets can show."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from threading import Event

import pytest
import zmq
from zmq.utils import z85

from sealwire.broker import server as server_module
from sealwire.broker.keyfiles import read_public
from sealwire.broker.port import AddInvite, ListInvites
from sealwire.broker.zap import ZapThread
from sealwire.crypto.primitives import H
from sealwire.errors import ZapFailedError
from sealwire.wire import frames
from sealwire.wire.frames import Code, Reset, Verb
from tests.unit.broker.raw_peer import RawPeer, member
from tests.unit.broker.running import Broker

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[3]
SHORT_MS = 400


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    with ExitStack() as running:
        folders = map(str, count())
        yield lambda **settings: running.enter_context(Broker(tmp_path / next(folders), **settings))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for every test that leaves it as it was."""
    with Broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


def test_two_peers_talk(broker):
    alice, bob = broker.login("alice"), broker.login("bob", "bob")
    alice.send(bob.mailbox, b"envelope")
    assert frames.decode_deliver(bob.recv(Verb.DELIVER))[0::2] == (1, b"envelope")
    bob.ack(1)
    assert frames.decode_u64(alice.recv(Verb.ACCEPTED)) == 1


def test_parts_that_were_under_way_when_their_connection_was_ended_are_nobodys(serve, monkeypatch):
    """Its descriptor may stand for a newcomer by then, which must not be ended in its place."""
    asked, real = [], server_module.connection_of
    monkeypatch.setattr(server_module, "connection_of", lambda rid, frame: asked.append(rid) or real(rid, frame))
    broker = serve(kick_delay_s=30.0)
    alice = broker.login("alice")
    asked.clear()
    gone = broker.server._router.links[next(iter(broker.server._router.links))]
    broker.server._router._lobby.leave(gone.connection, time.monotonic())
    broker.server._router.links.clear()  # ended, and not hung up yet: what a busy machine shows for a moment
    alice.socket.send_multipart([b"a", b"late", b"message", b"of parts"])
    bob = broker.login("bob", "bob")
    bob.send(bob.mailbox, b"envelope")
    assert frames.decode_deliver(bob.recv(Verb.DELIVER))[2] == b"envelope"
    assert gone.rid not in asked
    assert broker.status()["kicked"] == 0


def test_the_ready_address_is_plain(broker):
    assert broker.endpoint.startswith("tcp://127.0.0.1:")


@pytest.mark.parametrize("mechanism", ["NULL", "PLAIN"])
def test_connections_without_curve_are_refused(broker, mechanism):
    with zmq.Context.instance().socket(zmq.DEALER) as sock:
        sock.linger, sock.immediate, sock.sndtimeo = 0, 1, SHORT_MS
        if mechanism == "PLAIN":
            sock.plain_username, sock.plain_password = b"alice", b"secret"
        sock.connect(broker.endpoint)
        with pytest.raises(zmq.Again):
            sock.send(b"\x01")


def test_a_wrong_broker_key_gets_nobody_in(broker):
    peer = broker.peer("alice")
    peer.broker_curve = z85.decode(zmq.curve_keypair()[0])
    peer.connect().socket.sndtimeo = SHORT_MS
    with pytest.raises(zmq.Again):
        peer.socket.send(b"\x01")


def test_more_than_one_frame_is_kicked_before_the_login(broker):
    peer = broker.peer("alice").connect()
    peer.socket.send_multipart([b"\x01", b"more", b"and more"])
    assert peer.is_closed()


def test_more_than_one_frame_is_kicked_after_the_login_and_others_go_on(serve):
    broker = serve()
    alice, bob = broker.login("alice"), broker.login("bob", "bob")
    alice.socket.send_multipart([frames.encode_ping(alice.token, 1), b"stray"])
    assert alice.is_closed()
    bob.socket.send(frames.encode_ping(bob.token, 3))
    assert frames.decode_u64(bob.recv(Verb.PONG)) == 3


@pytest.mark.parametrize(
    "frame", [b"", b"\x01", b"\x03" + bytes(8), b"\x10" + bytes(100), b"\x01" + bytes(8) + b"\xc1"]
)
def test_a_first_frame_that_is_no_hello_is_kicked(broker, frame):
    peer = broker.peer("alice").connect()
    peer.socket.send(frame)
    assert peer.is_closed()


def test_a_chosen_routing_id_is_kicked_and_its_key_stays_out(serve):
    broker = serve()
    peer = broker.peer("alice", routing_id=b"victim").connect()
    peer.socket.send(b"\x01")
    assert peer.is_closed()
    again = broker.peer("alice", curve_secret=peer.curve_secret).connect()
    assert again.refusal() == 400


def test_the_sixteenth_wrong_token_ends_the_connection(broker):
    alice = broker.login("alice")
    for _ in range(16):
        alice.socket.send(frames.encode_ping(frames.Token(b"wrong!!!"), 1))
    assert alice.recv(Verb.RESET)[1] == Reset.PROTOCOL
    assert alice.is_closed()


def test_a_second_login_ends_the_first(broker):
    first = broker.login("alice")
    second = broker.login("alice", curve_secret=first.curve_secret)
    assert first.recv(Verb.RESET)[1] == Reset.SUPERSEDED
    assert first.is_closed()
    second.socket.send(frames.encode_ping(second.token, 1))
    assert second.recv(Verb.PONG)


def test_logging_in_again_and_again_is_paced(serve):
    broker = serve(known_handshakes_per_min=1.0, known_handshakes_burst=3.0)
    secret = broker.login("alice").curve_secret
    for _ in range(3):
        broker.login("alice", curve_secret=secret)
    assert broker.peer("alice", curve_secret=secret).connect().refusal() == 500
    broker.login("bob", "bob")


def test_strangers_are_paced_by_address(serve):
    broker = serve(trusted_networks=(), unknown_handshakes_burst=2.0, unknown_handshakes_per_min=1.0)
    broker.login("alice")
    broker.login("bob", "bob")
    assert broker.peer("carol", "mallory").connect().refusal() == 500


def test_closed_registration_refuses_strangers_at_the_door(serve):
    assert serve(registration="closed").peer("alice").connect().refusal() == 400


def test_while_nobody_rules_on_connections_nobody_gets_in_and_the_thread_is_replaced(serve, monkeypatch):
    broker = serve(trusted_networks=())
    alice = broker.login("alice")
    broken = Event()

    def fail(*_arguments: object) -> list[bytes]:
        broken.set()
        raise RuntimeError

    monkeypatch.setattr(ZapThread, "_answer", fail)
    broker.peer("bob", "bob").connect()
    assert broken.wait(5)
    monkeypatch.undo()
    since = time.monotonic()
    while not broker.server.counts()["zap_restarts"]:
        assert time.monotonic() - since < 2.5
        time.sleep(0.02)
    assert broker.status()["connections_before_login"] == 0
    broker.login("bob", "bob").send(alice.mailbox, b"back")
    assert alice.recv(Verb.DELIVER)


def test_a_connection_that_cannot_be_ruled_on_is_refused_and_the_next_one_is_not(serve, monkeypatch):
    broker = serve()
    alice = broker.login("alice")
    monkeypatch.setattr(type(broker.server._zap._admission), "admit", lambda *_: 1 / 0)
    assert broker.peer("bob", "bob").connect().refusal() == 500
    monkeypatch.undo()
    broker.login("bob", "bob").send(alice.mailbox, b"through")
    assert alice.recv(Verb.DELIVER)
    assert broker.server.counts()["zap_restarts"] == 0


@pytest.mark.parametrize("kind", ["ends again", "takes two seconds", "hangs"])
def test_a_thread_that_cannot_be_replaced_ends_the_broker_with_70(tmp_path, monkeypatch, kind):
    release = Event()
    hangs_s = 2 if kind == "takes two seconds" else 20

    def broken(self: ZapThread, _request: list[bytes]) -> list[bytes]:
        if kind == "ends again":
            raise RuntimeError
        release.wait(hangs_s)
        return [b"1.0", b"", b"500", b"", b"", b""]

    monkeypatch.setattr(ZapThread, "_answer", broken)
    broker = Broker(tmp_path)
    since = time.monotonic()
    while broker.thread.is_alive() and time.monotonic() - since < 10:
        if len(broker.peers) < 50:
            broker.peer("alice").connect()
        broker.thread.join(0.2)
    took_s = time.monotonic() - since
    release.set()
    broker.close()
    assert isinstance(broker.failure, ZapFailedError)
    assert broker.failure.exit == 70
    assert took_s < 9


def test_connections_that_never_speak_are_closed(serve):
    broker = serve(hello_timeout_s=1.0)
    alice = broker.login("alice")
    greeted = broker.peer("bob", "bob").connect().greet()
    silent = broker.peer("bob", "bob").connect()
    host, port = broker.endpoint.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        while raw.recv(100):
            pass
    assert silent.is_closed()
    assert greeted.is_closed()
    alice.socket.send(frames.encode_ping(alice.token, 1))
    assert alice.recv(Verb.PONG)


def test_a_device_that_acknowledges_nothing_is_disconnected_and_finds_its_mail_again(serve):
    broker = serve(ack_timeout_s=1.0)
    alice, deaf = broker.login("alice"), broker.login("bob", "bob")
    alice.send(deaf.mailbox, b"one")
    alice.send(deaf.mailbox, b"two")
    while alice.recv(Verb.ACCEPTED) != frames.encode_accepted(2):
        pass
    deaf.socket.send(frames.encode_ping(deaf.token, 1))
    assert frames.decode_reset(deaf.recv(Verb.RESET))[0] is Reset.STALLED
    assert deaf.is_closed()
    again = broker.login("bob", "bob")
    assert [frames.decode_deliver(again.recv(Verb.DELIVER))[0::2] for _ in "12"] == [(1, b"one"), (2, b"two")]
    again.ack(2)
    alice.socket.send(frames.encode_ping(alice.token, 1))
    assert alice.recv(Verb.PONG)
    assert broker.status()["ended_stalled"] == 1


def test_too_many_silent_connections_push_the_oldest_out(serve):
    broker = serve(max_unclaimed=2, hello_timeout_s=60.0)
    host, port = broker.endpoint.removeprefix("tcp://").split(":")
    raws = [socket.create_connection((host, int(port)), timeout=4) for _ in range(3)]
    try:
        while raws[0].recv(100):
            pass
        assert raws[2].recv(10)[:1] == b"\xff", "the youngest is greeted"
    finally:
        for raw in raws:
            raw.close()


def test_an_invite_lets_one_in_and_only_its_hash_is_kept(serve):
    broker = serve(registration="invite")
    token = os.urandom(16)
    expires_ms = int(time.time() * 1000) + 60_000
    assert broker.server.submit(AddInvite(None, H("invite", token), 1, expires_ms)).result(5).outcome == "done"
    stranger = broker.peer("bob", "bob").connect().greet()
    assert frames.decode_reject(stranger.prove())[1] is Code.LOGIN
    broker.peer("alice").login(token)
    assert broker.server.submit(ListInvites()).result(5).invites == ()


def test_status_counts(broker):
    before = broker.status()
    broker.login("alice")
    assert broker.status()["logins"] == before["logins"] + 1
    assert broker.status()["realm"] == before["realm"]


def test_watching_sees_verb_mailbox_and_every_byte(serve):
    broker = serve()
    alice, bob = broker.login("alice"), broker.login("bob", "bob")
    seen: list[tuple[object, ...]] = []
    broker.server.watch(lambda *sight: seen.append(sight[1:]))
    broker.status()
    alice.send(bob.mailbox, b"0123456789abcdefXYZ")
    bob.recv(Verb.DELIVER)
    broker.server.watch(None)
    broker.status()
    assert ("SEND", bob.mailbox, b"0123456789abcdefXYZ") in seen
    assert ("DELIVER", bob.mailbox, b"0123456789abcdefXYZ") in seen


def test_an_orderly_end_answers_what_was_stored_and_tells_everybody(serve):
    broker = serve()
    alice, bob = broker.login("alice"), broker.login("bob", "bob")
    alice.send(bob.mailbox, b"envelope")
    bob.recv(Verb.DELIVER)
    broker.server.stop()
    assert frames.decode_u64(alice.recv(Verb.ACCEPTED)) == 1
    assert alice.recv(Verb.RESET)[1] == Reset.SHUTDOWN
    assert bob.recv(Verb.RESET)[1] == Reset.SHUTDOWN


def test_pings_of_idle_peers_are_answered_and_their_pongs_go_out_together(serve, monkeypatch):
    broker = serve()
    alice, flushes = broker.login("alice"), []
    real = server_module.Server._flush
    monkeypatch.setattr(server_module.Server, "_flush", lambda server: flushes.append(server) or real(server))
    for number in range(40):
        alice.socket.send(frames.encode_ping(alice.token, number))
        time.sleep(0.01)
    assert [frames.decode_u64(alice.recv(Verb.PONG)) for _ in range(40)] == list(range(40))
    assert len(flushes) < 20


def test_a_pong_that_waits_for_others_goes_out_with_the_next_message(serve, monkeypatch):
    monkeypatch.setattr(server_module, "_PONGS_S", 3600.0)
    broker = serve()
    alice, bob = broker.login("alice"), broker.login("bob", "bob")
    alice.socket.send(frames.encode_ping(alice.token, 1))
    assert not alice.socket.poll(300)
    alice.send(bob.mailbox, b"envelope")
    assert frames.decode_u64(alice.recv(Verb.PONG)) == 1
    assert bob.recv(Verb.DELIVER).endswith(b"envelope")


def test_a_flood_that_leaves_no_turn_idle_keeps_nobody_else_from_being_ended(serve, monkeypatch):
    real = server_module.Server._drain
    monkeypatch.setattr(server_module.Server, "_drain", lambda server: real(server) or not time.sleep(0.002))
    broker = serve(hello_timeout_s=0.5)
    alice, silent = broker.login("alice"), broker.peer("bob", "bob").connect()
    assert silent.is_closed()
    alice.socket.send(frames.encode_ping(alice.token, 1))
    assert frames.decode_u64(alice.recv(Verb.PONG)) == 1


# --- a process of its own ------------------------------------------------------------------------------------


@contextmanager
def broker_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, str(ROOT / "broker.py"), "--bind", "tcp://127.0.0.1:0"]
    command += ["--data", str(folder / "data"), "--keys", str(folder / "keys")]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        while "ready on" not in line:
            assert process.poll() is None, line
            line = process.stderr.readline()
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.wait(10)
        process.stderr.close()


def test_what_was_accepted_survives_sigkill(tmp_path):
    with broker_process(tmp_path) as (process, endpoint):
        curve = read_public(tmp_path / "keys" / "broker.pub")
        alice = RawPeer(endpoint, curve, member("alice", curve))
        bob = RawPeer(endpoint, curve, member("bob", curve, "bob"))
        bob.login()
        bob.close()
        alice.login()
        for n in range(500):
            alice.send(bob.mailbox, b"%d" % n)
        accepted = 0
        while accepted < 200:
            accepted = frames.decode_u64(alice.recv(Verb.ACCEPTED))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        alice.close()
    with broker_process(tmp_path) as (process, endpoint):
        bob = RawPeer(endpoint, curve, bob.identity, bob.curve_secret)
        bob.login()
        got = [frames.decode_deliver(bob.recv(Verb.DELIVER))[2] for _ in range(accepted)]
        assert got == [b"%d" % n for n in range(accepted)]
        bob.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
