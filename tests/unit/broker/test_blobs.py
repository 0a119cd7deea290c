"""Blobs at the broker: quotas, capabilities, appending, committing, reading, expiry, crashes (protocol.md §17)."""

from __future__ import annotations

import dataclasses
import os

import pytest

from sealwire.broker.blobjobs import BlobDone, PutChunk, ReadFile, SealFile
from sealwire.broker.blobs import QUEUE_BYTES
from sealwire.broker.bulk import PROVE_AFTER, UNPROVEN
from sealwire.broker.orders import AddBan, Ban, DropAccount, Kick, ListUsers, SetState
from sealwire.crypto.primitives import H
from sealwire.ids import Token
from sealwire.wire import blobs as wire
from sealwire.wire import control, frames
from sealwire.wire.blobs import BULK_WINDOW, SEALED_CHUNK_BYTES, TAIL_BYTES, chunk_count, chunk_length
from sealwire.wire.frames import Code, Verb
from tests.unit.broker.rig import Rig
from tests.unit.broker.test_expiry import rest

SECRET = b"s" * 32
DAY_S = 24 * 3600.0
SIZE = 2 * SEALED_CHUNK_BYTES + 100


class Mover:
    """A bulk connection of a client, and what it asks."""

    def __init__(self, rig: Rig, name: str = "alice", keys: str = "alice") -> None:
        self.client = rig.login(name, keys, kind="bulk")
        self.rig = rig
        self.ids = 0

    def post(self, kind, blob=b"b" * 16, **fields):
        self.ids += 1
        self.client.feed(wire.encode_blob_request(self.client.token, kind(id=self.ids, blob=blob, **fields)))

    def answers(self):
        found = self.client.frames()
        return [wire.decode_bulk_response(frame) for frame in found if frame[0] == Verb.RESPONSE]

    def ask(self, kind, blob=b"b" * 16, **fields):
        self.post(kind, blob, **fields)
        (answer,) = self.answers()
        assert answer.id == self.ids
        return answer

    def open(self, size=SIZE, blob=b"b" * 16, secret=SECRET):
        return self.ask(wire.BlobOpen, blob, size=size, reader=H("blob", secret))

    def put(self, index, size=SIZE, blob=b"b" * 16, fill=None):
        return self.ask(wire.BlobPut, blob, index=index, chunk=chunk(size, index, fill))

    def get(self, index, blob=b"b" * 16, secret=SECRET):
        return self.ask(wire.BlobGet, blob, index=index, secret=secret)

    def stat(self, blob=b"b" * 16, secret=SECRET):
        return self.ask(wire.BlobStat, blob, secret=secret)

    def state(self, size=SIZE):
        answer = self.open(size)
        assert answer.code == Code.OK
        return wire.decode_blob_state(answer.body)

    def store(self, size=SIZE, blob=b"b" * 16):
        """A whole blob."""
        assert self.open(size, blob).code == Code.OK
        for index in range(chunk_count(size)):
            assert self.put(index, size, blob).code == Code.OK
        assert self.ask(wire.BlobCommit, blob).code == Code.OK


def chunk(size, index, fill=None):
    return bytes((index + 65 if fill is None else fill,)) * chunk_length(size, index)


@pytest.fixture
def make(tmp_path):
    made = []

    def build(**settings) -> Rig:
        rig = Rig(tmp_path, dataclasses.replace(Rig.__dataclass_fields__["settings"].default_factory(), **settings))
        rig.login("alice")
        made.append(rig)
        return rig

    yield build
    for rig in made:
        rig.store.close()


def test_a_blob_comes_in_chunk_by_chunk_and_goes_out_the_same(make):
    rig = make()
    rig.login("bob", "bob")
    alice, bob = Mover(rig), Mover(rig, "bob", "bob")
    alice.store()
    assert wire.decode_blob_state(bob.stat().body) == wire.BlobState(size=SIZE, chunks=3, done=True)
    assert [bob.get(index).body for index in range(3)] == [chunk(SIZE, index) for index in range(3)]
    file = rig.folder / "blobs" / (b"b" * 16).hex()
    assert file.stat().st_size == SIZE
    assert file.stat().st_mode & 0o777 == 0o600
    assert rig.router.status()["blob_bytes"] == SIZE


def test_nobody_reads_without_the_secret_and_cannot_tell_a_blob_from_none(make):
    rig = make()
    alice = Mover(rig)
    alice.store()
    for answer in (alice.stat(secret=b"x" * 32), alice.get(0, secret=b"x" * 32), alice.stat(b"n" * 16)):
        assert (answer.code, answer.body) == (Code.UNKNOWN, b"")


def test_only_its_owner_writes_commits_or_drops_a_blob(make):
    rig = make()
    rig.login("bob", "bob")
    alice, bob = Mover(rig), Mover(rig, "bob", "bob")
    alice.open()
    assert bob.put(0).code == Code.UNKNOWN
    assert bob.ask(wire.BlobCommit).code == Code.UNKNOWN
    assert bob.open().code == Code.INVALID
    assert bob.ask(wire.BlobDrop).code == Code.OK  # says nothing, does nothing
    assert alice.put(0).code == Code.OK


def test_a_blob_that_is_not_whole_is_not_committed_and_not_read(make):
    alice = Mover(make())
    alice.open()
    alice.put(0)
    assert alice.ask(wire.BlobCommit).code == Code.INVALID
    assert alice.get(0).code == Code.INVALID
    assert wire.decode_blob_state(alice.stat().body).done is False


def test_chunks_come_in_order_and_in_their_length(make):
    alice = Mover(make())
    alice.open()
    assert alice.put(1).code == Code.INVALID
    assert alice.ask(wire.BlobPut, index=0, chunk=b"short" * 10).code == Code.INVALID
    assert alice.put(0).code == Code.OK
    assert alice.put(0, fill=0).code == Code.OK  # acknowledged again, and not written
    assert alice.put(3, SIZE + SEALED_CHUNK_BYTES * 2).code == Code.INVALID
    assert alice.state().tail == chunk(SIZE, 0)[-TAIL_BYTES:]


@pytest.mark.parametrize("size", [SEALED_CHUNK_BYTES + 17, 17, 1 << 41, (1 << 32) + 100])
def test_a_size_that_no_blob_has_or_this_broker_does_not_take_is_refused(make, size):
    rig = make()
    alice = Mover(rig)
    alice.post(wire.BlobOpen, size=size, reader=SECRET)
    answers = alice.answers()
    if size == 17:
        assert not alice.client.is_open  # not in the protocol at all
    else:
        assert [answer.code for answer in answers] == [Code.SIZE]
    assert rig.router.status()["blobs"] == 0


def test_quota_counts_bytes_and_files_of_an_account_and_dropping_gives_them_back(make):
    rig = make(blob_quota_bytes=2 * SIZE, blob_files=3)
    alice = Mover(rig)
    assert [alice.open(SIZE, bytes([n]) * 16).code for n in range(3)] == [Code.OK, Code.OK, Code.QUOTA]
    assert alice.ask(wire.BlobDrop, bytes(16)).code == Code.OK
    assert alice.open(100, b"3" * 16).code == Code.OK
    assert alice.open(100, b"4" * 16).code == Code.OK
    assert alice.open(100, b"5" * 16).code == Code.QUOTA  # three files
    assert rig.router.status()["blob_rejected_quota"] == 2


def test_a_killed_broker_goes_on_with_what_the_disk_holds(make):
    rig = make()
    alice = Mover(rig)
    alice.open()
    alice.put(0)
    alice.put(1)
    rig.crash()
    alice = Mover(rig)
    assert alice.state() == wire.BlobState(size=SIZE, chunks=2, done=False, tail=chunk(SIZE, 1)[-TAIL_BYTES:])
    alice.put(2)
    alice.ask(wire.BlobCommit)
    rig.crash()
    alice = Mover(rig)
    assert alice.state().done
    assert alice.get(2).body == chunk(SIZE, 2)


def test_half_a_chunk_that_a_power_cut_left_is_cut_off(make):
    rig = make()
    alice = Mover(rig)
    alice.open()
    alice.put(0)
    part = rig.folder / "blobs" / ((b"b" * 16).hex() + ".part")
    with part.open("ab") as file:
        file.write(b"half a chunk")
    rig.crash()
    alice = Mover(rig)
    assert alice.state().chunks == 1
    for index in (1, 2):
        alice.put(index)
    assert alice.ask(wire.BlobCommit).code == Code.OK
    assert alice.get(1).body == chunk(SIZE, 1)


def test_what_no_table_knows_is_deleted_at_the_start_and_a_blob_without_its_file_is_forgotten(make):
    rig = make()
    alice = Mover(rig)
    alice.store()
    folder = rig.folder / "blobs"
    for name in ("ff" * 16, "ee" * 16 + ".part", "readme"):
        (folder / name).write_bytes(b"orphan")
    (folder / (b"b" * 16).hex()).unlink()
    rig.crash()
    assert list(folder.iterdir()) == []
    alice = Mover(rig)
    assert alice.stat().code == Code.UNKNOWN
    assert rig.router.status()["blobs_lost"] == 1
    rig.crash()
    assert rig.router.status()["blobs_lost"] == 0


def test_a_kill_between_the_rename_and_the_table_is_finished_by_the_next_commit(make):
    rig = make()
    alice = Mover(rig)
    alice.open()
    for index in range(3):
        alice.put(index)
    rig.files.carry_out(SealFile(wire.BlobId(b"b" * 16), SIZE))
    rig.crash()
    alice = Mover(rig)
    assert alice.state().chunks == 3
    assert alice.ask(wire.BlobCommit).code == Code.OK
    assert alice.get(0).body == chunk(SIZE, 0)


def test_a_full_disk_refuses_a_chunk_and_takes_it_later(make):
    rig = make()
    alice = Mover(rig)
    alice.open()
    rig.files._keep_free_bytes = 1 << 60
    answer = alice.put(0)
    assert (answer.code, answer.retry_after_ms) == (Code.STORAGE, 5_000)
    rig.files._keep_free_bytes = 0
    assert [alice.put(index).code for index in range(3)] == [Code.OK] * 3
    assert alice.ask(wire.BlobCommit).code == Code.OK


def test_what_was_queued_behind_a_chunk_that_found_no_room_is_refused_with_it(make):
    rig = make()
    alice = Mover(rig)
    alice.open()
    rig.auto_files = False
    for index in range(2):
        alice.post(wire.BlobPut, index=index, chunk=chunk(SIZE, index))
    rig.auto_files = True
    first, second = rig.moves
    rig.router.blobs.done(BlobDone(first, "full"))
    rig.router.blobs.done(rig.files.carry_out(second))
    rig.turn()
    assert [answer.code for answer in alice.answers()] == [Code.STORAGE] * 2
    assert [alice.put(index).code for index in range(3)] == [Code.OK] * 3


def test_a_disk_error_loses_the_blob_and_its_owner_hears_that_there_is_none(make):
    rig = make()
    alice = Mover(rig)
    alice.open()
    rig.auto_files = False
    alice.post(wire.BlobPut, index=0, chunk=chunk(SIZE, 0))
    rig.router.blobs.done(BlobDone(rig.moves.pop(), "failed"))
    rig.auto_files = True
    rig.turn()
    assert [answer.code for answer in alice.answers()] == [Code.UNKNOWN]
    assert rig.router.status()["blobs"] == 0
    assert list((rig.folder / "blobs").iterdir()) == []


def test_stat_of_the_owner_waits_for_what_is_on_its_way_to_the_disk(make):
    rig = make()
    alice = Mover(rig)
    alice.open()
    rig.auto_files = False
    alice.post(wire.BlobPut, index=0, chunk=chunk(SIZE, 0))
    alice.post(wire.BlobOpen, size=SIZE, reader=H("blob", SECRET))
    assert alice.answers() == []
    rig.auto_files = True
    rig.router.blobs.done(rig.files.carry_out(rig.moves.pop()))
    rig.turn()
    put, state = alice.answers()
    assert put.code == Code.OK
    assert wire.decode_blob_state(state.body).chunks == 1


def test_memory_for_chunks_is_bounded_and_the_rest_hears_busy(make):
    rig = make(bulk_links=1_000)
    rig.auto_files = False
    busy = 0
    for n in range(QUEUE_BYTES // SEALED_CHUNK_BYTES // BULK_WINDOW + 2):
        rig.login(f"p{n}", "alice")
        mover = Mover(rig, f"p{n}")
        blob = n.to_bytes(16, "big")
        mover.post(wire.BlobOpen, blob, size=5 * SEALED_CHUNK_BYTES, reader=SECRET)
        mover.answers()
        for index in range(BULK_WINDOW):
            mover.post(wire.BlobPut, blob, index=index, chunk=chunk(5 * SEALED_CHUNK_BYTES, index))
        busy += [answer.code for answer in mover.answers()].count(Code.BUSY)
    assert sum(len(job.chunk) for job in rig.moves if isinstance(job, PutChunk)) <= QUEUE_BYTES
    assert busy > 0


def test_an_account_past_its_rate_is_told_when_to_go_on(make):
    rig = make(blob_bytes_per_s=SEALED_CHUNK_BYTES)
    alice = Mover(rig)
    alice.open()
    assert alice.put(0).code == Code.OK
    answer = alice.put(1)
    assert answer.code == Code.RATE
    assert 900 <= answer.retry_after_ms <= 1_000
    rig.advance(1.0)
    assert alice.put(1).code == Code.OK


def test_the_slowest_rate_is_slow_and_not_an_end(make):
    """A sealed chunk is a little more than the least rate of the settings, 64 KiB a second."""
    rig = make(blob_bytes_per_s=64 * 1024)
    alice = Mover(rig)
    alice.open()
    for index in range(3):
        answer = alice.put(index)
        if answer.code == Code.RATE:
            assert 0 < answer.retry_after_ms <= 1_100
            rig.advance((answer.retry_after_ms + 1) / 1000)
            answer = alice.put(index)
        assert answer.code == Code.OK


# --- time and the operator -----------------------------------------------------------------------------------


def test_blobs_expire_by_the_mail_clock_whether_they_were_fetched_or_not(make):
    rig = make(blob_days=2)
    alice = Mover(rig)
    alice.store()
    rest(rig, DAY_S)
    rig.wall_ms += int(30 * DAY_S * 1000)  # a clock that jumps deletes nothing
    rig.advance(2)
    assert rig.router.status()["blobs"] == 1
    rest(rig, DAY_S + 3600)
    assert rig.router.status()["blobs_expired"] == 1
    assert list((rig.folder / "blobs").iterdir()) == []
    rig.crash()
    assert rig.router.status()["blobs"] == 0


def test_deleting_an_account_deletes_its_blobs_and_ends_its_bulk_connection(make):
    rig = make()
    alice = Mover(rig)
    alice.store()
    rig.router.command("ref", DropAccount(None, "alice", True))
    rig.turn()
    assert not alice.client.is_open
    assert ("reset", "deleted") in alice.client.seen()
    assert list((rig.folder / "blobs").iterdir()) == []
    rig.crash()
    assert rig.router.status()["blobs"] == 0


def test_the_operator_sees_what_an_account_keeps_and_ends_its_bulk_connections(make):
    rig = make()
    alice = Mover(rig)
    alice.store()
    rig.router.command("users", ListUsers())
    (row,) = rig.router.replies.pop()[1]
    assert (row["files"], row["file_bytes"]) == (1, SIZE)
    rig.router.command("kick", Kick("alice"))
    assert rig.router.replies.pop() == ("kick", 2)
    assert not alice.client.is_open


@pytest.mark.parametrize("order", [AddBan(None, Ban("account", "alice", 0, "")), SetState(None, "alice", 1)])
def test_who_is_banned_or_disabled_moves_nothing(make, order):
    rig = make()
    alice = Mover(rig)
    rig.router.command("ref", order)
    rig.turn()
    assert not alice.client.is_open
    again = rig.connect("alice")
    again.greet(kind="bulk")
    again.prove()
    assert again.seen() == [("reject", 0, "login")]


# --- the connection ------------------------------------------------------------------------------------------


def test_a_bulk_login_leaves_the_main_link_session_alone_and_ends_an_older_one_of_its_kind(make):
    rig = make()
    main = rig.login("alice")
    first = Mover(rig)
    second = Mover(rig)
    assert main.is_open
    assert not first.client.is_open
    assert ("reset", "superseded") in first.client.seen()
    rig.login("alice")
    assert second.client.is_open
    assert rig.router.status()["bulk_links"] == 1
    assert rig.router.status()["link_sessions"] == 1


def test_a_device_does_not_register_by_a_bulk_connection(make):
    rig = make()
    stranger = rig.connect("bob", "bob")
    stranger.greet(kind="bulk")
    stranger.prove()
    assert stranger.seen() == [("reject", 0, "login")]


def test_too_many_bulk_connections_are_told_to_come_back(make):
    rig = make(bulk_links=1)
    rig.login("bob", "bob")
    Mover(rig)
    late = rig.connect("bob", "bob")
    late.greet(kind="bulk")
    late.prove()
    assert late.seen() == [("reject", 0, "busy")]


@pytest.mark.parametrize(
    "frame",
    [
        lambda token: frames.encode_send(token, 1, frames.Mid(bytes(16)), frames.Mailbox(bytes(16)), b"x"),
        lambda token: frames.encode_ack(token, 1),
        lambda token: frames.encode_ephemeral(token, frames.Mailbox(bytes(16)), b"x"),
        lambda token: control.encode_request(token, control.Lookup(id=1, name="alice")),
        lambda token: frames.encode_bye(token) + b"x",
        lambda token: b"\x20" + token + bytes(wire.MAX_BULK_BYTES + 1),
    ],
)
def test_a_bulk_connection_takes_requests_about_blobs_and_nothing_else(make, frame):
    alice = Mover(make())
    alice.client.feed(frame(alice.client.token))
    assert alice.client.seen() == [("reset", "protocol")]


def test_requests_about_blobs_are_not_for_the_main_connection(make):
    rig = make()
    main = rig.login("alice")
    main.feed(wire.encode_blob_request(main.token, wire.BlobDrop(id=1, blob=bytes(16))))
    assert main.seen() == [("reset", "protocol")]


def test_a_fifth_request_at_once_ends_the_link_session(make):
    rig = make()
    alice = Mover(rig)
    alice.open()
    rig.auto_files = False
    for _ in range(BULK_WINDOW + 1):
        alice.post(wire.BlobPut, index=0, chunk=chunk(SIZE, 0))
    assert not alice.client.is_open


def test_a_wrong_token_is_dropped_and_the_16th_ends_the_link_session(make):
    alice = Mover(make())
    for _ in range(15):
        alice.client.feed(wire.encode_blob_request(Token(bytes(range(8))), wire.BlobDrop(id=1, blob=bytes(16))))
    assert alice.client.frames() == []
    assert alice.client.is_open
    alice.client.feed(frames.encode_bye(Token(bytes(range(8)))))
    assert not alice.client.is_open


def read_without_end(mover, count):
    """Asks for chunks, and reads what comes without ever proving it; returns how many came, and the PINGs."""
    chunks, pings = 0, []
    for _ in range(count):
        mover.post(wire.BlobGet, index=0, secret=SECRET)
        if not mover.client.is_open:
            break
        for frame in mover.client.frames():
            if frame[0] == Verb.PING:
                pings.append(frames.decode_u64(frame))
            else:
                chunks += 1
        if mover.rig.router._bulks.links[mover.client.rid].requests == BULK_WINDOW:
            break
    return chunks, pings


def test_who_asks_for_more_than_it_reads_is_held_until_it_proves_that_it_read(make):
    rig = make()
    alice = Mover(rig)
    alice.store()
    chunks, pings = read_without_end(alice, 1_000)
    assert chunks == UNPROVEN
    assert len(pings) == 1
    alice.client.feed(frames.encode_pong(alice.client.token, pings[0] ^ 1))  # a guess
    assert alice.answers() == []
    alice.client.feed(frames.encode_pong(alice.client.token, pings[0]))
    assert len(alice.answers()) == BULK_WINDOW
    assert PROVE_AFTER < UNPROVEN


def test_who_never_proves_it_is_disconnected(make):
    rig = make()
    alice = Mover(rig)
    alice.store()
    read_without_end(alice, 1_000)
    for _ in range(50):
        rig.advance(1.0)
    assert not alice.client.is_open


def test_a_silent_bulk_connection_ends(make):
    rig = make()
    alice = Mover(rig)
    rig.advance(310)
    assert not alice.client.is_open


def test_answers_to_a_connection_that_is_gone_go_nowhere(make):
    rig = make()
    alice = Mover(rig)
    alice.store()
    rig.auto_files = False
    alice.post(wire.BlobGet, index=0, secret=SECRET)
    alice.client.feed(frames.encode_bye(alice.client.token))
    (job,) = rig.moves
    assert isinstance(job, ReadFile)
    rig.router.blobs.done(rig.files.carry_out(job))
    rig.turn()
    assert alice.client.frames() == []


def test_the_folder_of_blobs_is_private_and_holds_no_name_of_an_account(make):
    rig = make()
    alice = Mover(rig)
    alice.store()
    assert (rig.folder / "blobs").stat().st_mode & 0o777 == 0o700
    assert all("alice" not in name for name in os.listdir(rig.folder / "blobs"))
