"""Directory requests (protocol.md §6): equal answers, at most once, idempotent."""

from __future__ import annotations

import os

import pytest

from sealwire.crypto.prekeys import Bundle, PrekeySecret, sign_prekeys
from sealwire.wire import control, frames
from sealwire.wire.frames import Code
from tests.vectors.people import NOW_MS


def publish(client, spk_id=1, ids=(1, 2, 3), request_id=1, signature=None):
    secret = PrekeySecret.generate(os.urandom, spk_id, spk_id, NOW_MS)
    signed = sign_prekeys(client.identity.device, client.identity.card.card, secret.public())
    return control.Publish(
        id=request_id,
        prekeys=signed.prekeys.encode(),
        signature=signature or signed.signature,
        one_time=[control.OneTime(id=i, key=i.to_bytes(32, "big")) for i in ids],
    )


def opk(response: control.Response) -> int:
    return Bundle.decode(response.body).opk_id


@pytest.fixture
def people(rig):
    return rig.login("alice"), rig.login("bob", "bob")


def test_a_name_is_found_with_its_devices(people):
    alice, bob = people
    body = control.decode_lookup_body(alice.ask(control.Lookup(id=1, name="bob")).body)
    assert body.devices == bob.identity.devices.devices.encode()
    assert body.mailboxes == [bob.mailbox]


def test_known_and_unknown_look_alike_from_outside(people):
    alice, bob = people
    bob.ask(publish(bob))
    requests = [
        (control.Lookup(id=1, name="bob"), control.Lookup(id=2, name="nobody")),
        (control.Fetch(id=3, mailbox=bob.mailbox), control.Fetch(id=4, mailbox=bytes(16))),
    ]
    for known, unknown in requests:
        sizes = []
        for request in (known, unknown):
            alice.feed(control.encode_request(alice.token, request))
            sizes.append(len(alice.frames()[-1]))
        assert sizes[0] == sizes[1]
    assert alice.ask(control.Lookup(id=5, name="nobody")).code == Code.UNKNOWN


def test_a_bundle_verifies_and_each_one_time_prekey_goes_once(people):
    alice, bob = people
    assert bob.ask(publish(bob)).code == Code.OK
    ids = []
    for n in range(4):
        response = alice.ask(control.Fetch(id=n, mailbox=bob.mailbox))
        Bundle.decode(response.body).verify(bob.mailbox)
        ids.append(opk(response))
    assert ids == [1, 2, 3, 0]


def test_an_upload_repeated_puts_back_nothing_that_was_handed_out(people):
    alice, bob = people
    upload = publish(bob)
    bob.ask(upload)
    assert opk(alice.ask(control.Fetch(id=1, mailbox=bob.mailbox))) == 1
    assert bob.ask(upload).code == Code.OK
    assert opk(alice.ask(control.Fetch(id=2, mailbox=bob.mailbox))) == 2


def test_a_prekey_asked_for_twice_with_a_crash_between_is_never_handed_out_twice(slow):
    alice, bob = slow.login("alice"), slow.login("bob", "bob")
    slow.auto = True
    bob.ask(publish(bob))
    slow.auto = False
    alice.ask(control.Fetch(id=1, mailbox=bob.mailbox))
    slow.store.apply(slow.job)  # committed, and the answer is lost
    slow.crash()
    slow.auto = True
    alice = slow.login("alice")
    assert opk(alice.ask(control.Fetch(id=1, mailbox=bob.mailbox))) == 2


def test_a_bundle_is_not_answered_before_its_commit(slow):
    alice, bob = slow.login("alice"), slow.login("bob", "bob")
    assert alice.ask(control.Fetch(id=1, mailbox=bob.mailbox)) is None
    slow.commit()
    assert alice.frames()


def test_prekeys_somebody_else_signed_are_refused(people):
    alice, bob = people
    assert bob.ask(publish(bob, signature=bytes(64))).code == Code.INVALID
    assert bob.ask(publish(alice)).code == Code.INVALID


def test_one_time_prekeys_need_ids_of_their_own(people):
    _, bob = people
    assert bob.ask(publish(bob, ids=(1, 1))).code == Code.INVALID
    assert bob.ask(publish(bob, ids=(0, 1))).code == Code.INVALID


def test_older_prekeys_do_not_replace_newer_ones(people):
    alice, bob = people
    bob.ask(publish(bob, spk_id=2))
    assert bob.ask(publish(bob, spk_id=1)).code == Code.INVALID
    assert Bundle.decode(alice.ask(control.Fetch(id=1, mailbox=bob.mailbox)).body).prekeys.prekeys.spk_id == 2


def test_a_hundred_one_time_prekeys_are_kept(rig, people):
    _, bob = people
    bob.ask(publish(bob, ids=range(1, 101)))
    bob.ask(publish(bob, ids=range(101, 151)))
    assert rig.router.mailboxes[bob.mailbox].one_time_left == 100
    rig.crash()
    assert rig.router.mailboxes[bob.mailbox].one_time_left == 100
    assert rig.router.mailboxes[bob.mailbox].prekeys_id == 1


def test_more_than_six_bundles_of_one_device_come_slowly(rig, people):
    alice, bob = people
    bob.ask(publish(bob, ids=range(1, 20)))
    codes = [alice.ask(control.Fetch(id=n, mailbox=bob.mailbox)).code for n in range(8)]
    assert codes == [Code.OK] * 6 + [Code.RATE] * 2
    for _ in range(6):
        rig.advance(101)
        alice.feed(frames.encode_ping(alice.token, 1))
    assert alice.ask(control.Fetch(id=9, mailbox=bob.mailbox)).code == Code.OK


def test_requests_are_paced_and_the_refusal_has_the_same_size(make_rig):
    rig = make_rig(requests_burst=2.0, requests_per_min=1.0)
    alice = rig.login("alice")
    sizes = set()
    for n in range(3):
        alice.feed(control.encode_request(alice.token, control.Lookup(id=n, name="x")))
        sizes.add(len(alice.rig.inbox[alice.rid][-1]))
    response = control.decode_response(alice.frames()[-1])
    assert response.code == Code.RATE
    assert response.retry_after_ms > 0
    assert len(sizes) == 1


def test_a_seventeenth_open_request_ends_the_link_session(slow):
    alice = slow.login("alice")
    for n in range(16):
        alice.feed(control.encode_request(alice.token, control.Lookup(id=n, name="x")))
    assert alice.is_open
    alice.feed(control.encode_request(alice.token, control.Lookup(id=17, name="x")))
    assert not alice.is_open


def test_a_full_disk_is_said(slow):
    bob = slow.login("bob", "bob")
    assert bob.ask(publish(bob)) is None
    slow.refuse()
    assert control.decode_response(bob.frames()[-1]).code == Code.STORAGE
