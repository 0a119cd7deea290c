"""Attacks that broke other systems, by a hostile directory and at the door of an honest one.

The numbers are those of docs/security.md.
"""

import os
from dataclasses import replace

import msgspec
import pytest
import zmq

from sealwire.broker import server
from sealwire.broker.links import Connection
from sealwire.broker.port import BrokerSettings
from sealwire.crypto.card import DeviceList
from sealwire.crypto.handshake import open_session
from sealwire.crypto.prekeys import NO_KEY, Bundle
from sealwire.crypto.safety import safety_number
from sealwire.errors import LoginError, MissingPackageError, RemoteProtocolError
from sealwire.ids import DeviceId, RoutingId, Token
from sealwire.peer.events import Message
from sealwire.testing import Network
from sealwire.testing.network import reissue
from sealwire.wire import control, frames
from sealwire.wire.control import decode_hello, decode_login, decode_request, encode_hello, encode_login, encode_request
from sealwire.wire.frames import Verb, decode_reject
from sealwire.wire.header import HandshakeHeader, decode_envelope
from tests.conftest import PEOPLE
from tests.fault.hostile import (
    Mail,
    answers,
    bundle_of,
    contact_states,
    envelopes_sent,
    friends,
    inject,
    listing,
    lookup_of,
    reasons,
    sessions,
    with_body,
    with_lookup,
)
from tests.property.test_decoders import EVERY, survives
from tests.vectors.people import prekeys_of

GENEROUS = BrokerSettings(bundle_fetches=1_000, requests_burst=10_000, account_units_burst=1_000_000)


def under(net, name, keys):
    """An identity with somebody else's keys under a name."""
    return reissue(PEOPLE[keys], net.realm, name, DeviceId(os.urandom(16)), net.now.ms)


class Tap:
    """What one peer sends to the broker."""

    def __init__(self, peer):
        self.frames = []
        real = peer.net.to_broker

        def to_broker(sender, sent):
            if sender is peer:
                self.frames.extend(sent)
            real(sender, sent)

        peer.net.to_broker = to_broker

    def envelopes(self):
        return envelopes_sent(self.frames)


# --- 1: swapped keys -----------------------------------------------------------------------------------------


def test_attack_01_keys_swapped_at_first_contact_are_never_shown_as_verified(net):
    bob = under(net, "bob", "bob")
    alice, impostor = net.peer("alice"), net.peer("bob", keys="mallory")
    net.run()
    alice.send("bob", "are you bob?")
    net.run()
    impostor.send("alice", "sure")
    net.run()
    assert contact_states(alice, "bob") == ["unverified"]
    assert [event.verified for event in alice.events if isinstance(event, Message)] == [False]
    own = alice.identity.card.card
    assert safety_number(own, impostor.identity.card.card).digits != safety_number(bob.card.card, own).digits


def test_attack_01_keys_swapped_after_pinning_stop_everything_until_a_person_decides(net):
    alice, bob = friends(net, "alice", "bob")
    alice.turn([], lambda engine, now: engine.set_verified("bob", True))
    impostor = under(net, "bob", "mallory")
    alice.hostile = answers(lambda r: with_lookup(r, listing(impostor)) if lookup_of(r) else None)
    alice.turn([], lambda engine, now: engine.find("bob"))
    net.run()
    assert [warning.conversation for warning in alice.warnings("key-changed")] == ["bob"]
    assert contact_states(alice, "bob")[-1] == "changed"
    tap, before = Tap(alice), bob.texts()
    waiting = alice.send("bob", "secret")
    net.run()
    assert (alice.states(waiting), tap.envelopes(), bob.texts()) == ([], [], before)
    alice.hostile = None
    alice.turn([], lambda engine, now: engine.approve("bob", now))
    assert contact_states(alice, "bob")[-1] == "unverified"


def test_attack_01_the_old_key_shown_again_does_not_end_the_alarm(net):
    alice, _ = friends(net, "alice", "bob")
    impostor = under(net, "bob", "mallory")
    alice.hostile = answers(lambda r: with_lookup(r, listing(impostor)) if lookup_of(r) else None)
    alice.turn([], lambda engine, now: engine.find("bob"))
    net.run()
    alice.hostile = None
    alice.turn([], lambda engine, now: engine.find("bob"))
    net.run()
    waiting = alice.send("bob", "secret")
    net.run()
    assert alice.states(waiting) == []
    assert alice.engine.contact("bob").trust == "changed"


def test_attack_01_mail_under_swapped_keys_is_not_shown(net):
    """Both directions: what comes from the new key waits for the decision as well."""
    alice, bob = friends(net, "alice", "bob")
    impostor = under(net, "bob", "mallory")
    tap = Tap(alice)
    net.cut(alice)
    alice.hostile = answers(lambda r: with_lookup(r, listing(impostor)) if lookup_of(r) else None)
    fetched = []
    mallory = net.peer("mallory")
    net.run()
    mallory.hostile = answers(lambda r: fetched.append(bundle_of(r)))
    mallory.send("alice", "only to fetch a bundle")
    net.run()
    (bundle,) = filter(None, fetched)
    session = open_session(impostor, bundle, net.now.ms, os.urandom)
    before = alice.texts()
    inject(alice, session.encrypt(b"believe me", os.urandom)[1])
    assert alice.texts() == before
    assert tap.envelopes() == []
    assert bob.identity.card.card.n_sign == alice.engine.contact("bob").account_key


def test_attack_01_a_key_swapped_inside_the_first_frame_is_refused_by_an_honest_broker(net):
    alice = net.peer("alice")
    foreign = PEOPLE["mallory"].device.enc.modulus
    real = net.to_broker

    def swap(peer, sent):
        return real(peer, [frame.replace(peer.identity.card.card.n_enc, foreign) for frame in sent])

    net.to_broker = swap
    for _ in range(5):
        net._pass(0.001)
        net._turn()
    assert not alice.engine.online
    assert net.router.mailboxes == {}


# --- 2, 21: whose keys, whose mailbox ------------------------------------------------------------------------


def forged(net, kind):
    """What a directory might say of bob, all of it signed by somebody."""
    bob, mallory = under(net, "bob", "bob"), under(net, "mallory", "mallory")
    honest = listing(bob)
    return {
        "under another name": listing(mallory),
        "another's signature": listing(bob, signature=mallory.devices.signature),
        "signature of the card": listing(bob, signature=bob.card.signature),
        "an altered list": listing(bob, devices=honest.devices[:-1] + bytes([honest.devices[-1] ^ 1])),
        "another's key in the list": listing(
            bob, devices=honest.devices.replace(bob.account.n_sign, mallory.account.n_sign)
        ),
        "no mailbox": listing(bob, mailboxes=[]),
        "two mailboxes": listing(bob, mailboxes=[b"m" * 16, b"n" * 16]),
        "another realm": listing(reissue(PEOPLE["bob"], "z" * 16, "bob", DeviceId(bytes(16)), 1)),
    }[kind]


FORGED = [
    "under another name",
    "another's signature",
    "signature of the card",
    "an altered list",
    "another's key in the list",
    "no mailbox",
    "two mailboxes",
    "another realm",
]


@pytest.mark.parametrize("kind", FORGED)
def test_attack_02_a_list_that_is_not_bobs_own_is_not_believed(net, kind):
    alice = net.peer("alice")
    net.peer("bob")
    body = forged(net, kind)
    alice.hostile = answers(lambda r: with_lookup(r, body) if lookup_of(r) else None)
    net.run()
    waiting = alice.send("bob", "secret")
    net.run()
    assert alice.warnings("integrity")
    assert (alice.engine.contact("bob"), alice.states(waiting)) == (None, [])


def test_attack_02_alices_device_keys_under_mallorys_name_open_nothing(net):
    """Mallory's account vouches for a device with alice's public keys: bob would be talking to alice, thinking
    it is mallory. Without alice's signature for that very card, nobody has prekeys for it."""
    net.peer("alice")
    bob, mallory = net.peer("bob"), net.peer("mallory")
    stolen = replace(under(net, "mallory", "alice").card.card, n_sign=PEOPLE["mallory"].account.n_sign)
    card = PEOPLE["mallory"].account.sign_card(stolen, os.urandom)
    devices = replace(mallory.identity.devices.devices, devices=((stolen.device, stolen.hash),))
    signed = PEOPLE["mallory"].account.sign_devices(devices, os.urandom)
    body = control.LookupBody(devices=devices.encode(), signature=signed.signature, mailboxes=[stolen.mailbox])
    net.run()
    alice_bundle = []
    mallory.hostile = answers(lambda r: alice_bundle.append(bundle_of(r)))
    mallory.send("alice", "to fetch her bundle")
    net.run()
    (alices,) = filter(None, alice_bundle)
    bob.hostile = answers(
        lambda r: with_lookup(r, body) if lookup_of(r) else with_body(r, replace(alices, card=card).encode())
    )
    waiting = bob.send("mallory", "hello mallory")
    net.run()
    assert bob.warnings("integrity")
    assert bob.states(waiting) == []


def naming(mailboxes):
    """A directory that names other mailboxes for some accounts: they stand beside the signed list, unsigned."""

    def change(response):
        body = lookup_of(response)
        named = mailboxes.get(DeviceList.decode(body.devices).account) if body else None
        return with_lookup(response, msgspec.structs.replace(body, mailboxes=[named])) if named else None

    return answers(change)


@pytest.mark.parametrize("acquainted", [True, False], ids=["a contact", "a stranger"])
def test_attack_21_the_directory_cannot_steer_mail_to_another_account(net, acquainted):
    alice, mallory = friends(net, "alice", "mallory") if acquainted else (net.peer("alice"), net.peer("mallory"))
    net.peer("bob")
    net.run()
    alice.hostile = naming({"bob": mallory.mailbox()})
    before = mallory.texts()
    waiting = alice.send("bob", "for bob only")
    net.run()
    assert mallory.texts() == before
    assert alice.states(waiting) == []
    assert [warning.conversation for warning in alice.warnings("integrity")] == ["bob"]


def test_attack_21_not_even_when_the_other_account_writes_first_or_later(net):
    """Bob's device is said to be mallory's, mallory's to be nobody's; then mallory opens a session herself."""
    alice, mallory, bob = net.peer("alice"), net.peer("mallory"), net.peer("bob")
    net.run()
    alice.hostile = naming({"bob": mallory.mailbox(), "mallory": b"x" * 16})
    alice.send("bob", "for bob only")
    net.run()
    mallory.send("alice", "hello alice")
    net.run()
    assert alice.texts() == ["hello alice"]
    alice.send("bob", "for bob only, again")
    net.run()
    assert (bob.texts(), mallory.texts()) == ([], [])


def test_attack_21_a_device_that_left_the_signed_list_gets_nothing_more(net):
    """The directory goes on naming the mailbox of a device that bob's account no longer lists."""
    alice, bob = friends(net, "alice", "bob")
    replaced = replace(bob.identity.devices.devices, version=2, devices=((DeviceId(b"n" * 16), b"h" * 32),))
    signed = PEOPLE["bob"].account.sign_devices(replaced, os.urandom)
    body = listing(bob.identity, devices=replaced.encode(), signature=signed.signature)
    alice.hostile = answers(lambda r: with_lookup(r, body) if lookup_of(r) else None)
    alice.turn([], lambda engine, now: engine.find("bob"))
    net.run()
    before = bob.texts()
    waiting = alice.send("bob", "not for the old device")
    net.run()
    assert (bob.texts(), alice.states(waiting)) == (before, [])


def test_attack_21_an_older_device_list_is_a_rollback(net):
    alice, bob = friends(net, "alice", "bob")
    newer = replace(bob.identity.devices.devices, version=2)
    signed = PEOPLE["bob"].account.sign_devices(newer, os.urandom)
    body = listing(bob.identity, devices=newer.encode(), signature=signed.signature)
    alice.hostile = answers(lambda r: with_lookup(r, body) if lookup_of(r) else None)
    alice.turn([], lambda engine, now: engine.find("bob"))
    net.run()
    assert not alice.warnings("integrity")
    alice.hostile = None
    alice.turn([], lambda engine, now: engine.find("bob"))
    net.run()
    assert alice.warnings("integrity")


# --- 6, 7, 11: bundles ---------------------------------------------------------------------------------------

CARD_AT = 1 + 2
REGIONS = {
    "version": 0,
    "length": 2,
    "suite": CARD_AT + 2,
    "realm": CARD_AT + 6,
    "account": CARD_AT + 24,
    "device": CARD_AT + 30,
    "n_sign": CARD_AT + 60,
    "n_enc": CARD_AT + 500,
    "ik": -36 - 64 - 1232 - 384 - 8 - 48,
    "sk": -36 - 64 - 1232 - 384 - 8 - 16,
    "created": -36 - 64 - 1232 - 384 - 4,
    "card signature": -36 - 64 - 1232 - 100,
    "spk id": -36 - 64 - 1232 + 3,
    "spk": -36 - 64 - 1232 + 9,
    "pq id": -36 - 64 - 1232 + 39,
    "pq": -36 - 64 - 500,
    "issued": -36 - 64 - 4,
    "prekeys signature": -36 - 30,
}


def flipped(body, at, bit=1):
    altered = bytearray(body)
    altered[at] ^= bit
    return bytes(altered)


def test_attack_06_every_part_of_a_bundle_is_checked_before_anything_is_sent(tmp_path):
    net = Network(tmp_path, PEOPLE, GENEROUS)
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    tap = Tap(alice)
    alice.hostile = answers(lambda r: with_body(r, flipped(r.body, REGIONS["version"])) if bundle_of(r) else None)
    waiting = alice.send("bob", "secret")
    net.run()
    for count, (region, at) in enumerate(REGIONS.items(), 2):
        alice.hostile = answers(lambda r, at=at: with_body(r, flipped(r.body, at)) if bundle_of(r) else None)
        net.cut(alice)
        net.run()
        assert len(alice.warnings("integrity")) == count, region
    assert tap.envelopes() == []
    assert sessions(alice, bob) == 0
    alice.hostile = None
    net.cut(alice)
    net.run()
    assert alice.states(waiting) == ["sent", "delivered"]


@pytest.mark.parametrize("at", [-35, -36, -32], ids=["id", "id, high", "key"])
def test_attack_06_an_altered_one_time_prekey_opens_for_nobody(net, at):
    """One-time prekeys are unsigned: whoever swaps one makes a session that its owner refuses."""
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.hostile = answers(lambda r: with_body(r, flipped(r.body, at)) if bundle_of(r) else None)
    alice.send("bob", "secret")
    net.run()
    assert bob.texts() == []
    assert len(reasons(bob)) == 1
    assert sessions(bob, alice) == 0


@pytest.mark.parametrize("field", ["prekeys", "signature", "id 0", "an id twice"])
def test_attack_06_an_upload_that_was_altered_on_its_way_is_not_stored(net, field):
    """The directory checks what it stores, so that one hostile hop cannot poison what everyone else is given."""
    alice = net.peer("alice")
    real = net.to_broker

    def alter(peer, sent):
        return real(peer, [altered_upload(frame, field) if frame[0] == Verb.REQUEST else frame for frame in sent])

    net.to_broker = alter
    for _ in range(30):
        net._pass(0.001)
        net._turn()
    assert net.router.mailboxes[alice.mailbox()].prekeys_id == 0
    assert not alice.engine.registered


def altered_upload(frame, field):
    publish = decode_request(frame)
    changes = {
        "prekeys": {"prekeys": flipped(publish.prekeys, 50)},
        "signature": {"signature": flipped(publish.signature, 5)},
        "id 0": {"one_time": [control.OneTime(0, b"k" * 32)]},
        "an id twice": {"one_time": [publish.one_time[0]] * 2},
    }[field]
    return encode_request(Token(frame[1:9]), msgspec.structs.replace(publish, **changes))


def test_attack_07_a_one_time_prekey_handed_out_twice_opens_once(net):
    """A hostile directory gives mallory the very bundle that alice got."""
    alice, bob, mallory = net.peer("alice"), net.peer("bob"), net.peer("mallory")
    net.run()
    given = []
    alice.hostile = answers(lambda r: given.append(r.body) if bundle_of(r) else None)
    alice.send("bob", "first")
    net.run()
    mallory.hostile = answers(lambda r: with_body(r, given[0]) if bundle_of(r) else None)
    mallory.send("bob", "second")
    net.run()
    assert bob.texts() == ["first"]
    assert reasons(bob) == ["unknown-prekey"]
    assert (sessions(bob, alice), sessions(bob, mallory)) == (1, 0)


def test_attack_07_an_unknown_one_time_prekey_is_refused_and_nothing_is_stored(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    mail = Mail(bob)
    alice.send("bob", "secret")
    net.run()
    parts = decode_envelope(mail.envelopes[0])
    prekeys = bob.store.prekeys("once")
    header = HandshakeHeader.decode(parts.hs)
    unknown = replace(header, opk_id=1_000_000).encode()
    none = replace(header, opk_id=0).encode()
    other = replace(header, opk_id=header.opk_id % 100 + 1).encode()
    for hs in (unknown, none, other):
        inject(bob, mail.envelopes[0].replace(parts.hs, hs))
    assert (bob.texts(), sessions(bob, alice), bob.store.contact("alice")) == ([], 0, None)
    assert bob.store.prekeys("once") == prekeys
    assert reasons(bob) == ["unknown-prekey", "undecryptable", "undecryptable"]


def test_attack_07_without_one_time_prekeys_the_sender_is_told_and_a_replay_is_still_known(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()

    def without(response):
        bundle = bundle_of(response)
        return with_body(response, replace(bundle, opk_id=0, opk=NO_KEY).encode()) if bundle else None

    alice.hostile = answers(without)
    mail = Mail(bob, pass_on=True)
    alice.send("bob", "secret")
    net.run()
    assert [warning.conversation for warning in alice.warnings("reduced-secrecy")] == ["bob"]
    assert bob.texts() == ["secret"]
    net.cut(bob)
    with bob.store.transaction():
        bob.store.forget_seen(net.now.ms + 1)
    inject(bob, mail.envelopes[0])
    assert (bob.texts(), sessions(bob, alice)) == (["secret"], 1)


@pytest.mark.parametrize("head", [b"\x00\x00\x01", b"\x02\x00\x01", b"\x01\x00\x00", b"\x01\x00\x02"])
def test_attack_11_a_bundle_of_another_version_or_suite_is_an_alarm_not_a_fallback(net, head):
    alice = net.peer("alice")
    net.peer("bob")
    net.run()
    tap = Tap(alice)

    def downgrade(response):
        if bundle_of(response) is None:
            return None
        return with_body(response, response.body[:CARD_AT] + head + response.body[CARD_AT + 3 :])

    alice.hostile = answers(downgrade)
    waiting = alice.send("bob", "secret")
    net.run()
    assert alice.warnings("integrity")
    assert (tap.envelopes(), alice.states(waiting)) == ([], [])


@pytest.mark.parametrize("protocol", [0, 2, 255])
def test_attack_11_a_protocol_that_was_not_offered_ends_the_connection(net, protocol):
    alice = net.peer("alice")

    def downgrade(_peer, frame):
        if frame[0] != Verb.CHALLENGE:
            return [frame]
        challenge = control.decode_challenge(frame)
        return [control.encode_challenge(msgspec.structs.replace(challenge, protocol=protocol))]

    alice.hostile = downgrade
    tap = Tap(alice)
    for _ in range(8):
        net._pass(0.001)
        net._turn()
    assert alice.warnings("protocol")
    assert {frame[0] for frame in tap.frames} == {Verb.HELLO}


def test_attack_11_versions_without_ours_are_told_so_and_nothing_else(net):
    alice = net.peer("alice")
    real = net.to_broker

    def lower(peer, sent):
        return real(peer, [lowered(frame) if frame[0] == Verb.HELLO else frame for frame in sent])

    net.to_broker = lower
    net.run()
    assert [type(error) for error in alice.errors] == [LoginError]
    assert net.router.mailboxes == {}


def lowered(frame):
    return encode_hello(msgspec.structs.replace(decode_hello(frame), lowest=0, highest=0))


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
    assert said[0][0] == Verb.CHALLENGE
    assert [decode_reject(frame)[1] for frame in said[1:]] == [frames.Code.LOGIN]
    assert alice.engine.online
    assert net.router.mailboxes[alice.mailbox()].link.rid == alice.rid


def test_attack_45_a_recorded_login_is_refused_by_another_broker(net, tmp_path, monkeypatch):
    _, hello, login = recorded_login(net)
    monkeypatch.setattr("sealwire.testing.network.BROKER_KEY", b"e" * 32)
    elsewhere = Network(tmp_path / "elsewhere", PEOPLE)
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
    assert server.OPTIONS[zmq.ROUTER_HANDOVER] == 0


@pytest.mark.parametrize("version", [(4, 2, 5), (4, 3, 2)])
def test_attack_47_a_libzmq_with_known_holes_is_refused(monkeypatch, version):
    assert zmq.zmq_version_info() >= (4, 3, 3)
    monkeypatch.setattr(zmq, "zmq_version_info", lambda: version)
    with pytest.raises(MissingPackageError):
        server._check_libzmq()


def test_attack_47_strangers_are_bounded_before_they_have_proved_anything():
    assert server.OPTIONS[zmq.MAXMSGSIZE] == frames.MAX_FRAME_BYTES
    assert 0 < server.OPTIONS[zmq.HANDSHAKE_IVL] <= 5_000


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
