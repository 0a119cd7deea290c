"""FANOUT at its full size: one frame, a thousand targets, one body (protocol.md §5.3)."""

from __future__ import annotations

import pytest

from sealwire.broker.port import Job, Register
from sealwire.ids import Mailbox
from sealwire.wire import frames
from sealwire.wire.frames import MAX_FANOUT

A, B = b"a" * 64, b"b" * 64


def register(number: int) -> Register:
    """A device that only has to exist."""
    name, device = f"u{number}", number.to_bytes(16, "big")
    mailbox = Mailbox(b"crowd" + number.to_bytes(11, "big"))
    blank = bytes(384)
    return Register(
        None, mailbox, name, blank, device, b"", blank, device * 2, b"", blank, 1, (device,), None, False, 0
    )


def crowd(rig, count):
    """Devices that are away; the broker starts again with them."""
    ops = [register(number) for number in range(count)]
    rig.store.apply(Job(1, ops=ops))
    rig.crash()
    return [op.mailbox for op in ops]


def counts(rig):
    tables = ("body", "fan", "mail")
    return [rig.store._db.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in tables]


def test_a_thousand_targets_are_one_body_a_thousand_small_rows_and_one_answer(rig):
    everybody = crowd(rig, MAX_FANOUT)
    alice = rig.login("alice")
    alice.fanout(everybody, A)
    assert alice.seen() == [("accepted", 1)]
    assert counts(rig) == [1, MAX_FANOUT, 0]
    assert rig.router.status()["waiting_messages"] == MAX_FANOUT


def test_it_costs_a_unit_for_the_frame_each_target_and_each_4_kib(slow):
    everybody = crowd(slow, MAX_FANOUT)
    alice = slow.login("alice")
    before = alice_units(slow)
    alice.fanout(everybody, bytes(8192))
    assert slow.router.relay.units == MAX_FANOUT + 3
    assert before - alice_units(slow) == MAX_FANOUT + 3


def alice_units(rig):
    return rig.router._accounts["alice"].units


def test_memory_counts_the_body_once(slow):
    everybody = crowd(slow, MAX_FANOUT)
    alice = slow.login("alice")
    alice.fanout([Mailbox(bytes(16)), *everybody[:-1]], bytes(20_000))
    assert slow.router.status()["unstored_bytes"] == 20_000
    assert len(slow.job.mails) == MAX_FANOUT - 1
    assert len(slow.job.bodies) == 1
    slow.commit()
    assert slow.router.status()["unstored_bytes"] == 0
    assert alice.seen()[-1] == ("accepted", 1)


def test_its_targets_are_never_split_over_two_jobs(slow, monkeypatch):
    monkeypatch.setattr("sealwire.broker.ledger.JOB_ROWS", 4)
    everybody = crowd(slow, 3)
    alice = slow.login("alice")
    alice.send(alice.mailbox, B)
    alice.send(everybody[0], B)
    alice.send(everybody[1], B)
    alice.fanout(everybody, A)
    slow.commit()
    assert len(slow.job.mails) == 2
    slow.commit()
    assert [len(slow.job.mails), len(slow.job.bodies)] == [3, 1]
    slow.commit()
    assert counts(slow)[0] == 1
    assert alice.seen()[-1] == ("accepted", 4)


@pytest.mark.parametrize("refused", [0, 1, 2])
def test_refused_targets_are_named_with_a_time_and_the_others_are_stored(make_rig, refused):
    rig = make_rig(quota_messages=1, sender_share=1.0)
    everybody = crowd(rig, 4)
    alice = rig.login("alice")
    for mailbox in everybody[:refused]:
        alice.send(mailbox, B)
    alice.frames()
    alice.fanout(everybody, A)
    got = alice.frames()
    if refused:
        seq, retry_ms, rows = frames.decode_partial(got.pop(0))
        assert seq == refused + 1
        assert retry_ms > 0
        assert [(index, frames.Code(code).name) for index, code in rows] == [(n, "QUOTA") for n in range(refused)]
    assert [frame[0] for frame in got] == [frames.Verb.ACCEPTED]
    assert counts(rig) == [1, 4 - refused, refused]


def test_one_target_more_is_not_a_frame_of_ours(rig):
    everybody = crowd(rig, 1)
    alice = rig.login("alice")
    head = frames.encode_fanout(alice.token, 1, frames.Mid(bytes(16)), everybody, b"")
    alice.feed(head[:33] + (MAX_FANOUT + 1).to_bytes(2, "big") + everybody[0] * (MAX_FANOUT + 1) + A)
    assert alice.seen() == [("reset", "protocol")]
