"""A disk that fails, fills up or changes a bit, under the broker's and the peer's databases.

Nothing is confirmed that is not on the disk, nothing altered is ever served, and a full disk is an answer.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest
import zmq

from sealwire.broker.backup import compact
from sealwire.broker.health import unready
from sealwire.broker.port import Committed, Job, Read, Refused
from sealwire.broker.store import SqliteStore
from sealwire.errors import StoreError, StoreFailedError
from sealwire.i18n import explain
from sealwire.ids import Mailbox, Mid
from sealwire.testing import Network, VirtualPeer
from sealwire.testing.faultfs import Disk, Platter, mounted
from sealwire.wire import frames
from sealwire.wire.frames import Code, Verb
from tests.conftest import PEOPLE
from tests.fault.conftest import leave
from tests.unit.broker.raw_peer import RawPeer
from tests.unit.broker.running import Broker

KEY = bytes(32)
BOX = Mailbox(b"b" * 16)
SILENCE_MS = 300


def mails(*envelopes: bytes) -> Job:
    return Job(1, [(BOX, Mid(os.urandom(16)), envelope) for envelope in envelopes])


def stored(store: SqliteStore) -> list[bytes]:
    rows = [row for _, row, *_ in store.snapshot().mail]
    event = store.apply(Job(1, reads=[Read(None, rows, 1 << 30)]))
    return [envelope for _, _, envelope in event.slices[0].rows]


def hears_nothing(peer: RawPeer, verb: Verb) -> bool:
    peer.socket.rcvtimeo = SILENCE_MS
    try:
        while True:
            if peer.recv(verb):
                return False
    except zmq.Again:
        return True


# --- the device fails ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["sync", "write"])
def test_a_failed_call_is_no_answer_and_what_was_stored_is_there_afterwards(tmp_path, call):
    disk = Disk()
    with mounted(disk):
        store = SqliteStore(tmp_path / "broker", KEY, 0)
        assert isinstance(store.apply(mails(b"before")), Committed)
        disk.fail(call, "io", suffix="-wal")
        with pytest.raises(StoreFailedError):
            store.apply(mails(b"lost"))
        assert disk.failed
        at = len(disk.ops)
        disk.heal()
        store.close()
    assert _after_power_cut(disk, at, tmp_path) == [b"before"]


def _after_power_cut(disk: Disk, at: int, folder: Path) -> list[bytes]:
    platter = Platter(disk.ops)
    platter.forward(at)
    again = folder / "again"
    again.mkdir()
    for path, content in platter.after_power_cut(lambda _path: "sectors", random.Random(3)).items():
        (again / Path(path).name).write_bytes(content)
    store = SqliteStore(again, KEY, 0)
    try:
        return stored(store)
    finally:
        store.close()


def test_a_write_back_that_fails_ends_the_store_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("sealwire.broker.store.CHECKPOINT_IDLE_PAGES", 0)
    disk = Disk()
    with mounted(disk):
        store = SqliteStore(tmp_path / "broker", KEY, 0)
        store.apply(mails(b"one", b"two"))
        disk.fail("sync", "io", suffix=".db")
        with pytest.raises(StoreFailedError):
            store.idle()
        at = len(disk.ops)
        disk.heal()
        store.close()
    assert _after_power_cut(disk, at, tmp_path) == [b"one", b"two"]


@pytest.mark.process
def test_after_a_failed_sync_the_broker_accepts_nothing_ends_with_70_and_starts_again_whole(tmp_path):
    disk = Disk()
    with mounted(disk):
        with Broker(tmp_path / "broker") as broker:
            bob = broker.login("bob")
            bob.close()
            alice = broker.login("alice")
            alice.send(bob.mailbox, b"accepted")
            assert frames.decode_u64(alice.recv(Verb.ACCEPTED)) == 1
            disk.fail("sync", "io", suffix="-wal", times=1)  # the next one would succeed and mean nothing
            alice.send(bob.mailbox, b"unanswered")
            assert hears_nothing(alice, Verb.ACCEPTED)
        assert isinstance(broker.failure, StoreFailedError)
        assert broker.failure.exit == 70
        disk.heal()
        with Broker(tmp_path / "broker") as again:
            alice = again.login("alice")
            alice.send(bob.mailbox, b"sent again")
            assert frames.decode_u64(alice.recv(Verb.ACCEPTED)) == 1
            bob = again.login("bob")
            got = [frames.decode_deliver(bob.recv(Verb.DELIVER))[2] for _ in range(2)]
    assert again.failure is None
    assert [got[0], got[-1]] == [b"accepted", b"sent again"]


@pytest.mark.process
def test_stored_mail_that_the_disk_does_not_give_back_is_waited_for_and_all_there_when_it_does(tmp_path):
    disk = Disk()
    mail = [bytes([n]) * ENVELOPE for n in range(40)]
    with mounted(disk):
        with Broker(tmp_path / "broker") as broker:
            bob = broker.login("bob")
            bob.close()
            alice = broker.login("alice")
            for envelope in mail:
                seq = alice.send(bob.mailbox, envelope)
            while frames.decode_u64(alice.recv(Verb.ACCEPTED)) < seq:
                pass
        with Broker(tmp_path / "broker") as broker:  # whose cache is empty
            disk.fail("read", "io", suffix=".db")
            bob = broker.login("bob")
            assert hears_nothing(bob, Verb.DELIVER)
            broker.thread.join(5)
        assert disk.failed
        assert isinstance(broker.failure, StoreFailedError)
        assert broker.failure.exit == 70
        assert "errors of the disk" in explain(broker.failure)[1]
        with pytest.raises(AssertionError, match="did not start") as start:
            Broker(tmp_path / "broker")  # nor does it start, as long as the disk fails
        assert "errors of the disk" in explain(start.value.__cause__)[1]
        disk.heal()
        with Broker(tmp_path / "broker") as again:
            assert collect(again.login("bob"), len(mail)) == mail
    assert again.failure is None


@pytest.mark.process
def test_an_error_of_a_kind_that_nobody_foresaw_ends_the_broker_with_70_too(tmp_path):
    with Broker(tmp_path) as broker:
        broker.server._writer.submit(mails(object()))  # type: ignore[arg-type]  # no database takes that
        broker.thread.join(5)
        assert not broker.thread.is_alive()
    assert isinstance(broker.failure, StoreFailedError)
    assert broker.failure.exit == 70
    assert "TypeError" in str(broker.failure)


@pytest.mark.process
def test_a_disk_that_hangs_holds_nobody_up_and_nothing_is_answered(tmp_path, monkeypatch):
    monkeypatch.setattr("sealwire.broker.server._SHUTDOWN_S", 0.1)
    monkeypatch.setattr("sealwire.broker.server._DISK_S", 0.2)
    disk = Disk()
    with mounted(disk):
        try:
            with Broker(tmp_path / "broker") as broker:
                alice, bob = broker.login("alice"), broker.login("bob")
                bob.close()
                disk.fail("sync", "hang", suffix="-wal")
                alice.send(bob.mailbox, b"unanswered")
                assert waits_until(lambda: disk.failed)
                broker.server.stop()
                assert alice.recv(Verb.ACCEPTED, Verb.RESET)[0] == Verb.RESET
        finally:
            disk.heal()
            assert broker.server._writer.stop(10)
    assert isinstance(broker.failure, StoreFailedError)
    assert broker.failure.exit == 70


@pytest.mark.parametrize(("call", "error"), [("sync", "io"), ("write", "io"), ("write", "full")])
def test_a_peer_whose_commit_fails_has_said_nothing_and_goes_on_from_its_disk(tmp_path, call, error):
    disk = Disk()
    with mounted(disk), Network(tmp_path, PEOPLE) as net:
        alice, bob = net.peer("alice"), net.peer("bob")
        net.run()
        alice.send("bob", "before")
        net.run()
        disk.fail(call, error, suffix="peer.db-wal", times=1)
        relayed = len(net.relayed)
        with pytest.raises(StoreError):
            alice.send("bob", "not written")
        _fail_stop(alice)
        assert len(net.relayed) == relayed
        alice.send("bob", "after")
        net.advance(2)
        # The recipient's disk fails when a message arrives: it is not acknowledged, so it comes again.
        alice.send("bob", "once")
        disk.fail(call, error, suffix="peer.db-wal", times=1)
        with pytest.raises(StoreError):
            net.run()
        _fail_stop(bob)
        net.advance(15)
        assert bob.texts() == ["before", "after", "once"]
        assert not bob.warnings("gap")
        assert not bob.warnings("clone")


def _fail_stop(peer: VirtualPeer) -> None:
    """What the client does after a commit that failed."""
    peer.net.cut(peer)
    peer._make_engine()
    peer.engine.take()
    peer.net.cut(peer)


# --- the disk is full ----------------------------------------------------------------------------------------

BALLAST = 4 << 20
ENVELOPE = 8_000


def fill(folder: Path) -> None:
    """One job of a few envelopes fits, then none."""
    leave(folder, 10 * ENVELOPE)


class Sender:
    """A peer that writes to one mailbox until it is told that there is no room."""

    def __init__(self, broker: Broker, box: Mailbox) -> None:
        self.peer = broker.login("alice")
        self.box = box
        self.accepted: list[bytes] = []

    def send(self, envelope: bytes) -> tuple[str, float]:
        """One message, and how it ended: ``accepted`` or the code of its refusal, after how many seconds."""
        began = time.monotonic()
        seq = self.peer.send(self.box, envelope)
        frame = self.answer(seq)
        took_s = time.monotonic() - began
        if frame[0] == Verb.ACCEPTED:
            self.accepted.append(envelope)
            return "accepted", took_s
        assert frames.decode_reject(frame)[0] == seq
        self.peer.socket.send(frames.encode_release(self.peer.token, self.box))
        return Code(frames.decode_reject(frame)[1]).name.lower(), took_s

    def answer(self, seq: int) -> bytes:
        while True:
            frame = self.peer.recv(Verb.ACCEPTED, Verb.REJECT)
            if frame[0] == Verb.REJECT or frames.decode_u64(frame) >= seq:  # else an earlier one, late
                return frame


def collect(bob: RawPeer, count: int) -> list[bytes]:
    got = []
    for _ in range(count):
        seq, _, envelope = frames.decode_deliver(bob.recv(Verb.DELIVER))
        got.append(envelope)
        bob.ack(seq)
    return got


def waits_until(true, seconds: float = 5.0) -> bool:
    ends = time.monotonic() + seconds
    while not true() and time.monotonic() < ends:
        time.sleep(0.01)
    return true()


@pytest.mark.process
def test_a_full_disk_refuses_goes_on_reading_empties_itself_and_fills_again_without_a_restart(small_disk):
    with Broker(small_disk / "broker", ballast_bytes=BALLAST, sender_share=1.0) as broker:
        bob = broker.login("bob")
        bob.close()
        sender = Sender(broker, bob.mailbox)
        for n in range(20):
            assert sender.send(bytes([n]) * ENVELOPE)[0] == "accepted"
        assert (small_disk / "broker" / "ballast").stat().st_size == BALLAST
        fill(small_disk)
        ends = [sender.send(os.urandom(ENVELOPE)) for _ in range(60)]
        assert [end for end, _ in ends].count("storage") > 20
        assert {end for end, _ in ends} <= {"accepted", "storage"}
        assert max(took_s for _, took_s in ends) < 1
        assert unready(broker.server.vitals()) == ["the disk is full: messages for devices that are away are refused"]
        assert shutil.disk_usage(small_disk).free >= BALLAST // 2, "the ballast's room is for deletes"

        bob = broker.login("bob")  # reads go on, and what was accepted is all there, in order
        assert collect(bob, len(sender.accepted)) == sender.accepted
        assert waits_until(lambda: broker.status()["waiting_messages"] == 0)
        assert waits_until(lambda: not broker.server._router._ledger.deletes), "deletes commit on a full disk"
        seq = sender.peer.send(bob.mailbox, b"live")  # nor does talk between peers that are here need the disk
        assert collect(bob, 1) == [b"live"]
        assert sender.answer(seq)[0] == Verb.ACCEPTED
        bob.close()

        (small_disk / "filler").unlink()
        sender.accepted.clear()
        assert waits_until(lambda: sender.send(b"room again")[0] == "accepted")
        for n in range(100):
            assert sender.send(bytes([n]) * ENVELOPE)[0] == "accepted"
        assert unready(broker.server.vitals()) == []
        assert waits_until(lambda: (small_disk / "broker" / "ballast").exists())
        bob = broker.login("bob")
        assert collect(bob, len(sender.accepted)) == sender.accepted
    assert broker.failure is None


@pytest.mark.process
def test_a_disk_without_room_for_a_second_database_leaves_the_first_as_it_is(small_disk):
    store = SqliteStore(small_disk / "broker", KEY, 0)
    rows = store.apply(mails(*[os.urandom(ENVELOPE)] * 200)).rows
    store.close()
    fill(small_disk)
    with pytest.raises(StoreError, match="no room"):
        compact(small_disk / "broker" / "broker.db", KEY)
    store = SqliteStore(small_disk / "broker", KEY, 0)
    assert len(stored(store)) == len(rows)
    store.close()


@pytest.mark.process
def test_a_broker_that_starts_on_a_full_disk_serves_what_it_has(small_disk):
    store = SqliteStore(small_disk / "broker", KEY, BALLAST)
    rows = store.apply(mails(*[os.urandom(ENVELOPE)] * 50)).rows
    store.close()
    (small_disk / "broker" / "ballast").unlink()
    fill(small_disk)
    store = SqliteStore(small_disk / "broker", KEY, BALLAST)
    assert len(stored(store)) == 50
    assert isinstance(store.apply(mails(b"no room")), Refused)
    (small_disk / "filler").unlink()
    store.idle()
    assert isinstance(store.apply(Job(1, deletes=list(rows))), Committed)
    assert isinstance(store.apply(mails(b"room")), Committed)
    store.close()
