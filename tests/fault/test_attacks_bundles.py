"""Attacks that broke other systems, on prekeys and bundles between a peer, a hostile directory and its reader.

The numbers are those of docs/security.md.
"""

import msgspec
import pytest
from msgspec.structs import replace

from sealwire.broker.port import BrokerSettings
from sealwire.crypto.prekeys import NO_KEY
from sealwire.errors import LoginError, RefusedError
from sealwire.ids import Token
from sealwire.testing import Network
from sealwire.wire import control
from sealwire.wire.control import decode_hello, decode_request, encode_hello, encode_request
from sealwire.wire.frames import Reset, Verb, encode_reset
from sealwire.wire.header import HandshakeHeader, decode_envelope
from tests.conftest import PEOPLE
from tests.fault.hostile import Mail, Tap, answers, bundle_of, inject, reasons, sessions, with_body
from tests.vectors.people import prekeys_of

GENEROUS = BrokerSettings(bundle_fetches=1_000, requests_burst=10_000, account_units_burst=1_000_000)

# --- 6, 7, 11: bundles ---------------------------------------------------------------------------------------


def test_attack_01_a_whole_bundle_of_other_keys_is_not_what_was_asked_for():
    """Mallory's own bundle, every signature of it good, in answer to a question about bob's mailbox."""
    theirs = prekeys_of(PEOPLE["mallory"])[0]
    theirs.verify(PEOPLE["mallory"].card.card.mailbox)
    with pytest.raises(RefusedError):
        theirs.verify(PEOPLE["bob"].card.card.mailbox)


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


@pytest.fixture
def generous(tmp_path):
    with Network(tmp_path, PEOPLE, GENEROUS) as net:
        yield net


def test_attack_06_every_part_of_a_bundle_is_checked_before_anything_is_sent(generous):
    net = generous
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


def test_attack_09_a_drained_device_is_still_reached_and_the_sender_is_told(net):
    """Whoever takes the one-time prekeys takes some forward secrecy of first messages, and nothing else."""
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    bob.crash()
    net.store._db.execute("DELETE FROM one_time")
    alice.send("bob", "secret")
    net.run()
    assert [warning.conversation for warning in alice.warnings("reduced-secrecy")] == ["bob"]
    bob.start()
    net.run()
    assert bob.texts() == ["secret"]
    assert net.router.mailboxes[bob.mailbox()].one_time_left == 100


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
    assert net.relayed == [encode_reset(Reset.VERSION)]
    assert net.router.mailboxes == {}


def lowered(frame):
    return encode_hello(msgspec.structs.replace(decode_hello(frame), lowest=0, highest=0))
