"""What becomes of one message: the entry rows of protocol.md §5.3, and FANOUT.

Jobs commit at once in ``rig``; in ``slow`` the test says when, and how they end.
"""

from __future__ import annotations

from sealwire.broker.links import MAX_HELD
from sealwire.wire import frames
from tests.unit.broker.rig import pair

A, B, C = b"a" * 64, b"b" * 64, b"c" * 64


def box(rig, client):
    return rig.router.mailboxes[client.mailbox]


# --- entries -------------------------------------------------------------------------------------------------


def test_taken_before_its_job_never_touches_the_disk(make_rig):
    rig = make_rig(grace_ms=4.0)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A)
    bob.ack(1)
    assert alice.seen() == [("accepted", 1)]
    rig.advance(1)
    assert box(rig, bob).messages == 0
    assert list(rig.store.snapshot().mail) == []


def test_taken_while_its_job_is_under_way_is_answered_and_deleted_by_the_next(slow):
    alice, bob = pair(slow)
    alice.send(bob.mailbox, A)
    bob.ack(1)
    assert alice.seen() == [("accepted", 1)]
    slow.commit()
    assert len(list(slow.store.snapshot().mail)) == 1
    slow.advance(1)
    assert slow.commit().job.deletes
    assert list(slow.store.snapshot().mail) == []
    assert alice.seen() == []


def test_stored_then_acknowledged_is_deleted(slow):
    alice, bob = pair(slow)
    alice.send(bob.mailbox, A)
    slow.commit()
    bob.ack(1)
    slow.advance(1)
    slow.commit()
    assert list(slow.store.snapshot().mail) == []


def test_an_unknown_mailbox_is_refused(rig):
    alice, _ = pair(rig)
    alice.send(frames.Mailbox(bytes(16)), A, B)
    assert alice.seen() == [("reject", 1, "unknown"), ("reject", 2, "unknown"), ("accepted", 2)]


def test_a_large_envelope_is_refused(make_rig):
    rig = make_rig(envelope_bytes=63)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A)
    assert alice.seen() == [("reject", 1, "size"), ("accepted", 1)]


def test_release_ends_the_hold(make_rig):
    rig = make_rig(envelope_bytes=64)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A + A, B)
    assert alice.seen() == [("reject", 1, "size"), ("reject", 2, "held"), ("accepted", 2)]
    alice.release(bob.mailbox)
    alice.send(bob.mailbox, B)
    assert alice.seen() == [("accepted", 3)]
    assert bob.seen() == [("deliver", 1, B)]


def test_a_hold_is_for_one_mailbox(make_rig):
    rig = make_rig(envelope_bytes=64)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A + A)
    alice.send(alice.mailbox, B)
    assert [words for words in alice.seen() if words[0] == "deliver"] == [("deliver", 1, B)]


def test_too_many_holds_end_the_link_session(rig):
    alice, _ = pair(rig)
    for n in range(MAX_HELD + 1):
        alice.send(frames.Mailbox(n.to_bytes(16, "big")), A)
    assert alice.seen()[-1] == ("reset", "protocol")


def test_rate_is_refused_with_a_time_and_refills(make_rig):
    rig = make_rig(account_units_per_s=10.0, account_units_burst=3.0)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A, B, C)
    assert alice.seen() == [("accepted", 3)]
    alice.send(bob.mailbox, A)
    reject, _ = alice.frames()
    _, code, retry_after_ms = frames.decode_reject(reject)
    assert code is frames.Code.RATE
    assert 0 < retry_after_ms < 1_000
    rig.advance(0.3)
    alice.release(bob.mailbox)
    alice.send(bob.mailbox, B)
    assert alice.seen() == [("accepted", 5)]


def test_a_full_mailbox_refuses_but_not_while_its_owner_takes_what_comes(make_rig):
    rig = make_rig(quota_messages=2, sender_share=1.0)
    alice, bob = pair(rig)
    alice.send(bob.mailbox, A, B, C)  # LIVE: no quota is asked for
    assert alice.seen() == [("accepted", 3)]
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, A)
    assert alice.seen() == [("reject", 4, "quota"), ("accepted", 4)]


def test_a_full_mailbox_in_bytes_refuses(make_rig):
    rig = make_rig(quota_bytes=100)
    alice, bob = pair(rig)
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, A, B)
    assert alice.seen() == [("reject", 2, "quota"), ("accepted", 2)]


def test_one_sender_fills_no_more_than_its_share(make_rig):
    rig = make_rig(quota_messages=8, sender_share=0.25)
    alice, bob = pair(rig)
    carol = rig.login("carol", "mallory")
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, A, B, C)
    assert alice.seen() == [("reject", 3, "share"), ("accepted", 3)]
    carol.send(bob.mailbox, A)
    assert carol.seen() == [("accepted", 1)]


def test_nor_of_its_bytes_but_one_message_always(make_rig):
    """A few large messages close a mailbox as well as many small ones."""
    rig = make_rig(quota_bytes=8 * len(A), sender_share=0.25)
    alice, bob = pair(rig)
    carol = rig.login("carol", "mallory")
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, A, B, C)
    assert alice.seen() == [("reject", 3, "share"), ("accepted", 3)]
    carol.send(bob.mailbox, A * 5)
    carol.send(bob.mailbox, A)
    assert carol.seen() == [("accepted", 1), ("reject", 2, "share"), ("accepted", 2)]


def test_too_much_unstored_is_busy_but_not_for_live_mail(make_rig):
    rig = make_rig(auto=False, unstored_bytes=100)
    alice, bob = pair(rig)
    carol = rig.login("carol", "mallory")
    carol.feed(frames.encode_bye(carol.token))
    alice.send(carol.mailbox, A, B)
    assert alice.seen() == [("reject", 2, "busy")]
    alice.send(bob.mailbox, C)
    assert bob.seen() == [("deliver", 1, C)]


def test_a_full_disk_refuses_the_job_and_what_follows_it(slow):
    alice, bob = pair(slow)
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, A, B)  # COMMIT
    alice.send(bob.mailbox, C)  # PEND
    slow.refuse()
    assert alice.seen() == [
        ("reject", 1, "storage"),
        ("reject", 2, "storage"),
        ("reject", 3, "storage"),
        ("accepted", 3),
    ]
    assert box(slow, bob).messages == 0
    alice.send(bob.mailbox, A)
    assert alice.seen() == [("reject", 4, "held"), ("accepted", 4)]


def test_a_full_disk_spares_what_was_taken(slow):
    alice, bob = pair(slow)
    alice.send(bob.mailbox, A, B)
    bob.ack(1)
    slow.refuse()
    assert alice.seen() == [("accepted", 1), ("reject", 2, "storage"), ("accepted", 2)]
    bob.ack(2)  # only counts
    assert bob.is_open
    assert box(slow, bob).messages == 0


def test_the_deletes_of_a_refused_job_go_into_the_next_before_anything_is_written(slow):
    alice, bob = pair(slow)
    alice.send(bob.mailbox, A)
    slow.commit()
    bob.ack(1)
    alice.send(bob.mailbox, B)
    deletes = slow.job.deletes
    assert deletes
    alice.send(alice.mailbox, C)
    slow.refuse()
    assert slow.job.deletes == deletes
    assert slow.job.mails == []
    slow.commit()
    assert [envelope for _, _, envelope in slow.job.mails] == [C]


def test_refused_in_flight_is_not_delivered_again(slow):
    alice, bob = pair(slow)
    alice.send(bob.mailbox, A)
    slow.refuse()
    bob.feed(frames.encode_bye(bob.token))
    assert slow.login("bob", "bob").seen() == []


def test_the_senders_end_does_not_stop_its_messages(slow):
    alice, bob = pair(slow)
    alice.send(bob.mailbox, A)
    alice.feed(frames.encode_bye(alice.token))
    slow.commit()
    assert alice.seen() == []
    assert bob.seen() == [("deliver", 1, A)]


def test_accepted_waits_for_every_earlier_number(slow):
    alice, bob = pair(slow)
    carol = slow.login("carol", "mallory")
    carol.feed(frames.encode_bye(carol.token))
    alice.send(carol.mailbox, A)
    alice.send(bob.mailbox, B)
    bob.ack(1)
    assert alice.seen() == []
    slow.commit()
    assert alice.seen() == [("accepted", 2)]


def test_after_a_crash_what_was_accepted_is_there_and_what_was_not_is_gone(slow):
    alice, bob = pair(slow)
    bob.feed(frames.encode_bye(bob.token))
    alice.send(bob.mailbox, A)
    slow.commit()
    alice.send(bob.mailbox, B)
    slow.crash()
    assert slow.login("bob", "bob").seen() == [("deliver", 1, A)]


# --- FANOUT --------------------------------------------------------------------------------------------------


def test_fanout_reaches_each_and_is_accepted_once(rig):
    alice, bob = pair(rig)
    carol = rig.login("carol", "mallory")
    carol.feed(frames.encode_bye(carol.token))
    alice.fanout([bob.mailbox, carol.mailbox], A)
    assert alice.seen() == [("accepted", 1)]
    assert bob.seen() == [("deliver", 1, A)]
    assert rig.login("carol", "mallory").seen() == [("deliver", 1, A)]


def test_fanout_to_some_unknown_names_them(rig):
    alice, bob = pair(rig)
    alice.fanout([frames.Mailbox(bytes(16)), bob.mailbox], A)
    assert alice.seen() == [("partial", 1, [(0, "unknown")]), ("accepted", 1)]
    alice.fanout([frames.Mailbox(bytes(16))], A)
    assert alice.seen() == [("partial", 2, [(0, "unknown")]), ("accepted", 2)]


def test_fanout_refused_by_a_full_disk_names_the_target(slow):
    alice, bob = pair(slow)
    carol = slow.login("carol", "mallory")
    alice.fanout([bob.mailbox, carol.mailbox], A)
    bob.ack(1)
    slow.refuse()
    assert alice.seen() == [("partial", 1, [(1, "storage")]), ("accepted", 1)]


def test_fanout_body_is_stored_once_and_goes_with_its_last_target(rig):
    alice, bob = pair(rig)
    carol = rig.login("carol", "mallory")
    for client in (bob, carol):
        client.feed(frames.encode_bye(client.token))
    alice.fanout([bob.mailbox, carol.mailbox], A)
    alice.send(bob.mailbox, B)
    bodies = "SELECT count(*), sum(targets) FROM body"
    assert rig.store._db.execute(bodies).fetchall() == [(1, 2)]
    bob = rig.login("bob", "bob")
    assert bob.seen() == [("deliver", 1, A), ("deliver", 2, B)]
    bob.ack(2)
    rig.advance(1)
    assert rig.store._db.execute(bodies).fetchall() == [(1, 1)]
    rig.crash()
    carol = rig.login("carol", "mallory")
    assert carol.seen() == [("deliver", 1, A)]
    carol.ack(1)
    rig.advance(1)
    assert rig.store._db.execute(bodies).fetchall() == [(0, None)]
