"""Attacks that broke other systems, at the door of an honest broker: logins, routing ids, libraries, pickles.

The numbers are those of docs/security.md.
"""

import os

import msgspec
import pytest
import zmq

from sealwire.broker import sockets
from sealwire.broker.links import Connection
from sealwire.crypto.prekeys import Bundle
from sealwire.errors import MissingPackageError, RemoteProtocolError
from sealwire.ids import RoutingId, Token
from sealwire.testing import Network
from sealwire.wire import frames
from sealwire.wire.control import decode_login, encode_login
from sealwire.wire.frames import Verb, decode_reject
from tests.conftest import PEOPLE
from tests.fault.hostile import Tap, friends
from tests.property.test_decoders import EVERY, survives
from tests.vectors.people import prekeys_of

# --- 16, 45, 46, 47: at the door -----------------------------------------------------------------------------


def recorded_login(net):
    """A peer's HELLO and LOGIN as an attacker saw them go by."""
    alice = net.peer("alice")
    tap = Tap(alice)
    net.run()
    hello, login = tap.frames[:2]
    assert (hello[0], login[0]) == (Verb.HELLO, Verb.LOGIN)
    return alice, hello, login


def knock(net, curve, *frames_, number=9_000, chosen=False):
    """A connection of an attacker's own; returns what the broker answers."""
    connection = Connection(RoutingId(b"\0" + number.to_bytes(4, "big")), number, "127.0.0.1", None, curve, chosen)
    first, *others = frames_
    net.router.begin(net.now.mono_s, net.now.ms)
    net.router.first_frame(connection, first)
    for frame in others:
        net.router.second_frame(connection.rid, frame)
    net.router.end_turn()
    said = [frame for rid, frame in net.router.sends if rid == connection.rid]
    net.router.sends.clear()
    return said


@pytest.mark.parametrize("own_connection", [True, False], ids=["her CURVE key", "another CURVE key"])
def test_attack_45_a_recorded_login_is_refused_on_another_connection(net, own_connection):
    alice, hello, login = recorded_login(net)
    said = knock(net, alice.curve if own_connection else b"x" * 32, hello, login)
    assert [frame[0] for frame in said] == [Verb.CHALLENGE, Verb.REJECT]
    assert decode_reject(said[1])[1] == frames.Code.LOGIN
    assert alice.engine.online
    assert net.router.mailboxes[alice.mailbox()].link.rid == alice.rid


def test_attack_45_a_recorded_login_is_refused_by_another_broker(net, tmp_path, monkeypatch):
    _, hello, login = recorded_login(net)
    monkeypatch.setattr("sealwire.testing.network.BROKER_KEY", b"e" * 32)
    with Network(tmp_path / "elsewhere", PEOPLE) as elsewhere:
        assert knock(elsewhere, b"x" * 32, hello, login) == []
        assert elsewhere.router.mailboxes == {}


@pytest.mark.parametrize("made", ["prekeys", "card", "devices"])
def test_attack_16_no_other_signature_of_alice_logs_her_in(net, made):
    """A broker shows its own challenge to alice as something else to sign: nothing she signs is a login."""
    alice, hello, login = recorded_login(net)
    signatures = {
        "prekeys": prekeys_of(alice.identity)[0].prekeys.signature,
        "card": alice.identity.card.signature[:64],
        "devices": alice.identity.devices.signature[:64],
    }
    body = msgspec.structs.replace(decode_login(login)[1], signature=signatures[made])
    said = knock(net, alice.curve, hello, encode_login(Token(b"t" * 8), body))
    assert decode_reject(said[1])[1] == frames.Code.LOGIN


def test_attack_46_a_connection_that_names_itself_gets_nothing_and_harms_nobody(net):
    alice, hello, _ = recorded_login(net)
    link = net.router.mailboxes[alice.mailbox()].link
    assert knock(net, b"x" * 32, hello, chosen=True) == []
    kicked = [connection.curve for connection in net.router.kicks]
    assert kicked == [b"x" * 32]
    assert net.router._admission.admit(b"x" * 32, "127.0.0.1", net.now.mono_s + 60).name == "REFUSE"
    assert net.router.mailboxes[alice.mailbox()].link is link
    assert link.open


@pytest.mark.parametrize("rid", [b"alice", b"\0abc", b"\0abcde", b""])
def test_attack_46_an_id_not_of_zeromqs_own_form_is_refused(net, rid):
    net.router.begin(net.now.mono_s, net.now.ms)
    net.router.first_frame(Connection(RoutingId(rid), 9, "127.0.0.1", None, b"x" * 32), b"")
    assert [connection.rid for connection in net.router.kicks] == [rid]
    assert net.router.sends == []


def test_attack_46_nobody_takes_over_an_id():
    assert sockets.OPTIONS[zmq.ROUTER_HANDOVER] == 0


@pytest.mark.parametrize("version", [(4, 2, 5), (4, 3, 2)])
def test_attack_47_a_libzmq_with_known_holes_is_refused(monkeypatch, version):
    assert zmq.zmq_version_info() >= (4, 3, 3)
    monkeypatch.setattr(zmq, "zmq_version_info", lambda: version)
    with pytest.raises(MissingPackageError):
        sockets.check_libzmq()


def test_attack_47_strangers_are_bounded_before_they_have_proved_anything():
    assert sockets.OPTIONS[zmq.MAXMSGSIZE] == frames.MAX_FRAME_BYTES
    assert 0 < sockets.OPTIONS[zmq.HANDSHAKE_IVL] <= 4_500, "libzmq's timer is late, and five seconds are promised"


# --- 48: objects that run code -------------------------------------------------------------------------------

PICKLE = b"\x80\x04\x95\x1d" + bytes(7) + b"\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94."


@pytest.mark.parametrize("kind", EVERY)
def test_attack_48_a_pickle_is_no_object_of_ours(kind, monkeypatch):
    monkeypatch.setattr(os, "system", lambda _: pytest.fail("code ran"))
    if kind != "deliver":  # whose envelope is any bytes
        assert not survives(kind, PICKLE)
    for head in (b"\x02", b"\x21", b"\x01" + bytes(8), b"\x20token678"):
        survives(kind, head + PICKLE)


@pytest.mark.parametrize("verb", list(Verb), ids=lambda verb: verb.name)
def test_attack_48_a_pickle_in_any_frame_ends_a_link_or_nothing(net, verb):
    alice, bob = friends(net, "alice", "bob")
    token = alice.engine._link.token
    net.router.handle(net.router.links[alice.rid], bytes((verb,)) + token + PICKLE)
    net.run()
    bob.turn([bytes((verb,)) + PICKLE])
    net.run()
    alice.send("bob", "still here")
    net.run()
    assert bob.texts()[-1] == "still here"


def test_attack_48_first_frames_that_are_pickles_are_shut_down(net):
    assert knock(net, b"x" * 32, PICKLE) == []
    assert knock(net, b"x" * 32, b"\x01" + bytes(8) + PICKLE, number=9_001) == []
    assert len(net.router.kicks) == 2
    with pytest.raises(RemoteProtocolError):
        Bundle.decode(PICKLE)
