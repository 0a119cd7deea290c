"""Attacks that broke other systems, on people: watched by receipts, and fooled while they compare keys.

The numbers are those of docs/security.md.
"""

import os

import pytest

from sealwire.crypto.safety import safety_number_of
from sealwire.errors import ComparedOtherKeyError, UntrustedPeerError
from sealwire.ids import DeviceId
from sealwire.peer.prefs import RECEIPT_PAUSE_S, Prefs
from sealwire.testing import Network
from sealwire.testing.network import reissue
from sealwire.wire.content import Receipt
from sealwire.wire.file_content import FileOffer, FileRun
from sealwire.wire.word_content import Delete, Edit, Pin, React, Ref
from tests.conftest import PEOPLE
from tests.fault.hostile import Tap, answers, friends, listing, lookup_of, with_lookup

NOBODYS = os.urandom(16)
PROBES = {
    "edit": Edit(NOBODYS, 1, "x"),
    "delete": Delete(NOBODYS),
    "react": React(Ref("bob", NOBODYS), 1, "\N{THUMBS UP SIGN}"),
    "react to own": React(Ref("alice", NOBODYS), 1, "\N{THUMBS UP SIGN}"),
    "pin": Pin(Ref("bob", NOBODYS), 1, True),
    "receipt": Receipt("read", [NOBODYS]),
}
"""What makes others answer with a receipt although it shows nobody anything."""


@pytest.fixture
def strict(tmp_path):
    """A network with the settings that people get."""
    with Network(tmp_path, PEOPLE, prefs=Prefs()) as network:
        yield network


def say(peer, content):
    """Have a device say any content to bob, as a program of the attacker's would."""
    message_id = os.urandom(16)
    peer.turn([], lambda engine, now: engine.mail.say("bob", message_id, content, now))


# --- 33: receipts that watch ---------------------------------------------------------------------------------


def test_attack_33_a_stranger_learns_nothing_by_writing(strict):
    alice, bob = strict.peer("alice"), strict.peer("bob")
    strict.run()
    tap = Tap(bob)
    for text in ("hello", "are you there?", "hello again"):
        alice.send("bob", text)
        strict.advance(2)
    for probe in (*PROBES.values(), offer()):
        say(alice, probe)
        strict.advance(2)
    assert bob.texts()[:3] == ["hello", "are you there?", "hello again"]
    assert tap.envelopes() == []
    bob.turn([], lambda engine, now: engine.mail.mark_read(1 << 40, now))
    strict.advance(5)
    assert tap.envelopes() == []


def offer():
    runs = [FileRun(0, os.urandom(24))]
    secrets = {"digest": os.urandom(32), "blob": os.urandom(16), "secret": os.urandom(32), "key": os.urandom(32)}
    return FileOffer(
        name="x", size=1, media_type="", runs=runs, caption="", width=0, height=0, thumbnail=b"", **secrets
    )


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_attack_33_what_shows_nobody_anything_gives_no_receipt(net, probe):
    """Even a friend does not find out with reactions to nothing whether a device is running."""
    alice, bob = friends(net, "alice", "bob")
    net.advance(3)
    tap = Tap(bob)
    for _ in range(3):
        say(alice, probe)
        net.advance(2)
    assert tap.envelopes() == []


def test_attack_33_receipts_are_few(strict):
    alice, bob = friends(strict, "alice", "bob")
    strict.advance(3)
    bob.engine.receipts._rng = bytes  # the shortest pauses there are: zero each time
    tap = Tap(bob)
    for n in range(60):
        alice.send("bob", f"m{n}")
        strict.advance(0.1)
    strict.advance(3)
    assert len(bob.texts()) == 61
    assert 1 <= len(tap.envelopes()) <= 60 * 0.1 / RECEIPT_PAUSE_S + 2


def test_attack_33_receipts_come_after_a_pause_of_random_length(strict):
    """When a receipt comes says little about when the phone lay in somebody's hand."""
    alice, bob = friends(strict, "alice", "bob")
    strict.advance(3)
    tap, pauses = Tap(bob), []
    for n in range(8):
        alice.send("bob", f"m{n}")
        pauses.append(0)
        tap.frames.clear()
        while not tap.envelopes():
            strict.advance(0.05)
            pauses[-1] += 1
        strict.advance(3)
    assert len(set(pauses)) > 2
    assert max(pauses) <= RECEIPT_PAUSE_S / 0.05 + 2


# --- 43: keys that are taken for others ----------------------------------------------------------------------


def test_attack_43_a_device_called_like_a_key_verifies_nobody(net):
    """Mallory's device has bob's fingerprint for its id, under bob's name: what is compared are the keys alone."""
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    shown_by_bob = bob.identity.card.card
    disguised = reissue(PEOPLE["mallory"], net.realm, "bob", DeviceId(shown_by_bob.fingerprint[:16]), net.now.ms)
    alice.hostile = answers(lambda r: with_lookup(r, listing(disguised)) if lookup_of(r) else None)
    alice.turn([], lambda engine, now: engine.find("bob"))
    net.run()
    pinned = alice.engine.contact("bob").account_key
    assert pinned == disguised.card.card.n_sign
    own = alice.identity.card.card
    here = safety_number_of(net.realm, ("alice", own.n_sign), ("bob", pinned))
    there = safety_number_of(net.realm, ("bob", shown_by_bob.n_sign), ("alice", own.n_sign))
    assert here.judge(there.code()) == "different"
    assert here.digits != there.digits


def with_another_key_since(net):
    """alice, bob's account key as it was shown to her, and the other one that the directory has told since."""
    alice, _bob = friends(net, "alice", "bob")
    shown = alice.engine.contact("bob").account_key
    impostor = reissue(PEOPLE["mallory"], net.realm, "bob", DeviceId(os.urandom(16)), net.now.ms)
    alice.hostile = answers(lambda r: with_lookup(r, listing(impostor)) if lookup_of(r) else None)
    alice.turn([], lambda engine, now: engine.find("bob"))
    net.run()
    return alice, shown, impostor.card.card.n_sign


def test_attack_43_the_key_that_was_compared_is_the_key_that_is_verified(net):
    """The digits are on the screen; behind it the key changes; then comes the person's yes."""
    alice, shown, _other = with_another_key_since(net)
    with pytest.raises(UntrustedPeerError):
        alice.turn([], lambda engine, now: engine.trust.set_verified("bob", True, shown, now))
    assert alice.engine.contact("bob").trust == "changed"


def test_attack_43_a_yes_to_the_old_digits_is_none_to_a_key_that_was_accepted_since(net):
    alice, shown, other = with_another_key_since(net)
    alice.turn([], lambda engine, now: engine.trust.approve("bob", now))
    with pytest.raises(ComparedOtherKeyError):
        alice.turn([], lambda engine, now: engine.trust.set_verified("bob", True, shown, now))
    assert alice.engine.contact("bob").trust == "unverified"
    alice.turn([], lambda engine, now: engine.trust.set_verified("bob", True, other, now))
    assert alice.engine.contact("bob").trust == "verified"
