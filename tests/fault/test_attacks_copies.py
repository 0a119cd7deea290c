"""Attacks that broke other systems: one profile in two places, and yesterday's profile put back.

The numbers are those of docs/security.md.
"""

import shutil

import pytest

from sealwire.crypto.group_entry import Kind
from sealwire.peer.opening import is_restored
from sealwire.peer.profile import Profile
from sealwire.peer.store import Store
from sealwire.wire.header import decode_envelope
from tests.company import Company
from tests.fault.circle import Circle
from tests.fault.hostile import Mail, Tap, friends, reasons, restore, sessions, snapshot


def twin_of(net, peer, copy):
    """A second installation of a copied profile; it is not started yet."""
    twin = net.peer(peer.name, keys="alice")
    twin.crash()
    shutil.rmtree(twin.folder)
    shutil.copytree(copy, twin.folder)
    twin.identity, twin.vault, twin.curve = peer.identity, peer.vault, peer.curve
    return twin


@pytest.fixture
def copied(net, tmp_path):
    """Alice and bob, who have talked; and a copy of alice's folder that is in other hands."""
    alice, bob = friends(net, "alice", "bob")
    snapshot(alice, tmp_path / "copy")
    net.run()
    return alice, bob, twin_of(net, alice, tmp_path / "copy")


# --- 19: two copies of a device ------------------------------------------------------------------------------


def test_attack_19_a_copy_that_speaks_in_a_used_place_is_said_and_nothing_is_repaired(net, copied):
    """Original and copy send under the same key: the second one cannot be read, and no new session hides that."""
    alice, bob, twin = copied
    alice.send("bob", "from the original")
    net.run()
    alice.crash()
    before = sessions(bob, alice)
    tap = Tap(bob)
    twin.start()
    twin.send("bob", "from the copy")
    net.advance(10)
    assert "from the copy" not in bob.texts()
    assert reasons(bob) == ["repeated"]
    assert [warning.count for warning in bob.warnings("unreadable")] == [1]
    assert "another message was read in its place" in bob.warnings("unreadable")[0].message
    assert sessions(bob, alice) == before
    assert tap.envelopes() == [], "no answer, and nobody is asked for a fresh session"


def test_attack_19_a_copy_that_went_on_alone_is_named_when_the_original_speaks(net, copied):
    """A copy that has had an answer has keys of its own; the counters inside then claim one place twice."""
    alice, bob, twin = copied
    alice.crash()
    twin.start()
    twin.send("bob", "from the copy")
    net.run()
    bob.send("alice", "go on")
    net.run()
    twin.crash()
    net._pass(8 * 24 * 3600)  # after a week what is said begins a fresh session, and then it can be read
    alice.start()
    for text in ("is this on?", "from the original"):
        alice.send("bob", text)
        net.run()
    assert bob.texts()[-1] == "from the original"
    assert {warning.conversation for warning in bob.warnings("clone")} == {"alice"}
    assert "twice" in bob.warnings("clone")[0].message


def test_attack_19_two_copies_are_never_online_together(net, copied):
    alice, _bob, twin = copied
    twin.start()
    net.run()
    assert [type(error).__name__ for error in alice.errors] == ["SupersededError"]
    assert twin.rid is not None
    assert alice.rid is None
    net.advance(60)
    assert alice.rid is None, "it does not take turns with its copy: a person has to look"


# --- 51: yesterday's database --------------------------------------------------------------------------------


def test_attack_51_a_restored_sender_uses_no_chain_again(net, tmp_path):
    alice, bob = friends(net, "alice", "bob")
    snapshot(alice, tmp_path / "copy")
    net.run()
    tap = Tap(alice)
    alice.send("bob", "after the copy")
    net.run()
    used = {decode_envelope(envelope).tag for envelope in tap.envelopes()}
    restore(alice, tmp_path / "copy")
    net.run()
    tap = Tap(alice)
    alice.send("bob", "after the restore")
    net.run()
    fresh = [decode_envelope(envelope) for envelope in tap.envelopes()]
    assert bob.texts()[-2:] == ["after the copy", "after the restore"]
    assert not used & {envelope.tag for envelope in fresh}
    assert any(envelope.hs is not None for envelope in fresh), "a fresh handshake"
    assert not bob.warnings("unreadable")


def said_in_group(company, author, reader, text):
    """Say something; the tag of the sender key that it was said under."""
    mail = Mail(reader, pass_on=True)
    company.say(author, text)
    company.settle()
    reader.hostile = None
    (tag,) = (
        {envelope[:16] for envelope in mail.envelopes}
        - {tag for tag, _ in reader.store.sessions_of(author.mailbox())}
        - {bytes(16)}
    )
    return tag


def test_attack_51_a_restored_member_uses_no_sender_key_again(net, tmp_path):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    company = Company(net, alice)
    company.join(alice, bob)
    company.say(alice, "before")
    company.settle()
    snapshot(alice, tmp_path / "copy")
    company.settle()
    used = said_in_group(company, alice, bob, "after the copy")
    restore(alice, tmp_path / "copy")
    company.settle()
    fresh = said_in_group(company, alice, bob, "after the restore")
    assert used != fresh, "the tag names the sender key"
    assert bob.texts()[-1] == "after the restore"


def test_attack_51_the_start_of_an_older_database_is_noticed(tmp_path):
    profile = Profile("alice", "tcp://127.0.0.1:1", bytes(32), "x", None, tmp_path / "keys", tmp_path / "data")
    profile.data_dir.mkdir()

    def start():
        store = Store(profile.database, bytes(32))
        try:
            return is_restored(profile, store)
        finally:
            store.close()

    assert not start()
    old = profile.database.read_bytes()
    assert not start()
    profile.database.write_bytes(old)
    assert start()


def test_attack_51_a_member_restored_to_before_an_epoch_speaks_in_one_of_its_own(net, tmp_path):
    """The epoch of now is none that the copy knows: the original has spoken in it, under a key that is not here."""
    circle = Circle(net)
    alice, bob, carol = circle.all
    circle.talk()
    snapshot(bob, tmp_path / "copy")
    circle.settle()
    circle.do(alice, Kind.REKEY)
    circle.say(bob, "after the copy")
    circle.settle()
    epoch = circle.of(alice).membership.epoch
    restore(bob, tmp_path / "copy")
    circle.settle()
    circle.say(bob, "after the restore")
    circle.settle(10)
    for other in (alice, carol):
        assert circle.heard(other)[-2:] == ["after the copy", "after the restore"]
        assert reasons(other) == []
    assert circle.of(alice).membership.epoch == epoch + 1, "one, whatever happens after it"
    bob.crash()
    bob.start()
    circle.say(bob, "and on")
    circle.settle(10)
    assert circle.heard(carol)[-1] == "and on"
    assert circle.of(alice).membership.epoch == epoch + 1


def test_attack_51_an_owner_restored_to_before_a_removal_asks_members_for_the_key_and_goes_on(net, tmp_path):
    """Nobody else leads: the log key that this device made itself comes back from somebody it gave it to."""
    circle = Circle(net)
    alice, bob, carol = circle.all
    circle.talk()
    snapshot(alice, tmp_path / "copy")
    circle.settle()
    circle.remove(alice, "bob")
    restore(alice, tmp_path / "copy")
    circle.say(alice, "after the restore")
    circle.settle(90)
    assert circle.heard(carol)[-1] == "after the restore"
    circle.rename(alice, "still led")
    assert circle.of(carol).name == "still led"
    assert circle.agree(alice, carol)
    assert circle.heard(bob)[-1] == "carol is here", "who was put out reads nothing"


def test_a_restored_member_hears_what_is_said_next_without_having_spoken(net, tmp_path):
    circle = Circle(net)
    alice, bob, carol = circle.all
    circle.talk()
    snapshot(bob, tmp_path / "copy")
    circle.settle()
    circle.do(alice, Kind.REKEY)
    for other in (alice, carol):
        circle.say(other, f"{other.name} gives a key to the one who is put back")
    circle.settle()
    restore(bob, tmp_path / "copy")
    circle.settle()
    for other in (alice, carol):
        circle.say(other, f"{other.name} goes on")
    circle.settle()
    assert circle.heard(bob)[-2:] == ["alice goes on", "carol goes on"]
