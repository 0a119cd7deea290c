"""A person who was away for too long: what expired is told, and nothing else is missing."""

from __future__ import annotations

DAY_S = 86_400


def pass_days(net, days):
    """Days pass; an hour of them first, as a broker that runs marks each."""
    for seconds in (3_601, days * DAY_S - 3_601):
        net._pass(seconds)
        net.run()
        net.advance(3)


def test_what_expired_is_told_to_the_person_and_later_mail_comes(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    alice.send("bob", "before")
    net.run()
    bob.online = False
    net.cut(bob)
    for text in ("one", "two"):
        alice.send("bob", text)
    net.run()
    alice.online = False  # she is away as well: nothing reminds the broker of either
    net.cut(alice)
    net.advance(2)
    pass_days(net, 31)
    assert net.router.status()["waiting_messages"] == 0
    alice.online = True
    net.advance(3)
    alice.send("bob", "three")
    net.run()
    bob.online = True
    net.run()
    assert bob.texts() == ["before", "three"]
    assert [warning.count for warning in bob.warnings("expired")] == [2]
    assert [warning.count for warning in bob.warnings("gap")] == [2]


def test_nothing_expires_and_nothing_is_missing_when_the_clock_jumps(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    bob.online = False
    net.cut(bob)
    alice.send("bob", "hello")
    net.run()
    net.now = type(net.now)(net.now.ms + 3_650 * DAY_S * 1000, net.now.mono_s)
    net.advance(5)
    bob.online = True
    net.run()
    assert bob.texts() == ["hello"]
    assert bob.warnings("expired") == []
