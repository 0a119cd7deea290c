"""Uploads and downloads against a real broker, over every kind of break (protocol.md §17)."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealwire.crypto.attachments import blob_size
from sealwire.peer.download import PREFETCH
from sealwire.peer.mover import MAX_JOBS
from sealwire.peer.moves import Anew, Downloaded, Progressed, RunWanted, Uploaded, Waits
from sealwire.peer.upload import AHEAD, Upload
from sealwire.wire.blobs import BULK_WINDOW, CHUNK_BYTES, SEALED_CHUNK_BYTES, chunk_count
from tests.unit.peer.moving import Carrier, MemorySink, MemorySource, make_rig, offered, plan_of

DATA = os.urandom(9 * CHUNK_BYTES + 12_345)
COUNT = chunk_count(blob_size(len(DATA)))


@pytest.fixture
def rig(tmp_path):
    made = make_rig(tmp_path)
    yield made
    made.store.close()


def stored(carrier, content=DATA):
    """Upload; returns what a recipient is told."""
    plan = carrier.upload(content)
    carrier.run()
    (uploaded,) = carrier.told(Uploaded)
    assert uploaded.digest == hashlib.sha256(content).digest()
    return offered(carrier.runs[plan.row], content)


def altered(at):
    """The same with one byte another one: DATA is random, so what stands there may be any fixed one."""
    return DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]


def fetched(carrier, plan, sink=None):
    sink = sink or MemorySink()
    carrier.download(plan, sink)
    carrier.run()
    return sink


@pytest.mark.parametrize("size", [0, 1, 4_096, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, len(DATA)])
def test_a_file_arrives_as_it_was_whatever_its_size(rig, size):
    alice = Carrier(rig)
    plan = stored(alice, DATA[:size])
    assert fetched(alice, plan).final == DATA[:size]
    assert alice.told(Downloaded)[0].media_type == "text/plain"
    assert alice.told(Progressed)[-1].done_bytes == size
    assert len(alice.puts) == len(alice.gets) == chunk_count(blob_size(size))


@given(cuts=st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_connections_move_at_most_a_window_twice(tmp_path_factory, cuts):
    rig = make_rig(tmp_path_factory.mktemp("cuts"))
    alice = Carrier(rig)
    plan = alice.upload(DATA)
    for turns in cuts:
        for _ in range(turns):
            alice.turn()
        alice.cut()
    alice.run()
    assert len(alice.puts) <= COUNT + BULK_WINDOW * len(cuts)
    assert alice.told(RunWanted) == []
    sink = MemorySink()
    alice.download(offered(alice.runs[plan.row], DATA), sink)
    for turns in cuts:
        for _ in range(turns):
            alice.turn()
        alice.cut()
    alice.run()
    assert sink.final == DATA
    assert len(alice.gets) <= COUNT + BULK_WINDOW * len(cuts)
    rig.store.close()


@given(kills=st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["sender", "broker", "both"])), max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_killed_senders_and_brokers_go_on_where_they_were(tmp_path_factory, kills):
    rig = make_rig(tmp_path_factory.mktemp("kills"))
    alice = Carrier(rig)
    plan = alice.upload(DATA)
    for turns, who in kills:
        for _ in range(turns):
            alice.turn()
        if who != "broker":
            alice.start()
        if who != "sender":
            rig.crash()
            alice.cut()
        if who != "broker":
            known = alice.runs[plan.row]
            alice.upload(DATA, dataclasses.replace(known, is_fresh=False))
    alice.run()
    assert alice.told(Anew) == []
    assert len(alice.puts) <= COUNT + BULK_WINDOW * len(kills)
    assert fetched(alice, offered(alice.runs[plan.row], DATA)).final == DATA
    rig.store.close()


@given(kills=st.lists(st.integers(0, 40), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_killed_recipient_goes_on_with_what_is_on_its_disk(tmp_path_factory, kills):
    rig = make_rig(tmp_path_factory.mktemp("kills"))
    alice = Carrier(rig)
    plan = stored(alice)
    part, sink = bytearray(), MemorySink()
    for turns in kills:
        sink = MemorySink(part)
        alice.start()
        alice.download(plan, sink)
        for _ in range(turns):
            alice.turn()
        if sink.final is not None:
            break
    else:
        alice.start()
        sink = fetched(alice, plan, MemorySink(part))
    assert sink.final == DATA
    assert len(alice.gets) <= COUNT + (BULK_WINDOW + 1) * len(kills)
    rig.store.close()


# --- the sender's side ---------------------------------------------------------------------------------------


def half_sent(alice, content=DATA, chunks=4):
    """Chunks have been stored, then the process dies; returns the plan of the next one."""
    plan = alice.upload(content)
    alice.run(lambda: any(one.done_bytes >= chunks * CHUNK_BYTES for one in alice.told(Progressed)))
    alice.start()
    return dataclasses.replace(alice.runs[plan.row], is_fresh=False)


def test_another_process_goes_on_in_a_run_of_its_own_and_keeps_where_the_last_one_ended(rig):
    alice = Carrier(rig)
    plan = half_sent(alice)
    alice.upload(DATA, plan)
    alice.run()
    known = alice.runs[plan.row]
    assert len(known.runs) == 2
    assert known.runs[1].first >= 4
    assert known.runs[0].header != known.runs[1].header
    again = dataclasses.replace(known, is_fresh=False)
    alice.start()
    alice.upload(DATA, again)  # it is whole: nothing is sent, the digest is found again
    before = len(alice.puts)
    alice.run()
    assert len(alice.puts) == before
    assert alice.told(Uploaded)[-1].digest == hashlib.sha256(DATA).digest()


@pytest.mark.parametrize("at", [0, 3 * CHUNK_BYTES])
def test_a_source_that_is_another_one_after_a_break_is_sent_anew_under_other_keys(rig, at):
    alice = Carrier(rig)
    plan = half_sent(alice)
    other = altered(at)
    alice.sources = {plan.row: other}
    alice.upload(other, plan)
    alice.run()
    assert len(alice.told(Anew)) == 1
    known = alice.runs[plan.row]
    assert (known.blob, known.key) != (plan.blob, plan.key)
    assert rig.router.status()["blobs"] == 1  # the other one was dropped
    assert fetched(alice, offered(known, other)).final == other


def test_a_source_that_changed_before_an_earlier_run_is_noticed_by_where_that_run_ended(rig):
    alice = Carrier(rig)
    plan = half_sent(alice, chunks=3)
    alice.upload(DATA, plan)
    alice.run(lambda: any(one.done_bytes >= 8 * CHUNK_BYTES for one in alice.told(Progressed)))
    alice.start()
    plan = dataclasses.replace(alice.runs[plan.row], is_fresh=False)
    assert len(plan.runs) == 2
    other = altered(0)
    alice.sources = {plan.row: other}
    alice.upload(other, plan)
    alice.run()
    assert len(alice.told(Anew)) == 1


def test_a_broker_that_lost_the_blob_gets_it_anew(rig):
    alice = Carrier(rig)
    plan = half_sent(alice)
    rig.router.blobs._lose(rig.router.blobs._blobs[plan.blob])
    rig.turn()
    alice.sources = {plan.row: DATA}
    alice.upload(DATA, plan)
    alice.run()
    assert fetched(alice, offered(alice.runs[plan.row], DATA)).final == DATA


def test_a_broker_that_lost_acknowledged_chunks_to_a_power_cut_gets_them_in_a_new_run(rig):
    alice = Carrier(rig)
    plan = alice.upload(DATA)
    alice.run(lambda: any(one.done_bytes >= 6 * CHUNK_BYTES for one in alice.told(Progressed)))
    (part,) = (rig.folder / "blobs").iterdir()
    rig.crash()
    os.truncate(part, 2 * SEALED_CHUNK_BYTES + 99)
    rig.crash()
    alice.cut()
    alice.run()
    assert [run.first for run in alice.runs[plan.row].runs] == [0, 2]
    assert fetched(alice, offered(alice.runs[plan.row], DATA)).final == DATA


def test_a_source_that_shrinks_changes_or_vanishes_while_it_is_sent_fails_in_words(rig):
    alice = Carrier(rig)
    for spoil in ("shrink", "change"):
        source, before = MemorySource(DATA), len(alice.puts)
        alice.upload(DATA, source=source)
        alice.run(lambda before=before: len(alice.puts) > before)
        if spoil == "shrink":
            source.content = source.content[: 5 * CHUNK_BYTES]
        else:
            source.changed = True
        alice.run()
        assert source.closed
    assert alice.failures() == ["FileChangedError"] * 2
    assert alice.told(Uploaded) == []


def test_quota_and_size_are_said_and_nothing_is_sent(tmp_path):
    rig = make_rig(tmp_path, blob_quota_bytes=blob_size(len(DATA)), blob_file_bytes=blob_size(len(DATA)))
    alice = Carrier(rig)
    alice.upload(DATA)
    alice.run()
    alice.upload(DATA)
    alice.run()
    alice.upload(DATA + DATA)
    alice.run()
    assert alice.failures() == ["FileQuotaError", "FileTooLargeError"]
    assert len(alice.puts) == COUNT
    rig.store.close()


def test_a_full_disk_at_the_broker_is_waited_out(rig):
    alice = Carrier(rig)
    rig.files._keep_free_bytes = 1 << 60
    plan = alice.upload(DATA)
    alice.run(lambda: bool(alice.told(Waits)))
    rig.files._keep_free_bytes = 0
    alice.run()
    assert fetched(alice, offered(alice.runs[plan.row], DATA)).final == DATA


def test_a_rate_is_kept_without_losing_a_chunk(tmp_path):
    rig = make_rig(tmp_path, blob_bytes_per_s=2 * SEALED_CHUNK_BYTES)
    alice = Carrier(rig)
    plan = stored(alice)
    assert fetched(alice, plan).final == DATA
    assert rig.now > 1_000 + COUNT / 2
    rig.store.close()


# --- the recipient's side ------------------------------------------------------------------------------------


def tamper(rig, plan, change):
    """A broker that alters what it keeps."""
    path = rig.folder / "blobs" / plan.blob.hex()
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


def swap(content):
    first, second = content[:SEALED_CHUNK_BYTES], content[SEALED_CHUNK_BYTES : 2 * SEALED_CHUNK_BYTES]
    content[: 2 * SEALED_CHUNK_BYTES] = second + first


def flip(content):
    content[5 * SEALED_CHUNK_BYTES + 100] ^= 1


def repeat(content):
    content[SEALED_CHUNK_BYTES : 2 * SEALED_CHUNK_BYTES] = content[:SEALED_CHUNK_BYTES]


@pytest.mark.parametrize("change", [swap, flip, repeat])
def test_altered_chunks_end_the_download_and_leave_nothing_under_the_name(rig, change):
    alice = Carrier(rig)
    plan = stored(alice)
    tamper(rig, plan, change)
    sink = fetched(alice, plan)
    assert alice.failures() == ["FileDamagedError"]
    assert sink.final is None


@pytest.mark.parametrize(
    "lie",
    [
        {"size": len(DATA) - 1},
        {"size": len(DATA) + 1},
        {"size": 1 << 33},
        {"size": 5},
        {"digest": bytes(32)},
        {"key": bytes(32)},
        {"blob": bytes(16)},
        {"secret": bytes(32)},
    ],
)
def test_a_message_that_lies_about_a_file_gets_no_file(rig, lie):
    alice = Carrier(rig)
    plan = stored(alice)
    sink = fetched(alice, dataclasses.replace(plan, **lie))
    assert sink.final is None
    assert alice.failures() in (["FileDamagedError"], ["FileGoneError"])


def test_what_hides_behind_the_end_of_a_file_is_refused(rig):
    """A sender of its own making fills the padding: nothing of it is stored, and the file is none."""
    alice = Carrier(rig)
    plan = plan_of(DATA[:5_000])
    alice.upload(DATA[:5_120], dataclasses.replace(plan, size=5_120))  # padded to the same length
    alice.run()
    sink = fetched(alice, offered(plan, DATA[:5_000]))
    assert sink.final is None
    assert alice.failures() == ["FileDamagedError"]


def test_a_part_that_was_altered_here_is_fetched_again_from_the_beginning(rig):
    alice = Carrier(rig)
    plan = stored(alice)
    part = bytearray(b"x" * (3 * CHUNK_BYTES))
    sink = fetched(alice, plan, MemorySink(part))
    assert sink.final == DATA


def test_a_full_disk_here_keeps_what_came(rig):
    alice = Carrier(rig)
    plan = stored(alice)
    sink = MemorySink()
    sink.room = 4 * CHUNK_BYTES
    fetched(alice, plan, sink)
    assert alice.failures() == ["DiskError"]
    assert len(sink.part) == 4 * CHUNK_BYTES
    again = MemorySink(sink.part)
    assert fetched(alice, plan, again).final == DATA
    assert alice.gets.count(0) == 1


def test_a_path_that_was_taken_meanwhile_ends_that_file_alone(rig):
    alice = Carrier(rig)
    plan = stored(alice)
    sink = MemorySink()
    sink.is_taken = True
    fetched(alice, plan, sink)
    assert alice.failures() == ["TargetExistsError"]
    assert fetched(alice, plan, MemorySink(sink.part)).final == DATA


def test_a_blob_that_expired_is_said_to_be_gone(rig):
    alice = Carrier(rig)
    plan = stored(alice)
    rig.router.blobs._remove(rig.router.blobs._blobs[plan.blob])
    fetched(alice, plan)
    assert alice.failures() == ["FileGoneError"]


# --- together ------------------------------------------------------------------------------------------------


def test_several_files_move_in_turn_and_never_more_than_a_window_is_open(rig):
    alice = Carrier(rig)
    plans = [alice.upload(DATA[n:]) for n in range(3)]
    most = 0
    while alice.mover.is_busy:
        alice.turn()
        most = max(most, len(alice.mover._open))
    assert most <= BULK_WINDOW
    assert {one.row for one in alice.told(Uploaded)} == {plan.row for plan in plans}
    order = [one.row for one in alice.told(Progressed)]
    assert len({*order[:12]}) == 3  # nobody waits for another's last chunk


def test_so_many_files_move_each_way_and_the_others_wait_unopened_for_their_turn(rig):
    alice, sink, opened = Carrier(rig), MemorySink(), []
    there = stored(alice)
    plans = [plan_of(DATA[n:]) for n in range(MAX_JOBS + 3)]

    def begun(plan, content):
        opened.append(plan.row)
        return Upload(plan, MemorySource(content), alice.mover.news)

    for n, plan in enumerate(plans):
        alice.runs[plan.row] = plan
        alice.mover.queue(Upload, plan.row, functools.partial(begun, plan, DATA[n:]))
    first, paused = [plan.row for plan in plans[:MAX_JOBS]], plans[-1].row
    assert opened == first
    alice.download(there, sink)
    assert alice.mover.job(there.row) is not None, "no upload stands in its way"
    alice.mover.end(paused)
    alice.mover.end(first[0])
    assert opened == [*first, plans[MAX_JOBS].row], "the oldest takes the place"
    alice.run()
    assert sink.final == DATA
    assert {one.row for one in alice.told(Uploaded)} >= {plan.row for plan in plans} - {paused, first[0]}
    assert paused not in opened


def test_an_idle_connection_says_goodbye(rig):
    alice = Carrier(rig)
    stored(alice)
    assert rig.router.status()["bulk_links"] == 1
    for _ in range(40):
        rig.advance(1)
        alice.turn()
    assert rig.router.status()["bulk_links"] == 0


def test_a_paused_file_stays_where_it_is_and_goes_on_in_a_new_run(rig):
    alice = Carrier(rig)
    plan = alice.upload(DATA)
    alice.run(lambda: len(alice.puts) > 4)
    alice.mover.end(plan.row)
    alice.run()
    assert not alice.mover.is_busy
    alice.upload(DATA, dataclasses.replace(alice.runs[plan.row], is_fresh=False))
    alice.run()
    assert len(alice.puts) <= COUNT + BULK_WINDOW
    assert fetched(alice, offered(alice.runs[plan.row], DATA)).final == DATA


def test_a_sender_seals_a_little_ahead_and_holds_no_more(rig):
    alice = Carrier(rig)
    plan = alice.upload(os.urandom(40 * CHUNK_BYTES))
    most = 0
    while not alice.told(Uploaded):
        alice.turn()
        job = alice.mover.job(plan.row)
        most = max(most, len(job._kept)) if job is not None else most
    assert BULK_WINDOW < most <= BULK_WINDOW + AHEAD


def test_a_recipient_asks_before_it_opens_and_holds_no_more_than_a_window_and_one(rig):
    alice = Carrier(rig)
    content = os.urandom(40 * CHUNK_BYTES)
    plan = alice.upload(content)
    alice.run()
    sink = MemorySink()
    plan = offered(alice.runs[plan.row], content)
    alice.download(plan, sink)
    most, idle = 0, 0
    while sink.final is None:
        alice.turn()
        job = alice.mover.job(plan.row)
        if job is not None:
            most = max(most, len(job._ready) + len(job._in_flight))
            idle += bool(job._ready) and not job._in_flight and len(alice.gets) < 40
    assert most <= PREFETCH
    assert idle == 0, "while one is opened others are on their way"
    assert sink.final == content
