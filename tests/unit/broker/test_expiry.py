"""Mail that waited too long (protocol.md §5.4), over a real store; and the clock that decides it."""

from __future__ import annotations

import pytest

from sealwire.broker import expiry
from sealwire.wire import control, frames

A, B, C = b"a" * 64, b"b" * 64, b"c" * 64
HOUR_S = 3_600
DAY_S = 86_400
YEAR_S = 365 * DAY_S


def rest(rig, seconds, wall_seconds=None):
    """A long time passes; an hour of it first, so that ages of what is stored are known."""
    for part in (HOUR_S + 1, seconds - HOUR_S - 1):
        rig.now += part
        rig.wall_ms += int(1000 * (part if wall_seconds is None else wall_seconds * part / seconds))
        rig.advance(3)


def away(rig, *sent):
    """Bob is registered and away; alice has sent."""
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, *sent)
    alice.feed(frames.encode_bye(alice.token))
    return bob


def stored(rig):
    return [size for _, _, size, _ in rig.store.snapshot().mail]


def told(rig):
    """Log bob in; what WELCOME says has expired, and who bob is now."""
    bob = rig.connect("bob", "bob")
    bob.greet()
    bob.prove()
    welcome, *rest_of_it = bob.frames()
    return control.decode_welcome(welcome).expired, rest_of_it, bob


def test_mail_older_than_the_limit_goes_and_is_told_once(rig):
    bob = away(rig, A, B)
    rest(rig, 31 * DAY_S)
    assert stored(rig) == []
    box = rig.router.mailboxes[bob.mailbox]
    assert (box.messages, box.bytes) == (0, 0)
    assert rig.router.status()["expired"] == 2
    count, mail, bob = told(rig)
    assert (count, mail) == (2, [])
    rig.advance(1)
    bob.feed(frames.encode_ping(bob.token, 1))
    rig.advance(3)
    assert told(rig)[0] == 0
    rig.crash()
    assert told(rig)[0] == 0


def test_what_expired_is_told_again_until_the_device_has_said_something(rig):
    away(rig, A)
    rest(rig, 31 * DAY_S)
    assert told(rig)[0] == 1
    rig.crash()
    assert told(rig)[0] == 1


def test_younger_mail_stays(rig):
    bob = away(rig, A)
    rest(rig, 20 * DAY_S)
    rig.login("alice").send(bob.mailbox, B)
    rest(rig, 11 * DAY_S)
    assert stored(rig) == [64]
    count, mail, _ = told(rig)
    assert count == 1
    assert [frames.decode_deliver(frame)[2] for frame in mail] == [B]


def test_targets_of_a_fanout_expire_one_by_one(rig):
    alice, bob, carol = rig.login("alice"), rig.login("bob", "bob"), rig.login("carol", "mallory")
    for client in (bob, carol):
        client.feed(frames.encode_bye(client.token))
    alice.fanout([bob.mailbox, carol.mailbox], A)
    rest(rig, 31 * DAY_S)
    assert stored(rig) == []
    assert rig.store._db.execute("SELECT count(*) FROM body").fetchall() == [(0,)]
    assert rig.router.mailboxes[bob.mailbox].bytes == 0


@pytest.mark.parametrize("jump_s", [-10 * YEAR_S, DAY_S, 10 * YEAR_S])
def test_a_jump_of_the_wall_clock_deletes_nothing(rig, jump_s):
    away(rig, A)
    rest(rig, 29.5 * DAY_S)
    rig.wall_ms += 1000 * jump_s
    rig.advance(5)
    assert stored(rig) == [64]


@pytest.mark.parametrize("jump_s", [-10 * YEAR_S, DAY_S, 10 * YEAR_S])
def test_a_jump_while_the_broker_is_off_deletes_nothing_and_age_is_kept(rig, jump_s):
    away(rig, A)
    rest(rig, 29.5 * DAY_S)
    rig.wall_ms += 1000 * jump_s
    rig.crash()
    rig.advance(5)
    assert stored(rig) == [64]
    rest(rig, 0.6 * DAY_S)
    assert stored(rig) == []


def test_a_start_knows_the_age_of_all_that_came_within_an_hour_before_nothing_came_for_days(rig):
    """The next message, days later, says nothing of how old they are."""
    bob = away(rig, A, A, A)
    rest(rig, 29 * DAY_S)
    alice = rig.login("alice")
    alice.send(bob.mailbox, B)
    alice.feed(frames.encode_bye(alice.token))
    rig.crash()
    rest(rig, 2 * DAY_S)
    assert rig.router.status()["expired"] == 3
    assert told(rig)[0] == 3


def test_mail_of_a_device_that_is_here_does_not_expire(rig):
    away(rig, A)
    rest(rig, 29 * DAY_S)
    bob = told(rig)[2]
    rest(rig, 2 * DAY_S)
    assert stored(rig) == [64]
    assert bob.is_open
    bob.ack(1)
    rig.advance(1)
    assert stored(rig) == []
    assert rig.router.mailboxes[bob.mailbox].messages == 0


def test_a_bounded_number_expires_in_one_look(rig, monkeypatch):
    monkeypatch.setattr(expiry, "EXPIRE_ROWS", 2)
    bob = away(rig, A, B, C)
    rest(rig, 29.9 * DAY_S)
    rig.now += DAY_S
    rig.wall_ms += 1000 * DAY_S
    rig.auto = False
    rig.advance(2)
    assert [len(op.rows) for op in rig.job.ops if hasattr(op, "rows")] == [2]
    assert rig.router.mailboxes[bob.mailbox].messages == 1
    rig.auto = True
    rig.commit()
    rig.advance(3)
    assert stored(rig) == []
    assert told(rig)[0] == 3


def test_a_full_disk_delays_expiry_and_drops_none_of_it(rig):
    away(rig, A)
    rest(rig, 29.9 * DAY_S)
    rig.auto = False
    rig.now += DAY_S
    rig.wall_ms += 1000 * DAY_S
    rig.advance(2)
    rig.refuse()
    rig.advance(1)
    assert rig.job is not None
    rig.auto = True
    rig.commit()
    assert stored(rig) == []
    assert told(rig)[0] == 1


def test_a_read_for_a_link_session_that_ended_is_not_made_of_what_expires(rig):
    bob = away(rig, A)
    rest(rig, 29.9 * DAY_S)
    rig.auto = False
    rig.now += DAY_S
    rig.wall_ms += 1000 * DAY_S
    rig.router.begin(rig.now, rig.wall_ms)
    login = rig.connect("bob", "bob")
    login.greet()
    frame = login.login_frame()
    rig.router.second_frame(login.rid, frame)  # a read waits …
    rig.router.handle(rig.router.links[login.rid], frames.encode_bye(login.token))  # … and its link session ends
    rig.auto = True
    rig.advance(3)
    assert stored(rig) == []
    assert rig.router.mailboxes[bob.mailbox].messages == 0
