"""An operator's orders amid everything that peers do and disks refuse: what memory counts is what the disk holds.

The real router, store and files of blobs. Orders come between any two frames, commits and crashes; pieces of purges,
expiries and transactions are made small, so that every order meets half of another.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sealwire.broker.mailbox import COMMIT, PEND
from sealwire.broker.orders import (
    ACTIVE,
    DISABLED,
    AddBan,
    Ban,
    DropAccount,
    Kick,
    Order,
    Purge,
    RemoveBan,
    SetLimits,
    SetOwnLimits,
    SetState,
)
from sealwire.broker.port import BrokerSettings
from sealwire.crypto.primitives import H
from sealwire.wire import blobs, frames
from sealwire.wire.many import encode_send_many
from tests.depth import DEPTH
from tests.unit.broker.rig import Client, Rig

PEOPLE = {"alice": "alice", "bob": "bob", "carol": "mallory", "dave": "mallory"}
LIMITS = BrokerSettings(
    send_window_messages=12,
    deliver_window_messages=4,
    quota_messages=15,
    sender_share=0.6,
    grace_ms=4.0,
    ballast_bytes=0,
    blob_keep_free_bytes=0,
)
SMALL = {"ledger.JOB_ROWS": 5, "operator.PURGE_ROWS": 3, "expiry.EXPIRE_ROWS": 4}
ROOM = 2
"""Numbers of the send window left free: past it the link session would end."""
SECRET = b"s" * 32
BLOB_BYTES = blobs.SEALED_CHUNK_BYTES + 100
FILE_STEPS = ("open", "open", "first", "first", "last", "commit", "get", "drop")
OWN_LIMITS: tuple[tuple[tuple[str, float], ...], ...] = ((), (("quota_messages", 2),), (("account_units_burst", 10.0),))
HISTORIES, STEPS = 20, 120
LIMIT_CHOICES = (
    ("quota_messages", (1, 15)),
    ("deliver_window_messages", (1, 4)),
    ("deliver_window_bytes", (65_536, 2 << 20)),
    ("quota_days", (1, 30)),
    ("blob_days", (1, 30)),
)


class Orders:
    """One history: what can happen are its methods, and dice choose."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.patch = pytest.MonkeyPatch()
        for name, value in SMALL.items():
            self.patch.setattr(f"sealwire.broker.{name}", value)
        self.folder = Path(tempfile.mkdtemp())
        self.rig = Rig(self.folder, LIMITS, auto=False)
        self.main: dict[str, Client] = {}
        self.bulk: dict[str, Client] = {}
        self.blob: dict[str, bytes] = {}
        self.count = 0

    def close(self) -> None:
        self.patch.undo()
        self.rig.store.close()
        shutil.rmtree(self.folder)

    def step(self) -> None:
        dice, name, to = self.dice, *self.dice.choices(sorted(PEOPLE), k=2)
        happens: dict[Callable[[], None], int] = {
            lambda: self.comes(name, "main"): 3,
            lambda: self.comes(name, "bulk"): 3,
            lambda: self.writes(name, to, dice.choice([10, 5_000, 20_000]), dice.random() < 0.3): 20,
            lambda: self.writes_to_several(name, dice.choices(sorted(PEOPLE), k=dice.randint(1, 4)), 5_000): 8,
            lambda: self.releases(name, to): 8,
            lambda: self.acknowledges(name, dice.random()): 8,
            lambda: self.leaves(name, dice.random() < 0.5): 6,
            lambda: self.moves_files(name, dice.choice(FILE_STEPS), dice.random() < 0.5): 20,
            lambda: self.an_account_is_deleted(name, dice.random() < 0.7): 2,
            lambda: self.an_account_is_disabled_or_enabled(name, dice.choice([ACTIVE, ACTIVE, DISABLED])): 2,
            lambda: self.an_account_is_banned_or_not(name, dice.random() < 0.7): 2,
            lambda: self.a_queue_is_purged_or_a_link_kicked(name, dice.random() < 0.3): 4,
            lambda: self.an_account_has_limits_of_its_own(name, dice.choice(OWN_LIMITS)): 1,
            lambda: self.limits_change(tuple(dice.choice(values) for _, values in LIMIT_CHOICES)): 1,
            lambda: self.time_passes(dice.choice([0.005, 1.0, 3.0]), dice.choice([0, 0, 0, 2])): 12,
            self.commit: 25,
            self.disk_is_full: 2,
            lambda: self.crash(dice.random() < 0.5): 1,
            lambda: self.files_are_written(dice.randint(1, 4)): 8,
        }
        dice.choices(list(happens), list(happens.values()))[0]()
        self.counts_hold()

    # --- peers -----------------------------------------------------------------------------------------------

    def connect(self, name: str, kind: str) -> Client | None:
        """Log in, registering on the way; None for whoever is kept out, or not answered yet."""
        while self.rig.job is not None:
            self.rig.commit()
        client = self.rig.connect(name, PEOPLE[name])
        self.rig.auto = True
        client.greet(kind=kind)
        if self.rig.router.has_seen(client.rid):
            client.prove(None)
        self.rig.auto = False
        self.rig.inbox.pop(client.rid, None)
        return client if client.rid in {**self.rig.router.links, **self.rig.router._bulks.links} else None

    def comes(self, name: str, kind: str) -> None:
        client = self.connect(name, kind)
        if client is not None:
            (self.main if kind == "main" else self.bulk)[name] = client
            self.blob.setdefault(name, self.dice.randbytes(16))

    def writer(self, name: str) -> Client | None:
        client = self.main.get(name)
        if client is None or client.rid not in self.rig.router.links:
            self.comes(name, "main")
            client = self.main.get(name)
        link = None if client is None else self.rig.router.links.get(client.rid)
        is_free = link is not None and len(link.unanswered) < LIMITS.send_window_messages - ROOM
        return client if is_free else None

    def writes(self, name: str, to: str, size: int, together: bool) -> None:
        client = self.writer(name)
        if client is None:
            return
        target = self.rig.connect(to, PEOPLE[to]).mailbox
        sends = [client.send_frame(target, bytes(size)) for _ in range(ROOM if together else 1)]
        client.feed(encode_send_many(sends) if together else sends[0])

    def writes_to_several(self, name: str, to: list[str], size: int) -> None:
        client = self.writer(name)
        if client is not None:
            client.fanout([self.rig.connect(one, PEOPLE[one]).mailbox for one in to], bytes(size))

    def releases(self, name: str, to: str) -> None:
        client = self.writer(name)
        if client is not None:
            client.release(self.rig.connect(to, PEOPLE[to]).mailbox)

    def acknowledges(self, name: str, share: float) -> None:
        client = self.main.get(name)
        link = None if client is None else self.rig.router.links.get(client.rid)
        if client is not None and link is not None:
            client.ack(link.acked + round((link.tx - link.acked) * share))

    def leaves(self, name: str, politely: bool) -> None:
        client = self.main.get(name)
        if client is not None and client.is_open:
            client.feed(frames.encode_bye(client.token)) if politely else client.vanish()

    def moves_files(self, name: str, what: str, at_once: bool) -> None:
        if name not in self.bulk or self.bulk[name].rid not in self.rig.router._bulks.links:
            self.comes(name, "bulk")
        client = self.bulk.get(name)
        link = None if client is None else self.rig.router._bulks.links.get(client.rid)
        if client is None or link is None or link.requests >= blobs.BULK_WINDOW:
            return
        self.rig.auto_files = at_once and not self.rig.moves  # they keep their order, as in the writer's queue
        self.count += 1
        client.feed(blobs.encode_blob_request(client.token, self.request(what, self.blob[name])))

    def request(self, what: str, blob: bytes) -> blobs.BlobRequest:
        number = self.count
        match what:
            case "open":
                return blobs.BlobOpen(id=number, blob=blob, size=BLOB_BYTES, reader=H("blob", SECRET))
            case "first":
                return blobs.BlobPut(id=number, blob=blob, index=0, chunk=bytes(blobs.SEALED_CHUNK_BYTES))
            case "last":
                return blobs.BlobPut(id=number, blob=blob, index=1, chunk=bytes(100))
            case "commit":
                return blobs.BlobCommit(id=number, blob=blob)
            case "get":
                return blobs.BlobGet(id=number, blob=blob, secret=SECRET, index=0)
            case _:
                return blobs.BlobDrop(id=number, blob=blob)

    # --- the operator ----------------------------------------------------------------------------------------

    def order(self, order: Order) -> None:
        self.rig.begin()
        self.rig.router.command(object(), order)
        self.rig.turn()

    def an_account_is_deleted(self, name: str, release: bool) -> None:
        self.order(DropAccount(None, name, release))

    def an_account_is_disabled_or_enabled(self, name: str, state: int) -> None:
        self.order(SetState(None, name, state))

    def an_account_is_banned_or_not(self, name: str, lifted: bool) -> None:
        ban = Ban("account", name, self.rig.wall_ms + 2_000, "")
        self.order(RemoveBan(None, "account", name) if lifted else AddBan(None, ban))

    def a_queue_is_purged_or_a_link_kicked(self, name: str, kick: bool) -> None:
        self.order(Kick(name) if kick else Purge(name))

    def an_account_has_limits_of_its_own(self, name: str, own: tuple[tuple[str, float], ...]) -> None:
        self.order(SetOwnLimits(None, name, own))

    def limits_change(self, chosen: tuple[int, ...]) -> None:
        self.order(SetLimits(tuple((name, value) for (name, _), value in zip(LIMIT_CHOICES, chosen, strict=True))))

    # --- time and disk ---------------------------------------------------------------------------------------

    def time_passes(self, seconds: float, days: int) -> None:
        self.rig.advance(seconds, seconds + days * 86_400)

    def commit(self) -> None:
        if self.rig.job is not None:
            self.rig.commit()

    def disk_is_full(self) -> None:
        if self.rig.job is not None:
            self.rig.refuse()

    def crash(self, committed: bool) -> None:
        if committed and self.rig.job is not None:
            self.rig.store.apply(self.rig.job)
        self.rig.crash()
        self.main.clear()
        self.bulk.clear()

    def files_are_written(self, count: int) -> None:
        self.rig.begin()
        for _ in range(min(count, len(self.rig.moves))):
            self.rig.router.blobs.done(self.rig.files.carry_out(self.rig.moves.pop(0)))
        self.rig.turn()

    # --- what must hold --------------------------------------------------------------------------------------

    def counts_hold(self) -> None:
        ledger = self.rig.router.relay.ledger
        unstored = [entry for entry in (*ledger.pending, *ledger._entries) if entry.state in (PEND, COMMIT)]
        bodies = {id(entry.fan or entry): entry.size for entry in unstored}
        assert ledger.unstored_bytes == sum(bodies.values())
        for mailbox in self.rig.router.mailboxes.values():
            mine = [entry for entry in unstored if entry.mailbox is mailbox]
            assert mailbox.messages == len(mailbox.rows) + len(mine)
            assert mailbox.sent <= len(mailbox.rows)
            assert mailbox.bytes >= 0
            assert all(entry.state in (PEND, COMMIT) and not entry.flying for entry in mailbox.tail)
        assert all(usage.files >= 0 and usage.bytes >= 0 for usage in self.rig.router.blobs._usage.values())

    def come_to_rest(self) -> None:
        """With a disk that has room, memory and disk say the same, and nothing is left that nobody has."""
        rig = self.rig
        rig.auto = rig.auto_files = True
        rig.moves, moves = [], rig.moves
        for move in moves:
            rig.router.blobs.done(rig.files.carry_out(move))
        if rig.job is not None:
            rig.commit()
        for _ in range(8):
            rig.advance(1.5)
        self.counts_hold()
        snapshot, router = rig.store.snapshot(), rig.router
        mail = list(snapshot.mail)
        boxes = router.mailboxes.values()
        assert {row for _, row, *_ in mail} == {row for box in boxes for row in box.rows.slice(0, len(box.rows))}
        for box in boxes:
            assert box.bytes == sum(size for owner, _, size, _ in mail if owner == box.id)
        assert {device.mailbox for device in snapshot.devices} == set(router.mailboxes)
        kept = set(router.blobs._blobs)
        assert {row.blob for row in snapshot.blobs} == kept
        assert {path.name.split(".")[0] for path in rig.files.folder.iterdir()} <= {blob.hex() for blob in kept}
        orphans = "SELECT count(*) FROM body WHERE id NOT IN (SELECT body FROM fan)"
        assert rig.store._db.execute(orphans).fetchall() == [(0,)]


@pytest.mark.parametrize("seed", range(HISTORIES * DEPTH))
def test_whatever_an_operator_orders_memory_counts_what_the_disk_holds(seed):
    history = Orders(seed)
    try:
        for name in PEOPLE:
            history.comes(name, "main")
        for _ in range(STEPS):
            history.step()
        history.come_to_rest()
    finally:
        history.close()
