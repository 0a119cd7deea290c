"""Attacks that broke other systems, by a hostile directory and at the door of an honest one.

The numbers are those of docs/security.md.
"""

import dataclasses
import os

import msgspec
import pytest
from msgspec.structs import replace

from sealwire.crypto.card import DeviceList
from sealwire.crypto.handshake import open_session
from sealwire.crypto.safety import safety_number
from sealwire.ids import DeviceId
from sealwire.peer.events import Message
from sealwire.testing.network import reissue
from sealwire.wire import control
from tests.conftest import PEOPLE
from tests.fault.hostile import (
    Tap,
    answers,
    bundle_of,
    contact_states,
    friends,
    inject,
    listing,
    lookup_of,
    with_body,
    with_lookup,
)


def under(net, name, keys):
    """An identity with somebody else's keys under a name."""
    return reissue(PEOPLE[keys], net.realm, name, DeviceId(os.urandom(16)), net.now.ms)


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
    alice.turn([], lambda engine, now: engine.trust.set_verified("bob", True, engine.contact("bob").account_key, now))
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
    alice.turn([], lambda engine, now: engine.trust.approve("bob", now))
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
    stolen = dataclasses.replace(under(net, "mallory", "alice").card.card, n_sign=PEOPLE["mallory"].account.n_sign)
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
