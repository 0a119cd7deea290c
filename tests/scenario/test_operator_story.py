"""What people see of the operator's orders: bans, deletion, a name with a new key."""

from __future__ import annotations

from sealwire.broker.orders import AddBan, Ban, DropAccount, Purge, RemoveBan


def order(net, command):
    """The operator gives an order to the running broker."""
    net.router.command("order", command)
    net.advance(0.5)
    ((_, answer),) = net.router.replies
    net.router.replies.clear()
    return answer


def codes(peer):
    return [error.code for error in peer.errors]


def test_a_banned_person_is_told_and_stays_out_with_any_key(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    order(net, AddBan(None, Ban("account", "bob", 0, "")))
    assert not bob.online
    assert codes(bob) == ["shut-out"]
    bob.curve = bytes(32)
    bob.online = True
    bob._make_engine()
    net.run()
    assert not bob.online
    alice.send("bob", "hello")
    net.run()
    order(net, RemoveBan(None, "account", "bob"))
    bob._make_engine()
    bob.online = True
    net.run()
    assert bob.texts() == ["hello"]


def test_mail_to_a_deleted_account_is_answered_and_nothing_dangles(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "one")
    net.run()
    bob.online = False
    net.cut(bob)
    alice.send("bob", "two")
    net.run()
    order(net, DropAccount(None, "bob", False))
    late = alice.send("bob", "three")
    net.advance(2)
    status = net.router.status()
    assert (status["waiting_messages"], status["unstored_bytes"], status["accounts"]) == (0, 0, 1)
    assert "sent" not in alice.states(late)
    bob.online = True
    net.run()
    assert not bob.online, "bob is told, and does not try for ever"


def test_a_name_with_a_new_key_is_not_trusted_by_itself(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "hello")
    net.run()
    order(net, DropAccount(None, "bob", True))
    assert not bob.online
    assert codes(bob) == ["shut-out"]
    other = net.peer("bob", keys="mallory")
    net.run()
    alice.send("bob", "are you still you?")
    net.advance(3)
    assert other.texts() == []
    assert [event for event in alice.events if getattr(event, "state", "") == "changed"] or alice.warnings(
        "key-changed"
    )


def test_a_purged_message_is_missing_and_that_is_said(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "one")
    net.run()
    bob.online = False
    net.cut(bob)
    alice.send("bob", "two")
    net.run()
    assert order(net, Purge("bob")).op.total >= 1
    bob.online = True
    net.run()
    alice.send("bob", "three")
    net.run()
    assert bob.texts() == ["one", "three"]
    assert [warning.count for warning in bob.warnings("gap")] == [1]
